"""What the commands of custody ask of the program: reserve folders, vaults, keys and addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from zakhira.cli.answer import Answer, Progress, ServedReserve

if TYPE_CHECKING:
    from zakhira.kernel.canonical import Json

Ask = Callable[[], str]
"""Asks the person at the terminal for a passphrase."""


@dataclass(frozen=True)
class ReserveOrder:
    """A reserve to be made. Empty text where no node was named."""

    folder: Path
    programme: Path
    node_url: str = ""
    cookie: Path | None = None
    second_url: str = ""
    second_cookie: Path | None = None
    is_drill: bool = False


@dataclass(frozen=True)
class MineOrder:
    """Blocks of a drill's private chain; each payment is an address and an amount with its unit."""

    folder: Path
    blocks: int
    payments: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class FollowOrder:
    """How the chain is followed. ``metrics_port`` of None serves none; ``log`` is a path, or ``-`` for stderr."""

    folder: Path
    once: bool = False
    metrics_port: int | None = None
    metrics_host: str = "127.0.0.1"
    log: str = ""
    """empty: log/follow.jsonl in the reserve's folder, or none with ``once``"""


@dataclass(frozen=True)
class MetricsText:
    """A reserve's figures as Prometheus reads them, and the same as plain data; ``file`` where they were written."""

    text: str
    facts: Mapping[str, Json]
    file: Path | None = None


@dataclass(frozen=True)
class SettleOrder:
    """What a coin in suspense is; ``keys`` are the key files of the officers who say so."""

    folder: Path
    outpoint: str
    payer: str
    purpose: str
    reason: str
    keys: tuple[Path, ...]
    hold_until: date | None = None
    second_key: Path | None = None
    """of the officer who enters the amount again, where the rule asks for one"""
    amount: str = ""
    source: str = ""
    """the document that the amount was read from"""


@dataclass(frozen=True)
class ResumeOrder:
    """Credits let in again; ``keys`` are the key files of the officers who say so."""

    folder: Path
    because: str
    keys: tuple[Path, ...]


class ReserveServices(Protocol):
    """A reserve: made, looked at, followed. All raise ZakhiraError alone on purpose."""

    def init(self, order: ReserveOrder, *, dry_run: bool) -> Answer:
        """Make a reserve folder."""

    def status(self, folder: Path) -> Answer:
        """What the reserve holds, and what needs attention."""

    def follow(
        self, order: FollowOrder, say: Callable[[Answer], None], note: Callable[[str], None], progress: Progress
    ) -> None:
        """Follow the chain and say what arrived; until interrupted, unless once. ``note`` tells what runs beside it."""

    def metrics(self, folder: Path, out: Path | None, *, dry_run: bool) -> MetricsText:
        """The figures as Prometheus reads them, written to a file where one is named."""

    def health(self, folder: Path) -> Answer:
        """How each part stands; no if one is failing."""

    def serve(self, folder: Path, announce: Callable[[ServedReserve], None]) -> None:
        """Keep the reserve's database and private node up until interrupted."""

    def mine(self, order: MineOrder, progress: Progress, *, dry_run: bool) -> Answer:
        """Mine blocks of a drill's private chain, with payments to addresses."""

    def suspense(self, folder: Path) -> Answer:
        """The coins in suspense."""

    def settle(self, order: SettleOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Give a coin in suspense its purpose, by the word of two officers."""

    def resume(self, order: ResumeOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Let credits in again after a deficit, by the word of two officers."""


@dataclass(frozen=True)
class VaultOrder:
    """A vault to be created from the register. No ``recovery_threshold``: no recovery path."""

    folder: Path
    vault: str
    purpose: str
    threshold: int
    signers: tuple[str, ...]
    template: str
    by: str
    recovery_threshold: int = 0
    recovery_signers: tuple[str, ...] = ()
    recovery_after_blocks: int = 0
    held_until_height: int = 0
    is_drill: bool = False


@dataclass(frozen=True)
class ImportOrder:
    """A vault to be taken over from a paper. ``from_height`` of -1: its past is not looked for."""

    folder: Path
    file: Path
    vault: str
    purpose: str
    by: str
    token: str = ""
    from_height: int = -1
    is_drill: bool = False


@dataclass(frozen=True)
class ChallengeOrder:
    """A vault's test: a challenge is written to ``out``, taken back from ``signed``, or signed by ``key_files``."""

    folder: Path
    vault: str
    by: str
    path: str = "main"
    out: Path | None = None
    signed: tuple[Path, ...] = ()
    key_files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class RotateOrder:
    """A vault that hands over to another. Empty text and 0 where nothing was told: the policy says it.

    ``step`` bounds what one spend moves, ``rate`` (sat/vB) is a fee rate by hand in place of the node's estimate.
    """

    folder: Path
    vault: str
    to: str
    officer_key: Path | None = None
    step: str = ""
    id: str = ""
    clause: str = ""
    fee_limit: str = "0.001 BTC"
    rate_limit: int = 100
    rate: int = 0
    target_blocks: int = 6


@dataclass(frozen=True)
class AcceptOrder:
    """A vault that shall count as ours, put forward by the officer of ``key``; ``succeeds`` names one of ours."""

    folder: Path
    vault: str
    key: Path
    reason: str
    succeeds: str = ""


class VaultServices(Protocol):
    """Vaults. All raise ZakhiraError alone on purpose."""

    def create(self, order: VaultOrder, *, dry_run: bool) -> Answer:
        """Design a vault from the register and record it."""

    def show(self, folder: Path, vault: str) -> Answer:
        """A vault with its keys, tests and first address' state."""

    def list(self, folder: Path) -> Answer:
        """Every vault."""

    def export(self, folder: Path, vault: str, kind: str, out: Path, token: str, *, dry_run: bool) -> Answer:
        """Write a paper of a vault for other programs."""

    def import_(self, order: ImportOrder, progress: Progress, *, dry_run: bool) -> Answer:
        """Take a vault over from a paper."""

    def test_sign(self, order: ChallengeOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Challenge a vault's keys, or take what they signed."""

    def accept(self, order: AcceptOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Put forward that a vault counts as ours."""

    def rotate(self, order: RotateOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Retire a vault in favour of its successor and propose the moves of its coins."""

    def backup(self, folder: Path, vault: str, out: Path, *, dry_run: bool) -> Answer:
        """Write a vault's backup sheet as PDF."""


@dataclass(frozen=True)
class KeyAbout:
    """What a device's export does not say of its key."""

    signer: str
    holder: str
    role: str
    site: str
    vendor: str
    device: str
    firmware: str
    entropy_source: str
    is_drill: bool


@dataclass(frozen=True)
class RegisterOrder:
    """Keys to be registered: of a file, or of what was pasted; ``about`` where it is a device's export."""

    folder: Path
    file: Path
    pasted: bytes | None
    by: str
    about: KeyAbout | None = None


class KeyServices(Protocol):
    """Keys of officers and signers. All raise ZakhiraError alone on purpose."""

    def officer(self, file: Path, officer: str, ask: Ask, *, dry_run: bool) -> Answer:
        """Make an officer's encrypted key file and tell its public key."""

    def register(self, order: RegisterOrder, *, dry_run: bool) -> Answer:
        """Add keys to the register, or update what is known of them."""

    def list(self, folder: Path) -> Answer:
        """The register."""

    def at_risk(self, folder: Path, vendor: str, firmware: str, entropy: str) -> Answer:
        """Which quorums an advisory touches, and how to rotate them."""


@dataclass(frozen=True)
class AddressOrder:
    """An address to be reserved; amounts as text with their unit, empty where nothing was told."""

    folder: Path
    vault: str
    payer: str
    purpose: str
    by: str
    key: str = ""
    expect: str = ""
    hold_until: date | None = None
    renew_after: int = 0
    deal_kind: str = ""
    """``purchase``, ``forfeiture`` or empty"""
    counterparty: str = ""
    price: str = ""
    number: str = ""
    on: date | None = None
    qr: Path | None = None


class AddressServices(Protocol):
    """Addresses and labels. All raise ZakhiraError alone on purpose."""

    def reserve(self, order: AddressOrder, *, dry_run: bool) -> Answer:
        """Reserve an address for a payer and a purpose."""

    def list(self, folder: Path, vault: str) -> Answer:
        """The reserved addresses, of one vault where it is named."""

    def export_labels(self, folder: Path, file: Path, *, dry_run: bool) -> Answer:
        """Write labels as BIP-329."""

    def import_labels(self, folder: Path, file: Path, by: str, *, dry_run: bool) -> Answer:
        """Take labels from a file of BIP-329."""
