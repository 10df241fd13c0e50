"""What the commands of authority ask of the program: changes of the policy, a freeze and its end, keys of officers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from zakhira.cli.answer import Answer

Ask = Callable[[], str]
"""Asks the person at the terminal for a passphrase."""


@dataclass(frozen=True)
class ChangeOrder:
    """A changed policy that is put forward: a programme folder or a policy as JSON."""

    folder: Path
    changed: Path
    key: Path
    reason: str
    despite_warnings: bool = False


@dataclass(frozen=True)
class WordOrder:
    """An officer's word: about a motion (by its first digits), or a stop, or the end of one."""

    folder: Path
    key: Path
    motion: str = ""
    reason: str = ""


@dataclass(frozen=True)
class RevokeOrder:
    """Whose key ends, said by the officer of ``key``; ``public_key`` names one of several."""

    folder: Path
    officer: str
    key: Path
    reason: str
    public_key: str = ""


class GoverningServices(Protocol):
    """Authority over time. All raise ZakhiraError alone on purpose."""

    def status(self, folder: Path) -> Answer:
        """Versions, motions, freezes, and what the programme file says otherwise."""

    def propose(self, order: ChangeOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Show what a changed policy changes, and put it forward."""

    def approve(self, order: WordOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """A yes to a motion."""

    def veto(self, order: WordOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """A no to a motion."""

    def freeze(self, order: WordOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Stop at once."""

    def thaw(self, order: WordOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Put the end of every freeze forward."""

    def export(self, folder: Path, out: Path, *, dry_run: bool) -> Answer:
        """Write the signed acts of authority for whoever checks them."""

    def officers(self, folder: Path) -> Answer:
        """Who they are, with roles, deputies and keys."""

    def enrol(self, folder: Path, key: Path, ask: Ask, *, dry_run: bool) -> Answer:
        """Prove that a new key is held."""

    def revoke(self, order: RevokeOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """End a key at once."""
