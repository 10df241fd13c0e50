"""What the commands of signers ask of the program: own eyes, codes for cameras, devices by USB."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from zakhira.cli.answer import Answer
from zakhira.cli.custody_services import Ask

Confirm = Callable[[Answer], bool]
"""Shows what was seen and asks the person whether to go on."""


@dataclass(frozen=True)
class Knowledge:
    """What this signer knows: a card, or a file of descriptors with a file of officers."""

    card: Path | None = None
    descriptor: Path | None = None
    officers: Path | None = None


@dataclass(frozen=True)
class Look:
    """A spend to be looked at: its file, or pictures of it. ``picture`` is an SVG to be written."""

    files: tuple[Path, ...]
    knowledge: Knowledge
    picture: Path | None = None
    every_output: bool = False


@dataclass(frozen=True)
class SignOrder:
    """A spend to be signed by a key file, by a device on USB, or (neither) handed on to a device as it is."""

    look: Look
    key: Path | None = None
    device: str = ""
    """fingerprint"""
    out: Path | None = None
    qr: Path | None = None
    protocol: str = "bbqr"
    psbt_version: int = 0
    """0 (BIP-174) or 2 (BIP-370)"""


class SignerServices(Protocol):
    """A signer's machine: no database, no network, no reserve. All raise ZakhiraError alone on purpose."""

    def card(self, folder: Path, out: Path) -> Answer:
        """Write the card of a reserve for its signers."""

    def show(self, look: Look) -> Answer:
        """What a spend does, as this machine decodes it."""

    def sign(self, order: SignOrder, confirm: Confirm, ask: Ask) -> Answer:
        """Look, ask, and sign or hand on."""


class CodeServices(Protocol):
    """QR codes. All raise ZakhiraError alone on purpose."""

    def write(self, file: Path, folder: Path, protocol: str, version: int) -> Answer:
        """Write a file as frames and one animation."""

    def read(self, pictures: tuple[Path, ...], out: Path) -> Answer:
        """Read the one message that pictures carry into a file."""


class DeviceServices(Protocol):
    """Hardware signers by USB. All raise ZakhiraError alone on purpose."""

    def list(self, chain: str) -> Answer:
        """The devices that are plugged in."""

    def key(self, fingerprint: str, chain: str, path: str) -> Answer:
        """A device's extended public key with its origin, for the key register."""

    def show_address(self, fingerprint: str, knowledge: Knowledge, vault: str, branch: int, index: int) -> Answer:
        """Show an address of a vault on a device, and hold it against the one derived here."""
