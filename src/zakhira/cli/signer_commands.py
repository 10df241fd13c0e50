"""The commands of a signer's own machine: look at a spend, sign it, pass codes on, ask devices."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from zakhira.cli.answer import Answer, Word
from zakhira.cli.answering import FOLDER, JSON, answer_with
from zakhira.cli.custody_options import RESERVE, ask_passphrase
from zakhira.cli.door import tell
from zakhira.cli.services import Services
from zakhira.cli.signer_services import Knowledge, Look, SignOrder
from zakhira.cli.terminal import print_answer

PROTOCOLS = ("bbqr", "ur")
CHAINS = ("main", "test", "signet", "regtest")
MAX_VERSION = 40
_DEFAULT_VERSION = 20
MAX_INDEX = 2**31 - 1
Command = TypeVar("Command", bound=Callable[..., object])
_FILES = click.argument("files", type=FOLDER, nargs=-1, required=True, metavar="FILE...")
_FINGERPRINT = click.argument("fingerprint", metavar="FINGERPRINT")


def _known(command: Command) -> Command:
    """The options that say what this signer knows."""
    for option in (
        click.option("--officers", type=FOLDER, help="Officers and quorum alone, with --descriptor."),
        click.option("--descriptor", type=FOLDER, help="Descriptors of vaults, a line for each, with --officers."),
        click.option("--card", type=FOLDER, help="The signer card of this signer."),
    ):
        command = option(command)
    return command


def _knowledge(card: Path | None, descriptor: Path | None, officers: Path | None) -> Knowledge:
    both = descriptor is not None and officers is not None
    if (card is None) != both or (card is not None and (descriptor is not None or officers is not None)):
        raise click.UsageError("Give --card, or both --descriptor and --officers.")
    return Knowledge(card, descriptor, officers)


@click.group(epilog="Example: zakhira signer show spend-12.json --card signer-card.toml")
def signer() -> None:
    """A signer's own eyes: works with no database and no network, on another machine than the coordinator's."""


@signer.command(epilog="Example: zakhira signer card out/reserve --out signer-card.toml")
@RESERVE
@click.option("--out", type=FOLDER, required=True, help="File to write.")
@JSON
@click.pass_obj
def card(services: Services, folder: Path, out: Path, *, as_json: bool) -> None:
    """Write the card that signers of DIR are given once: chain, vaults, officers, quorum and limits.

    Bring it to the signer by hand, and compare the fingerprint by telephone: `zakhira signer show` prints it too.
    """
    answer_with(lambda: services.signers.card(folder, out), as_json=as_json)


@signer.command(epilog="Example: zakhira signer show spend-12.json --card signer-card.toml")
@_FILES
@_known
@click.option("--picture", type=FOLDER, help="Write the transaction as a picture (SVG).")
@click.option("--all", "every_output", is_flag=True, help="List every coin and output, however many.")
@JSON
@click.pass_obj
def show(
    services: Services,
    files: tuple[Path, ...],
    card: Path | None,
    descriptor: Path | None,
    officers: Path | None,
    picture: Path | None,
    *,
    every_output: bool,
    as_json: bool,
) -> None:
    """Show what the spend in FILE does: decoded here by two decoders, signatures verified, change derived anew.

    FILE is a spend file, or pictures of its QR codes: several, or a folder of them, in any order. Exit code 1 and the
    difference in words if anything disagrees.
    """
    look = Look(files, _knowledge(card, descriptor, officers), picture, every_output)
    answer_with(lambda: services.signers.show(look), as_json=as_json)


def _confirm(answer: Answer, *, yes: bool, as_json: bool) -> bool:
    """Show what was seen, and ask; the answer is no where something disagrees or nobody can be asked."""
    if not as_json:
        tell(lambda: print_answer(answer, as_json=False))
    if answer.word is not Word.YES:
        return False
    if yes or not sys.stdin.isatty():
        return yes
    return click.confirm("Is this what you mean to sign?", default=False, err=True)


@signer.command(epilog="Example: zakhira signer sign spend-12.json --card signer-card.toml --key s1.key --out s1.psbt")
@_FILES
@_known
@click.option("--key", type=FOLDER, help="Key file of a software signer: regtest and drills alone.")
@click.option("--hwi", "device", default="", metavar="FINGERPRINT", help="A device on USB: plain multisig alone.")
@click.option("--out", type=FOLDER, help="File to write the PSBT to.")
@click.option("--qr", type=FOLDER, help="Folder to write the PSBT to as QR codes.")
@click.option("--format", "protocol", type=click.Choice(PROTOCOLS), default="bbqr", help="Kind of QR codes.")
@click.option(
    "--psbt-version", type=click.Choice(("0", "2")), default="0", show_default=True, help="Of what is written."
)
@click.option("--yes", is_flag=True, help="Do not ask; for drills.")
@JSON
@click.pass_obj
def sign(
    services: Services,
    files: tuple[Path, ...],
    card: Path | None,
    descriptor: Path | None,
    officers: Path | None,
    key: Path | None,
    device: str,
    out: Path | None,
    qr: Path | None,
    protocol: str,
    psbt_version: str,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """Show the spend in FILE, ask, and sign it with --key or --hwi; without either, hand the checked PSBT to a device.

    A device without a cable takes the PSBT from --out (memory card) or --qr (camera), shows it once more on its own
    screen, and gives it back signed. The passphrase of --key is that of ZAKHIRA_PASSPHRASE, or asked for.
    """
    if key is not None and device:
        raise click.UsageError("Give --key or --hwi, not both.")
    if out is None and qr is None:
        raise click.UsageError("Give --out, --qr or both.")
    look = Look(files, _knowledge(card, descriptor, officers))
    order = SignOrder(look, key, device, out, qr, protocol, int(psbt_version))
    answer_with(
        lambda: services.signers.sign(order, lambda answer: _confirm(answer, yes=yes, as_json=as_json), ask_passphrase),
        as_json=as_json,
    )


@click.group(name="qr", epilog="Example: zakhira qr write s1.psbt out/codes --format ur")
def codes() -> None:
    """QR codes for machines that are not connected: files to animations, and back."""


@codes.command(epilog="Example: zakhira qr write s1.psbt out/codes --format ur")
@click.argument("file", type=FOLDER)
@click.argument("folder", type=FOLDER, metavar="DIR")
@click.option("--format", "protocol", type=click.Choice(PROTOCOLS), default="bbqr", help="What the device reads.")
@click.option(
    "--size",
    "version",
    type=click.IntRange(1, MAX_VERSION),
    default=_DEFAULT_VERSION,
    show_default=True,
    help="Largest QR version: smaller codes are easier to read, and more.",
)
@JSON
@click.pass_obj
def write(services: Services, file: Path, folder: Path, protocol: str, version: int, *, as_json: bool) -> None:
    """Write FILE (a PSBT, a transaction, JSON or text) into DIR as one animation and a picture for each frame."""
    answer_with(lambda: services.codes.write(file, folder, protocol, version), as_json=as_json)


@codes.command(epilog="Example: zakhira qr read photos/ --out returned.psbt")
@click.argument("pictures", type=FOLDER, nargs=-1, required=True, metavar="PICTURE...")
@click.option("--out", type=FOLDER, required=True, help="File to write what the codes carry.")
@JSON
@click.pass_obj
def read(services: Services, pictures: tuple[Path, ...], out: Path, *, as_json: bool) -> None:
    """Read the one message that PICTURES (or folders of them) carry, in any order, into a file."""
    answer_with(lambda: services.codes.read(pictures, out), as_json=as_json)


@click.group(epilog="Example: zakhira keys hwi list --chain main")
def hwi() -> None:
    """Hardware signers on USB (HWI): plain multisig alone, no miniscript and no taproot with several keys."""


_CHAIN = click.option("--chain", type=click.Choice(CHAINS), default="main", show_default=True, help="Of the keys.")


@hwi.command(name="list", epilog="Example: zakhira keys hwi list --chain main")
@_CHAIN
@JSON
@click.pass_obj
def list_(services: Services, chain: str, *, as_json: bool) -> None:
    """List the devices that are plugged in, with their fingerprints."""
    answer_with(lambda: services.devices.list(chain), as_json=as_json)


@hwi.command(epilog="Example: zakhira keys hwi xpub 0f056943 --chain main")
@_FINGERPRINT
@_CHAIN
@click.option("--path", default="", metavar="PATH", help="Where the key stands; else that of BIP-48 for multisig.")
@JSON
@click.pass_obj
def xpub(services: Services, fingerprint: str, chain: str, path: str, *, as_json: bool) -> None:
    """Ask the device for its extended public key with its origin, as the key register wants it."""
    answer_with(lambda: services.devices.key(fingerprint, chain, path), as_json=as_json)


@hwi.command(epilog="Example: zakhira keys hwi address 0f056943 --card signer-card.toml --vault cold --index 4")
@_FINGERPRINT
@_known
@click.option("--vault", required=True, metavar="VAULT", help="Of the card.")
@click.option("--change", is_flag=True, help="An address for change, not one to receive at.")
@click.option("--index", type=click.IntRange(0, MAX_INDEX), required=True, help="Which one.")
@JSON
@click.pass_obj
def address(
    services: Services,
    fingerprint: str,
    card: Path | None,
    descriptor: Path | None,
    officers: Path | None,
    vault: str,
    index: int,
    *,
    change: bool,
    as_json: bool,
) -> None:
    """Show an address of a vault on the device, and hold it against the one that is derived here."""
    known = _knowledge(card, descriptor, officers)
    answer_with(lambda: services.devices.show_address(fingerprint, known, vault, int(change), index), as_json=as_json)
