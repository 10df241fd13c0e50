"""Nothing is sent, once or once more, that the policy does not allow at that moment."""

from __future__ import annotations

from datetime import timedelta

import pytest

from policy_drill import BOTH, RULES, ruled
from treasury_drill import FASTER, TreasuryDrill, officer, order, twin_mempool_of, twin_treasury
from zakhira.controls.spend_state import SpendState
from zakhira.flows.governing.acting import Chamber
from zakhira.flows.governing.founding import found_policy
from zakhira.flows.governing.freezing import freeze
from zakhira.flows.governing.motions import approve_motion, propose_thaw
from zakhira.flows.spending.building import build, hand_out
from zakhira.flows.spending.deciding import approve, decide
from zakhira.flows.spending.hastening import propose_child, propose_home
from zakhira.flows.spending.refusals import SpendExpired, SpendNotAllowed
from zakhira.flows.spending.returning import take_signatures
from zakhira.flows.spending.sending import broadcast
from zakhira.flows.spending.spend import TreasurySpend, version_bytes
from zakhira.flows.spending.step import load_spend
from zakhira.programme.policy import Rule


@pytest.fixture
def drill() -> TreasuryDrill:
    """Three coins in intake, the four rules, and a policy that officers govern."""
    made = twin_treasury()
    made.receive(5_000_000, 3_000_000, 2_000_000)
    thaw_rule = Rule("thaw", "Rule 5: the end of a freeze", ("thaw",), propose_roles=("operations",), quorums=BOTH)
    ruled(made, *RULES, thaw_rule)
    found_policy(made.parts.books, made.parts.policy, made.now)
    return made


def chamber(drill: TreasuryDrill) -> Chamber:
    """Where officers act."""
    return Chamber(drill.parts.books, drill.parts.policy, drill.now)


def stop(drill: TreasuryDrill) -> None:
    """Chand freezes the reserve."""
    freeze(chamber(drill), "the payee called", officer("chand"))


def thaw(drill: TreasuryDrill) -> None:
    """All roles that approve end the freeze."""
    drill.now += timedelta(minutes=1)
    motion = propose_thaw(chamber(drill), "all is well, letter 3", officer("dara")).motion
    drill.now += timedelta(minutes=1)
    for name in ("amina", "chand"):
        approve_motion(chamber(drill), motion.hash, officer(name))


def lost(drill: TreasuryDrill, name: str = "pay-1") -> TreasurySpend:
    """The spend, which its mempool has forgotten."""
    spend = load_spend(drill.treasury, name)
    twin_mempool_of(drill).lose(spend.last.txid)
    return spend


def in_mempool(drill: TreasuryDrill, spend: TreasurySpend) -> bool:
    """Whether the newest version waits for a block."""
    return drill.parts.mempool.package(spend.last.txid) is not None


def test_what_was_sent_is_not_sent_again_in_a_freeze(drill: TreasuryDrill) -> None:
    """Neither by hand nor by the watcher, which tells of it and notes it once; after the thaw both may."""
    drill.sent(order("pay-1", 100_000))
    stop(drill)
    spend = lost(drill)
    with pytest.raises(SpendNotAllowed, match="frozen by chand"):
        broadcast(drill.treasury, "pay-1")
    found = drill.follow()
    assert (found.sent_again, in_mempool(drill, spend)) == ([], False)
    assert [told for told in found.told if "pay-1" in told and "frozen by chand" in told] != []
    noted = load_spend(drill.treasury, "pay-1")
    assert noted.note.startswith("Not sent again: ")
    assert "the payee called" in noted.note
    drill.now += timedelta(minutes=1)
    drill.follow()
    assert load_spend(drill.treasury, "pay-1").at == noted.at, "noted once"
    thaw(drill)
    assert drill.follow().sent_again == ["pay-1"]
    assert in_mempool(drill, spend)
    assert load_spend(drill.treasury, "pay-1").note == ""


def test_what_others_sent_in_a_freeze_is_noted_no_more(drill: TreasuryDrill) -> None:
    """Somebody else brings the transaction back into the mempool: the note that we did not is past."""
    drill.sent(order("pay-1", 100_000))
    stop(drill)
    spend = lost(drill)
    drill.follow()
    drill.parts.mempool.broadcast(version_bytes(drill.parts.books, spend.last.txid).raw_hex)
    drill.follow()
    assert load_spend(drill.treasury, "pay-1").note == ""


def test_what_was_sent_is_not_sent_again_when_its_time_is_over(drill: TreasuryDrill) -> None:
    """It can still be sent by whoever holds it, not by us."""
    drill.sent(order("pay-1", 100_000))
    drill.now += timedelta(hours=100)
    spend = lost(drill)
    assert drill.follow().sent_again == []
    assert not in_mempool(drill, spend)
    with pytest.raises(SpendExpired):
        broadcast(drill.treasury, "pay-1")


@pytest.mark.parametrize("kind", ["home", "child"])
def test_a_child_and_a_spend_home_are_stopped_as_well(drill: TreasuryDrill, kind: str) -> None:
    """Sent, forgotten by the mempool, frozen: neither goes out again."""
    drill.sent(order("pay-1", 1_000_000))
    made = propose_home if kind == "home" else propose_child
    made(drill.treasury, "pay-1", order(f"{kind}-1", 1), officer("dara"), FASTER)
    approve(drill.treasury, f"{kind}-1", officer("amina"))
    decide(drill.treasury, f"{kind}-1")
    build(drill.treasury, f"{kind}-1")
    drill.sign(f"{kind}-1")
    broadcast(drill.treasury, f"{kind}-1")
    stop(drill)
    spend = lost(drill, f"{kind}-1")
    found = drill.follow()
    assert f"{kind}-1" not in found.sent_again
    assert not in_mempool(drill, spend)
    assert load_spend(drill.treasury, f"{kind}-1").note.startswith("Not sent again: ")


def test_signatures_in_a_freeze_are_kept_and_nothing_is_made_final(drill: TreasuryDrill) -> None:
    """Signers answer in a freeze: their signatures are safe, and no transaction is made of them until it ends."""
    drill.built(order("pay-1", 100_000))
    spend, bytes_ = hand_out(drill.treasury, "pay-1")
    stop(drill)
    for number in (1, 2):
        spend = take_signatures(drill.treasury, "pay-1", drill.signed(spend, bytes_.psbt, number))
    assert (spend.state, len(spend.last.signers), spend.last.is_signed) == (SpendState.HANDED_OUT, 2, False)
    assert version_bytes(drill.parts.books, spend.last.txid).raw_hex == ""
    assert "frozen by chand" in spend.note
    with pytest.raises(SpendNotAllowed, match="frozen by chand"):
        broadcast(drill.treasury, "pay-1")
    assert version_bytes(drill.parts.books, spend.last.txid).raw_hex == ""
    thaw(drill)
    sent = broadcast(drill.treasury, "pay-1")
    assert (sent.state, sent.note) == (SpendState.BROADCAST, "")
    assert in_mempool(drill, sent)


def test_signatures_that_waited_are_made_final_when_they_come_again(drill: TreasuryDrill) -> None:
    """After the thaw the last signer's file is brought once more."""
    drill.built(order("pay-1", 100_000))
    spend, bytes_ = hand_out(drill.treasury, "pay-1")
    returned = [drill.signed(spend, bytes_.psbt, number) for number in (1, 2)]
    stop(drill)
    for file in returned:
        take_signatures(drill.treasury, "pay-1", file)
    thaw(drill)
    after = take_signatures(drill.treasury, "pay-1", returned[1])
    assert (after.state, after.note) == (SpendState.SIGNED, "")
