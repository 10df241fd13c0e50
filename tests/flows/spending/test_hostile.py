"""Liars around a spend: the coordinator, the database, a node, a signer, a clock. Each is refused with its own code."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from embit.script import address_to_scriptpubkey

from custody_drill import CHAIN, COLD, INTAKE, seed_of
from treasury_drill import (
    FAST,
    PAYEE,
    TreasuryDrill,
    officer,
    order,
    twin_chain_of,
    twin_treasury,
)
from zakhira.controls.approval import Approval
from zakhira.controls.engine.decision import Verdict, Why
from zakhira.controls.spend_state import SpendState
from zakhira.custody.coin import Instruction, Payment
from zakhira.custody.read_by_embit import parse_psbt
from zakhira.custody.refusals import (
    DifferentTransaction,
    InvalidSignature,
    SigningRefused,
    WrongInstruction,
    WrongOutputs,
    WrongSighash,
)
from zakhira.flows.agreement import CoinsDiffer, NotFollowed
from zakhira.flows.governing.standing import standing_of
from zakhira.flows.officer_words import sign_approval
from zakhira.flows.ports.books import Write
from zakhira.flows.ports.chain_errors import NodeUnreachable
from zakhira.flows.ports.chain_pool import pool_address
from zakhira.flows.ports.follow import NodeCoin
from zakhira.flows.signing_rules import SigningRules
from zakhira.flows.spending.building import build, hand_out
from zakhira.flows.spending.deciding import approve, decide, take_approval
from zakhira.flows.spending.proposing import propose
from zakhira.flows.spending.refusals import (
    ApprovalElsewhere,
    ApprovalForged,
    ApprovalMistimed,
    ClockSetBack,
    CoinDiffers,
    NotProposer,
    ProposalForged,
    SpendNotAllowed,
    SpendsMoved,
)
from zakhira.flows.spending.returning import take_signatures
from zakhira.flows.spending.sending import broadcast
from zakhira.flows.spending.spend import VersionBytes, version_bytes
from zakhira.flows.spending.step import begin_step, commit_step, load_spend
from zakhira.flows.treasury import policy_in_force
from zakhira.simulator.chain_faults import ChainFault
from zakhira.simulator.follow import SimulatedFollower
from zakhira.simulator.signer import SignerFault, SimulatedOfficer, SimulatedSigner

THIEF = pool_address("a thief")


@pytest.fixture
def drill() -> TreasuryDrill:
    """Three coins in intake."""
    made = twin_treasury()
    made.receive(5_000_000, 3_000_000, 2_000_000)
    return made


def write_by_hand(drill: TreasuryDrill, what: str, *records: object) -> None:
    """What somebody with the database's password can do."""
    drill.parts.books.commit(Write(f"by hand/{what}", "intruder", "edit", drill.now, records=tuple(records)))  # type: ignore[arg-type]  # records


def robbed(psbt: str, target: str = THIEF) -> str:
    """The same PSBT with its payment turned to another address."""
    parsed = parse_psbt(psbt)
    paid = address_to_scriptpubkey(PAYEE)
    scope = next(item for item in parsed.outputs if item.script_pubkey == paid)
    scope.script_pubkey = address_to_scriptpubkey(target)
    text: str = parsed.to_base64()
    return text


def test_bybit_the_screen_says_one_thing_the_bytes_another(drill: TreasuryDrill) -> None:
    """The books show the approved payment, the bytes in them pay a thief: nothing is handed out, signed or sent."""
    spend = drill.built(order("pay-1", 1_000_000))
    bytes_ = version_bytes(drill.parts.books, spend.last.txid)
    write_by_hand(drill, "bytes", VersionBytes(spend.last.txid, robbed(bytes_.psbt)).record)
    with pytest.raises(WrongOutputs) as caught:
        hand_out(drill.treasury, "pay-1")
    assert THIEF in caught.value.message
    assert load_spend(drill.treasury, "pay-1").state is SpendState.BUILT


def test_bybit_the_coordinator_itself_is_the_liar(drill: TreasuryDrill) -> None:
    """A coordinator that sends every signer the thief's bytes gets no signature: each decodes for itself."""
    drill.built(order("pay-1", 1_000_000))
    spend, bytes_ = hand_out(drill.treasury, "pay-1")
    for number in (1, 2, 3):
        with pytest.raises(SigningRefused) as caught:
            drill.signed(spend, robbed(bytes_.psbt), number)
        assert caught.value.code == WrongOutputs.code
    lie = replace(spend.instruction, payments=(Payment(THIEF, 1_000_000),))
    with pytest.raises(SigningRefused):
        drill.signed(replace(spend, instruction=lie), robbed(bytes_.psbt), 1)


def test_dmm_the_request_is_altered_on_the_way(drill: TreasuryDrill) -> None:
    """The payee is altered in the books between proposal and approval, and after it: every step refuses it."""
    propose(drill.treasury, order("pay-1", 1_000_000), officer("dara"))
    spend = load_spend(drill.treasury, "pay-1")
    altered = replace(spend.instruction, payments=(Payment(THIEF, 1_000_000),))
    write_by_hand(drill, "instruction", replace(spend, instruction=altered).record)
    steps: list[Callable[[], object]] = [
        lambda: approve(drill.treasury, "pay-1", officer("amina")),
        lambda: decide(drill.treasury, "pay-1"),
        lambda: build(drill.treasury, "pay-1", FAST),
    ]
    for step in steps:
        with pytest.raises(ProposalForged):
            step()
    resigned = replace(spend, instruction=altered, proposal_signature=officer("dara").sign("approval", altered.hash))
    write_by_hand(drill, "signature of another domain", resigned.record)
    with pytest.raises(ProposalForged):
        load_spend(drill.treasury, "pay-1")


def test_one_altered_record_does_not_stop_the_others(drill: TreasuryDrill) -> None:
    """A spend that was altered in the books is told at every look; the others are confirmed all the same."""
    drill.sent(order("pay-1", 1_000_000))
    sent = drill.sent(order("pay-2", 1_000_000))
    altered = replace(sent.instruction, payments=(Payment(THIEF, 1_000_000),))
    write_by_hand(drill, "instruction", replace(sent, instruction=altered).record)
    found = drill.mine(4)
    assert found.confirmed == ["pay-1"]
    assert [told for told in found.told if told.startswith("ALARM") and "pay-2" in told]


def test_dmm_an_altered_and_newly_proposed_request_has_no_approvals(drill: TreasuryDrill) -> None:
    """A proposer's stolen key proposes the altered request; the approvals of the old one do not count for it."""
    spend = drill.decided(order("pay-1", 1_000_000))
    altered = replace(spend.instruction, payments=(Payment(THIEF, 1_000_000),))
    key = officer("dara")
    forged = replace(spend, instruction=altered, proposal_signature=key.sign("proposal", altered.hash))
    write_by_hand(drill, "with the proposer's key", forged.record)
    with pytest.raises(SpendNotAllowed) as caught:
        build(drill.treasury, "pay-1", FAST)
    assert "another instruction" in caught.value.message


def test_approvals_are_for_one_instruction_by_one_officer_in_its_time(drill: TreasuryDrill) -> None:
    """Replayed, forged, mistimed and self-made approvals are refused, each by its code, and none is recorded."""
    propose(drill.treasury, order("pay-1", 1_000_000), officer("dara"))
    propose(drill.treasury, order("pay-2", 1_000_000), officer("dara"))
    second = load_spend(drill.treasury, "pay-2").instruction

    def yes(name: str, instruction: Instruction, at: datetime | None = None) -> Approval:
        return sign_approval(officer(name), instruction.hash, at or drill.now, standing_of(drill.treasury).policy_hash)

    good = yes("amina", second)
    later, earlier = drill.now + timedelta(hours=1), second.proposed_at - timedelta(seconds=1)
    cases: list[tuple[Approval, type[Exception]]] = [
        (yes("amina", load_spend(drill.treasury, "pay-1").instruction), ApprovalElsewhere),
        (replace(good, officer="chand"), ApprovalForged),
        (replace(good, signature="00" * 64), ApprovalForged),
        (yes("dara", second), ApprovalForged),
        (replace(good, officer="nobody"), ApprovalForged),
        (replace(good, at=later), ApprovalForged),
        (yes("amina", second, later), ApprovalMistimed),
        (yes("amina", second, earlier), ApprovalMistimed),
    ]
    for approval, refusal in cases:
        with pytest.raises(refusal):
            take_approval(drill.treasury, "pay-2", approval)
    assert load_spend(drill.treasury, "pay-2").approvals == ()
    assert take_approval(drill.treasury, "pay-2", good).approvals == (good,)
    with pytest.raises(NotProposer):
        propose(drill.treasury, order("pay-3", 1_000_000), officer("amina"))
    with pytest.raises(NotProposer):
        propose(drill.treasury, order("pay-3", 1_000_000), SimulatedOfficer("dara", bytes(32)))


def test_a_limit_of_the_policy_refuses_the_proposal_and_a_later_one_the_decision(drill: TreasuryDrill) -> None:
    """Above the policy's limit nothing is proposed; a limit that came into force meanwhile is a recorded no."""
    propose(drill.treasury, order("pay-1", 1_000_000), officer("dara"))
    drill.parts = replace(drill.parts, policy=replace(drill.parts.policy, sweep_limit_sats=500_000))
    with pytest.raises(SpendNotAllowed, match="ZK-CONTROLS-030"):
        propose(drill.treasury, order("pay-2", 1_000_000), officer("dara"))
    approve(drill.treasury, "pay-1", officer("amina"))
    with pytest.raises(SpendNotAllowed, match="ZK-CONTROLS-030"):
        decide(drill.treasury, "pay-1")
    decision = load_spend(drill.treasury, "pay-1").decision
    assert decision is not None
    assert decision.verdict is Verdict.REFUSED
    assert [reason.code for reason in decision.reasons] == [Why.NO_RULE.code]


class LyingNode(SimulatedFollower):
    """A node that tells a coin's amount truly so many times, and then adds a satoshi."""

    true_answers = 0

    def node_coin(self, outpoint: str) -> NodeCoin | None:
        """The coin, or the lie."""
        found = super().node_coin(outpoint)
        self.true_answers -= 1
        return found if self.true_answers >= 0 or found is None else replace(found, amount_sats=found.amount_sats + 1)


def test_a_node_that_lies_about_an_amount(drill: TreasuryDrill) -> None:
    """Whenever the lie is told, the spend stops: while nodes and books are compared, or when the amount is taken."""
    drill.decided(order("pay-1", 1_000_000))
    node = LyingNode(twin_chain_of(drill))
    drill.parts = replace(drill.parts, node=node)
    with pytest.raises(CoinsDiffer):
        build(drill.treasury, "pay-1", FAST)
    node.true_answers = 1
    with pytest.raises(CoinDiffers):
        build(drill.treasury, "pay-1", FAST)
    node.true_answers = 100
    build(drill.treasury, "pay-1", FAST)
    drill.parts = replace(drill.parts, second=LyingNode(twin_chain_of(drill)))
    with pytest.raises(CoinsDiffer) as caught:
        hand_out(drill.treasury, "pay-1")
    assert "second node" in caught.value.message


def test_a_node_that_answers_late_or_not_at_all(drill: TreasuryDrill) -> None:
    """At every call of every step the node fails, before or after its work: done again, the spend is paid once."""
    chain = twin_chain_of(drill)
    drill.decided(order("pay-1", 1_000_000))
    tries = 0
    for fault in ChainFault:
        for step in _steps(drill):
            for call in range(200):
                chain.faults.fail_next(fault, after=call)
                before = chain.faults.calls
                try:
                    step()
                except NodeUnreachable:
                    tries += 1
                    continue
                # The step needed fewer calls than that: the fault is still ahead, and is let go.
                chain.faults._faults.clear()  # the plan has no other way to forget
                assert chain.faults.calls - before <= call
                break
    assert tries > 30
    drill.mine(4)
    assert load_spend(drill.treasury, "pay-1").state is SpendState.CONFIRMED
    paid = [
        output
        for block in chain.state.best
        for transaction in block.transactions
        for output in transaction.vout
        if output.value == 1_000_000
    ]
    assert len(paid) == 1
    assert drill.parts.books.breaks() == ()


def _steps(drill: TreasuryDrill) -> list[Callable[[], object]]:
    def built() -> object:
        if load_spend(drill.treasury, "pay-1").state is SpendState.DECIDED:
            return build(drill.treasury, "pay-1", FAST)
        return None

    def signed() -> object:
        if load_spend(drill.treasury, "pay-1").state is SpendState.BROADCAST:
            return None
        return drill.sign("pay-1")

    return [built, signed, lambda: broadcast(drill.treasury, "pay-1")]


def test_a_reorganisation_in_the_middle(drill: TreasuryDrill) -> None:
    """The chain changes between building and sending: first follow, then the coins are compared anew."""
    drill.built(order("pay-1", 1_000_000))
    chain = twin_chain_of(drill)
    chain.reorganise(1)
    with pytest.raises(NotFollowed):
        hand_out(drill.treasury, "pay-1")
    drill.follow()
    drill.sign("pay-1")
    chain.reorganise(6)
    with pytest.raises(NotFollowed):
        broadcast(drill.treasury, "pay-1")
    drill.follow()
    with pytest.raises(CoinsDiffer):
        broadcast(drill.treasury, "pay-1")
    assert load_spend(drill.treasury, "pay-1").state is SpendState.SIGNED
    drill.mine(5)
    assert broadcast(drill.treasury, "pay-1").state is SpendState.BROADCAST
    drill.mine(4)
    assert load_spend(drill.treasury, "pay-1").state is SpendState.CONFIRMED
    assert drill.parts.books.breaks() == ()


@pytest.mark.parametrize(
    ("fault", "refusal"),
    [
        (SignerFault.OTHER_TRANSACTION, DifferentTransaction),
        (SignerFault.SPOILT_SIGNATURE, InvalidSignature),
        (SignerFault.NARROW_SIGHASH, WrongSighash),
    ],
)
def test_a_signer_that_returns_something_else(
    drill: TreasuryDrill, fault: SignerFault, refusal: type[Exception]
) -> None:
    """Nothing of it is taken over, and the books are as they were."""
    drill.built(order("pay-1", 1_000_000))
    spend, bytes_ = hand_out(drill.treasury, "pay-1")
    policy = policy_in_force(drill.treasury)
    rules = SigningRules("intake-1", seed_of(INTAKE, 1), CHAIN, (INTAKE, COLD), lambda: drill.now, policy)
    signer = SimulatedSigner(rules, {1: fault})
    returned = base64.b64decode(signer.sign_spend(bytes_.psbt, spend.instruction, spend.approvals, policy))
    with pytest.raises(refusal):
        take_signatures(drill.treasury, "pay-1", returned)
    assert load_spend(drill.treasury, "pay-1") == spend
    assert version_bytes(drill.parts.books, spend.last.txid) == bytes_


def test_signatures_of_another_spend(drill: TreasuryDrill) -> None:
    """A PSBT of another spend of ours is not taken for this one."""
    drill.built(order("pay-1", 1_000_000))
    drill.built(order("pay-2", 1_000_000))
    hand_out(drill.treasury, "pay-1")
    other, bytes_ = hand_out(drill.treasury, "pay-2")
    with pytest.raises(DifferentTransaction):
        take_signatures(drill.treasury, "pay-1", drill.signed(other, bytes_.psbt, 1))


def test_the_transaction_in_the_books_is_exchanged(drill: TreasuryDrill) -> None:
    """The final bytes of another transaction of ours in the place of the signed ones are not sent."""
    drill.built(order("pay-1", 1_000_000))
    drill.built(order("pay-2", 2_000_000))
    first, second = drill.sign("pay-1"), drill.sign("pay-2")
    bytes_ = version_bytes(drill.parts.books, first.last.txid)
    other = version_bytes(drill.parts.books, second.last.txid)
    write_by_hand(drill, "raw", replace(bytes_, raw_hex=other.raw_hex).record)
    with pytest.raises(DifferentTransaction):
        broadcast(drill.treasury, "pay-1")
    write_by_hand(drill, "both", replace(other, txid=bytes_.txid).record)
    with pytest.raises(WrongInstruction):
        broadcast(drill.treasury, "pay-1")


def test_a_clock_set_back(drill: TreasuryDrill) -> None:
    """A proposal that is over cannot be revived by the clock: no step is taken before the last one's time."""
    propose(drill.treasury, order("pay-1", 1_000_000), officer("dara"))
    drill.now += timedelta(hours=49)
    propose(drill.treasury, order("pay-2", 1_000_000), officer("dara"))
    drill.now -= timedelta(hours=48)
    for name in ("pay-1", "pay-2"):
        with pytest.raises(ClockSetBack):
            approve(drill.treasury, name, officer("amina"))
    with pytest.raises(ClockSetBack):
        propose(drill.treasury, order("pay-3", 1_000_000), officer("dara"))


def test_two_who_act_at_once(drill: TreasuryDrill) -> None:
    """Of two steps that were begun on the same books one is written, and the other is refused whole."""
    propose(drill.treasury, order("pay-1", 1_000_000), officer("dara"))
    step = begin_step(drill.treasury)
    spend = load_spend(drill.treasury, "pay-1")
    approve(drill.treasury, "pay-1", officer("amina"))
    with pytest.raises(SpendsMoved):
        commit_step(drill.treasury, step, "dara", "spend cancelled", (replace(spend, state=SpendState.CANCELLED),))
    assert len(load_spend(drill.treasury, "pay-1").approvals) == 1
