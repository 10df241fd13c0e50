"""The commands: each translates its arguments, calls one use case and renders the answer."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from zakhira import __version__
from zakhira.cli.address_commands import address, labels
from zakhira.cli.answer import Answer
from zakhira.cli.answering import FOLDER as _FOLDER
from zakhira.cli.answering import JSON as _JSON
from zakhira.cli.answering import answer_with as _answer
from zakhira.cli.answering import finish as _finish
from zakhira.cli.audit_commands import audit
from zakhira.cli.backing_commands import resume
from zakhira.cli.db_commands import db
from zakhira.cli.door import Exit, tell
from zakhira.cli.drill_commands import drill
from zakhira.cli.governing_commands import officer
from zakhira.cli.keys_commands import keys
from zakhira.cli.ledger_commands import ledger
from zakhira.cli.participant_commands import participant
from zakhira.cli.payout_commands import payout
from zakhira.cli.plan_commands import plan
from zakhira.cli.policy_commands import policy
from zakhira.cli.pypsa_commands import from_pypsa
from zakhira.cli.reconcile_commands import reconcile
from zakhira.cli.reserve_commands import reserve
from zakhira.cli.series_commands import series
from zakhira.cli.services import Services
from zakhira.cli.signer_commands import codes, hwi, signer
from zakhira.cli.spend_commands import spend
from zakhira.cli.suspense_commands import settle, suspense
from zakhira.cli.terminal import print_findings, print_node, progress_bars
from zakhira.cli.vault_commands import vault
from zakhira.cli.watch_commands import watch

MAX_DAYS = 366
"""The longest horizon a programme may have, in days."""
MAX_SEED = 2**53 - 1
"""The largest whole number that JSON carries exactly: a seed is part of what is recorded."""
MAX_SCENARIOS = 100_000
"""Paths of a year's 27 epochs that still fit into memory with ease (0.1 GB)."""


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: zakhira run programmes/small --days 7 --seed 7 --out out/small",
)
@click.version_option(__version__, prog_name="zakhira")
def zakhira() -> None:
    """A strategic Bitcoin reserve fed by surplus power: plan, dispatch, vault, books and proof.

    Exit codes: 0 done, 1 the answer is no, 2 wrong input, 3 something outside is missing or failed, 4 our own fault,
    130 interrupted.
    """


@zakhira.command(epilog="Example: zakhira doctor --json")
@_JSON
@click.pass_obj
def doctor(services: Services, *, as_json: bool) -> None:
    """Say what is installed, which bitcoind, which database, what is missing and how to get it."""

    def act() -> Exit:
        findings = services.doctor()
        tell(lambda: print_findings(findings, as_json=as_json))
        return Exit.OUTSIDE if any(finding.state == "missing" for finding in findings) else Exit.DONE

    _finish(act, as_json=as_json)


@zakhira.command(epilog="Example: zakhira init my-programme")
@click.argument("folder", type=_FOLDER, metavar="DIR")
@_JSON
@click.pass_obj
def init(services: Services, folder: Path, *, as_json: bool) -> None:
    """Write a programme folder into DIR that `zakhira run` accepts as it is."""
    _answer(lambda: services.init(folder), as_json=as_json)


@zakhira.command(epilog="Example: zakhira check programmes/pakistan-2000mw")
@click.argument("programme", type=_FOLDER)
@_JSON
@click.pass_obj
def check(services: Services, programme: Path, *, as_json: bool) -> None:
    """Validate PROGRAMME: every fault with file, line, key and what to do."""
    _answer(lambda: services.check(programme), as_json=as_json)


zakhira.add_command(plan)
zakhira.add_command(drill)


@zakhira.command(epilog="Example: zakhira compare out/plan-a out/plan-b")
@click.argument("plan_a", type=_FOLDER)
@click.argument("plan_b", type=_FOLDER)
@_JSON
@click.pass_obj
def compare(services: Services, plan_a: Path, plan_b: Path, *, as_json: bool) -> None:
    """Say what changed from PLAN_A to PLAN_B and why: files of `zakhira plan --json`, or folders of its --out."""
    _answer(lambda: services.compare(plan_a, plan_b), as_json=as_json)


@zakhira.command(epilog="Example: zakhira run programmes/small --days 7 --seed 7 --out out/small")
@click.argument("programme", type=_FOLDER)
@click.option("--days", type=click.IntRange(1, MAX_DAYS), required=True, help="How many days to run.")
@click.option("--seed", type=click.IntRange(0, MAX_SEED), required=True, help="The same seed replays the same run.")
@click.option("--out", type=_FOLDER, required=True, help="Folder for the run's node, database, pack and report.")
@_JSON
@click.pass_obj
def run(services: Services, programme: Path, days: int, seed: int, out: Path, *, as_json: bool) -> None:
    """Run PROGRAMME from megawatt to proof on a private node and a database of its own.

    Stopped at any point, the same command carries on from what is committed.
    """

    def make() -> Answer:
        with progress_bars(quiet=as_json) as progress:
            return services.run(programme, days, seed, out, progress)

    _answer(make, as_json=as_json)


@zakhira.command(
    epilog="Example: zakhira verify out/small/pack --node http://127.0.0.1:18443 "
    "--cookie out/small/node/regtest/.cookie --trust programmes/small/trust.keys"
)
@click.argument("pack", type=_FOLDER)
@click.option("--node", "node_url", required=True, help="URL of your node's RPC: http://user:password@host:port")
@click.option("--cookie", type=_FOLDER, help="The node's cookie file, in place of user and password.")
@click.option("--trust", type=_FOLDER, required=True, help="Public keys that you know from elsewhere, one a line.")
@_JSON
@click.pass_obj
def verify(services: Services, pack: Path, node_url: str, cookie: Path | None, trust: Path, *, as_json: bool) -> None:
    """Check PACK with nothing but the pack, a node, and keys known from elsewhere.

    The node must know the block of the pack; to tell when a coin has moved since, it needs -blockfilterindex, or all
    blocks since then.
    """
    _answer(lambda: services.verify(pack, node_url, cookie, trust), as_json=as_json)


@zakhira.command(epilog="Example: zakhira node out/small")
@click.argument("out", type=_FOLDER)
@_JSON
@click.pass_obj
def node(services: Services, out: Path, *, as_json: bool) -> None:
    """Start the private node of the run in OUT and keep it up until Ctrl-C, so that `verify` can ask it."""

    def act() -> Exit:
        services.serve_node(out, partial(print_node, as_json=as_json))
        return Exit.DONE

    _finish(act, as_json=as_json)


@zakhira.command(epilog="Example: zakhira scenarios programmes/small --count 1000 --seed 7 --out out/scenarios.csv")
@click.argument("programme", type=_FOLDER)
@click.option("--count", type=click.IntRange(1, MAX_SCENARIOS), required=True, help="How many scenarios to draw.")
@click.option("--seed", type=click.IntRange(0, MAX_SEED), required=True, help="The same seed gives the same scenarios.")
@click.option("--out", type=_FOLDER, required=True, help="File to write, ending in .csv or .parquet.")
@_JSON
@click.pass_obj
def scenarios(services: Services, programme: Path, count: int, seed: int, out: Path, *, as_json: bool) -> None:
    """Draw futures of PROGRAMME: price, others' hashrate, GPU rent and year of surplus.

    What is drawn follows [planning]; the file has a row for each scenario, phase and two-week epoch and may be edited.
    """
    _answer(lambda: services.scenarios(programme, count, seed, out), as_json=as_json)


@zakhira.group(epilog="Example: zakhira surplus generate programmes/pakistan-2000mw --seed 2026")
def surplus() -> None:
    """Make the surplus series of a programme."""


@surplus.command(epilog="Example: zakhira surplus generate programmes/pakistan-2000mw --seed 2026")
@click.argument("programme", type=_FOLDER)
@click.option("--seed", type=click.IntRange(0, MAX_SEED), required=True, help="The same seed gives the same series.")
@click.option("--years", is_flag=True, help="Generate the other years of system/years.csv, not that of reference.")
@click.option("--write", is_flag=True, help="Replace the programme's series; without it, only show what they would be.")
@_JSON
@click.pass_obj
def generate(services: Services, programme: Path, seed: int, *, years: bool, write: bool, as_json: bool) -> None:
    """Generate the series of PROGRAMME from its power system's facts, and show the calibration."""
    _answer(lambda: services.generate_surplus(programme, seed, years=years, write=write), as_json=as_json)


surplus.add_command(from_pypsa)
zakhira.add_command(series)
for _group in (reserve, vault, keys, address, labels):
    zakhira.add_command(_group)
keys.add_command(hwi)
for _command in (suspense, settle, resume):
    reserve.add_command(_command)
for _group in (policy, officer, spend, audit, signer, codes):
    zakhira.add_command(_group)
zakhira.add_command(watch)
zakhira.add_command(db)
zakhira.add_command(reconcile)
zakhira.add_command(payout)
zakhira.add_command(ledger)
zakhira.add_command(participant)
