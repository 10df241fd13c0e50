"""What ``zakhira plan`` answers; kept light, since it must answer within two seconds."""

from __future__ import annotations

from zakhira.cli.services import Answer, Word
from zakhira.kernel.canonical import Json, content_hash
from zakhira.planning.allocation import Plan
from zakhira.planning.plan_record import record_json, record_of
from zakhira.programme.model import Programme
from zakhira.reports.plan_summary import plan_summary
from zakhira.wiring.tables import terminal_table


def plan_facts(plan: Plan, programme: Programme) -> dict[str, Json]:
    """A plan as plain data: what plan.json holds."""
    return record_json(record_of(plan, programme))


def plan_answer(plan: Plan, programme: Programme) -> Answer:
    """The allocation with its certificate and the price of each limit."""
    summary = plan_summary(plan)
    table = terminal_table(summary.table, (f"{summary.state.word}: {summary.state.sentence}", *summary.shadow_prices))
    word = Word.INTERRUPTED if plan.certificate.interrupted else Word.YES
    return Answer((table,), plan_facts(plan, programme), summary.headline, word)


def allocation_fingerprint(plan: Plan) -> str:
    """The hash of what was allocated, to a watt."""
    return content_hash([[grant.site, grant.class_id, round(grant.power_mw, 6)] for grant in plan.grants])
