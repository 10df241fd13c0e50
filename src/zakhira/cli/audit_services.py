"""What the commands of the audit chain ask of the program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from zakhira.cli.answer import Answer, Progress

Ask = Callable[[], str]
"""Asks for a passphrase."""


@dataclass(frozen=True)
class ChainEvidence:
    """Files that say what the chain was: signed heads, and anchors written down."""

    heads: tuple[Path, ...] = ()
    anchors: Path | None = None


class AuditServices(Protocol):
    """``zakhira audit verify|export|show|seal|sign``."""

    def verify(self, folder: Path, evidence: ChainEvidence, progress: Progress, *, with_node: bool) -> Answer:
        """Compute the whole database anew; with the node, against the anchors that blocks hold as well."""

    def verify_file(self, file: Path, evidence: ChainEvidence, progress: Progress) -> Answer:
        """Verify an exported chain, without a database."""

    def export(self, folder: Path, file: Path, progress: Progress, *, dry_run: bool) -> Answer:
        """Write the chain with all contents into a file."""

    def show(self, folder: Path, count: int) -> Answer:
        """Head, newest writes, and what is not sealed yet."""

    def seal(self, folder: Path, *, dry_run: bool) -> Answer:
        """Chain what is committed."""

    def sign(self, folder: Path, key: Path, out: Path | None, ask: Ask, *, dry_run: bool) -> Answer:
        """Let an officer sign the head; keep it in the books, and in a file."""
