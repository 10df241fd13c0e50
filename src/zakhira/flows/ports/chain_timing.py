"""Times of blocks on a private chain, alike for the node's adapter and its twin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from zakhira.flows.ports.chain import Block
from zakhira.kernel.interval import HOUR

_HEADER_TIME = slice(68, 72)
"""Where a block's header holds its time, little-endian (Bitcoin Core, primitives/block.h)."""


def block_time_s(block: Block) -> int:
    """The time in the header of a raw block, in seconds since 1970."""
    return int.from_bytes(bytes.fromhex(block.raw_hex[: 2 * _HEADER_TIME.stop])[_HEADER_TIME], "little")


def even_moments(count: int, after_s: int, now: datetime) -> list[datetime]:
    """``count`` moments up to ``now``, evenly spaced after ``after_s`` but never further apart than an hour.

    Where ``now`` is not after ``after_s`` they are all ``after_s``: a chain's time does not run backwards.
    """
    now_s = int(now.timestamp())
    start_s = max(after_s, now_s - count * HOUR // timedelta(seconds=1))
    span_s = max(now_s - start_s, 0)
    return [datetime.fromtimestamp(start_s + span_s * step // count, tz=UTC) for step in range(1, count + 1)]
