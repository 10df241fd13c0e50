"""A vault left in steps: what the dry run shows is what is proposed, bounded, of one purpose, and safe to repeat."""

from __future__ import annotations

from dataclasses import replace

import pytest

import watch_drill
from custody_drill import INTAKE, PHRASE
from governing_drill import accept_vault
from watch_drill import DEPTH, WatchDrill, place
from zakhira.adapters.drill_keys import officer_key, signer_xpub
from zakhira.adapters.software_signer import OfficerKeyFile
from zakhira.custody.fee import FeeLimits, FeeTerms
from zakhira.custody.vault_refusals import VaultRetired, WrongVaultState
from zakhira.custody.vault_state import IN_USE, RETIRED
from zakhira.flows.arrival_judging import judge_arrivals
from zakhira.flows.following import follow_chain
from zakhira.flows.policy_authority import PolicyAuthority
from zakhira.flows.rotation import RotationOrder, StepTooLarge, plan_rotation, rotate
from zakhira.flows.spending.fees import FeeWish, fee_terms
from zakhira.flows.spending.order import FeeCeilings
from zakhira.flows.spending.refusals import NotProposer
from zakhira.flows.vaults import vault_record
from zakhira.kernel.money import sats
from zakhira.programme.model import Vault, VaultKey
from zakhira.simulator.chain import SimulatedChain
from zakhira.simulator.mempool import SimulatedMempool
from zakhira.simulator.movements import SimulatedMovements

DARA = OfficerKeyFile("dara", officer_key(PHRASE, "dara"))
_KEYS = tuple(VaultKey(name, signer_xpub(PHRASE, "next", name)) for name in ("next-1", "next-2", "next-3"))
NEXT = Vault("intake-next", "intake", 2, _KEYS)
ORDER = RotationOrder(
    "rotate-1", "intake", "intake-next", "rule 1", FeeCeilings(sats(50_000), 100), FeeWish(6, 2_000), 6_500_000
)


def drill_with_coins(*amounts_sats: int) -> WatchDrill:
    """Intake paid these amounts by the pool, and once by a stranger; all but the last payment lies deep."""
    drill = watch_drill.twin_drill(INTAKE, NEXT)
    chain = drill.chain
    assert isinstance(chain, SimulatedChain)
    drill.treasury = replace(
        drill.treasury,
        mempool=SimulatedMempool(chain),
        authority=PolicyAuthority(SimulatedMovements(drill.treasury.books)),
    )
    accept_vault(drill.treasury.books, drill.treasury.policy, drill.now, NEXT.id, succeeds=INTAKE.id)
    made = drill.reserve("first")
    for amount_sats in amounts_sats:
        drill.pay((made.address.address, amount_sats))
    drill.pay((place(INTAKE, 9).address, 700_000))
    drill.mine(max(DEPTH.confirmations))
    drill.pay((drill.reserve("young").address.address, 1_000_000))
    drill.mine()
    follow_chain(drill.treasury)
    judge_arrivals(drill.treasury)
    return drill


def terms_of(drill: WatchDrill) -> FeeTerms:
    return fee_terms(drill.treasury, FeeLimits(50_000, 100_000), ORDER.wish)


def test_the_dry_run_shows_the_steps_that_are_proposed() -> None:
    """Bounded steps, a coin above the bound alone, what is young or in suspense waits; and nothing is written."""
    drill = drill_with_coins(3_000_000, 3_000_000, 3_000_000, 9_000_000)
    written = len(drill.treasury.books.audit_entries())
    plan = plan_rotation(drill.treasury, ORDER, terms_of(drill))
    assert len(drill.treasury.books.audit_entries()) == written
    assert len(plan.steps) in {3, 4}, "by the order of their ids, which is no order of amounts"
    assert all(step.total_sats <= ORDER.step_sats or len(step.outpoints) == 1 for step in plan.steps)
    assert sum(step.total_sats for step in plan.steps) == 18_000_000
    assert (plan.waiting_coins, plan.waiting_sats, plan.is_begun) == (2, 1_700_000, False)
    spends = rotate(drill.treasury, ORDER, DARA)
    assert [spend.instruction.inputs for spend in spends] == [tuple(sorted(step.outpoints)) for step in plan.steps]
    assert {spend.instruction.to_vault for spend in spends} == {"intake-next"}
    assert vault_record(drill.treasury.books, "intake").state == RETIRED


def test_a_rotation_is_safe_to_repeat() -> None:
    """The same id gives the same proposals; the vault hands out no address; what is under way is named."""
    drill = drill_with_coins(3_000_000)
    first = rotate(drill.treasury, ORDER, DARA)
    assert rotate(drill.treasury, ORDER, DARA) == first
    with pytest.raises(VaultRetired, match="intake-next"):
        drill.reserve("third")
    again = plan_rotation(drill.treasury, replace(ORDER, id="rotate-2"), terms_of(drill))
    assert (again.is_begun, again.under_way) == (True, ("rotate-1-001",))


def test_a_vault_without_settled_coins_is_retired_all_the_same() -> None:
    """There is nothing to propose; what settles later is moved under the same id."""
    drill = drill_with_coins()
    assert rotate(drill.treasury, ORDER, DARA) == ()
    assert vault_record(drill.treasury.books, "intake").state == RETIRED
    drill.mine(max(DEPTH.confirmations))
    follow_chain(drill.treasury)
    judge_arrivals(drill.treasury)
    assert [spend.id for spend in rotate(drill.treasury, ORDER, DARA)] == ["rotate-1-001"]


def test_who_may_not_propose_rotates_nothing() -> None:
    """Another role's key, another successor than the one that was named, a step above the policy's limit."""
    drill = drill_with_coins(3_000_000)
    with pytest.raises(NotProposer):
        rotate(drill.treasury, ORDER, OfficerKeyFile("amina", officer_key(PHRASE, "amina")))
    assert vault_record(drill.treasury.books, "intake").state == IN_USE
    limit = drill.treasury.policy.sweep_limit_sats
    with pytest.raises(StepTooLarge):
        plan_rotation(drill.treasury, replace(ORDER, step_sats=limit + 1), terms_of(drill))
    rotate(drill.treasury, ORDER, DARA)
    watch_drill.keep_vaults(drill.treasury.books, watch_drill.all_signed(replace(NEXT, id="other")))
    with pytest.raises(WrongVaultState):
        plan_rotation(drill.treasury, replace(ORDER, successor="other"), terms_of(drill))
