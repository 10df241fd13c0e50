"""What the commands that propose spends have in common: their terms, and how fast they shall be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

PATHS = ("main", "recovery")
MAX_TARGET = 1008
MAX_RATE = 100_000
MAX_HOURS = 24 * 366
Command = TypeVar("Command", bound=Callable[..., object])


def proposal_terms(command: Command) -> Command:
    """What every proposal says."""
    for option in (
        click.option(
            "--hours", type=click.IntRange(0, MAX_HOURS), default=0, help="How long it may wait; 0: the policy's."
        ),
        click.option(
            "--fee-rate-limit", type=click.IntRange(1, MAX_RATE), default=100, show_default=True, help="sat/vB."
        ),
        click.option("--fee-limit", default="0.001 BTC", show_default=True, help="The most that the fee may be."),
        click.option("--clause", default="", help="The authority cited; the policy's clause unless given."),
    ):
        command = option(command)
    return command


def fee_asked(command: Command) -> Command:
    """How fast, or at what rate by hand."""
    for option in (
        click.option("--fee-rate", default="", metavar="SAT/VB", help="The rate by hand, in place of an estimate."),
        click.option("--target", type=click.IntRange(1, MAX_TARGET), default=6, show_default=True, help="Blocks."),
    ):
        command = option(command)
    return command
