"""``zakhira drill``: a procedure or an attack carried out on regtest."""

from __future__ import annotations

from pathlib import Path

import click

from zakhira.cli.answer import Answer
from zakhira.cli.answering import FOLDER, JSON, answer_with
from zakhira.cli.drill_services import DRILL_NAMES, DrillOrder
from zakhira.cli.services import Services
from zakhira.cli.terminal import progress_bars


@click.command(epilog="Example: zakhira drill coerced-officer --programme programmes/small --out out/drill")
@click.argument("name", metavar="NAME", type=click.Choice(DRILL_NAMES))
@click.option("--programme", type=FOLDER, required=True, help="Folder of the programme whose own policy is tried.")
@click.option("--out", type=FOLDER, help="Folder for report.html and report.json, for the auditor's file.")
@JSON
@click.pass_obj
def drill(services: Services, name: str, programme: Path, out: Path | None, *, as_json: bool) -> None:
    """Carry a drill out: lost-key, lost-site, coerced-officer, fee-spike, reorg, node-down or insider.

    A fresh reserve is made of the programme on a private regtest node, its coins are worth nothing, and its people are
    played by keys that anybody can derive. Policy, engine, database, node and signers are the real ones. Delays of the
    policy are waited for by moving the drill's own clock. Exit code 1 if something did not hold.
    """

    def act() -> Answer:
        with progress_bars(quiet=as_json) as progress:
            return services.drills.play(DrillOrder(name, programme, out), progress)

    answer_with(act, as_json=as_json)
