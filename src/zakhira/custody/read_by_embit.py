"""The second decoder: embit (BIP-174, BIP-144)."""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from typing import Any

from embit import compact
from embit.psbt import OutputScope
from embit.script import Script
from embit.transaction import Transaction

from zakhira.custody.decoded import (
    INSTRUCTION_KEY,
    Decoded,
    DecodedInput,
    DecodedOutput,
    DecodedTransaction,
    Origin,
    Taproot,
)
from zakhira.custody.descriptor import EMBIT_ERRORS, embit_network
from zakhira.custody.exact_psbt import ExactPsbt
from zakhira.custody.psbt_maps import ByteReader
from zakhira.custody.refusals import Undecodable

_TAP_TREE = b"\x06"
"""PSBT_OUT_TAP_TREE, which embit keeps as it is."""


def _embit_origins(derivations: dict[Any, Any]) -> tuple[Origin, ...]:
    return tuple(
        sorted((key.sec().hex(), bytes(o.fingerprint).hex(), tuple(o.derivation)) for key, o in derivations.items())
    )


def _embit_tree(raw: bytes | None) -> tuple[tuple[int, int, str], ...]:
    """Depth, leaf version and script of each leaf, as PSBT_OUT_TAP_TREE has them (BIP-371)."""
    found, reader = [], ByteReader(raw or b"")
    while not reader.at_end():
        found.append((reader.number(1), reader.number(1), reader.take(reader.compact()).hex()))
    return tuple(sorted(found))


def _embit_taproot(scope: Any) -> Taproot:  # noqa: ANN401  # embit ships no types
    known = {
        key.xonly().hex(): (hashes, origin)
        for key, (hashes, origin) in scope.taproot_bip32_derivations.items()
        if origin.derivation
    }
    internal = scope.taproot_internal_key
    signatures = getattr(scope, "taproot_sigs", {})
    return Taproot(
        internal_key=internal.xonly().hex() if internal is not None else "",
        merkle_root=(getattr(scope, "taproot_merkle_root", None) or b"").hex(),
        leaves=tuple(sorted((k.hex(), v.hex()) for k, v in getattr(scope, "taproot_scripts", {}).items())),
        tree=_embit_tree(scope.unknown.get(_TAP_TREE)) if isinstance(scope, OutputScope) else (),
        origins=tuple(sorted((key, bytes(o.fingerprint).hex(), tuple(o.derivation)) for key, (_, o) in known.items())),
        leaf_hashes=tuple(sorted((key, tuple(sorted(h.hex() for h in hashes))) for key, (hashes, _) in known.items())),
        signatures=tuple(sorted((key.xonly().hex(), leaf.hex(), v.hex()) for (key, leaf), v in signatures.items())),
    )


@lru_cache(maxsize=8192)
def address_by_embit(script: bytes, chain: str) -> str:
    """The address of a script as embit writes it; empty where it has none."""
    try:
        address: str = Script(script).address(embit_network(chain))
    except EMBIT_ERRORS:
        return ""
    return address


def _embit_input(scope: Any) -> DecodedInput:  # noqa: ANN401  # embit ships no types
    utxo, whole = scope.witness_utxo, scope.non_witness_utxo
    spent = whole.vout[scope.vout] if whole is not None else None
    return DecodedInput(
        outpoint=f"{scope.txid.hex()}:{scope.vout}",
        sequence=scope.sequence,
        amount_sats=utxo.value if utxo else None,
        script_hex=utxo.script_pubkey.data.hex() if utxo else "",
        witness_script_hex=scope.witness_script.data.hex() if scope.witness_script else "",
        sighash=scope.sighash_type,
        origins=_embit_origins(scope.bip32_derivations),
        signatures=tuple(sorted((key.sec().hex(), sig.hex()) for key, sig in scope.partial_sigs.items())),
        previous=(scope.previous_id, spent.value, spent.script_pubkey.data.hex()) if spent is not None else None,
        is_final=scope.final_scriptwitness is not None or scope.final_scriptsig is not None,
        taproot=_embit_taproot(scope),
    )


def _embit_unknown(psbt: ExactPsbt) -> tuple[str, ...]:
    found = set()
    if psbt.xpubs or set(psbt.unknown) - {INSTRUCTION_KEY} or psbt.version not in {None, 0}:
        found.add("global")
    if any(scope.unknown or scope.redeem_script for scope in psbt.inputs):
        found.add("input")
    if any(set(scope.unknown) - {_TAP_TREE} or scope.redeem_script for scope in psbt.outputs):
        found.add("output")
    return tuple(sorted(found))


def psbt_by_embit(psbt: ExactPsbt, chain: str) -> Decoded:
    """A PSBT as embit reads it; raises EMBIT_ERRORS."""
    return Decoded(
        version=psbt.tx_version,
        locktime=psbt.locktime,
        inputs=tuple(_embit_input(scope) for scope in psbt.inputs),
        outputs=tuple(
            DecodedOutput(
                address_by_embit(scope.script_pubkey.data, chain),
                scope.script_pubkey.data.hex(),
                scope.value,
                _embit_origins(scope.bip32_derivations),
                scope.witness_script.data.hex() if scope.witness_script else "",
                _embit_taproot(scope),
            )
            for scope in psbt.outputs
        ),
        instruction_hash=psbt.unknown.get(INSTRUCTION_KEY, b"").hex(),
        unknown_fields=_embit_unknown(psbt),
        txid=psbt.tx.txid().hex(),
    )


def parse_psbt(psbt_base64: str) -> ExactPsbt:
    """The PSBT as embit reads it, strictly in base64; raises Undecodable."""
    try:
        psbt: ExactPsbt = ExactPsbt.parse(base64.b64decode(psbt_base64, validate=True))
    except (binascii.Error, *EMBIT_ERRORS) as error:
        raise Undecodable(f"embit does not read the PSBT: {error!r}.", "Ask for the bytes again.") from None
    return psbt


def _compact(count: int) -> bytes:
    encoded: bytes = compact.to_bytes(count)
    return encoded


def transaction_by_embit(raw: bytes) -> DecodedTransaction:
    """A signed transaction as embit reads it; raises EMBIT_ERRORS."""
    tx = Transaction.parse(raw)
    stripped = sum(len(i.serialize()) for i in tx.vin) + sum(len(o.serialize()) for o in tx.vout)
    counts = sum(len(_compact(n)) for n in (len(tx.vin), len(tx.vout)))
    weight = 3 * (8 + counts + stripped) + len(raw)
    return DecodedTransaction(
        version=tx.version,
        locktime=tx.locktime,
        inputs=tuple((f"{i.txid.hex()}:{i.vout}", i.sequence) for i in tx.vin),
        outputs=tuple((o.script_pubkey.data.hex(), o.value) for o in tx.vout),
        witnesses=tuple(tuple(item.hex() for item in i.witness.items) for i in tx.vin),
        txid=tx.txid().hex(),
        vsize=-(-weight // 4),
    )
