"""What the terminal shows at the end of a run and of a plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reports.test_numbers import ungroup
from zakhira.reports.document import Kind, Mood
from zakhira.reports.facts import RunFacts
from zakhira.reports.plan_summary import plan_summary
from zakhira.reports.summary import run_summary


def test_the_summary_holds_what_must_be_shown(facts: RunFacts) -> None:
    """Allocation and cap, the reserve's identity to the satoshi, and the word."""
    rows = {row.key: row for row in run_summary(facts)}
    allocated, cap = rows["allocated_mw"].figure, rows["cap_mw"].figure
    assert isinstance(allocated, float)
    assert isinstance(cap, float)
    assert allocated <= cap
    sums = {name: rows[f"{name}_sats"].figure for name in ("received", "fees", "intake", "cold", "ledger", "proven")}
    assert all(isinstance(value, int) for value in sums.values())
    received, fees, intake, cold, ledger, proven = map(int, sums.values())
    assert received - fees == intake + cold == ledger
    assert cold == proven
    assert rows["ties"].value == "yes"
    assert rows["verdict"].value == "VERIFIED"
    for name, units in sums.items():
        assert int(ungroup(rows[f"{name}_sats"].value).replace(".", "")) == units


def test_the_summary_of_a_broken_run_says_no(broken: RunFacts) -> None:
    """NO in capitals, and never the word."""
    rows = {row.key: row for row in run_summary(broken)}
    assert rows["ties"].value == "NO"
    assert rows["ties"].figure is False
    assert rows["verdict"].value == "NOT VERIFIED"


def test_the_plan_by_zone_and_class(facts: RunFacts) -> None:
    """A row for each zone and class that holds MW, a sum, estimates marked, and the dearest limit first."""
    summary = plan_summary(facts.plan)
    held = [result for result in facts.plan.results if result.power_mw > 0]
    rows = summary.table.rows
    assert len(rows) == len(held) + 1
    assert rows[-1].kind is Kind.TOTAL
    assert float(ungroup(rows[-1].cells[2])) == pytest.approx(facts.plan.power_mw, abs=0.051)
    assert sum(row.kind is Kind.ESTIMATE for row in rows) == sum(result.tag == "E" for result in held)
    assert summary.state.mood is Mood.GOOD
    assert summary.shadow_prices[0].startswith("One more MW in Thar Block II")


def test_a_plan_that_is_not_closed_says_so(facts: RunFacts) -> None:
    """A gap of a thousandth is not certified."""
    proof = facts.plan.certificate
    wide = replace(facts.plan, certificate=replace(proof, upper_bound_usd=proof.lower_bound_usd * 1.001))
    state = plan_summary(wide).state
    assert state.mood is Mood.OPEN
    assert state.word == "NOT CLOSED"
