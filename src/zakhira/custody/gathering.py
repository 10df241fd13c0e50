"""Signatures of several signers brought together: each verified, and nothing else taken over from a returned PSBT."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from zakhira.custody.decoded import Decoded, DecodedInput
from zakhira.custody.decoders import decode_psbt
from zakhira.custody.psbt_fields import (
    IN_FINAL_WITNESS,
    IN_PARTIAL_SIG,
    IN_TAP_SCRIPT_SIG,
    SIGNATURE_FIELDS,
    field_name,
)
from zakhira.custody.psbt_maps import (
    UNSIGNED_TX,
    VERSION,
    ByteReader,
    Map,
    PsbtMaps,
    read_maps,
    read_unsigned_tx,
    write_maps,
    write_unsigned_tx,
)
from zakhira.custody.psbt_refusals import MalformedPsbt
from zakhira.custody.psbt_version import receive_psbt, unsigned_tx_of
from zakhira.custody.refusals import DifferentTransaction, InvalidSignature
from zakhira.custody.signatures import SignatureCheck, leaf_scripts
from zakhira.custody.signing_refusals import WrongFinalWitness

_KEY_BYTES, _XONLY_BYTES = 33, 32


@dataclass(frozen=True)
class Gathered:
    """A PSBT with the signatures that were taken over."""

    psbt: str
    """base64, version 0"""
    signed_by: tuple[tuple[str, int], ...]
    """of the signatures that this gathering added: the fingerprint of the master key and how many it gave, sorted"""
    dropped: tuple[str, ...]
    """what signers added or changed beside signatures, by name; none of it is in ``psbt``"""


def txid_of(raw_tx: bytes) -> str:
    """The id of a transaction without witnesses."""
    return hashlib.sha256(hashlib.sha256(raw_tx).digest()).digest()[::-1].hex()


def _returned_maps(data: bytes | str, raw_tx: bytes) -> PsbtMaps:
    """The maps (version 0) of what a signer returned; raises DifferentTransaction unless it is of this transaction."""
    received = receive_psbt(data.encode() if isinstance(data, str) else data)
    maps = read_maps(received.raw_v0)
    theirs = write_unsigned_tx(unsigned_tx_of(maps))
    if theirs != raw_tx:
        raise DifferentTransaction(
            f"Sent out was transaction {txid_of(raw_tx)}, returned is {txid_of(theirs)}.",
            "Treat that signer as compromised.",
        )
    return maps


def _strange(where: str, ours: Map, theirs: Map, taken: Iterable[bytes]) -> Iterable[str]:
    """The names of fields that a signer added, or gave another value, beside what is taken over."""
    known, used = dict(ours), set(taken)
    for key, value in theirs:
        if key not in used and known.get(key) != value:
            yield field_name(where, key) + (" (changed)" if key in known else "")


class _Gathering:
    """The base as maps, and the signatures found so far."""

    def __init__(self, base: Decoded, maps: PsbtMaps) -> None:
        self._base = base
        self._maps = maps
        self._check = SignatureCheck(base)
        self.signatures: list[dict[bytes, bytes]] = [_signatures(entries) for entries in maps.inputs]
        self.added: Counter[str] = Counter()
        self.dropped: set[str] = set()

    def take(self, theirs: PsbtMaps) -> None:
        """Take the signatures of one returned PSBT over; raises as :func:`gather` says."""
        # The fields that only version 2 has were left out on the way to version 0 and say nothing new.
        self.dropped.update(_strange("global", self._maps.global_map, theirs.global_map, (UNSIGNED_TX, VERSION)))
        for ours, other in zip(self._maps.outputs, theirs.outputs, strict=True):
            self.dropped.update(_strange("output", ours, other, ()))
        for number, (ours, other) in enumerate(zip(self._maps.inputs, theirs.inputs, strict=True)):
            taken = [key for key, value in other if self._took(number, key, value)]
            self.dropped.update(_strange("input", ours, other, taken))

    def _took(self, number: int, key: bytes, value: bytes) -> bool:
        """Whether a field is a signature, which is then verified and kept."""
        given = self._base.inputs[number]
        if key[:1] == IN_PARTIAL_SIG:
            self._check.require_ecdsa(number, key[1:].hex(), value)
        elif key[:1] == IN_TAP_SCRIPT_SIG:
            public_key, leaf = key[1 : 1 + _XONLY_BYTES].hex(), key[1 + _XONLY_BYTES :].hex()
            if leaf not in leaf_scripts(given):
                return False
            self._check.require_schnorr(number, public_key, leaf, value)
        elif key == IN_FINAL_WITNESS:
            for found, signature in self._out_of_witness(number, given, value):
                self._keep(number, given, found, signature)
            return True
        else:
            return False
        self._keep(number, given, key, value)
        return True

    def _keep(self, number: int, given: DecodedInput, key: bytes, signature: bytes) -> None:
        """Of two signatures of one key the shorter stays, or the lower: it must not matter which came first."""
        known = self.signatures[number].get(key)
        self.signatures[number][key] = min(known or signature, signature, key=lambda one: (len(one), one))
        if known is not None:
            return
        public_key = key[1 : 1 + (_XONLY_BYTES if given.is_taproot else _KEY_BYTES)].hex()
        self.added[next(mark for known, mark, _ in given.key_origins if known == public_key)] += 1

    def _out_of_witness(self, number: int, given: DecodedInput, witness: bytes) -> Iterable[tuple[bytes, bytes]]:
        """The signatures of an input that a signer made final at once, each with the key that it verifies for."""
        items = witness_items(witness)
        leaf = "" if not given.is_taproot else _leaf_of(given, items)
        if not given.is_taproot and (not items or items[-1].hex() != given.witness_script_hex):
            raise WrongFinalWitness(f"The final witness of {given.outpoint} is of another script.", "Ask again.")
        for signature in filter(None, items[: -2 if given.is_taproot else -1]):
            yield self._holder(number, given, leaf, signature), signature

    def _holder(self, number: int, given: DecodedInput, leaf: str, signature: bytes) -> bytes:
        for public_key, _, _ in given.key_origins:
            if given.is_taproot and self._check.is_schnorr(number, public_key, leaf, signature):
                return IN_TAP_SCRIPT_SIG + bytes.fromhex(public_key + leaf)
            if not given.is_taproot and self._check.is_ecdsa(number, public_key, signature):
                self._check.require_ecdsa(number, public_key, signature)
                return IN_PARTIAL_SIG + bytes.fromhex(public_key)
        raise InvalidSignature(f"A signature in the final witness of {given.outpoint} is by none of its keys.", "Ask.")

    def result(self) -> PsbtMaps:
        """The base with the signatures, sorted by key, so that the order in which they came leaves no trace."""
        inputs = tuple(
            (*((k, v) for k, v in entries if k[:1] not in SIGNATURE_FIELDS), *sorted(found.items()))
            for entries, found in zip(self._maps.inputs, self.signatures, strict=True)
        )
        return replace(self._maps, inputs=inputs)


def _signatures(entries: Map) -> dict[bytes, bytes]:
    return {key: value for key, value in entries if key[:1] in SIGNATURE_FIELDS}


def witness_items(raw: bytes) -> list[bytes]:
    """The items of a final witness, as the network writes them (BIP-144); raises MalformedPsbt."""
    reader = ByteReader(raw)
    items = [reader.take(reader.compact()) for _ in range(reader.compact())]
    if not reader.at_end():
        raise MalformedPsbt("A final witness is followed by further bytes.", "Ask for the PSBT again.")
    return items


def _leaf_of(given: DecodedInput, items: Sequence[bytes]) -> str:
    """The hash of the leaf that a final taproot witness shows; it must be one that the PSBT sent out shows."""
    if len(items) > 1:
        for leaf, (script, _) in leaf_scripts(given).items():
            shown = (items[-1].hex(), items[-2].hex())
            if script == shown[1] and shown[0] in {control for control, _ in given.taproot.leaves}:
                return leaf
    raise WrongFinalWitness(f"The final witness of {given.outpoint} is of another script.", "Ask that signer again.")


def gather(base_psbt: str, returned: Iterable[bytes | str], chain: str) -> Gathered:
    """The base (base64, version 0) with the signatures of what signers returned, in any order and from any place.

    What is returned may be of version 0 or 2, in binary, hex or base64, and may be final already. Each signature is
    verified against the scripts and amounts of the base; nothing else is taken over. Signatures that the base carries
    stay. The result is decoded twice.

    Raises:
        DifferentTransaction: something of another transaction was returned.
        ForeignSignature, WrongSighash, InvalidSignature, WrongFinalWitness: a signature that is not taken over.
        PsbtTooLarge, NotAPsbt, MalformedPsbt and the like: what was returned is not a PSBT.
        DecodersDisagree, Undecodable: of the base, or of the result.
    """
    base = decode_psbt(base_psbt, chain)
    maps = read_maps(base64.b64decode(base_psbt, validate=True))
    raw_tx = write_unsigned_tx(read_unsigned_tx(dict(maps.global_map)[UNSIGNED_TX]))
    gathering = _Gathering(base, maps)
    for data in returned:
        gathering.take(_returned_maps(data, raw_tx))
    text = base64.b64encode(write_maps(gathering.result())).decode()
    if without_signatures(decode_psbt(text, chain)) != without_signatures(base):
        raise DifferentTransaction("Gathering signatures changed the PSBT.", "Report this with both PSBTs.")
    return Gathered(text, tuple(sorted(gathering.added.items())), tuple(sorted(gathering.dropped)))


def without_signatures(decoded: Decoded) -> Decoded:
    """The decoded bytes without what signers may add."""
    return replace(
        decoded,
        inputs=tuple(
            replace(given, signatures=(), taproot=replace(given.taproot, signatures=())) for given in decoded.inputs
        ),
    )
