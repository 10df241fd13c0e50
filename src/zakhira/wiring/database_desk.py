"""``zakhira db``: the database made, migrated, looked at, backed up, restored and verified."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.backing_up import BASE, archive_into, make_backup_folder, read_bases, take_base
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.connecting import connect
from zakhira.adapters.postgres.copy_check import verify_copy
from zakhira.adapters.postgres.logins import Logins
from zakhira.adapters.postgres.opening import bring_up_to_date
from zakhira.adapters.postgres.programs import find_programs
from zakhira.adapters.postgres.schema import Migration, load_migrations, pending
from zakhira.adapters.postgres.server import EmbeddedServer
from zakhira.adapters.software_signer import utc_now
from zakhira.cli.answer import Answer, Progress
from zakhira.cli.db_services import RestoreOrder
from zakhira.kernel.errors import InvalidInput, OutsideFailure
from zakhira.wiring.database import given_logins
from zakhira.wiring.database_answers import (
    backup_answer,
    made_answer,
    migrated_answer,
    read_facts,
    status_answer,
    verified_answer,
)
from zakhira.wiring.database_restore import restore_backup
from zakhira.wiring.own_server import DATABASE, OwnServer, alone_with_database, own_server
from zakhira.wiring.reserve_folder import ReserveFolder, read_terms, terms_text
from zakhira.wiring.settings import Settings

Clock = Callable[[], datetime]


class NoDatabaseNamed(InvalidInput):
    """Neither a reserve's folder nor a server of the user's own was named."""

    code = "ZK-WIRING-110"


class NotOurServer(InvalidInput):
    """What is asked can be done to the embedded server alone."""

    code = "ZK-WIRING-111"


class DatabaseBusy(OutsideFailure):
    """Another command works with the database at this moment."""

    code = "ZK-WIRING-112"


@dataclass(frozen=True)
class Held:
    """A database while a command of ours works with it. ``operator`` is the login that sees all of it."""

    where: str
    logins: Logins
    operator: str
    own: OwnServer | None = None
    folder: ReserveFolder | None = None


class DatabaseDesk:
    """Implements ``cli.db_services.DatabaseServices``."""

    def __init__(self, settings: Settings, clock: Clock = utc_now) -> None:
        self._settings, self._clock = settings, clock

    def init(self, folder: Path | None, *, new_passwords: bool, dry_run: bool) -> Answer:
        """Make database, roles and schema, as far as they are not there."""
        if new_passwords:
            self._renew(folder, dry_run=dry_run)
        if dry_run:
            place = self._settings.database_url is None and self._place(folder)
            if place and not (place.database / "PG_VERSION").exists():
                return made_answer(str(place.root), load_migrations(), new_passwords=new_passwords, dry_run=True)
        with self._held(folder) as held:
            due = self._migrate(held, dry_run=dry_run)
            return made_answer(held.where, due, new_passwords=new_passwords, dry_run=dry_run)

    def migrate(self, folder: Path | None, *, dry_run: bool) -> Answer:
        """Bring the schema up to date."""
        with self._held(folder) as held:
            return migrated_answer(held.where, self._migrate(held, dry_run=dry_run), dry_run=dry_run)

    def status(self, folder: Path | None) -> Answer:
        """Versions, roles, size, newest write, chain, last backup."""
        with self._held(folder) as held, connect(held.operator, role=None) as connection:
            return status_answer(held.where, read_facts(connection, is_own=held.own is not None))

    def backup(self, folder: Path | None, to: Path, progress: Progress, *, dry_run: bool) -> Answer:
        """Copy the database, and keep its log from now on."""
        to = to.absolute()
        with self._held(folder) as held:
            own, place = self._ours(held)
            name = f"{self._clock():%Y%m%dT%H%M%SZ}"
            if dry_run:
                return backup_answer(held.where, to, None, archives=True, dry_run=True)
            self._migrate(held, dry_run=False)
            make_backup_folder(to, own.server.programs)
            archives = archive_into(own.server, to) or own.restart_if_alone()
            reserve = terms_text(read_terms(place.root)[1])

            def tell(done: float, total: float) -> None:
                progress("Copying", min(done, total), total, f"into {to}")

            made = take_base(own.server, DATABASE, to, name, reserve, tell)
        return backup_answer(held.where, to, made, archives=archives, dry_run=False)

    def restore(self, order: RestoreOrder, progress: Progress, *, dry_run: bool) -> Answer:
        """Make a reserve's folder from a backup."""
        return restore_backup(order, progress, dry_run=dry_run)

    def verify(self, folder: Path | None, backup: Path | None, progress: Progress) -> Answer:
        """Compute the database anew, and hold a backup against its checksums."""
        with self._held(folder) as held:
            with contextlib.closing(PostgresBooks(held.logins.app)) as books:
                breaks, head = books.breaks(progress=progress), books.chain_head()
            copy = None
            if backup is not None:
                copy = read_bases(backup)[-1]
                verify_copy(find_programs(backup).of_caller(), backup.absolute() / BASE / copy.name)
        return verified_answer(held.where, head, breaks, copy)

    @contextlib.contextmanager
    def _held(self, folder: Path | None) -> Iterator[Held]:
        url = self._settings.database_url
        if url is not None:
            logins = given_logins(self._settings, url)
            yield Held("the server of ZAKHIRA_DATABASE_URL", logins, logins.owner or logins.app)
            return
        place = self._place(folder)
        with own_server(place) as own:
            operator = own.server.ensure_database(DATABASE)
            yield Held(str(place.root), own.server.logins(DATABASE, follows=True), operator, own, place)

    def _place(self, folder: Path | None) -> ReserveFolder:
        if folder is None:
            raise NoDatabaseNamed(
                "No database is named.", "Give the reserve's folder, or set ZAKHIRA_DATABASE_URL to your server."
            )
        return read_terms(folder)[0]

    def _migrate(self, held: Held, *, dry_run: bool) -> tuple[Migration, ...]:
        migrations = load_migrations()

        def ask(connection: Connection[TupleRow]) -> tuple[Migration, ...]:
            return pending(connection, migrations)

        with connect(held.operator, role=None) as connection:
            due = ask(connection)
        if due and not dry_run:
            bring_up_to_date(held.logins)
        return due

    def _ours(self, held: Held) -> tuple[OwnServer, ReserveFolder]:
        if held.own is None or held.folder is None:
            raise NotOurServer(
                "A server of your own is backed up by its own means.",
                "Use pg_basebackup with an archive of its log; docs/database.md says how. pg_dump keeps one instant.",
            )
        return held.own, held.folder

    def _renew(self, folder: Path | None, *, dry_run: bool) -> None:
        if self._settings.database_url is not None:
            raise NotOurServer(
                "The passwords of a server of your own are its administrator's.", "Change them there: ALTER ROLE."
            )
        place = self._place(folder)
        with alone_with_database(place) as alone:
            if not alone:
                raise DatabaseBusy(
                    f"Another command works with the database of {place.root}.", "Wait for it, and run this again."
                )
            if not dry_run:
                EmbeddedServer.renew_passwords(place.database)
