"""How each part of a reserve's machinery stands: a pure judgement of one look, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from zakhira.flows.attention import NEAR_BLOCKS, PROOF_OF_LIFE_DAYS
from zakhira.flows.ports.ledger_books import Backing
from zakhira.flows.reserve_figures import BooksFigures, Look, NodeFigures
from zakhira.kernel.errors import ZakhiraError

MAX_BEHIND_BLOCKS = 2
"""Blocks that the books may lack: one that has just come, and one right behind it [E]."""


class HealthState(Enum):
    """How a part stands."""

    OK = "ok"
    WARNING = "warning"
    """works, and somebody should look at it"""
    FAILING = "failing"


@dataclass(frozen=True)
class HealthPart:
    """One part. ``is_needed`` where the reserve cannot be worked with while it fails: these make it ready or not."""

    name: str
    state: HealthState
    detail: str
    remedy: str = ""
    is_needed: bool = False


def reserve_health(look: Look) -> tuple[HealthPart, ...]:
    """Every part in the order in which a person would look: what others depend on first."""
    return tuple(_parts(look))


def readiness(look: Look) -> tuple[HealthPart, ...]:
    """The parts without which nothing can be done."""
    return tuple(part for part in _parts(look) if part.is_needed)


def _parts(look: Look) -> Iterator[HealthPart]:
    books = look.books
    if isinstance(books, ZakhiraError):
        yield _gone("database", books)
    else:
        yield HealthPart("database", HealthState.OK, "answers", is_needed=True)
    yield _node(look.node)
    if isinstance(books, BooksFigures):
        yield _followed(books, look.node)
        if look.second is not None:
            yield _second(books, look.second)
        yield _sealing(look, books)
        yield _stolen(books)
        if books.backing is not None:
            yield _claims(books.backing)
        yield _suspense(books)
        yield _keys(books)
        yield from _recovery(books)


def _gone(name: str, error: ZakhiraError) -> HealthPart:
    return HealthPart(name, HealthState.FAILING, f"{error.code} {error.message}", error.remedy, is_needed=True)


def _node(node: NodeFigures | ZakhiraError) -> HealthPart:
    if isinstance(node, ZakhiraError):
        return _gone("node", node)
    if node.is_catching_up:
        detail = f"at block {node.height}, and knows of blocks above it that it does not have"
        return HealthPart("node", HealthState.FAILING, detail, "Wait until it has them.", is_needed=True)
    return HealthPart("node", HealthState.OK, f"answers, at block {node.height}", is_needed=True)


def _followed(books: BooksFigures, node: NodeFigures | ZakhiraError) -> HealthPart:
    name, remedy = "followed chain", "See that `zakhira reserve follow DIR` runs."
    if books.span is None:
        return HealthPart(name, HealthState.FAILING, "not followed yet", remedy, is_needed=True)
    place = f"at block {books.span.height}"
    if isinstance(node, ZakhiraError):
        detail = f"{place}; how far the node is, is not known"
        return HealthPart(name, HealthState.FAILING, detail, "Bring the node back first.", is_needed=True)
    behind = node.height - books.span.height
    if node.hash_at_followed != books.span.hash:
        detail = f"{place}, which is not a block of the node's chain: a reorganisation is not taken in"
        return HealthPart(name, HealthState.FAILING, detail, remedy, is_needed=True)
    if behind > MAX_BEHIND_BLOCKS:
        return HealthPart(name, HealthState.FAILING, f"{place}, {behind} behind the node", remedy, is_needed=True)
    detail = f"{place}, {behind} behind the node" if behind else f"{place}, the node's own"
    return HealthPart(name, HealthState.OK, detail, is_needed=True)


def _second(books: BooksFigures, second: NodeFigures | ZakhiraError) -> HealthPart:
    name = "second node"
    if isinstance(second, ZakhiraError):
        return _gone(name, second)
    if books.span is not None and second.hash_at_followed not in {"", books.span.hash}:
        detail = f"has another block at {books.span.height} than the books"
        return HealthPart(name, HealthState.FAILING, detail, "Nothing may move until both agree.", is_needed=True)
    return HealthPart(name, HealthState.OK, f"answers and agrees, at block {second.height}", is_needed=True)


def _sealing(look: Look, books: BooksFigures) -> HealthPart:
    count, oldest = books.unsealed.count, books.unsealed.oldest_at
    if count == 0:
        return HealthPart("audit chain", HealthState.OK, "every write is sealed", is_needed=True)
    remedy = "Writes are safe, but nobody has chained them: zakhira audit seal DIR"
    if oldest is None:
        detail = f"{count} not sealed yet, since when is not known"
        return HealthPart("audit chain", HealthState.WARNING, detail, remedy, is_needed=True)
    detail = f"{count} not sealed yet, the oldest for {max(0.0, (look.at - oldest).total_seconds()):.1f} s"
    if books.unsealed.is_late(look.at):
        return HealthPart("audit chain", HealthState.FAILING, detail, remedy, is_needed=True)
    return HealthPart("audit chain", HealthState.OK, detail, is_needed=True)


def _stolen(books: BooksFigures) -> HealthPart:
    found = books.unexplained
    if found.count:
        detail = f"{found.count} of our coins, {found.sats:,} sat, were SPENT BY SOMEBODY ELSE"
        return HealthPart(
            "our coins", HealthState.FAILING, detail, "Keys are in other hands: zakhira policy freeze DIR, then call."
        )
    return HealthPart("our coins", HealthState.OK, "no coin was spent by somebody else")


def _claims(backing: Backing) -> HealthPart:
    owed = f"{backing.demand + backing.term:,} sat are owed, {backing.available:,} sat stand behind them"
    if backing.deficit:
        detail = f"{owed}: {backing.deficit:,} sat ARE MISSING"
        remedy = "Nothing is credited. Find the coins: zakhira reconcile, then call."
        return HealthPart("claims", HealthState.FAILING, detail, remedy)
    if backing.is_halted:
        remedy = "When officers know why coins were missing: zakhira reserve resume DIR"
        return HealthPart("claims", HealthState.WARNING, f"{owed}; credits are halted since a deficit", remedy)
    return HealthPart("claims", HealthState.OK, owed)


def _suspense(books: BooksFigures) -> HealthPart:
    found = books.suspense
    if found.count:
        detail = f"{found.count} coins of {found.sats:,} sat that nobody announced"
        return HealthPart("suspense", HealthState.WARNING, detail, "zakhira reserve suspense DIR")
    return HealthPart("suspense", HealthState.OK, "every coin was announced")


def _keys(books: BooksFigures) -> HealthPart:
    ages = books.proof_ages_days
    silent = [name for name, days in ages.items() if days is None or days > PROOF_OF_LIFE_DAYS]
    if silent:
        detail = f"{len(silent)} of {len(ages)} not shown to work for {PROOF_OF_LIFE_DAYS} days: {', '.join(silent)}"
        return HealthPart("keys", HealthState.WARNING, detail, "zakhira vault test-sign DIR VAULT --out FILE")
    return HealthPart("keys", HealthState.OK, f"{len(ages)} keys, each shown to work in {PROOF_OF_LIFE_DAYS} days")


def _recovery(books: BooksFigures) -> Iterator[HealthPart]:
    for vault, blocks in books.recovery_blocks.items():
        name = f"recovery {vault}"
        if blocks > NEAR_BLOCKS:
            yield HealthPart(name, HealthState.OK, f"opens in {blocks:,} blocks")
        else:
            detail = f"opens in {blocks:,} blocks" if blocks > 0 else "is open for at least one coin"
            yield HealthPart(name, HealthState.WARNING, detail, "zakhira reserve status DIR says which refresh is due.")
