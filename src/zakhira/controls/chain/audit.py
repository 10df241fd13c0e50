"""The audit chain: every write is a leaf, and sealing links the leaves by their hashes.

A *leaf hash* is SHA-256 over the canonical JSON (RFC 8785) of a write's header (action, actor, at, content_hash, key).
It is known when the write commits. Sealing gives committed writes their positions, from 1 without a gap, and a *link
hash*: SHA-256 over the 32 bytes of the link hash before (zeros at first) and the 32 bytes of the leaf hash. So a chain
is verified with three hashes for each write: content, header, link. A header begins with a brace and is longer than 64
bytes, so that none can stand for a link.
"""

from __future__ import annotations

import json
import re
from binascii import hexlify
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from json.encoder import encode_basestring as quoted
from typing import NamedTuple

from zakhira.kernel.canonical import NotCanonical, canonical_bytes
from zakhira.kernel.interval import exact_utc_text

FIRST_PREVIOUS = "0" * 64
"""What the first link carries in place of the hash before it."""
MAX_UNSEALED = timedelta(seconds=5)
"""Writes are sealed within a second; one that waits longer than this is an alarm."""
_HEADER_NAMES = ("action", "actor", "at", "content_hash", "key")
_MAX_DIGITS = 19
_TEXT = rb"[ !#-\[\]-~]*+"
_PLAIN_HEADER = re.compile(
    rb'\{"action":"%b","actor":"%b","at":"%b","content_hash":"([0-9a-f]++)","key":"(%b)"\}' % (4 * (_TEXT,))
)
"""A header without escapes or letters beyond ASCII: canonical as it is written."""

ShownLink = tuple[bytes, bytes, bytes, bytes]
"""Number, link hash, header and content hash, as :meth:`ChainCheck.follow` takes them."""


class ChainHead(NamedTuple):
    """The end of the sealed chain: how many writes it holds, and the hash that stands for all of them."""

    position: int
    """0 for an empty chain, whose hash is :data:`FIRST_PREVIOUS`."""
    hash: str
    """64 hex digits"""


EMPTY_CHAIN = ChainHead(0, FIRST_PREVIOUS)


@dataclass(frozen=True)
class AuditEntry:
    """Who did what, when, with the hash of the content written. ``sequence`` is the store's own number of the write.

    Numbers grow with time: a write that was committed before another began has the smaller one. There may be gaps.
    """

    sequence: int
    key: str
    actor: str
    action: str
    at: datetime
    content_hash: str
    leaf_hash: str

    @property
    def header(self) -> bytes:
        """The canonical JSON that the leaf hash covers. Raises NotUtc."""
        return _header(self.key, self.actor, self.action, self.at, self.content_hash)


@dataclass(frozen=True)
class Seal:
    """The place of a write in the chain."""

    position: int
    sequence: int
    previous_hash: str
    hash: str


@dataclass(frozen=True)
class Unsealed:
    """Writes that are committed and not yet in the chain."""

    count: int
    oldest_at: datetime | None
    """when the oldest of them was committed (UTC, by the store's clock); None when there is none or it is not known"""

    def is_late(self, now: datetime) -> bool:
        """Whether the oldest waits for longer than :data:`MAX_UNSEALED`: nobody seals, and that is an alarm."""
        return self.oldest_at is not None and now - self.oldest_at > MAX_UNSEALED


@dataclass(frozen=True)
class Anchor:
    """A head that stands in a block of Bitcoin: ``position`` and ``hash`` were known when the block was mined."""

    position: int
    hash: str
    height: int
    block_time: datetime
    """UTC, as in the block's header; a miner's clock may be up to two hours ahead"""


@dataclass(frozen=True)
class ChainBreak:
    """A place where a chain does not hold. ``position`` counts the links from 1; ``key`` is the write's, if known."""

    position: int
    key: str
    what: str

    def __str__(self) -> str:
        place = f"position {self.position}" + (f" ({self.key})" if self.key else "")
        return f"{place}: {self.what}."


def make_entry(sequence: int, key: str, actor: str, action: str, at: datetime, content_hash: str) -> AuditEntry:
    """The entry with its leaf hash. Raises NotUtc."""
    leaf_hash = sha256(_header(key, actor, action, at, content_hash)).hexdigest()
    return AuditEntry(sequence, key, actor, action, at, content_hash, leaf_hash)


def _header(key: str, actor: str, action: str, at: datetime, content_hash: str) -> bytes:
    """What :func:`canonical_bytes` says of these five, written out: every write pays for it."""
    text = (
        f'{{"action":{quoted(action)},"actor":{quoted(actor)},"at":"{exact_utc_text(at)}",'
        f'"content_hash":{quoted(content_hash)},"key":{quoted(key)}}}'
    )
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise NotCanonical(f"Not encodable: {error}.", "Write the text without lone surrogates.") from None


def link_hash(previous_hash: str, leaf_hash: str) -> str:
    """SHA-256 over the bytes of the link hash before and of the leaf hash, in hex."""
    return sha256(bytes.fromhex(previous_hash) + bytes.fromhex(leaf_hash)).hexdigest()


def next_seal(head: ChainHead, entry: AuditEntry) -> Seal:
    """The seal of ``entry`` behind ``head``."""
    return Seal(head.position + 1, entry.sequence, head.hash, link_hash(head.hash, entry.leaf_hash))


def claimed_head(position: bytes, link: bytes) -> ChainHead | None:
    """Where a link says that the chain has come, as it is shown; None if that cannot be read."""
    number, hash_ = _number(position, -1), _hash_bytes(link, b"")
    return ChainHead(number, hash_.hex()) if number > 0 and hash_ else None


class ChainCheck:
    """Follows a chain link by link and notes every place where it does not hold.

    After a link that does not follow it goes on from the number and the hash that the link claims, so that each place
    is told once. A stretch from the middle of a chain is checked alike when ``head`` is where it begins.
    """

    def __init__(self, head: ChainHead = EMPTY_CHAIN) -> None:
        self.breaks: list[ChainBreak] = []
        self.keys: list[bytes] = []
        """The keys of all links, in order, as they stand in their headers."""
        self._first = head.position + 1
        self._position = head.position
        self._previous = bytes.fromhex(head.hash)

    @property
    def head(self) -> ChainHead:
        """Where the chain ends, as far as it was followed."""
        return ChainHead(self._position, self._previous.hex())

    def add(self, position: bytes, link: bytes, header: bytes, content_hash: bytes) -> None:
        """Follow one link; see :meth:`follow`."""
        self.follow([(position, link, header, content_hash)])

    def follow(self, links: Iterable[ShownLink]) -> None:
        """Follow links as they are shown: number in digits, hash in hex, header, and the hash of the content in hex.

        The content is hashed by the caller, anew. A link without a header is one that could not be read. Millions pass
        through this loop: what is unusual is left to others.
        """
        position, previous, plain, keep = self._position, self._previous, _PLAIN_HEADER.fullmatch, self.keys.append
        for number, link, header, content_hash in links:
            position += 1
            found = sha256(previous + sha256(header).digest()).digest()
            fields = plain(header)
            if fields is not None and fields[1] == content_hash:
                keep(key := fields[2])
            else:
                keep(key := self._unusual(position, header, content_hash))
            if hexlify(found) == link and number == b"%d" % position:
                previous = found
            elif header:
                position, previous = self._astray(position, key, number, link, found)
        self._position, self._previous = position, previous

    def skip(self, head: ChainHead) -> None:
        """Go on from another place: what lies between could not be followed."""
        self._position, self._previous = head.position, bytes.fromhex(head.hash)

    def finish(self, keys: Iterable[bytes] = ()) -> list[ChainBreak]:
        """All breaks in the order of the links, then keys used twice or by the links before, which ``keys`` gives."""
        known = set(keys)
        before = len(known)
        known.update(self.keys)
        reused = self._reused(set(keys)) if len(known) < before + len(self.keys) else []
        return [*self.breaks, *reused]

    def _reused(self, known: set[bytes]) -> list[ChainBreak]:
        found = []
        for position, key in enumerate(self.keys, self._first):
            if key in known:
                found.append(ChainBreak(position, _text(key), "its key was used before"))
            known.add(key)
        return found

    def _tell(self, position: int, key: bytes, what: str) -> None:
        self.breaks.append(ChainBreak(position, _text(key), what))

    def _astray(self, position: int, key: bytes, number: bytes, link: bytes, found: bytes) -> tuple[int, bytes]:
        """Tell what is wrong with a link, and where the chain goes on: number and hash."""
        follows = found.hex().encode() == link
        if not follows:
            self._tell(position, key, "its hash does not follow from the hash before it and its header")
        if number != b"%d" % position:
            shown = number.decode(errors="replace")
            self._tell(position, key, f"its number is {shown} where {position} is due")
        return (position, found) if follows else (_number(number, position), _hash_bytes(link, found))

    def _unusual(self, position: int, header: bytes, content_hash: bytes) -> bytes:
        """The key of a header with escapes or other letters in it, or of one that is not good."""
        try:
            fields = json.loads(header)
            is_header = sorted(fields) == list(_HEADER_NAMES) and canonical_bytes(fields) == header
            is_header = is_header and all(type(value) is str for value in fields.values())
        except (ValueError, RecursionError, NotCanonical, AttributeError, TypeError):
            is_header = False
        if not is_header:
            names = "canonical JSON of action, actor, at, content_hash and key"
            self._tell(position, b"", f"its header is not the {names}" if header else "it cannot be read")
            return b"\0%d" % position  # no key is like that: NUL cannot be stored
        key = json.dumps(fields["key"], ensure_ascii=False)[1:-1].encode()
        if fields["content_hash"].encode() != content_hash:
            self._tell(position, key, "its content is not what its header says")
        return key


def _number(position: bytes, otherwise: int) -> int:
    """The number that a link claims; another spelling of a number is none."""
    is_number = len(position) < _MAX_DIGITS and position.isdigit() and not position.startswith(b"0")
    return int(position) if is_number else otherwise


def _hash_bytes(link: bytes, otherwise: bytes) -> bytes:
    try:
        given = bytes.fromhex(link.decode())
    except ValueError:
        return otherwise
    return given if len(given) == len(sha256().digest()) else otherwise


def _text(key: bytes) -> str:
    return "" if key.startswith(b"\0") else key.decode(errors="replace")
