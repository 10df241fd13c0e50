"""What a spend weighs once it is signed, for each template and path (BIP-141, BIP-341)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from embit import compact

from zakhira.custody.coin import MAIN, RECOVERY
from zakhira.programme.model import Recovery, Vault

SEGWIT_SCALE = 4
"""Weight of a byte outside the witness (BIP-141)."""
ECDSA_BYTES = 72
"""The longest low-S DER signature (71) and its sighash byte."""
SCHNORR_BYTES = 64
"""A signature with the default sighash (BIP-341)."""
VAULT_SCRIPT_BYTES = 34
"""The output script of every template: P2WSH or P2TR."""
_OUTPOINT_AND_SEQUENCE_BYTES = 36 + 1 + 4
_CONTROL_BYTES = 33
"""Leaf version with parity, and the internal key; 32 more for each level of the tree (BIP-341)."""
_KEY_BYTES = 34
"""A 33-byte key and its push in ``multi``, or a 32-byte key with its push and opcode in ``multi_a``."""


_SMALL_NUMBER = 16
"""The largest number with an opcode of its own, OP_16."""


def compact_bytes(count: int) -> int:
    """How many bytes a count takes."""
    return len(compact.to_bytes(count))


def number_bytes(number: int) -> int:
    """How many script bytes push a number: one up to 16, else its length and its signed little-endian bytes."""
    return 1 if number <= _SMALL_NUMBER else 1 + (number.bit_length() + 8) // 8


def _witness_bytes(items: Sequence[int]) -> int:
    return compact_bytes(len(items)) + sum(compact_bytes(item) + item for item in items)


def _timed_bytes(keys: int, lock: int) -> int:
    """``and_v(v:multi(...),older|after(lock))``: the multisig, the number and the opcode that checks it."""
    return 3 + _KEY_BYTES * keys + number_bytes(lock) + 1


def script_bytes(vault: Vault) -> int:
    """Length of the witness script of a wsh vault."""
    plain = 3 + _KEY_BYTES * len(vault.keys)
    if vault.template == "held":
        return _timed_bytes(len(vault.keys), vault.held_until_height)
    if vault.template == "decaying" and vault.recovery is not None:
        return plain + 3 + _timed_bytes(len(vault.recovery.keys), vault.recovery.after_blocks)
    return plain


def _wsh_items(vault: Vault, path: str, recovery: Recovery | None) -> list[int]:
    if path == RECOVERY and recovery is not None:
        given = [0, *[ECDSA_BYTES] * recovery.threshold, *[0] * (vault.threshold + 1)]
    else:
        given = [0, *[ECDSA_BYTES] * vault.threshold]
    return [*given, script_bytes(vault)]


def _taproot_items(vault: Vault, path: str, recovery: Recovery | None) -> list[int]:
    control = _CONTROL_BYTES + (32 if recovery is not None else 0)
    if path == RECOVERY and recovery is not None:
        threshold, keys = recovery.threshold, len(recovery.keys)
        leaf = 2 + _KEY_BYTES * keys + number_bytes(recovery.after_blocks) + 1
    else:
        threshold, keys = vault.threshold, len(vault.keys)
        leaf = 2 + _KEY_BYTES * keys
    return [*[SCHNORR_BYTES] * threshold, *[0] * (keys - threshold), leaf, control]


def satisfaction_weight(vault: Vault, path: str = MAIN) -> int:
    """Weight of the witness of one input, its count included, with signatures of full length."""
    items = _taproot_items if vault.template == "taproot" else _wsh_items
    return _witness_bytes(items(vault, path, vault.recovery))


def input_weight(vault: Vault, path: str = MAIN) -> int:
    """Weight of one input of the vault, at most: outpoint, empty script, sequence and witness."""
    return SEGWIT_SCALE * _OUTPOINT_AND_SEQUENCE_BYTES + satisfaction_weight(vault, path)


def spend_weight(vault: Vault, inputs: int, output_script_bytes: Sequence[int], path: str = MAIN) -> int:
    """Weight of the finalised transaction, at most."""
    outputs = sum(8 + compact_bytes(size) + size for size in output_script_bytes)
    frame = 4 + compact_bytes(inputs) + compact_bytes(len(output_script_bytes)) + outputs + 4
    return SEGWIT_SCALE * frame + 2 + inputs * input_weight(vault, path)


def spend_vsize(vault: Vault, inputs: int, output_script_bytes: Sequence[int], path: str = MAIN) -> int:
    """Virtual bytes of the finalised transaction, at most (BIP-141)."""
    return math.ceil(spend_weight(vault, inputs, output_script_bytes, path) / SEGWIT_SCALE)
