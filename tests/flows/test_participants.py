"""Participants: numbers of the register, claims in coin and rupees, transfers, and statements that tie."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payout_drill import PayoutDrill, officer, payout_policy, twin_drill
from zakhira.flows.keeping.act import DONE, WAITING
from zakhira.flows.keeping.acts import Journal, post_act
from zakhira.flows.keeping.carrying import carry
from zakhira.flows.keeping.refusals import (
    ActNotAllowed,
    BadParticipant,
    BadTransfer,
    ParticipantsMoved,
    ReferenceTaken,
    UnknownParticipant,
)
from zakhira.flows.participants import (
    Opening,
    Participant,
    load_participant,
    open_participant,
    participant_statement,
    participants,
    transfer_act,
)
from zakhira.flows.ports.books import Receipt, Record, Write
from zakhira.kernel.money import Amount, Commodity, sats
from zakhira.ledger.entry import Posting
from zakhira.ledger.faults import Overdrawn, UnknownAccount
from zakhira.ledger.periods import Period
from zakhira.programme.model import AccountSpec

STIPENDS = "expenses:stipends"
BOTH = (Commodity.BTC, Commodity.PKR)
EVERYBODY = ("dara", "amina", "chand")
NOVEMBER = Period(date(2025, 11, 1), date(2025, 11, 30))


def pkr(paisa: int) -> Amount:
    """Paisa."""
    return Amount(paisa, Commodity.PKR)


@pytest.fixture
def drill() -> PayoutDrill:
    """A desk without participants."""
    made = twin_drill(0)
    made.books.open_accounts((AccountSpec(STIPENDS, "PKR", "expense"),))
    return made


def entered(drill: PayoutDrill, name: str, reference: str, **told: object) -> Participant:
    """A citizen with both accounts."""
    opening = Opening(name, "citizen", reference, BOTH)
    return open_participant(drill.desk, replace(opening, **told), officer("dara"))  # type: ignore[arg-type]  # fields


def paid(drill: PayoutDrill, to: str, paisa: int, day: date) -> None:
    """A stipend by hand."""
    lines = (Posting(STIPENDS, pkr(paisa)), Posting(f"liabilities:participants:{to}:PKR", pkr(-paisa)))
    act = post_act(Journal(day, f"Stipend of {day}", "order 3", lines))
    carry(drill.desk, act, [officer(name) for name in EVERYBODY])


def test_the_register_gives_numbers(drill: PayoutDrill) -> None:
    """One after another; two of one name are two; no name stands in an account; the same opening again is the same."""
    first, second = entered(drill, "Amina Khan", "file 17"), entered(drill, "Amina Khan", "file 18")
    assert (first.id, second.id) == ("p-000001", "p-000002")
    assert entered(drill, "Amina Khan", "file 17") == first
    assert participants(drill.books) == (first, second)
    states = drill.ledger.accounts("liabilities:participants")
    assert [(state.spec.code, state.holder) for state in states] == [
        (f"liabilities:participants:{one.id}:{asset.value}", one.id) for one in (first, second) for asset in BOTH
    ]
    assert load_participant(drill.books, first.id) == first
    assert drill.books.breaks() == ()


def test_a_reference_is_one_person_on_one_set_of_terms(drill: PayoutDrill) -> None:
    """Another name, kind, maturity or account under it is refused."""
    entered(drill, "Amina Khan", "file 17", assets=(Commodity.PKR,))
    for told in ({"name": "Bilal"}, {"kind": "staff"}, {"maturity": date(2031, 1, 1)}, {"assets": BOTH}):
        with pytest.raises(ReferenceTaken):
            entered(drill, **{"name": "Amina Khan", "reference": "file 17", "assets": (Commodity.PKR,), **told})  # type: ignore[arg-type]  # fields
    assert len(participants(drill.books)) == 1


@pytest.mark.parametrize(
    "told",
    [
        {"name": " "},
        {"reference": ""},
        {"kind": "friend"},
        {"assets": ()},
        {"assets": (Commodity.USD,)},
        {"maturity": date(2020, 1, 1)},
        {"reference": "file\u200b17"},
        {"reference": "file 17\ufe0f"},
        {"reference": "file\u115f17"},
        {"name": "Amina\u202eKhan"},
    ],
)
def test_what_no_participant_is(drill: PayoutDrill, told: dict[str, object]) -> None:
    """A name, a reference, a kind, something to hold, and a day to come."""
    with pytest.raises(BadParticipant):
        entered(drill, **{"name": "Amina Khan", "reference": "file 17", **told})  # type: ignore[arg-type]  # fields
    assert participants(drill.books) == ()


@pytest.mark.parametrize(
    "reference", ["file 17 ", "File 17", "file\u00a017", " FILE\t17", "\uff46\uff49\uff4c\uff45 17", "file  17"]
)
def test_one_reference_is_one_citizen_however_it_is_written(drill: PayoutDrill, reference: str) -> None:
    """Blanks, capitals and wide letters do not make a second one, under one name or another."""
    first = entered(drill, "Amina Khan", "file 17")
    assert entered(drill, " Amina  Khan", reference) == first
    with pytest.raises(ReferenceTaken):
        entered(drill, "Bilal", reference)
    assert participants(drill.books) == (first,)


@pytest.mark.parametrize("code", ["liabilities:participants:p-000001:BTC", "liabilities:participants:p-000001:PKR"])
def test_an_account_in_the_way_stops_nobody(drill: PayoutDrill, code: str) -> None:
    """Where the account of the next number is there and is nobody's, the next participant gets the number behind."""
    drill.books.open_accounts((AccountSpec(code, code[-3:], "liability"),))
    one = entered(drill, "Amina Khan", "file 17", assets=(Commodity.PKR,))
    assert (one.id, entered(drill, "Bilal", "file 18").id) == ("p-000002", "p-000003")
    assert entered(drill, "Amina Khan", "file 17", assets=(Commodity.PKR,)) == one


def test_who_may_open(drill: PayoutDrill) -> None:
    """An officer who may put acts on the ledger forward, and nobody else."""
    with pytest.raises(ActNotAllowed):
        open_participant(drill.desk, Opening("A", "citizen", "file 1", BOTH), officer("amina"))
    with pytest.raises(UnknownParticipant):
        load_participant(drill.books, "p-000001")


def test_a_certificate_is_a_claim_on_a_term(drill: PayoutDrill) -> None:
    """In coin its class is told to whoever counts what stands behind claims; it is not transferred before its day."""
    matures = drill.now.date() + timedelta(days=10)
    one = entered(drill, "Sana Malik", "file 19", maturity=matures)
    other = entered(drill, "Amina Khan", "file 17")
    claims = {state.spec.code: state.spec.claim for state in drill.ledger.accounts("liabilities:participants")}
    assert claims[one.account(Commodity.BTC)] == "term"
    assert claims[other.account(Commodity.BTC)] == "demand"
    assert claims[one.account(Commodity.PKR)] == "none"
    paid(drill, one.id, 100, drill.now.date())
    with pytest.raises(BadTransfer, match="payable from"):
        transfer_act(drill.desk, one.id, other.id, pkr(1), drill.now.date(), "gift", "order 1")
    with pytest.raises(BadTransfer, match="in the future"):
        transfer_act(drill.desk, one.id, other.id, pkr(1), matures, "gift", "order 1")
    drill.wait(10 * 24 * 60)
    with pytest.raises(BadTransfer, match="payable from"):
        transfer_act(drill.desk, one.id, other.id, pkr(1), matures - timedelta(days=1), "gift", "order 1")
    act = transfer_act(drill.desk, one.id, other.id, pkr(1), matures, "gift", "order 1")
    assert carry(drill.desk, act, [officer(name) for name in EVERYBODY])[0].state == DONE


def test_a_transfer(drill: PayoutDrill) -> None:
    """By as many officers as a journal; never more than is there, and never to an account that is not there."""
    one, other = entered(drill, "Amina Khan", "file 17"), entered(drill, "Bilal", "file 18", assets=(Commodity.PKR,))
    day = drill.now.date()
    paid(drill, one.id, 100, day)
    for amount, cause in ((pkr(101), Overdrawn), (sats(1), UnknownAccount)):
        act = transfer_act(drill.desk, one.id, other.id, amount, day, "gift", "order 1")
        with pytest.raises(cause):
            carry(drill.desk, act, [officer("dara")])
    for amount in (pkr(0), pkr(-5), Amount(1, Commodity.USD)):
        with pytest.raises(BadTransfer):
            transfer_act(drill.desk, one.id, other.id, amount, day, "gift", "order 1")
    with pytest.raises(BadTransfer):
        transfer_act(drill.desk, one.id, one.id, pkr(1), day, "gift", "order 1")
    act = transfer_act(drill.desk, one.id, other.id, pkr(60), day, "gift", "order 1")
    assert carry(drill.desk, act, [officer("dara"), officer("amina")])[0].state == WAITING
    assert drill.held(other.account(Commodity.PKR)) == 0
    for _ in range(2):
        assert carry(drill.desk, act, [officer("chand")])[0].state == DONE
    assert (drill.held(one.account(Commodity.PKR)), drill.held(other.account(Commodity.PKR))) == (40, 60)


def test_a_statement_of_a_month(drill: PayoutDrill) -> None:
    """Opening, movements and closing of each account, as they are owed: above 0."""
    one, other = entered(drill, "Amina Khan", "file 17"), entered(drill, "Bilal", "file 18")
    paid(drill, one.id, 100, date(2025, 10, 31))
    paid(drill, one.id, 30, date(2025, 11, 1))
    act = transfer_act(drill.desk, one.id, other.id, pkr(5), date(2025, 11, 30), "rent", "order 1")
    carry(drill.desk, act, [officer(name) for name in EVERYBODY])
    paid(drill, one.id, 7, date(2025, 12, 1))
    coin, rupees = participant_statement(drill.ledger, one, NOVEMBER)
    assert (coin.account, coin.movements, coin.closing) == (one.account(Commodity.BTC), (), sats(0))
    assert (rupees.opening, rupees.closing) == (pkr(100), pkr(125))
    assert [(item.narration, item.amount, item.balance) for item in rupees.movements] == [
        ("Stipend of 2025-11-01", pkr(30), pkr(130)),
        ("rent", pkr(-5), pkr(125)),
    ]
    assert rupees.opening + rupees.credits - rupees.debits == rupees.closing


@settings(max_examples=10)
@given(st.lists(st.tuples(st.integers(1, 500), st.integers(0, 90)), max_size=6))
def test_months_tie(payments: list[tuple[int, int]]) -> None:
    """One month's closing is the next one's opening, and the last is what is held."""
    drill = twin_drill(0, policy=payout_policy())
    drill.books.open_accounts((AccountSpec(STIPENDS, "PKR", "expense"),))
    one = entered(drill, "Amina Khan", "file 17", assets=(Commodity.PKR,))
    for number, (paisa, days) in enumerate(payments):
        day = date(2025, 10, 1) + timedelta(days=days)
        lines = (Posting(STIPENDS, pkr(paisa)), Posting(one.account(Commodity.PKR), pkr(-paisa)))
        act = post_act(Journal(day, f"Stipend {number}", "order", lines))
        carry(drill.desk, act, [officer(name) for name in EVERYBODY])
    closing = pkr(0)
    for first, last in ((10, 31), (11, 30), (12, 31)):
        period = Period(date(2025, first, 1), date(2025, first, last))
        (told,) = participant_statement(drill.ledger, one, period)
        assert told.opening == closing
        closing = told.closing
    assert closing.units == drill.held(one.account(Commodity.PKR)) == sum(paisa for paisa, _ in payments)


def test_two_who_draw_one_number(drill: PayoutDrill, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is slower gets the next number; who is always slower is told."""
    commit = drill.books.commit

    def slower(write: Write) -> Receipt:
        monkeypatch.undo()
        entered(drill, "Bilal", "file 18")
        return commit(write)

    monkeypatch.setattr(drill.books, "commit", slower)
    assert entered(drill, "Amina Khan", "file 17").id == "p-000002"
    assert [one.name for one in participants(drill.books)] == ["Bilal", "Amina Khan"]
    drill.books.commit(Write("open participant p-000003", "desk", "x", drill.now, records=(Record("x", "x", {}),)))
    with pytest.raises(ParticipantsMoved):
        entered(drill, "Sana", "file 19")
