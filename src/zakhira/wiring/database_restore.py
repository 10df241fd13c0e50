"""A backup becomes a reserve's folder: made beside, verified whole, and only then put in its place."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from zakhira.adapters.postgres.backing_up import read_bases
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.restoring import Restored, Target, restore
from zakhira.adapters.postgres.server import EmbeddedServer
from zakhira.cli.answer import Answer, Progress
from zakhira.cli.db_services import RestoreOrder
from zakhira.controls.chain.audit import ChainHead
from zakhira.kernel.errors import InvalidInput
from zakhira.wiring.database_answers import RestoreFindings, restored_answer
from zakhira.wiring.own_server import DATABASE
from zakhira.wiring.reserve_folder import ReserveFolder


class RestoredFolderExists(InvalidInput):
    """The folder that shall be made is there."""

    code = "ZK-WIRING-113"


class BadInstant(InvalidInput):
    """An instant is not written in ISO 8601 in UTC."""

    code = "ZK-WIRING-114"


def restore_backup(order: RestoreOrder, progress: Progress, *, dry_run: bool) -> Answer:
    """Restore into a folder that is not there yet, and compute everything in it anew.

    Raises:
        RestoredFolderExists, BadInstant: the order.
        BackupUnreadable, BackupFailed, NotInBackup, RestoreFailed: see ``adapters.postgres.restoring``.
    """
    to, backup = order.to.absolute(), order.backup.absolute()
    if to.exists() or to.is_symlink():
        raise RestoredFolderExists(f"{to} exists.", "Name a folder that is not there; nothing is ever overwritten.")
    target = Target(_instant(order.until), order.until_write)
    if dry_run:
        return restored_answer(to, target, read_bases(backup)[-1], None)
    draft = to.parent / f".{to.name}.restoring"
    EmbeddedServer.end(ReserveFolder(draft).database)  # of a restore that was killed
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        progress("Restoring", 0, 2, f"{backup}")
        done = restore(backup, ReserveFolder(draft).database, target)
        progress("Verifying", 1, 2, "everything is computed anew")
        found = _verified(done)
        _write_terms(draft, done.base.reserve)
        draft.rename(to)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    progress("Verifying", 2, 2, "done")
    return restored_answer(to, target, done.base, found)


def _verified(done: Restored) -> RestoreFindings:
    server = EmbeddedServer.start(done.data)
    try:
        server.ensure_database(DATABASE)
        with closing(PostgresBooks(server.logins(DATABASE))) as books:
            newest = books.ask(
                lambda connection: connection.execute(
                    "SELECT key, written_at FROM zakhira.audit ORDER BY sequence DESC LIMIT 1"
                ).fetchone()
            )
            head: ChainHead = books.chain_head()
            key, at = ("", None) if newest is None else newest
            return RestoreFindings(head, books.unsealed().count, key, at, books.breaks())
    finally:
        server.stop()


def _write_terms(folder: Path, text: str) -> None:
    with os.fdopen(
        os.open(ReserveFolder(folder).terms_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as out:
        out.write(text)


def _instant(text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        if found.utcoffset() == timedelta():
            return found.astimezone(UTC)
    except ValueError:
        pass
    raise BadInstant(
        f"{text!r} is no instant in UTC.", "Write it like 2026-11-28T12:00:00Z, to the microsecond if need be."
    )
