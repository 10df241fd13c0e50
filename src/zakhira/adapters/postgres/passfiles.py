"""The embedded server's logins, and their passwords: random, one libpq password file for each, beside the data."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from zakhira.adapters.postgres.errors import DataFolderUnusable, PasswordsLost
from zakhira.adapters.postgres.roles import (
    APP_ROLE,
    AUDITOR_ROLE,
    OWNER_ROLE,
    READER_ROLE,
    WATCHER_ROLE,
    WATCHTOWER_ROLE,
)
from zakhira.flows.ports.books_errors import DatabaseFull

PASSWORD_BYTES = 32
"""256 bits: what nobody can guess needs no limit on tries."""
_ANYWHERE = "*:*:*"
"""Host, port and database: the address says them, and a folder that is moved keeps its passwords."""


class Login(StrEnum):
    """Who connects to the embedded server."""

    ADMINISTRATOR = "postgres"
    """The superuser: it makes databases and logins, takes backups, and does no other work."""
    OWNER = "zakhira_owner_login"
    APP = "zakhira_app_login"
    WATCHER = "zakhira_watcher_login"
    WATCHTOWER = "zakhira_watchtower_login"
    READER = "zakhira_reader_login"
    AUDITOR = "zakhira_auditor_login"


ROLE_OF = {
    Login.OWNER: OWNER_ROLE,
    Login.APP: APP_ROLE,
    Login.WATCHER: WATCHER_ROLE,
    Login.WATCHTOWER: WATCHTOWER_ROLE,
    Login.READER: READER_ROLE,
    Login.AUDITOR: AUDITOR_ROLE,
}
"""Each login is a member of this role alone."""


class Passfiles:
    """A folder that only its owner can enter, with a file for each login (PostgreSQL's manual, "The Password File")."""

    def __init__(self, data: Path) -> None:
        self.folder = data.parent / f"{data.name}-keys"

    def path(self, login: Login) -> Path:
        """Where the password of a login is."""
        return self.folder / f"{login}.pgpass"

    def password(self, login: Login) -> str:
        """The password; raises PasswordsLost."""
        try:
            host, port, database, name, password = self.path(login).read_text("ascii").strip().split(":")
        except FileNotFoundError:
            raise self.lost(login) from None
        except (ValueError, OSError):
            raise PasswordsLost(
                f"{self.path(login)} cannot be read as a password file.", self.lost(login).remedy
            ) from None
        assert (host, port, database, name) == (*_ANYWHERE.split(":"), login), "it is written below"
        return password

    def lost(self, login: Login) -> PasswordsLost:
        """The error that this password is not there."""
        return PasswordsLost(
            f"{self.path(login)}, which lets us into the database, is not there.",
            "Put the folder back from a copy, or have new passwords set: zakhira db init DIR --new-passwords",
        )

    def wrong(self) -> PasswordsLost:
        """The error that the administrator's password is not the one of this server."""
        return PasswordsLost(
            f"The password in {self.path(Login.ADMINISTRATOR)} is not the one of the database beside it.",
            self.lost(Login.ADMINISTRATOR).remedy,
        )

    def has(self, login: Login) -> bool:
        """Whether there is a password for it."""
        return self.path(login).exists()

    def ensure(self, *, anew: bool = False) -> None:
        """Make a password for each login that has none, or ``anew`` for all; each file is there whole or not at all.

        Raises:
            DatabaseFull, DataFolderUnusable: they cannot be written.
        """
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self.folder.chmod(0o700)
            self._give(self.folder)
            for login in Login:
                if anew or not self.has(login):
                    self._write(login, secrets.token_urlsafe(PASSWORD_BYTES))
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise DatabaseFull(f"The disk of {self.folder} is full.", "Make room and start again.") from None
            raise DataFolderUnusable(
                f"{self.folder} cannot be written: {error.strerror}.", "Look at its rights, or give another folder."
            ) from None

    def _write(self, login: Login, password: str) -> None:
        path = self.path(login)
        fresh = path.with_suffix(".new")
        with suppress(FileNotFoundError):
            fresh.unlink()
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as out:
            out.write(f"{_ANYWHERE}:{login}:{password}\n")
            out.flush()
            os.fsync(out.fileno())
        self._give(fresh)
        fresh.replace(path)

    def _give(self, path: Path) -> None:
        """What root makes in somebody's folder is theirs."""
        if os.geteuid() == 0:
            above = self.folder.parent.stat()
            os.chown(path, above.st_uid, above.st_gid)
