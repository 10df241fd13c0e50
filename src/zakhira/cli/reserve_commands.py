"""The commands about a reserve folder: made, looked at, followed, and its private node."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from zakhira.cli.answer import Answer
from zakhira.cli.answering import FOLDER, JSON, answer_with, finish
from zakhira.cli.custody_options import DRY_RUN, RESERVE
from zakhira.cli.custody_services import FollowOrder, MineOrder, ReserveOrder
from zakhira.cli.door import Exit, tell
from zakhira.cli.printable import json_text
from zakhira.cli.services import Services
from zakhira.cli.terminal import print_answer, print_reserve, progress_bars

MAX_BLOCKS = 10_000
"""A node mines about twenty blocks a second."""
MAX_PORT = 65_535
_INIT = "Example: zakhira reserve init out/reserve --programme programmes/small --drill"


@click.group(epilog=_INIT)
def reserve() -> None:
    """Run a reserve of bitcoin: a folder with its books, its node and its vaults."""


@reserve.command(epilog=_INIT)
@RESERVE
@click.option("--programme", type=FOLDER, required=True, help="Folder of the programme that the reserve belongs to.")
@click.option("--node", "node_url", default="", metavar="URL", help="Your node's RPC: http://host:port")
@click.option("--cookie", type=FOLDER, help="The node's cookie file, in place of user and password in the URL.")
@click.option("--second-node", "second_url", default="", metavar="URL", help="Another node that must agree.")
@click.option("--second-cookie", type=FOLDER, help="The second node's cookie file.")
@click.option("--drill", "is_drill", is_flag=True, help="Make the drill's keys and, without --node, a private node.")
@DRY_RUN
@JSON
@click.pass_obj
def init(
    services: Services,
    folder: Path,
    programme: Path,
    node_url: str,
    cookie: Path | None,
    second_url: str,
    second_cookie: Path | None,
    *,
    is_drill: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make a reserve in DIR: its terms in reserve.toml and its database.

    With --drill (programmes on regtest with a [drill] phrase alone) the key files of officers and signers are made too.
    """
    order = ReserveOrder(folder, programme, node_url, cookie, second_url, second_cookie, is_drill)
    answer_with(lambda: services.reserves.init(order, dry_run=dry_run), as_json=as_json)


@reserve.command(epilog="Example: zakhira reserve status out/reserve")
@RESERVE
@JSON
@click.pass_obj
def status(services: Services, folder: Path, *, as_json: bool) -> None:
    """Say what the reserve in DIR holds, how fresh that is, and what needs attention."""
    answer_with(lambda: services.reserves.status(folder), as_json=as_json)


@reserve.command(epilog="Example: zakhira reserve follow out/reserve --metrics-port 9332")
@RESERVE
@click.option("--once", is_flag=True, help="Stop when the tip is reached.")
@click.option(
    "--metrics-port",
    type=click.IntRange(0, MAX_PORT),
    metavar="PORT",
    help="Serve /metrics, /healthz and /readyz there; 0 for any free port.",
)
@click.option("--metrics-host", default="127.0.0.1", show_default=True, help="Address of this machine to serve on.")
@click.option("--log", default="", metavar="FILE", help="Log to FILE, - for stderr; else DIR/log/follow.jsonl.")
@JSON
@click.pass_obj
def follow(
    services: Services,
    folder: Path,
    metrics_port: int | None,
    metrics_host: str,
    log: str,
    *,
    once: bool,
    as_json: bool,
) -> None:
    """Follow the chain into the books of DIR and say what arrived, until Ctrl-C. Safe to stop anywhere and repeat.

    With --once nothing is logged unless --log or ZAKHIRA_LOG says so. Who may reach the metrics learns what the vaults
    hold: beyond this machine, put something in front that asks for a password.
    """
    order = FollowOrder(folder, once, metrics_port, metrics_host, log)

    def say(answer: Answer) -> None:
        tell(lambda: print_answer(answer, as_json=as_json))

    def act() -> Exit:
        with progress_bars(quiet=as_json) as progress:
            services.reserves.follow(order, say, note, progress)
        return Exit.DONE

    finish(act, as_json=as_json)


def note(text: str) -> None:
    """Tell on stderr what runs beside the results."""
    tell(lambda: click.echo(text, err=True))


@reserve.command(epilog="Example: zakhira reserve health out/reserve")
@RESERVE
@JSON
@click.pass_obj
def health(services: Services, folder: Path, *, as_json: bool) -> None:
    """Say how each part of the reserve in DIR stands, and what to do. Exit 1 if one is failing."""
    answer_with(lambda: services.reserves.health(folder), as_json=as_json)


@reserve.command(epilog="Example: zakhira reserve metrics out/reserve --out out/zakhira.prom")
@RESERVE
@click.option("--out", type=FOLDER, metavar="FILE", help="Write them to FILE, whole or not at all.")
@DRY_RUN
@JSON
@click.pass_obj
def metrics(services: Services, folder: Path, out: Path | None, *, dry_run: bool, as_json: bool) -> None:
    """Print the figures of DIR once, as Prometheus' textfile collector reads them.

    A part that is away is a figure like any other: zakhira_node_up 0, zakhira_database_up 0.
    """

    def act() -> Exit:
        found = services.reserves.metrics(folder, out, dry_run=dry_run)
        told = json_text(found.facts) if as_json else "" if found.file else found.text.rstrip("\n")
        if told:
            tell(lambda: click.echo(told))
        if found.file:
            note(f"Written to {found.file}.")
        return Exit.DONE

    finish(act, as_json=as_json)


@reserve.command(epilog="Example: zakhira reserve node out/reserve")
@RESERVE
@JSON
@click.pass_obj
def node(services: Services, folder: Path, *, as_json: bool) -> None:
    """Keep the database and the private node of DIR up until Ctrl-C, so that other commands start at once."""

    def act() -> Exit:
        services.reserves.serve(folder, partial(print_reserve, as_json=as_json))
        return Exit.DONE

    finish(act, as_json=as_json)


@reserve.command(epilog="Example: zakhira reserve mine out/reserve --blocks 3")
@RESERVE
@click.option("--blocks", type=click.IntRange(1, MAX_BLOCKS), required=True, help="How many blocks to mine.")
@click.option(
    "--pay",
    "payments",
    type=(str, str),
    multiple=True,
    metavar="ADDRESS AMOUNT",
    help="Pay from the drill's pool, in the first block: ADDRESS '0.5 BTC'.",
)
@DRY_RUN
@JSON
@click.pass_obj
def mine(
    services: Services,
    folder: Path,
    blocks: int,
    payments: tuple[tuple[str, str], ...],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Mine blocks of the private chain of a drill in DIR; its coins are worth nothing."""
    order = MineOrder(folder, blocks, payments)

    def make() -> Answer:
        with progress_bars(quiet=as_json) as progress:
            return services.reserves.mine(order, progress, dry_run=dry_run)

    answer_with(make, as_json=as_json)
