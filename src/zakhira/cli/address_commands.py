"""The commands about addresses of vaults, and labels."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from zakhira.cli.answering import FOLDER, JSON, answer_with
from zakhira.cli.custody_options import BY, DATE, DRY_RUN, RESERVE, day_of
from zakhira.cli.custody_services import AddressOrder
from zakhira.cli.services import Services

MAX_PAYOUTS = 10_000
_RESERVE = "Example: zakhira address reserve out/reserve intake --payer 'Pool A' --purpose royalty --expect '0.5 BTC'"


@click.group(epilog=_RESERVE)
def address() -> None:
    """Addresses of vaults: reserved for a payer and a purpose, and listed."""


@address.command(epilog=_RESERVE)
@RESERVE
@click.argument("vault", metavar="VAULT")
@click.option("--payer", required=True, metavar="NAME", help="Who will pay.")
@click.option("--purpose", required=True, metavar="TEXT", help="What for: it goes into the books.")
@click.option("--expect", default="", metavar="AMOUNT", help="The amount, with its unit: '0.5 BTC' or '500 sat'.")
@click.option("--hold-until", type=DATE, metavar="DATE", help="The coins may not be spent before this day.")
@click.option("--renew-after", type=click.IntRange(0, MAX_PAYOUTS), default=0, metavar="N", help="A new one after N.")
@click.option("--key", default="", metavar="TEXT", help="The same key gives the same address again.")
@click.option("--purchase", "deal_kind", flag_value="purchase", help="Bought: give counterparty, price and order.")
@click.option("--forfeiture", "deal_kind", flag_value="forfeiture", help="Forfeited: give counterparty and case.")
@click.option("--counterparty", default="", metavar="NAME", help="Who sells, or from whom it was forfeited.")
@click.option("--price", default="", metavar="AMOUNT", help="What is paid for it, with its unit: '30250 USD'.")
@click.option("--number", default="", metavar="TEXT", help="Number of the order or of the case.")
@click.option("--on", type=DATE, metavar="DATE", help="Day of the order or of the judgment.")
@click.option("--qr", type=FOLDER, metavar="FOLDER", help="Write the address as a QR code (SVG) into this folder.")
@BY
@DRY_RUN
@JSON
@click.pass_obj
def reserve(
    services: Services,
    folder: Path,
    vault: str,
    payer: str,
    purpose: str,
    expect: str,
    hold_until: dt.datetime | None,
    renew_after: int,
    key: str,
    deal_kind: str | None,
    counterparty: str,
    price: str,
    number: str,
    on: dt.datetime | None,
    qr: Path | None,
    by: str,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Reserve an address of VAULT for one payer and one purpose.

    It is shown only if the node, rust-bitcoin and embit derive it alike, and only once every key has test-signed.
    """
    order = AddressOrder(
        folder=folder,
        vault=vault,
        payer=payer,
        purpose=purpose,
        by=by,
        key=key,
        expect=expect,
        hold_until=day_of(hold_until),
        renew_after=renew_after,
        deal_kind=deal_kind or "",
        counterparty=counterparty,
        price=price,
        number=number,
        on=day_of(on),
        qr=qr,
    )
    answer_with(lambda: services.addresses.reserve(order, dry_run=dry_run), as_json=as_json)


@address.command(name="list", epilog="Example: zakhira address list out/reserve --vault intake")
@RESERVE
@click.option("--vault", default="", metavar="VAULT", help="Of this vault alone.")
@JSON
@click.pass_obj
def list_(services: Services, folder: Path, vault: str, *, as_json: bool) -> None:
    """List the addresses that were reserved in DIR, with what each has received."""
    answer_with(lambda: services.addresses.list(folder, vault), as_json=as_json)


@click.group(epilog="Example: zakhira labels export out/reserve labels.jsonl")
def labels() -> None:
    """Labels of addresses and coins in the form of BIP-329, which other wallets read and write."""


@labels.command(epilog="Example: zakhira labels export out/reserve labels.jsonl")
@RESERVE
@click.argument("file", type=FOLDER, metavar="FILE")
@DRY_RUN
@JSON
@click.pass_obj
def export(services: Services, folder: Path, file: Path, *, dry_run: bool, as_json: bool) -> None:
    """Write the labels of DIR into FILE, one JSON line each."""
    answer_with(lambda: services.addresses.export_labels(folder, file, dry_run=dry_run), as_json=as_json)


@labels.command(name="import", epilog="Example: zakhira labels import out/reserve labels.jsonl")
@RESERVE
@click.argument("file", type=FOLDER, metavar="FILE")
@BY
@DRY_RUN
@JSON
@click.pass_obj
def import_(services: Services, folder: Path, file: Path, by: str, *, dry_run: bool, as_json: bool) -> None:
    """Take the labels of FILE into DIR."""
    answer_with(lambda: services.addresses.import_labels(folder, file, by, dry_run=dry_run), as_json=as_json)
