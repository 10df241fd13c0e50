"""What one page comes to by itself: whose content is another, which writes the ledger must look at, what they add."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from zakhira.adapters.postgres.verifying.aligned import align
from zakhira.adapters.postgres.verifying.chart import Chart
from zakhira.adapters.postgres.verifying.columns import Flags, Numbers
from zakhira.adapters.postgres.verifying.content import content_hashes
from zakhira.adapters.postgres.verifying.entry_rules import Count, doubtful_entries, wrong_counts
from zakhira.adapters.postgres.verifying.page import BEFORE_ALL, NEVER, Page, WriteRow
from zakhira.flows.ports.ledger_books import ACCOUNT, PERIOD


class StrangeCommodity(Exception):
    """A posting is kept in something that is no commodity: nothing can be computed anew."""


@dataclass(frozen=True)
class Findings:
    """One page, computed anew."""

    writes: list[WriteRow]
    contents: dict[int, str]
    """hashes of contents by number, where they are others than the audit entry says"""
    counts: list[Count]
    is_doubtful: Flags
    """by write: whether the plain rules must look at it"""
    changed: frozenset[str]
    """accounts that records of the page open or change"""
    write: Numbers
    account: Numbers
    units: Numbers
    """of every posting: place of its write, row of its account, least units"""
    earliest: Numbers
    latest: Numbers
    """of every write: the first and the last instant at which an entry of it is dated, as :attr:`Entries.at`"""


def examine(page: Page, chart: Chart, accounts: pl.Series) -> Findings:
    """Compute a page anew, as far as it stands by itself. Only what never changes of ``chart`` is looked at.

    Raises:
        StrangeCommodity: a posting is kept in something that is none.
        NotCanonical: a record's body cannot be written as JSON.
    """
    if (page.postings.commodity == 0).any():
        raise StrangeCommodity
    aligned = align(page, chart)
    contents = {
        write.number: content
        for write, content in content_hashes(page, aligned, chart, accounts)
        if content != write.content_hash
    }
    is_doubtful = np.zeros(len(page.writes), dtype=np.bool_)
    starts = aligned.entry_starts
    doubtful = doubtful_entries(page, aligned, chart)
    is_doubtful[aligned.write[starts][doubtful[aligned.entry[starts]]]] = True
    changed, closes = _changes(page)
    is_doubtful[sorted(closes)] = True
    at = page.entries.at[aligned.entry[starts]]
    earliest = np.full(len(page.writes), NEVER)
    latest = np.full(len(page.writes), BEFORE_ALL)
    np.minimum.at(earliest, aligned.write[starts], at)
    np.maximum.at(latest, aligned.write[starts], at)
    return Findings(
        page.writes,
        contents,
        list(wrong_counts(page)),
        is_doubtful,
        changed,
        aligned.write,
        aligned.account,
        aligned.units,
        earliest,
        latest,
    )


def _changes(page: Page) -> tuple[frozenset[str], set[int]]:
    """Accounts that its records change, and the places of writes that change accounts or follow a closed period."""
    codes: set[str] = set()
    places: set[int] = set()
    for place, write in enumerate(page.writes):
        for record in page.records.get(write.number, ()):
            if record.kind == ACCOUNT:
                codes.add(record.id)
                places.add(place)
            elif record.kind == PERIOD:
                places.update(range(place, len(page.writes)))
    return frozenset(codes), places
