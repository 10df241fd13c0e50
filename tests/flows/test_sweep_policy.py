"""The sweeps of a run are asked of the same rules as any spend, and count in the same windows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flows.conftest import DAYS, SimulatedRun, request_of, simulated_run
from zakhira.controls.engine.decision import Why
from zakhira.controls.spend_state import SpendState
from zakhira.flows.movement_record import DONE, MOVEMENT, movement_of
from zakhira.flows.run import run_chain
from zakhira.flows.spends import recorded_spends
from zakhira.flows.sweeps import SweepNotAllowed
from zakhira.kernel.money import sats
from zakhira.programme.policy import Rule, Window


def test_every_sweep_counts_once(undisturbed_run: SimulatedRun) -> None:
    """A movement from intake to cold for each, that is done once its block is deep enough."""
    swept = [item for item in recorded_spends(undisturbed_run.books) if item.state is SpendState.CONFIRMED]
    assert swept
    bodies = undisturbed_run.books.records(MOVEMENT)
    assert list(bodies) == [item.instruction.id for item in swept]
    for item in swept:
        told = movement_of(item.instruction.id, bodies[item.instruction.id])
        paid_sats = sum(payment.amount_sats for payment in item.instruction.payments)
        assert (told.state, told.action, told.vault) == (DONE, "move", item.instruction.from_vault)
        assert sum(units for _, units in told.parts) == paid_sats
        assert len(item.approvals) == len({given.officer for given in item.approvals})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"effect": "refuse", "quorums": ()}, Why.RULE_REFUSES),
        ({"to_vaults": ("elsewhere",)}, Why.NO_RULE),
        ({"windows": (Window(24, "vault", sats(1)),)}, Why.WINDOW_AMOUNT),
        ({"windows": (Window(24, "programme", balance_share=0.0001),)}, Why.WINDOW_SHARE),
    ],
)
def test_a_sweep_that_the_rules_refuse_ends_the_run_by_its_code(change: dict[str, object], why: Why) -> None:
    """The first rule for moves is another one: nothing is approved, signed or sent, and the run says why."""
    request = request_of(DAYS)
    policy = request.programme.policy
    move = next(rule for rule in policy.rules if "move" in rule.actions)
    changed: Rule = replace(move, **change)  # type: ignore[arg-type]  # fields of the rule
    programme = replace(request.programme, policy=replace(policy, rules=(changed,)))
    run = simulated_run()
    with pytest.raises(SweepNotAllowed, match=why.code):
        run_chain(run.machinery, replace(request, programme=programme))
    assert [item.state for item in recorded_spends(run.books)] == [SpendState.PROPOSED]
    assert run.books.records(MOVEMENT) == {}
