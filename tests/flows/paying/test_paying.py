"""Payouts from a file to accounts: whole or not at all, each payee once, in parts, and stopped by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from payout_drill import (
    GOVERN,
    RUPEES,
    SOURCE,
    PayoutDrill,
    campaign,
    csv_of,
    officer,
    payee,
    payout_policy,
    twin_drill,
    windowed,
)
from zakhira.flows.paying.approving import approve_payout, refuse_payout
from zakhira.flows.paying.campaigns import approve_campaign, propose_campaign
from zakhira.flows.paying.executing import enter_total
from zakhira.flows.paying.overview import standing_stops
from zakhira.flows.paying.payout_record import PAYOUT, PAYOUT_ROWS, load_payout
from zakhira.flows.paying.refusals import (
    BadPayoutOrder,
    CampaignNotOpen,
    CampaignTaken,
    NotTheSecondPerson,
    PartMustWait,
    PayoutForged,
    PayoutHalted,
    PayoutNotAllowed,
    PayoutsStopped,
    PayoutTaken,
    PayoutWordNotTaken,
    SourceNamedOtherwise,
    TotalEnteredOtherwise,
    TotalEnteredTooOften,
    TotalNotEntered,
)
from zakhira.flows.paying.stopping import ALL, PAYOUT_STOP, resume, stop
from zakhira.flows.ports.books import Receipt, Record, Write
from zakhira.flows.ports.books_errors import DatabaseUnreachable
from zakhira.flows.spending.dry import DryBooks
from zakhira.kernel.errors import Faults
from zakhira.kernel.money import parse_amount
from zakhira.ledger.entry import Entry, Posting, reversal
from zakhira.programme.policy import Window
from zakhira.settlement.payouts.entries import row_entry_id
from zakhira.settlement.payouts.state import IllegalPayoutStep, PayoutState
from zakhira.simulator.books import SimulatedBooks

TWO = csv_of("p-000001,20000 PKR,stipend", "p-000002,30000 PKR,stipend")


def ready(count: int = 5) -> PayoutDrill:
    """An open campaign."""
    drill = twin_drill(count)
    drill.opened(campaign())
    return drill


def test_a_batch_is_paid_to_the_paisa() -> None:
    """File, two approvals, the second person, parts: the fund owes less, the payees are owed more."""
    drill = ready()
    payout = drill.paid(campaign(), TWO, "50000 PKR")
    assert payout.state is PayoutState.RELEASED
    assert drill.held("liabilities:participants:p-000001:PKR") == 20_000_00
    assert drill.held("liabilities:participants:p-000002:PKR") == 30_000_00
    assert drill.held(campaign().fund) == 570_000_00
    assert drill.books.breaks() == ()


def test_a_campaign_pays_nothing_before_officers_approved_it() -> None:
    """Nobody opens a campaign alone, and its terms never change."""
    drill = twin_drill()
    propose_campaign(drill.desk, campaign(), officer("dara"))
    with pytest.raises(CampaignNotOpen):
        drill.prepared(campaign(), TWO)
    with pytest.raises(PayoutWordNotTaken):
        approve_campaign(drill.desk, "stipend-2026", officer("dara"))
    approve_campaign(drill.desk, "stipend-2026", officer("amina"))
    with pytest.raises(CampaignTaken):
        propose_campaign(drill.desk, campaign(title="other"), officer("dara"))
    with pytest.raises(CampaignNotOpen):
        drill.prepared(campaign(), TWO)
    assert approve_campaign(drill.desk, "stipend-2026", officer("chand")).state == "open"


def test_one_bad_row_and_nothing_is_done() -> None:
    """The file is refused whole, with every fault."""
    drill = ready()
    with pytest.raises(Faults) as told:
        drill.prepared(campaign(), csv_of("p-000001,20000 PKR,stipend", "p-000002,30000,stipend", "p-9,1 PKR,gift"))
    codes = {fault.code[-3:] for fault in told.value.faults}
    assert codes >= {"021", "025", "029", "031"}
    assert drill.books.records(PAYOUT) == {}


def test_the_second_person_is_another_and_reads_the_same_total() -> None:
    """Neither the preparer nor an approver; another unit is recorded and refused, and guessing ends."""
    drill = ready()
    drill.prepared(campaign(), TWO)
    with pytest.raises(IllegalPayoutStep):
        drill.entered("50000 PKR")
    drill.approved()
    for name in ("dara", "amina"):
        with pytest.raises(NotTheSecondPerson):
            enter_total(drill.desk, "batch-1", officer(name), "50000 PKR", SOURCE)
    with pytest.raises(TotalNotEntered):
        drill.part()
    for wrong in ("50000 BTC", "5000 PKR", "50000 USD"):
        with pytest.raises(TotalEnteredOtherwise):
            drill.entered(wrong)
    with pytest.raises(TotalEnteredTooOften):
        drill.entered("50000 PKR")


def test_the_total_is_never_tried_out() -> None:
    """Books that forget would let a second person guess it as often as they like: the first guess is refused."""
    drill = ready()
    drill.prepared(campaign(), TWO)
    drill.approved()
    dry = replace(drill.desk, books=DryBooks(drill.books))
    for guess in ("50000 PKR", "60000 PKR"):
        with pytest.raises(BadPayoutOrder, match="tried out"):
            enter_total(dry, "batch-1", officer("bilal"), guess, SOURCE)


def test_another_source_document_is_recorded_and_tells_nothing_of_the_total() -> None:
    """The right total from "any words at all" is no reading; the third time it is over. Layout makes no difference."""
    drill = ready()
    drill.prepared(campaign(), TWO)
    drill.approved()
    for total in ("50000 PKR", "1 PKR"):
        with pytest.raises(SourceNamedOtherwise):
            enter_total(drill.desk, "batch-1", officer("bilal"), total, "any words at all")
    assert len(load_payout(drill.desk, "batch-1")[0].words.mismatches) == 2
    entered = enter_total(drill.desk, "batch-1", officer("bilal"), "50000 PKR", f" {SOURCE.upper()}")
    assert entered.state is PayoutState.RELEASING


def test_an_approver_is_no_second_person_even_where_the_rule_names_no_roles() -> None:
    """A rule without execute_roles lets everybody execute, as far as the engine goes: whoever approved does not."""
    drill = twin_drill(policy=payout_policy(GOVERN, replace(RUPEES, execute_roles=())))
    drill.opened(campaign())
    drill.prepared(campaign(), TWO)
    drill.approved()
    for name in ("amina", "chand", "dara"):
        with pytest.raises(NotTheSecondPerson):
            enter_total(drill.desk, "batch-1", officer(name), "50000 PKR", SOURCE)
    assert drill.entered("50000 PKR").state is PayoutState.RELEASING


def test_parts_go_out_with_time_between() -> None:
    """Of 200 rows two, then twenty, then all; asked too early, the next part waits."""
    drill = ready(200)
    told = campaign(lowest=campaign().lowest, part_minutes=10)
    drill.prepared(told, csv_of(*(f"{payee(number)},1000 PKR,stipend" for number in range(1, 201))))
    drill.approved()
    drill.entered("200000 PKR")
    assert drill.part().payout.released == 2
    with pytest.raises(PartMustWait):
        drill.part()
    drill.wait()
    assert drill.part().payout.released == 20
    drill.wait()
    assert drill.part().payout.released == 200
    assert drill.part().part is None
    assert drill.held(told.fund) == 420_000_00


def test_one_officer_stops_and_a_quorum_lets_go_on() -> None:
    """The kill switch between two parts: nothing more goes out until two others have said so."""
    drill = ready(200)
    drill.prepared(campaign(), csv_of(*(f"{payee(number)},1000 PKR,stipend" for number in range(1, 201))))
    drill.approved()
    drill.entered("200000 PKR")
    drill.part()
    drill.wait()
    stop(drill.desk, ALL, "payee 3 called", officer("bilal"))
    assert stop(drill.desk, ALL, "again", officer("amina")).officer == "bilal"
    with pytest.raises(PayoutsStopped):
        drill.part()
    with pytest.raises(PayoutNotAllowed):
        resume(drill.desk, ALL, officer("bilal"))
    resume(drill.desk, ALL, officer("dara"))
    assert resume(drill.desk, ALL, officer("amina")).is_standing
    with pytest.raises(PayoutsStopped):
        drill.part()
    assert not resume(drill.desk, ALL, officer("chand")).is_standing
    assert drill.part().payout.released == 20


def test_a_record_alone_lifts_no_stop() -> None:
    """Whoever writes to the books without officers' keys: not by "it stands no more", not by an earlier stop's end."""
    drill = ready(200)
    drill.prepared(campaign(), csv_of(*(f"{payee(number)},1000 PKR,stipend" for number in range(1, 201))))
    drill.approved()
    drill.entered("200000 PKR")

    def write(body: object) -> None:
        assert isinstance(body, dict)
        drill.books.commit(Write(str(len(keys)), "x", "x", drill.now, records=(Record(PAYOUT_STOP, ALL, body),)))
        keys.append("written")

    keys = list[str]()
    stop(drill.desk, ALL, "fraud", officer("chand"))
    body = drill.books.latest(PAYOUT_STOP, ALL)
    assert isinstance(body, dict)
    write({**body, "is_standing": False})
    with pytest.raises(PayoutsStopped, match="fraud"):
        drill.part()
    assert [one.reason for one in standing_stops(drill.desk)] == ["fraud"]
    for name in ("dara", "amina", "chand"):
        resume(drill.desk, ALL, officer(name))
    ended = drill.books.latest(PAYOUT_STOP, ALL)
    assert drill.part().payout.released == 2
    drill.wait()
    stop(drill.desk, ALL, "fraud again", officer("bilal"))
    write(ended)
    with pytest.raises(PayoutsStopped, match="fraud again"):
        drill.part()
    assert stop(drill.desk, ALL, "the database let it go", officer("amina")).officer == "amina"
    drill.wait(60 * 24 * 20)
    assert [one.reason for one in standing_stops(drill.desk)] == ["the database let it go"]


def test_what_is_off_halts_the_release_by_itself() -> None:
    """A difference found by reconciliation between two parts stops the payout until a quorum lets it go on."""
    drill = ready(200)
    drill.prepared(campaign(), csv_of(*(f"{payee(number)},1000 PKR,stipend" for number in range(1, 201))))
    drill.approved()
    drill.entered("200000 PKR")
    drill.part()
    drill.wait()
    drill.found = ("case c-1: the chain has 3 sat less than the ledger.",)
    with pytest.raises(PayoutHalted, match="3 sat less"):
        drill.part()
    drill.found = ()
    with pytest.raises(PayoutsStopped):
        drill.part()
    for name in ("dara", "amina", "chand"):
        resume(drill.desk, "batch-1", officer(name))
    assert drill.part().payout.released == 20


def test_a_fund_that_somebody_else_touched_halts_everything() -> None:
    """An entry by hand puts something into the fund: its balance is not what the payouts make of it."""
    drill = ready()
    drill.paid(campaign(), TWO, "50000 PKR")
    other = csv_of("p-000003,20000 PKR,stipend")
    drill.prepared(campaign(), other, "batch-2")
    drill.approved("batch-2")
    fund, cost = campaign().fund, campaign().cost

    entry = Entry(
        "by hand",
        drill.now,
        "a gift",
        "letter 3",
        (Posting(cost, parse_amount("10 PKR")), Posting(fund, parse_amount("-10 PKR"))),
    )
    drill.books.commit(Write("by hand", "somebody", "gift", drill.now, entries=(entry,)))
    with pytest.raises(PayoutHalted, match="must hold"):
        drill.entered("20000 PKR", "batch-2")


def test_a_row_that_officers_took_back_is_no_difference() -> None:
    """A correction by a reversal puts the row into the fund again, and other payouts of the campaign go on."""
    drill = ready()
    drill.paid(campaign(), TWO, "50000 PKR")
    posted = drill.ledger.entry(row_entry_id("batch-1", "p-000001"))
    assert posted is not None
    back = reversal(posted.entry, "back", drill.now, "paid to the wrong trainee", "letter 4")
    drill.books.commit(Write("back", "officers", "reversal", drill.now, entries=(back,)))
    drill.paid(campaign(), csv_of("p-000003,20000 PKR,stipend"), "20000 PKR", "batch-2")
    assert drill.held(campaign().fund) == 570_000_00


def test_what_is_not_out_when_the_time_of_a_payout_is_over_never_goes_out() -> None:
    """Approvals last as long as the policy says; what had not gone out is no longer promised."""
    drill = ready()
    drill.prepared(campaign(), TWO)
    drill.approved()
    drill.entered("50000 PKR")
    drill.part()
    drill.wait(48 * 60)
    with pytest.raises(PayoutNotAllowed, match="ZK-CONTROLS-038"):
        drill.part()
    drill.paid(campaign(), csv_of("p-000002,30000 PKR,stipend"), "30000 PKR", "batch-2")


def test_limits_hold_over_all_batches_of_a_campaign() -> None:
    """Twice 40,000 to one payee is above 60,000, and twelve batches are above the budget."""
    drill = ready()
    drill.paid(campaign(), csv_of("p-000001,40000 PKR,stipend"), "40000 PKR")
    with pytest.raises(Faults, match=r"with the 40000\.00 PKR before"):
        drill.prepared(campaign(), csv_of("p-000001,40000 PKR,stipend"), "batch-2")
    drill.prepared(campaign(), csv_of("p-000001,20000 PKR,stipend"), "batch-2")
    with pytest.raises(Faults, match="ZK-SETTLEMENT-026"):
        drill.prepared(campaign(), csv_of("p-000001,1000 PKR,stipend"), "batch-3")


def test_a_refused_payout_is_over() -> None:
    """An officer's no ends it; what was promised is free again."""
    drill = ready()
    drill.prepared(campaign(), TWO)
    refuse_payout(drill.desk, "batch-1", officer("chand"), "the list is of last year")
    with pytest.raises(IllegalPayoutStep):
        approve_payout(drill.desk, "batch-1", officer("amina"))
    drill.prepared(campaign(), TWO, "batch-2")


def test_rows_that_were_changed_in_the_books_are_forged() -> None:
    """Whoever writes other rows under an approved payout changes the hash that everybody signed."""
    drill = ready()
    drill.prepared(campaign(), TWO)
    drill.approved()
    body = drill.books.latest(PAYOUT_ROWS, "batch-1")
    assert isinstance(body, dict)
    rows = body["rows"]
    assert isinstance(rows, list)
    assert isinstance(rows[0], dict)
    changed = {**body, "rows": [{**rows[0], "units": "9900000000"}, *rows[1:]]}
    drill.books.commit(Write("x", "x", "x", drill.now, records=(Record(PAYOUT_ROWS, "batch-1", changed),)))
    with pytest.raises(PayoutForged):
        drill.entered("50000 PKR")


def test_the_same_again_changes_nothing() -> None:
    """Preparing and approving twice are one; another batch under the id is refused."""
    drill = ready()
    first = drill.prepared(campaign(), TWO)
    drill.wait(1)
    assert drill.prepared(campaign(), TWO).payout == first.payout
    with pytest.raises(PayoutTaken):
        drill.prepared(campaign(), csv_of("p-000001,20000 PKR,stipend"))
    assert drill.approved() == drill.approved()
    assert drill.entered("50000 PKR") == drill.entered("50000 PKR")


def test_the_policy_decides_whether_a_batch_may_be_put_forward() -> None:
    """Without a rule for payouts there are none; with a window, only so much a day; in a freeze, nothing goes out."""
    drill = twin_drill(policy=payout_policy(GOVERN))
    drill.opened(campaign())
    with pytest.raises(PayoutNotAllowed, match="ZK-CONTROLS-030"):
        drill.prepared(campaign(), TWO)
    drill = twin_drill(
        policy=payout_policy(GOVERN, windowed(RUPEES, Window(24, "programme", parse_amount("60000 PKR"))))
    )
    drill.opened(campaign())
    drill.paid(campaign(), TWO, "50000 PKR")
    with pytest.raises(PayoutNotAllowed, match="ZK-CONTROLS-051"):
        drill.prepared(campaign(), csv_of("p-000003,20000 PKR,stipend"), "batch-2")


def test_a_kill_after_any_write_pays_nobody_twice() -> None:
    """The answer to one write after another gets lost: the same command again goes on, and each payee is paid once."""
    clean = ready(3)
    calls: list[int] = []
    books = clean.books
    assert isinstance(books, SimulatedBooks)
    commit = books.commit

    def counted(write: Write) -> Receipt:
        receipt = commit(write)
        calls.append(books.calls)
        return receipt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(books, "commit", counted)
        _pay_in_spite(clean)
    assert len(calls) == 6  # prepared, twice approved, entered, two parts
    for lost in calls:
        drill = ready(3)
        assert isinstance(drill.books, SimulatedBooks)
        drill.books.faults.acknowledgement_lost_on = {lost}
        _pay_in_spite(drill)
        assert drill.held("liabilities:participants:p-000001:PKR") == 20_000_00
        assert drill.held(campaign().fund) == 570_000_00
        assert drill.books.breaks() == ()


def _pay_in_spite(drill: PayoutDrill) -> None:
    steps = (
        lambda: drill.prepared(campaign(), TWO),
        drill.approved,
        lambda: drill.entered("50000 PKR"),
        drill.part,
        drill.part,
    )
    for step in steps:
        for _ in range(2):
            try:
                step()
            except DatabaseUnreachable:
                drill.wait()
                continue
            break
        drill.wait()
