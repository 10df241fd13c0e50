"""What wants attention: coins whose recovery path opens soon, keys not seen working; and a vault left in steps."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

import watch_drill
from custody_drill import COLD, INTAKE, PHRASE
from watch_drill import WatchDrill, keep_vaults, place, twin_drill
from zakhira.adapters.drill_keys import signer_xpub
from zakhira.custody.key_register import RegisteredKey
from zakhira.custody.vault_refusals import WrongVaultState
from zakhira.flows.arrival_judging import judge_arrivals
from zakhira.flows.attention import ageing_coins, silent_keys
from zakhira.flows.following import follow_chain
from zakhira.flows.registered_keys import register_keys
from zakhira.flows.rotation import StepTooLarge, plan_rotation
from zakhira.programme.model import Recovery, Vault, VaultKey

AFTER_BLOCKS = 40
AGEING = replace(INTAKE, template="decaying", recovery=Recovery(2, INTAKE.keys, AFTER_BLOCKS))
NEXT = Vault(
    "intake-next",
    "intake",
    2,
    tuple(VaultKey(f"next-{n}", signer_xpub(PHRASE, "next", f"next-{n}")) for n in (1, 2, 3)),
)
"""A successor of intake."""


def pay(drill: WatchDrill, key: str, *amounts_sats: int) -> None:
    """The pool pays these amounts to an address of intake, in a block."""
    made = drill.reserve(key)
    for amount_sats in amounts_sats:
        drill.pay((made.address.address, amount_sats))
    drill.mine()


def follow(drill: WatchDrill) -> None:
    follow_chain(drill.treasury)
    judge_arrivals(drill.treasury)


def test_coins_are_shown_before_their_recovery_path_opens() -> None:
    """Not while it is far, then with the blocks left, then as open; a vault without a recovery never."""
    drill = twin_drill(AGEING, COLD)
    pay(drill, "first", 1_000_000)
    follow(drill)
    assert ageing_coins(drill.treasury, 20) == ()
    drill.mine(AFTER_BLOCKS - 21)
    pay(drill, "second", 2_000_000)
    follow(drill)
    (coin,) = ageing_coins(drill.treasury, 20)
    assert (coin.coin.amount_sats, coin.blocks_left) == (1_000_000, 19)
    drill.mine(19)
    follow(drill)
    found = ageing_coins(drill.treasury, 20)
    assert [(item.coin.amount_sats, item.blocks_left) for item in found] == [(1_000_000, 0), (2_000_000, 20)]


def test_a_key_of_a_living_vault_that_nobody_saw_working_is_shown() -> None:
    """Half a year after its proof, with its vault; keys in no vault are not."""
    drill = twin_drill(INTAKE)
    treasury, today = drill.treasury, drill.now.date()
    keys = [
        RegisteredKey(key.signer, "A person", "signer", f"Site {n}", "Vendor", "Model", "1.0", "dice", key.xpub, today)
        for n, key in enumerate((*INTAKE.keys, *NEXT.keys))
    ]
    keys[1] = replace(keys[1], last_proof_of_life=None)
    register_keys(treasury.books, keys, "regtest", "dara", drill.now)
    assert [key.signer for key, _ in silent_keys(treasury, today)] == ["intake-2"]
    later = silent_keys(treasury, today + timedelta(days=181))
    assert [(key.signer, vaults) for key, vaults in later] == [(f"intake-{n}", ("intake",)) for n in (1, 2, 3)]


def test_a_vault_is_left_in_bounded_steps_of_one_purpose() -> None:
    """Steps keep to the bound; a coin above it goes alone; what is in suspense or young waits; nothing is written."""
    drill = twin_drill(INTAKE, NEXT)
    pay(drill, "first", 3_000_000, 3_000_000, 3_000_000)
    pay(drill, "large", 9_000_000)
    drill.pay((_unannounced(), 700_000))
    drill.mine(4)
    pay(drill, "young", 1_000_000)
    follow(drill)
    written = len(drill.treasury.books.audit_entries())
    plan = plan_rotation(drill.treasury, "intake", "intake-next", 6_500_000)
    assert [step.total_sats for step in plan.steps] == [6_000_000, 3_000_000, 9_000_000]
    assert {step.purpose for step in plan.steps} == {"royalty"}
    assert (plan.waiting_coins, plan.waiting_sats) == (2, 1_700_000)
    assert not plan.is_begun
    assert len(drill.treasury.books.audit_entries()) == written
    outpoints = [outpoint for step in plan.steps for outpoint in step.outpoints]
    assert len(outpoints) == len(set(outpoints)) == 4


def test_a_rotation_that_was_begun_goes_on_with_what_is_left() -> None:
    """Retired for this successor it is planned again; for another it is refused; a step above the limit always."""
    drill = twin_drill(INTAKE, NEXT)
    pay(drill, "first", 3_000_000)
    drill.mine(3)
    follow(drill)
    drill.retire(INTAKE, "intake-next")
    plan = plan_rotation(drill.treasury, "intake", "intake-next")
    assert plan.is_begun
    assert [step.total_sats for step in plan.steps] == [3_000_000]
    keep_vaults(drill.treasury.books, watch_drill.tested(replace(NEXT, id="other")))
    with pytest.raises(WrongVaultState):
        plan_rotation(drill.treasury, "intake", "other")
    with pytest.raises(StepTooLarge):
        plan_rotation(drill.treasury, "intake", "intake-next", drill.treasury.policy.sweep_limit_sats + 1)


def _unannounced() -> str:
    """An address of intake that nobody reserved, near those that were."""
    return place(INTAKE, 9).address
