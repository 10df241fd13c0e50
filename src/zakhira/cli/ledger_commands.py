"""The commands of the ledger: read as of two dates, posted, taken back, frozen and closed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from zakhira.cli.answering import FOLDER, JSON, answer_with
from zakhira.cli.custody_options import DATE, DRY_RUN, RESERVE, ask_passphrase, day_of
from zakhira.cli.ledger_services import AccountOrder, ActOrder, BalanceOrder, StatementOrder
from zakhira.cli.services import Services

MAX_SHOWN = 1000
_ACCOUNT = click.argument("account", metavar="ACCOUNT")
_PLEDGE = click.argument("name", metavar="NAME")
_KEYS = click.option(
    "--key",
    "keys",
    type=FOLDER,
    multiple=True,
    required=True,
    metavar="FILE",
    help="An officer's key file; the first puts it forward, the others say yes.",
)
_KEYS_OF_YES = click.option(
    "--key", "keys", type=FOLDER, multiple=True, required=True, metavar="FILE", help="The key file of who says yes."
)
_KEY = click.option("--key", type=FOLDER, required=True, metavar="FILE", help="Your officer's key file.")
_REASON = click.option("--reason", required=True, metavar="TEXT", help="Why, and where the evidence lies.")
_BEFORE = click.option(
    "--before", type=DATE, metavar="DAY", help="Only what happened before this day (UTC): YYYY-MM-DD."
)
_KNOWN = click.option("--known-before", type=DATE, metavar="DAY", help="Only what was entered before this day (UTC).")
_TWO = "--key out/reserve/keys/officer-treasury-1.key --key out/reserve/keys/officer-comptroller-1.key"
_BANK = "assets:bank:PKR"
_POST = f"Example: zakhira ledger post out/reserve opening.toml {_TWO}"
_REVERSE = f'Example: zakhira ledger reverse out/reserve ENTRY --reason "wrong payer" --evidence "letter 9" {_TWO}'
_FREEZE = (
    f'Example: zakhira ledger freeze out/reserve {_BANK} --reason "statement 14 does not agree" '
    "--key out/reserve/keys/officer-auditor-1.key"
)
_UNFREEZE = f'Example: zakhira ledger unfreeze out/reserve {_BANK} --reason "cleared, letter 15" {_TWO}'
_CEILING = f'Example: zakhira ledger ceiling out/reserve {_BANK} --at "5000000 PKR" --reason "treasury rules, 7" {_TWO}'
_CLOSE = f'Example: zakhira ledger close out/reserve 2026-05 --reason "May is done, minutes 8" {_TWO}'
_ENCUMBER = (
    f'Example: zakhira ledger encumber out/reserve loan-2026-03 --amount "2 BTC" --reason "pledge, deed 4" {_TWO}'
)
_RELEASE = f'Example: zakhira ledger release out/reserve loan-2026-03 --reason "paid back, letter 31" {_TWO}'
_APPROVE = (
    "Example: zakhira ledger approve out/reserve 9c3f01b2a4d7 --dry-run --key out/reserve/keys/officer-director-1.key"
)
_OPEN = (
    f"Example: zakhira ledger open out/reserve {_BANK} --commodity PKR --kind asset "
    '--reason "current account at the bank, letter 2" --key out/reserve/keys/officer-treasury-1.key'
)
_STATEMENT = f"Example: zakhira ledger statement out/reserve {_BANK} --month 2026-05 --csv may.csv --plot may.svg"


@click.group(epilog="Example: zakhira ledger accounts out/reserve")
def ledger() -> None:
    """The books: accounts as a tree, balances as of two dates, statements, journals by hand, closed periods.

    What changes the books by hand is signed by as many officers as may together change the policy; docs/ledger.md.
    """


@ledger.command(epilog="Example: zakhira ledger accounts out/reserve --under liabilities:participants")
@RESERVE
@click.option("--under", default="", metavar="BRANCH", help="Only this branch of the tree.")
@JSON
@click.pass_obj
def accounts(services: Services, folder: Path, under: str, *, as_json: bool) -> None:
    """List the accounts of DIR as a tree, with kind, balance, bounds and freezes."""
    answer_with(lambda: services.ledger.accounts(folder, under), as_json=as_json)


@ledger.command(epilog="Example: zakhira ledger show out/reserve expenses:network-fees --newest 20")
@RESERVE
@_ACCOUNT
@click.option("--newest", type=click.IntRange(0, MAX_SHOWN), default=10, show_default=True, help="How many entries.")
@JSON
@click.pass_obj
def show(services: Services, folder: Path, account: str, newest: int, *, as_json: bool) -> None:
    """Show one ACCOUNT of DIR: what it is, what it holds, and its newest entries by event date."""
    answer_with(lambda: services.ledger.show(folder, account, newest), as_json=as_json)


@ledger.command(epilog=f"Example: zakhira ledger balance out/reserve {_BANK} --before 2026-06-01")
@RESERVE
@click.argument("account", nargs=-1, required=True, metavar="ACCOUNT...")
@_BEFORE
@_KNOWN
@JSON
@click.pass_obj
def balance(
    services: Services,
    folder: Path,
    account: tuple[str, ...],
    before: dt.datetime | None,
    known_before: dt.datetime | None,
    *,
    as_json: bool,
) -> None:
    """Say what each ACCOUNT held: by when it happened (--before), and by when it was entered (--known-before)."""
    order = BalanceOrder(folder, account, day_of(before), day_of(known_before))
    answer_with(lambda: services.ledger.balance(order), as_json=as_json)


def month_days(month: str) -> tuple[dt.date, dt.date]:
    """First and last day of ``YYYY-MM``."""
    try:
        first = dt.date.fromisoformat(f"{month}-01")
    except ValueError:
        raise click.BadParameter(f"{month!r} is no month: write YYYY-MM.") from None
    return first, (first.replace(day=28) + dt.timedelta(days=4)).replace(day=1) - dt.timedelta(days=1)


@ledger.command(epilog=_STATEMENT)
@RESERVE
@click.argument("account", nargs=-1, required=True, metavar="ACCOUNT...")
@click.option("--month", required=True, metavar="YYYY-MM", help="The month.")
@click.option("--csv", type=FOLDER, metavar="NEWFILE", help="Write every line as CSV, too.")
@click.option("--plot", type=FOLDER, metavar="NEWFILE", help="Draw the balance day by day as SVG, too; one ACCOUNT.")
@JSON
@click.pass_obj
def statement(
    services: Services,
    folder: Path,
    account: tuple[str, ...],
    month: str,
    csv: Path | None,
    plot: Path | None,
    *,
    as_json: bool,
) -> None:
    """Draw up a statement of each ACCOUNT over a month: opening, every movement, closing."""
    if plot is not None and len(account) > 1:
        raise click.UsageError("Draw one ACCOUNT at a time.")
    first, last = month_days(month)
    order = StatementOrder(folder, account, first, last, csv=csv, plot=plot)
    answer_with(lambda: services.ledger.statement(order), as_json=as_json)


@ledger.command(epilog="Example: zakhira ledger entry out/reserve ENTRY")
@RESERVE
@click.argument("entry_id", metavar="ENTRY")
@JSON
@click.pass_obj
def entry(services: Services, folder: Path, entry_id: str, *, as_json: bool) -> None:
    """Show one ENTRY: when it happened, when it was entered, its evidence, its postings, and what took it back."""
    answer_with(lambda: services.ledger.entry(folder, entry_id), as_json=as_json)


@ledger.command(epilog="Example: zakhira ledger backing out/reserve")
@RESERVE
@JSON
@click.pass_obj
def backing(services: Services, folder: Path, *, as_json: bool) -> None:
    """Say what stands behind the claims in coin of DIR, and whether credits are halted."""
    answer_with(lambda: services.ledger.backing(folder), as_json=as_json)


@ledger.command(epilog="Example: zakhira ledger waiting out/reserve")
@RESERVE
@JSON
@click.pass_obj
def waiting(services: Services, folder: Path, *, as_json: bool) -> None:
    """List the acts on the ledger of DIR that still need words: what they are, who has signed, until when."""
    answer_with(lambda: services.ledger.waiting(folder), as_json=as_json)


@ledger.command(epilog=_APPROVE)
@RESERVE
@click.argument("act", metavar="ACT")
@_KEYS_OF_YES
@DRY_RUN
@JSON
@click.pass_obj
def approve(
    services: Services, folder: Path, act: str, keys: tuple[Path, ...], *, dry_run: bool, as_json: bool
) -> None:
    """Say yes to an ACT of DIR that waits, told by its hash: first dry, to see all that it writes."""
    answer_with(lambda: services.ledger.approve(folder, act, keys, ask_passphrase, dry_run=dry_run), as_json=as_json)


@ledger.command(name="open", epilog=_OPEN)
@RESERVE
@_ACCOUNT
@click.option("--commodity", type=click.Choice(["BTC", "PKR", "USD", "WH"]), required=True, help="What it counts.")
@click.option(
    "--kind",
    type=click.Choice(["asset", "liability", "income", "expense", "equity", "conversion"]),
    required=True,
    help="What it is.",
)
@click.option(
    "--claim",
    type=click.Choice(["none", "demand", "term", "suspense"]),
    default="none",
    show_default=True,
    help="Of a liability in coin: when it is payable.",
)
@click.option("--overdraft", is_flag=True, help="It may fall below 0.")
@_REASON
@_KEY
@DRY_RUN
@JSON
@click.pass_obj
def open_(
    services: Services,
    folder: Path,
    account: str,
    commodity: str,
    kind: str,
    claim: str,
    reason: str,
    key: Path,
    *,
    overdraft: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Open the ACCOUNT of DIR, empty, as an officer who may put acts on the ledger forward."""
    told = AccountOrder(account, commodity, kind, claim, overdraft)
    order = ActOrder(folder, (key,), reason)
    answer_with(lambda: services.ledger.open(order, told, ask_passphrase, dry_run=dry_run), as_json=as_json)


@ledger.command(epilog=_POST)
@RESERVE
@click.argument("file", type=FOLDER, metavar="FILE")
@_KEYS
@DRY_RUN
@JSON
@click.pass_obj
def post(services: Services, folder: Path, file: Path, keys: tuple[Path, ...], *, dry_run: bool, as_json: bool) -> None:
    """Post the journal of FILE (TOML or JSON) to DIR: lines with account and amount, and the evidence.

    The words of officers are kept: those who are missing say the same with their own key.
    """
    order = ActOrder(folder, keys)
    answer_with(lambda: services.ledger.post(order, file, ask_passphrase, dry_run=dry_run), as_json=as_json)


@ledger.command(epilog=_REVERSE)
@RESERVE
@click.argument("entry_id", metavar="ENTRY")
@click.option("--day", type=DATE, metavar="DAY", help="When it is taken back; else the day of the entry itself.")
@click.option("--evidence", required=True, metavar="TEXT", help="The document that shows the mistake.")
@_REASON
@_KEYS
@DRY_RUN
@JSON
@click.pass_obj
def reverse(
    services: Services,
    folder: Path,
    entry_id: str,
    day: dt.datetime | None,
    evidence: str,
    reason: str,
    keys: tuple[Path, ...],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Take the whole ENTRY of DIR back by a further one: nothing is ever changed or struck out."""
    order = ActOrder(folder, keys, reason)
    answer_with(
        lambda: services.ledger.reverse(order, entry_id, day_of(day), evidence, ask_passphrase, dry_run=dry_run),
        as_json=as_json,
    )


@ledger.command(epilog=_FREEZE)
@RESERVE
@_ACCOUNT
@_REASON
@_KEY
@DRY_RUN
@JSON
@click.pass_obj
def freeze(
    services: Services, folder: Path, account: str, reason: str, key: Path, *, dry_run: bool, as_json: bool
) -> None:
    """Stop every posting to the ACCOUNT of DIR at once, on one officer's word."""
    order = ActOrder(folder, (key,), reason)
    answer_with(lambda: services.ledger.freeze(order, account, ask_passphrase, dry_run=dry_run), as_json=as_json)


@ledger.command(epilog=_UNFREEZE)
@RESERVE
@_ACCOUNT
@_REASON
@_KEYS
@DRY_RUN
@JSON
@click.pass_obj
def unfreeze(
    services: Services,
    folder: Path,
    account: str,
    reason: str,
    keys: tuple[Path, ...],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Let postings to the ACCOUNT of DIR go on; that takes as many officers as a journal."""
    order = ActOrder(folder, keys, reason)
    answer_with(lambda: services.ledger.unfreeze(order, account, ask_passphrase, dry_run=dry_run), as_json=as_json)


@ledger.command(epilog=_CEILING)
@RESERVE
@_ACCOUNT
@click.option("--at", "ceiling_", metavar="AMOUNT", help="The most that it may hold, with its unit.")
@click.option("--none", "none_", is_flag=True, help="It has no ceiling any more.")
@_REASON
@_KEYS
@DRY_RUN
@JSON
@click.pass_obj
def ceiling(
    services: Services,
    folder: Path,
    account: str,
    ceiling_: str | None,
    reason: str,
    keys: tuple[Path, ...],
    *,
    none_: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Say the most that the ACCOUNT of DIR may hold: what would bring it higher is refused."""
    if (ceiling_ is None) is not none_:
        raise click.UsageError("Give --at AMOUNT or --none.")
    order = ActOrder(folder, keys, reason)
    answer_with(
        lambda: services.ledger.ceiling(order, account, ceiling_ or "", ask_passphrase, dry_run=dry_run),
        as_json=as_json,
    )


@ledger.command(epilog=_ENCUMBER)
@RESERVE
@_PLEDGE
@click.option("--amount", required=True, metavar="AMOUNT", help="How many coins, with the unit.")
@_REASON
@_KEYS
@DRY_RUN
@JSON
@click.pass_obj
def encumber(
    services: Services,
    folder: Path,
    name: str,
    amount: str,
    reason: str,
    keys: tuple[Path, ...],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Pledge coins of DIR under a NAME: they stand behind no claim until they are released."""
    order = ActOrder(folder, keys, reason)
    answer_with(lambda: services.ledger.encumber(order, name, amount, ask_passphrase, dry_run=dry_run), as_json=as_json)


@ledger.command(epilog=_RELEASE)
@RESERVE
@_PLEDGE
@_REASON
@_KEYS
@DRY_RUN
@JSON
@click.pass_obj
def release(
    services: Services, folder: Path, name: str, reason: str, keys: tuple[Path, ...], *, dry_run: bool, as_json: bool
) -> None:
    """Let go what is pledged under NAME; that needs the watcher's login, which the reserve's own machine has."""
    order = ActOrder(folder, keys, reason)
    answer_with(lambda: services.ledger.release(order, name, ask_passphrase, dry_run=dry_run), as_json=as_json)


@ledger.command(epilog=_CLOSE)
@RESERVE
@click.argument("month", metavar="YYYY-MM")
@_REASON
@_KEYS
@DRY_RUN
@JSON
@click.pass_obj
def close(
    services: Services,
    folder: Path,
    month: str,
    reason: str,
    keys: tuple[Path, ...],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Close a month of DIR for good: nothing is dated into it any more. With --dry-run, see what it comes to."""
    first, last = month_days(month)
    order = ActOrder(folder, keys, reason)
    answer_with(lambda: services.ledger.close(order, first, last, ask_passphrase, dry_run=dry_run), as_json=as_json)
