"""The commands about coins in suspense: listed, and given a purpose by two officers."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from zakhira.cli.answering import FOLDER, JSON, answer_with
from zakhira.cli.custody_options import DATE, DRY_RUN, RESERVE, ask_passphrase, day_of
from zakhira.cli.custody_services import SettleOrder
from zakhira.cli.services import Services

_SETTLE = (
    'Example: zakhira reserve settle out/reserve TXID:0 --payer "Pool A" --purpose royalty '
    '--reason "paid to the old address, letter 12" --key out/reserve/keys/officer-treasury-1.key '
    "--key out/reserve/keys/officer-comptroller-1.key"
)


@click.command(epilog="Example: zakhira reserve suspense out/reserve")
@RESERVE
@JSON
@click.pass_obj
def suspense(services: Services, folder: Path, *, as_json: bool) -> None:
    """List the coins of DIR that nobody announced: they stay where they are until two officers settle them."""
    answer_with(lambda: services.reserves.suspense(folder), as_json=as_json)


@click.command(epilog=_SETTLE)
@RESERVE
@click.argument("outpoint", metavar="TXID:N")
@click.option("--payer", required=True, help="Who paid it.")
@click.option("--purpose", required=True, help="What it is for, as in a reservation.")
@click.option("--reason", required=True, help="Why that is certain, and where the evidence lies.")
@click.option("--hold-until", type=DATE, help="The day until which it must not be spent: YYYY-MM-DD.")
@click.option(
    "--key", "keys", type=FOLDER, multiple=True, required=True, help="An officer's key file; give two or more."
)
@click.option("--execute", "second_key", type=FOLDER, help="The second person's key file, where the rule asks for one.")
@click.option("--amount", default="", help="With --execute: the amount with its unit, as the document has it.")
@click.option("--source", default="", metavar="TEXT", help="With --execute: the document that it was read from.")
@DRY_RUN
@JSON
@click.pass_obj
def settle(
    services: Services,
    folder: Path,
    outpoint: str,
    payer: str,
    purpose: str,
    reason: str,
    hold_until: dt.datetime | None,
    keys: tuple[Path, ...],
    second_key: Path | None,
    amount: str,
    source: str,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Say what the coin TXID:N in suspense is; from then on it can be spent like any other.

    Two persons sign the statement: an officer who may propose spends and another who approves them. It cannot be
    said otherwise later. Where the policy's rule has a delay the words are kept: say the same again when it is over.
    """
    order = SettleOrder(folder, outpoint, payer, purpose, reason, keys, day_of(hold_until), second_key, amount, source)
    answer_with(lambda: services.reserves.settle(order, ask_passphrase, dry_run=dry_run), as_json=as_json)
