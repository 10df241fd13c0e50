"""The commands of spends: from a proposal to the block that holds it."""

from __future__ import annotations

from pathlib import Path

import click

from zakhira.cli.answering import FOLDER, JSON, answer_with
from zakhira.cli.custody_options import BY, DRY_RUN, RESERVE, ask_passphrase
from zakhira.cli.services import Services
from zakhira.cli.spend_options import PATHS, Command, fee_asked, proposal_terms
from zakhira.cli.spend_services import EnteredAmount, FeeAsked, Handing, MovesOrder, PayOrder, ProposalTerms

PROTOCOLS = ("bbqr", "ur")
MAX_INPUTS = 2_000
_SPEND = click.argument("spend", metavar="ID")
_KEY = click.option("--key", type=FOLDER, required=True, help="The officer's key file.")
_PROPOSE = (
    'Example: zakhira spend propose out/reserve pay-1 --from intake --pay "bcrt1q...=0.5 BTC" --purpose works '
    '--clause "Treasury rules, 4.2" --fee-limit "0.001 BTC" --fee-rate-limit 100 '
    "--key out/reserve/keys/officer-dara.key"
)
_MOVE = (
    'Example: zakhira spend move out/reserve rotate-1 --from cold-1 --to cold-2 --step "100 BTC" --purpose rotation '
    '--clause "Treasury rules, 4.2" --fee-limit "0.001 BTC" --fee-rate-limit 100 '
    "--key out/reserve/keys/officer-dara.key"
)
_EXECUTE = (
    'Example: zakhira spend execute out/reserve pay-1 --amount "0.5 BTC" --source "minute 14/2026" '
    "--key out/reserve/keys/officer-auditor-1.key"
)
_HOME = (
    'Example: zakhira spend cancel out/reserve pay-1 --home home-1 --clause "Treasury rules, 4.2" '
    '--fee-limit "0.001 BTC" --fee-rate-limit 100 --key out/reserve/keys/officer-dara.key'
)


def _handing(command: Command) -> Command:
    """Where a built spend goes."""
    for option in (
        click.option("--format", "protocol", type=click.Choice(PROTOCOLS), default="bbqr", help="Kind of QR codes."),
        click.option("--qr", type=FOLDER, help="Folder to write the spend file to as QR codes."),
        click.option("--psbt", type=FOLDER, help="File to write the bare PSBT to."),
        click.option("--out", type=FOLDER, help="File to write the spend file to, for `zakhira signer`."),
    ):
        command = option(command)
    return command


@click.group(epilog=_PROPOSE)
def spend() -> None:
    """Spends of a reserve: proposed, decided, built, signed, sent, confirmed; and taken back as far as that goes.

    What was handed out to signers is in other hands: it never expires, and only a block that spends one of its coins
    home ends it.
    """


@spend.command(epilog=_PROPOSE)
@RESERVE
@_SPEND
@click.option("--from", "from_vault", required=True, metavar="VAULT", help="The paying vault.")
@click.option(
    "--pay", "payments", multiple=True, metavar="ADDRESS=AMOUNT", help='Such as "bc1q...=0.5 BTC"; repeatable.'
)
@click.option("--payments", "payments_file", type=FOLDER, help="CSV with the columns address and amount; thousands go.")
@click.option("--to-vault", default="", metavar="VAULT", help="Pay a vault of ours, with --amount.")
@click.option("--amount", "amounts", multiple=True, help="Of --to-vault, with its unit; repeatable.")
@click.option("--purpose", required=True, help="What it is for.")
@click.option("--coin", "coins", multiple=True, metavar="TXID:N", help="Spend exactly these coins; repeatable.")
@click.option("--lot", "lots", multiple=True, metavar="TXID:N", help="Spend of these lots alone; repeatable.")
@click.option("--coins-for", default="", help="The purpose of the coins that pay, where a vault has several.")
@click.option("--path", type=click.Choice(PATHS), default="main", show_default=True, help="By which quorum.")
@click.option("--anchor", is_flag=True, help="Take the head of the audit chain along, in an output of 0 sat.")
@proposal_terms
@fee_asked
@_KEY
@DRY_RUN
@JSON
@click.pass_obj
def propose(
    services: Services,
    folder: Path,
    spend: str,
    from_vault: str,
    payments: tuple[str, ...],
    payments_file: Path | None,
    to_vault: str,
    amounts: tuple[str, ...],
    purpose: str,
    coins: tuple[str, ...],
    lots: tuple[str, ...],
    coins_for: str,
    path: str,
    clause: str,
    fee_limit: str,
    fee_rate_limit: int,
    hours: int,
    target: int,
    fee_rate: str,
    key: Path,
    *,
    anchor: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Propose the spend ID; the officer's key signs the instruction.

    More payments than fit into one transaction become proposals ID-001, ID-002 and so on, each with coins of its own.
    """
    terms = ProposalTerms(folder, spend, purpose, clause, fee_limit, fee_rate_limit, hours, key)
    fee = FeeAsked(target, fee_rate)
    order = PayOrder(
        terms, from_vault, payments, payments_file, to_vault, amounts, coins, lots, coins_for, path, fee, anchor=anchor
    )
    answer_with(lambda: services.spends.propose(order, ask_passphrase, dry_run=dry_run), as_json=as_json)


@spend.command(epilog=_MOVE)
@RESERVE
@_SPEND
@click.option("--from", "from_vault", required=True, metavar="VAULT", help="Whose coins.")
@click.option(
    "--to", "to_vault", required=True, metavar="VAULT", help="Where to; the same vault makes old coins young."
)
@click.option("--step", default="1000000 BTC", show_default=True, help="The most that one step moves.")
@click.option("--purpose", default="move between vaults", show_default=True)
@click.option("--older-than", type=click.IntRange(0), default=0, metavar="HEIGHT", help="Coins up to this block alone.")
@click.option("--gather-below", default="", metavar="AMOUNT", help="Gather the coins below this, while fees are low.")
@click.option("--cheap-below", default="10", show_default=True, metavar="SAT/VB", help="What --gather-below calls low.")
@click.option(
    "--most-inputs", type=click.IntRange(2, MAX_INPUTS), default=200, show_default=True, help="Of a gathering."
)
@click.option("--path", type=click.Choice(PATHS), default="main", show_default=True, help="By which quorum.")
@proposal_terms
@fee_asked
@_KEY
@DRY_RUN
@JSON
@click.pass_obj
def move(
    services: Services,
    folder: Path,
    spend: str,
    from_vault: str,
    to_vault: str,
    step: str,
    purpose: str,
    older_than: int,
    gather_below: str,
    cheap_below: str,
    most_inputs: int,
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
    """Propose to move all coins of a vault in bounded steps ID-001, ID-002 and so on; holds go with the coins."""
    order = MovesOrder(
        ProposalTerms(folder, spend, purpose, clause, fee_limit, fee_rate_limit, hours, key),
        from_vault,
        to_vault,
        step,
        path,
        FeeAsked(target, fee_rate),
        older_than,
        gather_below,
        cheap_below,
        most_inputs,
    )
    answer_with(lambda: services.spends.move(order, ask_passphrase, dry_run=dry_run), as_json=as_json)


@spend.command(name="list", epilog="Example: zakhira spend list out/reserve")
@RESERVE
@click.option("--all", "everything", is_flag=True, help="Those that are over and confirmed as well.")
@DRY_RUN
@JSON
@click.pass_obj
def list_(services: Services, folder: Path, *, everything: bool, dry_run: bool, as_json: bool) -> None:
    """List the spends of DIR; writes nothing, with or without --dry-run."""
    del dry_run
    answer_with(lambda: services.spends.list(folder, everything=everything), as_json=as_json)


@spend.command(epilog="Example: zakhira spend show out/reserve pay-1 --picture pay-1.svg")
@RESERVE
@_SPEND
@click.option("--picture", type=FOLDER, metavar="FILE.svg", help="Write the transaction as a picture.")
@click.option("--all", "every_output", is_flag=True, help="List every coin and output, however many.")
@DRY_RUN
@JSON
@click.pass_obj
def show(
    services: Services,
    folder: Path,
    spend: str,
    picture: Path | None,
    *,
    every_output: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Show what the spend ID does, as both decoders read its bytes, with clause, approvals and history."""
    target = None if dry_run else picture
    answer_with(lambda: services.spends.show(folder, spend, target, every_output=every_output), as_json=as_json)


@spend.command(epilog="Example: zakhira spend approve out/reserve pay-1 --key out/reserve/keys/officer-amina.key")
@RESERVE
@_SPEND
@_KEY
@DRY_RUN
@JSON
@click.pass_obj
def approve(services: Services, folder: Path, spend: str, key: Path, *, dry_run: bool, as_json: bool) -> None:
    """Approve the spend ID with an officer's key; with the last approval that is missing it is decided."""
    answer_with(lambda: services.spends.approve(folder, spend, key, ask_passphrase, dry_run=dry_run), as_json=as_json)


@spend.command(
    epilog='Example: zakhira spend reject out/reserve pay-1 --reason "wrong" --key out/reserve/keys/officer-chand.key'
)
@RESERVE
@_SPEND
@click.option("--reason", required=True, help="Why.")
@_KEY
@DRY_RUN
@JSON
@click.pass_obj
def reject(
    services: Services, folder: Path, spend: str, reason: str, key: Path, *, dry_run: bool, as_json: bool
) -> None:
    """Refuse the spend ID with an officer's key; it is over, unless a transaction of it was handed out."""
    answer_with(
        lambda: services.spends.reject(folder, spend, key, reason, ask_passphrase, dry_run=dry_run), as_json=as_json
    )


@spend.command(epilog=_EXECUTE)
@RESERVE
@_SPEND
@click.option("--amount", required=True, help="The total with its unit, as the source document has it.")
@click.option("--source", required=True, metavar="TEXT", help="The document that it was read from.")
@_KEY
@DRY_RUN
@JSON
@click.pass_obj
def execute(
    services: Services, folder: Path, spend: str, amount: str, source: str, key: Path, *, dry_run: bool, as_json: bool
) -> None:
    """Enter the amount of the spend ID again from its source document, as the second person at execution.

    What the officers approved is not shown. An amount or a unit that is another one is recorded and refused.
    """
    entered = EnteredAmount(amount, source)
    answer_with(
        lambda: services.spends.execute(folder, spend, entered, key, ask_passphrase, dry_run=dry_run), as_json=as_json
    )


@spend.command(epilog="Example: zakhira spend build out/reserve pay-1 --fee-rate 5 --out pay-1.json")
@RESERVE
@_SPEND
@fee_asked
@_handing
@DRY_RUN
@JSON
@click.pass_obj
def build(
    services: Services,
    folder: Path,
    spend: str,
    target: int,
    fee_rate: str,
    out: Path | None,
    psbt: Path | None,
    qr: Path | None,
    protocol: str,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Build the transaction of the decided spend ID, decoded twice and held against its instruction.

    With --out, --psbt or --qr it is handed out: from then on no word takes it back.
    """
    handing = Handing(out, psbt, qr, protocol)
    answer_with(
        lambda: services.spends.build(folder, spend, FeeAsked(target, fee_rate), handing, dry_run=dry_run),
        as_json=as_json,
    )


@spend.command(epilog="Example: zakhira spend sign out/reserve pay-1 --key out/reserve/keys/signer-intake-1.key")
@RESERVE
@_SPEND
@click.option("--key", type=FOLDER, required=True, help="Key file of a software signer: regtest and drills alone.")
@DRY_RUN
@JSON
@click.pass_obj
def sign(services: Services, folder: Path, spend: str, key: Path, *, dry_run: bool, as_json: bool) -> None:
    """Sign the spend ID with a drill's software signer; in earnest a signer uses `zakhira signer sign` elsewhere."""
    answer_with(lambda: services.spends.sign(folder, spend, key, ask_passphrase, dry_run=dry_run), as_json=as_json)


@spend.command(epilog="Example: zakhira spend combine out/reserve pay-1 s1.psbt s3.psbt")
@RESERVE
@_SPEND
@click.argument("files", type=FOLDER, nargs=-1, required=True, metavar="FILE...")
@DRY_RUN
@JSON
@click.pass_obj
def combine(
    services: Services, folder: Path, spend: str, files: tuple[Path, ...], *, dry_run: bool, as_json: bool
) -> None:
    """Take signatures over from what signers returned: PSBTs of any version, or pictures of codes, in any order."""
    answer_with(lambda: services.spends.combine(folder, spend, files, dry_run=dry_run), as_json=as_json)


@spend.command(epilog="Example: zakhira spend broadcast out/reserve pay-1")
@RESERVE
@_SPEND
@DRY_RUN
@JSON
@click.pass_obj
def broadcast(services: Services, folder: Path, spend: str, *, dry_run: bool, as_json: bool) -> None:
    """Send the signed spend ID, after nodes, decoders, authority and mempool have agreed once more."""
    answer_with(lambda: services.spends.broadcast(folder, spend, dry_run=dry_run), as_json=as_json)


@spend.command(epilog="Example: zakhira spend bump out/reserve pay-1 --fee-rate 20 --out pay-1-b.json")
@RESERVE
@_SPEND
@click.option(
    "--child", default="", metavar="NEW-ID", help="Hasten it by a child instead, proposed as a spend of its own."
)
@proposal_terms
@fee_asked
@_handing
@click.option("--key", type=FOLDER, help="The officer's key file, for --child.")
@DRY_RUN
@JSON
@click.pass_obj
def bump(
    services: Services,
    folder: Path,
    spend: str,
    child: str,
    clause: str,
    fee_limit: str,
    fee_rate_limit: int,
    hours: int,
    target: int,
    fee_rate: str,
    out: Path | None,
    psbt: Path | None,
    qr: Path | None,
    protocol: str,
    key: Path | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Build another version of the spend ID with a higher fee, within the ceilings of its instruction."""
    fee = FeeAsked(target, fee_rate)
    if not child:
        handing = Handing(out, psbt, qr, protocol)
        answer_with(lambda: services.spends.bump(folder, spend, fee, handing, dry_run=dry_run), as_json=as_json)
    if key is None:
        raise click.UsageError("--child is a proposal: give the officer's --key.")
    terms = ProposalTerms(folder, child, f"hasten {spend}", clause, fee_limit, fee_rate_limit, hours, key)
    answer_with(lambda: services.spends.child(spend, terms, fee, ask_passphrase, dry_run=dry_run), as_json=as_json)


@spend.command(epilog=_HOME)
@RESERVE
@_SPEND
@click.option("--home", default="", metavar="NEW-ID", help="Propose the double-spend home as a spend of its own.")
@click.option(
    "--path", type=click.Choice(PATHS), default="main", show_default=True, help="By which quorum it goes home."
)
@proposal_terms
@fee_asked
@click.option("--key", type=FOLDER, help="The officer's key file, for --home.")
@BY
@DRY_RUN
@JSON
@click.pass_obj
def cancel(
    services: Services,
    folder: Path,
    spend: str,
    home: str,
    path: str,
    clause: str,
    fee_limit: str,
    fee_rate_limit: int,
    hours: int,
    target: int,
    fee_rate: str,
    key: Path | None,
    by: str,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Cancel the spend ID: by a word while nobody else holds it, afterwards by spending one of its coins home.

    The double-spend home is approved, signed and sent like any other spend; ID is cancelled when that confirms.
    """
    if not home:
        answer_with(lambda: services.spends.cancel(folder, spend, by, dry_run=dry_run), as_json=as_json)
    if key is None:
        raise click.UsageError("--home is a proposal: give the officer's --key.")
    terms = ProposalTerms(folder, home, f"cancel {spend}", clause, fee_limit, fee_rate_limit, hours, key)
    fee = FeeAsked(target, fee_rate)
    answer_with(lambda: services.spends.home(spend, terms, path, fee, ask_passphrase, dry_run=dry_run), as_json=as_json)


@spend.command(epilog="Example: zakhira spend status out/reserve")
@RESERVE
@DRY_RUN
@JSON
@click.pass_obj
def status(services: Services, folder: Path, *, dry_run: bool, as_json: bool) -> None:
    """Follow the chain, bring every spend up to it, and say what each one waits for."""
    answer_with(lambda: services.spends.status(folder, dry_run=dry_run), as_json=as_json)
