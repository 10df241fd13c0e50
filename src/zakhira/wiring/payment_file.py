"""Payments as people write them: ``ADDRESS=AMOUNT``, or a table of addresses and amounts with their units."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from zakhira.flows.spending.order import PaymentOrder
from zakhira.flows.spending.refusals import BadPaymentLine
from zakhira.kernel.errors import Fault, Faults, ZakhiraError
from zakhira.kernel.money import parse_amount
from zakhira.wiring.given_files import read_text

_COLUMNS = ("address", "amount")


def payment_of(text: str) -> PaymentOrder:
    """``ADDRESS=AMOUNT`` as a payment; raises BadPaymentLine or BadAmount."""
    address, sign, amount = text.partition("=")
    if not sign or not address.strip():
        raise BadPaymentLine(f"{text[:80]!r} is not ADDRESS=AMOUNT.", "Write it like 'bc1q...=0.5 BTC'.")
    return PaymentOrder(parse_amount(amount), address.strip())


def read_payments(path: Path) -> tuple[PaymentOrder, ...]:
    """The payments of a CSV file with the columns address and amount, every fault with its line.

    Raises:
        Faults: everything that is wrong in the file.
        FileUnreadable: it cannot be read.
    """
    try:
        rows = list(csv.reader(io.StringIO(read_text(path).decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Faults([_fault(path, 0, "", f"the file is no table in UTF-8: {error}.")]) from None
    if not rows or tuple(name.strip() for name in rows[0]) != _COLUMNS:
        raise Faults([_fault(path, 1, "", "the first line is not address,amount.")])
    faults, found = [], []
    for line, row in enumerate(rows[1:], 2):
        if not row:
            continue
        try:
            if len(row) != len(_COLUMNS):
                raise BadPaymentLine(f"it has {len(row)} columns.", "Write address,amount.")
            found.append(PaymentOrder(parse_amount(row[1]), row[0].strip()))
        except ZakhiraError as error:
            faults.append(_fault(path, line, "amount", error.message))
    if faults:
        raise Faults(faults)
    return tuple(found)


def _fault(path: Path, line: int, key: str, message: str) -> Fault:
    return Fault(str(path), line, key, BadPaymentLine.code, message, "Write it like: bc1q...,0.5 BTC")
