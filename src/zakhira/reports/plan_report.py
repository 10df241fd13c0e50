"""The report of a plan: one page as data, in the order in which it is read."""

from __future__ import annotations

from dataclasses import dataclass

from zakhira.planning.allocation import Plan
from zakhira.planning.break_even import Today, ZoneBreakEven
from zakhira.planning.heat_map import HeatMap
from zakhira.programme.model import Programme
from zakhira.reports.document import Column, Figure, Report, Row, Section, Table
from zakhira.reports.facts import HorizonSurplus
from zakhira.reports.numbers import fixed, prose, usd
from zakhira.reports.plan_beside import PlanBeside, beside_section
from zakhira.reports.plan_sections import (
    a_year,
    certificate_section,
    certificate_state,
    horizon_section,
    last_phase,
    last_year,
    plan_headline,
    plan_section,
)
from zakhira.reports.totals import weakest_tag
from zakhira.reports.trust_sections import assumption_section
from zakhira.reports.value_sections import break_even_section, heat_section, plan_map_section, stake_section


@dataclass(frozen=True)
class PlanFacts:
    """What a plan's report is made of; ``mean_surplus_mw`` by zone."""

    programme: Programme
    plan: Plan
    break_even: tuple[ZoneBreakEven, ...]
    today: Today
    heat: HeatMap
    horizon: HorizonSurplus
    mean_surplus_mw: dict[str, float]
    command: str
    program_version: str
    beside: PlanBeside | None = None


def plan_report(facts: PlanFacts) -> Report:
    """Everything that the page of a plan says."""
    plan, programme = facts.plan, facts.programme
    value, coins = sum(r.value_usd for r in last_year(plan)), sum(r.btc for r in last_year(plan))
    phase, year = last_phase(plan), a_year(plan)
    office = sum(one.value_usd for one in plan.stakeholders if one.kind == "programme" and one.phase == phase)
    basis = plan.basis
    return Report(
        title=programme.name,
        subtitle=f"Plan of programme {programme.id}: {basis.objective}, response {basis.response}, "
        f"{basis.scenarios} scenario{'s' if basis.scenarios != 1 else ''}",
        headline=plan_headline(plan),
        figures=(
            Figure("Allocated", fixed(plan.power_mw, 1), "MW", f"of at most {prose(plan.cap_mw)} MW"),
            Figure(
                "Net value", fixed(value / 1e6, 1), f"USD million {year}", "of licensees, pools and programme together"
            ),
            Figure("Coins mined", fixed(coins, 1), f"BTC {year}", "for licensees, pools and programme together"),
            Figure("Programme's part", fixed(office / 1e6, 1), f"USD million {year}", "royalty, rent and markup"),
        ),
        states=(certificate_state(plan),),
        sections=_sections(facts),
        about=(
            ("Command", facts.command),
            ("Digest of programme and series", plan.programme_digest),
            ("Zakhira", facts.program_version),
        ),
        kind="plan",
    )


def _sections(facts: PlanFacts) -> tuple[Section, ...]:
    plan, programme = facts.plan, facts.programme
    tag, digest = weakest_tag(programme), programme.digest[:12]
    source = f"Source: plan of programme {programme.id} ({digest}), prices of {programme.prices.as_of}. [{tag}]"
    found = [
        plan_section(plan, programme, source),
        certificate_section(plan, source),
        *([beside_section(facts.beside, plan.power_mw, source, estimate=tag == "E")] if facts.beside else []),
        stake_section(plan, programme, source),
        plan_map_section(plan, programme, facts.mean_surplus_mw, source),
        break_even_section(facts.break_even, facts.today, plan, programme, source),
        heat_section(facts.heat, source),
        horizon_section(facts.horizon, programme, source),
    ]
    if plan.basis.scenarios > 1:
        found.append(spread_section(plan, source))
    found.append(assumption_section(programme, source))
    return tuple(found)


def spread_section(plan: Plan, source: str) -> Section:
    """How the net value spreads over the scenarios."""
    spread, basis = plan.spread, plan.basis
    title = f"In one scenario of twenty the net value is below {usd(spread.low_usd)} a year"
    tail = f"mean of the worst {fixed(100 * basis.risk_tail_share)}%"
    rows = (
        ("5% quantile", spread.low_usd),
        (tail, spread.tail_mean_usd),
        ("median", spread.middle_usd),
        ("mean", spread.mean_usd),
        ("95% quantile", spread.high_usd),
    )
    table = Table(
        "Net value over the scenarios",
        (Column("", number=False), Column("net value", "USD mln/a")),
        tuple(Row((name, fixed(usd_value / 1e6, 2))) for name, usd_value in rows),
    )
    words = (f"{basis.scenarios} scenarios; the worst count with a weight of {prose(basis.risk_weight)}.",)
    return Section("spread", title, words, source, None, (table,))
