"""Who is let in to the embedded server: its ``pg_hba.conf``, its logins and their passwords."""

from __future__ import annotations

import hashlib
import os
import pwd
import time
from pathlib import Path

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier, Literal

from zakhira.adapters.postgres.passfiles import ROLE_OF, Login, Passfiles
from zakhira.adapters.postgres.programs import Programs
from zakhira.adapters.postgres.roles import ensure_roles

RULES_FILE = "pg_hba.conf"
RULES = f"""\
# Written by Zakhira. Every login gives its password, over the socket in a folder of its own; no port is open.
local  all          all                    scram-sha-256
local  replication  {Login.ADMINISTRATOR}               scram-sha-256
"""
_RESET_RULES, _RESET_NAMES = "zakhira_reset_hba.conf", "zakhira_reset_ident.conf"
_RELOAD_SECONDS = 5.0
_POLL_SECONDS = 0.02
_TOLD_LOGINS = "SELECT rolname, shobj_description(oid, 'pg_authid') FROM pg_roles"
_MEMBERS = "SELECT member::regrole::text, roleid::regrole::text FROM pg_auth_members"
_OPEN_DATABASES = """
SELECT datname FROM pg_database WHERE datname IN (%s, %s) AND has_database_privilege('public', oid, 'CONNECT')
"""
_IS_OLDER = "SELECT pg_conf_load_time() < to_timestamp(%s)"


def write_rules(data: Path, programs: Programs) -> None:
    """Let nobody in without a password, from the next start or reload on."""
    _write(data / RULES_FILE, RULES, programs)


def trusts(data: Path) -> bool:
    """Whether the rules let somebody in without a password, as those of earlier versions did."""
    lines = (data / RULES_FILE).read_text().splitlines()
    return any("trust" in line.partition("#")[0].split() for line in lines)


def set_passwords(connection: Connection[TupleRow], passfiles: Passfiles) -> None:
    """Let each login have the password of its file; the password itself never travels nor reaches a log.

    A comment on the role holds the SHA-256 of the password (256 random bits), which tells whether it is that one.
    """
    ensure_roles(connection, ())
    told: dict[str, str | None] = dict(connection.execute(_TOLD_LOGINS).fetchall())
    members = set(connection.execute(_MEMBERS).fetchall())
    for login in Login:
        password = passfiles.password(login)
        digest = hashlib.sha256(password.encode()).hexdigest()
        with connection.transaction():
            if login not in told:
                connection.execute(SQL("CREATE ROLE {} LOGIN").format(Identifier(login)))
            if told.get(login) != digest:
                verifier = connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256")
                connection.execute(
                    SQL("ALTER ROLE {} PASSWORD {}").format(Identifier(login), Literal(verifier.decode()))
                )
                connection.execute(SQL("COMMENT ON ROLE {} IS {}").format(Identifier(login), Literal(digest)))
            role = ROLE_OF.get(login)
            if role is not None and (login, role) not in members:
                connection.execute(SQL("GRANT {} TO {}").format(Identifier(role), Identifier(login)))


def keep_out(connection: Connection[TupleRow]) -> None:
    """Let nobody but the administrator into databases that are not the books': locks taken there fill the same memory.

    ``connection`` is the administrator's to the database that bears its name.
    """
    for (name,) in connection.execute(_OPEN_DATABASES, (Login.ADMINISTRATOR, "template1")).fetchall():
        connection.execute(SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(Identifier(name)))


def load_rules(connection: Connection[TupleRow], data: Path) -> None:
    """See that the server works with the rules in its folder, not with those that it was started with."""
    written = (data / RULES_FILE).stat().st_mtime
    deadline = time.monotonic() + _RELOAD_SECONDS
    while connection.execute(_IS_OLDER, (written,)).fetchone() == (True,) and time.monotonic() < deadline:
        connection.execute("SELECT pg_reload_conf()")
        time.sleep(_POLL_SECONDS)


def reset_options(data: Path, programs: Programs) -> str:
    """Options for a start in which the present user of the machine, and nobody else, is the administrator.

    For passwords that are lost, or that a restored copy does not have yet.
    """
    user = pwd.getpwuid(os.geteuid()).pw_name
    rules = f"local all {Login.ADMINISTRATOR} peer map=zakhira\n"
    _write(data / _RESET_RULES, rules, programs)
    _write(data / _RESET_NAMES, f'zakhira "{user}" {Login.ADMINISTRATOR}\n', programs)
    return f'-c "hba_file={data / _RESET_RULES}" -c "ident_file={data / _RESET_NAMES}"'


def was_entered(data: Path) -> bool:
    """Whether the server was last started with :func:`reset_options`; raises FileNotFoundError if it never was.

    PostgreSQL keeps the options of its start in a file beside the data.
    """
    return _RESET_RULES in (data / "postmaster.opts").read_text()


def clear_reset(data: Path) -> None:
    """Remove what :func:`reset_options` wrote."""
    for name in (_RESET_RULES, _RESET_NAMES):
        (data / name).unlink(missing_ok=True)


def _write(path: Path, text: str, programs: Programs) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.chmod(0o600)
    if programs.uid is not None and programs.gid is not None:
        os.chown(fresh, programs.uid, programs.gid)
    fresh.replace(path)
