"""What the commands of the watchtower ask of the program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from zakhira.cli.answer import Answer


@dataclass(frozen=True)
class WatchInit:
    """A watch to be made, or its copy of policy and vaults to be renewed; empty text where nothing was told."""

    folder: Path
    reserve: Path
    node_url: str = ""
    cookie: Path | None = None
    second_url: str = ""
    second_cookie: Path | None = None
    source: str = ""
    """a database's address, or a folder of exported files; empty: the reserve's own database"""
    renew: bool = False


@dataclass(frozen=True)
class WatchOrder:
    """How a watch runs. ``metrics_port`` of None serves none."""

    folder: Path
    once: bool = False
    metrics_port: int | None = None


class WatchServices(Protocol):
    """The watchtower. All raise ZakhiraError alone on purpose."""

    def init(self, order: WatchInit, *, dry_run: bool) -> Answer:
        """Make a watch, or renew its copy."""

    def run(self, order: WatchOrder, say: Callable[[Answer], None], note: Callable[[str], None]) -> Answer | None:
        """Watch; each telling of an alarm is said. The answer of a single look; None of a run that ends by a signal."""

    def status(self, folder: Path) -> Answer:
        """What a watch knows and what is raised."""

    def export(self, reserve: Path, out: Path, *, dry_run: bool) -> Answer:
        """Write what officers signed in a reserve into a folder that a watch reads."""
