"""A payroll from its campaign to the bank's statement: ordered, paid, booked once, and nothing left over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from bank_drill import IBAN, OFFICE, Booked, Sheet, camt053
from example_programme import build_programme
from payout_drill import PayoutDrill, campaign, csv_of, officer, twin_drill
from zakhira.adapters.iso20022.files import Iso20022Files
from zakhira.flows.governing.acts import authority_of
from zakhira.flows.paying.banking import take_bank_status, write_orders
from zakhira.flows.ports.bank import BankOrder, BankStatusReport, TransferState
from zakhira.flows.ports.books import Write
from zakhira.flows.reconciling.bank import bank_findings
from zakhira.flows.reconciling.booking import book_paid
from zakhira.flows.reconciling.evidence import Evidence, bank_evidence
from zakhira.flows.reconciling.importing import Importer, import_statements
from zakhira.kernel.money import parse_amount
from zakhira.ledger.entry import Entry, Posting
from zakhira.programme.model import AccountSpec, Programme
from zakhira.settlement.payouts.campaign import Way

PAYROLL = campaign(
    id="payroll-2026",
    title="Salaries",
    way=Way.BANK,
    debtor=("Programme office", IBAN, "SCBLPKKX"),
    part_minutes=0,
)
STAFF = csv_of(
    "p-000001,47500 PKR,salary,50000 PKR,2500 PKR,Staff One,PK70BANK0000123456789000,SCBLPKKX",
    "p-000002,28500 PKR,salary,30000 PKR,1500 PKR,Staff Two,PK43BANK0000123456789001,SCBLPKKX",
    head="payee,amount,reason,gross,tax,name,account,bank",
)
DAY, CLOSED = date(2026, 1, 30), date(2026, 2, 28)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
START = parse_amount("100000 PKR")
CASH = (AccountSpec(OFFICE.account, "PKR", "asset"), AccountSpec("equity:start", "PKR", "equity"))


def ordered_payroll() -> tuple[PayoutDrill, list[BankOrder]]:
    """A payroll that was ordered, and a cash account with 100,000."""
    drill = twin_drill(3)
    drill.opened(PAYROLL)
    drill.paid(PAYROLL, STAFF, "80000 PKR", "pay-1")
    orders = [one.order for one in write_orders(drill.desk, Iso20022Files(), "pay-1", DAY, officer("dara"))]
    books = drill.desk.books
    books.open_accounts(CASH)
    postings = (Posting(OFFICE.account, START), Posting("equity:start", -START))
    entry = Entry("start", datetime(2026, 1, 1, tzinfo=UTC), "Opening balance", "letter 1", postings)
    books.commit(Write("start", "clerk", "open", NOW, entries=(entry,)))
    assert drill.held(PAYROLL.ordered) == 76_000_00
    return drill, orders


def import_paid(drill: PayoutDrill, orders: list[BankOrder]) -> tuple[Evidence, Programme]:
    """The bank's statement: everything was paid as ordered."""
    books = drill.desk.books
    paid = tuple(
        Booked(-item.amount.units, DAY, item.end_to_end_id, reference=item.end_to_end_id, account=item.account)
        for one in orders
        for item in one.transfers
    )
    content = camt053([Sheet("FEB", START.units, DAY, CLOSED, paid)])
    (statement,) = Iso20022Files().read_statements("feb.xml", content)
    state = authority_of(books, drill.policy, NOW)
    importer = Importer(officer("amina"), state)
    import_statements(books, (OFFICE,), {OFFICE.account: "PKR"}, [statement], "00" * 32, importer, NOW)
    return bank_evidence(books, state), replace(build_programme(), bank_accounts=(OFFICE,))


def test_a_payroll_is_proven_paid_by_the_statement() -> None:
    """What the order's file says is what the statement answers to; the second payment is a batch's share of a total."""
    drill, orders = ordered_payroll()
    books, ledger = drill.desk.books, drill.desk.ledger
    evidence, programme = import_paid(drill, orders)
    before = bank_findings(books, ledger, programme, evidence)
    assert [item.explanation for item in before.differences][:2] == ["ordered, and paid as ordered: to be booked"] * 2
    assert book_paid(books, ledger, (OFFICE,), evidence, "reconciler", NOW) == ()
    after = bank_findings(books, ledger, programme, evidence)
    assert (after.differences, after.untied()) == ((), ())
    assert drill.held(PAYROLL.ordered) == 0
    assert drill.books.breaks() == ()


def test_what_was_taken_back_and_stands_as_paid_halts_payouts_and_is_not_booked() -> None:
    """A forged answer came first: the statement shows it, and takes nothing that is owed to others."""
    drill, orders = ordered_payroll()
    forged = BankStatusReport("R", NOW, "pay-1-1", TransferState.REJECTED, "RJCT", "", ())
    take_bank_status(drill.desk, "pay-1", forged, "00" * 32, officer("bilal"))
    books, ledger = drill.desk.books, drill.desk.ledger
    assert drill.held(PAYROLL.fund) == 590_000_00
    evidence, programme = import_paid(drill, orders)
    assert book_paid(books, ledger, (OFFICE,), evidence, "reconciler", NOW) == ()
    assert drill.held(PAYROLL.ordered) == 0
    found = bank_findings(books, ledger, programme, evidence)
    grave = [(item.key, item.gap) for item in found.differences if item.is_grave]
    assert grave == [("refused/pay-1-1", parse_amount("-47500 PKR"))]
    assert found.untied() == ()
