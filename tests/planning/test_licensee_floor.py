"""No licensee loses unless the programme allows it, and the certificate says what that costs at most."""

from __future__ import annotations

from dataclasses import replace

import pytest

from example_programme import build_programme, random_series
from zakhira.adapters.highs import HighsSolver
from zakhira.kernel.ids import seeded_rng
from zakhira.planning.allocation import Plan
from zakhira.planning.licensee_floor import LOSS_USD, own_by_column_usd
from zakhira.planning.outlook_oracle import outlook_oracle
from zakhira.planning.plan import plan_allocation
from zakhira.planning.problem import build_problem
from zakhira.planning.stakeholders import own_values_usd
from zakhira.programme.model import Planning, Programme
from zakhira.programme.series import Series


def _greedy(losses: str, response: str) -> Programme:
    """The example where mining pays for all together, but a royalty of 40% takes most of it."""
    base = build_programme()
    licensees = tuple(replace(item, royalty_share=0.4) for item in base.licensees)
    prices = replace(base.prices, btc_usd=140_000.0)
    return replace(
        base, halls=(), licensees=licensees, prices=prices, planning=Planning(licensee_losses=losses, response=response)
    )


def _series(seed: int) -> Series:
    return random_series(seeded_rng(seed, "series"), 48)


def _plan(losses: str, response: str, seed: int, solver: HighsSolver) -> Plan:
    return plan_allocation(_greedy(losses, response), _series(seed), solver)


@pytest.mark.parametrize("response", ["none", "elastic"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nobody_loses(response: str, seed: int, solver: HighsSolver) -> None:
    """With losses allowed somebody loses; refused, nobody does, and the gap is the price of it and the search's gap."""
    free, kept = (_plan(losses, response, seed, solver) for losses in ("allowed", "refused"))
    assert min(own_values_usd(free.stakeholders).values()) < -LOSS_USD
    assert min(own_values_usd(kept.stakeholders).values()) >= -LOSS_USD
    assert kept.power_mw > 0
    assert kept.certificate.held_back
    assert kept.certificate.floor_usd == pytest.approx(
        free.certificate.lower_bound_usd - kept.certificate.lower_bound_usd
    )
    assert kept.certificate.upper_bound_usd == pytest.approx(free.certificate.upper_bound_usd)
    assert kept.certificate.search_gap_share <= 1e-7 < kept.certificate.gap_share


def test_own_values_by_column_are_those_of_the_stakeholders(solver: HighsSolver) -> None:
    """Two ways to the same figure: summed by column, and summed by the lines of each licensee."""
    programme, series = _greedy("allowed", "elastic"), _series(2)
    plan = plan_allocation(programme, series, solver)
    problem = build_problem(programme, series)
    held = {(grant.site, grant.class_id): grant.power_mw for grant in plan.grants}
    power_mw = problem.base_usd_per_mw * 0.0
    for index, column in enumerate(problem.columns):
        power_mw[index] = held.get((column.site.id, problem.worths[column.worth].class_id), 0.0)
    own = own_by_column_usd(programme, problem, outlook_oracle(problem), power_mw)
    for licensee, usd in own_values_usd(plan.stakeholders).items():
        mine = sum(own[0][i] for i, column in enumerate(problem.columns) if column.site.licensee == licensee)
        assert mine == pytest.approx(usd, rel=1e-9, abs=1e-3)


def test_who_does_not_lose_is_left_alone(solver: HighsSolver) -> None:
    """Without charges every licensee of the best plan gains, and the rule changes nothing."""
    base = _greedy("refused", "none")
    licensees = tuple(replace(item, royalty_share=0.0, rent_share=0.0) for item in base.licensees)
    pools = tuple(replace(pool, fee_share=0.0, reject_share=0.0) for pool in base.pools)
    prices = replace(base.prices, energy_markup_pkr_per_kwh=0.0)
    free = replace(base, licensees=licensees, pools=pools, prices=prices)
    plan = plan_allocation(free, _series(1), solver)
    assert plan.power_mw > 0
    assert plan.certificate.held_back == ()
    assert plan.certificate.gap_share <= 1e-7
