"""What is ordered from a bank, what the bank answers, and what its statements say: plain data, money with its unit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Protocol

from zakhira.kernel.money import Amount, Commodity

MONEY_AT_BANKS = (Commodity.PKR, Commodity.USD)
"""What lies on bank accounts: money with a code of ISO 4217, never coins or energy."""


@dataclass(frozen=True)
class BankAccount:
    """An account at a bank.

    ``number`` is an IBAN or the bank's own number (34 characters at most); ``bank`` is a BIC, another name that the
    bank goes by (a branch code), or empty where the IBAN says it.
    """

    holder: str
    number: str
    bank: str = ""


@dataclass(frozen=True)
class BankTransfer:
    """One credit to somebody. ``end_to_end_id`` (35 characters at most) comes back in the bank's statement."""

    end_to_end_id: str
    payee: str
    account: str
    """an IBAN or the bank's own number, as in :class:`BankAccount`"""
    bank: str
    amount: Amount
    reason: str
    """what the payee reads (140 characters at most)"""


@dataclass(frozen=True)
class BankOrder:
    """Transfers in one commodity from one account, as one message to a bank."""

    message_id: str
    """35 characters at most, never used twice"""
    ordered_at: datetime
    """UTC"""
    execute_on: date
    debtor: BankAccount
    transfers: tuple[BankTransfer, ...]

    @property
    def total(self) -> Amount:
        """The sum of all transfers; raises MixedCommodities where they are of two."""
        first, *rest = (transfer.amount for transfer in self.transfers)
        return sum(rest, start=first)


class TransferState(Enum):
    """How far a bank says that a transfer has come. Only a statement proves that money moved."""

    ACCEPTED = "accepted"
    """the bank executes it, or has"""
    PENDING = "pending"
    """received or checked, not decided"""
    REJECTED = "rejected"


@dataclass(frozen=True)
class BankStatus:
    """What the bank says about one transfer: the ISO code of the state, and reasons with their code."""

    end_to_end_id: str
    state: TransferState
    code: str
    reason: str = ""
    amount: Amount | None = None
    """what the bank understood, where it says so"""


@dataclass(frozen=True)
class BankStatusReport:
    """A bank's answer to one order. ``state`` holds for transfers that are not named, None where it says nothing."""

    id: str
    created_at: datetime
    order_id: str
    state: TransferState | None
    code: str
    reason: str
    transfers: tuple[BankStatus, ...]


@dataclass(frozen=True)
class StatementLine:
    """One payment within an entry of a statement; what the bank does not say is empty."""

    amount: Amount
    """positive when it came in"""
    end_to_end_id: str
    order_id: str
    counterparty: str
    account: str
    text: str


@dataclass(frozen=True)
class StatementEntry:
    """One booked movement on an account: a payment, or a batch of them."""

    reference: str
    """the bank's own reference, or the place in the statement: unique in it"""
    amount: Amount
    """positive when money came in"""
    is_reversal: bool
    """it takes back an earlier entry"""
    booked_on: date
    value_on: date | None
    lines: tuple[StatementLine, ...]
    """what it is made of: their sum is the entry's amount; none where the bank tells the total alone"""
    order_id: str
    """message id of the order that a batch carries out, where it says so"""
    text: str


@dataclass(frozen=True)
class BankStatement:
    """What a bank booked on one account between two balances: opening + entries = closing, to the least unit."""

    id: str
    account: str
    sequence: int | None
    created_at: datetime
    opening: Amount
    opened_on: date
    closing: Amount
    closed_on: date
    entries: tuple[StatementEntry, ...]
    pending: int
    """entries that the bank shows and has not booked: they are told, and count nowhere"""


class BankFiles(Protocol):
    """Files that are exchanged with a bank."""

    def write_bank_order(self, order: BankOrder) -> bytes:
        """The order as a file for the bank, valid against its schema; the same order gives the same bytes.

        Raises:
            Faults: a field is empty, too long or no account; amounts of two commodities or not above zero; an id twice.
        """

    def read_bank_status(self, name: str, content: bytes) -> tuple[BankStatusReport, ...]:
        """The bank's answers in a file; ``name`` stands in errors. Raises Faults."""

    def read_statements(self, name: str, content: bytes) -> tuple[BankStatement, ...]:
        """The statements in a file, in its order. Raises Faults: nothing of a file with a fault is taken."""
