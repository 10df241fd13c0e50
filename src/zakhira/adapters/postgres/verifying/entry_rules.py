"""The rules of entries over columns: which writes need a closer look, and which say otherwise than what is there."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from zakhira.adapters.postgres.verifying.aligned import Aligned
from zakhira.adapters.postgres.verifying.chart import Chart
from zakhira.adapters.postgres.verifying.columns import Flags, Numbers, first_places, places_of, run_lengths, unpair
from zakhira.adapters.postgres.verifying.page import COMMODITIES, Detail, Page
from zakhira.kernel.money import COINS, MAX_UNITS
from zakhira.ledger.checks import MIN_POSTINGS, MONEY

_COIN_CODES = tuple(code for code, commodity in enumerate(COMMODITIES, 1) if commodity in COINS)
_PLAIN_LOT = re.compile(r"[0-9a-f]{64}:(?:0|[1-9][0-9]{0,9})")

Count = tuple[int, str, str]
"""Number of the write, what is counted, the sentence."""


def doubtful_entries(page: Page, aligned: Aligned, chart: Chart) -> Flags:
    """Which of the page's entries the plain rules must look at: all that break one, and some that do not.

    Raises UnknownCommodity.
    """
    flags = np.zeros(page.entries.key.shape, dtype=np.bool_)
    for texts in (page.entries.ids, page.entries.narrations, page.entries.evidences):
        flags[texts.blank()] = True
    flags[list(page.entries.reverses)] = True
    starts = aligned.entry_starts
    if not len(starts):
        return flags
    chosen = aligned.entry[starts]
    counts = run_lengths(starts, len(aligned.entry))
    flags[chosen[counts < MIN_POSTINGS]] = True
    flags[aligned.entry[_doubtful_postings(aligned, chart, int(counts.max()))]] = True
    for code in np.unique(aligned.commodity).tolist():
        of_one = np.where(aligned.commodity == code, aligned.units, 0)
        flags[chosen[np.add.reduceat(of_one, starts) != 0]] = True
    return flags


def _doubtful_postings(aligned: Aligned, chart: Chart, most: int) -> Flags:
    """Which postings may not be; also those so large that so many of them would not fit a sum."""
    units, commodity, rows = aligned.units, aligned.commodity, aligned.account
    large = MAX_UNITS // (2 * most)
    flags: Flags = (units == 0) | (units > large) | (units < -large) | (chart.commodity[rows] != commodity)
    has_lot = np.zeros(len(units), dtype=np.bool_)
    for place, detail in aligned.details.items():
        has_lot[place] = detail.outpoint is not None and detail.source is not None
        flags[place] |= not _is_plain(detail, int(commodity[place]))
    flags |= chart.is_vault[rows] & ~has_lot
    return flags


def _is_plain(detail: Detail, commodity: int) -> bool:
    """Whether lot and cost are as they should be, where there are any."""
    outpoint, source, cost_units, cost_commodity = detail
    if outpoint is not None or source is not None:
        is_lot = outpoint is not None and source is not None and commodity in _COIN_CODES
        if not is_lot or not _PLAIN_LOT.fullmatch(outpoint or "") or not (source or "").strip():
            return False
    if cost_units is None and cost_commodity is None:
        return True
    other = {cost.value for cost in MONEY if cost is not COMMODITIES[commodity - 1]}
    return cost_units is not None and cost_units >= 0 and cost_commodity in other


def wrong_counts(page: Page) -> Iterator[Count]:
    """Where a write or an entry says that it holds so many entries or postings, and others are there."""
    offset, place = unpair(page.entries.key)
    numbers = np.array([write.number for write in page.writes], dtype=np.int64) - page.first
    known = places_of(offset, numbers)
    entries = _tally(known, len(numbers))
    highest = np.zeros(len(numbers), dtype=np.int64)
    np.maximum.at(highest, known[known >= 0], place[known >= 0])
    postings = _tally(places_of(page.postings.write_offset, numbers), len(numbers))
    due = np.array([(write.entries, write.postings) for write in page.writes], dtype=np.int64)
    is_wrong = (due[:, 0] != entries) | ((entries > 0) & (highest != entries)) | (due[:, 1] != postings)
    for index in np.flatnonzero(is_wrong).tolist():
        write = page.writes[index]
        if write.entries != entries[index] or (entries[index] and highest[index] != entries[index]):
            yield write.number, "entries", _sentence(write.name, "entries", write.entries, int(entries[index]))
        if write.postings != postings[index]:
            yield write.number, "postings", _sentence(write.name, "postings", write.postings, int(postings[index]))
    yield from _wrong_entries(page)


def _wrong_entries(page: Page) -> Iterator[Count]:
    groups = (page.postings.write_offset << 32) + page.postings.entry
    starts = first_places(groups)
    lengths = run_lengths(starts, len(groups))
    there = places_of(groups[starts], page.entries.key)
    known = there >= 0
    found = np.zeros(len(page.entries.key), dtype=np.int64)
    found[there[known]] = lengths[known]
    highest = np.zeros(len(page.entries.key), dtype=np.int64)
    highest[there[known]] = page.postings.ordinal[starts + lengths - 1][known]
    entry = np.repeat(there, lengths)
    is_wrong: Flags = (page.entries.postings != found) | (highest != found)
    if len(page.entries.key):
        elsewhere = (entry >= 0) & (page.postings.day != page.entries.days[entry])
        is_wrong[entry[elsewhere]] = True
    offset, _ = unpair(page.entries.key)
    for place in np.flatnonzero(is_wrong).tolist():
        name = f"entry {page.entries.ids[place]}"
        due = int(page.entries.postings[place])
        yield page.first + int(offset[place]), name, _sentence(name, "postings", due, int(found[place]))


def _tally(places: Numbers, count: int) -> Numbers:
    return np.bincount(places[places >= 0], minlength=count).astype(np.int64)


def _sentence(name: str, what: str, due: int, found: int) -> str:
    return f"{name}: it says that it holds {due} {what}, {found} are there, or they say otherwise themselves."
