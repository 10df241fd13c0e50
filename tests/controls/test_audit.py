"""The audit chain: whatever is altered, left out, added or moved breaks it at a named place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.controls.chain.audit import (
    EMPTY_CHAIN,
    FIRST_PREVIOUS,
    MAX_UNSEALED,
    AuditEntry,
    ChainBreak,
    ChainCheck,
    ChainHead,
    Unsealed,
    link_hash,
    make_entry,
    next_seal,
)
from zakhira.kernel.interval import NotUtc, exact_utc_text

START = datetime(2026, 1, 1, tzinfo=UTC)
Link = tuple[bytes, bytes, bytes, bytes]
"""Position, hash, header, and the hash of the content: as :meth:`ChainCheck.add` takes them."""


def content_of(number: int) -> str:
    """The hash of what a write says."""
    return sha256(b"%d" % number).hexdigest()


def entry(number: int, key: str = "") -> AuditEntry:
    """A write."""
    at = START + timedelta(minutes=number)
    return make_entry(number, key or f"day-{number}", "scheduler", "settle", at, content_of(number))


def chain(entries: list[AuditEntry]) -> list[Link]:
    """A good chain of them."""
    head, links = EMPTY_CHAIN, []
    for one in entries:
        seal = next_seal(head, one)
        head = ChainHead(seal.position, seal.hash)
        links.append((b"%d" % seal.position, seal.hash.encode(), one.header, one.content_hash.encode()))
    return links


def breaks_of(links: list[Link], head: ChainHead = EMPTY_CHAIN) -> list[ChainBreak]:
    """What the check finds."""
    check = ChainCheck(head)
    for link in links:
        check.add(*link)
    return check.finish()


def test_a_good_chain_has_no_break() -> None:
    """Positions go from 1, the first link stands on zeros, and the head is the last link."""
    links = chain([entry(number) for number in range(4)])
    assert breaks_of(links) == breaks_of([]) == []
    check = ChainCheck()
    for link in links:
        check.add(*link)
    assert check.head == ChainHead(4, links[-1][1].decode())
    assert breaks_of(links[2:], ChainHead(2, links[1][1].decode())) == []


def test_the_hashes_are_pinned() -> None:
    """Leaf and link of one write as computed once with another program.

    printf '{"action":"x","actor":"a","at":"2026-01-01T00:00:00.250000Z","content_hash":"00..","key":"k"}' | sha256sum,
    and (head -c 32 /dev/zero; the leaf's bytes) | sha256sum.
    """
    one = make_entry(1, "k", "a", "x", datetime(2026, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC), "0" * 64)
    assert one.leaf_hash == "add1e654bfab77047afc1ed198325ef4248c813fbf7739a712fad8ddf2405f13"
    assert (
        link_hash(FIRST_PREVIOUS, one.leaf_hash) == "8f63b3a00941bbc8375ab3e757725c48daac337cc01b6ba6a1427ad5b222abcc"
    )


@given(position=st.integers(0, 4), part=st.integers(0, 3), place=st.integers(0, 500), bit=st.integers(0, 7))
def test_every_flipped_bit_is_found_where_it_is(position: int, part: int, place: int, bit: int) -> None:
    """One bit of one part of one link: the first break names that link."""
    links = chain([entry(number) for number in range(5)])
    altered = [*links[position]]
    data = bytearray(altered[part])
    data[place % len(data)] ^= 1 << bit
    altered[part] = bytes(data)
    links[position] = (altered[0], altered[1], altered[2], altered[3])
    assert breaks_of(links)[0].position == position + 1


@given(position=st.integers(0, 3))
def test_a_link_left_out_is_found(position: int) -> None:
    """Leaving out any but the last link breaks the one after it; only a head known elsewhere can miss the last."""
    links = chain([entry(number) for number in range(5)])
    del links[position]
    found = breaks_of(links)
    assert found[0].position == position + 1
    assert "does not follow" in found[0].what


def test_two_links_swapped_are_found() -> None:
    """The order cannot be altered, not even with the numbers put right."""
    links = chain([entry(number) for number in range(5)])
    links[1], links[2] = (b"2", *links[2][1:]), (b"3", *links[1][1:])
    assert breaks_of(links)[0].position == 2


def test_a_forger_who_computes_hashes_anew_must_alter_all_that_follows() -> None:
    """An altered write with a fresh hash of its own breaks the link of its follower."""
    entries = [entry(number) for number in range(3)]
    links = chain(entries)
    entries[1] = make_entry(1, "day-1", "mallory", "settle", START, content_of(1))
    links[1] = chain(entries)[1]
    assert [(one.position, one.key) for one in breaks_of(links)] == [(3, "day-2")]


def test_a_key_used_twice_is_found() -> None:
    """An idempotency key stands for one act, within a stretch and over stretches."""
    links = chain([entry(0, "a"), entry(1, "b"), entry(2, "a")])
    assert [(one.position, one.what) for one in breaks_of(links)] == [(3, "its key was used before")]
    check = ChainCheck(ChainHead(2, links[1][1].decode()))
    check.add(*links[2])
    assert check.finish() == []
    assert check.finish([b"a", b"b"])[0].what == "its key was used before"


@pytest.mark.parametrize("key", ['a"b', "a\\b", "tab\t", "ذخیرہ", '","content_hash":"', '","at":"', "\u2028"])
def test_keys_with_odd_characters(key: str) -> None:
    """Whatever must be escaped is part of a good chain, and used twice it is found."""
    links = chain([entry(0, key), entry(1)])
    assert breaks_of(links) == []
    assert breaks_of(chain([entry(0, key), entry(1, key)]))[0].what == "its key was used before"
    other = (*links[0][:3], content_of(7).encode())
    assert [one.what for one in breaks_of([other, links[1]])] == ["its content is not what its header says"]


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b"7",
        b'["action","actor","at","content_hash","key"]',
        b'{"action":"x","actor":"a","at":"b","content_hash":"%b","key":"k","more":""}',
        b'{"actor":"a","action":"x","at":"b","content_hash":"%b","key":"k"}',
        b'{"action":"x","actor":"a","at":"b", "content_hash":"%b","key":"k"}',
        b'{"action":"x","actor":"a","content_hash":"%b","key":"k"}',
        b'{"action":"x","actor":"a","at":1,"content_hash":"%b","key":"k\\n"}',
        b'{"action":"x","actor":"a","at":"b","content_hash":"%b","key":"\\u0041"}',
    ],
)
def test_a_header_is_exactly_its_five_fields(header: bytes) -> None:
    """One who makes the whole chain cannot write headers that two readers read differently."""
    content = content_of(1).encode()
    header = header.replace(b"%b", content)
    link = sha256(bytes(32) + sha256(header).digest()).hexdigest().encode()
    assert "canonical JSON" in breaks_of([(b"1", link, header, content)])[0].what


def test_after_a_break_the_rest_is_still_checked() -> None:
    """Each place is told once: a hash that is no hash at all does not hide what follows."""
    links = chain([entry(number) for number in range(6)])
    links[1] = (links[1][0], b"no hash", *links[1][2:])
    links[4] = (*links[4][:3], content_of(9).encode())
    assert [one.position for one in breaks_of(links)] == [2, 5]
    assert str(breaks_of(links)[1]) == "position 5 (day-4): its content is not what its header says."


def test_what_waits_too_long_is_late() -> None:
    """A write is sealed within a second; five are an alarm. Nothing waiting is never late."""
    assert not Unsealed(0, None).is_late(START)
    assert not Unsealed(1, START).is_late(START + MAX_UNSEALED)
    assert Unsealed(1, START).is_late(START + MAX_UNSEALED + timedelta(microseconds=1))


def test_instants_are_written_whole() -> None:
    """No two instants share a text, and an instant without a zone has none."""
    assert exact_utc_text(START) == "2026-01-01T00:00:00Z"
    assert exact_utc_text(START + timedelta(microseconds=10)) == "2026-01-01T00:00:00.000010Z"
    with pytest.raises(NotUtc):
        exact_utc_text(datetime(2026, 1, 1))  # noqa: DTZ001 - a naive instant is the case here
