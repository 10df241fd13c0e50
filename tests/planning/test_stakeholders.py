"""Whose value: transfers cancel, nothing is lost between the parties, and a hand-made hour."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from example_programme import build_programme, build_series, random_series
from zakhira.adapters.highs import HighsSolver
from zakhira.kernel.ids import seeded_rng
from zakhira.planning.allocation import Plan
from zakhira.planning.plan import plan_allocation
from zakhira.planning.stakeholders import TRANSFERS, own_values_usd
from zakhira.programme.model import Planning, Programme

ALLOWED = Planning(licensee_losses="allowed")


def _rich(response: str = "none") -> Programme:
    """The example at a price of a bitcoin at which every class pays."""
    base = build_programme()
    planning = replace(ALLOWED, response=response)
    return replace(base, planning=planning, prices=replace(base.prices, btc_usd=140_000.0))


def _plan(programme: Programme, solver: HighsSolver, seed: int) -> Plan:
    return plan_allocation(programme, random_series(seeded_rng(seed, "series"), 48), solver)


def _lines(plan: Plan) -> dict[str, float]:
    total: dict[str, float] = {}
    for one in plan.stakeholders:
        for line, usd in one.lines_usd:
            total[line] = total.get(line, 0.0) + usd
    return total


@pytest.mark.parametrize("response", ["none", "share", "elastic"])
@pytest.mark.parametrize("seed", [1, 2])
def test_sales_and_purchases_cancel(response: str, seed: int, solver: HighsSolver) -> None:
    """Royalty, rent, markup and energy sum to nothing; all together have coins and AI revenue less what leaves them."""
    programme = _rich(response)
    plan = _plan(programme, solver, seed)
    lines = _lines(plan)
    size = sum(result.revenue_usd for result in plan.results)
    assert plan.power_mw > 0
    for name in TRANSFERS:
        assert lines[name] == pytest.approx(0.0, abs=1e-9 * size)
    tariff, system = programme.prices.firm_tariff_pkr_per_kwh, programme.prices.system_fuel_pkr_per_kwh
    firm_usd = sum(r.firm_mwh for r in plan.results) * 1000 / programme.prices.pkr_per_usd
    surplus_fuel = sum(r.energy_cost_usd for r in plan.results) - firm_usd * tariff
    costs = surplus_fuel + firm_usd * system + sum(r.opex_usd + r.annualised_capital_usd for r in plan.results)
    assert sum(one.value_usd for one in plan.stakeholders) == pytest.approx(size - costs, rel=1e-9)
    assert sum(one.btc for one in plan.stakeholders) == pytest.approx(sum(r.btc for r in plan.results), rel=1e-9)


def test_a_hand_made_hour(solver: HighsSolver) -> None:
    """10 MW of S21 for Alpha on free surplus: the pool keeps 2% and 0.3% rejects, the programme a tenth of the rest."""
    base = build_programme()
    programme = replace(
        base,
        planning=ALLOWED,
        machines=(replace(base.machines[1], price_usd_per_th=0.1),),
        halls=(),
        cap_mw=10.0,
        sites=(replace(base.sites[2], connection_mw=10.0),),
    )
    series = build_series(np.full((2, 24, 1), 50.0), np.zeros((2, 24, 1)), np.full((2, 24), 20.0))
    plan = plan_allocation(programme, series, solver)
    (result,) = plan.results
    office = next(one for one in plan.stakeholders if one.kind == "programme")
    alpha = next(one for one in plan.stakeholders if one.id == "alpha")
    paid = 0.98 * 0.997
    markup = result.surplus_mwh * 1000 / 283.0
    assert result.surplus_mwh == pytest.approx(10.0 * 0.95 * 8760)
    assert office.btc == pytest.approx(result.btc * paid * 0.1)
    assert office.value_usd == pytest.approx(result.btc * paid * 0.1 * 60_500 + markup)
    expected = result.btc * paid * 0.9 * 60_500 - markup - 5.0 * result.surplus_mwh - result.annualised_capital_usd
    assert alpha.value_usd == pytest.approx(expected)
    assert own_values_usd(plan.stakeholders)["alpha"] == pytest.approx(expected)


def test_a_class_in_a_zone_is_shared_by_mw(solver: HighsSolver) -> None:
    """Two licensees hold the same class in the same zone: each has its MW's part of the coins before its own terms."""
    programme = replace(_rich(), halls=())
    plan = _plan(programme, solver, 3)
    held = {(g.licensee, g.class_id): g.power_mw for g in plan.grants if g.zone == "east" and not g.is_hall}
    totals = {r.class_id: r for r in plan.results if r.zone == "east"}
    assert {licensee for licensee, _ in held} == {"alpha", "beta"}
    beta = next(one for one in plan.stakeholders if one.id == "beta")
    expected = sum(
        totals[class_id].btc * mw / totals[class_id].power_mw for (who, class_id), mw in held.items() if who == "beta"
    )
    assert beta.btc == pytest.approx(expected * 0.88)


def test_an_open_site_is_paid_by_its_licensee(solver: HighsSolver) -> None:
    """A fixed cost of 1,000 USD a year for each site: who has MW at a site pays it, once."""
    base = _rich()
    programme = replace(base, sites=tuple(replace(site, fixed_cost_usd_per_year=1000.0) for site in base.sites))
    plan = _plan(programme, solver, 3)
    sites = {grant.site: grant.licensee for grant in plan.grants}
    for one in plan.stakeholders:
        paid = -dict(one.lines_usd).get("open site", 0.0)
        assert paid == pytest.approx(1000.0 * sum(owner == one.id for owner in sites.values()))
    assert sites
