"""Lines and batteries on a network that answers, against the full linear programme."""

from __future__ import annotations

from dataclasses import replace

import pytest

from example_programme import build_programme, random_series
from zakhira.adapters.highs import HighsSolver
from zakhira.kernel.ids import seeded_rng
from zakhira.planning.choose import plan_by
from zakhira.planning.method import Method, method_for
from zakhira.planning.plan_full import plan_in_full
from zakhira.planning.problem import build_problem
from zakhira.programme.model import Battery, Link, Planning, Programme

OTHERS_EH_PER_S = 20.0
"""So few that a few megawatts move the network."""


def small_network(response: str) -> Programme:
    """The example with a line, a battery, cheap machines, and a network that feels them at the same hashprice."""
    base = build_programme()
    share = OTHERS_EH_PER_S / base.network.hashrate_eh_per_s
    return replace(
        base,
        links=(Link("east", "west", 5.0, 0.02),),
        batteries=(Battery("east", 4.0, 8.0, 0.88),),
        planning=Planning(response=response, licensee_losses="allowed"),
        network=replace(base.network, hashrate_eh_per_s=OTHERS_EH_PER_S),
        prices=replace(base.prices, btc_usd=base.prices.btc_usd * share),
        machines=tuple(replace(item, price_usd_per_th=item.price_usd_per_th * 0.3) for item in base.machines),
    )


@pytest.mark.parametrize("response", ["none", "share", "elastic"])
@pytest.mark.parametrize("seed", range(2))
def test_its_bounds_hold_the_full_programme(response: str, seed: int, solver: HighsSolver) -> None:
    """The optimum of the full programme lies between the bounds, which are within the gap that is promised."""
    programme = small_network(response)
    series = random_series(seeded_rng(seed, "coupled"), 96)
    assert method_for(programme, build_problem(programme, series)) is Method.COUPLED
    plan, full = plan_by("auto", programme, series, solver), plan_in_full(programme, series, solver)
    low, high = plan.certificate.lower_bound_usd, plan.certificate.upper_bound_usd
    slack = 1e-6 * abs(high)
    assert full.certificate.lower_bound_usd <= high + slack
    assert low <= full.certificate.upper_bound_usd + slack
    assert plan.certificate.gap_share <= 1.1e-5
    assert not plan.certificate.interrupted
    assert sum(result.value_usd for result in plan.results) == pytest.approx(low, rel=1e-6)


def test_what_the_network_answers_is_worth_something(solver: HighsSolver) -> None:
    """A price taker's bound lies above that of a network that answers, and others who leave give some of it back."""
    series = random_series(seeded_rng(5, "coupled"), 96)
    bounds = {
        response: plan_by("auto", small_network(response), series, solver).certificate.upper_bound_usd
        for response in ("none", "share", "elastic")
    }
    assert bounds["none"] > bounds["elastic"] > bounds["share"]
