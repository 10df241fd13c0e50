"""What is decided once: MW of each class at each site, the limits on their sums, modules and opened sites."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from zakhira.planning.full.assembly import Assembly, Places
from zakhira.planning.limits import USD_PER_MUSD
from zakhira.planning.problem import AllocationProblem
from zakhira.planning.whole import Whole
from zakhira.programme.series import Floats


@dataclass(frozen=True)
class Capacity:
    """Columns of ``power`` [column] in MW and of what stands in each year [zone, class]; rows of the ``limits``."""

    power: Places
    standing: tuple[Places, ...]
    limits: Places


def add_capacity(lp: Assembly, problem: AllocationProblem, whole: Whole, held_mw: Floats | None = None) -> Capacity:
    """MW within every limit, in whole modules where there are any, at a fixed cost for each opened site.

    ``held_mw`` [column] gives the MW: limits and whole numbers then have nothing to say, and open sites cost what they
    cost.
    """
    power = lp.columns((len(problem.columns),))
    lp.worth(power, problem.base_usd_per_mw / USD_PER_MUSD)
    if held_mw is not None:
        lp.term(lp.rows(power.shape, held_mw, held_mw), power, 1.0)
        lp.worth(lp.columns((1,), 1.0, 1.0), -whole.cost_usd(held_mw) / USD_PER_MUSD)
        return Capacity(power, _add_standing(lp, problem, power), lp.rows((0,), 0.0, 0.0))
    floors = np.array([limit.floor if limit.floor > 0 else -math.inf for limit in problem.limits])
    limits = lp.rows((len(problem.limits),), floors, np.array([limit.capacity for limit in problem.limits]))
    for row, limit in zip(limits, problem.limits, strict=True):
        lp.term(row, power, limit.coefficients)
    _add_modules(lp, power, whole)
    for site in whole.sites:
        opened = lp.columns((1,), 1.0, whole=True)
        lp.worth(opened, -site.cost_usd / USD_PER_MUSD)
        row = lp.rows((1,), -math.inf, 0.0)
        lp.term(row, power, site.columns)
        lp.term(row, opened, -site.most_mw)
    return Capacity(power, _add_standing(lp, problem, power), limits)


def _add_modules(lp: Assembly, power: Places, whole: Whole) -> None:
    """MW = size x a whole number of modules."""
    sized = np.flatnonzero(whole.module_mw > 0)
    modules = lp.columns((len(sized),), whole=True)
    rows = lp.rows((len(sized),), 0.0, 0.0)
    lp.term(rows, power[sized], 1.0)
    lp.term(rows, modules, -whole.module_mw[sized])


def _add_standing(lp: Assembly, problem: AllocationProblem, power: Places) -> tuple[Places, ...]:
    """What works of each class in each zone in each year: the sum of its columns."""
    zones = np.array([column.zone for column in problem.columns], dtype=np.intp)
    found = []
    for year in problem.years:
        shape = (len(year.supplies[0]), len(year.classes))
        standing, rows = lp.columns(shape), lp.rows(shape, 0.0, 0.0)
        lp.term(rows, standing, 1.0)
        here = year.class_of >= 0
        lp.term(rows[zones[here], year.class_of[here]], power[here], -1.0)
        found.append(standing)
    return tuple(found)
