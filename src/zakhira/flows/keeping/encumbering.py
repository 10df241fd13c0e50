"""Coins are pledged to somebody, and let go again: what is encumbered stands behind no claim."""

from __future__ import annotations

import re

from zakhira.flows.keeping.act import LedgerAct
from zakhira.flows.keeping.refusals import BadEncumbrance, EncumbranceStands, NotFree, UnknownEncumbrance
from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.ports.backing_records import ENCUMBRANCE, Encumbrance, encumbrance_of
from zakhira.flows.ports.books import Books, Record
from zakhira.kernel.money import COINS, Amount

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MOST_NAME_CHARACTERS = 40


def standing(books: Books) -> tuple[Encumbrance, ...]:
    """What is encumbered now, in the order in which it first was."""
    told = (encumbrance_of(name, body) for name, body in books.records(ENCUMBRANCE).items())
    return tuple(one for one in told if not one.is_released)


def encumber_act(desk: PayoutDesk, name: str, amount: Amount, because: str) -> LedgerAct:
    """The act that pledges so many coins under a name.

    Raises:
        BadEncumbrance: the name has no form, or the amount is none of a coin, or not above 0.
        EncumbranceStands: something is encumbered under this name.
        NotFree: claims need the coins.
    """
    if _NAME.fullmatch(name) is None or len(name) > MOST_NAME_CHARACTERS:
        raise BadEncumbrance(
            f"{name[:80]!r} is no name of up to {MOST_NAME_CHARACTERS} small letters, digits and hyphens.",
            "Write it like 'loan-2026-03'.",
        )
    if amount.commodity not in COINS or amount.units <= 0:
        raise BadEncumbrance(f"{amount} is no amount of a coin above 0.", "Write it like '0.5 BTC'.")
    before = _found(desk.books, name)
    if before is not None and not before.is_released:
        raise EncumbranceStands(
            f"{name} encumbers {before.amount} already.", "Give this one a name of its own, or release the other first."
        )
    _require_free(desk, amount)
    return _act(desk, f"encumber {amount} as {name}", Encumbrance(name, amount, because))


def release_act(desk: PayoutDesk, name: str, because: str) -> LedgerAct:
    """The act that lets go what is encumbered under a name; raises UnknownEncumbrance."""
    before = _found(desk.books, name)
    if before is None or before.is_released:
        raise UnknownEncumbrance(f"Nothing is encumbered as {name[:80]!r}.", "See what is: zakhira ledger backing DIR")
    return _act(desk, f"release {before.amount} of {name}", Encumbrance(name, before.amount, because, is_released=True))


def is_release(act: LedgerAct) -> bool:
    """Whether the act lets pledged coins go, which the database takes from the watcher alone."""
    told = (encumbrance_of(one.id, one.body) for one in act.records if one.kind == ENCUMBRANCE)
    return any(one.is_released for one in told)


def _found(books: Books, name: str) -> Encumbrance | None:
    body = books.latest(ENCUMBRANCE, name)
    return None if body is None else encumbrance_of(name, body)


def _require_free(desk: PayoutDesk, amount: Amount) -> None:
    backing = desk.ledger.backing(amount.commodity)
    free = 0 if backing is None else backing.free
    if amount.units > free:
        raise NotFree(
            f"{amount} is more than the {Amount(max(0, free), amount.commodity)} that stand behind no claim.",
            "See what does: zakhira ledger backing DIR",
        )


def _act(desk: PayoutDesk, title: str, told: Encumbrance) -> LedgerAct:
    turn = len(desk.books.versions(ENCUMBRANCE, told.id))
    return LedgerAct(title, told.because, records=(Record(ENCUMBRANCE, told.id, told.body),), turn=turn)
