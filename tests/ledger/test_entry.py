"""An entry as plain data, and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from zakhira.kernel.canonical import canonical_bytes
from zakhira.kernel.money import MAX_UNITS, Amount, Commodity
from zakhira.ledger.entry import Entry, Lot, Posting, entry_of
from zakhira.ledger.entry_text import entries_text

AMOUNTS = st.builds(Amount, st.integers(-MAX_UNITS, MAX_UNITS), st.sampled_from(Commodity))
POSTINGS = st.builds(Posting, st.text(), AMOUNTS, st.none() | st.builds(Lot, st.text(), st.text()), st.none() | AMOUNTS)
INSTANTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
ENTRIES = st.builds(
    Entry, st.text(), INSTANTS, st.text(), st.text(), st.lists(POSTINGS, max_size=4).map(tuple), st.just("") | st.text()
)


@given(ENTRIES)
def test_an_entry_reads_back(entry: Entry) -> None:
    """Through JSON, with instants to the microsecond and units beyond 2^53."""
    assert entry_of(json.loads(json.dumps(entry.as_json()))) == entry


@given(st.lists(ENTRIES, max_size=3))
def test_entries_are_written_as_the_general_encoder_writes_them(entries: list[Entry]) -> None:
    """Byte for byte, whatever they hold: their hashes are in the audit chain."""
    assert entries_text(entries).encode() == canonical_bytes([entry.as_json() for entry in entries])
