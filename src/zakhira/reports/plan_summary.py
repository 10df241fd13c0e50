"""What ``zakhira plan`` prints: the allocation by zone and class, with its sentence and certificate."""

from __future__ import annotations

from dataclasses import dataclass

from zakhira.planning.allocation import Plan
from zakhira.reports.document import State, Table
from zakhira.reports.numbers import power, usd
from zakhira.reports.plan_sections import NARROW_COLUMNS, certificate_state, narrow_plan_rows


@dataclass(frozen=True)
class PlanSummary:
    """The sentence, the table, the state of the certificate and the shadow prices in words."""

    headline: str
    table: Table
    state: State
    shadow_prices: tuple[str, ...]


def plan_summary(plan: Plan) -> PlanSummary:
    """The plan as a door shows it."""
    worth = f"worth {usd(sum(result.value_usd for result in plan.results))} a year"
    if any(grant.phase for grant in plan.grants):
        worth = f"worth {usd(plan.certificate.lower_bound_usd)} over all phases, discounted"
    binding = sorted(plan.shadow_prices, key=lambda price: -price.value_usd)
    return PlanSummary(
        headline=f"{power(plan.power_mw)} of at most {power(plan.cap_mw)} are allocated, {worth}.",
        table=Table("The plan by zone and class", NARROW_COLUMNS, narrow_plan_rows(plan)),
        state=certificate_state(plan),
        shadow_prices=tuple(price.sentence for price in binding),
    )
