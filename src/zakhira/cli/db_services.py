"""What the commands of the database ask of the program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from zakhira.cli.answer import Answer, Progress


@dataclass(frozen=True)
class RestoreOrder:
    """Which backup becomes which folder, and up to where: an instant (ISO 8601), a write's key, or neither."""

    backup: Path
    to: Path
    until: str = ""
    until_write: str = ""


class DatabaseServices(Protocol):
    """``zakhira db``. ``folder`` is a reserve's; None where ZAKHIRA_DATABASE_URL names the database."""

    def init(self, folder: Path | None, *, new_passwords: bool, dry_run: bool) -> Answer:
        """Make database, roles and schema, as far as they are not there."""

    def migrate(self, folder: Path | None, *, dry_run: bool) -> Answer:
        """Bring the schema up to date."""

    def status(self, folder: Path | None) -> Answer:
        """Versions, roles, size, newest write, chain, last backup."""

    def backup(self, folder: Path | None, to: Path, progress: Progress, *, dry_run: bool) -> Answer:
        """Copy the database, and keep its log from now on."""

    def restore(self, order: RestoreOrder, progress: Progress, *, dry_run: bool) -> Answer:
        """Make a reserve's folder from a backup."""

    def verify(self, folder: Path | None, backup: Path | None, progress: Progress) -> Answer:
        """Compute the database anew, and hold a backup against its checksums."""
