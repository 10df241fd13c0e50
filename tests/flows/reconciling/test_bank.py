"""Statements against the cash account: imported once, matched beyond doubt, told what is missing, and always tied."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bank_drill import IBAN, Booked, Sheet, order
from bank_office import CASH, CLOSED, NOW, OPENED, OWED, Office, day, may
from zakhira.flows.reconciling.bank_records import (
    BANK_STATEMENT,
    bank_orders,
)
from zakhira.flows.reconciling.difference import Findings
from zakhira.flows.reconciling.importing import (
    OtherMoney,
    StatementDiffers,
    UnknownBankAccount,
)
from zakhira.flows.reconciling.matching import MATCH_DAYS
from zakhira.simulator.ledger import SimulatedLedger


@pytest.fixture
def office() -> Office:
    """An account that opened May with 1,000 rupees on either side."""
    made = Office()
    made.book(100_000, date(2026, 4, 1))
    return made


def gaps(findings: Findings) -> list[tuple[int, bool]]:
    """Size of each difference, and whether it is explained."""
    return [(item.gap.units, bool(item.explanation)) for item in findings.differences]


def test_payments_match_by_reference_order_and_amount(office: Office) -> None:
    """A salary under its own id, a batch told as one total, an order booked as one entry, and an invoice by amount."""
    office.order("100 PKR", "50 PKR")
    office.order("7 PKR", "8 PKR", name="STIPEND")
    office.order("20 PKR", "30 PKR", name="ROYALTY")
    office.book(-10_000, day(11), "PAYROLL-2026-05-001")
    office.book(-5_000, day(11), "PAYROLL-2026-05-002")
    office.book(-700, day(12), "STIPEND-001")
    office.book(-800, day(12), "STIPEND-002")
    office.book(-5_000, day(13), "ROYALTY")
    office.book(25_000, day(14), "invoice 4")
    office.give(
        may(
            Booked(-10_000, day(12), "PAYROLL-2026-05-001"),
            Booked(-5_000, day(20), "PAYROLL-2026-05-002"),
            Booked(-1_500, day(13), batch="STIPEND"),
            Booked(-2_000, day(14), "ROYALTY-001"),
            Booked(-3_000, day(14), "ROYALTY-002"),
            Booked(25_000, day(17)),
        )
    )
    findings = office.look()
    assert findings.differences == ()
    assert findings.notes == ()
    assert [str(line.world) for line in findings.lines] == ["1035.00 PKR"]


def test_what_the_ledger_does_not_have_is_a_difference_at_once(office: Office) -> None:
    """A charge, and a payment that comes back: both are the bank's word alone."""
    office.book(-10_000, day(11), "PAYROLL-2026-05-001")
    office.give(
        may(
            Booked(-10_000, day(11), "PAYROLL-2026-05-001"),
            Booked(10_000, day(13), "PAYROLL-2026-05-001", reversal=True, reference="R-1"),
            Booked(-62, day(31), reference="FEE-1"),
        )
    )
    returned, fee = office.look().unexplained
    assert (returned.gap.units, fee.gap.units) == (10_000, -62)
    assert "The bank took back 'PAYROLL-2026-05-001' on 2026-05-13" in returned.what
    assert fee.key == f"{IBAN} MAY/FEE-1"


def test_a_reversal_is_no_payment_by_amount(office: Office) -> None:
    """Money that comes back is not taken for an invoice of the same amount."""
    office.book(10_000, day(13), "invoice 4")
    office.give(may(Booked(10_000, day(13), reversal=True)))
    assert gaps(office.look()) == [(10_000, False), (-10_000, False)]


@pytest.mark.parametrize(("age_days", "explained"), [(0, True), (MATCH_DAYS - 1, True), (MATCH_DAYS, False)])
def test_what_the_bank_has_not_booked_waits_some_days(office: Office, age_days: int, explained: bool) -> None:  # noqa: FBT001
    """As long as banks take it is explained; then somebody must ask."""
    office.book(-10_000, CLOSED - timedelta(days=age_days), "PAYROLL-2026-05-001")
    office.give(may())
    assert gaps(office.look()) == [(10_000, explained)]


def test_a_payment_of_before_the_statement(office: Office) -> None:
    """Ordered at the end of April, booked by the bank in May: no difference in the opening balance."""
    office.book(-10_000, date(2026, 4, 29), "PAYROLL-2026-04-001")
    office.give(may(Booked(-10_000, day(2), "PAYROLL-2026-04-001")))
    assert office.look().differences == ()


def test_another_opening_balance(office: Office) -> None:
    """What lies before all statements differs, and that is told as one difference."""
    office.give(may(opening=90_000))
    (found,) = office.look().unexplained
    assert (found.gap.units, found.key) == (-10_000, "office/opening")


def test_no_guess_between_equal_payments(office: Office) -> None:
    """Two of one amount in the ledger and one at the bank: none is chosen. Two and two are the same either way."""
    office.book(5_000, day(10), "invoice 1")
    office.book(5_000, day(11), "invoice 2")
    office.give(may(Booked(5_000, day(12))))
    assert sorted(gaps(office.look())) == [(-5_000, False), (-5_000, False), (5_000, False)]
    other = Office()
    other.book(100_000, date(2026, 4, 1))
    other.book(5_000, day(10), "invoice 1")
    other.book(5_000, day(11), "invoice 2")
    other.give(may(Booked(5_000, day(12)), Booked(5_000, day(13))))
    assert other.look().differences == ()


def test_a_strangers_payment_does_not_pass_for_an_ordered_one(office: Office) -> None:
    """The bank tells back what it was ordered: the same amount under another name is another payment."""
    office.order("50 PKR")
    office.book(-5_000, day(10), "PAYROLL-2026-05-001")
    office.give(may(Booked(-5_000, day(11), "X-1")))
    assert gaps(office.look()) == [(-5_000, False), (5_000, False)]


def test_the_same_reference_with_another_amount_is_no_match(office: Office) -> None:
    """The bank paid more than was booked: both are told."""
    office.book(-5_000, day(10), "PAYROLL-2026-05-001")
    office.give(may(Booked(-50_000, day(11), "PAYROLL-2026-05-001")))
    assert gaps(office.look()) == [(-50_000, False), (5_000, False)]


def test_a_file_twice_changes_nothing(office: Office) -> None:
    """Word for word the same: a replay, also beside a new statement in one file."""
    first = office.give(may())
    again = office.give(may(), Sheet("JUNE", 100_000, date(2026, 6, 1), date(2026, 6, 1)))
    assert ([item.id for item in first.new], [item.id for item in again.new]) == (["MAY"], ["JUNE"])
    assert [item.id for item in again.known] == ["MAY"]
    assert len(office.books.records(BANK_STATEMENT)) == 2
    assert all(len(office.books.versions(BANK_STATEMENT, name)) == 1 for name in office.books.records(BANK_STATEMENT))


def test_another_content_under_the_same_id_is_refused_whole(office: Office) -> None:
    """Nothing of the file is taken, not even what is new in it."""
    office.give(may())
    with pytest.raises(StatementDiffers, match="MAY"):
        office.give(Sheet("JUNE", 100_005, date(2026, 6, 1), date(2026, 6, 1)), may(Booked(5, day(3), reference="A")))
    assert [item.id for item in office.evidence.statements] == ["MAY"]
    assert office.evidence.statements[0].entries == ()


def test_a_statement_of_nobody_or_in_other_money_is_refused(office: Office) -> None:
    """The account must be one of the programme's, and count the same money."""
    with pytest.raises(UnknownBankAccount, match="PK99"):
        office.give(replace(may(), account="PK99SCBL0000001123456702"))
    with pytest.raises(OtherMoney, match="USD"):
        office.give(replace(may(), currency="USD"))


def test_gaps_and_overlaps_are_told(office: Office) -> None:
    """A missing week is a difference of what moved in it; an overlap counts once; a number that lacks is told."""
    office.give(Sheet("A", 100_000, day(1), day(7), (Booked(500, day(3), reference="R1"),), sequence=1))
    gap = office.give(Sheet("B", 100_900, day(15), day(21), (Booked(1, day(20), reference="R9"),), sequence=3))
    assert len(gap.notes) == 1
    assert "4.00 PKR is not told: a statement is missing" in gap.notes[0]
    assert [item.gap.units for item in office.look().unexplained] == [400, 500, 1]
    overlap = office.give(
        Sheet("C", 100_900, day(20), day(22), (Booked(1, day(20), reference="R9"), Booked(2, day(22), reference="R10")))
    )
    assert any("overlap" in note for note in overlap.notes)
    assert [item.gap.units for item in office.look().unexplained] == [400, 500, 1, 2]
    number = office.give(Sheet("D", 100_903, day(22), day(23), sequence=9))
    assert not any("numbers" in note for note in number.notes)
    last = office.give(Sheet("E", 100_903, day(24), day(25), sequence=11))
    assert any("have the numbers 9 and 11" in note for note in last.notes)


def test_an_order_is_read_back_as_it_was(office: Office) -> None:
    """Text, money and dates."""
    office.order("100 PKR", "50.05 PKR")
    assert bank_orders(office.books) == {"PAYROLL-2026-05": order("100 PKR", "50.05 PKR")}


def test_without_a_statement_nothing_is_known(office: Office) -> None:
    """It is said, and no case is made of it."""
    findings = office.look()
    assert findings.differences == ()
    assert findings.notes == (f"No statement of office ({IBAN}) was imported: nothing is known of it.",)


def test_what_was_ordered_and_is_on_the_statement_is_booked_once(office: Office) -> None:
    """Each under its reference, a batch as one total; explained before, matched after, however often it is asked."""
    office.order("100 PKR", "50 PKR", owed=OWED)
    office.order("7 PKR", "8 PKR", name="STIPEND", owed=OWED)
    office.owe(16_500)
    entries = [
        Booked(-10_000, day(12), "PAYROLL-2026-05-001"),
        Booked(-1_500, day(13), batch="STIPEND"),
        Booked(-10_000, day(14), "PAYROLL-2026-05-001", reference="AGAIN"),
        Booked(-50_000, day(15), "PAYROLL-2026-05-002", reference="OTHER AMOUNT"),
    ]
    office.give(may(*entries))
    before = office.look()
    assert [item.gap.units for item in before.explained] == [-10_000, -1_500]
    for _ in range(2):
        assert office.pay() == ()
        after = office.look()
        wrong = [(item.gap.units, item.subject) for item in after.unexplained]
        assert wrong == [(-10_000, "office"), (-50_000, "office"), (-5_000, OWED)], "twice, another amount, and unpaid"
    ledger = SimulatedLedger(office.books)
    assert ledger.balances_at([OWED])[OWED].units == -5_000
    posted = ledger.lines([CASH], NOW.replace(year=2009), NOW.replace(year=2100))[CASH].lines
    assert [(line.evidence, line.at.date(), line.posting.amount.units) for line in posted][1:] == [
        ("PAYROLL-2026-05-001", day(12), -10_000),
        ("STIPEND-001", day(13), -700),
        ("STIPEND-002", day(13), -800),
    ]


def test_what_the_ledger_refuses_to_book_is_told(office: Office) -> None:
    """The bank pays what it had refused and what was taken back for that: the other payment is booked all the same."""
    office.order("100 PKR", "50 PKR", owed=OWED)
    office.owe(5_000)
    office.give(may(Booked(-10_000, day(12), "PAYROLL-2026-05-001"), Booked(-5_000, day(12), "PAYROLL-2026-05-002")))
    (note,) = office.pay()
    assert note.startswith("PAYROLL-2026-05-001 is paid, and the ledger refuses to book it: ")
    assert SimulatedLedger(office.books).balances_at([OWED])[OWED].units == 0


@pytest.mark.parametrize(("closed", "explained"), [(day(15), True), (day(16), False)])
def test_what_was_ordered_and_is_on_no_statement_is_asked_for(office: Office, closed: date, explained: bool) -> None:  # noqa: FBT001
    """The order is for the 11th: as long as banks take it is explained."""
    office.order("100 PKR", owed=OWED)
    office.owe(10_000)
    office.give(Sheet("MAY", 100_000, OPENED, closed))
    (found,) = office.look().differences
    assert (found.subject, found.gap.units, bool(found.explanation)) == (OWED, -10_000, explained)
    assert "the oldest order is PAYROLL-2026-05, for 2026-05-11" in found.what


UNITS = st.sampled_from([-700, -500, -1, 1, 500, 900])
NAMES = st.sampled_from(["", "E-1", "E-2", "PAYROLL-2026-05-001", "PAYROLL-2026-05-002", "PAYROLL-2026-05"])
DAYS = st.integers(1, 31)


@settings(max_examples=150, deadline=None)
@given(
    posted=st.lists(st.tuples(UNITS, DAYS, NAMES), max_size=8),
    booked=st.lists(st.tuples(UNITS, DAYS, NAMES, st.booleans()), max_size=8),
    opening=st.integers(-3, 3),
    cut=st.integers(1, 30),
)
def test_the_table_ties_and_no_money_is_matched_with_other_money(
    posted: list[tuple[int, int, str]], booked: list[tuple[int, int, str, bool]], opening: int, cut: int
) -> None:
    """Whatever is posted and whatever the bank says, in one statement or two: world - books = sum of differences."""
    office = Office()
    office.order("5 PKR", "7 PKR")
    for units, on, name in posted:
        office.book(units, day(on), name or "paper")
    entries = [
        Booked(units, day(on), name, reversal=back) for units, on, name, back in sorted(booked, key=lambda b: b[1])
    ]
    early = tuple(entry for entry in entries if entry.on.day <= cut)
    late = tuple(entry for entry in entries if entry.on.day > cut)
    first = Sheet("A", opening, day(1), day(cut), early)
    middle = opening + sum(entry.units for entry in early)
    office.give(first, Sheet("B", middle, day(cut + 1), day(31), late))
    findings = office.look()
    assert len({item.key for item in findings.differences}) == len(findings.differences)
    if not posted and not booked:
        assert gaps(findings) == ([(opening, False)] if opening else [])
