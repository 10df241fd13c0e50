"""One place makes a Plan of what a method found."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

import zakhira.planning
from example_programme import random_series
from zakhira.adapters.highs import HighsSolver
from zakhira.kernel.ids import seeded_rng
from zakhira.planning.allocation import Plan
from zakhira.planning.choose import plan_by
from zakhira.planning.objectives import plan_for
from zakhira.planning.outcome import Searched, certificate_of
from zakhira.programme.model import Link, Programme
from zakhira.programme.series import Series


def test_no_method_makes_a_plan_by_itself() -> None:
    """A new field of Plan is added once: of the whole room only one module calls its constructor."""
    room = Path(str(zakhira.planning.__file__)).parent
    makers = {
        file.name
        for file in room.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Plan"
    }
    assert makers == {"outcome.py"}


@pytest.mark.parametrize("way", ["structural", "coupled", "full", "coins"])
def test_every_method_tells_the_same_things(way: str, programme: Programme, solver: HighsSolver) -> None:
    """Four ways to plan 24 hours: each says what it is of, what was maximised and whose value it is."""
    series = random_series(seeded_rng(3, "outcome"), 24)
    rich = replace(programme, prices=replace(programme.prices, btc_usd=140_000.0))
    plan = _planned(way, rich, series, solver)
    assert (plan.programme_digest, plan.cap_mw) == (rich.digest, rich.cap_mw)
    assert plan.basis.scenarios == 1
    assert plan.basis.objective == (plan.aim.name if plan.aim else rich.planning.objective)
    assert plan.power_mw == pytest.approx(sum(result.power_mw for result in plan.results))
    assert {one.kind for one in plan.stakeholders} == {"programme", "licensee", "grid", "pools"}
    assert plan.certificate.floor_usd == 0.0


def _planned(way: str, programme: Programme, series: Series, solver: HighsSolver) -> Plan:
    if way == "coins":
        return plan_for(programme, series, solver, "coins")
    joined = replace(programme, links=(Link("east", "west", 5.0, 0.02),))
    return plan_by({"coupled": "auto"}.get(way, way), joined if way == "coupled" else programme, series, solver)


def test_what_holding_back_costs_is_told_apart() -> None:
    """Bounds of 80 and 100, 90 without the rule: it costs 10; with nobody held back it costs nothing."""
    searched = Searched("by hand", 100.0, 3, interrupted=False)
    held = certificate_of(searched, 80.0, 90.0, ("alpha",), 0.0)
    assert (held.lower_bound_usd, held.upper_bound_usd, held.floor_usd) == (80.0, 100.0, 10.0)
    assert held.search_gap_share == pytest.approx(0.1)
    assert held.gap_share == pytest.approx(0.2)
    assert certificate_of(searched, 80.0, 90.0, (), 0.0).floor_usd == 0.0
    assert certificate_of(searched, 101.0, 101.0, (), 0.0).upper_bound_usd == 101.0
