"""Corrections: a reversal takes back one whole entry of the books, exactly, once; a reversal is never reversed."""

from __future__ import annotations

from collections import Counter

from zakhira.ledger.entry import Entry, Posting
from zakhira.ledger.faults import BadReversal

_WHOLE = "Reverse the whole entry and post the right one: zakhira ledger reverse --help"


def require_reversal(entry: Entry, original: Entry | None, reversed_by: str) -> None:
    """Pass if ``entry`` may take back ``original``, the entry of the books that it names (None: there is none).

    ``reversed_by`` is the entry that took it back already, or blank. Raises BadReversal.
    """
    if original is None or original.id == entry.id:
        raise BadReversal(
            f"The entry {entry.id} reverses {entry.reverses}, which is not in the books.", "Name the entry by its id."
        )
    if reversed_by:
        raise BadReversal(
            f"The entry {original.id} was reversed by {reversed_by}.", "Post the right entry; a thing is undone once."
        )
    if original.reverses:
        raise BadReversal(
            f"The entry {original.id} is itself the reversal of {original.reverses}.",
            "Post what it took back anew, with its evidence.",
        )
    if entry.at < original.at:
        raise BadReversal(
            f"The entry {entry.id} is dated {entry.at.date()}, before {original.id}, which it reverses.",
            f"Date it on {original.at.date()} or later.",
        )
    if _sums(entry.postings, 1) != _sums(original.postings, -1):
        raise BadReversal(f"The entry {entry.id} does not take back exactly what {original.id} posted.", _WHOLE)


def _sums(postings: tuple[Posting, ...], sign: int) -> Counter[tuple[str, str, int, str]]:
    """What is posted where, by account, commodity, units and lot, in whatever order."""
    return Counter(
        (
            posting.account,
            posting.amount.commodity.value,
            sign * posting.amount.units,
            "" if posting.lot is None else posting.lot.outpoint,
        )
        for posting in postings
    )
