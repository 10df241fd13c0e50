"""From a finished run to the facts that its report is made of."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from zakhira import __version__
from zakhira.controls.spend_state import SpendState
from zakhira.flows.ports.books import Books
from zakhira.flows.run import RunResult
from zakhira.flows.spends import Spend
from zakhira.flows.world import WorldDay
from zakhira.ledger.statement import statement
from zakhira.planning.allocation import Plan
from zakhira.programme.model import Programme
from zakhira.programme.series import Series
from zakhira.proofs.verdict import Verdict
from zakhira.reports.facts import (
    CalibrationFact,
    CheckFact,
    DayProfile,
    ReservePoint,
    RunFacts,
    StatementRow,
    SweepApproval,
    SweepFact,
    VerdictFact,
    join_dispatch,
)
from zakhira.reports.horizon import horizon_surplus

BLOCK_REASON = {
    True: "a block every ten minutes of programme time, as on the real network",
    False: "the programme asks for fewer blocks than the real network has, so that a run takes less time",
}
TEN_MINUTES = 10
PROFILE_MONTH = "2026-01"


@dataclass(frozen=True)
class Finished:
    """Everything that a run has come to."""

    programme: Programme
    series: Series
    plan: Plan
    seed: int
    world: tuple[WorldDay, ...]
    result: RunResult
    verdict: Verdict


def gather_facts(done: Finished, books: Books, node_version: str, source: Path, database_version: str) -> RunFacts:
    """The facts of the run; ``source`` is the programme's folder, which may hold a calibration."""
    programme, result = done.programme, done.result
    return RunFacts(
        programme=programme,
        plan=done.plan,
        seed=done.seed,
        days=len(done.world),
        block_minutes_used=programme.block_minutes,
        block_minutes_reason=BLOCK_REASON[programme.block_minutes == TEN_MINUTES],
        dispatch=join_dispatch([day.dispatch for day in done.world]),
        settled=tuple(day.settled for day in done.world),
        received_sats=result.received_sats,
        reserve=_reserve(programme, result),
        sweeps=tuple(_sweep(programme, spend) for spend in result.spends if spend.state is SpendState.CONFIRMED),
        balances=books.balances(),
        statement=_statement(programme, books, result),
        verdict=_verdict(done.verdict),
        node_version=node_version,
        database_version=database_version,
        program_version=__version__,
        calibration=_calibration(source),
        january_profile=_profile(source),
        horizon=horizon_surplus(programme, done.series),
    )


def _reserve(programme: Programme, result: RunResult) -> tuple[ReservePoint, ...]:
    opening = ReservePoint(programme.run_start, 0, 0)
    return (opening, *(ReservePoint(point.at, point.intake_sats, point.cold_sats) for point in result.reserve))


def _sweep(programme: Programme, spend: Spend) -> SweepFact:
    roles = {officer.id: officer.role for officer in programme.policy.officers}
    return SweepFact(
        id=spend.instruction.id,
        at=spend.instruction.proposed_at,
        amount_sats=sum(payment.amount_sats for payment in spend.instruction.payments),
        fee_sats=spend.fee_sats,
        proposed_by=spend.instruction.proposed_by,
        approvals=tuple(SweepApproval(a.officer, roles[a.officer], a.at) for a in spend.approvals),
        signers=spend.signers,
        txid=spend.txid,
        height=spend.height,
    )


def _statement(programme: Programme, books: Books, result: RunResult) -> tuple[StatementRow, ...]:
    end = result.calendar.time_of(result.height) + timedelta(seconds=1)
    drawn = statement(books.entries(), programme.accounts, programme.run_start, end)
    return tuple(
        StatementRow(row.account, row.kind, row.opening, row.debits, row.credits, row.closing) for row in drawn.accounts
    )


def _verdict(verdict: Verdict) -> VerdictFact:
    return VerdictFact(
        word=verdict.word,
        checks=tuple(CheckFact(c.id, c.words, c.source, c.outcome, c.detail) for c in verdict.checks),
        height=verdict.height,
        block_hash=verdict.block_hash,
        proven_sats=verdict.proven_sats,
        claims_sats=verdict.claims_sats,
    )


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _calibration(source: Path) -> tuple[CalibrationFact, ...]:
    return tuple(
        CalibrationFact(
            label=row["label"],
            unit=row["unit"],
            published=float(row["published"]),
            generated=float(row["generated"]),
            difference_share=float(row["difference_share"]),
            tag=row["tag"],
            source=f"{row['source']}, {row['date']}",
            basis=row["basis"],
        )
        for row in _rows(source / "calibration.csv")
    )


def _profile(source: Path) -> DayProfile | None:
    rows = [row for row in _rows(source / "load_profile.csv") if row["month"] == PROFILE_MONTH]
    if not rows:
        return None
    published = tuple((int(row["hour"]), float(row["published_mw"])) for row in rows if row["published_mw"])
    return DayProfile(tuple(float(row["generated_mw"]) for row in rows), published)
