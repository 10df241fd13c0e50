"""What ``zakhira plan`` prints: the allocation by zone and class, with its sentence and certificate."""

from __future__ import annotations

from dataclasses import dataclass

from zakhira.planning.allocation import Plan
from zakhira.reports.document import State, Table
from zakhira.reports.numbers import usd
from zakhira.reports.plan_sections import NARROW_COLUMNS, certificate_state, narrow_plan_rows, plan_headline


@dataclass(frozen=True)
class PlanSummary:
    """The sentence, the table, the state of the certificate, and in words who loses and what limits are worth."""

    headline: str
    table: Table
    state: State
    shadow_prices: tuple[str, ...]


def plan_summary(plan: Plan) -> PlanSummary:
    """The plan as a door shows it."""
    binding = sorted(plan.shadow_prices, key=lambda price: -price.value_usd)
    return PlanSummary(
        headline=plan_headline(plan),
        table=Table("The plan by zone and class", NARROW_COLUMNS, narrow_plan_rows(plan)),
        state=certificate_state(plan),
        shadow_prices=(*_losers(plan), *(price.sentence for price in binding)),
    )


def _losers(plan: Plan) -> tuple[str, ...]:
    """Licensees that lose by the plan: allowed to, or planned by a method that holds nobody back."""
    losing = [one for one in plan.stakeholders if one.kind == "licensee" and one.value_usd < -1.0]
    return tuple(f"{one.name} would lose {usd(-one.value_usd)} a year by this plan." for one in losing)
