"""The commands of the database: made, migrated, looked at, backed up, restored, verified."""

from __future__ import annotations

from pathlib import Path

import click

from zakhira.cli.answer import Answer
from zakhira.cli.answering import FOLDER, JSON, answer_with
from zakhira.cli.custody_options import DRY_RUN
from zakhira.cli.db_services import RestoreOrder
from zakhira.cli.services import Services
from zakhira.cli.terminal import progress_bars

_STATUS = "Example: zakhira db status out/reserve"
_BACKUP = "Example: zakhira db backup out/reserve --to out/backup"
_RESTORE = "Example: zakhira db restore out/backup --to out/restored --until 2026-11-28T12:00:00Z"
_WHERE = click.argument("folder", type=FOLDER, metavar="[DIR]", required=False)


@click.group(epilog=_STATUS)
def db() -> None:
    """The database of the reserve in DIR, or the one that ZAKHIRA_DATABASE_URL names."""


@db.command(epilog="Example: zakhira db init out/reserve")
@_WHERE
@click.option("--new-passwords", is_flag=True, help="Set a new password for each login of the embedded server.")
@DRY_RUN
@JSON
@click.pass_obj
def init(services: Services, folder: Path | None, *, new_passwords: bool, dry_run: bool, as_json: bool) -> None:
    """Make database, roles and schema where they are not there; safe to repeat.

    With --new-passwords whatever password files were lost or seen are worth nothing afterwards. Let no other command
    run meanwhile: the server is stopped for it.
    """
    make = lambda: services.database.init(folder, new_passwords=new_passwords, dry_run=dry_run)  # noqa: E731
    answer_with(make, as_json=as_json)


@db.command(epilog="Example: zakhira db migrate out/reserve --dry-run")
@_WHERE
@DRY_RUN
@JSON
@click.pass_obj
def migrate(services: Services, folder: Path | None, *, dry_run: bool, as_json: bool) -> None:
    """Bring the schema up to date: all that is pending in one transaction, or nothing.

    On a server of your own it works as the login of ZAKHIRA_DATABASE_OWNER_URL, and else of ZAKHIRA_DATABASE_URL.
    """
    answer_with(lambda: services.database.migrate(folder, dry_run=dry_run), as_json=as_json)


@db.command(epilog=_STATUS)
@_WHERE
@JSON
@click.pass_obj
def status(services: Services, folder: Path | None, *, as_json: bool) -> None:
    """Say how the database stands: versions, roles, size, newest write, chain, last backup.

    The answer is no where a migration is pending, a role is not as it should be, or the log is not archived.
    """
    answer_with(lambda: services.database.status(folder), as_json=as_json)


@db.command(epilog=_BACKUP)
@_WHERE
@click.option("--to", type=FOLDER, required=True, help="The backup's folder; a further copy is added to it.")
@DRY_RUN
@JSON
@click.pass_obj
def backup(services: Services, folder: Path | None, to: Path, *, dry_run: bool, as_json: bool) -> None:
    """Copy the whole database while it works, verify the copy, and keep the log of what follows in the same folder.

    With the log the database can be restored as of any instant after the copy. The first backup begins to keep it, and
    starts the server anew for that if nobody else uses it. Passwords are not in it: a restored database gets new ones.
    """

    def act() -> Answer:
        with progress_bars(quiet=as_json) as progress:
            return services.database.backup(folder, to, progress, dry_run=dry_run)

    answer_with(act, as_json=as_json)


@db.command(epilog=_RESTORE)
@click.argument("backup", type=FOLDER)
@click.option("--to", type=FOLDER, required=True, help="A folder that is not there yet; it becomes a reserve's.")
@click.option("--until", default="", metavar="TIME", help="Up to this instant (UTC, like 2026-11-28T12:00:00Z).")
@click.option("--until-write", default="", metavar="KEY", help="Up to this write, which becomes the last one.")
@DRY_RUN
@JSON
@click.pass_obj
def restore(
    services: Services, backup: Path, to: Path, until: str, until_write: str, *, dry_run: bool, as_json: bool
) -> None:
    """Make a reserve's folder from BACKUP, up to its end, an instant or a write, and verify everything in it.

    Nothing that is there is touched: what was restored takes the place of the other when you move it there.
    """
    if until and until_write:
        raise click.UsageError("Give --until or --until-write, not both.")
    order = RestoreOrder(backup, to, until, until_write)

    def act() -> Answer:
        with progress_bars(quiet=as_json) as progress:
            return services.database.restore(order, progress, dry_run=dry_run)

    answer_with(act, as_json=as_json)


@db.command(epilog="Example: zakhira db verify out/reserve --backup out/backup")
@_WHERE
@click.option("--backup", type=FOLDER, help="Also each file of this backup's newest copy against its checksum.")
@JSON
@click.pass_obj
def verify(services: Services, folder: Path | None, backup: Path | None, *, as_json: bool) -> None:
    """Compute everything in the database anew: chain, balances, lots, backing; the answer names every break."""

    def act() -> Answer:
        with progress_bars(quiet=as_json) as progress:
            return services.database.verify(folder, backup, progress)

    answer_with(act, as_json=as_json)
