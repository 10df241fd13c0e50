"""What ``zakhira plan`` answers; kept light, since it must answer within two seconds."""

from __future__ import annotations

from dataclasses import asdict

from zakhira.cli.services import Answer
from zakhira.kernel.canonical import Json, content_hash
from zakhira.planning.allocation import Plan
from zakhira.programme.model import Programme
from zakhira.reports.plan_summary import plan_summary
from zakhira.wiring.tables import terminal_table


def plan_facts(plan: Plan, programme: Programme) -> dict[str, Json]:
    """A plan as plain data."""
    return {
        "programme": programme.id,
        "digest": plan.programme_digest,
        "power_mw": plan.power_mw,
        "cap_mw": plan.cap_mw,
        "grants": [asdict(grant) for grant in plan.grants],
        "results": [{**asdict(result), "value_usd": result.value_usd} for result in plan.results],
        "certificate": {**asdict(plan.certificate), "gap_share": plan.certificate.gap_share},
        "shadow_prices": [asdict(price) for price in plan.shadow_prices],
    }


def plan_answer(plan: Plan, programme: Programme) -> Answer:
    """The allocation with its certificate and the price of each limit."""
    summary = plan_summary(plan)
    table = terminal_table(summary.table, (f"{summary.state.word}: {summary.state.sentence}", *summary.shadow_prices))
    return Answer((table,), plan_facts(plan, programme), summary.headline)


def allocation_fingerprint(plan: Plan) -> str:
    """The hash of what was allocated, to a watt."""
    return content_hash([[grant.site, grant.class_id, round(grant.power_mw, 6)] for grant in plan.grants])
