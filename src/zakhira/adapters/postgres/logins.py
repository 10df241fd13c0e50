"""Whom a process is let into the database as: an address for each capacity that it was given."""

from __future__ import annotations

from dataclasses import dataclass, field

from zakhira.adapters.postgres.roles import WATCHER_ROLE
from zakhira.flows.ports.books_errors import NotTheWatcher


@dataclass(frozen=True)
class Logins:
    """Addresses (libpq) of one database. ``app`` appends and reads; ``owner`` migrates; ``watcher`` follows the chain.

    None: this process was not given that login. An address never shows in a repr: it may hold a password.
    """

    app: str = field(repr=False)
    owner: str | None = field(default=None, repr=False)
    watcher: str | None = field(default=None, repr=False)

    @classmethod
    def of_one(cls, dsn: str) -> Logins:
        """One login for all, which takes on the role that each step needs."""
        return cls(dsn, dsn, dsn)

    def address(self, role: str) -> str:
        """The address for work as the program or as the watcher; raises NotTheWatcher."""
        if role != WATCHER_ROLE:
            return self.app
        if self.watcher is None:
            raise NotTheWatcher(
                "Facts of the chain are written by what follows the chain, and this process was not given its login.",
                "Follow with: zakhira reserve follow. On a server of your own set ZAKHIRA_DATABASE_WATCHER_URL.",
            )
        return self.watcher
