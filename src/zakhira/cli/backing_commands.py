"""The command that lets credits in again after a deficit."""

from __future__ import annotations

from pathlib import Path

import click

from zakhira.cli.answering import FOLDER, JSON, answer_with
from zakhira.cli.custody_options import DRY_RUN, RESERVE, ask_passphrase
from zakhira.cli.custody_services import ResumeOrder
from zakhira.cli.services import Services

_RESUME = (
    'Example: zakhira reserve resume out/reserve --because "block 812345 was orphaned, note 12" '
    "--key out/reserve/keys/officer-treasury-1.key --key out/reserve/keys/officer-comptroller-1.key"
)


@click.command(epilog=_RESUME)
@RESERVE
@click.option("--because", required=True, help="Why coins were missing, and where the evidence lies.")
@click.option(
    "--key", "keys", type=FOLDER, multiple=True, required=True, help="An officer's key file; give two or more."
)
@DRY_RUN
@JSON
@click.pass_obj
def resume(
    services: Services, folder: Path, because: str, keys: tuple[Path, ...], *, dry_run: bool, as_json: bool
) -> None:
    """Let credits to claims in again, once the coins are back that a deficit missed.

    Two persons sign it: an officer who may propose spends and another who approves them. While claims are above the
    coins behind them nobody can: the database refuses it.
    """
    order = ResumeOrder(folder, because, keys)
    answer_with(lambda: services.reserves.resume(order, ask_passphrase, dry_run=dry_run), as_json=as_json)
