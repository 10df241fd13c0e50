"""What is wrong with an order before it is written: texts, accounts, amounts and ids, all faults together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from string import ascii_uppercase, digits

from zakhira.adapters.iso20022.codes import BAD_ACCOUNT, BAD_MONEY, BAD_TEXT, BAD_TIME, MISSING, OTHER_CURRENCY, TWICE
from zakhira.flows.ports.bank import MONEY_AT_BANKS, BankOrder, BankTransfer
from zakhira.kernel.errors import Fault
from zakhira.kernel.money import Commodity

ID_LENGTH, NAME_LENGTH, TEXT_LENGTH, ACCOUNT_LENGTH = 35, 140, 140, 34
"""Max35Text, Max140Text and Max34Text of the standard."""
MAX_TOTAL_UNITS = 10**18 - 1
"""A sum holds 18 digits (DecimalNumber)."""

BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
"""ISO 9362 (BICFIDec2014Identifier)."""
IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
"""ISO 13616: the shortest in use has 15 characters."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that XML forbids, that end a line, or that turn the direction of what a person reads."""
_LETTERS = {letter: str(value) for value, letter in enumerate(digits + ascii_uppercase)}


def order_faults(order: BankOrder) -> tuple[Fault, ...]:
    """Every fault of an order; the file that they name is the order's message id, the key names the transfer."""
    return tuple(
        Fault(order.message_id or "order", 0, key, code, message, remedy)
        for key, code, message, remedy in (*_head(order), *_transfers(order))
    )


def is_iban(number: str) -> bool:
    """Whether it has the form of an IBAN: two letters and two digits first. Its check digits may still be wrong."""
    return IBAN.fullmatch(number) is not None


def has_check_digits(iban: str) -> bool:
    """Whether the check digits of an IBAN hold (ISO 7064, mod 97-10)."""
    turned = iban[4:] + iban[:4]
    return int("".join(_LETTERS[letter] for letter in turned)) % 97 == 1


_Fault = tuple[str, str, str, str]


def _head(order: BankOrder) -> Iterator[_Fault]:
    yield from _text("message_id", order.message_id, ID_LENGTH)
    yield from _text("debtor holder", order.debtor.holder, NAME_LENGTH)
    yield from _account("debtor number", order.debtor.number)
    if order.debtor.bank:
        yield from _text("debtor bank", order.debtor.bank, ID_LENGTH)
    if order.ordered_at.utcoffset() != timedelta(0):
        yield "ordered_at", BAD_TIME, f"{order.ordered_at} is not in UTC.", "Give it in UTC."
    elif order.execute_on < order.ordered_at.date():
        why = f"{order.execute_on} lies before the order of {order.ordered_at.date()}."
        yield "execute_on", BAD_TIME, why, "Choose today or later."


def _transfers(order: BankOrder) -> Iterator[_Fault]:
    if not order.transfers:
        yield "transfers", MISSING, "there is no transfer.", "Order at least one."
        return
    times = Counter(transfer.end_to_end_id for transfer in order.transfers)
    for name, count in times.items():
        if count > 1:
            yield name, TWICE, f"{count} transfers have this end-to-end id.", "Give each its own."
    commodity = order.transfers[0].amount.commodity
    for transfer in order.transfers:
        for key, code, message, remedy in _transfer(transfer, commodity):
            yield f"{transfer.end_to_end_id} {key}", code, message, remedy
    total = sum(max(transfer.amount.units, 0) for transfer in order.transfers)
    if total > MAX_TOTAL_UNITS:
        yield "total", BAD_MONEY, "the sum has more than 18 digits.", "Order less at once."


def _transfer(transfer: BankTransfer, commodity: Commodity) -> Iterator[_Fault]:
    yield from _text("end_to_end_id", transfer.end_to_end_id, ID_LENGTH)
    yield from _text("payee", transfer.payee, NAME_LENGTH)
    yield from _text("reason", transfer.reason, TEXT_LENGTH)
    yield from _account("account", transfer.account)
    if transfer.bank:
        yield from _text("bank", transfer.bank, ID_LENGTH)
    amount = transfer.amount
    if amount.commodity not in MONEY_AT_BANKS or amount.commodity is not commodity:
        why = f"{amount} in an order in {commodity.value}."
        yield "amount", OTHER_CURRENCY, why, "Order each currency from its own account."
    elif not 0 < amount.units <= MAX_TOTAL_UNITS:
        yield "amount", BAD_MONEY, f"{amount} is not above zero with at most 18 digits.", "Give another."


def _text(key: str, words: str, length: int) -> Iterator[_Fault]:
    if not words.strip():
        yield key, MISSING, "it is empty.", "Give it a text."
    elif words != words.strip() or _UNPRINTABLE.search(words):
        yield key, BAD_TEXT, f"{words[:60]!r} has spaces around it or unprintable characters.", "Leave them out."
    elif len(words) > length:
        yield key, BAD_TEXT, f"{words[:60]!r}... has {len(words)} characters, {length} at most.", "Shorten it."


def _account(key: str, number: str) -> Iterator[_Fault]:
    wrong = tuple(_text(key, number, ACCOUNT_LENGTH))
    if wrong:
        yield from wrong
    elif is_iban(number) and not has_check_digits(number):
        yield key, BAD_ACCOUNT, f"the check digits of the IBAN {number} are wrong.", "Ask the payee again."
