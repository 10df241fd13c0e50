"""The commands about keys of officers and signers."""

from __future__ import annotations

from pathlib import Path

import click

from zakhira.cli.answer import Answer
from zakhira.cli.answering import FOLDER, JSON, answer_with
from zakhira.cli.custody_options import BY, DRY_RUN, RESERVE, ask_new_passphrase, pasted
from zakhira.cli.custody_services import KeyAbout, RegisterOrder
from zakhira.cli.services import Services


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
@click.option("--signer", default="", metavar="NAME", help="FILE is a device's export: the name of its signer,")
@click.option("--holder", default="", metavar="NAME", help="... who can make it sign,")
@click.option("--role", default="signer", metavar="TEXT", help="... in which role,")
@click.option("--site", default="", metavar="NAME", help="... where the device is kept,")
@click.option("--vendor", default="", metavar="NAME", help="... who made it,")
@click.option("--device", default="", metavar="MODEL", help="... which model it is,")
@click.option("--firmware", default="", metavar="VERSION", help="... which firmware made the key,")
@click.option("--entropy", default="", metavar="SOURCE", help="... from which randomness.")
@click.option("--drill", "is_drill", is_flag=True, help="... and that it is a drill's key.")
@BY
@DRY_RUN
@JSON
@click.pass_obj
def register(
    services: Services,
    folder: Path,
    file: Path,
    signer: str,
    holder: str,
    role: str,
    site: str,
    vendor: str,
    device: str,
    firmware: str,
    entropy: str,
    by: str,
    *,
    is_drill: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Add the keys of FILE to the register of DIR, or update what is known of them; - reads what is pasted.

    FILE holds [[key]] tables, JSON, or `name: value` lines with an empty line between keys. With --signer it is what a
    device exported (Coldcard, BSMS, Specter's lines, or [fingerprint/path]xpub alone), or a picture of its QR code.
    """
    about = KeyAbout(signer, holder, role, site, vendor, device, firmware, entropy, is_drill) if signer else None

    def make() -> Answer:
        order = RegisterOrder(folder, file, pasted(file), by, about)
        return services.keys.register(order, dry_run=dry_run)

    answer_with(make, as_json=as_json)


@keys.command(name="list", epilog="Example: zakhira keys list out/reserve")
@RESERVE
@JSON
@click.pass_obj
def list_(services: Services, folder: Path, *, as_json: bool) -> None:
    """List the register of DIR, with the vaults and the last proof of life of each key."""
    answer_with(lambda: services.keys.list(folder), as_json=as_json)


@keys.command(
    name="at-risk", epilog="Example: zakhira keys at-risk out/reserve --vendor Coldcard --firmware '>=5.0 <5.4.1'"
)
@RESERVE
@click.option("--vendor", required=True, help="As the register has it, in any case.")
@click.option("--firmware", required=True, metavar="RANGE", help="Versions that the advisory names: '>=5.0 <5.4.1'.")
@click.option("--entropy", default="", metavar="SOURCE", help="The source of randomness that was weak, if it says so.")
@JSON
@click.pass_obj
def at_risk(services: Services, folder: Path, vendor: str, firmware: str, entropy: str, *, as_json: bool) -> None:
    """Say which quorums an advisory touches, how badly, and which keys to replace first.

    What counts is the firmware that made a key: a later update does not mend a key that was made weak.
    """
    answer_with(lambda: services.keys.at_risk(folder, vendor, firmware, entropy), as_json=as_json)
