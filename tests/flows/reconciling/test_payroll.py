"""A payroll from its campaign to the bank's statement: ordered, paid, booked once, and nothing left over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from bank_drill import IBAN, OFFICE, Booked, Sheet, camt053
from example_programme import build_programme
from payout_drill import campaign, csv_of, officer, twin_drill
from zakhira.adapters.iso20022.files import Iso20022Files
from zakhira.flows.governing.acts import authority_of
from zakhira.flows.paying.banking import write_orders
from zakhira.flows.ports.books import Write
from zakhira.flows.reconciling.bank import bank_findings
from zakhira.flows.reconciling.booking import book_paid
from zakhira.flows.reconciling.evidence import bank_evidence
from zakhira.flows.reconciling.importing import Importer, import_statements
from zakhira.kernel.money import parse_amount
from zakhira.ledger.entry import Entry, Posting
from zakhira.programme.model import AccountSpec
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
CASH = (AccountSpec(OFFICE.account, "PKR", "asset"), AccountSpec("equity:start", "PKR", "equity"))


def test_a_payroll_is_proven_paid_by_the_statement() -> None:
    """What the order's file says is what the statement answers to; the second payment is a batch's share of a total."""
    drill = twin_drill(3)
    drill.opened(PAYROLL)
    drill.paid(PAYROLL, STAFF, "80000 PKR", "pay-1")
    orders = [one.order for one in write_orders(drill.desk, Iso20022Files(), "pay-1", DAY, officer("dara"))]
    books, ledger = drill.desk.books, drill.desk.ledger
    books.open_accounts(CASH)
    start = parse_amount("100000 PKR")
    postings = (Posting(OFFICE.account, start), Posting("equity:start", -start))
    entry = Entry("start", datetime(2026, 1, 1, tzinfo=UTC), "Opening balance", "letter 1", postings)
    books.commit(Write("start", "clerk", "open", NOW, entries=(entry,)))
    assert drill.held(PAYROLL.ordered) == 76_000_00
    paid = tuple(
        Booked(-item.amount.units, DAY, item.end_to_end_id, reference=item.end_to_end_id, account=item.account)
        for one in orders
        for item in one.transfers
    )
    content = camt053([Sheet("FEB", start.units, DAY, CLOSED, paid)])
    (statement,) = Iso20022Files().read_statements("feb.xml", content)
    state = authority_of(books, drill.policy, NOW)
    importer = Importer(officer("amina"), state)
    import_statements(books, (OFFICE,), {OFFICE.account: "PKR"}, [statement], "00" * 32, importer, NOW)
    evidence = bank_evidence(books, state)
    programme = replace(build_programme(), bank_accounts=(OFFICE,))
    before = bank_findings(books, ledger, programme, evidence)
    assert [item.explanation for item in before.differences][:2] == ["ordered, and paid as ordered: to be booked"] * 2
    assert book_paid(books, ledger, (OFFICE,), evidence, "reconciler", NOW) == ()
    after = bank_findings(books, ledger, programme, evidence)
    assert (after.differences, after.untied()) == ((), ())
    assert drill.held(PAYROLL.ordered) == 0
    assert drill.books.breaks() == ()
