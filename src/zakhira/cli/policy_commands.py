"""The commands of policies: what the rules say, what is wrong with them, and what a change would change."""

from __future__ import annotations

from pathlib import Path

import click

from zakhira.cli.answering import FOLDER, JSON, answer_with
from zakhira.cli.services import Services

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
