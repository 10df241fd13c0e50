"""The commands about keys of officers and signers."""

from __future__ import annotations

from pathlib import Path

import click

from zakhira.cli.answering import FOLDER, JSON, answer_with
from zakhira.cli.custody_options import BY, DRY_RUN, RESERVE, ask_new_passphrase, pasted
from zakhira.cli.services import Answer, Services


@click.group(epilog="Example: zakhira keys list out/reserve")
def keys() -> None:
    """Keys: who holds which, where, on what device, and which of them an advisory touches."""


@keys.command(epilog="Example: zakhira keys officer officer-amina.key --id amina")
@click.argument("file", type=FOLDER, metavar="NEWFILE")
@click.option("--id", "officer", required=True, metavar="ID", help="The officer's id in the programme file.")
@DRY_RUN
@JSON
@click.pass_obj
def officer(services: Services, file: Path, officer: str, *, dry_run: bool, as_json: bool) -> None:
    """Make an officer's key in NEWFILE, encrypted, and tell the public key for the programme file.

    The passphrase is that of ZAKHIRA_PASSPHRASE, or asked for. A file is never written over.
    """
    answer_with(lambda: services.keys.officer(file, officer, ask_new_passphrase, dry_run=dry_run), as_json=as_json)


@keys.command(epilog="Example: zakhira keys register out/reserve out/reserve/keys/register.toml")
@RESERVE
@click.argument("file", type=FOLDER, metavar="FILE")
@BY
@DRY_RUN
@JSON
@click.pass_obj
def register(services: Services, folder: Path, file: Path, by: str, *, dry_run: bool, as_json: bool) -> None:
    """Add the keys of FILE to the register of DIR, or update what is known of them; - reads what is pasted.

    FILE holds [[key]] tables, JSON, or `name: value` lines with an empty line between keys, or is a device's export, a
    picture of its QR code, or what `hwi getxpub` or `hwi enumerate` wrote.
    """

    def make() -> Answer:
        return services.keys.register(folder, file, pasted(file), by, dry_run=dry_run)

    answer_with(make, as_json=as_json)


@keys.command(name="list", epilog="Example: zakhira keys list out/reserve")
@RESERVE
@JSON
@click.pass_obj
def list_(services: Services, folder: Path, *, as_json: bool) -> None:
    """List the register of DIR, with the vaults and the last proof of life of each key."""
    answer_with(lambda: services.keys.list(folder), as_json=as_json)


@keys.command(
    name="at-risk", epilog="Example: zakhira keys at-risk out/reserve --vendor Coldcard --firmware '>=5.0,<5.4.1'"
)
@RESERVE
@click.option("--vendor", required=True, help="As the register has it, in any case.")
@click.option("--device", default="", help="The model; any, if it is left out.")
@click.option("--firmware", required=True, metavar="RANGE", help="Versions that the advisory names: '>=5.0,<5.4.1'.")
@JSON
@click.pass_obj
def at_risk(services: Services, folder: Path, vendor: str, device: str, firmware: str, *, as_json: bool) -> None:
    """Say which quorums an advisory touches, how badly, and which keys to replace first.

    What counts is the firmware that made a key: a later update does not mend a key that was made weak.
    """
    answer_with(lambda: services.keys.at_risk(folder, vendor, device, firmware), as_json=as_json)
