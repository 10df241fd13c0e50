"""The commands of the watchtower: made, run, asked, and fed from a folder."""

from __future__ import annotations

import json
from pathlib import Path

import click

from zakhira.cli.answer import Answer, Word
from zakhira.cli.answering import FOLDER, JSON, answer_with, finish
from zakhira.cli.custody_options import DRY_RUN
from zakhira.cli.door import Exit, tell
from zakhira.cli.services import Services
from zakhira.cli.terminal import print_answer
from zakhira.cli.watch_services import WatchInit, WatchOrder

WATCH = click.argument("folder", type=FOLDER, metavar="WDIR")


@click.group(epilog="Example: zakhira watch run out/watch")
def watch() -> None:
    """The watchtower: a process of its own that says when a coin moves as nobody allowed."""


@watch.command(epilog="Example: zakhira watch init out/watch --reserve out/reserve")
@WATCH
@click.option("--reserve", type=FOLDER, required=True, metavar="DIR", help="The reserve to be watched.")
@click.option("--node", "node_url", default="", metavar="URL", help="The watchtower's own node; else the reserve's.")
@click.option("--cookie", type=FOLDER, help="That node's cookie file, in place of user and password.")
@click.option("--second-node", "second_url", default="", metavar="URL", help="Another node that must agree.")
@click.option("--second-cookie", type=FOLDER, help="The other node's cookie file.")
@click.option(
    "--source", default="", metavar="DSN|DIR", help="Where signed instructions are read, if not in DIR's own."
)
@click.option("--renew", is_flag=True, help="Renew the copy of policy and vaults; settings and state stay.")
@DRY_RUN
@JSON
@click.pass_obj
def init(
    services: Services,
    folder: Path,
    reserve: Path,
    node_url: str,
    cookie: Path | None,
    second_url: str,
    second_cookie: Path | None,
    source: str,
    *,
    renew: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make a watch in WDIR: a copy of policy and vaults to go by, and watch.toml for nodes, limits and notifiers.

    Compare the hash of the policy with what the officers have on paper: from here on the copy is what is believed.
    """
    order = WatchInit(folder, reserve, node_url, cookie, second_url, second_cookie, source, renew)
    answer_with(lambda: services.watches.init(order, dry_run=dry_run), as_json=as_json)


@watch.command(epilog="Example: zakhira watch run out/watch --json")
@WATCH
@click.option("--once", is_flag=True, help="Look once, up to the node's tip; exit code 1 if an alarm holds.")
@click.option("--metrics-port", type=click.IntRange(0, 65535), metavar="N", help="Serve metrics on this port; 0: any.")
@click.option("--json", "as_json", is_flag=True, help="Print each telling as one line of JSON.")
@click.pass_obj
def run(services: Services, folder: Path, metrics_port: int | None, *, once: bool, as_json: bool) -> None:
    """Watch until Ctrl-C: an alarm is told when it is raised, changes, is repeated, ends. Safe to kill anywhere."""
    order = WatchOrder(folder, once, metrics_port)

    def say(answer: Answer) -> None:
        line = json.dumps(answer.facts, ensure_ascii=False)
        tell(lambda: click.echo(line) if as_json else print_answer(answer, as_json=False))

    def act() -> Exit:
        answer = services.watches.run(order, say, lambda text: tell(lambda: click.echo(text, err=True)))
        if answer is None:
            return Exit.DONE
        say(answer)
        return Exit.NO if answer.word is Word.NO else Exit.DONE

    finish(act, as_json=as_json)


@watch.command(epilog="Example: zakhira watch status out/watch")
@WATCH
@JSON
@click.pass_obj
def status(services: Services, folder: Path, *, as_json: bool) -> None:
    """Say what the watch of WDIR has seen, which alarms hold, and what waits to be delivered."""
    answer_with(lambda: services.watches.status(folder), as_json=as_json)


@watch.command(epilog="Example: zakhira watch export out/reserve --out /mnt/stick/signed")
@click.argument("reserve", type=FOLDER, metavar="DIR")
@click.option(
    "--out", type=FOLDER, required=True, help="Folder to write into; repeat it as often as the watch shall know."
)
@DRY_RUN
@JSON
@click.pass_obj
def export(services: Services, reserve: Path, out: Path, *, dry_run: bool, as_json: bool) -> None:
    """Write what officers signed in the reserve DIR as files, for a watch that cannot reach its database."""
    answer_with(lambda: services.watches.export(reserve, out, dry_run=dry_run), as_json=as_json)
