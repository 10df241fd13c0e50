"""No licensee loses: those that would are granted less of what loses them money, and the certificate says the price.

The rule is a restriction and not the optimum under it: a licensee's own net value is not concave in everybody's MW. The
upper bound stays that of the plan without the rule, which holds for every plan that keeps it; so the gap contains all
that the rule costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from zakhira.planning.allocation import ClassResult
from zakhira.planning.grants import on_grid, results_of
from zakhira.planning.outlook_oracle import OutlookOracle
from zakhira.planning.outlook_use import YearUse
from zakhira.planning.problem import AllocationProblem
from zakhira.planning.stakeholders import kept_share, owners_of, site_costs_usd
from zakhira.planning.worth import KWH_PER_MWH
from zakhira.programme.model import Licensee, Programme
from zakhira.programme.series import Floats

Flags: TypeAlias = npt.NDArray[np.bool_]

REFUSED = "refused"
LOSS_USD = 1.0
"""A licensee that is a dollar a year below nothing does not lose."""
PASSES = 12
"""After so many passes what still loses is left out."""
STEPS = 7
"""Halvings of the share that is kept of what loses: within a hundredth."""


class UsesOracle(Protocol):
    """Whatever tells what MW do."""

    def uses(self, power_mw: Floats) -> tuple[YearUse, ...]:
        """What MW [column] do in each year."""


@dataclass(frozen=True)
class Floored:
    """MW [column] with the licensees that were granted less so as not to lose."""

    power_mw: Floats
    held_back: tuple[str, ...]


def keep_licensees_whole(
    programme: Programme, problem: AllocationProblem, oracle: UsesOracle, power_mw: Floats
) -> Floored:
    """Less MW for licensees whose own net value would be below zero, unless the programme allows losses.

    Of such a licensee the columns that lose are cut by one share, found by bisection; what is left of a class shares
    the best hours, so that less of it earns more each. Fewer MW break no limit but a promise, which stays as it is.
    What a cut frees is left free. In a build-up the year in which a licensee is worst off counts.
    """
    if programme.planning.licensee_losses != REFUSED or not power_mw.any():
        return Floored(power_mw, ())
    fixed = _promised(problem)
    held: Flags = np.zeros(len(power_mw), dtype=np.bool_)
    share = np.ones(len(power_mw))
    own = own_by_column_usd(programme, problem, oracle, power_mw)
    passes = 0
    while (cut := _losing(problem, own, fixed | (share == 0.0))).any():
        held, passes = held | cut, passes + 1
        share = (
            np.where(cut, 0.0, share) if passes > PASSES else _less(programme, problem, oracle, power_mw, share, cut)
        )
        own = own_by_column_usd(programme, problem, oracle, share * power_mw)
    names = dict.fromkeys(
        column.site.licensee for column, is_held in zip(problem.columns, held, strict=True) if is_held
    )
    return Floored(on_grid(problem, share * power_mw) if held.any() else power_mw, tuple(names))


def best_kept(
    programme: Programme, problem: AllocationProblem, oracle: OutlookOracle, choices: tuple[Floats, ...]
) -> Floored:
    """Of plans of equal value the one that keeps most of it when no licensee may lose; the first where none does."""
    best: tuple[float, Floored] | None = None
    for power_mw in choices:
        kept = keep_licensees_whole(programme, problem, oracle, power_mw)
        scenario_usd = oracle.scenario_usd(kept.power_mw)
        usd = float(problem.base_usd_per_mw @ kept.power_mw) + float(oracle.weights(scenario_usd) @ scenario_usd)
        if best is None or usd > best[0]:
            best = usd, kept
        if not kept.held_back:
            break
    assert best is not None, "there is a plan to choose"
    return best[1]


def _less(
    programme: Programme, problem: AllocationProblem, oracle: UsesOracle, power_mw: Floats, share: Floats, cut: Flags
) -> Floats:
    """The shares [column] with those of ``cut`` lowered until their licensees do not lose.

    All are lowered at once; whoever still loses because another was lowered less is met in the next pass.
    """
    low, high = np.where(cut, 0.0, share), share
    for _ in range(STEPS):
        middle = (low + high) / 2
        loses = _losing_licensees(problem, own_by_column_usd(programme, problem, oracle, middle * power_mw))
        high, low = np.where(cut & loses, middle, high), np.where(cut & ~loses, middle, low)
    return low


def own_by_column_usd(programme: Programme, problem: AllocationProblem, oracle: UsesOracle, power_mw: Floats) -> Floats:
    """What each column is worth a year to its own licensee [year, column]."""
    results = results_of(programme, problem, power_mw, oracle.uses(power_mw))
    licensees = {licensee.id: licensee for licensee in programme.licensees}
    kept = {licensee.id: _kept(programme, licensee) for licensee in programme.licensees}
    own = np.zeros((len(problem.years), len(problem.columns)))
    for result, (year, held) in zip(results, owners_of(problem, power_mw), strict=True):
        whole = sum(held.values())
        for column, mw in held.items():
            licensee = licensees[problem.columns[column].site.licensee]
            own[year, column] += mw / whole * _own_usd(programme, result, licensee, kept[licensee.id])
    for year in range(len(problem.years)):
        for column, usd in site_costs_usd(problem, power_mw, year).items():
            own[year, column] -= usd
    return own


def _kept(programme: Programme, licensee: Licensee) -> float:
    return kept_share(next(pool for pool in programme.pools if pool.id == licensee.pool))


def _own_usd(programme: Programme, result: ClassResult, licensee: Licensee, kept: float) -> float:
    """A result as if one licensee held all of it."""
    prices = programme.prices
    after = 1.0 - licensee.rent_share if result.is_hall else (1.0 - kept) * (1.0 - licensee.royalty_share)
    markup = result.surplus_mwh * prices.energy_markup_pkr_per_kwh * KWH_PER_MWH / prices.pkr_per_usd
    costs = result.energy_cost_usd + result.opex_usd + result.annualised_capital_usd
    return result.revenue_usd * after - markup - costs


def _losing_licensees(problem: AllocationProblem, own_usd: Floats) -> Flags:
    """Whether a column's licensee loses in some year [column]."""
    names = [column.site.licensee for column in problem.columns]
    of = np.array([list(dict.fromkeys(names)).index(name) for name in names], dtype=np.intp)
    by_year = np.array([np.bincount(of, year) for year in own_usd])
    return np.asarray(by_year.min(axis=0)[of] < -LOSS_USD, dtype=np.bool_)


def _losing(problem: AllocationProblem, own_usd: Floats, fixed: Flags) -> Flags:
    """The columns that lose, of licensees that lose, where something may still be cut [column]."""
    return np.asarray(_losing_licensees(problem, own_usd) & (own_usd < 0).any(axis=0) & ~fixed, dtype=np.bool_)


def _promised(problem: AllocationProblem) -> Flags:
    """Columns with a floor of their own [column]."""
    held: Flags = np.zeros(len(problem.columns), dtype=np.bool_)
    for limit in problem.limits:
        if limit.floor > 0:
            held = held | (limit.coefficients > 0)
    return held
