"""The spending conditions that the twin's chain understands: P2WPKH and P2WSH multisig (BIP-141, BIP-143)."""

from __future__ import annotations

from collections.abc import Sequence

from embit import ec, hashes
from embit.base import EmbitError
from embit.script import Script, p2pkh_from_p2wpkh
from embit.transaction import SIGHASH, Transaction

_OP_1, _OP_16, _CHECKMULTISIG = 0x51, 0x60, 0xAE
_KEY_PUSH = 33
_P2WPKH, _P2WSH = (b"\x00\x14", 22), (b"\x00\x20", 34)


def is_satisfied(transaction: Transaction, index: int, script: bytes, amount_sats: int) -> bool:
    """Whether the input's witness satisfies the script that it spends; any other kind of script is a no."""
    witness = [bytes(item) for item in transaction.vin[index].witness.items]
    if transaction.vin[index].script_sig.data:
        return False
    try:
        if (script[:2], len(script)) == _P2WPKH:
            return _by_key(transaction, index, script, amount_sats, witness)
        if (script[:2], len(script)) == _P2WSH:
            return _by_quorum(transaction, index, script, amount_sats, witness)
    except (EmbitError, ValueError):
        return False
    return False


def _by_key(transaction: Transaction, index: int, script: bytes, amount_sats: int, witness: Sequence[bytes]) -> bool:
    if len(witness) != len(("signature", "key")) or hashes.hash160(witness[1]) != script[2:]:
        return False
    digest = transaction.sighash_segwit(index, p2pkh_from_p2wpkh(Script(script)), amount_sats)
    return _signed(witness[1], witness[0], digest)


def _by_quorum(transaction: Transaction, index: int, script: bytes, amount_sats: int, witness: Sequence[bytes]) -> bool:
    if len(witness) <= len(("dummy", "script")) or witness[0] or hashes.sha256(witness[-1]) != script[2:]:
        return False
    threshold, keys = _multisig(witness[-1])
    signatures = witness[1:-1]
    if threshold == 0 or len(signatures) != threshold:
        return False
    digest = transaction.sighash_segwit(index, Script(witness[-1]), amount_sats)
    rest = iter(keys)
    return all(any(_signed(key, signature, digest) for key in rest) for signature in signatures)


def _multisig(script: bytes) -> tuple[int, list[bytes]]:
    """Threshold and keys of ``m key... n OP_CHECKMULTISIG``; threshold 0 for anything else."""
    keys = [script[at + 1 : at + 1 + _KEY_PUSH] for at in range(1, len(script) - 2, 1 + _KEY_PUSH)]
    expected = bytes([script[0]]) + b"".join(bytes([_KEY_PUSH]) + key for key in keys)
    expected += bytes([_OP_1 - 1 + len(keys), _CHECKMULTISIG])
    is_multisig = script == expected and _OP_1 <= script[0] <= _OP_16
    return (script[0] - _OP_1 + 1 if is_multisig else 0), keys


def _signed(key: bytes, signature: bytes, digest: bytes) -> bool:
    if not signature or signature[-1] != SIGHASH.ALL:
        return False
    return bool(ec.PublicKey.parse(key).verify(ec.Signature.parse(signature[:-1]), digest))
