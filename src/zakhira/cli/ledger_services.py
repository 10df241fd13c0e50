"""What the commands of the ledger and of participants ask of the program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from zakhira.cli.answer import Answer

Ask = Callable[[], str]
"""Asks the person at the terminal for a passphrase."""


@dataclass(frozen=True)
class BalanceOrder:
    """Which balances, as of which days: postings that happened up to ``before`` and were known up to ``known_before``.

    Both days are excluded; None: whenever.
    """

    folder: Path
    accounts: tuple[str, ...]
    before: date | None = None
    known_before: date | None = None


@dataclass(frozen=True)
class StatementOrder:
    """A statement of accounts, or of a participant, over the days ``first`` to ``last``; files where to write it."""

    folder: Path
    accounts: tuple[str, ...]
    first: date
    last: date
    participant: str = ""
    csv: Path | None = None
    plot: Path | None = None


@dataclass(frozen=True)
class ActOrder:
    """An act on the ledger with the key files of its officers, the first of whom puts it forward."""

    folder: Path
    keys: tuple[Path, ...]
    because: str = ""


@dataclass(frozen=True)
class AccountOrder:
    """An account to open, empty."""

    code: str
    commodity: str
    kind: str
    claim: str = "none"
    is_overdraft_allowed: bool = False


@dataclass(frozen=True)
class ParticipantOrder:
    """Whom to open accounts for."""

    folder: Path
    key: Path
    name: str
    kind: str
    reference: str
    assets: tuple[str, ...]
    maturity: date | None = None


@dataclass(frozen=True)
class TransferOrder:
    """A claim that goes from one participant to another."""

    source: str
    target: str
    amount: str
    day: date | None
    evidence: str


class LedgerServices(Protocol):
    """The ledger. All raise ZakhiraError alone on purpose; with ``dry_run`` nothing is written."""

    def accounts(self, folder: Path, under: str) -> Answer:
        """The chart of accounts with balances, at and below a branch."""

    def show(self, folder: Path, account: str, newest: int) -> Answer:
        """One account and its newest entries."""

    def balance(self, order: BalanceOrder) -> Answer:
        """Balances as of two dates."""

    def statement(self, order: StatementOrder) -> Answer:
        """Opening, movements and closing."""

    def entry(self, folder: Path, entry_id: str) -> Answer:
        """One entry with its postings."""

    def backing(self, folder: Path) -> Answer:
        """What stands behind claims in coin."""

    def waiting(self, folder: Path) -> Answer:
        """The acts that still need words."""

    def approve(self, folder: Path, act: str, keys: Sequence[Path], ask: Ask, *, dry_run: bool) -> Answer:
        """Add words to an act that waits, told by its hash."""

    def open(self, order: ActOrder, account: AccountOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Open an account, empty."""

    def post(self, order: ActOrder, file: Path, ask: Ask, *, dry_run: bool) -> Answer:
        """Post a journal from a file."""

    def reverse(
        self, order: ActOrder, entry_id: str, day: date | None, evidence: str, ask: Ask, *, dry_run: bool
    ) -> Answer:
        """Take an entry back."""

    def freeze(self, order: ActOrder, account: str, ask: Ask, *, dry_run: bool) -> Answer:
        """Stop postings to an account."""

    def unfreeze(self, order: ActOrder, account: str, ask: Ask, *, dry_run: bool) -> Answer:
        """Let them go on."""

    def ceiling(self, order: ActOrder, account: str, ceiling: str, ask: Ask, *, dry_run: bool) -> Answer:
        """The most that an account may hold; an empty text takes it away."""

    def encumber(self, order: ActOrder, name: str, amount: str, ask: Ask, *, dry_run: bool) -> Answer:
        """Pledge coins under a name, so that they stand behind no claim."""

    def release(self, order: ActOrder, name: str, ask: Ask, *, dry_run: bool) -> Answer:
        """Let them go."""

    def close(self, order: ActOrder, first: date, last: date, ask: Ask, *, dry_run: bool) -> Answer:
        """Close a period for good."""


class ParticipantServices(Protocol):
    """Participants. All raise ZakhiraError alone on purpose; with ``dry_run`` nothing is written."""

    def open(self, order: ParticipantOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Give somebody a number and accounts."""

    def list(self, folder: Path) -> Answer:
        """Who there is, with what they hold."""

    def show(self, folder: Path, participant: str) -> Answer:
        """One participant."""

    def statement(self, order: StatementOrder) -> Answer:
        """A month of one participant."""

    def transfer(self, order: ActOrder, transfer: TransferOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """From one participant to another."""
