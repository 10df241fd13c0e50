"""The settled count of coins against the retarget rule: where they agree, and by how much new work earns more."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from zakhira.mining.epochs import epochs_of
from zakhira.mining.network import advance, first_state
from zakhira.mining.response import coin_share, hashprice_ratio
from zakhira.mining.steady_state import compare_with_retarget, elastic_path, hashes_of_eh, settled_coins_btc
from zakhira.programme.model import Network

NETWORK = Network(date(2026, 6, 26), 955_583, 984.0, 0.01)
"""The next block is the first of an epoch."""
YEAR = 8760
OURS = 108.0


def constant(hours: int = YEAR, eh_per_s: float = OURS) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return hashes_of_eh(np.full(hours, eh_per_s))


def test_work_that_stays_earns_the_naive_share_until_the_first_retarget_alone() -> None:
    """The first epoch pays 11.0% of a network of 984 EH/s, faster blocks included; from the second on 9.9%."""
    result = compare_with_retarget(constant(), NETWORK, "share", 0.0)
    epochs = epochs_of(NETWORK, YEAR)
    assert result.settled_btc[0] == pytest.approx(2016 * 3.125 * 1.01 * 108 / 1092, rel=1e-3)
    later = result.simulated_btc[1:-1] / result.settled_btc[1:-1]
    assert result.simulated_btc[0] / result.settled_btc[0] == pytest.approx(1 + 108 / 984, rel=0.012)
    assert np.abs(later - 1.0).max() < 2e-3
    assert epochs.count == len(result.settled_btc)
    assert 0 < result.difference_share < 0.006
    assert result.difference_btc == pytest.approx(result.simulated_btc[0] - result.settled_btc[0], rel=0.2)


def test_a_fleet_of_seasons_earns_the_naive_share_again_each_season() -> None:
    """Eight weeks on, eight weeks off: each return is paid at a difficulty that has forgotten us."""
    on = (np.arange(YEAR) // (8 * 7 * 24)) % 2 == 0
    seasonal = compare_with_retarget(constant() * on, NETWORK, "share", 0.0)
    steady = compare_with_retarget(constant(), NETWORK, "share", 0.0)
    assert seasonal.difference_btc > 2.5 * steady.difference_btc > 0
    assert seasonal.difference_share > 3 * steady.difference_share


def test_a_price_taker_is_paid_less_than_it_counts_on() -> None:
    """At a fixed difficulty the count is 11.0% where the network pays 9.9%."""
    result = compare_with_retarget(constant(), NETWORK, "none", 0.0)
    assert result.settled_btc.sum() == pytest.approx(YEAR * 6 * 3.125 * 1.01 * 108 / 984, rel=1e-9)
    assert result.difference_share == pytest.approx(984 / 1092 - 1, abs=0.006)


def test_a_halving_inside_the_horizon_halves_both_counts() -> None:
    """The halving falls on hour 3,000 of the plan; the simulated one, with faster blocks at first, a little before."""
    near = replace(NETWORK, height=1_050_000 - 1 - 18_000)
    result = compare_with_retarget(constant(), near, "share", 0.0)
    epochs = epochs_of(near, YEAR)
    halved = int(np.flatnonzero(np.diff(epochs.btc_per_block))[0]) + 1
    assert epochs.first_hour[halved] == 3000
    rate = result.simulated_btc / epochs.hours
    assert rate[halved + 1] / rate[halved - 2] == pytest.approx(0.5, rel=0.01)
    assert np.abs(result.simulated_btc[halved + 1 : -1] / result.settled_btc[halved + 1 : -1] - 1).max() < 2e-3
    longer = np.arange(YEAR) < 3000
    before, after = constant() * longer, constant() * ~longer
    assert settled_coins_btc(before, near, epochs, "share", 0.0).sum() == pytest.approx(
        settled_coins_btc(after, near, epochs, "share", 0.0).sum() * 3000 / 5760 * 2, rel=1e-9
    )


@pytest.mark.parametrize(("elasticity", "gains"), [(0.3, True), (1.0, False), (2.0, False)])
def test_others_who_answer_settle_on_the_fixed_point(elasticity: float, *, gains: bool) -> None:
    """Epoch by epoch, difficulty and our coins tend to the formula of r = 1 / (r^eps + q).

    At first the difficulty counts others who then leave: where many leave, that costs us more than the naive share of
    the first epoch gave.
    """
    hours = 20 * 14 * 24
    path = elastic_path(constant(hours), NETWORK, elasticity)
    work = np.array([OURS / 984.0])
    ratio = hashprice_ratio(work, elasticity)[0]
    assert path.difficulty[0] / path.difficulty[-1] == pytest.approx(ratio, rel=1e-3)
    result = compare_with_retarget(constant(hours), NETWORK, "elastic", elasticity)
    assert result.simulated_btc[-3] / result.settled_btc[-3] == pytest.approx(1.0, abs=2e-3)
    assert result.settled_btc[3] == pytest.approx(2016 * 3.125 * 1.01 * coin_share(work, elasticity)[0], rel=1e-9)
    assert result.simulated_btc[0] > result.settled_btc[0]
    assert result.simulated_btc[1] < result.settled_btc[1]
    assert (result.difference_btc > 0) == gains


def test_more_elastic_others_leave_us_more_coins() -> None:
    hours = 10 * 14 * 24
    simulated = [compare_with_retarget(constant(hours), NETWORK, "elastic", e).simulated_btc.sum() for e in (0.3, 1, 2)]
    staying = compare_with_retarget(constant(hours), NETWORK, "share", 0.0).simulated_btc.sum()
    assert staying < simulated[0] < simulated[1] < simulated[2]


def test_others_who_stay_are_the_plain_network() -> None:
    """An elasticity of 0 is the path of ``advance`` to the last bit, hour by hour or at once."""
    hours = constant(1200)
    plain = advance(first_state(NETWORK), hours, NETWORK)
    assert np.array_equal(elastic_path(hours, NETWORK, 0.0).reward_sats_per_hash, plain.reward_sats_per_hash)
    nearly = elastic_path(hours, NETWORK, 1e-12)
    assert nearly.reward_sats_per_hash == pytest.approx(plain.reward_sats_per_hash, rel=1e-9)


def test_no_work_has_no_coins_and_no_difference() -> None:
    result = compare_with_retarget(np.zeros(400), NETWORK, "elastic", 0.3)
    assert result.difference_btc == result.difference_share == 0.0
    assert (result.settled_btc == 0).all()
