"""What the commands answer: the same facts as sentences and tables, and as plain data."""

from __future__ import annotations

from dataclasses import asdict

from zakhira.cli.services import Answer, Table, Word
from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.money import Amount, Commodity
from zakhira.planning.allocation import Plan
from zakhira.programme.model import Programme
from zakhira.proofs.verdict import (
    FAILED,
    FAILED_OUTCOME,
    IMPOSSIBLE_OUTCOME,
    NOT_VERIFIED,
    PASSED_OUTCOME,
    VERIFIED,
    Verdict,
)
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
    summary = plan_summary(plan, programme)
    table = terminal_table(summary.table, (f"{summary.state.word}: {summary.state.sentence}", *summary.shadow_prices))
    return Answer((table,), plan_facts(plan, programme), summary.headline)


def allocation_fingerprint(plan: Plan) -> str:
    """The hash of what was allocated, to a watt."""
    return content_hash([[grant.site, grant.class_id, round(grant.power_mw, 6)] for grant in plan.grants])


_MARKS = {PASSED_OUTCOME: "✓ passed", FAILED_OUTCOME: "✗ failed", IMPOSSIBLE_OUTCOME: "? not possible"}
_WORDS = {VERIFIED: Word.YES, FAILED: Word.NO, NOT_VERIFIED: Word.UNKNOWN}


def verdict_answer(verdict: Verdict) -> Answer:
    """Each check with where its answer comes from, what failed first."""
    rows = tuple((_MARKS[check.outcome], check.source, check.words, check.detail) for check in verdict.checks)
    facts: dict[str, Json] = {
        "verdict": verdict.word,
        "programme": verdict.programme_id,
        "height": verdict.height,
        "block_hash": verdict.block_hash,
        "proven_sats": verdict.proven_sats,
        "claims_sats": verdict.claims_sats,
        "moved_since": dict(verdict.moved),
        "checks": [asdict(check) for check in verdict.checks],
    }
    table = Table("The checks, and where each answer comes from", ("outcome", "from", "what", "detail"), rows)
    return Answer((table,), facts, _verdict_sentence(verdict), _WORDS[verdict.word])


def _verdict_sentence(verdict: Verdict) -> str:
    if verdict.word == FAILED:
        return f"FAILED: {'; '.join(f'{check.words}: {check.detail}' for check in verdict.failed)}"
    if verdict.word == NOT_VERIFIED:
        return f"NOT VERIFIED: {'; '.join(check.detail for check in verdict.impossible)}"
    moved = "".join(
        f" The coin {outpoint} has moved since, at height {height}." for outpoint, height in verdict.moved.items()
    )
    proven = Amount(verdict.proven_sats, Commodity.BTC)
    return f"VERIFIED: {proven} in {verdict.programme_id} at block {verdict.height}.{moved}"
