"""A bank for tests: orders, and statements written as camt.053 by another hand than the one that reads them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from xml.sax.saxutils import escape

from zakhira.flows.ports.bank import BankAccount, BankOrder, BankTransfer
from zakhira.kernel.money import Amount, Commodity, parse_amount
from zakhira.programme.reconciliation import BankAccountSpec

IBAN = "PK36SCBL0000001123456702"
"""The example of Pakistan in the register of IBANs (SWIFT)."""
OFFICE = BankAccountSpec("office", "Programme office", IBAN, "assets:bank:office", "SCBLPKKX")
ORDERED_AT = datetime(2026, 5, 10, 9, 30, tzinfo=UTC)
VECTORS = Path(__file__).parent / "vectors" / "bank"


def transfer(number: int, amount: str, order: str = "PAYROLL-2026-05") -> BankTransfer:
    """The payment of a number in an order."""
    return BankTransfer(
        f"{order}-{number:03d}", f"Payee {number}", IBAN, "SCBLPKKX", parse_amount(amount), "Wages of May"
    )


def order(*amounts: str, name: str = "PAYROLL-2026-05") -> BankOrder:
    """An order over these amounts."""
    debtor = BankAccount(OFFICE.holder, OFFICE.number, OFFICE.bank)
    transfers = tuple(transfer(number, amount, name) for number, amount in enumerate(amounts, 1))
    return BankOrder(name, ORDERED_AT, date(2026, 5, 11), debtor, transfers)


@dataclass(frozen=True)
class Booked:
    """A booked entry as a bank would write it: ``units`` are positive coming in; without a reference it is left out."""

    units: int
    on: date
    end_to_end: str = ""
    batch: str = ""
    reference: str = ""
    reversal: bool = False
    account: str = ""
    """of whom it went to"""


@dataclass(frozen=True)
class Sheet:
    """A statement as a bank would write it; the closing balance follows unless it is given."""

    id: str
    opening_units: int
    opened_on: date
    closed_on: date
    entries: tuple[Booked, ...] = ()
    closing_units: int | None = None
    sequence: int | None = None
    account: str = IBAN
    currency: str = "PKR"


def camt053(sheets: Iterable[Sheet], version: str = "08") -> bytes:
    """A file of statements in camt.053.001.``version``, by string work alone."""
    body = "".join(_sheet(sheet, version) for sheet in sheets)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-06-01T00:00:00Z</CreDtTm></GrpHdr>{body}</BkToCstmrStmt></Document>"
    ).encode()


def _money(units: int) -> str:
    return str(Amount(abs(units), Commodity.PKR)).partition(" ")[0]


def _side(units: int) -> str:
    return "CRDT" if units >= 0 else "DBIT"


def _balance(code: str, units: int, on: date, currency: str) -> str:
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="{currency}">{_money(units)}</Amt>'
        f"<CdtDbtInd>{_side(units)}</CdtDbtInd><Dt><Dt>{on}</Dt></Dt></Bal>"
    )


def _sheet(sheet: Sheet, version: str) -> str:
    closing = sheet.closing_units
    if closing is None:
        closing = sheet.opening_units + sum(entry.units for entry in sheet.entries)
    sequence = "" if sheet.sequence is None else f"<ElctrncSeqNb>{sheet.sequence}</ElctrncSeqNb>"
    return (
        f"<Stmt><Id>{escape(sheet.id)}</Id>{sequence}<CreDtTm>{sheet.closed_on}T23:00:00Z</CreDtTm>"
        f"<Acct><Id><IBAN>{sheet.account}</IBAN></Id><Ccy>{sheet.currency}</Ccy></Acct>"
        + _balance("OPBD", sheet.opening_units, sheet.opened_on, sheet.currency)
        + _balance("CLBD", closing, sheet.closed_on, sheet.currency)
        + "".join(_entry(entry, sheet.currency, version) for entry in sheet.entries)
        + "</Stmt>"
    )


def _entry(entry: Booked, currency: str, version: str) -> str:
    amount = f'<Amt Ccy="{currency}">{_money(entry.units)}</Amt><CdtDbtInd>{_side(entry.units)}</CdtDbtInd>'
    status = "<Sts>BOOK</Sts>" if version in {"02", "03", "04", "05", "06"} else "<Sts><Cd>BOOK</Cd></Sts>"
    reference = f"<AcctSvcrRef>{escape(entry.reference)}</AcctSvcrRef>" if entry.reference else ""
    details = ""
    if entry.batch:
        details = f"<NtryDtls><Btch><MsgId>{escape(entry.batch)}</MsgId></Btch></NtryDtls>"
    elif entry.end_to_end:
        details = (
            f"<NtryDtls><TxDtls><Refs><EndToEndId>{escape(entry.end_to_end)}</EndToEndId></Refs>{amount}"
            f"{_payee(entry.account)}</TxDtls></NtryDtls>"
        )
    return (
        f"<Ntry>{amount}{'<RvslInd>true</RvslInd>' if entry.reversal else ''}{status}"
        f"<BookgDt><Dt>{entry.on}</Dt></BookgDt>{reference}<BkTxCd><Prtry><Cd>X</Cd></Prtry></BkTxCd>{details}</Ntry>"
    )


def _payee(account: str) -> str:
    if not account:
        return ""
    return f"<RltdPties><CdtrAcct><Id><IBAN>{account}</IBAN></Id></CdtrAcct></RltdPties>"


def codes(faults: Sequence[object]) -> list[str]:
    """The codes of faults, each once, sorted."""
    return sorted({str(fault).partition(" ")[0] for fault in faults})
