"""The value of megawatts over all years and scenarios, by its mean and by its worst scenarios, with supergradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zakhira.planning.limits import USD_PER_MUSD
from zakhira.planning.oracle import Look
from zakhira.planning.outlook_use import YearUse, sum_of_uses
from zakhira.planning.outlook_year import Places, years_of_surplus
from zakhira.planning.problem import AllocationProblem, OperatingYear
from zakhira.planning.sweep import Engine, LocalEngine, Sweep
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
class OutlookYear:
    """A year of work: where its sweep runs, which scenarios each of its years of surplus has, and its scale.

    ``scale`` takes a dollar of the year's horizon to the objective.
    """

    year: OperatingYear
    sweep: Sweep
    scenarios: tuple[Places, ...]
    scale: float


@dataclass(frozen=True)
class OutlookOracle:
    """All years of a problem under its outlook. With risk one piece; without, a piece for each year and epoch.

    ``rent_usd_per_mw`` [column] is what a MW gains for each unit by which a scenario's ``gpu_factor`` lies above 1.
    """

    problem: AllocationProblem
    risk: Risk
    years: tuple[OutlookYear, ...]
    rent_usd_per_mw: Floats

    @property
    def pieces(self) -> int:
        """One, or as many as there are epochs in all years, and one for the rents."""
        return 1 if self.risk.weight else sum(each.year.epochs.count for each in self.years) + 1

    def scenario_usd(self, power_mw: Floats) -> Floats:
        """Every scenario's operating value in USD, discounted, of MW [column]."""
        factor = self.problem.outlook.gpu_factor - 1.0
        values = factor * float(self.rent_usd_per_mw @ power_mw)
        for each in self.years:
            totals = self.problem.by_zone_and_class(power_mw, each.year).T
            for scenarios, found in zip(each.scenarios, each.sweep.values_usd(totals), strict=True):
                values[scenarios] += each.scale * found
        return values

    def weights(self, scenario_usd: Floats) -> Floats:
        """What each scenario counts at these values."""
        return tail_weights(scenario_usd, self.problem.outlook.weights, self.risk)

    def look(self, power_mw: Floats) -> Look:
        """The value of MW [column] with its cuts."""
        scenario_usd = self.scenario_usd(power_mw)
        weights = self.weights(scenario_usd)
        factor = float(weights @ (self.problem.outlook.gpu_factor - 1.0))
        slopes = [factor * self.rent_usd_per_mw[None, :] / USD_PER_MUSD]
        values = [slopes[0] @ power_mw]
        for each in self.years:
            slope, value = self._year(each, power_mw, weights)
            slopes.append(slope)
            values.append(value)
        slope, value = np.concatenate(slopes), np.concatenate(values)
        if self.risk.weight:
            slope, value = slope.sum(axis=0, keepdims=True), value.sum(keepdims=True)
        return Look(float(weights @ scenario_usd) / USD_PER_MUSD, value - slope @ power_mw, slope)

    def _year(self, each: OutlookYear, power_mw: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Slopes [piece, column] and values [piece] of one year in millions of USD."""
        by_epoch = not self.risk.weight
        totals = self.problem.by_zone_and_class(power_mw, each.year).T
        found = each.sweep.slopes(totals, [weights[mine] for mine in each.scenarios], by_epoch=by_epoch)
        slope = np.sum([part.slope_usd_per_mw for part in found], axis=0)
        value = np.sum([part.value_usd for part in found], axis=0)
        scale = each.scale / USD_PER_MUSD
        return (
            scale * columns_of(self.problem, each.year, slope),
            scale * (value if by_epoch else value.sum(keepdims=True)),
        )

    def uses(self, power_mw: Floats, weights: Floats | None = None) -> tuple[YearUse, ...]:
        """What MW [column] do in each year; ``weights`` [scenario] are the outlook's unless given."""
        weight = self.problem.outlook.weights if weights is None else weights
        uses = []
        for each in self.years:
            totals = self.problem.by_zone_and_class(power_mw, each.year).T
            uses.append(sum_of_uses(each.sweep.uses(totals, [weight[mine] for mine in each.scenarios])))
        return tuple(uses)


def columns_of(problem: AllocationProblem, year: OperatingYear, slope: Floats) -> Floats:
    """From [piece, zone, class] to [piece, column]; what does not work in the year has no slope."""
    zones = np.array([column.zone for column in problem.columns], dtype=np.intp)
    here = year.class_of >= 0
    result = np.zeros((slope.shape[0], len(problem.columns)))
    result[:, here] = slope[:, zones[here], year.class_of[here]]
    return result


def outlook_oracle(problem: AllocationProblem, risk: Risk | None = None, engine: Engine | None = None) -> OutlookOracle:
    """Prepare every year and scenario of a problem; sweeps run in this process unless an engine is given."""
    runs_in = engine or LocalEngine()
    years = []
    for year in problem.years:
        parts = years_of_surplus(problem, year)
        scale = year.weight * problem.year_scale
        years.append(OutlookYear(year, runs_in.sweep(parts), tuple(part.scenarios for part in parts), scale))
    return OutlookOracle(problem, risk or Risk(), tuple(years), rents_of(problem))


def rents_of(problem: AllocationProblem) -> Floats:
    """What a MW [column] earns as AI rent over all years, discounted, at the programme's price of a GPU-hour."""
    rents = np.zeros(len(problem.columns))
    for year in problem.years:
        for index, (column, place) in enumerate(zip(problem.columns, year.class_of, strict=True)):
            if place >= 0:
                rents[index] += year.weight * problem.worths[column.worth].rent_usd_per_mw
    return rents
