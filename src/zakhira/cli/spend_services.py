"""What the commands of spends ask of the program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from zakhira.cli.answer import Answer

Ask = Callable[[], str]
"""Asks for a passphrase."""


@dataclass(frozen=True)
class ProposalTerms:
    """What every proposal says; amounts as text with their unit."""

    folder: Path
    spend: str
    purpose: str
    clause: str
    fee_limit: str
    fee_rate_limit: int
    """sat/vB"""
    hours: int
    """how long it may wait; 0: as long as the policy allows"""
    key: Path


@dataclass(frozen=True)
class FeeAsked:
    """A target in blocks, or a rate by hand in sat/vB (text), which then counts alone."""

    target_blocks: int = 6
    rate: str = ""


@dataclass(frozen=True)
class PayOrder:
    """Payments: ``ADDRESS=AMOUNT`` each, or a CSV file with the columns address and amount."""

    terms: ProposalTerms
    from_vault: str
    payments: tuple[str, ...]
    payments_file: Path | None
    to_vault: str
    amounts: tuple[str, ...]
    """to our own vault"""
    coins: tuple[str, ...]
    lots: tuple[str, ...]
    coins_for: str
    path: str
    fee: FeeAsked
    """for batches, whose coins are chosen when they are proposed"""
    anchor: bool = False
    """take the head of the audit chain along"""


@dataclass(frozen=True)
class MovesOrder:
    """Coins of a vault in bounded steps to another, or to itself (a refresh), or its small ones gathered."""

    terms: ProposalTerms
    from_vault: str
    to_vault: str
    step: str
    path: str
    fee: FeeAsked
    older_than_height: int = 0
    small_below: str = ""
    """gather the coins below this amount"""
    cheap_below: str = ""
    """and only while the rate is below this (sat/vB)"""
    most_inputs: int = 200


@dataclass(frozen=True)
class EnteredAmount:
    """What the second person reads in the source document, and which document that is."""

    amount: str
    source: str


@dataclass(frozen=True)
class Handing:
    """Where a built spend goes: the spend file, the bare PSBT, pictures of codes. Empty: nowhere yet."""

    out: Path | None = None
    psbt: Path | None = None
    qr: Path | None = None
    protocol: str = "bbqr"


class SpendServices(Protocol):
    """``zakhira spend``."""

    def propose(self, order: PayOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Propose payments."""

    def move(self, order: MovesOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Propose moves between vaults, a refresh or a gathering."""

    def list(self, folder: Path, *, everything: bool) -> Answer:
        """Spends by their state."""

    def show(self, folder: Path, spend: str, picture: Path | None, *, every_output: bool) -> Answer:
        """What a spend does, decoded by both decoders, with clause and approvals."""

    def approve(self, folder: Path, spend: str, key: Path, ask: Ask, *, dry_run: bool) -> Answer:
        """An officer's yes, and the decision."""

    def reject(self, folder: Path, spend: str, key: Path, reason: str, ask: Ask, *, dry_run: bool) -> Answer:
        """An officer's no."""

    def execute(
        self, folder: Path, spend: str, entered: EnteredAmount, key: Path, ask: Ask, *, dry_run: bool
    ) -> Answer:
        """The second person enters the amount again."""

    def build(self, folder: Path, spend: str, fee: FeeAsked, handing: Handing, *, dry_run: bool) -> Answer:
        """Build the transaction and, where a file is named, hand it out."""

    def sign(self, folder: Path, spend: str, key: Path, ask: Ask, *, dry_run: bool) -> Answer:
        """A drill's software signer signs, on regtest alone."""

    def combine(self, folder: Path, spend: str, files: tuple[Path, ...], *, dry_run: bool) -> Answer:
        """Take signatures over from what signers returned."""

    def broadcast(self, folder: Path, spend: str, *, dry_run: bool) -> Answer:
        """Send the transaction."""

    def bump(self, folder: Path, spend: str, fee: FeeAsked, handing: Handing, *, dry_run: bool) -> Answer:
        """Another version with a higher fee."""

    def child(self, parent: str, terms: ProposalTerms, fee: FeeAsked, ask: Ask, *, dry_run: bool) -> Answer:
        """Propose a child that pays for its parent."""

    def cancel(self, folder: Path, spend: str, by: str, *, dry_run: bool) -> Answer:
        """End a spend of which nothing is in other hands."""

    def home(self, spend: str, terms: ProposalTerms, path: str, fee: FeeAsked, ask: Ask, *, dry_run: bool) -> Answer:
        """Propose the double-spend home of a spend that is in other hands."""

    def status(self, folder: Path, *, dry_run: bool) -> Answer:
        """Follow the chain and bring every spend up to it; what each waits for."""
