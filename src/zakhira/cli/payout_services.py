"""What the commands of payouts ask of the program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from zakhira.cli.answer import Answer, Progress

Ask = Callable[[], str]
"""Asks the person at the terminal for a passphrase."""


@dataclass(frozen=True)
class BatchOrder:
    """A file of payouts for a campaign; ``encoding`` empty: UTF-8, or UTF-16 with a mark in front."""

    folder: Path
    campaign: str
    file: Path
    encoding: str = ""


@dataclass(frozen=True)
class PrepareOrder:
    """A batch that is put forward under an id; ``source`` is the document that it was made from."""

    batch: BatchOrder
    payout: str
    source: str
    key: Path


@dataclass(frozen=True)
class PayoutWord:
    """An officer's word about a campaign, a payout, or a stop. ``of`` empty: all payouts."""

    folder: Path
    of: str
    key: Path
    reason: str = ""


@dataclass(frozen=True)
class ExecuteOrder:
    """The next part, or first the total as the second person reads it in ``source``; ``all_parts``: all that may go."""

    folder: Path
    payout: str
    key: Path
    total: str = ""
    source: str = ""
    all_parts: bool = False


class PayoutServices(Protocol):
    """Payouts. All raise ZakhiraError alone on purpose."""

    def campaign(self, folder: Path, file: Path, key: Path, ask: Ask, *, dry_run: bool) -> Answer:
        """Put a campaign forward."""

    def check(self, order: BatchOrder) -> Answer:
        """Hold a file against its campaign; nothing is written."""

    def prepare(self, order: PrepareOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Check a batch and put it forward."""

    def approve(self, word: PayoutWord, ask: Ask, *, dry_run: bool) -> Answer:
        """A yes to a campaign or a payout, or a no where a reason is given."""

    def execute(self, order: ExecuteOrder, ask: Ask, progress: Progress, *, dry_run: bool) -> Answer:
        """The second person's total, and the next part."""

    def spends(self, word: PayoutWord, fee_limit: str, rate_sat_per_vb: int, ask: Ask, *, dry_run: bool) -> Answer:
        """Propose the spends of parts that are paid in coin."""

    def order(self, word: PayoutWord, day: date, out: Path, ask: Ask, *, dry_run: bool) -> Answer:
        """Write the orders of parts that a bank pays."""

    def answer(self, word: PayoutWord, file: Path, ask: Ask, *, dry_run: bool) -> Answer:
        """Take a bank's answer to an order, which the officer signs for."""

    def stop(self, word: PayoutWord, ask: Ask, *, dry_run: bool) -> Answer:
        """Stop one payout or all."""

    def resume(self, word: PayoutWord, ask: Ask, *, dry_run: bool) -> Answer:
        """Put the end of a stop forward, or say yes to it."""

    def status(self, folder: Path, payout: str) -> Answer:
        """Campaigns, payouts and stops, or one payout with its rows."""
