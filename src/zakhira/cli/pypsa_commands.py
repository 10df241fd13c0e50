"""The command that reads a PyPSA network."""

from __future__ import annotations

import math
from pathlib import Path

import click

from zakhira.cli.answering import FOLDER, JSON, answer_with
from zakhira.cli.services import NetworkImport, Services

MOST_BLOCKS = 20
"""As many as a series may have."""
_EXAMPLE = "Example: zakhira surplus from-pypsa network.nc --out out/mine --cost-below 70"


def _number(_context: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
    """Words such as nan are numbers to Python, and to no planner."""
    if value is not None and not math.isfinite(value):
        raise click.BadParameter("it is not a finite number.")
    return value


def _carriers(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(word.strip() for word in value.split(",") if word.strip()))
    if not words:
        raise click.BadParameter("name at least one carrier.")
    return words


@click.command(name="from-pypsa", epilog=_EXAMPLE)
@click.argument("network", type=FOLDER, metavar="NETWORK.nc")
@click.option("--out", type=FOLDER, required=True, help="New or empty folder for the programme.")
@click.option("--cost-below", type=float, callback=_number, help="Count what costs less, in the network's money a MWh.")
@click.option("--blocks", type=click.IntRange(1, MOST_BLOCKS), default=4, show_default=True, help="Most cost blocks.")
@click.option(
    "--bus-carrier", "carriers", default="AC,DC", show_default=True, callback=_carriers, help="Buses that carry power."
)
@click.option(
    "--time-zone", default="UTC", show_default=True, metavar="ZONE", help="The clock of the snapshots: Asia/Karachi."
)
@click.option(
    "--usd-per-unit",
    type=click.FloatRange(0, 1e6, min_open=True),
    default=1.0,
    show_default=True,
    callback=_number,
    help="What one unit of the network's money is worth in USD.",
)
@click.option(
    "--pkr-per-usd",
    type=click.FloatRange(0, 1e6, min_open=True),
    callback=_number,
    help="Exchange rate of the programme; else that of a new programme.",
)
@JSON
@click.pass_obj
def from_pypsa(
    services: Services,
    network: Path,
    out: Path,
    cost_below: float | None,
    blocks: int,
    carriers: tuple[str, ...],
    time_zone: str,
    usd_per_unit: float,
    pkr_per_usd: float | None,
    *,
    as_json: bool,
) -> None:
    """Make a programme out of the unused capacity of a solved PyPSA network, by bus and hour.

    It needs PyPSA: pip install zakhira[pypsa]
    """
    order = NetworkImport(
        network=network,
        out=out,
        cost_below=math.inf if cost_below is None else cost_below,
        blocks=blocks,
        bus_carriers=carriers,
        time_zone=time_zone,
        usd_per_unit=usd_per_unit,
        pkr_per_usd=pkr_per_usd or 0.0,
    )
    answer_with(lambda: services.surplus_from_network(order), as_json=as_json)
