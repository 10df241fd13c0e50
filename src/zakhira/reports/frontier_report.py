"""The frontier between two aims: what the one costs in the other, as a sentence, a table, a plot and a page."""

from __future__ import annotations

from dataclasses import dataclass

from zakhira.planning.frontier import Frontier, FrontierPoint
from zakhira.planning.objectives import UNITS
from zakhira.programme.model import Programme
from zakhira.reports.document import Column, Figure, Mood, Report, Row, Section, State, Table
from zakhira.reports.energy_sections import plural
from zakhira.reports.numbers import fixed, power, prose, usd, with_unit
from zakhira.reports.plan_sections import AIM_GAP_SHARE, bound_share
from zakhira.reports.plot_spec import Role, TradePlot
from zakhira.reports.totals import weakest_tag

_MILLION = 1e6
NO_TRADE_SHARE = 1e-3
"""Below a thousandth of itself an aim is told as given up or won not at all."""


@dataclass(frozen=True)
class _Scale:
    """How an aim is written: its column's unit, what one of that unit is, decimals, words and role."""

    unit: str
    size: float
    decimals: int
    role: Role


_SCALES = {
    "value": _Scale("USD mln/a", _MILLION, 2, Role.MONEY),
    "coins": _Scale("BTC/a", 1.0, 2, Role.COINS),
    "energy": _Scale("GWh/a", 1e3, 1, Role.SURPLUS),
    "jobs": _Scale("", 1.0, 0, Role.AI),
}


def _amount(aim: str, value: float) -> str:
    scale = _SCALES[aim]
    return fixed(value / scale.size, scale.decimals)


def _words(aim: str, value: float) -> str:
    """An amount of an aim in prose: USD 8.58 million a year of value."""
    if aim == "value":
        return f"{usd(value)} a year"
    if aim == "jobs":
        return f"{fixed(value)} job{'s' if round(value) != 1 else ''}"
    size, unit = (1.0, "BTC") if aim == "coins" else (1e3, "GWh")
    return f"{with_unit(prose(value / size, 4), unit)} a year"


def frontier_title(frontier: Frontier) -> str:
    """The message: what the whole way costs, and what it buys."""
    first, last = frontier.points[0], frontier.points[-1]
    lost, won = first.first - last.first, last.second - first.second
    if lost <= NO_TRADE_SHARE * abs(first.first) or won <= NO_TRADE_SHARE * abs(last.second):
        return (
            f"One plan has as good as the most of both: {frontier.first_aim} {_words(frontier.first_aim, first.first)},"
            f" {frontier.second_aim} {_words(frontier.second_aim, last.second)}"
        )
    return (
        f"Going from the most {frontier.first_aim} to the most {frontier.second_aim} costs"
        f" {_words(frontier.first_aim, lost)} and buys {_words(frontier.second_aim, won)}"
    )


def frontier_table(frontier: Frontier) -> Table:
    """The points from the most of the one aim to the most of the other."""
    aims = (frontier.first_aim, frontier.second_aim)
    columns = [Column(aim, _SCALES[aim].unit) for aim in aims]
    if "value" not in aims:
        columns.append(Column("net value", "USD mln/a"))
    columns += [Column("granted", "MW"), Column("within")]
    return Table(
        f"From the most {frontier.first_aim} to the most {frontier.second_aim}",
        tuple(columns),
        tuple(Row(_cells(frontier, point)) for point in frontier.points),
    )


def _cells(frontier: Frontier, point: FrontierPoint) -> tuple[str, ...]:
    cells = [_amount(frontier.first_aim, point.first), _amount(frontier.second_aim, point.second)]
    if "value" not in {frontier.first_aim, frontier.second_aim}:
        cells.append(fixed(point.net_usd / _MILLION, 2))
    return (*cells, fixed(float(point.power_mw.sum()), 1), bound_share(point.gap_share))


def frontier_plot(frontier: Frontier, *, estimate: bool = False) -> TradePlot:
    """The second aim over the first, each point with the MW that it grants."""
    return TradePlot(
        id="frontier",
        title=frontier_title(frontier),
        description=f"A line of {plural(len(frontier.points), 'point')}; more of one aim is less of the other.",
        x_words=_axis(frontier.first_aim),
        y_words=_axis(frontier.second_aim),
        points=tuple(_point(frontier, place) for place in range(len(frontier.points))),
        role=_SCALES[frontier.second_aim].role,
        estimate=estimate,
    )


def _axis(aim: str) -> str:
    return f"{aim}, {_SCALES[aim].unit}" if _SCALES[aim].unit else UNITS[aim]


def _point(frontier: Frontier, place: int) -> tuple[float, float, str]:
    point = frontier.points[place]
    ends = {0: f"most {frontier.first_aim}: ", len(frontier.points) - 1: f"most {frontier.second_aim}: "}
    words = f"{ends.get(place, '')}{power(float(point.power_mw.sum()))}"
    sizes = (_SCALES[frontier.first_aim].size, _SCALES[frontier.second_aim].size)
    return point.first / sizes[0], point.second / sizes[1], words


def frontier_report(frontier: Frontier, programme: Programme, idle: str, command: str, version: str) -> Report:
    """The page of a frontier; ``idle`` is what the search leaves out, in words."""
    tag, title = weakest_tag(programme), frontier_title(frontier)
    source = (
        f"Source: frontier of programme {programme.id} ({programme.digest[:12]}), prices of"
        f" {programme.prices.as_of}. [{tag}]"
    )
    first, last = frontier.points[0], frontier.points[-1]
    words = f"Within: how far the weighted sum of a point could be surpassed at most{idle}."
    return Report(
        title=programme.name,
        subtitle=f"Frontier of programme {programme.id} between {frontier.first_aim} and {frontier.second_aim}",
        headline=f"{title}.",
        figures=(
            _figure(
                frontier.first_aim, first.first, f"the most; beside it {_beside(frontier.second_aim, first.second)}"
            ),
            _figure(frontier.second_aim, last.second, f"the most; beside it {_beside(frontier.first_aim, last.first)}"),
        ),
        states=(frontier_state(frontier),),
        sections=(
            Section(
                "frontier",
                f"Between the most {frontier.first_aim} and the most {frontier.second_aim} lie "
                f"{plural(max(0, len(frontier.points) - 2), 'more plan')}",
                (words,),
                source,
                frontier_plot(frontier, estimate=tag == "E"),
                (frontier_table(frontier),),
            ),
        ),
        about=(("Command", command), ("Digest of programme and series", programme.digest), ("Zakhira", version)),
        kind="frontier",
    )


def _beside(aim: str, value: float) -> str:
    return _words(aim, value) if aim in {"value", "jobs"} else f"{_words(aim, value)} of {aim}"


def _figure(aim: str, value: float, note: str) -> Figure:
    return Figure(f"Most {aim}", _amount(aim, value), _SCALES[aim].unit or UNITS[aim], note)


def frontier_state(frontier: Frontier) -> State:
    """How good the points are: the furthest from its bound speaks for all."""
    worst = max(point.gap_share for point in frontier.points)
    words = f"No point's weighted sum could be surpassed by more than {bound_share(worst)}."
    if worst <= AIM_GAP_SHARE:
        return State(Mood.GOOD, "CERTIFIED", words)
    return State(Mood.OPEN, "NOT CLOSED", words)
