"""The first decoder: rust-bitcoin through bdkpython (BIP-174, BIP-144)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import bdkpython
from embit import compact

from zakhira.custody.bdk_psbt import bdk_psbt
from zakhira.custody.decoded import HARDENED, Decoded, DecodedInput, DecodedOutput, DecodedTransaction, Origin, Taproot
from zakhira.custody.descriptor import bdk_network

BDK_ERRORS = (
    bdkpython.InternalError,
    bdkpython.PsbtParseError,
    bdkpython.ExtractTxError,
    bdkpython.TransactionError,
    TypeError,
    ValueError,
    IndexError,
    KeyError,
)
"""What bdkpython and the reading of its JSON raise on bytes that they cannot read."""


def _parse_path(text: str) -> tuple[int, ...]:
    """``48'/1'/0`` as steps; rust-bitcoin writes it so."""
    steps = [step for step in text.removeprefix("m").split("/") if step]
    return tuple(int(step.rstrip("h'")) + (HARDENED if step[-1] in "h'" else 0) for step in steps)


def _bdk_origins(pairs: Sequence[Any]) -> tuple[Origin, ...]:
    return tuple(sorted((key, origin[0], _parse_path(origin[1])) for key, origin in pairs))


@lru_cache(maxsize=8192)
def address_by_bdk(script_hex: str, chain: str) -> str:
    """The address of a script as rust-bitcoin writes it; empty where it has none."""
    try:
        return str(bdkpython.Address.from_script(bdkpython.Script(bytes.fromhex(script_hex)), bdk_network(chain)))
    except bdkpython.FromScriptError:
        return ""


_SIGHASHES = {"SIGHASH_DEFAULT": 0, "SIGHASH_ALL": 1, "SIGHASH_NONE": 2, "SIGHASH_SINGLE": 3}


def _bdk_sighash(name: str) -> int:
    base, _, flag = name.partition("|")
    return _SIGHASHES[base] | (0x80 if flag else 0)


def _counted(data: bytes) -> bytes:
    return bytes(compact.to_bytes(len(data))) + data


def _bdk_txid(tx: dict[str, Any]) -> str:
    """The id of a transaction that rust-bitcoin has taken apart (BIP-144: without its witnesses)."""
    parts = [tx["version"].to_bytes(4, "little", signed=True), bytes(compact.to_bytes(len(tx["input"])))]
    for given in tx["input"]:
        txid, _, vout = given["previous_output"].partition(":")
        parts += [bytes.fromhex(txid)[::-1], int(vout).to_bytes(4, "little")]
        parts += [_counted(bytes.fromhex(given["script_sig"])), given["sequence"].to_bytes(4, "little")]
    parts.append(bytes(compact.to_bytes(len(tx["output"]))))
    for output in tx["output"]:
        parts += [output["value"].to_bytes(8, "little"), _counted(bytes.fromhex(output["script_pubkey"]))]
    parts.append(tx["lock_time"].to_bytes(4, "little"))
    return hashlib.sha256(hashlib.sha256(b"".join(parts)).digest()).digest()[::-1].hex()


def _bdk_ids(scopes: Sequence[dict[str, Any]]) -> list[str]:
    """The ids of whole previous transactions; inputs that spend one transaction usually stand together."""
    ids: list[str] = []
    last: dict[str, Any] | None = None
    for scope in scopes:
        whole = scope["non_witness_utxo"]
        ids.append("" if whole is None else ids[-1] if whole == last else _bdk_txid(whole))
        last = whole
    return ids


def _bdk_previous(whole: dict[str, Any] | None, txid: str, outpoint: str) -> tuple[str, int, str] | None:
    if whole is None:
        return None
    spent = whole["output"][int(outpoint.rpartition(":")[2])]
    return txid, spent["value"], spent["script_pubkey"]


def _bdk_leaf(control: dict[str, Any], script: list[Any]) -> tuple[str, str]:
    head = bytes([control["leaf_version"] | control["output_key_parity"]]).hex()
    return head + control["internal_key"] + "".join(control["merkle_branch"]), f"{script[0]}{script[1]:02x}"


def _bdk_tree(tree: list[Any] | None) -> tuple[tuple[int, int, str], ...]:
    """rust-bitcoin writes depth and leaf in turn."""
    pairs = zip(tree[::2], tree[1::2], strict=True) if tree else ()
    return tuple(sorted((depth, leaf["Script"][1], leaf["Script"][0]) for depth, leaf in pairs))


def _bdk_tap_signature(signature: dict[str, Any]) -> str:
    kind = _bdk_sighash(signature["sighash_type"])
    return str(signature["signature"]) + (f"{kind:02x}" if kind else "")


def _bdk_taproot(scope: dict[str, Any]) -> Taproot:
    known = [(key, leaves, origin) for key, (leaves, origin) in scope["tap_key_origins"] if origin[1]]
    return Taproot(
        internal_key=scope["tap_internal_key"] or "",
        merkle_root=scope.get("tap_merkle_root") or "",
        leaves=tuple(sorted(_bdk_leaf(control, script) for control, script in scope.get("tap_scripts", ()))),
        tree=_bdk_tree(scope.get("tap_tree")),
        origins=_bdk_origins([(key, origin) for key, _, origin in known]),
        leaf_hashes=tuple(sorted((key, tuple(sorted(leaves))) for key, leaves, _ in known)),
        signatures=tuple(
            sorted((key, leaf, _bdk_tap_signature(sig)) for (key, leaf), sig in scope.get("tap_script_sigs", ()))
        ),
    )


def _bdk_input(vin: dict[str, Any], scope: dict[str, Any], previous: str) -> DecodedInput:
    utxo = scope["witness_utxo"]
    signatures = sorted(
        (key, sig["signature"] + f"{_bdk_sighash(sig['sighash_type']):02x}")
        for key, sig in scope["partial_sigs"].items()
    )
    return DecodedInput(
        outpoint=vin["previous_output"],
        sequence=vin["sequence"],
        amount_sats=utxo["value"] if utxo else None,
        script_hex=utxo["script_pubkey"] if utxo else "",
        witness_script_hex=scope["witness_script"] or "",
        sighash=scope["sighash_type"]["inner"] if scope["sighash_type"] else None,
        origins=_bdk_origins(scope["bip32_derivation"]),
        signatures=tuple(signatures),
        previous=_bdk_previous(scope["non_witness_utxo"], previous, vin["previous_output"]),
        is_final=scope["final_script_witness"] is not None or scope["final_script_sig"] is not None,
        taproot=_bdk_taproot(scope),
    )


def _bdk_output(vout: dict[str, Any], scope: dict[str, Any], chain: str) -> DecodedOutput:
    return DecodedOutput(
        address_by_bdk(vout["script_pubkey"], chain),
        vout["script_pubkey"],
        vout["value"],
        _bdk_origins(scope["bip32_derivation"]),
        scope["witness_script"] or "",
        _bdk_taproot(scope),
    )


_OURS_TAP = {"tap_key_origins", "tap_internal_key"}
_OURS_GLOBAL = {"unsigned_tx", "version", "proprietary", "inputs", "outputs"}
_OURS_IN = _OURS_TAP | {
    "non_witness_utxo",
    "witness_utxo",
    "partial_sigs",
    "sighash_type",
    "witness_script",
    "bip32_derivation",
    "final_script_sig",
    "final_script_witness",
    "tap_script_sigs",
    "tap_scripts",
    "tap_merkle_root",
}
_OURS_OUT = _OURS_TAP | {"witness_script", "bip32_derivation", "tap_tree"}


def _bdk_unknown(scope: dict[str, Any], ours: set[str], where: str) -> list[str]:
    return [f"{where}.{name}" for name, value in scope.items() if name not in ours and value]


def _bdk_proprietary(psbt: dict[str, Any]) -> tuple[str, list[str]]:
    """Our instruction's hash, and every other proprietary field of the global map."""
    found, strangers = "", []
    for key, value in psbt["proprietary"]:
        if (key["prefix"], key["subtype"], key["key"]) == (b"zakhira".hex(), 0, ""):
            found = value
        else:
            strangers.append("global.proprietary")
    return found, strangers


def psbt_by_bdk(psbt_base64: str, chain: str) -> Decoded:
    """A PSBT as rust-bitcoin reads it; raises BDK_ERRORS."""
    parsed = bdk_psbt(psbt_base64)
    psbt = json.loads(parsed.json_serialize())
    tx = psbt["unsigned_tx"]
    instruction_hash, unknown = _bdk_proprietary(psbt)
    unknown += _bdk_unknown(psbt, _OURS_GLOBAL, "global")
    for scope in psbt["inputs"]:
        unknown += _bdk_unknown(scope, _OURS_IN, "input")
    for scope in psbt["outputs"]:
        unknown += _bdk_unknown(scope, _OURS_OUT, "output")
    return Decoded(
        version=tx["version"],
        locktime=tx["lock_time"],
        inputs=tuple(map(_bdk_input, tx["input"], psbt["inputs"], _bdk_ids(psbt["inputs"]))),
        outputs=tuple(
            _bdk_output(vout, scope, chain) for vout, scope in zip(tx["output"], psbt["outputs"], strict=True)
        ),
        instruction_hash=instruction_hash,
        unknown_fields=tuple(sorted({name.split(".")[0] for name in unknown})),
        txid=str(parsed.extract_tx_unchecked_fee_rate().compute_txid()),
    )


def transaction_by_bdk(raw: bytes) -> DecodedTransaction:
    """A signed transaction as rust-bitcoin reads it; raises BDK_ERRORS."""
    tx = bdkpython.Transaction(raw)
    given = tx.input()
    return DecodedTransaction(
        version=tx.version(),
        locktime=tx.lock_time(),
        inputs=tuple((f"{i.previous_output.txid}:{i.previous_output.vout}", i.sequence) for i in given),
        outputs=tuple((o.script_pubkey.to_bytes().hex(), o.value.to_sat()) for o in tx.output()),
        witnesses=tuple(tuple(bytes(item).hex() for item in i.witness) for i in given),
        txid=str(tx.compute_txid()),
        vsize=tx.vsize(),
    )
