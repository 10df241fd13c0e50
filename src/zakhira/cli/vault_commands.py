"""The commands about vaults."""

from __future__ import annotations

from pathlib import Path

import click

from zakhira.cli.answer import Answer
from zakhira.cli.answering import FOLDER, JSON, answer_with
from zakhira.cli.custody_options import BY, DRY_RUN, RESERVE, ask_passphrase
from zakhira.cli.custody_services import AcceptOrder, ChallengeOrder, ImportOrder, RotateOrder, VaultOrder
from zakhira.cli.services import Services
from zakhira.cli.terminal import progress_bars

TEMPLATES = ("sortedmulti", "decaying", "held", "taproot")
PAPERS = ("descriptor", "bitcoin-core", "wallet-policy", "bsms", "coldcard", "sparrow", "specter")
MAX_KEYS = 15
MAX_AFTER_BLOCKS = 65_535
MAX_HEIGHT = 499_999_999
MAX_TARGET = 1_008
"""A node estimates no further (Bitcoin Core, policy/fees)."""
_RATE = click.IntRange(0, 100_000)
"""No fee rate was ever a hundredth of that for long."""
_VAULT = click.argument("vault", metavar="VAULT")
_CREATE = (
    "Example: zakhira vault create out/reserve cold --purpose cold --threshold 3 --signer cold-1 --signer cold-2 "
    "--signer cold-3 --signer cold-4 --signer cold-5 --drill"
)
_ACCEPT = (
    "Example: zakhira vault accept out/reserve cold-2027 --succeeds cold --key out/reserve/keys/officer-treasury-1.key "
    '--reason "board minutes 2026-11, item 5"'
)
_DRILL = click.option("--drill", "is_drill", is_flag=True, help="Regtest only: allow any quorum; marked for ever.")


@click.group(epilog=_CREATE)
def vault() -> None:
    """Vaults of a reserve: made, tested, written out, read in, retired."""


@vault.command(epilog=_CREATE)
@RESERVE
@_VAULT
@click.option("--purpose", required=True, help="What its coins are for; coins of two purposes are never mixed.")
@click.option("--threshold", type=click.IntRange(1, MAX_KEYS), required=True, help="How many keys must sign.")
@click.option("--signer", "signers", multiple=True, required=True, help="A signer of the register; once for each.")
@click.option("--template", type=click.Choice(TEMPLATES), default="sortedmulti", show_default=True)
@click.option("--recovery-threshold", type=click.IntRange(0, MAX_KEYS), default=0, help="Keys of the recovery path.")
@click.option("--recovery-signer", "heirs", multiple=True, help="A signer of the recovery path; once for each.")
@click.option(
    "--recovery-after",
    type=click.IntRange(0, MAX_AFTER_BLOCKS),
    default=0,
    metavar="BLOCKS",
    help="Age at which coins open to the recovery path (52,560 blocks are a year).",
)
@click.option(
    "--held-until", type=click.IntRange(0, MAX_HEIGHT), default=0, metavar="HEIGHT", help="Template held: the block."
)
@_DRILL
@BY
@DRY_RUN
@JSON
@click.pass_obj
def create(
    services: Services,
    folder: Path,
    vault: str,
    purpose: str,
    threshold: int,
    signers: tuple[str, ...],
    template: str,
    recovery_threshold: int,
    heirs: tuple[str, ...],
    recovery_after: int,
    held_until: int,
    by: str,
    *,
    is_drill: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Create VAULT in the reserve DIR from keys of its register.

    Everything that speaks against it is said at once. Refused are quorums that one person, one site or one vendor could
    complete. No address is handed out before every key has test-signed.
    """
    order = VaultOrder(
        folder,
        vault,
        purpose,
        threshold,
        signers,
        template,
        by,
        recovery_threshold,
        heirs,
        recovery_after,
        held_until,
        is_drill,
    )
    answer_with(lambda: services.vaults.create(order, dry_run=dry_run), as_json=as_json)


@vault.command(epilog="Example: zakhira vault show out/reserve cold")
@RESERVE
@_VAULT
@JSON
@click.pass_obj
def show(services: Services, folder: Path, vault: str, *, as_json: bool) -> None:
    """Show VAULT: its state, keys, tests and descriptor."""
    answer_with(lambda: services.vaults.show(folder, vault), as_json=as_json)


@vault.command(name="list", epilog="Example: zakhira vault list out/reserve")
@RESERVE
@JSON
@click.pass_obj
def list_(services: Services, folder: Path, *, as_json: bool) -> None:
    """List the vaults of DIR, retired ones too."""
    answer_with(lambda: services.vaults.list(folder), as_json=as_json)


@vault.command(epilog="Example: zakhira vault export out/reserve cold --format descriptor --out cold.txt")
@RESERVE
@_VAULT
@click.option(
    "--format", "kind", default="descriptor", show_default=True, metavar="KIND", help=f"One of {', '.join(PAPERS)}."
)
@click.option("--out", type=FOLDER, default=Path(), help="File to write, or a folder for it.")
@click.option("--token", default="", metavar="HEX", help="BSMS: encrypt with this token.")
@DRY_RUN
@JSON
@click.pass_obj
def export(
    services: Services, folder: Path, vault: str, kind: str, out: Path, token: str, *, dry_run: bool, as_json: bool
) -> None:
    """Write VAULT for other programs: descriptor, wallet policy, BSMS, Sparrow, Specter, Coldcard and others."""
    answer_with(lambda: services.vaults.export(folder, vault, kind, out, token, dry_run=dry_run), as_json=as_json)


@vault.command(name="import", epilog="Example: zakhira vault import out/reserve cold.txt --as cold --purpose cold")
@RESERVE
@click.argument("file", type=FOLDER, metavar="FILE")
@click.option("--as", "vault", required=True, metavar="VAULT", help="What the vault shall be called.")
@click.option("--purpose", required=True, help="What its coins are for.")
@click.option("--token", default="", metavar="HEX", help="BSMS: the token that opens it.")
@click.option("--from-height", type=click.IntRange(0, MAX_HEIGHT), help="Look for its coins from this block on.")
@_DRILL
@BY
@DRY_RUN
@JSON
@click.pass_obj
def import_(
    services: Services,
    folder: Path,
    file: Path,
    vault: str,
    purpose: str,
    token: str,
    from_height: int | None,
    by: str,
    *,
    is_drill: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Take a vault over from FILE as another program wrote it. Its keys must be in the register, and test-sign."""
    height = -1 if from_height is None else from_height
    order = ImportOrder(folder, file, vault, purpose, by, token, height, is_drill)

    def make() -> Answer:
        with progress_bars(quiet=as_json) as progress:
            return services.vaults.import_(order, progress, dry_run=dry_run)

    answer_with(make, as_json=as_json)


@vault.command(name="test-sign", epilog="Example: zakhira vault test-sign out/reserve cold --out cold-test.psbt")
@RESERVE
@_VAULT
@click.option("--out", type=FOLDER, help="Write a challenge into this file, for the vault's signers.")
@click.option("--signed", type=FOLDER, multiple=True, help="Take back a file that a signer signed; again for more.")
@click.option("--key", "keys", type=FOLDER, multiple=True, help="Drills: sign with this key file; again for more.")
@click.option("--path", type=click.Choice(("main", "recovery")), default="main", show_default=True)
@BY
@DRY_RUN
@JSON
@click.pass_obj
def test_sign(
    services: Services,
    folder: Path,
    vault: str,
    out: Path | None,
    signed: tuple[Path, ...],
    keys: tuple[Path, ...],
    path: str,
    by: str,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Show that every key of VAULT works, before any coin depends on it.

    A challenge is a message over the vault's first address (BIP-322) that can never be a payment. Who signed is told by
    the keys alone, whatever a file is called.
    """
    order = ChallengeOrder(folder, vault, by, path, out, signed, keys)
    answer_with(lambda: services.vaults.test_sign(order, ask_passphrase, dry_run=dry_run), as_json=as_json)


@vault.command(epilog=_ACCEPT)
@RESERVE
@_VAULT
@click.option("--succeeds", default="", metavar="OLD", help="The vault of ours that is left for it.")
@click.option("--key", type=FOLDER, required=True, metavar="FILE", help="Your officer's key file.")
@click.option("--reason", required=True, metavar="TEXT", help="Why, and where the evidence lies.")
@DRY_RUN
@JSON
@click.pass_obj
def accept(
    services: Services,
    folder: Path,
    vault: str,
    succeeds: str,
    key: Path,
    reason: str,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Show VAULT whole, and put forward, signed, that it counts as ours.

    Until other officers have approved (zakhira policy approve) no address of it is given out and nothing moves to it.
    """
    order = AcceptOrder(folder, vault, key, reason, succeeds)
    answer_with(lambda: services.vaults.accept(order, ask_passphrase, dry_run=dry_run), as_json=as_json)


@vault.command(epilog="Example: zakhira vault rotate out/reserve cold --to cold-next --fee-rate 2 --dry-run")
@RESERVE
@_VAULT
@click.option("--to", required=True, metavar="NEW", help="The successor; every key of it has test-signed.")
@click.option("--key", "officer_key", type=FOLDER, metavar="FILE", help="Key file of the officer who proposes.")
@click.option("--step", default="", metavar="AMOUNT", help="The most that one spend moves, with its unit: '500 BTC'.")
@click.option("--id", "name", default="", metavar="TEXT", help="Names the spends; the same id gives the same ones.")
@click.option("--clause", default="", metavar="TEXT", help="The authority cited; else the policy's clause.")
@click.option("--fee-limit", default="0.001 BTC", show_default=True, help="The most that the fee of a step may be.")
@click.option("--fee-rate-limit", "rate_limit", type=_RATE, default=100, show_default=True, help="sat/vB.")
@click.option("--fee-rate", "rate", type=_RATE, default=0, metavar="SAT/VB", help="The rate by hand, not an estimate.")
@click.option("--target", type=click.IntRange(1, MAX_TARGET), default=6, show_default=True, help="Blocks.")
@DRY_RUN
@JSON
@click.pass_obj
def rotate(
    services: Services,
    folder: Path,
    vault: str,
    to: str,
    officer_key: Path | None,
    step: str,
    name: str,
    clause: str,
    fee_limit: str,
    rate_limit: int,
    rate: int,
    target: int,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Retire VAULT in favour of NEW, and propose the spends that move its coins in bounded steps.

    Officers have decided before that NEW succeeds VAULT (zakhira vault accept --succeeds); not while it is frozen.
    The proposals go the way of every spend: nothing moves before officers approve and signers sign.
    """
    order = RotateOrder(folder, vault, to, officer_key, step, name, clause, fee_limit, rate_limit, rate, target)
    answer_with(lambda: services.vaults.rotate(order, ask_passphrase, dry_run=dry_run), as_json=as_json)


@vault.command(epilog="Example: zakhira vault backup out/reserve cold --out cold-backup.pdf")
@RESERVE
@_VAULT
@click.option("--out", type=FOLDER, default=Path(), help="File to write, or a folder for it.")
@DRY_RUN
@JSON
@click.pass_obj
def backup(services: Services, folder: Path, vault: str, out: Path, *, dry_run: bool, as_json: bool) -> None:
    """Write the backup sheet of VAULT: a PDF to print, with its descriptor in words and in QR codes.

    The descriptor is needed to find and spend the coins: the seeds of all signers alone do not bring them back.
    """
    answer_with(lambda: services.vaults.backup(folder, vault, out, dry_run=dry_run), as_json=as_json)
