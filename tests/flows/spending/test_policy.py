"""Spends under the rules of the policy: second person, delays, vetoes, statutes, and who is refused by which code."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from custody_drill import CHAIN, COLD, INTAKE, seed_of
from policy_drill import (
    HOLD,
    HOME,
    LARGE,
    NOT_SOLD,
    SMALL,
    SWEEP,
    approved,
    executed,
    large,
    payee,
    ruled,
)
from treasury_drill import FAST, PAYEE, TreasuryDrill, officer, order, twin_chain_of, twin_treasury
from zakhira.controls.engine.decision import NeedKind, Verdict, Why
from zakhira.controls.spend_state import IllegalStep, SpendState
from zakhira.custody.coin import Address, Payment
from zakhira.custody.refusals import ApprovalsMissing
from zakhira.custody.signing import check_and_sign
from zakhira.flows.decision_text import decision_json, decision_of
from zakhira.flows.movement_record import DONE, ENDED, MOVEMENT, WAITING, movement_of
from zakhira.flows.ports.books import Write
from zakhira.flows.ports.chain_pool import pool_address
from zakhira.flows.signing_rules import SignerNotNamed, SigningRules
from zakhira.flows.spending.asking import ask_policy, outside_sats
from zakhira.flows.spending.building import build, hand_out
from zakhira.flows.spending.deciding import approve, decide, reject, require_proposable
from zakhira.flows.spending.executing import MOST_MISMATCHES, execute
from zakhira.flows.spending.hastening import cancel, propose_home
from zakhira.flows.spending.order import PaymentOrder, SpendOrder
from zakhira.flows.spending.policy_refusals import (
    EnteredOtherwise,
    EnteredTooOften,
    ExecutionMissing,
    ExecutionNotAsked,
    NotExecutor,
    SpendMustWait,
    VetoPowerless,
)
from zakhira.flows.spending.proposing import propose
from zakhira.flows.spending.refusals import (
    ApprovalForged,
    BadOrder,
    NotProposer,
    SpendNotAllowed,
)
from zakhira.flows.spending.returning import take_signatures
from zakhira.flows.spending.sending import broadcast
from zakhira.flows.spending.spend import TreasurySpend, spend_of
from zakhira.flows.spending.step import begin_step, load_spend
from zakhira.flows.treasury import policy_in_force
from zakhira.kernel.canonical import Json
from zakhira.kernel.money import BadAmount, parse_amount, sats

HOUR = timedelta(hours=1)
THIEF = pool_address("a thief")


@pytest.fixture
def drill() -> TreasuryDrill:
    """Three coins in intake, and the four rules."""
    made = twin_treasury()
    made.receive(5_000_000, 3_000_000, 2_000_000)
    return ruled(made)


def movement_state(drill: TreasuryDrill, name: str) -> str:
    """How a spend counts in windows; empty where it does not."""
    body = drill.parts.books.latest(MOVEMENT, name)
    return movement_of(name, body).state if body is not None else ""


def write_decided(drill: TreasuryDrill, spend: TreasurySpend) -> None:
    """Somebody with the database's password calls it decided."""
    forged = replace(spend, state=SpendState.DECIDED)
    drill.parts.books.commit(Write("decided by hand", "intruder", "edit", drill.now, records=(forged.record,)))


def codes_of(caught: pytest.ExceptionInfo[SpendNotAllowed], *causes: Why) -> None:
    """The message has the code of each cause."""
    for why in causes:
        assert why.code in caught.value.message


def test_the_whole_life_under_a_rule_with_everything(drill: TreasuryDrill) -> None:
    """Quorum, execution, delay, hand-out, signatures, broadcast, block: rule and clause stand in the books."""
    spend = approved(drill, large())
    assert spend.state is SpendState.DECIDED
    assert spend.decision is not None
    assert (spend.decision.rule, spend.decision.clause) == ("large", LARGE.clause)
    assert [need.kind for need in spend.decision.needs] == [NeedKind.EXECUTION, NeedKind.TIME]
    build(drill.treasury, "pay-1", FAST)
    with pytest.raises(ExecutionMissing, match="execution by treasury"):
        hand_out(drill.treasury, "pay-1")
    assert movement_state(drill, "pay-1") == ""
    executed(drill, "pay-1", "0.025 BTC")
    until = drill.now + 2 * HOUR
    with pytest.raises(SpendMustWait, match=f"{until:%Y-%m-%dT%H:%M:%SZ}"):
        hand_out(drill.treasury, "pay-1")
    drill.now += 2 * HOUR - timedelta(seconds=1)
    with pytest.raises(SpendMustWait):
        drill.sign("pay-1")
    drill.now += timedelta(seconds=1)
    spend, bytes_ = hand_out(drill.treasury, "pay-1")
    with pytest.raises(ApprovalsMissing, match="No execution by treasury"):
        drill.signed(replace(spend, execution=None), bytes_.psbt, 1)
    drill.sign("pay-1")
    assert movement_state(drill, "pay-1") == WAITING
    broadcast(drill.treasury, "pay-1")
    drill.mine(4)
    done = load_spend(drill.treasury, "pay-1")
    assert done.state is SpendState.CONFIRMED
    assert done.decision is not None
    assert done.decision.verdict is Verdict.ALLOWED
    assert movement_state(drill, "pay-1") == DONE
    assert spend_of(done.record.body) == done
    assert drill.parts.books.breaks() == ()


def test_citi_revlon_the_wrong_sum_is_stopped_by_whoever_enters_it_again(drill: TreasuryDrill) -> None:
    """The interest was due, the principal was proposed with it: net cash out is shown, and the second person sees it.

    Layers: the proposal shows what leaves the vaults; who executes reads the sum from the source document.
    """
    approved(drill, order("pay-1", 300_000, 4_000_000))
    assert outside_sats(drill.treasury, load_spend(drill.treasury, "pay-1")) == 4_300_000
    with pytest.raises(EnteredOtherwise) as caught:
        executed(drill, "pay-1", "0.003 BTC")
    assert "0.003 BTC" in caught.value.message
    assert "0.043" not in caught.value.message + caught.value.remedy
    spend = load_spend(drill.treasury, "pay-1")
    assert [(entered.officer, entered.amount) for entered in spend.mismatches] == [("bilal", "0.003 BTC")]
    assert spend.execution is None
    drill.now += 3 * HOUR
    build(drill.treasury, "pay-1", FAST)
    with pytest.raises(ExecutionMissing):
        hand_out(drill.treasury, "pay-1")
    reject(drill.treasury, "pay-1", officer("chand"), "principal and interest mixed up")
    assert load_spend(drill.treasury, "pay-1").state is SpendState.REFUSED


def test_crypto_com_an_account_number_in_the_amount_field(drill: TreasuryDrill) -> None:
    """A number without a unit is no amount; with one no rule fits it; and at execution it is not the sum.

    Layers: typed amounts, the bands of the rules, the second person.
    """
    with pytest.raises(BadAmount):
        parse_amount("10474143")
    capped = ruled(drill, HOME, SWEEP, SMALL, replace(LARGE, below_amount=parse_amount("1 BTC")))
    with pytest.raises(SpendNotAllowed) as caught:
        propose(capped.treasury, order("pay-1", parse_amount("10474143 BTC").units), officer("dara"))
    codes_of(caught, Why.NO_RULE)
    approved(drill, large("pay-2"))
    with pytest.raises(BadAmount):
        executed(drill, "pay-2", "10474143")
    with pytest.raises(EnteredOtherwise):
        executed(drill, "pay-2", "10474143 BTC")


def test_paxos_one_key_does_nothing_alone(drill: TreasuryDrill) -> None:
    """Who proposes neither approves nor executes, and one approval builds nothing.

    Layer: the policy asks for several persons, at every step anew.
    """
    propose(drill.treasury, large(), officer("dara"))
    with pytest.raises(ApprovalForged, match=Why.BY_PROPOSER.code):
        approve(drill.treasury, "pay-1", officer("dara"))
    with pytest.raises(SpendNotAllowed):
        execute(drill.treasury, "pay-1", officer("dara"), "0.025 BTC", "minute 14/2026")
    approve(drill.treasury, "pay-1", officer("amina"))
    approve(drill.treasury, "pay-1", officer("bilal"))
    spend = decide(drill.treasury, "pay-1")
    assert spend.state is SpendState.PROPOSED
    assert spend.decision is not None
    assert spend.decision.missing[0] == "audit"
    with pytest.raises(IllegalStep):
        build(drill.treasury, "pay-1", FAST)
    write_decided(drill, spend)
    with pytest.raises(SpendNotAllowed, match="No approval by audit"):
        build(drill.treasury, "pay-1", FAST)


def test_the_second_person_is_a_second_person(drill: TreasuryDrill) -> None:
    """Neither the proposer nor an approver nor somebody of another role executes; entering twice changes nothing."""
    approved(drill, large())
    for name in ("dara", "amina", "chand"):
        with pytest.raises(NotExecutor, match=Why.EXECUTOR.code):
            execute(drill.treasury, "pay-1", officer(name), "0.025 BTC", "minute 14/2026")
    with pytest.raises(BadOrder):
        execute(drill.treasury, "pay-1", officer("bilal"), "0.025 BTC", " ")
    done = executed(drill, "pay-1", "2500000 sat")
    assert executed(drill, "pay-1", "2500000 sat") == done
    with pytest.raises(ExecutionNotAsked):
        execute(drill.treasury, "pay-1", officer("amina"), "0.025 BTC", "minute 14/2026")
    approved(drill, order("pay-2", 1_000_000))
    with pytest.raises(ExecutionNotAsked, match="small"):
        executed(drill, "pay-2", "0.01 BTC")


def test_nobody_guesses_the_amount(drill: TreasuryDrill) -> None:
    """After three other amounts the right one is not taken any more."""
    approved(drill, large())
    for guess in range(MOST_MISMATCHES):
        with pytest.raises(EnteredOtherwise):
            executed(drill, "pay-1", f"0.02{guess} BTC")
    with pytest.raises(EnteredTooOften):
        executed(drill, "pay-1", "0.025 BTC")


def test_a_veto_by_who_may(drill: TreasuryDrill) -> None:
    """Audit may say no to a large payment until signers hold it, treasury may not; to a small one anybody may."""
    approved(drill, large())
    with pytest.raises(VetoPowerless, match=Why.NOT_PERMITTED.code):
        reject(drill.treasury, "pay-1", officer("bilal"), "no")
    spend = reject(drill.treasury, "pay-1", officer("chand"), "the minute is another one")
    assert spend.state is SpendState.REFUSED
    assert spend.rejection is not None
    assert spend.rejection.reason == "the minute is another one"
    assert spend_of(spend.record.body) == spend
    approved(drill, order("pay-2", 1_000_000))
    assert movement_state(drill, "pay-2") == WAITING
    reject(drill.treasury, "pay-2", officer("bilal"), "no")
    assert movement_state(drill, "pay-2") == ENDED


def test_hours_in_which_it_may_be_carried_out(drill: TreasuryDrill) -> None:
    """Approved in the morning, handed out in the afternoon, and not a second earlier."""
    opening = (drill.now + 5 * HOUR).replace(minute=0, second=0)
    ruled(drill, replace(SMALL, from_hour=opening.hour, to_hour=opening.hour + 2))
    spend = approved(drill, order("pay-1", 1_000_000))
    assert spend.state is SpendState.DECIDED
    build(drill.treasury, "pay-1", FAST)
    drill.now = opening - timedelta(seconds=1)
    with pytest.raises(SpendMustWait, match=f"{opening:%Y-%m-%dT%H:%M:%SZ}"):
        hand_out(drill.treasury, "pay-1")
    drill.now = opening
    assert hand_out(drill.treasury, "pay-1")[0].state is SpendState.HANDED_OUT


def test_what_the_policy_refuses_for_good_is_not_even_proposed(drill: TreasuryDrill) -> None:
    """No rule, a rule that refuses, a payee not on the list or within its delay, a role that does not propose."""
    ruled(drill, replace(SMALL, effect="refuse", quorums=()), LARGE)
    with pytest.raises(SpendNotAllowed) as caught:
        propose(drill.treasury, order("pay-1", 1_000_000), officer("dara"))
    codes_of(caught, Why.RULE_REFUSES)
    listed = replace(SMALL, destinations="listed")
    ruled(drill, listed)
    with pytest.raises(SpendNotAllowed) as caught:
        propose(drill.treasury, order("pay-1", 1_000_000), officer("dara"))
    codes_of(caught, Why.NO_RULE, Why.NOT_LISTED)
    ruled(drill, listed, payees=(payee(drill.now),))
    with pytest.raises(SpendNotAllowed) as caught:
        propose(drill.treasury, order("pay-1", 1_000_000), officer("dara"))
    codes_of(caught, Why.NO_RULE, Why.LISTED_TOO_LATE)
    drill.now += 48 * HOUR
    assert propose(drill.treasury, order("pay-1", 1_000_000), officer("dara")).state is SpendState.PROPOSED
    ruled(drill, replace(SMALL, propose_roles=("audit",)), SWEEP)
    with pytest.raises(NotProposer, match=Why.PROPOSER_ROLE.code):
        propose(drill.treasury, order("pay-2", 1_000_000), officer("dara"))
    assert drill.parts.books.breaks() == ()


def test_coins_that_a_statute_binds_are_moved_and_not_sold(drill: TreasuryDrill) -> None:
    """EO 14233: asked again once the coins are chosen, refused by name; a move between our vaults is no sale."""
    ruled(drill, statutes=(NOT_SOLD,))
    spend = approved(drill, order("pay-1", 1_000_000))
    assert spend.decision is not None
    assert [remark.code for remark in spend.decision.remarks] == [Why.STATUTE.code]
    with pytest.raises(SpendNotAllowed) as caught:
        build(drill.treasury, "pay-1", FAST)
    codes_of(caught, Why.STATUTE)
    assert "EO 14233" in caught.value.message
    assert load_spend(drill.treasury, "pay-1").state is SpendState.DECIDED
    propose(drill.treasury, order("move-1", 1_000_000, to_vault=COLD.id), officer("dara"))
    approve(drill.treasury, "move-1", officer("amina"))
    decide(drill.treasury, "move-1")
    build(drill.treasury, "move-1", FAST)
    drill.sign("move-1")
    broadcast(drill.treasury, "move-1")
    drill.receive(4_000_000, purpose="rent")
    approved(drill, order("pay-2", 1_000_000, coins_for="rent"))
    assert build(drill.treasury, "pay-2", FAST).state is SpendState.BUILT


def test_a_hold_runs_from_the_deposit_of_each_lot(drill: TreasuryDrill) -> None:
    """Twenty years from the block in which the lot arrived, whatever moved it since; then it may be sold."""
    ruled(drill, statutes=(replace(HOLD, years=0.01),), approval_hours=24 * 30)
    deposited = drill.now
    named = drill.parts.coins.page("intake", limit=1)[0]
    told = order("pay-1", 1_000_000, inputs=(named.outpoint,))
    with pytest.raises(SpendNotAllowed) as caught:
        propose(drill.treasury, told, officer("dara"))
    codes_of(caught, Why.STATUTE)
    assert "H.R. 8957" in caught.value.message
    drill.now = deposited + timedelta(days=4)
    approved(drill, told)
    build(drill.treasury, "pay-1", FAST)
    assert hand_out(drill.treasury, "pay-1")[0].state is SpendState.HANDED_OUT


def test_our_own_address_is_known_by_derivation(drill: TreasuryDrill) -> None:
    """Somebody writes into the books that the thief's address is ours: it is a payment all the same, not a move."""
    spend = approved(drill, order("pay-1", 1_000_000))
    place = replace(_place(drill), address=THIEF)
    said = replace(spend.instruction, payments=(Payment(THIEF, 1_000_000),), to_vault=COLD.id)
    forged = replace(
        spend, instruction=said, places=(place,), proposal_signature=officer("dara").sign("proposal", said.hash)
    )
    drill.parts.books.commit(Write("by hand", "intruder", "edit", drill.now, records=(forged.record,)))
    asked = ask_policy(drill.treasury, load_spend(drill.treasury, "pay-1"), drill.now)
    assert asked.own == {}
    assert asked.decision.rule == "small"
    honest = propose(drill.treasury, order("move-1", 1_000_000, to_vault=COLD.id), officer("dara"))
    assert ask_policy(drill.treasury, honest, drill.now).decision.rule == "sweep"
    ours = honest.instruction.payments[0].address
    paid = (PaymentOrder(sats(1_000_000), ours),)
    told = propose(drill.treasury, replace(order("pay-3", 1), payments=paid), officer("dara"))
    assert told.places == ()
    assert ask_policy(drill.treasury, told, drill.now).decision.rule == "sweep"
    assert outside_sats(drill.treasury, told) == 0


def _place(drill: TreasuryDrill) -> Address:
    return propose(drill.treasury, order("other", 1_000_000, to_vault=COLD.id), officer("dara")).places[0]


def test_a_policy_change_races_a_spend(drill: TreasuryDrill) -> None:
    """Approvals under the version before do not count any more, by their code; the officers approve anew."""
    approved(drill, order("pay-1", 1_000_000))
    build(drill.treasury, "pay-1", FAST)
    ruled(drill, HOME, SWEEP, SMALL, replace(LARGE, delay_hours=3))
    with pytest.raises(SpendNotAllowed) as caught:
        hand_out(drill.treasury, "pay-1")
    codes_of(caught, Why.OTHER_POLICY)
    for name in ("amina", "chand"):
        approve(drill.treasury, "pay-1", officer(name))
    assert len(load_spend(drill.treasury, "pay-1").approvals) == 2
    assert hand_out(drill.treasury, "pay-1")[0].state is SpendState.HANDED_OUT


def test_a_way_home_is_a_rule_of_its_own_and_counts_in_no_window(drill: TreasuryDrill) -> None:
    """Taken home by one approval; the payment that ended counts no more, the way home never did."""
    drill.built(order("pay-1", 1_000_000))
    hand_out(drill.treasury, "pay-1")
    terms = SpendOrder("home-1", "", order("x", 1).payments, "home", "Rule 1", order("x", 1).ceilings)
    home = propose_home(drill.treasury, "pay-1", terms, officer("dara"), FAST)
    assert home.decision is not None
    assert home.decision.rule == HOME.id
    approve(drill.treasury, "home-1", officer("amina"))
    decide(drill.treasury, "home-1")
    build(drill.treasury, "home-1", FAST)
    drill.sign("home-1")
    broadcast(drill.treasury, "home-1")
    assert movement_state(drill, "pay-1") == WAITING
    drill.mine(4)
    assert load_spend(drill.treasury, "pay-1").state is SpendState.CANCELLED
    assert movement_state(drill, "pay-1") == ENDED
    assert movement_state(drill, "home-1") == ""
    twin_chain_of(drill).reorganise(5)
    drill.follow()
    assert load_spend(drill.treasury, "pay-1").state is SpendState.HANDED_OUT
    assert movement_state(drill, "pay-1") == WAITING


def test_only_the_signers_of_the_rule(drill: TreasuryDrill) -> None:
    """A rule names two of the vault's three signers: the third signs nothing, and its signature is not taken."""
    ruled(drill, replace(SMALL, signers=("intake-1", "intake-2")))
    approved(drill, order("pay-1", 1_000_000))
    build(drill.treasury, "pay-1", FAST)
    spend, bytes_ = hand_out(drill.treasury, "pay-1")
    with pytest.raises(SignerNotNamed):
        drill.signed(spend, bytes_.psbt, 3)
    third = SigningRules("intake-3", seed_of(INTAKE, 3), CHAIN, (INTAKE, COLD), lambda: drill.now)
    unruly = check_and_sign(bytes_.psbt, spend.instruction, policy_in_force(drill.treasury), CHAIN, third.seed)
    with pytest.raises(SignerNotNamed):
        take_signatures(drill.treasury, "pay-1", unruly.encode())
    assert drill.sign("pay-1", 1, 2).state is SpendState.SIGNED


def test_a_cancelled_spend_counts_no_more(drill: TreasuryDrill) -> None:
    """By a word, and by its time."""
    approved(drill, order("pay-1", 1_000_000))
    approved(drill, order("pay-2", 1_000_000))
    cancel(drill.treasury, "pay-1", "dara")
    assert movement_state(drill, "pay-1") == ENDED
    drill.now += 49 * HOUR
    drill.mine()
    assert load_spend(drill.treasury, "pay-2").state is SpendState.EXPIRED
    assert movement_state(drill, "pay-2") == ENDED


def test_decisions_of_earlier_books_are_read(drill: TreasuryDrill) -> None:
    """Before the policy had rules a decision had neither rule nor codes, and an approval no version."""
    old: dict[str, Json] = {"allowed": False, "missing": ["audit"], "clause": "Treasury rules, 4.2", "reasons": []}
    read = decision_of(old)
    assert (read.verdict, read.missing, read.clause) == (Verdict.NEEDS, ("audit",), "Treasury rules, 4.2")
    assert decision_of({**old, "reasons": ["too much"]}).verdict is Verdict.REFUSED
    assert decision_of({**old, "allowed": True, "missing": []}).allowed
    spend = approved(drill, large())
    assert spend.decision is not None
    body = decision_json(spend.decision)
    assert isinstance(body, dict)
    assert decision_of(body) == spend.decision
    _require_read_without_new_fields(spend)


def _require_read_without_new_fields(spend: TreasurySpend) -> None:
    body = spend.record.body
    assert isinstance(body, dict)
    fresh = {"execution", "mismatches"}
    assert spend_of({name: value for name, value in body.items() if name not in fresh}) == spend


def test_a_proposal_that_cannot_be_asked_for_leaves_nothing(drill: TreasuryDrill) -> None:
    """Asking at the proposal looks at no approval: quorum and delay stand among the needs."""
    step = begin_step(drill.treasury)
    spend = propose(drill.treasury, large(), officer("dara"))
    decision = require_proposable(drill.treasury, spend, step)
    assert decision.verdict is Verdict.NEEDS
    assert {need.kind for need in decision.needs} == {NeedKind.APPROVAL, NeedKind.EXECUTION, NeedKind.TIME}
    assert PAYEE in {payment.address for payment in spend.instruction.payments}
