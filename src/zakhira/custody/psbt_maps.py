"""The maps of a PSBT as bytes: keys and values in their order, of version 0 and 2, nothing interpreted twice.

The generic format is BIP-174's; which fields each version needs or forbids is BIP-370's. Both decoders read the same
bytes afterwards: this reader neither replaces them nor is believed about what a transaction does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from zakhira.custody.psbt_refusals import MalformedPsbt, MissingPsbtField, MixedPsbtVersions, UnknownPsbtVersion

MAGIC = b"psbt\xff"
V2 = 2
"""The version that BIP-370 describes; there is no version 1."""

UNSIGNED_TX, TX_VERSION, FALLBACK_LOCKTIME = b"\x00", b"\x02", b"\x03"
INPUT_COUNT, OUTPUT_COUNT, TX_MODIFIABLE, VERSION = b"\x04", b"\x05", b"\x06", b"\xfb"
PREVIOUS_TXID, OUTPUT_INDEX, SEQUENCE, TIME_LOCKTIME, HEIGHT_LOCKTIME = b"\x0e", b"\x0f", b"\x10", b"\x11", b"\x12"
AMOUNT, SCRIPT = b"\x03", b"\x04"

V2_GLOBAL = frozenset({TX_VERSION, FALLBACK_LOCKTIME, INPUT_COUNT, OUTPUT_COUNT, TX_MODIFIABLE})
V2_INPUT = frozenset({PREVIOUS_TXID, OUTPUT_INDEX, SEQUENCE, TIME_LOCKTIME, HEIGHT_LOCKTIME})
V2_OUTPUT = frozenset({AMOUNT, SCRIPT})
"""The fields that BIP-370 gives to version 2 and forbids in version 0."""

_LENGTHS = {
    "global": {TX_VERSION: 4, FALLBACK_LOCKTIME: 4, TX_MODIFIABLE: 1, VERSION: 4},
    "input": {PREVIOUS_TXID: 32, OUTPUT_INDEX: 4, SEQUENCE: 4, TIME_LOCKTIME: 4, HEIGHT_LOCKTIME: 4},
    "output": {AMOUNT: 8},
}
_WIDE, _NARROWEST = 0xFD, 2
"""A compact size from 253 on takes a mark and then 2, 4 or 8 bytes."""
_REMEDY = "Ask for the PSBT again."

Map = tuple[tuple[bytes, bytes], ...]
"""keys (type with key data) and values, in the order of the bytes"""


@dataclass(frozen=True)
class PsbtMaps:
    """A PSBT of ``version`` 0 or 2 with its maps."""

    version: int
    global_map: Map
    inputs: tuple[Map, ...]
    outputs: tuple[Map, ...]


@dataclass(frozen=True)
class UnsignedInput:
    """An input of an unsigned transaction; ``txid`` in the order of the wire."""

    txid: bytes
    vout: int
    sequence: int


@dataclass(frozen=True)
class UnsignedTx:
    """The unsigned transaction of a PSBT; ``outputs`` are amounts in sats and scripts."""

    version: int
    inputs: tuple[UnsignedInput, ...]
    outputs: tuple[tuple[int, bytes], ...]
    locktime: int


class ByteReader:
    """A place in bytes that cannot be read past their end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def take(self, count: int) -> bytes:
        """The next bytes; raises MalformedPsbt where there are fewer."""
        end = self._place + count
        if end > len(self._data):
            raise MalformedPsbt(f"The PSBT ends at byte {len(self._data)}, in the middle of a field.", _REMEDY)
        taken = self._data[self._place : end]
        self._place = end
        return taken

    def number(self, count: int, *, signed: bool = False) -> int:
        """The next bytes as a number, least byte first."""
        return int.from_bytes(self.take(count), "little", signed=signed)

    def compact(self) -> int:
        """A compact size; BIP-174 inherits the rule of the network that it be the shortest."""
        first = self.number(1)
        if first < _WIDE:
            return first
        width = 2 << (first - _WIDE)
        value = self.number(width)
        if value < (_WIDE if width == _NARROWEST else 1 << (4 * width)):
            raise MalformedPsbt(f"The size {value} is written in more bytes than it needs.", _REMEDY)
        return value

    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self._place == len(self._data)


def write_compact(value: int) -> bytes:
    """A size as the network writes it, in the fewest bytes."""
    if value < _WIDE:
        return bytes([value])
    for mark, width in ((_WIDE, _NARROWEST), (0xFE, 4)):
        if value < 1 << (8 * width):
            return bytes([mark]) + value.to_bytes(width, "little")
    return b"\xff" + value.to_bytes(8, "little")


def read_compact(data: bytes) -> int:
    """A field that holds a size and nothing else; raises MalformedPsbt."""
    reader = ByteReader(data)
    value = reader.compact()
    if not reader.at_end():
        raise MalformedPsbt("A count is followed by further bytes.", _REMEDY)
    return value


def _read_map(reader: ByteReader, where: str) -> Map:
    entries: dict[bytes, bytes] = {}
    while length := reader.compact():
        key = reader.take(length)
        ByteReader(key).compact()  # the key's type, in its shortest form
        value = reader.take(reader.compact())
        if key in entries:
            raise MalformedPsbt(f"The {where} map has the key {key.hex()[:80]} twice.", _REMEDY)
        entries[key] = value
        expected = _LENGTHS[where].get(key)
        if expected is not None and len(value) != expected:
            raise MalformedPsbt(f"Field {key.hex()} of the {where} has {len(value)} bytes, not {expected}.", _REMEDY)
    return tuple(entries.items())


def read_unsigned_tx(raw: bytes) -> UnsignedTx:
    """The unsigned transaction of version 0, without witnesses and with empty scripts; raises MalformedPsbt."""
    reader = ByteReader(raw)
    version = reader.number(4, signed=True)
    inputs = []
    for _ in range(reader.compact()):
        txid, vout = reader.take(32), reader.number(4)
        if reader.compact():
            raise MalformedPsbt(f"An input of the unsigned transaction has a script ({txid[::-1].hex()}).", _REMEDY)
        inputs.append(UnsignedInput(txid, vout, reader.number(4)))
    outputs = [(reader.number(8), reader.take(reader.compact())) for _ in range(reader.compact())]
    tx = UnsignedTx(version, tuple(inputs), tuple(outputs), reader.number(4))
    if not reader.at_end():
        raise MalformedPsbt("The unsigned transaction is followed by further bytes, or carries witnesses.", _REMEDY)
    return tx


def write_unsigned_tx(tx: UnsignedTx) -> bytes:
    """The bytes of an unsigned transaction, without witnesses."""
    parts = [tx.version.to_bytes(4, "little", signed=True), write_compact(len(tx.inputs))]
    for given in tx.inputs:
        parts += [given.txid, given.vout.to_bytes(4, "little"), b"\x00", given.sequence.to_bytes(4, "little")]
    parts.append(write_compact(len(tx.outputs)))
    for amount_sats, script in tx.outputs:
        parts += [amount_sats.to_bytes(8, "little"), write_compact(len(script)), script]
    parts.append(tx.locktime.to_bytes(4, "little"))
    return b"".join(parts)


def _require(fields: dict[bytes, bytes], needed: Iterable[bytes], where: str, version: int) -> None:
    missing = sorted(key.hex() for key in needed if key not in fields)
    if missing:
        raise MissingPsbtField(f"The {where} of a version {version} PSBT lacks field {', '.join(missing)}.", _REMEDY)


def _forbid(entries: Map, foreign: frozenset[bytes], where: str, version: int) -> None:
    found = sorted(key.hex() for key, _ in entries if key[:1] in foreign)
    if found:
        raise MixedPsbtVersions(
            f"The {where} of a version {version} PSBT has field {', '.join(found)}, which another version has.", _REMEDY
        )


def _key_data_is_empty(entries: Map, known: frozenset[bytes], where: str) -> None:
    for key, _ in entries:
        if len(key) > 1 and key[:1] in known:
            raise MalformedPsbt(f"Field {key[:1].hex()} of the {where} has key data: {key.hex()[:80]}.", _REMEDY)


def _counts(entries: Map) -> tuple[int, int, int]:
    """The version of a global map and how many inputs and outputs follow."""
    fields = dict(entries)
    _key_data_is_empty(entries, V2_GLOBAL | {UNSIGNED_TX, VERSION}, "global map")
    version = int.from_bytes(fields.get(VERSION, bytes(4)), "little")
    if version == 0:
        _require(fields, [UNSIGNED_TX], "global map", 0)
        _forbid(entries, V2_GLOBAL, "global map", 0)
        tx = read_unsigned_tx(fields[UNSIGNED_TX])
        return 0, len(tx.inputs), len(tx.outputs)
    if version != V2:
        raise UnknownPsbtVersion(f"The PSBT has version {version}.", "Export it as version 0 or 2.")
    _forbid(entries, frozenset({UNSIGNED_TX}), "global map", 2)
    _require(fields, [TX_VERSION, INPUT_COUNT, OUTPUT_COUNT], "global map", 2)
    return 2, read_compact(fields[INPUT_COUNT]), read_compact(fields[OUTPUT_COUNT])


def _check_scope(entries: Map, own: frozenset[bytes], needed: Iterable[bytes], where: str, version: int) -> None:
    if version == 0:
        _forbid(entries, own, where, 0)
        return
    _key_data_is_empty(entries, own, where)
    _require(dict(entries), needed, where, 2)


def _scopes(
    reader: ByteReader, count: int, where: str, own: frozenset[bytes], needed: Iterable[bytes], version: int
) -> tuple[Map, ...]:
    found = []
    for number in range(count):
        entries = _read_map(reader, where)
        _check_scope(entries, own, needed, f"{where} {number}", version)
        found.append(entries)
    return tuple(found)


def read_maps(raw: bytes) -> PsbtMaps:
    """The maps of a PSBT, strictly: every byte is accounted for.

    Raises:
        MalformedPsbt: it is cut off, has bytes to spare, repeats a key, or holds a field of the wrong length.
        MissingPsbtField, MixedPsbtVersions, UnknownPsbtVersion: as BIP-370's table of fields by version asks.
    """
    reader = ByteReader(raw)
    if raw[: len(MAGIC)] != MAGIC:
        raise MalformedPsbt("The bytes do not begin with psbt and 0xFF.", _REMEDY)
    reader.take(len(MAGIC))
    global_map = _read_map(reader, "global")
    version, inputs, outputs = _counts(global_map)
    in_maps = _scopes(reader, inputs, "input", V2_INPUT, (PREVIOUS_TXID, OUTPUT_INDEX), version)
    out_maps = _scopes(reader, outputs, "output", V2_OUTPUT, (AMOUNT, SCRIPT), version)
    if not reader.at_end():
        raise MalformedPsbt("The PSBT is followed by further bytes.", _REMEDY)
    return PsbtMaps(version, global_map, in_maps, out_maps)


def write_maps(maps: PsbtMaps) -> bytes:
    """The bytes of a PSBT."""
    parts = [MAGIC]
    for entries in (maps.global_map, *maps.inputs, *maps.outputs):
        for key, value in entries:
            parts += [write_compact(len(key)), key, write_compact(len(value)), value]
        parts.append(b"\x00")
    return b"".join(parts)
