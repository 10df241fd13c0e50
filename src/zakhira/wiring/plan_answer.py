"""What ``zakhira plan`` answers; kept light, since it must answer within two seconds."""

from __future__ import annotations

from dataclasses import asdict

from zakhira.cli.answer import Answer, Word
from zakhira.kernel.canonical import Json, content_hash
from zakhira.planning.allocation import Plan
from zakhira.planning.plan_record import record_json, record_of
from zakhira.programme.model import Programme
from zakhira.reports.plan_beside import PlanBeside, beside_sentences
from zakhira.reports.plan_summary import plan_summary
from zakhira.wiring.tables import terminal_table


def plan_facts(plan: Plan, programme: Programme) -> dict[str, Json]:
    """A plan as plain data: what plan.json holds."""
    return record_json(record_of(plan, programme))


def plan_answer(plan: Plan, programme: Programme, beside: PlanBeside | None = None) -> Answer:
    """The allocation with its certificate, the price of each limit, and what stands beside it."""
    summary = plan_summary(plan)
    told = beside_sentences(beside) if beside else ()
    notes = (f"{summary.state.word}: {summary.state.sentence}", *told, *summary.shadow_prices)
    table = terminal_table(summary.table, notes)
    word = Word.INTERRUPTED if plan.certificate.interrupted else Word.YES
    facts = plan_facts(plan, programme)
    if beside:
        facts["beside"] = beside_facts(beside)
    return Answer((table,), facts, summary.headline, word)


def beside_facts(beside: PlanBeside) -> dict[str, Json]:
    """What stands beside the plan, as plain data."""
    return {
        "price_taker": {**asdict(beside.share), "worth_usd": beside.share.worth_usd},
        "retarget": {
            "settled_btc": float(beside.retarget.settled_btc.sum()),
            "simulated_btc": float(beside.retarget.simulated_btc.sum()),
            "difference_btc": beside.retarget.difference_btc,
            "difference_share": beside.retarget.difference_share,
        },
    }


def allocation_fingerprint(plan: Plan) -> str:
    """The hash of what was allocated, to a watt."""
    return content_hash([[grant.site, grant.class_id, round(grant.power_mw, 6)] for grant in plan.grants])
