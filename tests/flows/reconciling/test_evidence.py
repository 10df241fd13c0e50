"""Statements as evidence: an officer answers for each, who was paid is compared, and nothing else proves anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from bank_drill import IBAN, Booked, camt053, order
from bank_office import NOW, OWED, Office, day, may
from zakhira.adapters.iso20022.statement import read_statements
from zakhira.controls.acts.public_acts import Revocation
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.books_errors import BooksDamaged
from zakhira.flows.reconciling.bank_records import (
    BANK_ORDER,
    BANK_STATEMENT,
    PAYOUT_ANSWER,
    order_record,
    statement_json,
)
from zakhira.flows.reconciling.evidence import statement_words
from zakhira.flows.reconciling.importing import (
    Importer,
    ImporterUnknown,
    StatementDiffers,
)
from zakhira.kernel.canonical import Json
from zakhira.simulator.ledger import SimulatedLedger
from zakhira.simulator.signer import SimulatedOfficer


@pytest.fixture
def office() -> Office:
    """An account that opened May with 1,000 rupees on either side."""
    made = Office()
    made.book(100_000, date(2026, 4, 1))
    return made


def test_only_an_officer_takes_a_statement_in(office: Office) -> None:
    """A stranger, and a stranger under an officer's name, do not: nothing is written."""
    for forger in (SimulatedOfficer("mallory", bytes(32)), SimulatedOfficer("amina", bytes(32))):
        office.officer = forger
        with pytest.raises(ImporterUnknown, match=forger.officer):
            office.give(may())
    assert office.books.records(BANK_STATEMENT) == {}


def test_a_revoked_key_takes_nothing_in_and_what_it_signed_later_counts_nothing(office: Office) -> None:
    """What was signed before the key's end stays evidence."""
    office.give(may())
    (word,) = statement_words(office.books, f"{IBAN} MAY")
    key = office.officer.public_key.lower()
    for at, is_evidence in ((NOW, False), (NOW + timedelta(days=1), True)):
        state = replace(office.authority, revoked={key: Revocation("amina", key, "chand", "lost", "00", at)})
        assert word.is_signed(state) is is_evidence
        with pytest.raises(ImporterUnknown):
            Importer(office.officer, state).require_officer()


def test_a_statement_that_is_written_past_the_officers_proves_nothing(office: Office) -> None:
    """Somebody with the application's login forges one that proves a payment and makes world and books agree."""
    office.order("100 PKR", owed=OWED)
    office.owe(10_000)
    (forged,) = read_statements("s.xml", camt053([may(Booked(-10_000, day(12), "PAYROLL-2026-05-001"))]))
    honest = Office()
    honest.give(may())
    borrowed = next(iter(statement_words(honest.books, f"{IBAN} MAY"))).record.body
    assert isinstance(borrowed, dict)
    for number, word in enumerate((None, borrowed["word"])):
        body: Json = {"statement": statement_json(forged), "file_hash": "00" * 32, "word": word}
        records = (Record(BANK_STATEMENT, f"{IBAN} MAY", body),)
        office.books.commit(Write(f"forge {number}", "mallory", "import", NOW, records=records))
    assert not office.evidence.statements
    assert office.pay() == ()
    (why,) = {item.what for item in office.look().unexplained if item.is_grave}
    assert why == "Statement MAY was written to the books, and no officer signed it: it counts as nothing."
    assert office.give(may()).new, "the real one is taken in all the same"
    assert [len(item.entries) for item in office.evidence.statements] == [0]
    assert any(item.is_grave for item in office.look().unexplained), "and the forgery stays told"


def test_of_two_contents_of_one_statement_nothing_is_booked(office: Office) -> None:
    """A forged one came first, under an officer's key: the real one is refused, and it halts whatever its amount."""
    office.order("100 PKR", owed=OWED)
    office.owe(10_000)
    office.give(may(Booked(-10_000, day(12), "PAYROLL-2026-05-001")))
    for _ in range(2):
        with pytest.raises(StatementDiffers, match="kept beside it") as caught:
            office.give(may(Booked(-5, day(3), reference="A")))
        assert "MAY" in caught.value.message
    assert [item.entries[0].amount.units for item in office.evidence.statements] == [-10_000]
    assert len(office.evidence.differing) == 1
    assert office.pay() == ()
    (grave,) = (item for item in office.look().unexplained if item.is_grave)
    assert grave.what == "Statement MAY was taken in twice, and says two things: the first stays, nothing rests on it."


THIEF = "PK70BANK0000123456789000"


def test_a_payment_to_another_account_is_not_booked_and_halts(office: Office) -> None:
    """The accounts in the order's file were changed on its way: the reference and the amount are right."""
    office.order("100 PKR", "50 PKR", owed=OWED)
    office.owe(15_000)
    spaced = " ".join((IBAN[:4].lower(), IBAN[4:]))
    office.give(
        may(
            Booked(-10_000, day(12), "PAYROLL-2026-05-001", account=THIEF),
            Booked(-5_000, day(12), "PAYROLL-2026-05-002", account=spaced),
        )
    )
    assert [item.gap.units for item in office.look().explained] == [-5_000]
    assert office.pay() == ()
    assert SimulatedLedger(office.books).balances_at([OWED])[OWED].units == -10_000
    (grave,) = (item for item in office.look().unexplained if item.is_grave)
    assert (grave.gap.units, grave.subject) == (-10_000, "office (payee)")
    assert f"'PAYROLL-2026-05-001' on 2026-05-12 to {THIEF}; ordered was {IBAN}." in grave.what


def test_a_payment_to_another_account_halts_when_it_is_booked_already(office: Office) -> None:
    """Somebody booked it by hand: the sums agree, and who was paid does not."""
    office.order("100 PKR")
    office.book(-10_000, day(11), "PAYROLL-2026-05-001")
    office.give(may(Booked(-10_000, day(12), "PAYROLL-2026-05-001", account=THIEF)))
    (grave,) = office.look().differences
    assert (grave.is_grave, grave.explanation) == (True, "")


def test_an_order_is_what_was_first_written(office: Office) -> None:
    """Somebody with the application's login changes its record, and writes a second order for the same payment."""
    office.order("100 PKR", owed=OWED)
    office.owe(10_000)
    first = order("100 PKR")
    theirs = replace(first, transfers=(replace(first.transfers[0], account=THIEF),))
    records = (order_record(theirs, OWED), order_record(replace(theirs, message_id="AGAIN"), OWED))
    office.books.commit(Write("forge", "mallory", "order", NOW, records=records))
    office.give(may(Booked(-10_000, day(12), "PAYROLL-2026-05-001", account=THIEF)))
    assert office.pay() == ()
    assert [item.what for item in office.look().unexplained if item.is_grave] == [
        f"The bank paid 'PAYROLL-2026-05-001' on 2026-05-12 to {THIEF}; ordered was {IBAN}."
    ]


def test_records_that_are_none_are_told_by_name(office: Office) -> None:
    """Bodies that nobody's program writes: an order, and a statement."""
    bodies: tuple[Json, ...] = ({}, {"owed": 1, "statement": {}}, [], "x")
    for number, (kind, body) in enumerate(
        (kind, body) for kind in (BANK_ORDER, BANK_STATEMENT, PAYOUT_ANSWER) for body in bodies
    ):
        broken = Office()
        broken.books.commit(Write(f"b {number}", "mallory", "break", NOW, records=(Record(kind, "N-1", body),)))
        with pytest.raises(BooksDamaged, match="'N-1' cannot be read"):
            broken.look()
