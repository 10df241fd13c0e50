"""The oracle over years and scenarios: against a solver of smooth programmes, its own slopes, its uses, and sorting."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, brentq, minimize

from example_programme import build_programme, random_series
from planning_cases import in_small_network, random_case, random_outlook, random_surplus
from zakhira.kernel.ids import seeded_rng
from zakhira.mining.epochs import epochs_of
from zakhira.planning import outlook_year
from zakhira.planning.outlook import Outlook, certain_outlook
from zakhira.planning.outlook_oracle import OutlookOracle, Risk, outlook_oracle, tail_weights
from zakhira.planning.problem import AllocationProblem, build_problem
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats, Series

ELASTICITY = 0.3


def _crossing(seed: int, zones: int, hours: int, response: str, share: float = 0.4) -> tuple[Programme, Series]:
    """Fleets whose orders flip: the old one works almost for free, the new one does not; both may beat a hall."""
    base, series = random_case(seed, zones, hours, blocks=2)
    machines = (replace(base.machines[0], opex_usd_per_mwh=0.0), replace(base.machines[1], opex_usd_per_mwh=30.0))
    dear = replace(base, machines=machines, prices=replace(base.prices, btc_usd=90_000.0))
    programme = in_small_network(dear, share, response)
    return replace(programme, planning=replace(programme.planning, elasticity=ELASTICITY)), series


def _coins_share(work: float, response: str) -> float:
    """Our share of an epoch's coins at our work over others', from the definition: r (r^eps + work) = 1."""
    if response == "none":
        return work
    eps = 0.0 if response == "share" else ELASTICITY
    ratio = float(brentq(lambda r: r * (r**eps + work) - 1.0, 1e-9, 1.0, xtol=1e-15)) if work > 0 else 1.0
    return work * ratio


def _by_smooth_programme(problem: AllocationProblem, power_mw: Floats, response: str, hours: int) -> float:
    """The best use of MW [column] in one epoch in USD of the horizon, by SciPy's SLSQP over every use and block."""
    totals = problem.by_zone_and_class(power_mw)
    worths, outlook = [problem.worths[k] for k in problem.years[0].classes], problem.outlook
    [coins] = problem.years[0].epochs.btc_per_block * hours * 6
    others = float(outlook.others_eh_per_s[0, 0, 0]) * 1e18 * 3600 * hours
    prize = coins * float(outlook.btc_usd[0, 0, 0])
    hashes: list[float] = []
    linear: list[float] = []
    upper: list[float] = []
    place = 0
    blocks_of: list[tuple[list[int], list[int]]] = []
    for zone, supply in enumerate(problem.supplies):
        for hour in range(len(supply.hours)):
            uses, blocks = [], []
            for kind, worth in enumerate(worths):
                hashes.append(worth.hashes_per_mwh)
                linear.append(worth.surplus_value_usd_per_mwh if worth.is_hall else -worth.opex_usd_per_mwh)
                upper.append(float(totals[zone, kind] * supply.run_share[kind, hour]))
                uses.append(place)
                place += 1
            for size, cost in zip(supply.plug.power_mw[hour], supply.plug.cost_pkr_per_mwh[hour], strict=True):
                hashes.append(0.0)
                linear.append(-float(cost) / problem.pkr_per_usd)
                upper.append(float(size))
                blocks.append(place)
                place += 1
            blocks_of.append((uses, blocks))
    rows = np.zeros((len(blocks_of), place))
    for number, (uses, blocks) in enumerate(blocks_of):
        rows[number, uses], rows[number, blocks] = 1.0, -1.0
    per_unit, gain, top = np.array(hashes) / others, np.array(linear), np.array(upper)
    size = float(top @ np.abs(gain)) + 1.0

    def loss(use: Floats) -> float:
        earned = prize * _coins_share(max(float(per_unit @ use), 0.0), response)
        return -float(earned + float(gain @ use)) / size

    found = minimize(
        loss,
        np.zeros(place),
        method="SLSQP",
        bounds=Bounds(np.zeros(place), top),
        constraints=LinearConstraint(rows, 0.0, 0.0),
        options={"ftol": 1e-13, "maxiter": 800},
    )
    return -float(found.fun) * size


@pytest.mark.parametrize("response", ["none", "share", "elastic"])
@pytest.mark.parametrize("seed", range(4))
def test_the_look_is_the_best_use(seed: int, response: str) -> None:
    """1 or 2 zones, 2 to 4 hours, fleets and a hall: a solver of smooth programmes finds the same value."""
    hours = 2 + seed % 3
    programme, series = _crossing(seed, 1 + seed % 2, hours, response)
    problem = build_problem(programme, series)
    assert problem.years[0].epochs.count == 1
    oracle, rng = outlook_oracle(problem), np.random.default_rng(seed)
    for _ in range(2):
        power = rng.uniform(0.0, 12.0, len(problem.columns))
        found = oracle.look(power).value_musd * 1e6 / problem.year_scale
        brute = _by_smooth_programme(problem, power, response, hours)
        assert found == pytest.approx(brute, rel=2e-6, abs=1e-3)


def _oracle(seed: int, response: str, risk: Risk | None = None, scenarios: int = 3) -> OutlookOracle:
    hours = 48
    programme, series = _crossing(seed, 2, hours, response)
    rng = np.random.default_rng(seed)
    epochs = epochs_of(programme.network, hours).count
    outlook = random_outlook(rng, programme, scenarios, epochs, surplus_years=2, spread=0.8)
    return outlook_oracle(build_problem(programme, series, outlook, (random_surplus(rng, programme, hours, 2),)), risk)


@settings(max_examples=20)
@given(
    seed=st.integers(0, 50),
    response=st.sampled_from(["none", "share", "elastic"]),
    risk=st.sampled_from([Risk(), Risk(0.5, 0.4), Risk(1.0, 0.2)]),
)
def test_cuts_touch_and_lie_above(seed: int, response: str, risk: Risk) -> None:
    """At its own point a look's cuts sum to its value; at any other they are at least that point's value."""
    oracle, rng = _oracle(seed, response, risk), np.random.default_rng(seed)
    count = len(oracle.problem.columns)
    points = [rng.uniform(0.0, scale, count) * (rng.random(count) < 0.8) for scale in (0.5, 5.0, 30.0)]
    looks = [oracle.look(point) for point in points]
    assert all(len(look.offset_musd) == oracle.pieces for look in looks)
    for look, point in zip(looks, points, strict=True):
        at_own = float((look.offset_musd + look.slope_musd_per_mw @ point).sum())
        assert at_own == pytest.approx(look.value_musd, rel=1e-9, abs=1e-9)
        for other, elsewhere in zip(looks, points, strict=True):
            bound = float((look.offset_musd + look.slope_musd_per_mw @ elsewhere).sum())
            assert bound >= other.value_musd - 1e-9 * max(1.0, abs(other.value_musd))


@pytest.mark.parametrize("response", ["none", "share", "elastic"])
@pytest.mark.parametrize("seed", range(3))
def test_the_slope_is_that_of_the_value(seed: int, response: str) -> None:
    """Between a little less and a little more of a column the value changes by no more than the slopes at the ends."""
    oracle, rng = _oracle(seed, response), np.random.default_rng(seed + 7)
    count = len(oracle.problem.columns)
    power = rng.uniform(1.0, 10.0, count)
    for column in range(count):
        step = np.zeros(count)
        step[column] = 1e-3
        before, after = oracle.look(power - step), oracle.look(power + step)
        change = (after.value_musd - before.value_musd) / 2e-3
        high, low = (float(look.slope_musd_per_mw.sum(axis=0)[column]) for look in (before, after))
        assert low - 1e-7 <= change <= high + 1e-7


@pytest.mark.parametrize("response", ["none", "share", "elastic"])
@pytest.mark.parametrize("seed", range(4))
def test_uses_sum_to_the_value(seed: int, response: str) -> None:
    """Coins less surplus and work, and the tariff that halls save, are the mean value; no use is above what may run."""
    oracle = _oracle(seed, response)
    problem, rng = oracle.problem, np.random.default_rng(seed + 3)
    power = rng.uniform(0.0, 15.0, len(problem.columns))
    [use] = oracle.uses(power)
    worths = [problem.worths[k] for k in problem.years[0].classes]
    total = 0.0
    for kind, worth in enumerate(worths):
        mwh = float(use.surplus_mwh[:, kind].sum())
        earned = mwh * worth.surplus_value_usd_per_mwh if worth.is_hall else float(use.coin_usd[:, kind].sum())
        work = 0.0 if worth.is_hall else mwh * worth.opex_usd_per_mwh
        total += earned - work - float(use.cost_usd[:, kind].sum())
        assert worth.is_hall == (float(use.btc[:, kind].sum()) == 0.0)
    factor = float(problem.outlook.weights @ (problem.outlook.gpu_factor - 1.0))
    rents = factor * float(oracle.rent_usd_per_mw @ power)
    assert total * problem.year_scale + rents == pytest.approx(oracle.look(power).value_musd * 1e6, rel=1e-9)
    at = problem.by_zone_and_class(power)
    assert (use.surplus_mwh <= at * 48 * 1.0 + 1e-9).all()


def test_more_machines_never_do_harm_and_orders_flip() -> None:
    """Along a line from nothing to 40 MW of each fleet the value rises and bends down; the better fleet changes."""
    programme, series = _crossing(5, 1, 24, "share", share=2.0)
    problem = build_problem(programme, series)
    oracle = outlook_oracle(problem)
    fleets = [n for n, column in enumerate(problem.columns) if not problem.worths[column.worth].is_hall]
    values, first = [], []
    for mw in np.linspace(0.0, 40.0, 21):
        power = np.zeros(len(problem.columns))
        power[fleets] = mw
        look = oracle.look(power)
        values.append(look.value_musd)
        first.append(int(np.argmax(look.slope_musd_per_mw.sum(axis=0)[fleets])))
    steps = np.diff(values)
    assert (steps >= -1e-12).all()
    assert (np.diff(steps) <= 1e-9).all()
    assert len(set(first)) == 2


def test_the_tail_is_that_of_a_sorted_list() -> None:
    """Weights in twentieths, a tail of six: spread out as twenty values and sorted, the mean of the least six."""
    rng = np.random.default_rng(4)
    for _ in range(50):
        shares = rng.multinomial(20, np.full(7, 1 / 7))
        values = np.round(rng.normal(0.0, 5.0, 7), 1)
        weights = tail_weights(values, shares / 20, Risk(1.0, 6 / 20))
        listed = np.sort(np.repeat(values, shares))
        assert weights.sum() == pytest.approx(1.0)
        assert float(weights @ values) == pytest.approx(listed[:6].mean())
        mixed = tail_weights(values, shares / 20, Risk(0.3, 6 / 20))
        assert float(mixed @ values) == pytest.approx(0.7 * listed.mean() + 0.3 * listed[:6].mean())
        assert float(tail_weights(values, shares / 20, Risk(0.0, 0.1)) @ values) == pytest.approx(listed.mean())
        assert float(tail_weights(values, shares / 20, Risk(1.0, 1.0)) @ values) == pytest.approx(listed.mean())


def _worse(outlook: Outlook, weight: float) -> Outlook:
    """One more scenario: a lower price, more hashrate and cheaper GPU-hours than in any other."""

    def extended(values: Floats, pick: Callable[[Floats], Floats]) -> Floats:
        return np.concatenate([values, pick(values)[None]])

    return Outlook(
        weights=np.append(outlook.weights * (1 - weight), weight),
        surplus_year=np.append(outlook.surplus_year, outlook.surplus_year[0]),
        btc_usd=extended(outlook.btc_usd, lambda v: v.min(axis=0) * 0.7),
        others_eh_per_s=extended(outlook.others_eh_per_s, lambda v: v.max(axis=0) * 1.3),
        gpu_factor=np.append(outlook.gpu_factor, outlook.gpu_factor.min() * 0.8),
    )


@pytest.mark.parametrize("risk", [Risk(), Risk(0.4, 0.3), Risk(1.0, 0.1)])
@pytest.mark.parametrize("response", ["none", "share", "elastic"])
def test_a_scenario_that_is_worse_in_everything_never_helps(response: str, risk: Risk) -> None:
    """At any MW the objective with it is at most the objective without it."""
    programme, series = _crossing(2, 2, 24, response)
    rng = np.random.default_rng(2)
    outlook = random_outlook(rng, programme, 4, 1)
    plain = outlook_oracle(build_problem(programme, series, outlook), risk)
    more = outlook_oracle(build_problem(programme, series, _worse(outlook, 0.15)), risk)
    for _ in range(5):
        power = rng.uniform(0.0, 20.0, len(plain.problem.columns))
        values = more.scenario_usd(power)
        assert values[-1] <= values[:-1].min()
        assert more.look(power).value_musd <= plain.look(power).value_musd + 1e-12
        assert math.isfinite(float(values.sum()))


@pytest.mark.parametrize("risk", [Risk(), Risk(0.5, 0.3)])
def test_years_side_by_side_are_worth_the_same(risk: Risk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Years of surplus with a scenario each, met together or one by one: values, slopes and use agree."""
    programme = build_programme()
    years = tuple(random_series(seeded_rng(seed, "side"), 48) for seed in range(5))
    rng = seeded_rng(3, "outlook")
    base = certain_outlook(programme, build_problem(programme, years[0]).years[0].epochs.count)
    outlook = Outlook(
        weights=np.full(5, 0.2),
        surplus_year=np.arange(5),
        btc_usd=base.btc_usd * rng.uniform(0.5, 2.0, (5, 1, 1)),
        others_eh_per_s=np.repeat(base.others_eh_per_s, 5, axis=0) / 50,
        gpu_factor=rng.uniform(0.8, 1.2, 5),
    )
    problem = replace(build_problem(programme, years[0], outlook, years[1:]), response="elastic")
    together = outlook_oracle(problem, risk)
    monkeypatch.setattr(outlook_year, "SIDE_BY_SIDE", 1)
    apart = outlook_oracle(problem, risk)
    for _ in range(5):
        power_mw = rng.uniform(0.0, 8.0, len(problem.columns))
        one, other = together.look(power_mw), apart.look(power_mw)
        assert one.value_musd == pytest.approx(other.value_musd, rel=1e-12)
        np.testing.assert_allclose(one.slope_musd_per_mw, other.slope_musd_per_mw, rtol=1e-9, atol=1e-12)
        for use, same in zip(together.uses(power_mw), apart.uses(power_mw), strict=True):
            np.testing.assert_allclose(use.btc, same.btc, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(use.surplus_mwh, same.surplus_mwh, rtol=1e-9, atol=1e-9)
