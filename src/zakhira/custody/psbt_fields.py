"""The fields of a PSBT's inputs and outputs: written for a place of a vault, and named (BIP-174, BIP-371)."""

from __future__ import annotations

from collections.abc import Iterable

from zakhira.custody.checks import LEAF_VERSION
from zakhira.custody.coin import Coin
from zakhira.custody.decoded import Origin
from zakhira.custody.descriptor import Place
from zakhira.custody.psbt_maps import Map, write_compact

IN_NON_WITNESS_UTXO, IN_WITNESS_UTXO, IN_PARTIAL_SIG = b"\x00", b"\x01", b"\x02"
IN_WITNESS_SCRIPT, IN_DERIVATION, IN_FINAL_WITNESS = b"\x05", b"\x06", b"\x08"
IN_TAP_SCRIPT_SIG, IN_TAP_LEAF_SCRIPT, IN_TAP_DERIVATION = b"\x14", b"\x15", b"\x16"
IN_TAP_INTERNAL_KEY, IN_TAP_MERKLE_ROOT = b"\x17", b"\x18"
OUT_WITNESS_SCRIPT, OUT_DERIVATION, OUT_TAP_INTERNAL_KEY, OUT_TAP_TREE = b"\x01", b"\x02", b"\x05", b"\x06"
OUT_TAP_DERIVATION = b"\x07"
SIGNATURE_FIELDS = frozenset({IN_PARTIAL_SIG, IN_TAP_SCRIPT_SIG})

_PROPRIETARY = b"\xfc"
_NAMES = {
    "global": {0x00: "UNSIGNED_TX", 0x01: "XPUB", 0x07: "SP_ECDH_SHARE", 0x08: "SP_DLEQ", 0x09: "SIGNED_MESSAGE"},
    "input": {
        0x00: "NON_WITNESS_UTXO",
        0x01: "WITNESS_UTXO",
        0x02: "PARTIAL_SIG",
        0x03: "SIGHASH_TYPE",
        0x04: "REDEEM_SCRIPT",
        0x05: "WITNESS_SCRIPT",
        0x06: "BIP32_DERIVATION",
        0x07: "FINAL_SCRIPTSIG",
        0x08: "FINAL_SCRIPTWITNESS",
        0x09: "POR_COMMITMENT",
        0x0A: "RIPEMD160",
        0x0B: "SHA256",
        0x0C: "HASH160",
        0x0D: "HASH256",
        0x13: "TAP_KEY_SIG",
        0x14: "TAP_SCRIPT_SIG",
        0x15: "TAP_LEAF_SCRIPT",
        0x16: "TAP_BIP32_DERIVATION",
        0x17: "TAP_INTERNAL_KEY",
        0x18: "TAP_MERKLE_ROOT",
        0x1A: "MUSIG2_PARTICIPANT_PUBKEYS",
        0x1B: "MUSIG2_PUB_NONCE",
        0x1C: "MUSIG2_PARTIAL_SIG",
    },
    "output": {
        0x00: "REDEEM_SCRIPT",
        0x01: "WITNESS_SCRIPT",
        0x02: "BIP32_DERIVATION",
        0x05: "TAP_INTERNAL_KEY",
        0x06: "TAP_TREE",
        0x07: "TAP_BIP32_DERIVATION",
        0x08: "MUSIG2_PARTICIPANT_PUBKEYS",
        0x35: "DNSSEC_PROOF",
    },
}
"""BIP-174's registry of field types, of version 0."""
_LONGEST_SHOWN = 16
"""How many bytes of a key that nobody knows a name shows."""


def field_name(where: str, key: bytes) -> str:
    """What a field is called: ``input BIP32_DERIVATION``, or its key in hex where the registry knows no name.

    ``where`` is ``global``, ``input`` or ``output``.
    """
    known = _NAMES[where].get(key[0])
    if known is not None:
        return f"{where} {known}"
    if key[:1] == _PROPRIETARY and len(key) > 1:
        owner = key[2 : 2 + key[1]]
        return f"{where} PROPRIETARY of {owner.decode('ascii', 'replace')!a}"
    shown = key[:_LONGEST_SHOWN].hex() + ("..." if len(key) > _LONGEST_SHOWN else "")
    return f"{where} field {shown}"


def output_value(amount_sats: int, script: bytes) -> bytes:
    """A transaction's output as a field's value: amount and script."""
    return amount_sats.to_bytes(8, "little") + write_compact(len(script)) + script


def _derivation(origin: Origin) -> bytes:
    _, fingerprint, path = origin
    return bytes.fromhex(fingerprint) + b"".join(step.to_bytes(4, "little") for step in path)


def _derivations(place: Place, plain: bytes, tap: bytes) -> Iterable[tuple[bytes, bytes]]:
    """Where the place's keys come from; in taproot with the leaves that name each (BIP-371)."""
    leaves = dict(place.leaf_hashes)
    for origin in place.origins:
        key, value = bytes.fromhex(origin[0]), _derivation(origin)
        if place.is_taproot:
            hashes = [bytes.fromhex(leaf) for leaf in leaves[origin[0]]]
            yield tap + key, write_compact(len(hashes)) + b"".join(hashes) + value
        else:
            yield plain + key, value


def input_fields(place: Place, coin: Coin, path: str, previous: bytes | None = None) -> Map:
    """What an input says of the coin that it spends, by a path of its vault.

    In taproot only the leaf of the path is shown, so that no signer can sign another one. ``previous`` is the whole
    previous transaction without witnesses. No sighash type is named: signers then sign everything (ALL, in taproot
    DEFAULT), and bitcoind's wallet refuses a PSBT that names ALL unless it is told the same word.
    """
    head = ((IN_NON_WITNESS_UTXO, previous),) if previous is not None else ()
    common: Map = (*head, (IN_WITNESS_UTXO, output_value(coin.amount_sats, bytes.fromhex(coin.script_hex))))
    origins = tuple(_derivations(place, IN_DERIVATION, IN_TAP_DERIVATION))
    if not place.is_taproot:
        return (*common, (IN_WITNESS_SCRIPT, bytes.fromhex(place.witness_script_hex)), *origins)
    leaf = place.leaf(path)
    return (
        *common,
        (IN_TAP_LEAF_SCRIPT + bytes.fromhex(leaf.control_block_hex), bytes.fromhex(leaf.script_hex + LEAF_VERSION)),
        *origins,
        (IN_TAP_INTERNAL_KEY, bytes.fromhex(place.internal_key)),
        (IN_TAP_MERKLE_ROOT, bytes.fromhex(place.merkle_root)),
    )


def _tree(place: Place) -> bytes:
    """Depth, version and script of each leaf (BIP-371): one leaf at the root, or two below it."""
    depth = len(place.leaves) - 1
    parts = []
    for leaf in place.leaves:
        script = bytes.fromhex(leaf.script_hex)
        parts += [bytes([depth]), bytes.fromhex(LEAF_VERSION), write_compact(len(script)), script]
    return b"".join(parts)


def output_fields(place: Place) -> Map:
    """What an output says of the place of ours that it pays, so that a signer can derive it anew."""
    origins = tuple(_derivations(place, OUT_DERIVATION, OUT_TAP_DERIVATION))
    if not place.is_taproot:
        return ((OUT_WITNESS_SCRIPT, bytes.fromhex(place.witness_script_hex)), *origins)
    return (
        (OUT_TAP_INTERNAL_KEY, bytes.fromhex(place.internal_key)),
        (OUT_TAP_TREE, _tree(place)),
        *origins,
    )
