"""Bitcoin's difficulty in its own integers: compact targets and the retarget rule of Bitcoin Core."""

from __future__ import annotations

from zakhira.kernel.errors import InvalidInput

EPOCH_BLOCKS = 2016
BLOCK_SECONDS = 600
TARGET_TIMESPAN_S = EPOCH_BLOCKS * BLOCK_SECONDS
"""1,209,600 s (Bitcoin Core, chainparams.cpp: nPowTargetTimespan)."""
POW_LIMIT = 2**224 - 1
"""The easiest target of the main network (chainparams.cpp: powLimit)."""
DIFFICULTY_1_TARGET = 0xFFFF << 208
"""The target of difficulty 1: bits 1d00ffff (rpc/blockchain.cpp: GetDifficulty)."""
HASHES_PER_DIFFICULTY = 2**32
"""Expected hashes per block and unit of difficulty, as the field counts them (2^32; exactly 2^48 / 65535)."""

_MANTISSA_BYTES = 3
_SIGN_BIT = 0x800000
_MAX_TARGET_BYTES = 34
"""arith_uint256::SetCompact overflows beyond 256 bits; a target has at most 32 bytes, 34 with leading zeroes."""


class BadCompactTarget(InvalidInput):
    """A compact target is zero, negative or too large, so that no block could meet it."""

    code = "ZK-MINING-001"


class BadHashrate(InvalidInput):
    """A network with this hashrate has no difficulty."""

    code = "ZK-MINING-002"


def target_of_bits(bits: int) -> int:
    """Expand compact ``bits`` to the 256-bit target (arith_uint256::SetCompact).

    Raises:
        BadCompactTarget: the target is zero, negative or larger than 256 bits.
    """
    size, mantissa = bits >> 24, bits & 0x7FFFFF
    shift = 8 * (size - _MANTISSA_BYTES)
    target = mantissa << shift if shift >= 0 else mantissa >> -shift
    if target == 0 or bits & _SIGN_BIT or size > _MAX_TARGET_BYTES or target >= 2**256:
        raise BadCompactTarget(f"{bits:08x} is not a compact target.", "Give bits like 1d00ffff.")
    return target


def bits_of_target(target: int) -> int:
    """The compact form of a target, cut to 23 or 15 bits of mantissa as arith_uint256::GetCompact does.

    Raises:
        BadCompactTarget: the target is not in 1 .. 2^256 - 1.
    """
    if not 0 < target < 2**256:
        raise BadCompactTarget(f"{target} is not a target.", "Give one from 1 to 2^256 - 1.")
    size = (target.bit_length() + 7) // 8
    shift = 8 * (size - _MANTISSA_BYTES)
    mantissa = target >> shift if shift >= 0 else target << -shift
    if mantissa & _SIGN_BIT:
        mantissa >>= 8
        size += 1
    return size << 24 | mantissa


def next_bits(bits: int, first_block_time_s: int, last_block_time_s: int) -> int:
    """Compact target of the next epoch (pow.cpp: CalculateNextWorkRequired).

    ``first_block_time_s`` and ``last_block_time_s`` are the times of the first and the last block of the epoch that
    ends: 2,015 intervals, not 2,016. The timespan is clamped to a quarter and four times of two weeks.
    """
    timespan_s = last_block_time_s - first_block_time_s
    timespan_s = min(max(timespan_s, TARGET_TIMESPAN_S // 4), TARGET_TIMESPAN_S * 4)
    return bits_of_target(min(target_of_bits(bits) * timespan_s // TARGET_TIMESPAN_S, POW_LIMIT))


def difficulty_of_bits(bits: int) -> float:
    """How many times harder than bits 1d00ffff."""
    return DIFFICULTY_1_TARGET / target_of_bits(bits)


def difficulty_of_hashrate(hashes_per_s: float) -> float:
    """The difficulty at which this hashrate finds a block every ten minutes: D = H x 600 / 2^32.

    Raises:
        BadHashrate: the hashrate is not above 0.
    """
    if not 0 < hashes_per_s < float("inf"):
        raise BadHashrate(f"A hashrate of {hashes_per_s} per second is not possible.", "Give one above 0.")
    return hashes_per_s * BLOCK_SECONDS / HASHES_PER_DIFFICULTY


def bits_of_hashrate(hashes_per_s: float) -> int:
    """The compact target nearest below the difficulty of this hashrate, never easier than the main network's limit.

    Raises:
        BadHashrate: the hashrate is not above 0.
    """
    target = int(DIFFICULTY_1_TARGET / difficulty_of_hashrate(hashes_per_s))
    return bits_of_target(min(max(target, 1), POW_LIMIT))
