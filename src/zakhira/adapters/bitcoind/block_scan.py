"""Raw blocks looked through for scripts and outpoints, without building anything for what is foreign.

Layout: BIP-144 for transactions with a witness, Bitcoin Core's ``primitives/block.h`` for the block. The header must
hash to the block that was asked for and the transactions to the header's Merkle root, so that no byte of a coin can be
another; witnesses are not checked, they only tell of payers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from zakhira.flows.ports.follow import MAX_COMPANY, Finds, FoundOutput, FoundSpend, UnreadableBlock, Wanted

_HEADER_BYTES = 80
_OUTPOINT_BYTES = 36
_NULL_TXID = bytes(32)
_LONG_SIZE = 0xFD
"""A size from here on is written in the next 2, 4 or 8 bytes (CompactSize)."""
_KEY_BYTES = (33, 65)
_SCRIPT_ITEMS = 1
_KEY_ITEMS = 2


def hash_of(header: bytes) -> str:
    """The hash of a block's first 80 bytes as it is written."""
    return _double_sha256(header)[::-1].hex()


def outpoint_bytes(outpoint: str) -> bytes:
    """``txid:index`` as it stands in an input."""
    txid, _, index = outpoint.partition(":")
    return bytes.fromhex(txid)[::-1] + int(index).to_bytes(4, "little")


def outpoint_text(raw: bytes) -> str:
    """36 bytes of an input as ``txid:index``."""
    return f"{raw[31::-1].hex()}:{int.from_bytes(raw[32:36], 'little')}"


class RawBlock:
    """Implements :class:`zakhira.flows.ports.follow.FetchedBlock` on the bytes of ``getblock`` with verbosity 0."""

    def __init__(self, block_hash: str, raw: bytes) -> None:
        if len(raw) <= _HEADER_BYTES or hash_of(raw[:_HEADER_BYTES]) != block_hash:
            raise UnreadableBlock(
                f"The node's bytes for block {block_hash} are another block, or none.", "Look into the node's log."
            )
        self._hash = block_hash
        self._raw = raw
        self._is_checked = False

    @property
    def hash(self) -> str:
        """Its hash."""
        return self._hash

    @property
    def previous_hash(self) -> str:
        """The hash of the block below it."""
        return self._raw[35:3:-1].hex()

    def scan(self, wanted: Wanted) -> Finds:
        """What it does to what is wanted."""
        finder = _Finder(wanted)
        ids: list[bytes] | None = None if self._is_checked else []
        try:
            count, at = _size(self._raw, _HEADER_BYTES)
            end = finder.scan(self._raw, at, count, ids)
        except IndexError:
            end = -1
        if end != len(self._raw):
            raise UnreadableBlock(f"Block {self._hash} does not parse to its end.", "Look into the node's log.")
        if ids is not None and _merkle_root(ids) != self._raw[36:68]:
            raise UnreadableBlock(
                f"The transactions of block {self._hash} are not those that its header names.",
                "Look into the node's log.",
            )
        self._is_checked = True
        return finder.finds()


def scan_transactions(raws: Iterator[bytes], wanted: Wanted) -> Finds:
    """What single transactions, each as raw bytes, do to what is wanted.

    Raises:
        UnreadableBlock: bytes are no transaction.
    """
    finder = _Finder(wanted)
    for raw in raws:
        try:
            end = finder.scan(raw, 0, 1)
        except IndexError:
            end = -1
        if end != len(raw):
            raise UnreadableBlock("The node's bytes for a transaction do not parse.", "Look into the node's log.")
    return finder.finds()


class _Finder:
    """Collects what matches; outputs found so far are wanted as inputs too."""

    def __init__(self, wanted: Wanted) -> None:
        self._scripts = wanted.scripts
        self._outpoints = wanted.outpoints
        self._own: set[bytes] = set()
        self._outputs: list[FoundOutput] = []
        self._spends: list[FoundSpend] = []
        self._company: dict[str, tuple[bytes, ...]] = {}

    def finds(self) -> Finds:
        """Everything found."""
        return Finds(tuple(self._outputs), tuple(self._spends), self._company)

    def scan(  # noqa: C901, PLR0912, PLR0915  # flat for speed, see below
        self, raw: bytes, at: int, count: int, ids: list[bytes] | None = None
    ) -> int:
        """Look through ``count`` transactions from ``at`` on; the place behind the last. Their ids go to ``ids``.

        One flat loop with the common sizes in place: this runs over every byte of the chain, so calls are left out.

        Raises:
            IndexError: the bytes end too early.
        """
        scripts, outpoints, own, sha256 = self._scripts, self._outpoints, self._own, hashlib.sha256
        for _ in range(count):
            start = at
            at += 4
            has_witness = raw[at] == 0
            if has_witness:
                at += 2
            body = at
            spent, paid = [], []
            inputs = raw[at]
            at += 1
            if inputs >= _LONG_SIZE:
                inputs, at = _size(raw, at - 1)
            for _ in range(inputs):
                outpoint = raw[at : at + _OUTPOINT_BYTES]
                if outpoint in outpoints or outpoint in own:
                    spent.append(outpoint)
                at += _OUTPOINT_BYTES
                length = raw[at]
                at += 1
                if length >= _LONG_SIZE:
                    length, at = _size(raw, at - 1)
                at += length + 4
            outputs = raw[at]
            at += 1
            if outputs >= _LONG_SIZE:
                outputs, at = _size(raw, at - 1)
            for index in range(outputs):
                length = raw[at + 8]
                script_at = at + 9
                if length >= _LONG_SIZE:
                    length, script_at = _size(raw, at + 8)
                script = raw[script_at : script_at + length]
                if script in scripts:
                    paid.append((index, int.from_bytes(raw[at : at + 8], "little"), script))
                at = script_at + length
            end = at
            if has_witness:
                for _ in range(inputs):
                    items = raw[at]
                    at += 1
                    if items >= _LONG_SIZE:
                        items, at = _size(raw, at - 1)
                    for _ in range(items):
                        length = raw[at]
                        at += 1
                        if length >= _LONG_SIZE:
                            length, at = _size(raw, at - 1)
                        at += length
            at += 4
            if ids is not None:
                stripped = raw[start : start + 4] + raw[body:end] + raw[at - 4 : at] if has_witness else raw[start:at]
                ids.append(sha256(sha256(stripped).digest()).digest())
            if (spent or paid) and at <= len(raw):
                self._take(raw[start : start + 4] + raw[body:end] + raw[at - 4 : at], spent, paid, raw[start:at])
        return at

    def _take(self, stripped: bytes, spent: list[bytes], paid: list[tuple[int, int, bytes]], whole: bytes) -> None:
        inner = _double_sha256(stripped)
        txid = inner[::-1].hex()
        self._spends += [FoundSpend(outpoint_text(outpoint), txid) for outpoint in spent]
        if not paid:
            return
        is_coinbase = stripped[5:37] == _NULL_TXID
        for index, amount_sats, script in paid:
            self._own.add(inner + index.to_bytes(4, "little"))
            self._outputs.append(FoundOutput(f"{txid}:{index}", amount_sats, script, is_coinbase))
        own = {script for _, _, script in paid}
        others = [script for script in _company(stripped, whole) if script not in own]
        self._company[txid] = tuple(dict.fromkeys(others))[:MAX_COMPANY]


def _company(stripped: bytes, whole: bytes) -> Iterator[bytes]:
    """Scripts of all outputs, and of payers as far as their inputs tell."""
    inputs, at = _size(stripped, 4)
    for _ in range(inputs):
        length, script_at = _size(stripped, at + _OUTPOINT_BYTES)
        pushes = _pushes(stripped[script_at : script_at + length])
        if len(pushes) == _KEY_ITEMS and len(pushes[1]) in _KEY_BYTES:
            yield b"\x76\xa9\x14" + _hash160(pushes[1]) + b"\x88\xac"
        at = script_at + length + 4
    outputs, at = _size(stripped, at)
    for _ in range(outputs):
        length, script_at = _size(stripped, at + 8)
        yield stripped[script_at : script_at + length]
        at = script_at + length
    if len(whole) == len(stripped):
        return
    place = at + 2
    for _ in range(inputs):
        items, place = _size(whole, place)
        last, held = b"", items
        for _ in range(items):
            length, place = _size(whole, place)
            last = whole[place : place + length]
            place += length
        if held == _KEY_ITEMS and len(last) == _KEY_BYTES[0]:
            yield b"\x00\x14" + _hash160(last)
        elif held > _SCRIPT_ITEMS:
            yield b"\x00\x20" + hashlib.sha256(last).digest()


def _pushes(script: bytes) -> list[bytes]:
    """The items of a script that pushes short items alone; nothing for any other script."""
    found, at = [], 0
    while at < len(script):
        length = script[at]
        if not 0 < length < 0x4C:  # noqa: PLR2004 - OP_PUSHDATA1
            return []
        found.append(script[at + 1 : at + 1 + length])
        at += 1 + length
    return found


def _size(raw: bytes, at: int) -> tuple[int, int]:
    """A CompactSize at ``at``, and the place behind it."""
    first = raw[at]
    if first < _LONG_SIZE:
        return first, at + 1
    width = 2 << (first - _LONG_SIZE)
    if at + 1 + width > len(raw):
        raise IndexError(at)
    return int.from_bytes(raw[at + 1 : at + 1 + width], "little"), at + 1 + width


def _merkle_root(ids: list[bytes]) -> bytes:
    """The root over ids in their inner order; empty where two that are paired are the same (CVE-2012-2459)."""
    level = ids
    while len(level) > 1:
        if any(level[at] == level[at + 1] for at in range(0, len(level) - 1, 2)):
            return b""
        if len(level) % 2:
            level = [*level, level[-1]]
        level = [_double_sha256(level[at] + level[at + 1]) for at in range(0, len(level), 2)]
    return level[0] if level else b""


def _double_sha256(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def _hash160(data: bytes) -> bytes:
    return hashlib.new("ripemd160", hashlib.sha256(data).digest()).digest()
