"""The commands of the audit chain: verified, exported, shown, sealed, signed, and anchored in Bitcoin."""

from __future__ import annotations

from pathlib import Path

import click

from zakhira.cli.anchor_commands import anchor, anchors
from zakhira.cli.answer import Answer
from zakhira.cli.answering import FOLDER, JSON, answer_with
from zakhira.cli.audit_services import ChainEvidence
from zakhira.cli.custody_options import DRY_RUN, RESERVE, ask_passphrase
from zakhira.cli.services import Services
from zakhira.cli.terminal import progress_bars

_VERIFY = "Example: zakhira audit verify out/reserve"
_SIGN = "Example: zakhira audit sign out/reserve --key out/reserve/keys/officer-treasury-1.key --out head.json"
MAX_SHOWN = 1000


@click.group(epilog=_VERIFY)
def audit() -> None:
    """The audit chain: every write of the books, sealed in order by hashes that anybody can compute."""


audit.add_command(anchor)
audit.add_command(anchors)


@audit.command(epilog=f"{_VERIFY}\n\nExample: zakhira audit verify --file chain.txt")
@click.argument("folder", type=FOLDER, metavar="[DIR]", required=False)
@click.option("--file", type=FOLDER, help="An exported chain, verified without a database.")
@click.option("--head", "heads", type=FOLDER, multiple=True, help="A signed head that was handed out; several may be.")
@click.option(
    "--anchors", "anchors_file", type=FOLDER, help="Anchors written down: a JSON list, as docs/audit-chain.md."
)
@click.option("--with-node", is_flag=True, help="Also against the anchors that the node of DIR finds in blocks.")
@JSON
@click.pass_obj
def verify(
    services: Services,
    folder: Path | None,
    file: Path | None,
    heads: tuple[Path, ...],
    anchors_file: Path | None,
    *,
    with_node: bool,
    as_json: bool,
) -> None:
    """Verify the whole audit chain of the reserve in DIR, or of an exported FILE: the answer names every break.

    In DIR each content is computed anew from postings, records and events, with balances and lots; signed heads that
    the books keep count too. A chain that was cut or rewritten as a whole is found by heads and anchors alone.
    """
    if (folder is None) == (file is None) or (with_node and folder is None):
        raise click.UsageError("Give DIR, or --file FILE; --with-node needs DIR.")
    evidence = ChainEvidence(heads, anchors_file)

    def act() -> Answer:
        with progress_bars(quiet=as_json) as progress:
            if file is not None:
                return services.audits.verify_file(file, evidence, progress)
            assert folder is not None, "one of the two was given"
            return services.audits.verify(folder, evidence, progress, with_node=with_node)

    answer_with(act, as_json=as_json)


@audit.command(epilog="Example: zakhira audit export out/reserve chain.txt")
@RESERVE
@click.argument("file", type=FOLDER, metavar="FILE")
@DRY_RUN
@JSON
@click.pass_obj
def export(services: Services, folder: Path, file: Path, *, dry_run: bool, as_json: bool) -> None:
    """Write the sealed chain of DIR with all contents into FILE, a line for each write.

    Whoever has the file verifies it with SHA-256 alone, as docs/audit-chain.md says. It holds everything that the
    books say: hand it to those who may read that.
    """

    def act() -> Answer:
        with progress_bars(quiet=as_json) as progress:
            return services.audits.export(folder, file, progress, dry_run=dry_run)

    answer_with(act, as_json=as_json)


@audit.command(epilog="Example: zakhira audit show out/reserve --newest 20")
@RESERVE
@click.option("--newest", type=click.IntRange(0, MAX_SHOWN), default=10, show_default=True, help="How many writes.")
@JSON
@click.pass_obj
def show(services: Services, folder: Path, newest: int, *, as_json: bool) -> None:
    """Show the head of the chain of DIR, its newest writes, signed heads, and how long writes wait for their seal."""
    answer_with(lambda: services.audits.show(folder, newest), as_json=as_json)


@audit.command(epilog="Example: zakhira audit seal out/reserve")
@RESERVE
@DRY_RUN
@JSON
@click.pass_obj
def seal(services: Services, folder: Path, *, dry_run: bool, as_json: bool) -> None:
    """Seal what is committed in DIR and not in the chain yet; programs that write do so by themselves."""
    answer_with(lambda: services.audits.seal(folder, dry_run=dry_run), as_json=as_json)


@audit.command(epilog=_SIGN)
@RESERVE
@click.option("--key", type=FOLDER, required=True, help="The officer's key file.")
@click.option("--out", type=FOLDER, help="A file for the signed head, to be handed out.")
@DRY_RUN
@JSON
@click.pass_obj
def sign(services: Services, folder: Path, key: Path, out: Path | None, *, dry_run: bool, as_json: bool) -> None:
    """Seal, and sign the head of the chain of DIR with an officer's key.

    The signed head is kept in the books. Hand a copy to somebody outside: with it a chain that is cut or rewritten
    later is found.
    """
    answer_with(lambda: services.audits.sign(folder, key, out, ask_passphrase, dry_run=dry_run), as_json=as_json)
