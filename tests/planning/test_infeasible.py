"""Where there is no plan: the promise that cannot be kept is named with its MW, and so is what nothing bounds."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from example_programme import build_programme, build_series
from zakhira.adapters.highs import HighsSolver
from zakhira.planning.full_model import solve_full
from zakhira.planning.master import PlanInfeasible, PlanUnbounded
from zakhira.planning.plan import plan_allocation
from zakhira.planning.plan_coupled import plan_coupled
from zakhira.programme.model import Backup, Programme
from zakhira.programme.series import Series

HOURS = 48


def _series(surplus_mw: float = 0.0) -> Series:
    return build_series(np.full((2, HOURS, 1), surplus_mw), np.full((2, HOURS, 1), 1000.0), np.full((2, HOURS), 20.0))


def _promising(mw: float, firm_limit_mw: float = 1e6, hall_limit_mw: float = 100.0) -> Programme:
    """AI capacity promised at the first site, of a hall that earns on firm supply."""
    base = build_programme(HOURS)
    zones = tuple(replace(zone, firm_limit_mw=firm_limit_mw) for zone in base.zones)
    halls = tuple(replace(hall, limit_mw=hall_limit_mw) for hall in base.halls)
    sites = (replace(base.sites[0], hall_min_mw=mw), *base.sites[1:])
    prices = replace(base.prices, capital_budget_usd=1e10)
    return replace(base, zones=zones, halls=halls, sites=sites, prices=prices)


@pytest.mark.parametrize("solve", [plan_allocation, solve_full, plan_coupled])
def test_a_promise_beyond_the_market(solve: object, solver: HighsSolver) -> None:
    """25 MW promised and 10 MW of halls on the market: 15 MW cannot be granted, and the market is in the way."""
    assert callable(solve)
    with pytest.raises(PlanInfeasible) as caught:
        solve(_promising(25.0, hall_limit_mw=10.0), _series(), solver)
    assert "promised at the site alpha-east is 25 MW, and 15 MW of it cannot be granted" in caught.value.message
    assert "In the way: the supply of H100 (10 MW)." in caught.value.message
    assert "15 MW less" in caught.value.remedy


def test_two_promises_of_one_licensee(solver: HighsSolver) -> None:
    """20 MW at each of two sites of a licensee with a quota of 35 MW: 5 MW are missing in all."""
    programme = _promising(20.0)
    sites = (programme.sites[0], programme.sites[1], replace(programme.sites[2], hall_min_mw=20.0))
    with pytest.raises(PlanInfeasible) as caught:
        plan_allocation(replace(programme, sites=sites), _series(), solver)
    missing = [float(mw) for mw in re.findall(r"and ([\d.]+) MW of it cannot", caught.value.message)]
    assert sum(missing) == pytest.approx(5.0)
    assert "Alpha's quota (35 MW)" in caught.value.message


def test_halls_without_firm_power(solver: HighsSolver) -> None:
    """20 MW promised where the grid gives 5 MW, backup 2 MW and there is no surplus.

    Load is 20 x 0.7 x 0.9998 = 13.9972 MW; 7 MW can be served; in 48 hours (0.99 x 13.9972 - 7) x 48 = 329.147 MWh
    beyond the service level are missing. At 99% 7 MW serve 7 / 0.99 / 0.69986 = 10.1030 MW of halls.
    """
    programme = replace(_promising(20.0, firm_limit_mw=5.0), backups=(Backup("east", 2.0, 300.0),))
    with pytest.raises(PlanInfeasible) as caught:
        solve_full(programme, _series(), solver)
    message = caught.value.message
    assert "in the zone East with firm supply of 5 MW and backup of 2 MW, 0.329147 GWh" in message
    assert "of the AI capacity promised at the site alpha-east (20 MW) at most 10.103 MW can be" in message
    assert "most in 2026-01" in message
    assert "firm_limit_mw" in caught.value.remedy


def test_a_promise_that_can_be_served_is_kept(solver: HighsSolver) -> None:
    """10 MW where the same supply is enough for 10.1: there is a plan, and the least service is given."""
    programme = replace(_promising(10.0, firm_limit_mw=5.0), backups=(Backup("east", 2.0, 300.0),))
    answer = solve_full(programme, _series(), solver)
    assert answer.power_mw.sum() >= 10.0 - 1e-6


@pytest.mark.parametrize("solve", [plan_allocation, solve_full, plan_coupled])
def test_what_nothing_bounds_is_named(solve: object, solver: HighsSolver) -> None:
    """Limits without end: a hall that pays on firm supply, and a fleet that somebody pays us to take."""
    assert callable(solve)
    base = build_programme(HOURS)
    endless = replace(
        base,
        cap_mw=math.inf,
        zones=tuple(replace(zone, max_mw=math.inf) for zone in base.zones),
        sites=tuple(replace(site, connection_mw=math.inf) for site in base.sites),
        licensees=tuple(replace(item, quota_mw=math.inf) for item in base.licensees),
        halls=tuple(replace(hall, limit_mw=math.inf, capex_usd_per_mw=1e6) for hall in base.halls),
        prices=replace(base.prices, capital_budget_usd=math.inf),
    )
    with pytest.raises(PlanUnbounded, match=r"Nothing bounds the MW of H100 .* \(it pays on firm supply\)"):
        solve(endless, _series(), solver)
    free = replace(base.machines[0], price_usd_per_th=-1.0, infrastructure_usd_per_mw=0.0, limit_mw=math.inf)
    paid = replace(endless, halls=(), machines=(free,))
    with pytest.raises(PlanUnbounded, match=r"of s19 at the site .* \(its capital costs -[\d,]+ USD/MW\)"):
        solve(paid, _series(), solver)
