"""Rows of a file understood one by one: an amount only with its unit, no formulas, nothing that nobody sees."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from zakhira.kernel.errors import Fault, InvalidInput
from zakhira.kernel.money import MAX_MONEY_SATS, Amount, BadAmount, Commodity, parse_amount
from zakhira.settlement.payouts.batch import PayoutRow, WrittenRow
from zakhira.settlement.payouts.campaign import MOST_CHARACTERS
from zakhira.settlement.payouts.faults import (
    BadBatchSize,
    BadPayoutAmount,
    BadPayoutRow,
    BadTaxLines,
    FormulaInCell,
    NothingPaid,
    fault,
)

REQUIRED = ("payee", "amount", "reason")
OPTIONAL = ("gross", "tax", "name", "account", "bank")
MOST_ROWS = 20_000
"""Rows of one batch [E]: the payroll of a large ministry; more are several batches (low 5,000, high 100,000)."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What spreadsheets take for the beginning of a formula (OWASP, CSV Injection)."""
_NEGATIVE = re.compile(r"-[0-9][0-9.,]* ?[A-Za-z]*")


@dataclass(frozen=True)
class Understood:
    """The rows that could be understood, and everything that is wrong with any: one fault, and nothing is done."""

    rows: tuple[PayoutRow, ...]
    faults: tuple[Fault, ...]


def read_rows(written: Sequence[WrittenRow], file: str) -> Understood:
    """Understand each row by itself; ``file`` stands in the faults."""
    faults: list[Fault] = []
    if not 0 < len(written) <= MOST_ROWS:
        message = f"it has {len(written):,} rows." if written else "it has no rows."
        faults.append(fault(BadBatchSize, file, 0, "", message, f"Give 1 to {MOST_ROWS:,} rows."))
    rows = []
    for item in written[:MOST_ROWS]:
        found = list(_cell_faults(item, file))
        row = None if found else _row(item, file, found)
        faults += found
        if row is not None:
            rows.append(row)
    return Understood(tuple(rows), tuple(faults))


def _cell_faults(item: WrittenRow, file: str) -> Iterator[Fault]:
    columns = ", ".join((*REQUIRED, *OPTIONAL))
    for name in sorted(set(item.texts) - {*REQUIRED, *OPTIONAL}):
        yield fault(BadPayoutRow, file, item.line, name, "the column is not known.", f"Use {columns}.")
    for name in REQUIRED:
        if not item.texts.get(name, "").strip():
            yield fault(BadPayoutRow, file, item.line, name, "it is empty.", "Fill it in.")
    for name, text in item.texts.items():
        is_amount = name in {"amount", "gross", "tax"}
        if text.startswith(_FORMULA) and not (is_amount and _NEGATIVE.fullmatch(text)):
            what = f"{text[:40]!r} begins like a formula."
            yield fault(FormulaInCell, file, item.line, name, what, "Write what it comes to, as text.")
        elif not text.isprintable() or len(text) > MOST_CHARACTERS:
            what = f"{text[:40]!r} holds what nobody sees, or more than {MOST_CHARACTERS} characters."
            yield fault(BadPayoutRow, file, item.line, name, what, "Write it as plain text.")


def _row(item: WrittenRow, file: str, found: list[Fault]) -> PayoutRow | None:
    amounts = {name: _amount(item, name, file, found) for name in ("amount", "gross", "tax")}
    amount = amounts["amount"]
    if found or amount is None:
        return None
    tax = _tax(item, amount, amounts["gross"], amounts["tax"], file, found)
    texts = {name: text.strip() for name, text in item.texts.items()}
    return PayoutRow(
        line=item.line,
        payee=texts["payee"],
        amount=amount,
        reason=texts["reason"],
        written=texts["amount"],
        tax=tax,
        name=texts.get("name", ""),
        account=texts.get("account", ""),
        bank=texts.get("bank", ""),
    )


def _amount(item: WrittenRow, name: str, file: str, found: list[Fault]) -> Amount | None:
    """The amount of a cell; None where it is left out or wrong, and what is wrong is noted."""
    text = item.texts.get(name, "").strip()
    if not text:
        return None

    def note(cause: type[InvalidInput], message: str, remedy: str) -> None:
        found.append(fault(cause, file, item.line, name, message, remedy))

    if not text.isascii():
        note(BadPayoutAmount, f"{text!r} is not written in the digits 0 to 9.", "Write it like '1000 PKR'.")
        return None
    try:
        amount = parse_amount(text)
    except BadAmount as error:
        note(BadPayoutAmount, error.message, error.remedy)
        return None
    if amount.units < 0 or (amount.units == 0 and name != "tax"):
        note(NothingPaid, f"{text!r} pays nothing.", "Give an amount above 0, or leave the row out.")
        return None
    if amount.commodity is Commodity.BTC and amount.units > MAX_MONEY_SATS:
        note(BadPayoutAmount, f"{text!r} is more bitcoin than there will ever be.", "Look at the unit.")
        return None
    return amount


def _tax(
    item: WrittenRow, amount: Amount, gross: Amount | None, tax: Amount | None, file: str, found: list[Fault]
) -> Amount | None:
    """The tax that was withheld, if gross less tax is what arrives."""
    if gross is None and tax is None:
        return None
    if gross is None or tax is None:
        what, remedy = "gross and tax stand alone.", "Give both, or neither."
    elif {gross.commodity, tax.commodity} != {amount.commodity}:
        what, remedy = f"{gross}, {tax} and {amount} are not of one unit.", "Write all three in one unit."
    elif gross.units - tax.units != amount.units:
        what, remedy = f"{gross} less {tax} is not {amount}.", "Let amount be gross less tax."
    else:
        return tax if tax.units else None
    found.append(fault(BadTaxLines, file, item.line, "tax", what, remedy))
    return None
