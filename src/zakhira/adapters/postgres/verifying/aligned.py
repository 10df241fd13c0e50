"""Postings brought together with their entries, writes and accounts; what stands under none of these is left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zakhira.adapters.postgres.verifying.chart import Chart
from zakhira.adapters.postgres.verifying.columns import Numbers, first_places, places_of, run_lengths, unpair
from zakhira.adapters.postgres.verifying.page import Detail, Page


@dataclass(frozen=True)
class Aligned:
    """The postings of a page that a write, an entry and an account know, in order, one element for each of them."""

    posting: Numbers
    """place in the page's postings"""
    entry: Numbers
    """place in the page's entries"""
    write: Numbers
    """place in the page's writes"""
    account: Numbers
    """row in the chart"""
    units: Numbers
    commodity: Numbers
    details: dict[int, Detail]
    """lot and cost by place in these columns"""

    @property
    def entry_starts(self) -> Numbers:
        """Where the postings of each entry begin."""
        return first_places(self.entry)


def align(page: Page, chart: Chart) -> Aligned:
    """Bring them together."""
    postings = page.postings
    numbers = np.array([write.number for write in page.writes], dtype=np.int64) - page.first
    entry_offset, _ = unpair(page.entries.key)
    write_of_entry = places_of(entry_offset, numbers)
    groups = (postings.write_offset << 32) + postings.entry
    starts = first_places(groups)
    lengths = run_lengths(starts, len(groups))
    entry = np.repeat(places_of(groups[starts], page.entries.key), lengths)
    account = chart.rows_of(postings.account)
    write = write_of_entry[entry] if len(write_of_entry) else np.full(len(entry), -1, dtype=np.int64)
    is_known = (entry >= 0) & (account >= 0) & (write >= 0)
    details = postings.details
    if is_known.all():
        return Aligned(
            np.arange(len(entry), dtype=np.int64), entry, write, account, postings.units, postings.commodity, details
        )
    kept = np.flatnonzero(is_known)
    if details:
        places = dict(zip(kept.tolist(), range(len(kept)), strict=True))
        details = {places[place]: detail for place, detail in details.items() if place in places}
    units, commodity = postings.units[kept], postings.commodity[kept]
    return Aligned(kept, entry[kept], write[kept], account[kept], units, commodity, details)
