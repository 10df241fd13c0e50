"""What the commands of the database answer: tables for a person, the same facts for a machine."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.backing_up import BaseBackup, read_bases
from zakhira.adapters.postgres.restoring import Target
from zakhira.adapters.postgres.role_check import RoleState, read_roles
from zakhira.adapters.postgres.schema import Migration, load_migrations, pending
from zakhira.cli.answer import Answer, Table, Word
from zakhira.controls.chain.audit import ChainHead
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import ZakhiraError
from zakhira.kernel.interval import utc_text
from zakhira.wiring.amount_text import counted
from zakhira.wiring.database import version_text

_MEGABYTE = 1_000_000
_NEWEST = "SELECT key, written_at FROM zakhira.audit ORDER BY sequence DESC LIMIT 1"
_ARCHIVER = "SELECT last_archived_wal, last_archived_time, last_failed_wal, last_failed_time FROM pg_stat_archiver"


@dataclass(frozen=True)
class RestoreFindings:
    """What a restored database holds."""

    head: ChainHead
    unsealed: int
    newest_key: str
    newest_at: datetime | None
    breaks: tuple[str, ...]


@dataclass(frozen=True)
class DatabaseFacts:
    """How a database stands. What the login may not see is None."""

    server: int
    is_own: bool
    schema: int
    pending: tuple[Migration, ...]
    roles: tuple[RoleState, ...]
    size_bytes: int
    newest: tuple[str, datetime | None] | None
    head: ChainHead | None
    unsealed: int | None
    archive: Path | None
    """where the embedded server keeps its log; None: it keeps none"""
    archive_fault: str
    last_backup: BaseBackup | None
    backup_fault: str


def read_facts(connection: Connection[TupleRow], *, is_own: bool) -> DatabaseFacts:
    """Look at everything; raises SchemaTooNew and SchemaAltered."""
    migrations = load_migrations()
    due = pending(connection, migrations)
    newest, head, unsealed = None, None, None
    if not due:
        row = connection.execute(_NEWEST).fetchone()
        newest = ("", None) if row is None else (str(row[0]), row[1])
        head = ChainHead(*_row(connection, "SELECT position, encode(hash, 'hex') FROM zakhira.audit_head"))
        unsealed = int(_row(connection, "SELECT count(*) FROM zakhira.unsealed")[0])
    archive, archive_fault = _archive(connection) if is_own else (None, "")
    last, backup_fault = _last_backup(archive)
    return DatabaseFacts(
        connection.info.server_version,
        is_own,
        len(migrations) - len(due),
        due,
        read_roles(connection),
        int(_row(connection, "SELECT pg_database_size(current_database())")[0]),
        newest,
        head,
        unsealed,
        archive,
        archive_fault,
        last,
        backup_fault,
    )


def status_answer(where: str, facts: DatabaseFacts) -> Answer:
    """How it stands; no where something must be done."""
    faulty = [role for role in facts.roles if role.faults]
    faults = [*(f"{role.name}: {fault}" for role in faulty for fault in role.faults)]
    faults += [f"{one.name} is pending" for one in facts.pending]
    faults += [fault for fault in (facts.archive_fault, facts.backup_fault) if fault]
    newest = "nothing yet" if facts.newest is None or not facts.newest[0] else _newest_text(facts.newest)
    rows = (
        ("server", f"{version_text(facts.server)}, {'embedded' if facts.is_own else 'of your own'}"),
        (
            "schema",
            f"version {facts.schema}" + (f", {counted(len(facts.pending), 'migration')} pending" * bool(facts.pending)),
        ),
        ("size", f"{facts.size_bytes / _MEGABYTE:,.1f} MB"),
        ("newest write", newest),
        ("chain", "-" if facts.head is None else f"{facts.head.position:,} sealed, up to {facts.head.hash[:16]}..."),
        ("not sealed yet", "-" if facts.unsealed is None else f"{facts.unsealed:,}"),
        ("last backup", _backup_text(facts)),
    )
    roles = tuple(
        (role.name, "✗ " + "; ".join(role.faults) if role.faults else "✓ as it should be") for role in facts.roles
    )
    sentence = f"The database of {where}: " + ("; ".join(faults) + "." if faults else "everything is as it should be.")
    mends = [mend for role in facts.roles for mend in role.mends]
    tables = [Table("Database", ("", ""), rows), Table("Roles", ("role", "state"), roles)]
    if mends:
        tables.append(Table("For an administrator to run in this database", ("",), tuple((one,) for one in mends)))
    return Answer(
        tuple(tables),
        {**_status_json(facts), "where": where, "faults": list(faults), "mends": list(mends)},
        sentence,
        Word.NO if faults else Word.YES,
    )


def made_answer(where: str, due: tuple[Migration, ...], *, new_passwords: bool, dry_run: bool) -> Answer:
    """Database, roles and schema are there."""
    done = [f"{counted(len(due), 'migration')} {'pending' if dry_run else 'applied'}"] if due else []
    if new_passwords:
        done.append("new passwords" + (" to be set" if dry_run else " set"))
    what = " and ".join(done) or "nothing to do"
    facts: dict[str, Json] = {
        "where": where,
        "dry_run": dry_run,
        "migrations": [one.name for one in due],
        "new_passwords": new_passwords,
    }
    return Answer((), facts, f"{'Dry run, the' if dry_run else 'The'} database of {where}: {what}.")


def migrated_answer(where: str, due: tuple[Migration, ...], *, dry_run: bool) -> Answer:
    """What was, or would be, applied."""
    verb = "would apply" if dry_run else "applied"
    rows = tuple((str(one.version), one.name, one.digest[:16]) for one in due)
    tables = (Table("Migrations", ("version", "name", "sha256"), rows, right=(0,)),) if due else ()
    facts: dict[str, Json] = {"where": where, "dry_run": dry_run, "migrations": [one.name for one in due]}
    told = f"{verb} {counted(len(due), 'migration')}" if due else "the schema is up to date"
    return Answer(tables, facts, f"{'Dry run, ' if dry_run else ''}{where}: {told}.")


def backup_answer(where: str, to: Path, made: BaseBackup | None, *, archives: bool, dry_run: bool) -> Answer:
    """The copy, and whether the log is kept from now on."""
    facts: dict[str, Json] = {"where": where, "dry_run": dry_run, "to": str(to), "archives": archives}
    if made is None:
        return Answer((), facts, f"Dry run: would copy the database of {where} into {to} and keep its log there.")
    facts |= _base_json(made)
    kept = (
        "Its log is kept there from now on."
        if archives
        else "It is kept from the next start of the server on: another command uses it now. Back up once more then."
    )
    rows = (
        ("copy", made.name),
        ("whole at", made.ended_at),
        ("size", f"{made.size_bytes / _MEGABYTE:,.1f} MB"),
        ("chain", f"{made.position:,} sealed, up to {made.hash[:16]}..."),
    )
    sentence = f"Copied the database of {where} into {to}; each file was held against its checksum. {kept}"
    return Answer((Table("Backup", ("", ""), rows),), facts, sentence, Word.YES if archives else Word.UNKNOWN)


def restored_answer(to: Path, target: Target, base: BaseBackup, found: RestoreFindings | None) -> Answer:
    """What was restored and whether it holds."""
    until = f"the write {target.key}" if target.key else "its end" if target.at is None else target.at.isoformat()
    facts: dict[str, Json] = {"to": str(to), "until": until, "dry_run": found is None, **_base_json(base)}
    if found is None:
        return Answer((), facts, f"Dry run: would restore the backup up to {until} into {to}.")
    newest = (found.newest_key, found.newest_at)
    facts |= {
        "position": found.head.position,
        "hash": found.head.hash,
        "unsealed": found.unsealed,
        "newest_write": found.newest_key,
        "breaks": list(found.breaks),
    }
    rows = (
        ("from the copy", base.name),
        ("newest write", _newest_text(newest) if found.newest_key else "nothing"),
        ("chain", f"{found.head.position:,} sealed, up to {found.head.hash[:16]}..."),
        ("not sealed yet", f"{found.unsealed:,}"),
    )
    holds = "everything in it holds" if not found.breaks else f"it has {counted(len(found.breaks), 'break')}"
    tables = [Table("Restored", ("", ""), rows)]
    if found.breaks:
        tables.append(Table("Breaks", ("",), tuple((one,) for one in found.breaks)))
    sentence = f"Restored up to {until} into {to} with new passwords: {holds}. See it with: zakhira db status {to}"
    return Answer(tuple(tables), facts, sentence, Word.NO if found.breaks else Word.YES)


def verified_answer(where: str, head: ChainHead, breaks: tuple[str, ...], copy: BaseBackup | None) -> Answer:
    """Every break, or that there is none."""
    facts: dict[str, Json] = {
        "where": where,
        "position": head.position,
        "hash": head.hash,
        "breaks": list(breaks),
        "backup": None if copy is None else copy.name,
    }
    tables = (Table("Breaks", ("",), tuple((one,) for one in breaks)),) if breaks else ()
    told = counted(len(breaks), "break") if breaks else "chain, balances, lots and backing hold"
    also = "" if copy is None else f" The copy {copy.name} verifies."
    sentence = f"{where}: {counted(head.position, 'write')} sealed; {told}.{also}"
    return Answer(tables, facts, sentence, Word.NO if breaks else Word.YES)


def _archive(connection: Connection[TupleRow]) -> tuple[Path | None, str]:
    mode, command = _row(connection, "SELECT current_setting('archive_mode'), current_setting('archive_command')")
    words = shlex.split(str(command)) if command and str(command).startswith("if test -f ") else []
    folder = Path(words[3].replace("%%", "%").removesuffix(".gz;")).parent.parent if words else None
    if folder is None:
        return None, ""
    if mode != "on":
        return folder, "the log is archived from the next start of the server on"
    _, archived_at, failed, failed_at = _row(connection, _ARCHIVER)
    if failed is not None and (archived_at is None or failed_at > archived_at):
        return folder, f"the log is not archived: {failed} failed at {utc_text(failed_at.astimezone(UTC))}"
    return folder, ""


def _last_backup(archive: Path | None) -> tuple[BaseBackup | None, str]:
    if archive is None:
        return None, ""
    try:
        return read_bases(archive)[-1], ""
    except ZakhiraError as error:
        return None, error.message.rstrip(".")


def _backup_text(facts: DatabaseFacts) -> str:
    if not facts.is_own:
        return "by the server's own means"
    if facts.last_backup is None:
        return "never: zakhira db backup DIR --to FOLDER"
    return f"{facts.last_backup.ended_at} in {facts.archive}"


def _newest_text(newest: tuple[str, datetime | None]) -> str:
    key, at = newest
    return key if at is None else f"{key} at {utc_text(at.astimezone(UTC))}"


def _status_json(facts: DatabaseFacts) -> dict[str, Json]:
    return {
        "server": facts.server,
        "is_embedded": facts.is_own,
        "schema": facts.schema,
        "pending": [one.name for one in facts.pending],
        "roles": {role.name: list(role.faults) for role in facts.roles},
        "size_bytes": facts.size_bytes,
        "newest_write": None if facts.newest is None else facts.newest[0],
        "position": None if facts.head is None else facts.head.position,
        "hash": None if facts.head is None else facts.head.hash,
        "unsealed": facts.unsealed,
        "archive": None if facts.archive is None else str(facts.archive),
        "last_backup": None if facts.last_backup is None else _base_json(facts.last_backup),
    }


def _base_json(base: BaseBackup) -> dict[str, Json]:
    return {
        "copy": base.name,
        "ended_at": base.ended_at,
        "size_bytes": base.size_bytes,
        "position": base.position,
        "hash": base.hash,
    }


def _row(connection: Connection[TupleRow], question: str) -> TupleRow:
    row = connection.execute(question.encode()).fetchone()
    assert row is not None, "the question always has an answer"
    return row
