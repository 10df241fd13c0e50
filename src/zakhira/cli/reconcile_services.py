"""What the commands of reconciliation ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from zakhira.cli.answer import Answer

Ask = Callable[[], str]


@dataclass(frozen=True)
class ReconcileOrder:
    """Which books are held against what. ``programme`` is named for a run's folder, whose books do not name it."""

    folder: Path
    chain: bool
    meters: bool
    bank: bool
    programme: Path | None = None


@dataclass(frozen=True)
class CaseOrder:
    """What is said of a case, and by whom."""

    folder: Path
    case: str
    words: str
    """the owner, or the reason"""
    by: str = ""
    key: Path | None = None
    """the officer's key file, where something is signed"""


@dataclass(frozen=True)
class ImportOrder:
    """A file of statements, and the key file of the officer who answers for it."""

    folder: Path
    file: Path
    key: Path


class ReconcileServices(Protocol):
    """Books against the world."""

    def reconcile(self, order: ReconcileOrder, *, dry_run: bool) -> Answer:
        """Compare, and keep the cases."""

    def import_file(self, order: ImportOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Take a bank's statements in under the officer's signature."""

    def cases(self, folder: Path, *, closed: bool) -> Answer:
        """The cases; closed ones, too."""

    def own(self, order: CaseOrder, *, dry_run: bool) -> Answer:
        """Give a case to somebody."""

    def close(self, order: CaseOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Compare again: a case whose difference is gone closes; of one that is there an officer accepts it."""
