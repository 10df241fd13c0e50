"""Exported chains as files: cut into stretches and read by several processes they say what one reader finds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from zakhira.adapters.chain_file import check_chain_file
from zakhira.controls.chain.audit import EMPTY_CHAIN, Anchor, ChainHead, make_entry, next_seal
from zakhira.controls.chain.audit_evidence import Evidence
from zakhira.controls.chain.audit_file import FIRST_LINE, NotAChainFile, chain_line, last_line

START = datetime(2026, 1, 1, tzinfo=UTC)
COUNT = 500


@dataclass(frozen=True)
class Exported:
    """Lines of a good file, first and last included, and where it ends."""

    lines: tuple[bytes, ...]
    head: ChainHead


@pytest.fixture(scope="module")
def exported() -> Exported:
    """Five hundred writes."""
    head, lines = EMPTY_CHAIN, [FIRST_LINE]
    for number in range(1, COUNT + 1):
        content = b'{"entries":[],"records":[%s]}' % (b'"x",' * (number % 7) + b'"y"')
        entry = make_entry(number, f"k{number}", "a", "b", START, sha256(content).hexdigest())
        seal = next_seal(head, entry)
        head = ChainHead(seal.position, seal.hash)
        lines.append(chain_line(seal.position, seal.hash, entry.header, content))
    return Exported((*lines, last_line(head)), head)


def places(path: Path, lines: list[bytes], evidence: Evidence | None = None) -> list[int]:
    """Where breaks are found; with stretches of any size it is the same."""
    path.write_bytes(b"".join(lines))
    found = set()
    for stretch_bytes in (10_000_000, 20_000, 1):
        verdict = check_chain_file(path, evidence or Evidence(), workers=1, stretch_bytes=stretch_bytes)
        found.add(tuple(dict.fromkeys(one.position for one in verdict.breaks)))
    assert len(found) == 1
    return list(found.pop())


def test_a_good_file_in_stretches(tmp_path: Path, exported: Exported) -> None:
    """All of it is read, by one process or by two, and progress goes to the end."""
    path = tmp_path / "chain.txt"
    assert places(path, [*exported.lines]) == []
    seen: list[tuple[int, int]] = []
    verdict = check_chain_file(
        path, workers=2, stretch_bytes=50_000, progress=lambda done, total: seen.append((done, total))
    )
    assert verdict.breaks == ()
    assert verdict.head == exported.head
    assert len(seen) > 2
    assert seen[-1][0] == seen[-1][1] == path.stat().st_size - len(exported.lines[-1])
    assert places(path, [FIRST_LINE, last_line(EMPTY_CHAIN)]) == []


def test_breaks_are_named_whatever_the_stretches(tmp_path: Path, exported: Exported) -> None:
    """An edited content, a link left out, a key used again far away, a cut: the same places."""
    path, lines = tmp_path / "chain.txt", exported.lines
    assert places(path, [*lines[:200], lines[200].replace(b'"y"', b'"z"'), *lines[201:]]) == [200]
    assert places(path, [*lines[:200], *lines[201:]])[0] == 200
    assert places(path, [*lines[:300], lines[7], *lines[300:]])[0] == 300
    assert places(path, [*lines[:-1]]) == [COUNT]
    assert places(path, [*lines[:300], lines[-1]]) == [299]
    assert places(path, [*lines[:300], lines[300][:50]])[0] == 300
    anchor = Anchor(COUNT, "f" * 64, 7, START)
    assert places(path, [*lines], Evidence(anchors=(anchor,))) == [COUNT]
    assert places(path, [*lines], Evidence(anchors=(Anchor(COUNT + 1, "f" * 64, 7, START),))) == [COUNT]


def test_a_key_used_in_two_stretches(tmp_path: Path) -> None:
    """A chain that is sound in its hashes, with one key twice: found across the processes."""
    head, lines = EMPTY_CHAIN, [FIRST_LINE]
    for number in range(1, 101):
        entry = make_entry(number, f"k{number % 90}", "a", "b", START, sha256(b"").hexdigest())
        seal = next_seal(head, entry)
        head = ChainHead(seal.position, seal.hash)
        lines.append(chain_line(seal.position, seal.hash, entry.header, b""))
    assert places(tmp_path / "chain.txt", [*lines, last_line(head)]) == list(range(91, 101))


@pytest.mark.parametrize("data", [b"", b"zakhira-audit-chain 2\n", b"PK\3\4", FIRST_LINE[:-1]])
def test_another_file(tmp_path: Path, data: bytes) -> None:
    """What is no exported chain is told so."""
    path = tmp_path / "chain.txt"
    path.write_bytes(data)
    with pytest.raises(NotAChainFile):
        check_chain_file(path)
