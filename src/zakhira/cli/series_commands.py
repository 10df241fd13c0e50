"""The commands about series: a planner's own files become those of a programme."""

from __future__ import annotations

import math
from pathlib import Path

import click

from zakhira.cli.answer import Answer
from zakhira.cli.answering import FOLDER, JSON, answer_with
from zakhira.cli.services import SeriesImport, Services
from zakhira.cli.terminal import progress_bars

REPAIRS = ("gaps", "duplicates", "dst", "resample", "negative", "horizon")
RESOLUTIONS = ("5m", "10m", "15m", "20m", "30m", "1h")
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", ",": ",", ";": ";"}
MAX_GAP_HOURS = 24
"""Beyond a day a straight line is no repair but a forecast."""
_EXAMPLE = (
    "Example: zakhira series import programmes/small/series/surplus.csv --programme programmes/small "
    "--repair gaps,duplicates"
)


def _repairs(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(word.strip() for word in value.split(",") if word.strip()))
    for word in words:
        if word not in REPAIRS:
            raise click.BadParameter(f"{word!r} is not one of {', '.join(REPAIRS)}.")
    return words


def _finite(_context: click.Context, _parameter: click.Parameter, value: float | tuple[float, ...]) -> object:
    """Words such as nan are numbers to Python, and to no planner."""
    if not all(map(math.isfinite, value if isinstance(value, tuple) else (value,))):
        raise click.BadParameter("it is not a finite number.")
    return value


@click.group(epilog=_EXAMPLE)
def series() -> None:
    """Bring a planner's own series into a programme."""


@series.command(name="import", epilog=_EXAMPLE)
@click.argument("files", type=FOLDER, nargs=-1, required=True, metavar="FILE...")
@click.option("--programme", type=FOLDER, required=True, help="Folder of the programme that the series is for.")
@click.option("--kind", type=click.Choice(("surplus", "ambient")), default="surplus", help="Which series it is.")
@click.option("--time-zone", default="", metavar="ZONE", help="Zone of times without an offset: Asia/Karachi, UTC.")
@click.option("--resolution", type=click.Choice(RESOLUTIONS), help="From row to row; else the rows tell it.")
@click.option(
    "--repair", "repairs", default="", metavar="WORDS", callback=_repairs, help=f"Any of {','.join(REPAIRS)}."
)
@click.option(
    "--max-gap-hours",
    type=click.FloatRange(0, MAX_GAP_HOURS, min_open=True),
    default=3,
    show_default=True,
    callback=_finite,
    help="The longest gap that is interpolated.",
)
@click.option("--block", "blocks", type=click.IntRange(1, 20), multiple=True, help="Cost block; again for each FILE.")
@click.option(
    "--cost-pkr-per-mwh",
    "costs",
    type=float,
    multiple=True,
    callback=_finite,
    help="Cost, if no column has it; again for each FILE.",
)
@click.option("--stamp", type=click.Choice(("start", "end")), default="start", help="Which end of a row its time is.")
@click.option("--time-column", default="", metavar="NAME", help="Column of the times, if it has a name of its own.")
@click.option("--time-format", default="", metavar="FORM", help="Form of the times if not ISO 8601: '%d.%m.%Y %H:%M'.")
@click.option("--delimiter", type=click.Choice(tuple(DELIMITERS)), default="comma", help="What parts the cells of CSV.")
@click.option("--decimal-comma", is_flag=True, help="Numbers are written 1,5.")
@click.option("--write", is_flag=True, help="Replace the programme's series; without it, only say what would be done.")
@JSON
@click.pass_obj
def import_(
    services: Services,
    files: tuple[Path, ...],
    programme: Path,
    kind: str,
    time_zone: str,
    resolution: str | None,
    repairs: tuple[str, ...],
    max_gap_hours: float,
    blocks: tuple[int, ...],
    costs: tuple[float, ...],
    stamp: str,
    time_column: str,
    time_format: str,
    delimiter: str,
    *,
    decimal_comma: bool,
    write: bool,
    as_json: bool,
) -> None:
    """Turn CSV or Parquet FILEs into a series of a programme, and say what was repaired.

    A file has a column of times and either zone, block, surplus_mw and cost_pkr_per_mwh (for --kind ambient: zone and
    ambient_c), or a column for each zone. Every irregularity is refused with its place unless --repair names it.
    """
    order = SeriesImport(
        files=files,
        programme=programme,
        kind=kind,
        time_zone=time_zone,
        resolution=resolution or "",
        repairs=repairs,
        max_gap_hours=max_gap_hours,
        blocks=blocks,
        costs_pkr_per_mwh=costs,
        stamps_end=stamp == "end",
        time_column=time_column,
        time_format=time_format,
        delimiter=DELIMITERS[delimiter],
        decimal_comma=decimal_comma,
        write=write,
    )

    def make() -> Answer:
        with progress_bars(quiet=as_json) as progress:
            return services.import_series(order, progress)

    answer_with(make, as_json=as_json)
