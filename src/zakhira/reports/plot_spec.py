"""What a plot shows, as data: an adapter draws it, and nothing about pixels or fonts is said here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class Role(Enum):
    """What a mark stands for; the look gives each its colour and its pattern."""

    SURPLUS = "surplus"
    MINING = "mining"
    AI = "ai"
    SHED = "shed"
    COINS = "coins"
    INTAKE = "intake"
    MONEY = "money"
    CLAIMS = "claims"


@dataclass(frozen=True)
class Layer:
    """One layer of a stack or one line, with a value for each x. An estimate is hatched."""

    label: str
    role: Role
    values: tuple[float, ...]
    estimate: bool = False


@dataclass(frozen=True)
class Spec:
    """What every plot has: an id that is unique on the page, the message, and a description for who cannot see it."""

    id: str
    title: str
    description: str


@dataclass(frozen=True)
class StackPlot(Spec):
    """Layers stacked from zero over categories (hours, days, months) in ``unit``. ``line`` is drawn over the stack."""

    x_name: str
    x_labels: tuple[str, ...]
    unit: str
    y_name: str
    layers: tuple[Layer, ...]
    line: Layer | None = None


@dataclass(frozen=True)
class LinePlot(Spec):
    """Lines over evenly spaced ``x_labels``. ``stepped`` where a value holds until the next one."""

    x_name: str
    x_labels: tuple[str, ...]
    unit: str
    y_name: str
    lines: tuple[Layer, ...]
    points: tuple[tuple[int, float, str], ...] = ()
    """Single marks as (index of x, value, label)."""
    stepped: bool = False


@dataclass(frozen=True)
class Bar:
    """One bar, with the text that stands at its end."""

    label: str
    value: float
    text: str
    role: Role
    estimate: bool = False


@dataclass(frozen=True)
class BarPlot(Spec):
    """Horizontal bars from zero, from the top down."""

    unit: str
    x_name: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Disc:
    """A zone on the schematic map: the area of the disc is ``total_mw``, split into mining and AI halls."""

    label: str
    longitude_deg: float
    latitude_deg: float
    mining_mw: float
    ai_mw: float
    mean_surplus_mw: float

    @property
    def total_mw(self) -> float:
        """MW allocated in the zone."""
        return self.mining_mw + self.ai_mw


@dataclass(frozen=True)
class MapLink:
    """A line between two discs, as wide as its limit."""

    from_label: str
    to_label: str
    limit_mw: float


@dataclass(frozen=True)
class MapPlot(Spec):
    """A schematic map: discs at their coordinates (degrees), ring = mean surplus, filled = allocation."""

    discs: tuple[Disc, ...]
    links: tuple[MapLink, ...]


@dataclass(frozen=True)
class PairPlot(Spec):
    """Pairs of figures to compare, one row each, as a share of the first: 100 is equal."""

    first_name: str
    second_name: str
    pairs: tuple[tuple[str, float], ...]
    """(label, second as a percentage of first)"""


@dataclass(frozen=True)
class GridPlot(Spec):
    """A value for each row and column, darker for more, in ``unit``."""

    row_name: str
    row_labels: tuple[str, ...]
    column_name: str
    column_labels: tuple[str, ...]
    unit: str
    values: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class TradePlot(Spec):
    """Points of two figures each, joined in their order: how much of the one the other costs. Axes carry both units."""

    x_words: str
    y_words: str
    points: tuple[tuple[float, float, str], ...]
    """(x, y, label)"""
    role: Role
    estimate: bool = False


PlotSpec: TypeAlias = StackPlot | LinePlot | BarPlot | MapPlot | PairPlot | GridPlot | TradePlot
