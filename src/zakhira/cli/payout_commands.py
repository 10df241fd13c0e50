"""The commands of payouts: a campaign, a batch that is checked, approved, executed by a second person, and stopped."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from zakhira.cli.answer import Answer
from zakhira.cli.answering import FOLDER, JSON, answer_with
from zakhira.cli.custody_options import DATE, DRY_RUN, RESERVE, ask_passphrase, day_of
from zakhira.cli.payout_services import BatchOrder, ExecuteOrder, PayoutWord, PrepareOrder
from zakhira.cli.services import Services
from zakhira.cli.terminal import progress_bars

_KEY = click.option("--key", type=FOLDER, required=True, metavar="FILE", help="Your officer's key file.")
_PAYOUT = click.argument("payout_id", metavar="ID")
_OF = click.argument("payout_id", metavar="[ID]", default="")
_FILE = click.argument("file", type=FOLDER, metavar="FILE")
_CAMPAIGN = click.option("--campaign", required=True, metavar="ID", help="The campaign that pays.")
_ENCODING = click.option(
    "--encoding",
    default="",
    type=click.Choice(["", "utf-8", "utf-16", "latin-1", "cp1252"]),
    help="How FILE is written; untold, UTF-8, or UTF-16 with a mark in front.",
)
_TREASURER = "--key out/reserve/keys/officer-treasury-1.key"
_AUDITOR = "--key out/reserve/keys/officer-auditor-1.key"
_COMPTROLLER = "--key out/reserve/keys/officer-comptroller-1.key"
_PREPARE = (
    "Example: zakhira payout prepare out/reserve stipend-2026-03 march.csv --campaign stipend-2026 "
    f'--source "minute 14/2026" {_TREASURER}'
)
_EXECUTE = (
    'Example: zakhira payout execute out/reserve stipend-2026-03 --total "620000 PKR" '
    f'--source "minute 14/2026" {_AUDITOR}'
)
_SPENDS = (
    'Example: zakhira payout spends out/reserve royalty-2026-03 --fee-limit "50000 sat" --rate-limit 20 ' + _TREASURER
)
_ORDER = f"Example: zakhira payout order out/reserve payroll-2026-03 --on 2026-03-31 --out orders {_TREASURER}"
_STOP = f'Example: zakhira payout stop out/reserve {_AUDITOR} --reason "payee 3 called"'


@click.group(epilog=_PREPARE)
def payout() -> None:
    """Pay many at once: amounts with their units, approvals, a second person, parts, and a stop for everybody.

    A campaign says what may be paid and fills a fund; a payout is one batch of it. docs/payouts.md tells the whole way.
    """


@payout.command(epilog=f"Example: zakhira payout campaign out/reserve stipend.toml {_TREASURER}")
@RESERVE
@_FILE
@_KEY
@DRY_RUN
@JSON
@click.pass_obj
def campaign(services: Services, folder: Path, file: Path, key: Path, *, dry_run: bool, as_json: bool) -> None:
    """Put the campaign of FILE (TOML) forward in DIR: its asset, budget, limits and range; officers approve it."""
    answer_with(lambda: services.payouts.campaign(folder, file, key, ask_passphrase, dry_run=dry_run), as_json=as_json)


@payout.command(epilog="Example: zakhira payout check out/reserve march.csv --campaign stipend-2026")
@RESERVE
@_FILE
@_CAMPAIGN
@_ENCODING
@JSON
@click.pass_obj
def check(services: Services, folder: Path, file: Path, campaign: str, encoding: str, *, as_json: bool) -> None:
    """Hold FILE (CSV or JSON) against its campaign in DIR: every fault with line and column; nothing is written."""
    order = BatchOrder(folder, campaign, file, encoding)
    answer_with(lambda: services.payouts.check(order), as_json=as_json)


@payout.command(epilog=_PREPARE)
@RESERVE
@_PAYOUT
@_FILE
@_CAMPAIGN
@click.option("--source", required=True, metavar="TEXT", help="The document that the batch was made from.")
@_KEY
@_ENCODING
@DRY_RUN
@JSON
@click.pass_obj
def prepare(
    services: Services,
    folder: Path,
    payout_id: str,
    file: Path,
    campaign: str,
    source: str,
    key: Path,
    encoding: str,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Check the batch of FILE and put it forward in DIR as payout ID, signed; one bad row, and nothing is done."""
    order = PrepareOrder(BatchOrder(folder, campaign, file, encoding), payout_id, source, key)
    answer_with(lambda: services.payouts.prepare(order, ask_passphrase, dry_run=dry_run), as_json=as_json)


@payout.command(epilog=f"Example: zakhira payout approve out/reserve stipend-2026-03 {_COMPTROLLER}")
@RESERVE
@_PAYOUT
@_KEY
@click.option("--reject", "reason", default="", metavar="REASON", help="Say no, and why.")
@DRY_RUN
@JSON
@click.pass_obj
def approve(
    services: Services, folder: Path, payout_id: str, key: Path, reason: str, *, dry_run: bool, as_json: bool
) -> None:
    """Say yes, signed, to the campaign or payout ID of DIR: to exactly its terms or rows, by their hash."""
    word = PayoutWord(folder, payout_id, key, reason)
    answer_with(lambda: services.payouts.approve(word, ask_passphrase, dry_run=dry_run), as_json=as_json)


@payout.command(epilog=_EXECUTE)
@RESERVE
@_PAYOUT
@_KEY
@click.option("--total", default="", metavar="AMOUNT", help="The total with its unit, as the source document says it.")
@click.option("--source", default="", metavar="TEXT", help="The document that you read it in.")
@click.option("--all-parts", is_flag=True, help="Go on until the last part, or until the campaign makes you wait.")
@DRY_RUN
@JSON
@click.pass_obj
def execute(
    services: Services,
    folder: Path,
    payout_id: str,
    key: Path,
    total: str,
    source: str,
    *,
    all_parts: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Enter the total of payout ID again, as the second person, and let its first part out; then part by part.

    Nothing here shows the total: read it in the source document. What is entered is recorded, so that --total goes with
    no --dry-run. Parts are one in a hundred rows, one in ten, the rest.
    """
    order = ExecuteOrder(folder, payout_id, key, total, source, all_parts)

    def make() -> Answer:
        with progress_bars(quiet=as_json) as progress:
            return services.payouts.execute(order, ask_passphrase, progress, dry_run=dry_run)

    answer_with(make, as_json=as_json)


@payout.command(epilog=_SPENDS)
@RESERVE
@_PAYOUT
@_KEY
@click.option("--fee-limit", required=True, metavar="AMOUNT", help="The most that each transaction may pay as a fee.")
@click.option("--rate-limit", type=click.IntRange(1), required=True, metavar="N", help="The most, in sat per vbyte.")
@DRY_RUN
@JSON
@click.pass_obj
def spends(
    services: Services,
    folder: Path,
    payout_id: str,
    key: Path,
    fee_limit: str,
    rate_limit: int,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Propose the spends of the parts of ID that are out and paid in coin; their approvals are their own."""
    word = PayoutWord(folder, payout_id, key)
    answer_with(
        lambda: services.payouts.spends(word, fee_limit, rate_limit, ask_passphrase, dry_run=dry_run), as_json=as_json
    )


@payout.command(epilog=_ORDER)
@RESERVE
@_PAYOUT
@_KEY
@click.option("--on", "day", type=DATE, required=True, help="The day on which the bank shall pay: YYYY-MM-DD.")
@click.option("--out", type=FOLDER, required=True, metavar="FOLDER", help="Where the orders are written.")
@DRY_RUN
@JSON
@click.pass_obj
def order(
    services: Services,
    folder: Path,
    payout_id: str,
    key: Path,
    day: dt.datetime,
    out: Path,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Write a bank's order (ISO 20022 pain.001) for each part of ID that is out; a part is ordered once, for one day.

    The SHA-256 of each file is recorded and shown: whoever hands the file to the bank compares it (sha256sum).
    """
    word = PayoutWord(folder, payout_id, key)
    date = day_of(day)
    assert date is not None, "it is required"
    answer_with(lambda: services.payouts.order(word, date, out, ask_passphrase, dry_run=dry_run), as_json=as_json)


@payout.command(epilog=f"Example: zakhira payout answer out/reserve payroll-2026-03 pain002.xml {_AUDITOR}")
@RESERVE
@_PAYOUT
@_FILE
@_KEY
@DRY_RUN
@JSON
@click.pass_obj
def answer(
    services: Services, folder: Path, payout_id: str, file: Path, key: Path, *, dry_run: bool, as_json: bool
) -> None:
    """Take a bank's answer (ISO 20022 pain.002) to an order of ID: what it does not pay goes back into the fund.

    An officer other than the preparer signs for the file; nothing that a statement shows as paid comes back.
    """
    word = PayoutWord(folder, payout_id, key)
    answer_with(lambda: services.payouts.answer(word, file, ask_passphrase, dry_run=dry_run), as_json=as_json)


@payout.command(epilog=_STOP)
@RESERVE
@_OF
@_KEY
@click.option("--reason", required=True, metavar="TEXT", help="Why.")
@DRY_RUN
@JSON
@click.pass_obj
def stop(
    services: Services, folder: Path, payout_id: str, key: Path, reason: str, *, dry_run: bool, as_json: bool
) -> None:
    """Stop payout ID of DIR, or all payouts, at once: any officer can. A quorum lets them go on."""
    word = PayoutWord(folder, payout_id, key, reason)
    answer_with(lambda: services.payouts.stop(word, ask_passphrase, dry_run=dry_run), as_json=as_json)


@payout.command(epilog=f"Example: zakhira payout resume out/reserve {_TREASURER}")
@RESERVE
@_OF
@_KEY
@DRY_RUN
@JSON
@click.pass_obj
def resume(services: Services, folder: Path, payout_id: str, key: Path, *, dry_run: bool, as_json: bool) -> None:
    """Put the end of a stop forward, or say yes to it: of payout ID, or of all."""
    word = PayoutWord(folder, payout_id, key)
    answer_with(lambda: services.payouts.resume(word, ask_passphrase, dry_run=dry_run), as_json=as_json)


@payout.command(epilog="Example: zakhira payout status out/reserve")
@RESERVE
@_OF
@JSON
@click.pass_obj
def status(services: Services, folder: Path, payout_id: str, *, as_json: bool) -> None:
    """Show campaigns, what is left in their funds, payouts and stops of DIR; or payout ID with its rows.

    Of a payout that waits for its second person neither total nor rows are shown.
    """
    answer_with(lambda: services.payouts.status(folder, payout_id), as_json=as_json)
