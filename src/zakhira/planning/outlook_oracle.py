"""The value of megawatts over all years and scenarios, by its mean and by its worst scenarios, with supergradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zakhira.planning.limits import USD_PER_MUSD
from zakhira.planning.oracle import Look
from zakhira.planning.outlook_year import Meeting, YearOfSurplus, years_of_surplus
from zakhira.planning.problem import AllocationProblem, OperatingYear
from zakhira.programme.series import Floats


@dataclass(frozen=True)
class Risk:
    """``(1 - weight) x mean + weight x mean over the worst tail_share of the scenarios`` (CVaR at 1 - tail_share)."""

    weight: float = 0.0
    tail_share: float = 1.0


def tail_weights(values: Floats, weights: Floats, risk: Risk) -> Floats:
    """How much each scenario [scenario] counts: the weights of the risk measure at these values (Rockafellar 2000)."""
    order = np.argsort(values, kind="stable")
    filled = np.cumsum(weights[order])
    taken = np.minimum(filled, risk.tail_share)
    in_tail = np.diff(np.concatenate(([0.0], taken))) / risk.tail_share
    tail = np.zeros_like(weights)
    tail[order] = in_tail
    return (1.0 - risk.weight) * weights + risk.weight * tail


@dataclass(frozen=True)
class Looked:
    """What a look at some MW found: every meeting by year and surplus year, and the value of each scenario in USD."""

    totals: tuple[Floats, ...]
    meetings: tuple[tuple[Meeting, ...], ...]
    scenario_usd: Floats


@dataclass(frozen=True)
class OutlookOracle:
    """All years of a problem under its outlook. With risk one piece; without, a piece for each year and epoch.

    ``scale`` [year] takes a dollar of a year's horizon to the objective; ``rent_usd_per_mw`` [column] is what a MW
    gains for each unit by which a scenario's ``gpu_factor`` lies above 1.
    """

    problem: AllocationProblem
    risk: Risk
    years: tuple[tuple[YearOfSurplus, ...], ...]
    scale: tuple[float, ...]
    rent_usd_per_mw: Floats

    @property
    def pieces(self) -> int:
        """One, or as many as there are epochs in all years, and one for the rents."""
        return 1 if self.risk.weight else sum(year.epochs.count for year in self.problem.years) + 1

    def meet(self, power_mw: Floats) -> Looked:
        """Every scenario's operating value in USD, discounted, of MW [column]."""
        factor = self.problem.outlook.gpu_factor - 1.0
        scenario_usd = factor * float(self.rent_usd_per_mw @ power_mw)
        totals, meetings = [], []
        for year, parts, scale in zip(self.problem.years, self.years, self.scale, strict=True):
            at = self.problem.by_zone_and_class(power_mw, year).T
            met = tuple(part.meet(at) for part in parts)
            for part, meeting in zip(parts, met, strict=True):
                scenario_usd[part.scenarios] += scale * meeting.value_usd.sum(axis=1)
            totals.append(at)
            meetings.append(met)
        return Looked(tuple(totals), tuple(meetings), scenario_usd)

    def weights(self, scenario_usd: Floats) -> Floats:
        """What each scenario counts at these values."""
        return tail_weights(scenario_usd, self.problem.outlook.weights, self.risk)

    def look(self, power_mw: Floats) -> Look:
        """The value of MW [column] with its cuts."""
        looked = self.meet(power_mw)
        weights = self.weights(looked.scenario_usd)
        value_musd = float(weights @ looked.scenario_usd) / USD_PER_MUSD
        factor = float(weights @ (self.problem.outlook.gpu_factor - 1.0))
        slopes = [factor * self.rent_usd_per_mw[None, :] / USD_PER_MUSD]
        values = [slopes[0] @ power_mw]
        by_epoch = not self.risk.weight
        for number, parts in enumerate(self.years):
            slope, value = self._year(number, parts, looked.meetings[number], weights, by_epoch=by_epoch)
            slopes.append(slope)
            values.append(value)
        slope, value = np.concatenate(slopes), np.concatenate(values)
        if not by_epoch:
            slope, value = slope.sum(axis=0, keepdims=True), value.sum(keepdims=True)
        return Look(value_musd, value - slope @ power_mw, slope)

    def _year(
        self,
        number: int,
        parts: tuple[YearOfSurplus, ...],
        meetings: tuple[Meeting, ...],
        weights: Floats,
        *,
        by_epoch: bool,
    ) -> tuple[Floats, Floats]:
        """Slopes [piece, column] and values [piece] of one year in millions of USD."""
        year, scale = self.problem.years[number], self.scale[number] / USD_PER_MUSD
        zones = len(year.supplies[0])
        pieces = year.epochs.count if by_epoch else 1
        slope, value = np.zeros((pieces, zones, len(year.classes))), np.zeros(year.epochs.count)
        for part, meeting in zip(parts, meetings, strict=True):
            mine = weights[part.scenarios]
            slope += part.slopes_usd(meeting, mine, zones, len(year.classes), by_epoch=by_epoch)
            value += mine @ meeting.value_usd
        return scale * columns_of(self.problem, year, slope), scale * (value if by_epoch else value.sum(keepdims=True))


def columns_of(problem: AllocationProblem, year: OperatingYear, slope: Floats) -> Floats:
    """From [piece, zone, class] to [piece, column]; what does not work in the year has no slope."""
    zones = np.array([column.zone for column in problem.columns])
    here = year.class_of >= 0
    result = np.zeros((slope.shape[0], len(problem.columns)))
    result[:, here] = slope[:, zones[here], year.class_of[here]]
    return result


def rents_usd_per_mw(problem: AllocationProblem) -> Floats:
    """What a MW [column] gains over all years for each unit by which a scenario's GPU factor lies above 1."""
    rents = np.zeros(len(problem.columns))
    for year in problem.years:
        for index, (column, place) in enumerate(zip(problem.columns, year.class_of, strict=True)):
            if place >= 0:
                rents[index] += year.weight * problem.worths[column.worth].rent_usd_per_mw
    return rents


def outlook_oracle(problem: AllocationProblem, risk: Risk | None = None) -> OutlookOracle:
    """Prepare every year and scenario of a problem."""
    return OutlookOracle(
        problem=problem,
        risk=risk or Risk(),
        years=tuple(years_of_surplus(problem, year) for year in problem.years),
        scale=tuple(year.weight * problem.year_scale for year in problem.years),
        rent_usd_per_mw=rents_usd_per_mw(problem),
    )
