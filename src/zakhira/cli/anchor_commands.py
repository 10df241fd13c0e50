"""The commands of anchors: heads of the audit chain put into Bitcoin, and read back from it."""

from __future__ import annotations

from pathlib import Path

import click

from zakhira.cli.anchor_services import AnchorOrder
from zakhira.cli.answering import FOLDER, JSON, answer_with
from zakhira.cli.custody_options import DRY_RUN, RESERVE, ask_passphrase
from zakhira.cli.services import Services
from zakhira.cli.spend_options import PATHS, fee_asked, proposal_terms
from zakhira.cli.spend_services import FeeAsked, ProposalTerms

_ANCHOR = (
    "Example: zakhira audit anchor out/reserve --vault intake --fee-rate 2 "
    "--key out/reserve/keys/officer-treasury-1.key"
)


@click.command(epilog=_ANCHOR)
@RESERVE
@click.option("--vault", required=True, help="Whose coin carries it; the coin comes back to the same vault.")
@click.option("--id", "spend", default="", metavar="ID", help="Of the spend; anchor- and the day (UTC) unless given.")
@click.option("--purpose", default="anchor of the audit chain", show_default=True, help="What it is for.")
@click.option("--path", type=click.Choice(PATHS), default="main", show_default=True, help="By which quorum.")
@proposal_terms
@fee_asked
@click.option("--key", type=FOLDER, required=True, help="The officer's key file.")
@DRY_RUN
@JSON
@click.pass_obj
def anchor(
    services: Services,
    folder: Path,
    vault: str,
    spend: str,
    purpose: str,
    path: str,
    clause: str,
    fee_limit: str,
    fee_rate_limit: int,
    hours: int,
    target: int,
    fee_rate: str,
    key: Path,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Propose a small spend whose only purpose is to anchor the head of the audit chain of DIR in Bitcoin.

    The smallest coin that carries the fee goes back to its own vault, with the head in an output of 0 sat. It is
    approved, built and signed like every spend. A spend that is made anyway takes the head along for less: zakhira
    spend propose --anchor.
    """
    terms = ProposalTerms(folder, spend, purpose, clause, fee_limit, fee_rate_limit, hours, key)
    order = AnchorOrder(terms, vault, path, FeeAsked(target, fee_rate))
    answer_with(lambda: services.anchors.propose(order, ask_passphrase, dry_run=dry_run), as_json=as_json)


@click.command(epilog="Example: zakhira audit anchors out/reserve")
@RESERVE
@JSON
@click.pass_obj
def anchors(services: Services, folder: Path, *, as_json: bool) -> None:
    """List the heads of the audit chain of DIR that blocks hold, as the node gives them, and hold them against it.

    The answer is no where the chain has another hash at the position of an anchor, or no entry there: it was changed
    after that block, or somebody else signed with our keys.
    """
    answer_with(lambda: services.anchors.list(folder), as_json=as_json)
