"""Which writes the database takes from the watcher alone, and records that read back as they were written."""

from __future__ import annotations

import pytest

from backing_bench import (
    AT,
    COMMUNITY,
    LICENSEE,
    SHARE,
    SUSPENSE,
    credit,
    depth_record,
    movement_record,
    own_record,
    paper_record,
    pledge_record,
    resume_record,
    txid,
)
from zakhira.flows.movement_record import movement_of
from zakhira.flows.ports.backing_records import Encumbrance, encumbrance_of, needs_watcher
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.coin_events import block_connected
from zakhira.flows.ports.coin_store import Depth
from zakhira.kernel.money import sats

DEEP = Depth((0,), (6,), 100)


@pytest.mark.parametrize(
    ("record", "is_watchers"),
    [
        (paper_record(f"{txid(1)}:0"), True),
        (own_record(txid(7), "s"), False),
        (movement_record("s", 1), False),
        (pledge_record("loan", 1), False),
        (pledge_record("loan", 1, is_released=True), True),
        (Record("encumbrance", "loan", {}), True),
        (depth_record(DEEP), True),
        (resume_record(1), True),
    ],
)
def test_what_lifts_anything_is_the_watchers(record: Record, *, is_watchers: bool) -> None:
    """By kind, and a pledge by whether it is lifted."""
    assert needs_watcher(Write("k", "clerk", "act", AT, records=(record,))) is is_watchers


def test_facts_of_the_chain_are_the_watchers() -> None:
    """One block is enough."""
    assert needs_watcher(Write("k", "clerk", "act", AT, coin_events=(block_connected(1, "aa" * 32, "bb" * 32),)))


def test_what_is_in_suspense_is_the_watchers() -> None:
    """Whether it comes to more or less; any other claim is the program's."""
    assert needs_watcher(credit(1, SUSPENSE))
    assert needs_watcher(credit(1, LICENSEE, by=SUSPENSE))
    assert not needs_watcher(credit(1, COMMUNITY, by=SHARE))


def test_an_encumbrance_reads_back() -> None:
    """Every field."""
    told = Encumbrance("loan", sats(21_000_000 * 100_000_000), "loan of March", is_released=True)
    assert encumbrance_of("loan", told.body) == told


def test_a_movement_of_earlier_books_goes_out_whole() -> None:
    """It did not say how much leaves: a spend counts with all that it pays, a move with nothing."""
    body = {
        "state": "waiting",
        "at": "2026-03-01T00:00:00Z",
        "action": "spend",
        "commodity": "BTC",
        "vault": "cold",
        "purpose": "works",
        "parts": [{"destination": "a", "units": 3}, {"destination": "b", "units": 4}],
        "lot_purposes": [],
    }
    assert (movement_of("s", body).outside_units, movement_of("s", body).fee_units) == (7, 0)  # type: ignore[arg-type]
    assert movement_of("s", {**body, "action": "move"}).outside_units == 0  # type: ignore[dict-item]
    told = movement_of("s", movement_record("s", 30, 2).body)
    assert movement_of("s", told.record.body) == told
