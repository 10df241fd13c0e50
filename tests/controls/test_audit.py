"""The audit chain: whatever is altered, left out, added or moved breaks it at a named place."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.controls.audit import FIRST_PREVIOUS, AuditEntry, audit_hash, next_entry, verify_chain
from zakhira.kernel.canonical import content_hash
from zakhira.kernel.interval import NotUtc, exact_utc_text

START = datetime(2026, 1, 1, tzinfo=UTC)


def chain(length: int) -> list[AuditEntry]:
    """A good chain."""
    entries: list[AuditEntry] = []
    for number in range(length):
        previous = entries[-1] if entries else None
        at = START + timedelta(minutes=number)
        entries.append(next_entry(previous, f"day-{number}", "scheduler", "settle", at, content_hash(number)))
    return entries


def test_a_good_chain_has_no_break() -> None:
    """The first entry carries zeros, each other the hash of the one before."""
    entries = chain(4)
    assert verify_chain(entries) == []
    assert verify_chain([]) == []
    assert entries[0].previous_hash == FIRST_PREVIOUS
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4]


def test_the_hash_is_pinned() -> None:
    """The hash of one entry as computed once with another program (sha256sum over the canonical JSON)."""
    entry = next_entry(None, "k", "a", "x", datetime(2026, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC), "0" * 64)
    assert entry.hash == "68ba117cb33d74e01f0e0bd600528c7cc310b56b0cccae3895311f42eccbbb54"


ALTERATIONS = {
    "key": "other",
    "actor": "mallory",
    "action": "spend",
    "at": START + timedelta(microseconds=1),
    "content_hash": "f" * 64,
    "previous_hash": "e" * 64,
    "hash": "d" * 64,
    "sequence": 99,
}


@given(position=st.integers(0, 4), field=st.sampled_from(sorted(ALTERATIONS)))
def test_an_altered_field_is_found_where_it_is(position: int, field: str) -> None:
    """One field of one entry altered: the first break names that entry."""
    entries = chain(5)
    entries[position] = replace(entries[position], **{field: ALTERATIONS[field]})  # type: ignore[arg-type]
    assert verify_chain(entries)[0].position == position + 1


@given(position=st.integers(0, 3))
def test_an_entry_left_out_is_found(position: int) -> None:
    """Leaving out any but the last entry breaks the link of the one after it."""
    entries = chain(5)
    del entries[position]
    found = verify_chain(entries)
    assert found[0].position == position + 1
    assert any("hash of the entry before" in one.what for one in found)


def test_two_entries_swapped_are_found() -> None:
    """The order cannot be altered."""
    entries = chain(5)
    entries[1], entries[2] = entries[2], entries[1]
    assert verify_chain(entries)[0].position == 2


def test_a_forger_who_computes_hashes_anew_must_alter_all_that_follows() -> None:
    """An altered entry with a fresh hash of its own breaks the link of its follower."""
    entries = chain(3)
    forged = replace(entries[1], actor="mallory")
    entries[1] = replace(forged, hash=audit_hash(forged))
    assert [(one.position, one.key) for one in verify_chain(entries)] == [(3, "day-2")]


def test_a_key_used_twice_is_found() -> None:
    """An idempotency key stands for one act."""
    first = next_entry(None, "day-0", "scheduler", "settle", START, content_hash(0))
    again = next_entry(first, "day-0", "scheduler", "settle", START, content_hash(0))
    assert [one.what for one in verify_chain([first, again])] == ["its key was used before"]


def test_instants_are_written_whole() -> None:
    """No two instants share a text, and an instant without a zone has none."""
    assert exact_utc_text(START) == "2026-01-01T00:00:00Z"
    assert exact_utc_text(START + timedelta(microseconds=10)) == "2026-01-01T00:00:00.000010Z"
    with pytest.raises(NotUtc):
        exact_utc_text(datetime(2026, 1, 1))  # noqa: DTZ001 - a naive instant is the case here
