"""``zakhira plan``: one command, and what may be asked of it."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from zakhira.cli.answer import Answer
from zakhira.cli.answering import FOLDER, JSON, answer_with
from zakhira.cli.services import PlanOrder, Services
from zakhira.cli.terminal import progress_bars

MAX_SCENARIOS = 100_000
MAX_SEED = 2**32 - 1
_EXAMPLE = "Example: zakhira plan programmes/pakistan-2000mw --scenarios 1000 --risk 0.5,0.95"
METHODS = ("auto", "structural", "full")
ENGINES = ("local", "ray")
RESPONSES = ("none", "share", "elastic")
AIMS = ("value", "coins", "energy", "jobs")
MAX_POINTS = 50


class _Risk(click.ParamType[tuple[float, float]]):
    """``LAMBDA,ALPHA``: the weight of the worst scenarios, and the level above which they are the worst."""

    name = "LAMBDA,ALPHA"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        """Two shares with a comma between."""
        if isinstance(value, tuple):
            return value
        parts = str(value).split(",")
        try:
            weight, level = (float(part) for part in parts)
        except ValueError:
            self.fail(f"{value!r} is not two numbers like 0.5,0.95.", param, ctx)
        if not (0 <= weight <= 1 and 0 <= level < 1):
            self.fail(f"{value!r}: the weight lies between 0 and 1, the level from 0 to below 1.", param, ctx)
        return weight, level


class _TwoAims(click.ParamType[tuple[str, str]]):
    """``A,B``: the two ends of a frontier."""

    name = "A,B"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Two different aims with a comma between."""
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in str(value).split(",")]
        if len(parts) != 2 or parts[0] == parts[1] or not set(parts) <= set(AIMS):  # noqa: PLR2004  # two aims
            self.fail(f"{value!r} is not two of {', '.join(AIMS)}, like value,coins.", param, ctx)
        return parts[0], parts[1]


_UNHEEDED = {
    "frontier": ("explain", "break_even", "objective", "method", "phases", "engine"),
    "to_pypsa": (
        *("scenarios", "scenario_file", "seed", "risk", "response", "phases", "method", "engine", "objective"),
        *("frontier", "explain", "break_even", "out"),
    ),
}
"""What one answer has no use for: asked for together with it, it would be left out without a word."""
_NEEDS = {"points": ("frontier",), "workers": ("engine",), "risk": ("scenarios", "scenario_file")}
"""Options that mean something only beside one of others."""


def _refuse_unheeded(context: click.Context) -> None:
    """An option that this plan would not heed is refused rather than left out."""
    names = {param.name: param.opts[0] for param in context.command.params}
    given = {name for name in names if name and context.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    for name, others in _UNHEEDED.items():
        for other in others:
            if {name, other} <= given:
                raise click.UsageError(f"{names[name]} does not go with {names[other]}: give one of the two.")
    for name, others in _NEEDS.items():
        if name in given and not given.intersection(others):
            beside = " or ".join(names[other] for other in others)
            raise click.UsageError(f"{names[name]} means nothing without {beside}.")
    if {"objective", "method"} <= given and context.params["objective"] != "value":
        raise click.UsageError("--method is for --objective value: other aims have a search of their own.")


@click.command(epilog=_EXAMPLE)
@click.argument("programme", type=FOLDER)
@click.option("--scenarios", type=click.IntRange(1, MAX_SCENARIOS), help="Plan over so many drawn scenarios.")
@click.option("--scenario-file", type=FOLDER, metavar="FILE", help="Plan over the scenarios of a file of your own.")
@click.option("--seed", type=click.IntRange(0, MAX_SEED), default=7, show_default=True, help="Seed of what is drawn.")
@click.option("--risk", type=_Risk(), help="Weight of the worst scenarios, and their level: 0.5,0.95.")
@click.option("--response", type=click.Choice(RESPONSES), help="How the network answers, in place of the programme's.")
@click.option("--phases", is_flag=True, help="Plan the build-up over the programme's phases as one problem.")
@click.option("--method", type=click.Choice(METHODS), default="auto", show_default=True, help="How to solve it.")
@click.option("--engine", type=click.Choice(ENGINES), default="local", show_default=True, help="Where scenarios run.")
@click.option("--workers", type=click.IntRange(1, 1024), default=2, show_default=True, help="Workers of --engine ray.")
@click.option("--objective", type=click.Choice(AIMS), help="What to maximise, in place of the programme's.")
@click.option("--frontier", type=_TwoAims(), help="Plans from the most of one aim to the most of another: value,coins.")
@click.option("--points", type=click.IntRange(2, MAX_POINTS), default=5, show_default=True, help="Of --frontier.")
@click.option("--explain", metavar="ZONE", help="Say why a zone got what it got.")
@click.option("--break-even", is_flag=True, help="Say at which prices each zone's use flips.")
@click.option("--out", type=FOLDER, metavar="DIR", help="Write plan.json, report.html and plots into a folder.")
@click.option("--to-pypsa", type=FOLDER, metavar="FILE.nc", help="Write the problem as a PyPSA network, and no plan.")
@JSON
@click.pass_obj
def plan(
    services: Services,
    programme: Path,
    scenarios: int | None,
    scenario_file: Path | None,
    seed: int,
    risk: tuple[float, float] | None,
    response: str | None,
    method: str,
    engine: str,
    workers: int,
    to_pypsa: Path | None,
    objective: str | None,
    frontier: tuple[str, str] | None,
    points: int,
    explain: str | None,
    out: Path | None,
    *,
    break_even: bool,
    phases: bool,
    as_json: bool,
) -> None:
    """Allocate the megawatts of PROGRAMME, with a certificate of how far from optimal the plan could be.

    Ctrl-C ends a long search with the best plan so far and its gap (exit code 130).
    """
    if scenarios is not None and scenario_file is not None:
        raise click.UsageError("--scenarios draws scenarios and --scenario-file reads them: give one of the two.")
    _refuse_unheeded(click.get_current_context())
    order = PlanOrder(
        folder=programme,
        scenarios=scenarios or 0,
        scenario_file=scenario_file,
        seed=seed,
        risk=risk,
        response=response or "",
        phases=phases,
        method=method,
        engine=engine,
        workers=workers,
        objective=objective or "",
        explain=explain or "",
        frontier=frontier,
        points=points,
        break_even=break_even,
        out=out,
    )

    def make() -> Answer:
        if to_pypsa is not None:
            return services.plan_to_network(programme, to_pypsa)
        with progress_bars(quiet=as_json) as progress:
            return services.plan(order, progress)

    answer_with(make, as_json=as_json)
