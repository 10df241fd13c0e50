"""The Bitcoin network hour by hour: blocks come at the rate of the work, and difficulty answers every 2,016 of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from zakhira.mining.economics import HALVING_BLOCKS, reward_sats_per_hash
from zakhira.mining.retarget import (
    BLOCK_SECONDS,
    EPOCH_BLOCKS,
    HASHES_PER_DIFFICULTY,
    bits_of_hashrate,
    difficulty_of_bits,
    difficulty_of_hashrate,
    next_bits,
)
from zakhira.programme.model import Network
from zakhira.programme.series import Floats

HASHES_PER_EH = 1e18
HOUR_SECONDS = 3600.0


@dataclass(frozen=True)
class NetworkState:
    """Where the network stands between two hours; all that the next hour needs.

    ``height`` is the last block found, ``block_share`` the expected work done on the next one (0 to 1) and ``bits`` its
    compact target. ``clock_s`` and ``epoch_first_s`` (time of the epoch's first block) count from the start of the run.
    """

    height: int
    block_share: float
    bits: int
    clock_s: float
    epoch_first_s: float

    @property
    def difficulty(self) -> float:
        """The difficulty of the next block."""
        return difficulty_of_bits(self.bits)


@dataclass(frozen=True)
class NetworkPath:
    """The network over some hours, and the state after them.

    ``difficulty`` and ``height`` [hour] are those at the start of each hour. ``reward_sats_per_hash`` [hour] is exact
    for work spread evenly over the hour, also when a retarget or a halving falls inside it.
    """

    difficulty: Floats
    height: Floats
    reward_sats_per_hash: Floats
    end: NetworkState


def others_hashes_per_s(network: Network) -> float:
    """Everybody else's hashrate."""
    return network.hashrate_eh_per_s * HASHES_PER_EH


def stated_reward_sats_per_hash(network: Network) -> float:
    """Expected satoshi per hash as stated: the others' difficulty, the next block's subsidy, its fees."""
    difficulty = difficulty_of_hashrate(others_hashes_per_s(network))
    return reward_sats_per_hash(difficulty, network.height + 1, network.fee_share)


def first_state(network: Network) -> NetworkState:
    """The state at the network's stated height, with the difficulty derived from its hashrate.

    The current epoch is taken to have run at ten minutes a block so far.
    """
    since_first = network.height % EPOCH_BLOCKS
    return NetworkState(
        height=network.height,
        block_share=0.0,
        bits=bits_of_hashrate(others_hashes_per_s(network)),
        clock_s=0.0,
        epoch_first_s=float(-since_first * BLOCK_SECONDS),
    )


def advance(state: NetworkState, our_hashes: Floats, network: Network) -> NetworkPath:
    """Carry the network over ``len(our_hashes)`` hours, with our own work [hour] on top of everybody else's.

    Expected values, no chance: a block is found whenever D x 2^32 hashes are done. Cutting the hours into several calls
    gives the same numbers, since each hour starts from a state alone.
    """
    hours = len(our_hashes)
    difficulty, height, reward = np.empty(hours), np.empty(hours), np.empty(hours)
    for hour in range(hours):
        difficulty[hour], height[hour] = state.difficulty, state.height
        rate = others_hashes_per_s(network) + float(our_hashes[hour]) / HOUR_SECONDS
        state, reward[hour] = _one_hour(state, rate, network.fee_share)
    return NetworkPath(difficulty, height, reward, state)


def _one_hour(state: NetworkState, hashes_per_s: float, fee_share: float) -> tuple[NetworkState, float]:
    """The state an hour later, and the mean reward in satoshi per hash over the hour."""
    left_s, reward = HOUR_SECONDS, 0.0
    while left_s > 0.0:
        block_s = state.difficulty * HASHES_PER_DIFFICULTY / hashes_per_s
        event = _next_event(state.height)
        event_s = (event - state.height - state.block_share) * block_s
        step_s = min(left_s, event_s)
        reward += step_s / HOUR_SECONDS * reward_sats_per_hash(state.difficulty, state.height + 1, fee_share)
        state = _at_event(state, event, step_s) if event_s <= left_s else _between(state, event, step_s, block_s)
        left_s -= step_s
    return state, reward


def _next_event(height: int) -> int:
    """The next height whose finding changes something: the first or last of an epoch, or the last before a halving."""
    into_epoch = height % EPOCH_BLOCKS
    first = height + EPOCH_BLOCKS - into_epoch
    last = first - 1 if into_epoch < EPOCH_BLOCKS - 1 else first - 1 + EPOCH_BLOCKS
    halving = height + HALVING_BLOCKS - (height + 1) % HALVING_BLOCKS
    return min(first, last, halving)


def _at_event(state: NetworkState, event: int, step_s: float) -> NetworkState:
    """The state right after the block at height ``event`` was found."""
    clock_s, bits, first_s = state.clock_s + step_s, state.bits, state.epoch_first_s
    if event % EPOCH_BLOCKS == 0:
        first_s = clock_s
    if event % EPOCH_BLOCKS == EPOCH_BLOCKS - 1:
        bits = next_bits(bits, round(first_s), round(clock_s))
    return NetworkState(event, 0.0, bits, clock_s, first_s)


def _between(state: NetworkState, event: int, step_s: float, block_s: float) -> NetworkState:
    """The state after a step that ends before the block at height ``event`` is found (rounding must not find it)."""
    blocks = min(state.block_share + step_s / block_s, math.nextafter(event - state.height, 0.0))
    whole = int(blocks)
    return NetworkState(state.height + whole, blocks - whole, state.bits, state.clock_s + step_s, state.epoch_first_s)
