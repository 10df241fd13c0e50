"""What comes in whole numbers: containers and halls of one size, and sites that are opened or not."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from zakhira.planning.problem import AllocationProblem
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats

NOTHING_MW = 1e-6
"""Less than a watt opens no site."""


@dataclass(frozen=True)
class OpenSite:
    """A site in a phase: its columns [column] as 0 and 1, the most MW that it can hold, and what being open costs."""

    site: str
    columns: Floats
    most_mw: float
    cost_usd: float


@dataclass(frozen=True)
class Whole:
    """``module_mw`` [column] is the size of a module, 0 where any size goes; ``sites`` are those that cost to open."""

    module_mw: Floats
    sites: tuple[OpenSite, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is whole."""
        return not self.sites and not (self.module_mw > 0).any()

    def rounded(self, power_mw: Floats) -> Floats:
        """MW [column] with the solver's noise taken off whole modules."""
        size = np.where(self.module_mw > 0, self.module_mw, 1.0)
        result: Floats = np.where(self.module_mw > 0, np.rint(power_mw / size) * size, power_mw)
        return result

    def cut(self, power_mw: Floats) -> Floats:
        """MW [column] cut down to whole modules."""
        size = np.where(self.module_mw > 0, self.module_mw, 1.0)
        steps = np.floor(power_mw / size + NOTHING_MW)
        result: Floats = np.where(self.module_mw > 0, steps * size, power_mw)
        return result

    def cost_usd(self, power_mw: Floats) -> float:
        """What the sites that MW [column] open cost a year, discounted in a build-up."""
        return sum(site.cost_usd for site in self.sites if float(site.columns @ power_mw) > NOTHING_MW)


def whole_of(programme: Programme, problem: AllocationProblem) -> Whole:
    """The modules of the classes and the sites with a fixed cost, in every phase."""
    size = {item.id: item.module_mw for item in programme.machines} | {h.id: h.module_mw for h in programme.halls}
    modules = np.array([size[problem.worths[column.worth].class_id] for column in problem.columns])
    sites = []
    for site in programme.sites:
        if site.fixed_cost_usd_per_year > 0:
            here = [limit for limit in problem.limits if limit.name.partition("@")[0] == f"connection:{site.id}"]
            for limit, year in zip(here, problem.years, strict=True):
                most = _most_mw(problem, limit.coefficients, limit.capacity)
                sites.append(OpenSite(site.id, limit.coefficients, most, site.fixed_cost_usd_per_year * year.weight))
    return Whole(modules, tuple(sites))


def _most_mw(problem: AllocationProblem, columns: Floats, connection_mw: float) -> float:
    """The least of the limits in MW that hold all the site's columns: the tightest M of its opening."""
    holding = [limit.capacity for limit in problem.limits if limit.unit == "MW" and _holds(limit.coefficients, columns)]
    most = min([connection_mw, *holding])
    return most if math.isfinite(most) else HUGE_MW


def _holds(outer: Floats, inner: Floats) -> bool:
    return bool((outer[inner > 0] > 0).all())


HUGE_MW = 1e6
"""Stands for no limit at all: more than any grid has."""
