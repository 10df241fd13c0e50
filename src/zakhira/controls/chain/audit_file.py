"""The audit chain as a file that anybody verifies with SHA-256 alone; docs/audit-chain.md says how.

The first line is :data:`FIRST_LINE`. Each further line is one write: position, link hash, header and content, set apart
by tabs (canonical JSON has none). The last line tells how many there are, and the hash of the last.
"""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from zakhira.controls.chain.audit import EMPTY_CHAIN, ChainBreak, ChainCheck, ChainHead, ShownLink, claimed_head
from zakhira.controls.chain.audit_evidence import NO_EVIDENCE, Evidence, EvidenceCheck, read_instant
from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.interval import NotUtc

FIRST_LINE = b"zakhira-audit-chain 1\n"
_END = b"end"
_FIELDS = 4


class NotAChainFile(InvalidInput):
    """A file is no exported audit chain, or one of a form that is not known here."""

    code = "ZK-CONTROLS-012"


@dataclass(frozen=True)
class Stretch:
    """What a run of lines came to."""

    breaks: tuple[ChainBreak, ...]
    head: ChainHead
    keys: tuple[bytes, ...]


def chain_line(position: int, link: str, header: bytes, content: bytes) -> bytes:
    """The line of one write."""
    return b"%d\t%b\t%b\t%b\n" % (position, link.encode(), header, content)


def last_line(head: ChainHead) -> bytes:
    """The line that ends the file."""
    return b"%b\t%d\t%b\n" % (_END, head.position, head.hash.encode())


def require_first_line(line: bytes) -> None:
    """Raises NotAChainFile unless the line begins an exported chain."""
    if line != FIRST_LINE:
        raise NotAChainFile(
            "The file does not begin like an exported audit chain.",
            f"Export it anew: zakhira audit export DIR FILE. Its first line is {FIRST_LINE.decode().strip()!r}.",
        )


def is_last_line(line: bytes) -> bool:
    """Whether the line claims to end the file."""
    return line.startswith(_END + b"\t")


def head_after(line: bytes) -> ChainHead | None:
    """Where the line of a write says that the chain has come; None if that cannot be read."""
    fields = line.split(b"\t")
    return claimed_head(fields[0], fields[1]) if len(fields) == _FIELDS else None


def check_stretch(lines: Iterable[bytes], head: ChainHead = EMPTY_CHAIN, evidence: Evidence = NO_EVIDENCE) -> Stretch:
    """Follow the lines of writes that come behind ``head``: content, header and link of each are hashed.

    Evidence of places within these lines is held against them; that of places behind is for :func:`end_breaks`.
    """
    check, known = ChainCheck(head), EvidenceCheck(evidence)
    if known:
        for link in _links(lines):
            check.add(*link)
            _hold_against(known, check, link)
    else:
        check.follow(_links(lines))
    return Stretch((*check.finish(), *known.breaks), check.head, tuple(check.keys))


def _links(lines: Iterable[bytes]) -> Iterator[ShownLink]:
    for line in lines:
        fields = line.split(b"\t")
        if len(fields) == _FIELDS and line.endswith(b"\n"):
            number, link, header, content = fields
            yield number, link, header, hexlify(sha256(content[:-1]).digest())
        else:
            yield b"", b"", b"", b""


def end_breaks(line: bytes, head: ChainHead, evidence: Evidence = NO_EVIDENCE) -> list[ChainBreak]:
    """What the last line, and evidence of heads behind it, say against a chain that was followed to ``head``."""
    found = []
    if not line:
        found.append(ChainBreak(head.position, "", "the file ends without its last line: it was cut"))
    elif line != last_line(head):
        found.append(ChainBreak(head.position, "", "the last line tells of another end than this"))
    return found + EvidenceCheck(evidence).finish(head.position)


def _hold_against(evidence: EvidenceCheck, check: ChainCheck, link: ShownLink) -> None:
    at = link[2].partition(b'","at":"')[2].partition(b'"')[0]
    try:
        instant = read_instant(at.decode())
    except (NotUtc, UnicodeDecodeError):
        check.breaks.append(ChainBreak(check.head.position, "", "its header has no instant"))
        return
    key = check.keys[-1].decode(errors="replace")
    evidence.add(check.head.position, link[1].decode(errors="replace"), key, instant)
