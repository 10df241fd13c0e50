"""Somebody who can write to the database, and holds no key, moves no coin: officers and signers look for themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from flows.conftest import SimulatedRun, request_of, simulated_run, small
from zakhira.adapters.drill_keys import licensee_address
from zakhira.controls.approval import Approval
from zakhira.controls.spend_state import SpendState
from zakhira.custody.coin import Address, Instruction, Payment
from zakhira.custody.descriptor import derive_address
from zakhira.custody.refusals import ApprovalsMissing
from zakhira.flows.ports.books import Write
from zakhira.flows.run import run_chain
from zakhira.flows.spends import Spend
from zakhira.flows.sweeps import INTAKE_ACCOUNT, NotASweep
from zakhira.kernel.errors import ZakhiraError

FORGED_DAY, DAYS = 3, 4
"""The day whose sweep is forged before it is proposed, and the length of the run."""
FEE_SATS = 500
THIEF = licensee_address("a phrase of somebody else", "thief")

Forgery = Callable[[SimulatedRun, datetime], Spend]


def forged_sweep(run: SimulatedRun, now: datetime, to_vault: str, place: Address) -> Spend:
    """A proposal that looks like the sweep of the day and pays every credited coin to ``place``."""
    programme, _ = small()
    policy = programme.policy
    lots = run.books.lots(INTAKE_ACCOUNT)
    assert lots
    total_sats = sum(balance.amount.units for balance in lots)
    instruction = Instruction(
        id=f"sweep-{FORGED_DAY:04d}",
        chain=programme.chain,
        from_vault=policy.vault("intake").id,
        to_vault=to_vault,
        inputs=tuple(sorted(balance.lot.outpoint for balance in lots)),
        payments=(Payment(place.address, total_sats - FEE_SATS),),
        fee_limit_sats=FEE_SATS,
        fee_rate_limit_sat_per_vb=FEE_SATS,
        purpose="sweep intake to cold",
        clause=policy.clause,
        proposed_by=next(officer.id for officer in policy.officers if officer.role == policy.propose_role),
        proposed_at=now,
        expires_at=now + timedelta(hours=policy.approval_hours),
    )
    return Spend(instruction, place, FORGED_DAY, SpendState.PROPOSED)


def to_a_stranger(run: SimulatedRun, now: datetime) -> Spend:
    """Outside every vault."""
    return forged_sweep(run, now, "", Address("cold", 0, 0, THIEF, ""))


def to_a_stranger_in_the_name_of_cold(run: SimulatedRun, now: datetime) -> Spend:
    """A stranger's address that the record calls cold's."""
    return forged_sweep(run, now, small()[0].policy.vault("cold").id, Address("cold", 0, 1, THIEF, ""))


def back_to_intake(run: SimulatedRun, now: datetime) -> Spend:
    """A vault of ours, and the wrong one: three fees a day and cold stays empty."""
    programme, _ = small()
    intake = programme.policy.vault("intake")
    return forged_sweep(run, now, intake.id, derive_address(intake, 0, 0, programme.chain))


def with_made_up_approvals(run: SimulatedRun, now: datetime) -> Spend:
    """The right sweep, with approvals that no officer gave."""
    programme, _ = small()
    cold = programme.policy.vault("cold")
    spend = forged_sweep(run, now, cold.id, derive_address(cold, 0, 1, programme.chain))
    approvals = tuple(
        Approval(officer.id, spend.instruction.hash, "00" * 64, now)
        for officer in programme.policy.officers
        if officer.role in programme.policy.approve_roles
    )
    return replace(spend, state=SpendState.DECIDED, approvals=approvals)


def forging(run: SimulatedRun, forge: Forgery) -> Callable[[str, float, float, str], None]:
    """A progress report that writes the forgery into the books just before its day begins."""

    def report(stage: str, done: float, _total: float, _note: str) -> None:
        if stage == "days" and done == FORGED_DAY:
            now = request_of(DAYS).programme.run_start + timedelta(days=FORGED_DAY + 1)
            spend = forge(run, now)
            run.books.commit(Write("forged", "somebody", "spend proposed", now, (), (spend.record,)))

    return report


@pytest.mark.parametrize(
    ("forge", "refusal"),
    [
        (to_a_stranger, NotASweep),
        (to_a_stranger_in_the_name_of_cold, NotASweep),
        (back_to_intake, NotASweep),
        (with_made_up_approvals, ApprovalsMissing),
    ],
)
def test_a_forged_record_moves_nothing(forge: Forgery, refusal: type[ZakhiraError]) -> None:
    """The run stops with a refusal, again at the next start, and every coin is where it was."""
    run = simulated_run()
    programme, _ = small()
    machinery = replace(run.machinery, progress=forging(run, forge))
    with pytest.raises(refusal):
        run_chain(machinery, request_of(DAYS))
    held = {coin.outpoint for coin in run.chain.coins(programme.policy.vault("intake").id)}
    with pytest.raises(refusal):
        run.start(DAYS)
    assert {balance.lot.outpoint for balance in run.books.lots(INTAKE_ACCOUNT)} == held
