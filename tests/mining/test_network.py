"""The network hour by hour: retargets, halvings, and the answer to our own work."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zakhira.mining.economics import reward_sats_per_hash
from zakhira.mining.network import NetworkState, advance, first_state, others_hashes_per_s
from zakhira.mining.retarget import bits_of_hashrate, difficulty_of_hashrate
from zakhira.programme.model import Network

NETWORK = Network(date(2026, 6, 26), 955_584, 984.0, 0.01)
EPOCH_HOURS = 336


def test_start_is_on_the_stated_height_and_hashrate() -> None:
    """Block 955,584 is the first of an epoch; the difficulty is that of 984 EH/s."""
    state = first_state(NETWORK)
    assert (state.height, state.epoch_first_s, state.block_share) == (955_584, 0.0, 0.0)
    assert state.difficulty == pytest.approx(difficulty_of_hashrate(984e18), rel=2**-15)


def test_a_quiet_network_keeps_its_difficulty() -> None:
    """Without our work, six blocks an hour; each epoch's 2,015 intervals leave the target 1/2016 too low."""
    path = advance(first_state(NETWORK), np.zeros(EPOCH_HOURS + 2), NETWORK)
    assert path.height[1] - path.height[0] == pytest.approx(6, abs=1)
    assert path.end.height - NETWORK.height == pytest.approx(2016 + 12, abs=2)
    assert path.end.difficulty / path.difficulty[0] == pytest.approx(2016 / 2015, rel=1e-4)


def test_difficulty_answers_our_entry() -> None:
    """A tenth more work finds blocks a tenth faster until the retarget makes them a tenth harder."""
    ours = np.full(2 * EPOCH_HOURS, others_hashes_per_s(NETWORK) * 3600 * 0.1)
    path = advance(first_state(NETWORK), ours, NETWORK)
    retarget = int(np.flatnonzero(np.diff(path.difficulty))[0])
    assert retarget == pytest.approx(EPOCH_HOURS / 1.1, abs=1)
    assert path.end.difficulty / path.difficulty[0] == pytest.approx(1.1, rel=2e-3)
    assert path.reward_sats_per_hash[-1] / path.reward_sats_per_hash[0] == pytest.approx(1 / 1.1, rel=2e-3)


def test_a_collapse_is_clamped_to_a_quarter() -> None:
    """If nine tenths of the network leave, an epoch takes ten times as long, yet difficulty falls to a quarter only."""
    state = first_state(NETWORK)
    small = replace(NETWORK, hashrate_eh_per_s=98.4)
    path = advance(state, np.zeros(EPOCH_HOURS * 10 + 3), small)
    assert path.end.difficulty / state.difficulty == pytest.approx(0.25, rel=1e-3)


def test_a_halving_inside_an_hour_is_weighed() -> None:
    """Three blocks before the halving, half the hour is paid at the old subsidy and half at the new."""
    state = NetworkState(1_049_996, 0.0, bits_of_hashrate(984e18), 0.0, 0.0)
    path = advance(state, np.zeros(1), NETWORK)
    old = reward_sats_per_hash(state.difficulty, 1_049_999, 0.01)
    assert path.reward_sats_per_hash[0] == pytest.approx(old * 0.75, rel=1e-4)
    assert path.end.height in {1_050_001, 1_050_002}


def test_an_epoch_of_one_first_block_has_its_time() -> None:
    """The block at a multiple of 2,016 starts the epoch's clock; a state two blocks before it shows both events."""
    bits = bits_of_hashrate(984e18)
    state = NetworkState(2016 * 475 - 2, 0.0, bits, 0.0, -600.0 * 2014)
    path = advance(state, np.zeros(1), NETWORK)
    assert path.end.epoch_first_s == pytest.approx(1200, abs=1)
    assert path.end.bits != bits


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 5e23), min_size=2, max_size=60), st.integers(1, 59), st.integers(0, 2_100_000))
def test_cutting_the_hours_changes_nothing(hashes: list[float], cut: int, height: int) -> None:
    """Day by day or all at once: the same numbers to the last bit."""
    network = replace(NETWORK, height=height)
    ours = np.array(hashes)
    cut = min(cut, len(hashes) - 1)
    whole = advance(first_state(network), ours, network)
    first = advance(first_state(network), ours[:cut], network)
    second = advance(first.end, ours[cut:], network)
    assert second.end == whole.end
    assert np.array_equal(np.r_[first.reward_sats_per_hash, second.reward_sats_per_hash], whole.reward_sats_per_hash)


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 2), st.integers(0, 3000))
def test_every_hash_is_counted_once(share: float, offset: int) -> None:
    """Blocks found are all work over its difficulty, whatever retargets the hours cross: each hash is paid once."""
    network = replace(NETWORK, height=NETWORK.height + offset)
    others = others_hashes_per_s(network) * 3600
    path = advance(first_state(network), np.full(400, others * share), network)
    assert 0 <= path.end.block_share < 1
    paid_sats = (path.reward_sats_per_hash * others * (1 + share)).sum()
    found = path.end.height + path.end.block_share - network.height
    assert found == pytest.approx(paid_sats / (312_500_000 * 1.01), rel=1e-9)
