"""What nodes relay: weight of a transaction, kinds of output scripts and the dust limit of each (BIP-141)."""

from __future__ import annotations

from collections.abc import Iterable

from zakhira.custody.spend_refusals import BadPayment
from zakhira.custody.weight import SEGWIT_SCALE, compact_bytes
from zakhira.kernel.money import MAX_MONEY_SATS

MAX_STANDARD_WEIGHT = 400_000
"""Heavier transactions are not relayed (Bitcoin Core, policy.h, MAX_STANDARD_TX_WEIGHT)."""
DUST_RELAY_SAT_PER_KVB = 3_000
"""Bitcoin Core, policy.h, DUST_RELAY_TX_FEE."""
_SPEND_LEGACY_VBYTES = 32 + 4 + 1 + 107 + 4
_SPEND_WITNESS_VBYTES = 32 + 4 + 1 + 107 // 4 + 4
"""What spending an output is taken to cost in virtual bytes (Bitcoin Core, policy.cpp, GetDustThreshold)."""
_FRAME_BYTES = 4 + 4
"""Version and lock time."""
_MARKER_WEIGHT = 2
"""The segwit marker and flag."""
_FIXED_SCRIPTS = (
    ("p2pkh", 25, bytes.fromhex("76a914"), bytes.fromhex("88ac")),
    ("p2sh", 23, bytes.fromhex("a914"), bytes.fromhex("87")),
    ("p2wpkh", 22, bytes.fromhex("0014"), b""),
    ("p2wsh", 34, bytes.fromhex("0020"), b""),
    ("p2tr", 34, bytes.fromhex("5120"), b""),
    ("p2a", 4, bytes.fromhex("51024e73"), b""),
)
_OP_2, _OP_16 = 0x52, 0x60


def virtual_bytes(weight: int) -> int:
    """Virtual bytes of a weight, rounded up (BIP-141)."""
    return -(-weight // SEGWIT_SCALE)


def output_weight(script_bytes: int) -> int:
    """Weight of an output: eight bytes of amount, the script and its length."""
    return SEGWIT_SCALE * (8 + compact_bytes(script_bytes) + script_bytes)


def frame_weight(inputs: int, output_script_bytes: Iterable[int]) -> int:
    """Weight of everything but the inputs: version, lock time, marker, both counts and the outputs."""
    sizes = tuple(output_script_bytes)
    counts = compact_bytes(inputs) + compact_bytes(len(sizes))
    return SEGWIT_SCALE * (_FRAME_BYTES + counts) + _MARKER_WEIGHT + sum(map(output_weight, sizes))


def transaction_weight(input_weights: Iterable[int], output_script_bytes: Iterable[int]) -> int:
    """Weight of a segwit transaction whose inputs weigh ``input_weights``, witnesses included."""
    weights = tuple(input_weights)
    return frame_weight(len(weights), output_script_bytes) + sum(weights)


def script_kind(script_hex: str) -> str:
    """The kind of a script that may be paid to: p2pkh, p2sh, p2wpkh, p2wsh, p2tr, p2a or witness (a later version).

    Raises:
        BadPayment: nodes would not relay a payment to it, or nobody could spend it.
    """
    try:
        script = bytes.fromhex(script_hex)
    except ValueError:
        raise BadPayment(f"{script_hex[:40]!r} is not a script in hex.", "Derive it from an address.") from None
    for kind, length, head, tail in _FIXED_SCRIPTS:
        if len(script) == length and script.startswith(head) and script.endswith(tail):
            return kind
    # A program of 2 to 40 bytes under a version that has no meaning yet is relayed (BIP-141, BIP-350).
    later = 4 <= len(script) <= 42 and script[1] == len(script) - 2  # noqa: PLR2004  # opcode, length, 2..40
    if later and _OP_2 <= script[0] <= _OP_16:
        return "witness"
    raise BadPayment(
        f"A payment to the script {script_hex[:40]} is not relayed or cannot be spent.",
        "Pay to an address of kind P2PKH, P2SH, P2WPKH, P2WSH or P2TR.",
    )


def dust_limit_sats(script_hex: str) -> int:
    """The least amount that nodes relay to this script: 3 sat/vB x (output + the input that spends it).

    P2PKH 546, P2SH 540, P2WPKH 294, P2WSH and P2TR 330 (Bitcoin Core, policy.cpp, GetDustThreshold).
    """
    is_legacy = script_kind(script_hex) in {"p2pkh", "p2sh"}
    spend_vbytes = _SPEND_LEGACY_VBYTES if is_legacy else _SPEND_WITNESS_VBYTES
    output_vbytes = output_weight(len(script_hex) // 2) // SEGWIT_SCALE
    return DUST_RELAY_SAT_PER_KVB * (output_vbytes + spend_vbytes) // 1000


def require_relayed(name: str, amount_sats: int, script_hex: str) -> None:
    """Refuse an output below the dust limit of its script, or of more than all bitcoin.

    Raises:
        BadPayment: nodes would not relay it.
    """
    least_sats = dust_limit_sats(script_hex)
    if not least_sats <= amount_sats <= MAX_MONEY_SATS:
        raise BadPayment(
            f"{name} of {amount_sats} sat is not between {least_sats} sat (dust limit of {script_kind(script_hex)}) "
            f"and {MAX_MONEY_SATS} sat.",
            "Gather small amounts until they are above the dust limit.",
        )
