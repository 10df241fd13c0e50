"""What was known of a chain from outside it: signed heads and anchors find what its own hashes cannot."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from zakhira.controls.chain.audit import FIRST_PREVIOUS, Anchor
from zakhira.controls.chain.audit_evidence import (
    BLOCK_CLOCK,
    HEAD_DOMAIN,
    MAX_BACKDATED,
    AnchorFaulty,
    Evidence,
    EvidenceCheck,
    HeadFaulty,
    SignedHead,
    anchor_from,
    head_from,
    read_instant,
)
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import NotUtc
from zakhira.kernel.signatures import signing_bytes

START = datetime(2026, 1, 1, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(b"\7" * 32)
PUBLIC = KEY.public_key().public_bytes_raw().hex()


def hash_at(position: int) -> str:
    """The hash of the chain at a place."""
    return f"{position:064x}"


def signed(position: int, hash_: str = "") -> SignedHead:
    """A head as an officer signed it."""
    head = SignedHead(position, hash_ or hash_at(position), START, "treasury-1", PUBLIC)
    return replace(head, signature=KEY.sign(signing_bytes(HEAD_DOMAIN, head.statement_hash)).hex())


def told(evidence: Evidence, last: int = 10, hours: dict[int, float] | None = None) -> list[tuple[int, str]]:
    """What is said of a chain of ten links, one an hour, with other hours for some."""
    check = EvidenceCheck(evidence)
    for position in range(1, last + 1):
        at = START + timedelta(hours=(hours or {}).get(position, position))
        check.add(position, hash_at(position), f"day-{position}", at)
    return [(one.position, one.what) for one in check.finish(last)]


def anchor(position: int, hour: float, hash_: str = "") -> Anchor:
    """A head that a block of that hour holds."""
    return Anchor(position, hash_ or hash_at(position), 100 + position, START + timedelta(hours=hour))


def test_a_chain_that_is_what_it_was() -> None:
    """Heads and anchors agree: nothing is told. Without evidence there is nothing to hold against."""
    assert told(Evidence((signed(3), signed(10), signed(0, FIRST_PREVIOUS)), (anchor(4, 4.5), anchor(10, 11)))) == []
    assert told(Evidence()) == []
    assert not EvidenceCheck(Evidence())


@pytest.mark.parametrize("evidence", [Evidence((signed(12),)), Evidence(anchors=(anchor(12, 20),))])
def test_a_truncated_chain(evidence: Evidence) -> None:
    """The last two writes were cut off, and the chain is sound in itself: the head that somebody kept says so."""
    found = told(evidence)
    assert [position for position, _ in found] == [10]
    assert "it was cut" in found[0][1]


@pytest.mark.parametrize("evidence", [Evidence((signed(7, "f" * 64),)), Evidence(anchors=(anchor(7, 8, "f" * 64),))])
def test_a_forked_chain(evidence: Evidence) -> None:
    """The chain has another hash where a head was known: somebody rewrote it from there or before."""
    found = told(evidence)
    assert [position for position, _ in found] == [7]
    assert "forked or rewritten" in found[0][1]


def test_an_empty_chain_that_was_not() -> None:
    """Everything was cut off, or the first head was signed over something else."""
    assert [position for position, _ in told(Evidence((signed(3),)), last=0)] == [0]
    assert [position for position, _ in told(Evidence((signed(0, "f" * 64),)))] == [0]


def test_dated_after_the_block_that_holds_it() -> None:
    """Two hours are the clock of blocks; a minute more is a date that cannot be true."""
    evidence = Evidence(anchors=(anchor(5, 5),))
    assert told(evidence, hours={5: 7}) == []
    found = told(evidence, hours={5: 7.02, 6: 100})
    assert [position for position, _ in found] == [5]
    assert "after the block that holds it" in found[0][1]


def test_dated_long_before_a_block_that_does_not_hold_it() -> None:
    """Sealed after the anchor and dated a day and more before it: backdated."""
    evidence = Evidence(anchors=(anchor(5, 5),))
    day = MAX_BACKDATED / timedelta(hours=1)
    assert told(evidence, hours={6: 5 - day, 3: -9999}) == []
    found = told(evidence, hours={8: 5 - day - 0.02})
    assert [position for position, _ in found] == [8]
    assert "long before a block that does not hold it" in found[0][1]
    assert told(replace(evidence, max_backdated=timedelta(days=9)), hours={8: 5 - day - 0.02}) == []


@given(
    st.lists(st.tuples(st.integers(1, 10), st.integers(0, 60)), max_size=6),
    st.integers(1, 10),
    st.integers(-60, 120),
)
def test_every_anchor_binds(placed: list[tuple[int, int]], position: int, hour: int) -> None:
    """Against a plain reading of the rule: each anchor at or behind the place, and each before it, taken alone."""
    anchors = tuple(anchor(place, block_hour) for place, block_hour in placed)
    at = START + timedelta(hours=hour)
    late = any(one.position >= position and at > one.block_time + BLOCK_CLOCK for one in anchors)
    early = any(one.position < position and at < one.block_time - MAX_BACKDATED for one in anchors)
    check = EvidenceCheck(Evidence(anchors=anchors))
    check.add(position, hash_at(position), "k", at)
    assert len(check.breaks) == late + early


def test_a_signed_head_is_read_back() -> None:
    """As JSON and back, with its signature checked."""
    head = signed(7)
    assert head_from(head.as_json()) == head
    assert head.is_authentic


@pytest.mark.parametrize(
    "alteration",
    [
        {"position": 8},
        {"hash": "e" * 64},
        {"at": "2026-01-01T00:00:01Z"},
        {"officer": "treasury-2"},
        {"public_key": "aa" * 32},
        {"signature": "bb" * 64},
        {"position": -1},
        {"position": True},
        {"position": "7"},
        {"hash": 7},
        {"more": ""},
    ],
)
def test_a_head_that_nobody_signed_so(alteration: dict[str, Json]) -> None:
    """One field other than signed, or of another kind: refused."""
    with pytest.raises(HeadFaulty):
        head_from({**signed(7).as_json(), **alteration})


@pytest.mark.parametrize("value", [None, [], {}, {"position": 1, "hash": "a", "height": 2}])
def test_an_anchor_that_lacks_something(value: Json) -> None:
    """An anchor that somebody wrote down by hand has four fields."""
    for read, cause in ((anchor_from, AnchorFaulty), (head_from, HeadFaulty)):
        with pytest.raises(cause):
            read(value)
    good: dict[str, Json] = {"position": 5, "hash": hash_at(5), "height": 105, "block_time": "2026-01-01T05:00:00Z"}
    assert anchor_from({**good, "txid": "ignored"}) == anchor(5, 5)
    with pytest.raises(AnchorFaulty):
        anchor_from({**good, "height": "105"})


@pytest.mark.parametrize("text", ["2026-01-01", "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00.5Z", "yesterday"])
def test_an_instant_has_one_text(text: str) -> None:
    """Another spelling of an instant is none."""
    with pytest.raises(NotUtc):
        read_instant(text)
    assert read_instant("2026-01-01T00:00:00.500000Z") == START + timedelta(microseconds=500_000)
