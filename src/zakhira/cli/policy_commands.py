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
