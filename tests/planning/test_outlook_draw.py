"""Drawn scenarios: their moments, their correlation, their mirrors, their years, and that a seed replays them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from example_programme import build_programme
from zakhira.kernel.ids import seeded_rng
from zakhira.planning.outlook import Outlook, OutlookNotPossible
from zakhira.planning.outlook_draw import draw_outlook, year_weights
from zakhira.programme.model import Planning, Programme, SurplusYear

COUNT = 4000
EPOCHS = 26
PHASES = (0, 2)
PLANNING = Planning(
    btc_drift_per_year=0.1,
    btc_volatility_per_year=0.5,
    hashrate_drift_per_year=0.2,
    hashrate_volatility_per_year=0.15,
    correlation=0.6,
    gpu_volatility=0.25,
)


def programme_of(planning: Planning = PLANNING) -> Programme:
    return replace(build_programme(8760), planning=planning)


def draw(count: int = COUNT, seed: int = 7, planning: Planning = PLANNING) -> Outlook:
    weights = (0.5, 0.2, 0.3)
    return draw_outlook(programme_of(planning), EPOCHS, PHASES, weights, count, seeded_rng(seed, "outlook"))


@pytest.fixture(scope="module")
def outlook() -> Outlook:
    return draw()


def years_of(phase: int, epoch: int) -> float:
    return PHASES[phase] + epoch / EPOCHS


@pytest.mark.parametrize(("phase", "epoch"), [(0, 1), (0, 25), (1, 0), (1, 25)])
def test_means_and_spreads_are_those_of_the_motion(outlook: Outlook, phase: int, epoch: int) -> None:
    """Log mean and spread, and the mean price itself, within five standard errors; year two begins after two years."""
    years = years_of(phase, epoch)
    for values, start, drift, volatility in (
        (outlook.btc_usd, 60_500.0, 0.1, 0.5),
        (outlook.others_eh_per_s, 984.0, 0.2, 0.15),
    ):
        steps = np.log(values[:, phase, epoch] / start)
        assert steps.mean() == pytest.approx(drift * years, abs=1e-9)
        spread = volatility * np.sqrt(years)
        assert steps.std() == pytest.approx(spread, rel=5 / np.sqrt(COUNT))
        mean = start * np.exp((drift + volatility**2 / 2) * years)
        assert values[:, phase, epoch].mean() == pytest.approx(mean, rel=5 * spread / np.sqrt(COUNT))


def test_every_path_starts_at_the_stated_figures(outlook: Outlook) -> None:
    assert np.allclose(outlook.btc_usd[:, 0, 0], 60_500.0, rtol=1e-12)
    assert np.allclose(outlook.others_eh_per_s[:, 0, 0], 984.0, rtol=1e-12)


def test_price_and_hashrate_move_together_as_stated(outlook: Outlook) -> None:
    """The correlation of their steps, over all epochs of a phase, within five standard errors."""
    price, others = (np.diff(np.log(v[:, 0]), axis=1).ravel() for v in (outlook.btc_usd, outlook.others_eh_per_s))
    assert np.corrcoef(price, others)[0, 1] == pytest.approx(0.6, abs=5 / np.sqrt(price.size))


def test_steps_of_two_epochs_are_independent(outlook: Outlook) -> None:
    steps = np.diff(np.log(outlook.btc_usd[:, 0]), axis=1)
    assert np.corrcoef(steps[:, 3], steps[:, 4])[0, 1] == pytest.approx(0.0, abs=5 / np.sqrt(COUNT))


def test_the_gpu_factor_has_mean_one(outlook: Outlook) -> None:
    assert outlook.gpu_factor.mean() == pytest.approx(1.0, abs=5 * 0.25 / np.sqrt(COUNT))
    assert np.log(outlook.gpu_factor).std() == pytest.approx(0.25, rel=5 / np.sqrt(COUNT))
    assert abs(np.corrcoef(outlook.gpu_factor, outlook.btc_usd[:, 1, 5])[0, 1]) < 5 / np.sqrt(COUNT)


def test_the_halves_of_each_pair_are_mirrored(outlook: Outlook) -> None:
    """The product of the two prices is what it is without any chance; of the halves of all pairs neither is luckier."""
    first, second = outlook.btc_usd[0::2], outlook.btc_usd[1::2]
    times = np.add.outer(np.array(PHASES, dtype=float), np.arange(EPOCHS) / EPOCHS)
    assert np.allclose(first * second, 60_500.0**2 * np.exp(0.2 * times), rtol=1e-9)
    assert np.log(first).mean() == pytest.approx(np.log(second).mean(), abs=0.05)


def test_a_seed_replays_and_another_does_not() -> None:
    ours, same, other = draw(50), draw(50), draw(50, seed=8)
    for name in ("weights", "surplus_year", "btc_usd", "others_eh_per_s", "gpu_factor"):
        assert np.array_equal(getattr(ours, name), getattr(same, name)), name
    assert not np.array_equal(ours.btc_usd, other.btc_usd)
    assert not np.array_equal(ours.surplus_year, other.surplus_year)


def test_more_scenarios_begin_with_the_same_paths() -> None:
    """The curve over the number of scenarios is one of added scenarios, not of other ones."""
    few, many = draw(10), draw(30)
    assert np.array_equal(few.btc_usd, many.btc_usd[:10])
    assert np.array_equal(few.gpu_factor, many.gpu_factor[:10])


@given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=10), st.integers(1, 300), st.integers(0, 50))
def test_years_come_as_often_as_they_weigh(raw: list[float], count: int, seed: int) -> None:
    """To one scenario up or down, whatever the weights are."""
    weights = np.array(raw) / sum(raw)
    outlook = draw_outlook(programme_of(), 1, (0,), weights.tolist(), count, seeded_rng(seed, "years"))
    counts = np.bincount(outlook.surplus_year, minlength=len(raw))
    assert np.abs(counts - weights * count).max() < 1.0 + 1e-6
    assert outlook.weights.sum() == pytest.approx(1.0)


def test_years_are_no_function_of_the_price(outlook: Outlook) -> None:
    assert abs(np.corrcoef(outlook.surplus_year, outlook.btc_usd[:, 1, 0])[0, 1]) < 5 / np.sqrt(COUNT)


def test_no_volatility_is_certain() -> None:
    """Without spread every path is the drift alone, also with an odd count."""
    still = replace(PLANNING, btc_volatility_per_year=0.0, hashrate_volatility_per_year=0.0, gpu_volatility=0.0)
    outlook = draw(3, planning=still)
    assert outlook.btc_usd[:, 1, 0] == pytest.approx(np.full(3, 60_500.0 * np.exp(0.2)))
    assert outlook.gpu_factor.tolist() == [1.0, 1.0, 1.0]


def test_the_reference_has_what_the_years_leave() -> None:
    years = (SurplusYear("dry", "Dry", "dry.csv", 0.25), SurplusYear("wet", "Wet", "wet.csv", 0.35))
    assert year_weights(replace(programme_of(), surplus_years=years)) == pytest.approx((0.4, 0.25, 0.35))
    assert year_weights(programme_of()) == (1.0,)


@pytest.mark.parametrize(("weights", "count"), [((0.5, 0.4), 10), ((1.2, -0.2), 10), ((1.0,), 0)])
def test_weights_and_counts_that_cannot_be(weights: tuple[float, ...], count: int) -> None:
    with pytest.raises(OutlookNotPossible):
        draw_outlook(programme_of(), 2, (0,), weights, count, seeded_rng(1, "x"))


def test_a_path_beyond_all_numbers_is_refused() -> None:
    with pytest.raises(OutlookNotPossible, match="price"):
        draw_outlook(
            programme_of(replace(PLANNING, btc_drift_per_year=5.0, btc_volatility_per_year=0.0)),
            2,
            (0, 50, 200),
            (1.0,),
            4,
            seeded_rng(1, "x"),
        )
