"""plan.json is read back as it was written, wrong files are told, and two plans are set side by side."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from example_programme import build_programme, random_series
from zakhira.adapters.highs import HighsSolver
from zakhira.kernel.ids import seeded_rng
from zakhira.planning.compare import compare_plans
from zakhira.planning.plan import plan_allocation
from zakhira.planning.plan_record import NotAPlanFile, PlanRecord, parse_record, record_json, record_of
from zakhira.programme.model import Assumption
from zakhira.reports.compare_summary import compare_headline, compare_reasons, compare_table


def _record(
    solver: HighsSolver, btc_usd: float = 140_000.0, cap_mw: float = 60.0, response: str = "none"
) -> PlanRecord:
    base = build_programme()
    figure = Assumption("prices.btc_usd", btc_usd, "USD/BTC", None, None, "test", date(2026, 6, 26), "E")
    programme = replace(
        base,
        cap_mw=cap_mw,
        prices=replace(base.prices, btc_usd=btc_usd),
        planning=replace(base.planning, response=response),
        assumptions=(figure,),
        digest=f"{round(btc_usd):064d}",
    )
    return record_of(plan_allocation(programme, random_series(seeded_rng(5, "series"), 48), solver), programme)


def _raw(solver: HighsSolver) -> dict[str, Any]:
    raw: dict[str, Any] = json.loads(json.dumps(record_json(_record(solver))))
    return raw


def test_a_plan_is_read_back_as_it_was_written(solver: HighsSolver) -> None:
    """Through JSON text and back, every field is the same."""
    record = _record(solver)
    assert record.plan.stakeholders
    assert parse_record(json.loads(json.dumps(record_json(record))), "plan.json") == record


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format_version": 2}, "format_version 2"),
        ({"grants": "none"}, "grants is 'none'"),
        ({"figures": [1]}, "figures"),
        ({"figures": {"prices.btc_usd": float("nan")}}, "prices.btc_usd"),
        ({"cap_mw": True}, "cap_mw"),
        ({"certificate": {}}, "certificate.method is missing"),
        ({"zones": {"east": 3}}, "zones.east"),
    ],
)
def test_a_wrong_file_is_told(change: dict[str, Any], words: str, solver: HighsSolver) -> None:
    """A later version, a wrong type, a figure that is none, a part that is missing: each is named."""
    with pytest.raises(NotAPlanFile) as caught:
        parse_record(_raw(solver) | change, "plan.json")
    assert words in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize("raw", [None, [], 3, {}, {"error": {"code": "ZK-PLANNING-003"}}])
def test_something_else_is_no_plan(raw: object) -> None:
    """What was never a plan is not read as one."""
    with pytest.raises(NotAPlanFile):
        parse_record(raw, "plan.json")


def test_the_same_plan_twice(solver: HighsSolver) -> None:
    """Nothing differs, and that is said."""
    record = _record(solver)
    found = compare_plans(record, record)
    assert found.is_same
    assert found.same_programme
    assert [found.figures, found.basis, found.only_before, found.only_after] == [(), (), (), ()]
    assert "the same" in compare_headline(found)
    assert len(compare_table(found).rows) == 1


def test_a_smaller_cap_and_a_lower_price_are_told(solver: HighsSolver) -> None:
    """The figure, the basis and the limit that now binds are named; the table adds up."""
    before, after = _record(solver), _record(solver, btc_usd=130_000.0, cap_mw=20.0, response="share")
    found = compare_plans(before, after)
    assert not found.same_programme
    assert [(c.key, c.before, c.after) for c in found.figures] == [("prices.btc_usd", 140_000.0, 130_000.0)]
    assert ("response", "none", "share") in found.basis
    assert "cap" in [price.limit for price in found.only_after] or "cap" in [
        price.limit for price in before.plan.shadow_prices
    ]
    assert sum(c.after_mw - c.before_mw for c in found.changes) == pytest.approx(found.power_mw[1] - found.power_mw[0])
    reasons = " ".join(compare_reasons(found))
    assert "prices.btc_usd: 140" in reasons
    assert "Response: none before, share after." in reasons
