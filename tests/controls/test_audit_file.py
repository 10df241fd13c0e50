"""The exported chain: every single change of the file is found, and the place is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zakhira.controls.chain.audit import EMPTY_CHAIN, Anchor, ChainBreak, ChainHead, make_entry, next_seal
from zakhira.controls.chain.audit_evidence import NO_EVIDENCE, Evidence
from zakhira.controls.chain.audit_file import (
    FIRST_LINE,
    NotAChainFile,
    chain_line,
    check_stretch,
    end_breaks,
    head_after,
    is_last_line,
    last_line,
    require_first_line,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
COUNT = 6


def lines_of(count: int = COUNT, key: str = "day") -> list[bytes]:
    """An exported chain, a line for each item."""
    head, lines = EMPTY_CHAIN, [FIRST_LINE]
    for number in range(1, count + 1):
        content = b'{"entries":[],"records":[{"body":%d,"id":"x","kind":"day"}]}' % number
        at = START + timedelta(hours=number)
        entry = make_entry(number, f"{key}-{number}", "scheduler", "settle", at, sha256(content).hexdigest())
        seal = next_seal(head, entry)
        head = ChainHead(seal.position, seal.hash)
        lines.append(chain_line(seal.position, seal.hash, entry.header, content))
    return [*lines, last_line(head)]


def breaks_of(data: bytes, evidence: Evidence = NO_EVIDENCE) -> list[ChainBreak]:
    """What a reader of the file is told."""
    lines = data.splitlines(keepends=True)
    require_first_line(lines[0] if lines else b"")
    end = lines[-1] if is_last_line(lines[-1]) else b""
    stretch = check_stretch(lines[1 : -1 if end else None], evidence=evidence)
    return [*stretch.breaks, *end_breaks(end, stretch.head, evidence)]


GOOD = b"".join(lines_of())


def test_a_good_file() -> None:
    """Nothing is told, also of an empty chain."""
    assert breaks_of(GOOD) == []
    assert breaks_of(b"".join(lines_of(0))) == []
    assert breaks_of(b"".join(lines_of(3, 'a"\t\\ذ'))) == []


@settings(max_examples=400)
@given(place=st.integers(0, len(GOOD) - 1), byte=st.integers(0, 255))
def test_every_altered_byte_is_found(place: int, byte: int) -> None:
    """One byte of the file is another: it is no chain file any more, or the first break names the line or the end."""
    altered = GOOD[:place] + bytes([byte]) + GOOD[place + 1 :]
    if altered == GOOD:
        return
    if place < len(FIRST_LINE):
        with pytest.raises(NotAChainFile):
            breaks_of(altered)
        return
    line = GOOD.count(b"\n", 0, place)
    assert min(one.position for one in breaks_of(altered)) == min(line, COUNT)


@settings(max_examples=200)
@given(st.data())
def test_every_edit_of_lines_is_found(data: st.DataObject) -> None:
    """A line left out, doubled, moved, or taken from another chain; the file cut anywhere."""
    lines = lines_of()
    place = data.draw(st.integers(1, COUNT))
    edit = data.draw(st.sampled_from(["leave out", "double", "swap", "foreign", "cut", "cut with end"]))
    if edit == "leave out":
        del lines[place]
    elif edit == "double":
        lines.insert(place, lines[place])
    elif edit == "swap":
        other = data.draw(st.integers(1, COUNT).filter(lambda number: number != place))
        lines[place], lines[other] = lines[other], lines[place]
    elif edit == "foreign":
        lines[place] = lines_of(COUNT, "night")[place]
    elif edit == "cut":
        lines = lines[:place]
    else:
        lines = [*lines[:place], lines[-1]]
    assert breaks_of(b"".join(lines))


def test_a_chain_cut_and_ended_anew_is_found_by_a_head_alone() -> None:
    """Whoever cuts the chain and writes a new last line leaves a sound file: an anchor says that there was more."""
    whole, short = lines_of(), b"".join(lines_of(4))
    hash_ = whole[COUNT].split(b"\t")[1].decode()
    evidence = Evidence(anchors=(Anchor(COUNT, hash_, 7, START + timedelta(hours=9)),))
    assert breaks_of(short) == []
    assert breaks_of(GOOD, evidence) == []
    assert [one.position for one in breaks_of(short, evidence)] == [4]
    forked = b"".join(lines_of(COUNT, "night"))
    assert [one.position for one in breaks_of(forked, evidence)] == [COUNT]


def test_dates_in_the_file_are_held_against_blocks() -> None:
    """The fourth write is dated after the block that holds the chain to it."""
    hash_ = lines_of()[4].split(b"\t")[1].decode()
    evidence = Evidence(anchors=(Anchor(4, hash_, 7, START + timedelta(hours=1.5)),))
    assert [(one.position, one.key) for one in breaks_of(GOOD, evidence)] == [(4, "day-4")]


@given(cut=st.integers(1, COUNT - 1))
def test_stretches_make_the_whole(cut: int) -> None:
    """Two readers who share the file find what one finds: a stretch begins where the line before it says."""
    lines = lines_of()
    head = head_after(lines[cut])
    assert head is not None
    first, second = check_stretch(lines[1 : cut + 1]), check_stretch(lines[cut + 1 : -1], head)
    whole = check_stretch(lines[1:-1])
    assert (first.breaks, second.breaks) == ((), ())
    assert first.keys + second.keys == whole.keys
    assert second.head == whole.head
    assert first.head == head
    assert head_after(b"7\tno hash\tx\ty\n") is head_after(b"nothing\n") is None
