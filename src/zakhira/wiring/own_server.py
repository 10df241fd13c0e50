"""A reserve's own database server: shared by the commands that work at once, ended by the one that leaves last."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

from zakhira.adapters.postgres.server import EmbeddedServer
from zakhira.wiring.reserve_folder import ReserveFolder, ReserveUnreadable

DATABASE = "zakhira"
_USERS = "database-users.lock"


@dataclass
class OwnServer:
    """The server while a command uses it."""

    server: EmbeddedServer
    _users: TextIO

    def restart_if_alone(self) -> bool:
        """Start it anew, if no other command uses it; whether that was done."""
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        try:
            self.server.stop()
            self.server = EmbeddedServer.start(self.server.folder)
        finally:
            fcntl.flock(self._users, fcntl.LOCK_SH)
        return True


@contextlib.contextmanager
def own_server(folder: ReserveFolder) -> Iterator[OwnServer]:
    """The server of a reserve; raises ReserveUnreadable and what ``EmbeddedServer.start`` raises."""
    with _users_of(folder) as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        own = OwnServer(EmbeddedServer.start(folder.database), users)
        try:
            yield own
        finally:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                own.server.stop()


@contextlib.contextmanager
def alone_with_database(folder: ReserveFolder) -> Iterator[bool]:
    """Keep every other command out for as long as the block lasts; false where one works there already."""
    with _users_of(folder) as users:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _users_of(folder: ReserveFolder) -> TextIO:
    try:
        return (folder.root / _USERS).open("a")
    except OSError as error:
        raise ReserveUnreadable(f"{folder.root} cannot be used: {error.strerror}.", "Look at its rights.") from None
