"""The commands that hold the books against the world: compared, statements imported, cases kept."""

from __future__ import annotations

from pathlib import Path

import click

from zakhira.cli.answering import FOLDER, JSON, answer_with
from zakhira.cli.custody_options import BY, DRY_RUN, RESERVE, ask_passphrase
from zakhira.cli.reconcile_services import CaseOrder, ImportOrder, ReconcileOrder
from zakhira.cli.services import Services

_COMPARE = "compare"


class _CompareFirst(click.Group):
    """``zakhira reconcile DIR`` is ``zakhira reconcile compare DIR``: the word is needed for nothing else."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the word in where a folder or an option of it comes first."""
        if args and args[0] not in self.commands and args[0] not in {"-h", "--help"}:
            args = [_COMPARE, *args]
        return super().parse_args(ctx, args)


@click.group(cls=_CompareFirst, epilog="Example: zakhira reconcile out/reserve --bank")
def reconcile() -> None:
    """Hold the books of DIR against the chain, the meters and the bank; each difference is somebody's case.

    Where DIR stands in place of a command, it is compared.
    """


@reconcile.command(_COMPARE, epilog="Example: zakhira reconcile out/reserve --bank --dry-run")
@RESERVE
@click.option("--chain", is_flag=True, help="Coins of each vault against its account, outpoint by outpoint.")
@click.option("--meters", is_flag=True, help="Metered energy against the accounts of energy, day by day.")
@click.option("--bank", is_flag=True, help="Imported statements against the cash accounts, payment by payment.")
@click.option("--programme", type=FOLDER, help="For the folder of a run: the programme that was run.")
@DRY_RUN
@JSON
@click.pass_obj
def compare(
    services: Services,
    folder: Path,
    programme: Path | None,
    *,
    chain: bool,
    meters: bool,
    bank: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Compare the books of DIR with the world: with everything, or with what is named.

    A difference that nothing explains opens a case, once; a case whose difference is gone is closed. From an amount on
    that the programme sets ([reconciliation]) an open case halts payouts, and so do smaller ones that come to it
    together. Exit 1 while a case is open.

    DIR may be the folder of a run (`zakhira run --out`), with --programme: then its meters are compared.
    """
    every = not (chain or meters or bank)
    order = ReconcileOrder(folder, chain or every, meters or every, bank or every, programme)
    answer_with(lambda: services.reconciling.reconcile(order, dry_run=dry_run), as_json=as_json)


@reconcile.command(
    "import",
    epilog="Example: zakhira reconcile import out/reserve camt053.xml "
    "--key out/reserve/keys/officer-comptroller-1.key --dry-run",
)
@RESERVE
@click.argument("file", type=FOLDER)
@click.option("--key", type=FOLDER, required=True, help="The key file of the officer who got it from the bank.")
@DRY_RUN
@JSON
@click.pass_obj
def import_(services: Services, folder: Path, file: Path, key: Path, *, dry_run: bool, as_json: bool) -> None:
    """Take the bank's statements in FILE (ISO 20022 camt.053) into the books of DIR, under an officer's signature.

    A statement proves payments and closes cases, and the file itself proves nothing: the officer who signs answers
    for where it came from. All of the file or nothing; the same again changes nothing. The same statement with other
    content is refused, kept beside the first, and halts payouts. Gaps and overlaps between statements are told.
    """
    order = ImportOrder(folder, file, key)
    answer_with(lambda: services.reconciling.import_file(order, ask_passphrase, dry_run=dry_run), as_json=as_json)


@reconcile.command(epilog="Example: zakhira reconcile cases out/reserve --all")
@RESERVE
@click.option("--all", "closed", is_flag=True, help="Closed ones, too.")
@JSON
@click.pass_obj
def cases(services: Services, folder: Path, *, closed: bool, as_json: bool) -> None:
    """List the cases of DIR: what differs, by how much, since when, and who must act."""
    answer_with(lambda: services.reconciling.cases(folder, closed=closed), as_json=as_json)


@reconcile.command(epilog="Example: zakhira reconcile own out/reserve bank-3f9a1c07 --owner comptroller-1")
@RESERVE
@click.argument("case")
@click.option("--owner", required=True, help="The role or the officer who must act.")
@BY
@DRY_RUN
@JSON
@click.pass_obj
def own(services: Services, folder: Path, case: str, owner: str, by: str, *, dry_run: bool, as_json: bool) -> None:
    """Give CASE to somebody."""
    answer_with(lambda: services.reconciling.own(CaseOrder(folder, case, owner, by), dry_run=dry_run), as_json=as_json)


@reconcile.command(
    epilog='Example: zakhira reconcile close out/reserve bank-3f9a1c07 --because "fee of May, letter 12" '
    "--key out/reserve/keys/officer-comptroller-1.key"
)
@RESERVE
@click.argument("case")
@click.option("--because", required=True, help="Why the difference may stay, and where the evidence lies.")
@click.option("--key", type=FOLDER, required=True, help="The key file of the officer who says so.")
@DRY_RUN
@JSON
@click.pass_obj
def close(
    services: Services, folder: Path, case: str, because: str, key: Path, *, dry_run: bool, as_json: bool
) -> None:
    """Close CASE if its difference is gone; if it is there, an officer accepts it with a signature.

    An accepted difference stays listed until it is gone. One that halts payouts does so until two officers accept it,
    two persons, neither of whom prepared what is to be paid.
    """
    order = CaseOrder(folder, case, because, key=key)
    answer_with(lambda: services.reconciling.close(order, ask_passphrase, dry_run=dry_run), as_json=as_json)
