"""The first decoder: rust-bitcoin through bdkpython (BIP-174, BIP-144)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import bdkpython

from zakhira.custody.decoded import HARDENED, Decoded, DecodedInput, DecodedOutput, DecodedTransaction, Origin
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


def _bdk_address(script_hex: str, chain: str) -> str:
    try:
        return str(bdkpython.Address.from_script(bdkpython.Script(bytes.fromhex(script_hex)), bdk_network(chain)))
    except bdkpython.FromScriptError:
        return ""


_SIGHASHES = {"SIGHASH_ALL": 1, "SIGHASH_NONE": 2, "SIGHASH_SINGLE": 3}


def _bdk_sighash(name: str) -> int:
    base, _, flag = name.partition("|")
    return _SIGHASHES[base] | (0x80 if flag else 0)


def _spent_index(outpoint: str) -> int:
    return int(outpoint.rpartition(":")[2])


def _bdk_previous(whole: Any, outpoint: str) -> tuple[str, int, str]:  # noqa: ANN401  # bdkpython ships no types
    spent = whole.output()[_spent_index(outpoint)]
    return str(whole.compute_txid()), spent.value.to_sat(), spent.script_pubkey.to_bytes().hex()


def _bdk_input(vin: dict[str, Any], scope: dict[str, Any], whole: Any) -> DecodedInput:  # noqa: ANN401
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
        previous=_bdk_previous(whole, vin["previous_output"]) if whole is not None else None,
        is_final=scope["final_script_witness"] is not None or scope["final_script_sig"] is not None,
    )


_OURS_GLOBAL = {"unsigned_tx", "version", "proprietary", "inputs", "outputs"}
_OURS_IN = {
    "non_witness_utxo",
    "witness_utxo",
    "partial_sigs",
    "sighash_type",
    "witness_script",
    "bip32_derivation",
    "final_script_sig",
    "final_script_witness",
}
_OURS_OUT = {"witness_script", "bip32_derivation"}


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
    parsed = bdkpython.Psbt(psbt_base64)
    psbt = json.loads(parsed.json_serialize())
    tx = psbt["unsigned_tx"]
    has_previous = any(scope["non_witness_utxo"] for scope in psbt["inputs"])
    wholes = [given.non_witness_utxo for given in parsed.input()] if has_previous else [None] * len(psbt["inputs"])
    instruction_hash, unknown = _bdk_proprietary(psbt)
    unknown += _bdk_unknown(psbt, _OURS_GLOBAL, "global")
    for scope in psbt["inputs"]:
        unknown += _bdk_unknown(scope, _OURS_IN, "input")
    for scope in psbt["outputs"]:
        unknown += _bdk_unknown(scope, _OURS_OUT, "output")
    outputs = tuple(
        DecodedOutput(
            _bdk_address(vout["script_pubkey"], chain),
            vout["script_pubkey"],
            vout["value"],
            _bdk_origins(scope["bip32_derivation"]),
        )
        for vout, scope in zip(tx["output"], psbt["outputs"], strict=True)
    )
    return Decoded(
        version=tx["version"],
        locktime=tx["lock_time"],
        inputs=tuple(
            _bdk_input(vin, scope, whole) for vin, scope, whole in zip(tx["input"], psbt["inputs"], wholes, strict=True)
        ),
        outputs=outputs,
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
