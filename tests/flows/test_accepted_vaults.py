"""A vault is ours when officers decided so: a clerk's vault, a rotation by one officer, a retired vault's address."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from custody_drill import INTAKE, make_vault
from governing_drill import REASON, accept_vault, key_of
from treasury_drill import FAST, TreasuryDrill, order, twin_treasury
from watch_drill import POOL, all_signed, keep_vaults
from zakhira.controls.acts.authority import MotionState
from zakhira.controls.acts.authority_fold import authority_at
from zakhira.controls.acts.motion import BadMotionText, motion_of
from zakhira.controls.acts.public_acts import Adoption, Founding, RecordedAct, act_json, act_of
from zakhira.custody.vault_state import IN_USE, RETIRED, VaultRecord, retire
from zakhira.flows.accepted_vaults import NotTheSuccessor, RotationFrozen, VaultLeft, VaultNotAccepted, own_vaults
from zakhira.flows.governing.acting import Chamber, authority_in
from zakhira.flows.governing.acts import act_record, recorded_acts
from zakhira.flows.governing.freezing import freeze
from zakhira.flows.governing.motions import approve_motion, propose_thaw
from zakhira.flows.governing.refusals import AuthorityForged, NothingChanges, SuccessionUnfit
from zakhira.flows.governing.vaults import adopt_vaults, propose_vault
from zakhira.flows.ports.books import Write
from zakhira.flows.reservations import reserve_address
from zakhira.flows.rotation import RotationOrder, rotate
from zakhira.flows.spending.asking import ask_policy
from zakhira.flows.spending.order import FeeCeilings, PaymentOrder
from zakhira.flows.spending.proposing import propose
from zakhira.flows.vaults import vault_record
from zakhira.kernel.canonical import Json
from zakhira.kernel.money import sats
from zakhira.programme.vault_text import vault_hash

THIEF = make_vault("thief", "intake", 2, 3)
AMOUNT_SATS = 2_500_000


def drill_with(*records: VaultRecord) -> TreasuryDrill:
    """A drill of twins with these vaults besides its own, and coins in intake."""
    drill = twin_treasury()
    drill.receive(3_000_000, 3_000_000)
    keep_vaults(drill.parts.books, *records)
    return drill


def chamber_of(drill: TreasuryDrill) -> Chamber:
    return Chamber(drill.parts.books, drill.parts.policy, drill.now)


def accept(drill: TreasuryDrill, name: str, succeeds: str = "") -> None:
    drill.now += timedelta(minutes=1)
    accept_vault(drill.parts.books, drill.parts.policy, drill.now, name, succeeds)


def turn(name: str = "rotate-1") -> RotationOrder:
    return RotationOrder(name, "intake", "thief", "rule 1", FeeCeilings(sats(50_000), 100), FAST, 6_500_000)


def test_a_clerks_vault_gets_no_coin_and_gives_no_address() -> None:
    """Three keys of a clerk's, test-signed: no move goes there, no payer is sent there; accepted, both work."""
    drill = drill_with(all_signed(THIEF))
    with pytest.raises(VaultNotAccepted, match="thief"):
        propose(drill.treasury, order("mv", AMOUNT_SATS, to_vault="thief"), key_of("dara"))
    with pytest.raises(VaultNotAccepted, match="vault accept"):
        reserve_address(drill.treasury, "thief", POOL, "royalty", key="x", by="clerk")
    accept(drill, "thief")
    assert reserve_address(drill.treasury, "thief", POOL, "royalty", key="x", by="clerk").address.vault == "thief"
    assert propose(drill.treasury, order("mv", AMOUNT_SATS, to_vault="thief"), key_of("dara")).decision is not None


def test_an_address_of_a_vault_that_is_not_ours_is_outside_to_the_policy() -> None:
    """A place that lies in the books for it proves nothing: the coins leave."""
    drill = drill_with(all_signed(THIEF))
    accept(drill, "thief")
    spend = propose(drill.treasury, order("mv", AMOUNT_SATS, to_vault="thief"), key_of("dara"))
    (payment,) = spend.instruction.payments
    assert ask_policy(drill.treasury, spend, drill.now).own == {payment.address: "thief"}
    keep_vaults(drill.parts.books, replace(all_signed(replace(THIEF, threshold=1)), state=IN_USE))
    assert ask_policy(drill.treasury, spend, drill.now).own == {}, "another definition under the accepted name"


def test_one_officer_leaves_no_vault_for_another() -> None:
    """Not for one that nobody accepted, nor for an accepted one that succeeds nothing; nothing is written."""
    drill = drill_with(all_signed(THIEF))
    with pytest.raises(VaultNotAccepted):
        rotate(drill.treasury, turn(), key_of("dara"))
    accept(drill, "thief")
    with pytest.raises(NotTheSuccessor, match="--succeeds intake"):
        rotate(drill.treasury, turn(), key_of("dara"))
    assert vault_record(drill.parts.books, "intake").state == IN_USE
    accept(drill, "thief", "intake")
    assert rotate(drill.treasury, turn(), key_of("dara"))
    assert vault_record(drill.parts.books, "intake").state == RETIRED


def test_while_it_is_frozen_no_vault_is_left() -> None:
    """A freeze stops the rotation that a quorum decided on before; after the thaw it goes on."""
    drill = drill_with(all_signed(THIEF))
    accept(drill, "thief", "intake")
    freeze(chamber_of(drill), REASON, key_of("chand"))
    with pytest.raises(RotationFrozen):
        rotate(drill.treasury, turn(), key_of("dara"))
    assert vault_record(drill.parts.books, "intake").state == IN_USE
    motion = propose_thaw(chamber_of(drill), REASON, key_of("dara")).motion
    for name in ("amina", "chand"):
        approve_motion(chamber_of(drill), motion.hash, key_of(name))
    assert rotate(drill.treasury, turn(), key_of("dara"))


def test_an_old_address_of_a_retired_vault_is_not_paid() -> None:
    """Its keys may be stolen: not as a move, not by address; what was proposed before is asked about anew."""
    old = make_vault("old", "intake", 2, 3)
    drill = drill_with(all_signed(old))
    accept(drill, "old")
    made = reserve_address(drill.treasury, "old", POOL, "royalty", key="x", by="clerk")
    by_hand = replace(order("mv", AMOUNT_SATS), payments=(PaymentOrder(sats(AMOUNT_SATS), made.address.address),))
    before = propose(drill.treasury, by_hand, key_of("dara"))
    assert ask_policy(drill.treasury, before, drill.now).own == {made.address.address: "old"}
    keep_vaults(drill.parts.books, retire(vault_record(drill.parts.books, "old"), "intake"))
    assert ask_policy(drill.treasury, before, drill.now).own == {}
    with pytest.raises(VaultLeft, match="intake"):
        propose(drill.treasury, replace(by_hand, id="mv-2"), key_of("dara"))
    with pytest.raises(VaultLeft, match="intake"):
        propose(drill.treasury, order("mv-3", AMOUNT_SATS, to_vault="old"), key_of("dara"))


def test_the_motion_carries_the_whole_vault_and_is_read_back_strictly() -> None:
    """Signed are id, hash and succession; the definition goes along, and another one is found out."""
    drill = drill_with(all_signed(THIEF))
    record = propose_vault(chamber_of(drill), "thief", REASON, key_of("dara"), succeeds="intake")
    again = propose_vault(chamber_of(drill), "thief", REASON, key_of("dara"), succeeds="intake")
    assert again.motion == record.motion
    statement, body = record.motion.statement, record.motion.body
    assert (statement["vault"], statement["vault_hash"]) == ("thief", vault_hash(THIEF))
    assert statement["succeeds"] == "intake"
    assert motion_of(body) == record.motion
    assert isinstance(body, dict)
    weaker = replace(record.motion, vault=replace(THIEF, threshold=1))
    assert weaker.hash != record.motion.hash
    other: Json = {**body, "definition": {**body["definition"], "threshold": 1}}
    with pytest.raises(BadMotionText):
        motion_of(other)


def test_each_vault_is_accepted_once_for_each_succession() -> None:
    """Again is nothing; naming what it succeeds later keeps what was named before; never itself, nor a stranger."""
    drill = drill_with(all_signed(THIEF), all_signed(replace(THIEF, id="other")))
    accept(drill, "thief")
    drill.now += timedelta(minutes=1)
    with pytest.raises(NothingChanges):
        propose_vault(chamber_of(drill), "thief", REASON, key_of("dara"))
    with pytest.raises(SuccessionUnfit):
        propose_vault(chamber_of(drill), "thief", REASON, key_of("dara"), succeeds="other")
    accept(drill, "other")
    accept(drill, "thief", "intake")
    accept(drill, "thief", "other")
    state = authority_in(chamber_of(drill))
    assert state.vaults["thief"].succeeds == ("intake", "other")
    assert set(own_vaults(drill.parts.books, state)) == {"intake", "cold", "thief", "other"}


def test_it_waits_for_its_quorum_and_for_no_lock() -> None:
    """One yes is not enough; with the last it counts at once: the lock is for the policy alone."""
    drill = drill_with(all_signed(THIEF))
    record = propose_vault(chamber_of(drill), "thief", REASON, key_of("dara"))
    record = approve_motion(chamber_of(drill), record.motion.hash, key_of("amina"))
    assert record.state is MotionState.OPEN
    assert not authority_in(chamber_of(drill)).accepts(THIEF)
    record = approve_motion(chamber_of(drill), record.motion.hash, key_of("chand"))
    assert record.state is MotionState.IN_FORCE
    assert authority_in(chamber_of(drill)).accepts(THIEF)


def test_books_of_before_take_the_vaults_that_are_there_once() -> None:
    """A founding that says nothing of vaults: those that are there at the next opening are ours, none after that."""
    drill = twin_treasury()
    books, policy = drill.parts.books, drill.parts.policy
    first = act_record(RecordedAct(1, drill.now, Founding(policy)))
    books.commit(Write("policy founded", "desk", "policy founded", drill.now, records=(first,)))
    assert not authority_in(chamber_of(drill)).accepts(INTAKE)
    adopt_vaults(chamber_of(drill))
    keep_vaults(books, all_signed(THIEF))
    drill.now += timedelta(hours=1)
    adopt_vaults(chamber_of(drill))
    state = authority_in(chamber_of(drill))
    assert state.accepts(INTAKE)
    assert not state.accepts(THIEF)
    assert [recorded.number for recorded in recorded_acts(books)] == [1, 2]
    assert all(act_of(act_json(recorded)) == recorded for recorded in recorded_acts(books))


def test_an_adoption_that_is_slipped_in_counts_nothing() -> None:
    """A founding that names its vaults leaves no room for it: whoever reads the acts finds it."""
    drill = drill_with(all_signed(THIEF))
    accept(drill, "thief")
    acts = recorded_acts(drill.parts.books)
    forged = RecordedAct(acts[-1].number + 1, drill.now, Adoption((("evil", "00"),)))
    state = authority_at((*acts, forged), drill.now)
    assert [fault.number for fault in state.faults] == [forged.number]
    assert "evil" not in state.vaults
    books = drill.parts.books
    books.commit(Write("slip", "thief", "slip", drill.now, records=(act_record(forged),)))
    with pytest.raises(AuthorityForged):
        authority_in(chamber_of(drill))
