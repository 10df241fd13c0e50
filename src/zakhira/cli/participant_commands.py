"""The commands of participants: opened, listed, shown, with statements, and transfers among them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from zakhira.cli.answering import FOLDER, JSON, answer_with
from zakhira.cli.custody_options import DATE, DRY_RUN, RESERVE, ask_passphrase, day_of
from zakhira.cli.ledger_commands import month_days
from zakhira.cli.ledger_services import ActOrder, ParticipantOrder, StatementOrder, TransferOrder
from zakhira.cli.services import Services

_ID = click.argument("participant_id", metavar="ID")
_OPEN = (
    'Example: zakhira participant open out/reserve --name "Amina Khan" --kind citizen --reference "file 17" '
    "--in BTC --in PKR --key out/reserve/keys/officer-treasury-1.key"
)
_TRANSFER = (
    'Example: zakhira participant transfer out/reserve p-000001 p-000002 "5000 PKR" --reason "gift" '
    '--evidence "order 3" --key out/reserve/keys/officer-treasury-1.key '
    "--key out/reserve/keys/officer-comptroller-1.key"
)


@click.group(epilog=_OPEN)
def participant() -> None:
    """Citizens, staff and licensees who hold claims in coin or rupees: accounts and statements of their own."""


@participant.command(name="open", epilog=_OPEN)
@RESERVE
@click.option("--name", required=True, metavar="TEXT", help="Who it is; the name stands in no account.")
@click.option("--kind", type=click.Choice(["citizen", "staff", "licensee"]), required=True, help="What they are to us.")
@click.option("--reference", required=True, metavar="TEXT", help="The office's file: one file, one participant.")
@click.option(
    "--in", "assets", type=click.Choice(["BTC", "PKR"]), multiple=True, required=True, help="What they hold claims in."
)
@click.option("--maturity", type=DATE, metavar="DAY", help="A certificate: the first day on which it is payable.")
@click.option("--key", type=FOLDER, required=True, metavar="FILE", help="Your officer's key file.")
@DRY_RUN
@JSON
@click.pass_obj
def open_(
    services: Services,
    folder: Path,
    name: str,
    kind: str,
    reference: str,
    assets: tuple[str, ...],
    maturity: dt.datetime | None,
    key: Path,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Give somebody the next number of the register of DIR and accounts, empty; the same again gives them back."""
    order = ParticipantOrder(folder, key, name, kind, reference, tuple(dict.fromkeys(assets)), day_of(maturity))
    answer_with(lambda: services.participants.open(order, ask_passphrase, dry_run=dry_run), as_json=as_json)


@participant.command(name="list", epilog="Example: zakhira participant list out/reserve")
@RESERVE
@JSON
@click.pass_obj
def list_(services: Services, folder: Path, *, as_json: bool) -> None:
    """List the participants of DIR by number, with what they hold."""
    answer_with(lambda: services.participants.list(folder), as_json=as_json)


@participant.command(epilog="Example: zakhira participant show out/reserve p-000001")
@RESERVE
@_ID
@JSON
@click.pass_obj
def show(services: Services, folder: Path, participant_id: str, *, as_json: bool) -> None:
    """Show one participant of DIR and their accounts."""
    answer_with(lambda: services.participants.show(folder, participant_id), as_json=as_json)


@participant.command(epilog="Example: zakhira participant statement out/reserve p-000001 --month 2026-05")
@RESERVE
@_ID
@click.option("--month", required=True, metavar="YYYY-MM", help="The month.")
@click.option("--csv", type=FOLDER, metavar="NEWFILE", help="Write every line as CSV, too.")
@JSON
@click.pass_obj
def statement(
    services: Services, folder: Path, participant_id: str, month: str, csv: Path | None, *, as_json: bool
) -> None:
    """Draw up a participant's statement of a month: opening, movements and closing of each account."""
    first, last = month_days(month)
    order = StatementOrder(folder, (), first, last, participant_id, csv)
    answer_with(lambda: services.participants.statement(order), as_json=as_json)


@participant.command(epilog=_TRANSFER)
@RESERVE
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.argument("amount", metavar="AMOUNT")
@click.option("--day", type=DATE, metavar="DAY", help="When it happened; else today.")
@click.option("--reason", required=True, metavar="TEXT", help="What for.")
@click.option("--evidence", required=True, metavar="TEXT", help="The order of whoever gives it.")
@click.option(
    "--key",
    "keys",
    type=FOLDER,
    multiple=True,
    required=True,
    metavar="FILE",
    help="An officer's key file; the first puts it forward, the others say yes.",
)
@DRY_RUN
@JSON
@click.pass_obj
def transfer(
    services: Services,
    folder: Path,
    source: str,
    target: str,
    amount: str,
    day: dt.datetime | None,
    reason: str,
    evidence: str,
    keys: tuple[Path, ...],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Move a claim of AMOUNT, with its unit, from one participant of DIR to another."""
    order = ActOrder(folder, keys, reason)
    told = TransferOrder(source, target, amount, day_of(day), evidence)
    answer_with(lambda: services.participants.transfer(order, told, ask_passphrase, dry_run=dry_run), as_json=as_json)
