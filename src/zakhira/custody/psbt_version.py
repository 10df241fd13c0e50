"""A PSBT received in any form becomes version 0, which both decoders read, and goes back as it came (BIP-174, BIP-370).

Nothing is lost on the way: unknown and proprietary fields stay where they were, and what version 2 alone can say is
set aside and put back. A PSBT of version 0 that goes through version 2 comes back byte for byte, but for an explicit
version field of 0, which says what its absence says.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, replace

from zakhira.custody.psbt_maps import (
    AMOUNT,
    FALLBACK_LOCKTIME,
    HEIGHT_LOCKTIME,
    INPUT_COUNT,
    MAGIC,
    OUTPUT_COUNT,
    OUTPUT_INDEX,
    PREVIOUS_TXID,
    SCRIPT,
    SEQUENCE,
    TIME_LOCKTIME,
    TX_MODIFIABLE,
    TX_VERSION,
    UNSIGNED_TX,
    V2,
    V2_GLOBAL,
    V2_INPUT,
    V2_OUTPUT,
    VERSION,
    Map,
    PsbtMaps,
    UnsignedInput,
    UnsignedTx,
    read_maps,
    read_unsigned_tx,
    write_compact,
    write_maps,
    write_unsigned_tx,
)
from zakhira.custody.psbt_refusals import ImpossibleLocktime, MalformedPsbt, NotAPsbt, PsbtTooLarge

MAX_PSBT_BYTES = 24_000_000
"""bitcoind takes no request above 32 MiB (MAX_SIZE, 0x02000000), in which a PSBT travels as base64: what is larger
could not be handed to a node, and no spend of ours comes near it."""
MAX_PSBT_FILE_BYTES = 2 * MAX_PSBT_BYTES + 64
"""The same PSBT in hex with its line end: whoever reads a file asks for its size before its bytes."""
LOCKTIME_THRESHOLD = 500_000_000
"""Lock times from here on are seconds, below they are heights (BIP-65, BIP-370)."""
FINAL_SEQUENCE = 0xFFFFFFFF
"""What an input of version 2 without a sequence has (BIP-370)."""

_HEX = re.compile(rb"(?:[0-9a-fA-F]{2})+")
_BASE64_HEAD = re.compile(rb"cHNidP[89+/]")
_INPUTS_MODIFIABLE, _OUTPUTS_MODIFIABLE, _HAS_SINGLE = 1, 2, 4
_FINAL_FIELDS = (b"\x07", b"\x08")
_SIGNATURE_FIELDS = (b"\x02", b"\x13", b"\x14")
_SCHNORR_BYTES = 64
_NONE, _SINGLE, _ANYONE_CAN_PAY = 2, 3, 0x80


@dataclass(frozen=True)
class ReceivedPsbt:
    """A PSBT as it came: its bytes as version 0, the ``form`` it had (binary, hex, base64) and its version."""

    raw_v0: bytes
    form: str
    version: int
    original: PsbtMaps

    @property
    def base64(self) -> str:
        """The PSBT of version 0 in base64, as the decoders take it."""
        return base64.b64encode(self.raw_v0).decode()


def _require_size(count: int, limit: int) -> None:
    if count > limit:
        raise PsbtTooLarge(f"{count} bytes are more than any spend has ({limit}).", "Ask for the PSBT alone.")


def psbt_bytes(data: bytes) -> tuple[bytes, str]:
    """The binary PSBT inside a file or a text, and its form: ``binary``, ``hex`` or ``base64``, told by its bytes.

    Raises:
        PsbtTooLarge: before anything is decoded.
        NotAPsbt: the bytes are none of the three.
    """
    _require_size(len(data), MAX_PSBT_FILE_BYTES)
    if data.startswith(MAGIC):
        raw, form = data, "binary"
    else:
        text = b"".join(data.split())
        if text[: 2 * len(MAGIC)].lower() == MAGIC.hex().encode() and _HEX.fullmatch(text):
            raw, form = bytes.fromhex(text.decode()), "hex"
        elif _BASE64_HEAD.match(text):
            raw, form = _from_base64(text), "base64"
        else:
            raise NotAPsbt(f"{len(data)} bytes are no PSBT in binary, hex or base64.", "Give the signer's PSBT file.")
    _require_size(len(raw), MAX_PSBT_BYTES)
    return raw, form


def _from_base64(text: bytes) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise NotAPsbt(f"The base64 of the PSBT is broken: {error}.", "Copy the PSBT again.") from None
    if base64.b64encode(raw) != text:
        raise NotAPsbt("The base64 of the PSBT has stray bits at its end.", "Copy the PSBT again.")
    return raw


def locktime_of(maps: PsbtMaps) -> int:
    """The transaction's lock time that a PSBT of version 2 asks for (BIP-370, "Determining Lock Time").

    Raises:
        ImpossibleLocktime: a required lock time is out of its range, or some inputs want a height and others a time.
    """
    heights: list[int | None] = []
    times: list[int | None] = []
    for number, entries in enumerate(maps.inputs):
        fields = dict(entries)
        height, time = (_optional_number(fields.get(key)) for key in (HEIGHT_LOCKTIME, TIME_LOCKTIME))
        if height is not None and not 0 < height < LOCKTIME_THRESHOLD:
            raise ImpossibleLocktime(f"Input {number} requires the height {height}.", "Ask for the PSBT again.")
        if time is not None and time < LOCKTIME_THRESHOLD:
            raise ImpossibleLocktime(f"Input {number} requires the time {time}.", "Ask for the PSBT again.")
        if height is not None or time is not None:
            heights.append(height)
            times.append(time)
    if not heights:
        return _optional_number(dict(maps.global_map).get(FALLBACK_LOCKTIME)) or 0
    for wanted in (heights, times):
        if None not in wanted:
            return max(value for value in wanted if value is not None)
    raise ImpossibleLocktime(
        "Some inputs require a height and others a time: no lock time is both.", "Spend them in two transactions."
    )


def _optional_number(value: bytes | None) -> int | None:
    return None if value is None else int.from_bytes(value, "little")


def _without(entries: Map, dropped: frozenset[bytes]) -> Map:
    return tuple((key, value) for key, value in entries if key not in dropped)


def unsigned_tx_of(maps: PsbtMaps) -> UnsignedTx:
    """The unsigned transaction of a PSBT of either version; raises ImpossibleLocktime."""
    fields = dict(maps.global_map)
    if maps.version == 0:
        return read_unsigned_tx(fields[UNSIGNED_TX])
    inputs = tuple(
        UnsignedInput(
            scope[PREVIOUS_TXID],
            int.from_bytes(scope[OUTPUT_INDEX], "little"),
            int.from_bytes(scope.get(SEQUENCE, FINAL_SEQUENCE.to_bytes(4, "little")), "little"),
        )
        for scope in map(dict, maps.inputs)
    )
    outputs = tuple((int.from_bytes(scope[AMOUNT], "little"), scope[SCRIPT]) for scope in map(dict, maps.outputs))
    version = int.from_bytes(fields[TX_VERSION], "little", signed=True)
    return UnsignedTx(version, inputs, outputs, locktime_of(maps))


def to_v0(maps: PsbtMaps) -> PsbtMaps:
    """The PSBT as version 0; one of version 0 as it is. The unsigned transaction takes the place of its version.

    What version 0 cannot say is left out: the flags of what may still change, and which input requires which lock
    time. :func:`to_v2` puts it back. Raises ImpossibleLocktime.
    """
    if maps.version == 0:
        return maps
    raw_tx = write_unsigned_tx(unsigned_tx_of(maps))
    kept = tuple(
        (UNSIGNED_TX, raw_tx) if key == TX_VERSION else (key, value)
        for key, value in maps.global_map
        if key == TX_VERSION or key not in V2_GLOBAL | {VERSION}
    )
    return PsbtMaps(
        0,
        kept,
        tuple(_without(entries, V2_INPUT) for entries in maps.inputs),
        tuple(_without(entries, V2_OUTPUT) for entries in maps.outputs),
    )


def to_v2(maps: PsbtMaps) -> PsbtMaps:
    """The PSBT as version 2; one of version 2 as it is. It has no modifiable flags: nothing may still be added."""
    if maps.version == V2:
        return maps
    tx = unsigned_tx_of(maps)
    head = (
        (TX_VERSION, tx.version.to_bytes(4, "little", signed=True)),
        (FALLBACK_LOCKTIME, tx.locktime.to_bytes(4, "little")),
        (INPUT_COUNT, write_compact(len(tx.inputs))),
        (OUTPUT_COUNT, write_compact(len(tx.outputs))),
        (VERSION, V2.to_bytes(4, "little")),
    )
    global_map: list[tuple[bytes, bytes]] = []
    for key, value in maps.global_map:
        if key == UNSIGNED_TX:
            global_map.extend(head)
        elif key != VERSION:
            global_map.append((key, value))
    inputs = (
        (
            *entries,
            (PREVIOUS_TXID, given.txid),
            (OUTPUT_INDEX, given.vout.to_bytes(4, "little")),
            (SEQUENCE, given.sequence.to_bytes(4, "little")),
        )
        for entries, given in zip(maps.inputs, tx.inputs, strict=True)
    )
    outputs = (
        (*entries, (AMOUNT, amount_sats.to_bytes(8, "little")), (SCRIPT, script))
        for entries, (amount_sats, script) in zip(maps.outputs, tx.outputs, strict=True)
    )
    return PsbtMaps(V2, tuple(global_map), tuple(inputs), tuple(outputs))


def receive_psbt(data: bytes) -> ReceivedPsbt:
    """A PSBT in binary, hex or base64, of version 0 or 2, as version 0.

    Raises:
        PsbtTooLarge, NotAPsbt, MalformedPsbt, MissingPsbtField, MixedPsbtVersions, UnknownPsbtVersion,
        ImpossibleLocktime: as their names say.
    """
    raw, form = psbt_bytes(data)
    maps = read_maps(raw)
    raw_v0 = raw if maps.version == 0 else write_maps(to_v0(maps))
    return ReceivedPsbt(raw_v0, form, maps.version, maps)


def _merged(original: Map, now: Map, own: frozenset[bytes]) -> Map:
    """The entries of now in the order of the original, with the original's own fields of version 2."""
    current = dict(now)
    kept = [(key, value if key in own else current[key]) for key, value in original if key in own or key in current]
    known = {key for key, _ in original}
    return (*kept, *((key, value) for key, value in now if key not in known and key != UNSIGNED_TX))


def _sighash(value: bytes, *, is_ecdsa: bool) -> int:
    if is_ecdsa:
        return value[-1] if value else 0
    return value[-1] if len(value) > _SCHNORR_BYTES else 0


def _flags_after(flags: int, original: PsbtMaps, now: PsbtMaps) -> int:
    """What may still change once the new signatures are in (BIP-370, "Signer")."""
    for before, after in zip(original.inputs, now.inputs, strict=True):
        known = {key for key, _ in before}
        for key, value in after:
            if key in known or key[:1] not in {*_SIGNATURE_FIELDS, *_FINAL_FIELDS}:
                continue
            kind = 1 if key[:1] in _FINAL_FIELDS else _sighash(value, is_ecdsa=key[:1] == _SIGNATURE_FIELDS[0])
            if not kind & _ANYONE_CAN_PAY:
                flags &= ~_INPUTS_MODIFIABLE
            if kind & 0x1F != _NONE:
                flags &= ~_OUTPUTS_MODIFIABLE
            if kind & 0x1F == _SINGLE:
                flags |= _HAS_SINGLE
    return flags


def answer_psbt(received: ReceivedPsbt, psbt_v0: bytes) -> bytes:
    """The PSBT ``psbt_v0`` (binary, version 0) in the form and version in which ``received`` came.

    A PSBT of version 2 gets back what version 0 could not say, and its flags are lowered by new signatures. Without
    any change this is the bytes that came, in one line where they were text.

    Raises:
        MalformedPsbt: it is of another transaction than the one that came.
    """
    now = read_maps(psbt_v0)
    if unsigned_tx_of(now) != unsigned_tx_of(received.original):
        raise MalformedPsbt("The answer is of another transaction than the PSBT that came.", "Build it again.")
    raw = psbt_v0 if received.version == 0 else write_maps(_as_it_came(received.original, now))
    if received.form == "hex":
        return raw.hex().encode()
    return base64.b64encode(raw) if received.form == "base64" else raw


def _as_it_came(original: PsbtMaps, now: PsbtMaps) -> PsbtMaps:
    flags = dict(original.global_map).get(TX_MODIFIABLE)
    global_map = original.global_map
    if flags is not None:
        after = bytes([_flags_after(flags[0], original, now)])
        global_map = tuple((key, after if key == TX_MODIFIABLE else value) for key, value in global_map)
    return replace(
        original,
        global_map=_merged(global_map, now.global_map, V2_GLOBAL | {VERSION}),
        inputs=tuple(_merged(a, b, V2_INPUT) for a, b in zip(original.inputs, now.inputs, strict=True)),
        outputs=tuple(_merged(a, b, V2_OUTPUT) for a, b in zip(original.outputs, now.outputs, strict=True)),
    )
