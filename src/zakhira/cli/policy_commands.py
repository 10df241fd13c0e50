"""The commands of policies: what the rules say, what is wrong with them, and what a change would change."""

from __future__ import annotations

from pathlib import Path

import click

from zakhira.cli.answer import Answer
from zakhira.cli.answering import FOLDER, JSON, answer_with
from zakhira.cli.policy_services import SimulationOrder
from zakhira.cli.services import Services
from zakhira.cli.terminal import progress_bars

MAX_DAYS = 36_600
"""A hundred years of spends."""
_PLACE = click.argument("place", type=FOLDER, metavar="PROGRAMME|RESERVE")


@click.group(epilog="Example: zakhira policy show programmes/small")
def policy() -> None:
    """The policy: who may do what with how much, checked, explained, compared and simulated."""


@policy.command(epilog="Example: zakhira policy show programmes/small")
@_PLACE
@JSON
@click.pass_obj
def show(services: Services, place: Path, *, as_json: bool) -> None:
    """Show the rules in their order, statutes, officers with their roles, deputies and payees."""
    answer_with(lambda: services.policies.show(place), as_json=as_json)


@policy.command(epilog="Example: zakhira policy check programmes/small")
@_PLACE
@click.option("--strict", "is_strict", is_flag=True, help="Warnings count as faults.")
@JSON
@click.pass_obj
def check(services: Services, place: Path, *, is_strict: bool, as_json: bool) -> None:
    """Find what is wrong with a policy, each with an example: who could do what by which rules.

    Faults end with exit code 2: rules that never decide, quorums that nobody can fill, ways for fewer people than the
    policy says, recovery paths that no rule covers, and others. Warnings are told and may be meant.
    """
    answer_with(lambda: services.policies.check(place, is_strict=is_strict), as_json=as_json)


@policy.command(epilog="Example: zakhira policy diff programmes/small programmes/pakistan-2000mw")
@click.argument("old", type=FOLDER, metavar="OLD")
@click.argument("new", type=FOLDER, metavar="NEW")
@JSON
@click.pass_obj
def diff(services: Services, old: Path, new: Path, *, as_json: bool) -> None:
    """Say which questions NEW answers otherwise than OLD, the more permissive first, and what differs part by part.

    OLD and NEW are programme folders, reserves, or what `zakhira policy show --json` wrote.
    """
    answer_with(lambda: services.policies.diff(old, new), as_json=as_json)


@policy.command(epilog="Example: zakhira policy explain out/reserve pay-1")
@click.argument("place", type=FOLDER, metavar="DIR")
@click.argument("spend", default="", metavar="[SPEND]")
@click.option("--case", type=FOLDER, metavar="FILE", help="A CSV or JSON file of cases in place of a spend.")
@JSON
@click.pass_obj
def explain(services: Services, place: Path, spend: str, case: Path | None, *, as_json: bool) -> None:
    """Say which rule decides a spend of the reserve in DIR, and why; what is missing until when; what Cedar says.

    With --case DIR may be a programme folder as well. Exit code 1: it is not allowed, or not yet.
    """
    answer_with(lambda: services.policies.explain(place, spend, case), as_json=as_json)


@policy.command(epilog="Example: zakhira policy simulate out/reserve --with programmes/small --days 90")
@click.argument("place", type=FOLDER, metavar="DIR")
@click.option("--with", "changed", type=FOLDER, required=True, metavar="NEW", help="The changed policy.")
@click.option("--days", type=click.IntRange(1, MAX_DAYS), default=90, show_default=True, help="Spends of so many days.")
@click.option("--cases", type=FOLDER, metavar="FILE", help="A CSV or JSON file of cases in place of the spends.")
@click.option("--plot", type=FOLDER, metavar="FILE", help="Draw how the cases end into FILE, .svg or .png.")
@JSON
@click.pass_obj
def simulate(
    services: Services, place: Path, changed: Path, days: int, cases: Path | None, plot: Path | None, *, as_json: bool
) -> None:
    """Replay the spends of the reserve in DIR, or a file of cases, under its policy and under NEW.

    They are replayed in order of time, so that windows fill as they would have, and what waits is asked again.
    """
    order = SimulationOrder(place, changed, days, cases, plot)

    def make() -> Answer:
        with progress_bars(quiet=as_json) as progress:
            return services.policies.simulate(order, progress)

    answer_with(make, as_json=as_json)
