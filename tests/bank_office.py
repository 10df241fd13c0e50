"""Books with one bank account for tests: what is ordered, booked, taken in under an officer's word, and found."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from bank_drill import OFFICE, Booked, Sheet, camt053, order
from custody_drill import POLICY
from example_programme import build_programme
from treasury_drill import officer
from zakhira.adapters.iso20022.statement import read_statements
from zakhira.controls.acts.authority import Authority
from zakhira.flows.governing.acts import authority_of
from zakhira.flows.ports.books import Write
from zakhira.flows.reconciling.bank import bank_findings
from zakhira.flows.reconciling.bank_records import (
    order_record,
)
from zakhira.flows.reconciling.booking import book_paid
from zakhira.flows.reconciling.difference import Findings
from zakhira.flows.reconciling.evidence import Evidence, bank_evidence
from zakhira.flows.reconciling.importing import (
    Imported,
    Importer,
    import_statements,
)
from zakhira.kernel.money import Amount, Commodity
from zakhira.ledger.entry import Entry, Posting
from zakhira.programme.model import AccountSpec, Programme
from zakhira.simulator.books import SimulatedBooks
from zakhira.simulator.ledger import SimulatedLedger

CASH = OFFICE.account
OTHER_SIDE = "income:other"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
OWED = "liabilities:ordered:payroll:PKR"
ACCOUNTS = (
    AccountSpec(CASH, "PKR", "asset", overdraft="allowed"),
    AccountSpec(OTHER_SIDE, "PKR", "income"),
    AccountSpec(OWED, "PKR", "liability"),
)
OPENED, CLOSED = date(2026, 5, 1), date(2026, 5, 31)


class Office:
    """Books with one bank account, and what happens to them."""

    def __init__(self) -> None:
        self.books = SimulatedBooks()
        self.books.open_accounts(ACCOUNTS)
        self.programme: Programme = replace(build_programme(), bank_accounts=(OFFICE,), accounts=ACCOUNTS)
        self.number = 0
        self.officer = officer("amina")

    def book(self, units: int, on: date, evidence: str = "paper") -> None:
        """An entry on the cash account."""
        self.number += 1
        at = datetime(on.year, on.month, on.day, 9, tzinfo=UTC)
        money = Amount(units, Commodity.PKR)
        postings = (Posting(CASH, money), Posting(OTHER_SIDE, -money))
        entry = Entry(f"e-{self.number}", at, f"Entry {self.number}", evidence, postings)
        self.books.commit(Write(f"w-{self.number}", "clerk", "book", NOW, entries=(entry,)))

    def order(self, *amounts: str, name: str = "PAYROLL-2026-05", owed: str = "") -> None:
        """An order to the bank, on record."""
        self.books.commit(
            Write(f"order {name}", "clerk", "order", NOW, records=(order_record(order(*amounts, name=name), owed),))
        )

    def give(self, *sheets: Sheet) -> Imported:
        """A file of statements."""
        content = camt053(sheets)
        counts = {account.code: account.commodity for account in ACCOUNTS}
        statements = read_statements("s.xml", content)
        importer = Importer(self.officer, self.authority)
        return import_statements(self.books, (OFFICE,), counts, statements, "00" * 32, importer, NOW)

    @property
    def authority(self) -> Authority:
        """Whose word counts."""
        return authority_of(self.books, POLICY, NOW)

    @property
    def evidence(self) -> Evidence:
        """The statements as they stand."""
        return bank_evidence(self.books, self.authority)

    def owe(self, units: int) -> None:
        """So much is ordered, and nothing of it is proven paid."""
        money = Amount(units, Commodity.PKR)
        entry = Entry(f"owe {units}", NOW, "Ordered", "payout P", (Posting(OTHER_SIDE, money), Posting(OWED, -money)))
        self.books.commit(Write(f"owe {units}", "clerk", "order", NOW, entries=(entry,)))

    def pay(self) -> tuple[str, ...]:
        """Book what statements prove paid."""
        return book_paid(self.books, SimulatedLedger(self.books), (OFFICE,), self.evidence, "reconciler", NOW)

    def look(self) -> Findings:
        """What is found; whatever it is, it ties."""
        findings = bank_findings(self.books, SimulatedLedger(self.books), self.programme, self.evidence)
        assert findings.untied() == ()
        return findings


def may(*entries: Booked, opening: int = 100_000) -> Sheet:
    """The statement of May."""
    return Sheet("MAY", opening, OPENED, CLOSED, entries)


def day(number: int) -> date:
    """A day of May."""
    return date(2026, 5, number)
