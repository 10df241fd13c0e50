"""Who was paid: the account that a statement tells, held against the account that was ordered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from zakhira.flows.ports.bank import BankOrder, BankTransfer
from zakhira.flows.reconciling.bank_records import ordered_transfers, plain_number
from zakhira.flows.reconciling.difference import Difference, Part
from zakhira.flows.reconciling.matching import BankItem
from zakhira.kernel.money import Amount


def is_other_payee(told: str, ordered: str) -> bool:
    """Whether the bank tells an account, and it is not the ordered one. A bank may tell none: then nothing is known."""
    return bool(told.strip()) and plain_number(told) != plain_number(ordered)


def other_payees(
    subject: str, items: Iterable[BankItem], orders: Mapping[str, BankOrder], nothing: Amount
) -> Iterator[Difference]:
    """Ordered payments that went to another account, whether they are booked or not: each halts payouts.

    A payment is known by its end-to-end id, or else by its order: then its account must be one of the order's.
    """
    ordered = {name: transfer for name, (_, transfer) in ordered_transfers(orders).items()}
    for item in items:
        if item.is_reversal or item.units >= 0 or not item.account.strip():
            continue
        told = _ordered(item, ordered, orders)
        if told and all(is_other_payee(item.account, transfer.account) for transfer in told):
            name = item.reference or item.order_id
            meant = plain_number(told[0].account) if len(told) == 1 else f"{len(told)} others"
            what = f"The bank paid {name[:35]!r} on {item.on} to {item.account[:34]}; ordered was {meant}."
            paid = Amount(item.units, nothing.commodity)
            yield Difference(Part.BANK, f"payee/{item.key}", f"{subject} (payee)", what, paid, nothing, is_grave=True)


def _ordered(
    item: BankItem, ordered: Mapping[str, BankTransfer], orders: Mapping[str, BankOrder]
) -> tuple[BankTransfer, ...]:
    if item.reference in ordered:
        return (ordered[item.reference],)
    order = orders.get(item.order_id)
    if order is None:
        return ()
    return tuple(one for one in order.transfers if one.amount.units == -item.units) or order.transfers


def paid_after_refusal(
    subject: str, items: Iterable[BankItem], taken: frozenset[str], orders: Mapping[str, BankOrder], nothing: Amount
) -> Iterator[Difference]:
    """Payments that went out though a bank is said to have refused them: each halts payouts, as it may be made twice.

    What the bank took back since then is none.
    """
    moved: Counter[str] = Counter()
    for item in items:
        order = orders.get(item.order_id)
        if item.reference in taken:
            moved[item.reference] += item.units
        elif not item.reference and order is not None and abs(item.units) == order.total.units:
            sign = 1 if item.units > 0 else -1
            for one in order.transfers:
                moved[one.end_to_end_id] += sign * one.amount.units if one.end_to_end_id in taken else 0
    for name, units in moved.items():
        if units < 0:
            what = f"The bank paid {name!r}, and an answer in its name said that it did not: the amount was taken back."
            paid = Amount(units, nothing.commodity)
            yield Difference(Part.BANK, f"refused/{name}", f"{subject} (refused)", what, paid, nothing, is_grave=True)
