"""How near a generated year comes to the published figures: a table, and the mean day of a month."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zakhira.energy.generation import GeneratedYear
from zakhira.energy.generation_weather import HOURS_PER_DAY, MWH_PER_GWH
from zakhira.energy.power_system import PowerSystem, PublishedFigure
from zakhira.energy.power_system_tables import TOTAL
from zakhira.programme.series import Floats

PERCENT = 100.0


@dataclass(frozen=True)
class CalibrationRow:
    """One published figure beside the generated one.

    ``difference_share`` is generated / published - 1. ``basis`` is ``scaled``, ``fitted`` or ``result``, as in
    :class:`zakhira.energy.power_system.PublishedFigure`; ``tolerance_share`` is the difference that is accepted.
    """

    label: str
    unit: str
    published: float
    generated: float
    difference_share: float
    tag: str
    source: str
    date: str
    basis: str
    tolerance_share: float

    @property
    def within(self) -> bool:
        """Whether the difference is accepted."""
        return abs(self.difference_share) <= self.tolerance_share


@dataclass(frozen=True)
class Calibration:
    """The whole table, and the mean load of the grid by local hour of ``profile_month`` with its published points."""

    rows: tuple[CalibrationRow, ...]
    profile_month: str
    profile_mw: tuple[float, ...]
    published_profile_mw: tuple[tuple[int, float], ...]
    """(local hour, MW)"""


def mean_day_mw(system: PowerSystem, year: GeneratedYear, month: str) -> Floats:
    """Mean load on the grid by local hour of one month, [24]."""
    inside = year.calendar.month == system.months.index(month)
    daily: Floats = year.load_mw.sum(axis=0)[inside].reshape(-1, HOURS_PER_DAY)
    return np.asarray(daily.mean(axis=0), dtype=np.float64)


def _output_gwh(system: PowerSystem, year: GeneratedYear, subject: str, month: str) -> float:
    """Generation of a technology, or of all of them, in a month or (no month) in the whole horizon."""
    chosen = [subject in (TOTAL, plant.technology) for plant in system.plants]
    output = year.run.output_mw[chosen].sum(axis=0)
    if month:
        output = output[year.calendar.month == system.months.index(month)]
    return float(output.sum()) / MWH_PER_GWH


def _generated(system: PowerSystem, year: GeneratedYear, figure: PublishedFigure) -> float:
    if figure.quantity == "month_gwh":
        return _output_gwh(system, year, figure.subject, figure.period)
    if figure.quantity == "year_percent":
        return PERCENT * _output_gwh(system, year, figure.subject, "") / _output_gwh(system, year, TOTAL, "")
    return float(mean_day_mw(system, year, figure.period)[int(figure.subject)])


def calibrate(system: PowerSystem, year: GeneratedYear) -> Calibration:
    """Compare a generated year with every published figure of its power system.

    The profile is that of the month of the system's ``profile_mw`` figures, or of the first month if it has none.
    """
    rows = []
    for figure in system.published:
        generated = _generated(system, year, figure)
        difference = generated / figure.value - 1.0
        rows.append(
            CalibrationRow(
                figure.label,
                figure.unit,
                figure.value,
                generated,
                difference,
                figure.tag,
                figure.source,
                figure.date,
                figure.basis,
                figure.tolerance_share,
            )
        )
    points = [figure for figure in system.published if figure.quantity == "profile_mw"]
    month = points[0].period if points else system.months[0]
    published = tuple((int(figure.subject), figure.value) for figure in points if figure.period == month)
    profile = tuple(float(value) for value in mean_day_mw(system, year, month))
    return Calibration(tuple(rows), month, profile, published)
