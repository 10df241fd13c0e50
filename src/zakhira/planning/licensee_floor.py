"""No licensee loses: those that would are granted less of what loses them money, and the certificate says the price.

The rule is a restriction and not the optimum under it: a licensee's own net value is not concave in everybody's MW. The
upper bound stays that of the plan without the rule, which holds for every plan that keeps it; so the gap contains all
that the rule costs. Every method holds back alike: the quick ones ask an oracle what fewer MW do, the others solve
their hours again with the MW given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from zakhira.planning.allocation import ClassResult
from zakhira.planning.grants import on_grid, results_of
from zakhira.planning.outcome import Outcome
from zakhira.planning.outlook_oracle import OutlookOracle
from zakhira.planning.outlook_use import YearUse
from zakhira.planning.problem import AllocationProblem
from zakhira.planning.stakeholders import kept_share, owners_of, site_costs_usd
from zakhira.planning.worth import KWH_PER_MWH
from zakhira.programme.model import Licensee, Programme
from zakhira.programme.series import Floats

Flags: TypeAlias = npt.NDArray[np.bool_]
OwnValues: TypeAlias = Callable[[Floats], Floats]
"""What each column is worth a year to its own licensee [year, column] at MW [column]."""

REFUSED = "refused"
LOSS_USD = 1.0
"""A licensee that is a dollar a year below nothing does not lose."""
PASSES = 12
"""After so many passes what still loses is left out."""
STEPS = 7
"""Trials of the share that is kept of what loses: where they are halvings, within a hundredth."""
CLOSE_SHARE = 0.01
"""The trials end where a licensee is left with a gain of so little of what it would have lost."""
EDGE_SHARE = 0.05
"""A trial lies so far inside what is not known yet."""


class UsesOracle(Protocol):
    """Whatever tells what MW do."""

    def uses(self, power_mw: Floats) -> tuple[YearUse, ...]:
        """What MW [column] do in each year."""


@dataclass(frozen=True)
class Floored:
    """MW [column] with the licensees that were granted less so as not to lose."""

    power_mw: Floats
    held_back: tuple[str, ...]


@dataclass(frozen=True)
class Held:
    """A plan's outcome with who was held back; ``interrupted`` where somebody stopped that, and who loses, loses."""

    outcome: Outcome
    held_back: tuple[str, ...] = ()
    interrupted: bool = False


def keep_licensees_whole(
    programme: Programme,
    problem: AllocationProblem,
    oracle: UsesOracle,
    power_mw: Floats,
    settle: Callable[[Floats], Floats] | None = None,
) -> Floored:
    """Less MW for licensees whose own net value would be below zero, unless the programme allows losses.

    Of such a licensee the columns that lose are cut by one share; what is left of a class shares the best hours, so
    that less of it earns more each. Fewer MW break no limit but a promise, which stays as it is.
    What a cut frees is left free. In a build-up the year in which a licensee is worst off counts. ``settle`` brings
    MW [column] to what can be granted (whole modules) before it is asked what they are worth.
    """
    if programme.planning.licensee_losses != REFUSED or not power_mw.any():
        return Floored(power_mw, ())
    settled = settle or (lambda mw: mw)
    share, held_back = _kept_shares(
        problem, lambda mw: own_by_column_usd(programme, problem, oracle, settled(mw)), power_mw
    )
    return Floored(settled(on_grid(problem, share * power_mw)) if held_back else power_mw, held_back)


def hold_back(
    programme: Programme, problem: AllocationProblem, free: Outcome, solve_at: Callable[[Floats], Outcome]
) -> Held:
    """The rule of :func:`keep_licensees_whole` around a method that has no oracle.

    ``free`` is the plan without the rule; ``solve_at`` settles MW [column] to what can be granted and gives the best
    use of just these. What is returned was itself found to lose nobody anything, but for what is promised. Somebody's
    interruption (KeyboardInterrupt) gives ``free``.
    """
    if programme.planning.licensee_losses != REFUSED or not free.power_mw.any():
        return Held(free)
    latest: list[tuple[Floats, Outcome]] = [(free.power_mw, free)]

    def outcome_at(power_mw: Floats) -> Outcome:
        if not np.array_equal(latest[-1][0], power_mw):
            latest[:] = [(power_mw, solve_at(power_mw))]
        return latest[-1][1]

    def own_usd(power_mw: Floats) -> Floats:
        outcome = outcome_at(power_mw)
        return own_of_results_usd(programme, problem, outcome.power_mw, outcome.results)

    try:
        share, held_back = _kept_shares(problem, own_usd, free.power_mw)
    except KeyboardInterrupt:
        return Held(free, interrupted=True)
    return Held(outcome_at(share * free.power_mw), held_back)


def _kept_shares(problem: AllocationProblem, own_usd: OwnValues, power_mw: Floats) -> tuple[Floats, tuple[str, ...]]:
    """The share [column] that is kept of MW so that nobody loses, and the licensees of columns that keep less."""
    fixed = _promised(problem)
    held: Flags = np.zeros(len(power_mw), dtype=np.bool_)
    share = np.ones(len(power_mw))
    own, passes = own_usd(share * power_mw), 0
    while (cut := _losing(problem, own, fixed | (share == 0.0))).any():
        held, passes = held | cut, passes + 1
        share = np.where(cut, 0.0, share) if passes > PASSES else _less(problem, own_usd, power_mw, share, cut, own)
        own = own_usd(share * power_mw)
    owners = (column.site.licensee for column, is_held in zip(problem.columns, held, strict=True) if is_held)
    return share, tuple(dict.fromkeys(owners))


def best_kept(
    programme: Programme,
    problem: AllocationProblem,
    oracle: OutlookOracle,
    choices: tuple[Floats, ...],
    settle: Callable[[Floats], Floats] | None = None,
) -> Floored:
    """Of plans of equal value the one that keeps most of it when no licensee may lose; the first where none does."""
    best: tuple[float, Floored] | None = None
    for power_mw in choices:
        kept = keep_licensees_whole(programme, problem, oracle, power_mw, settle)
        scenario_usd = oracle.scenario_usd(kept.power_mw)
        usd = float(problem.base_usd_per_mw @ kept.power_mw) + float(oracle.weights(scenario_usd) @ scenario_usd)
        if best is None or usd > best[0]:
            best = usd, kept
        if not kept.held_back:
            break
    assert best is not None, "there is a plan to choose"
    return best[1]


def _less(
    problem: AllocationProblem, own_usd: OwnValues, power_mw: Floats, share: Floats, cut: Flags, own: Floats
) -> Floats:
    """The shares [column] with those of ``cut`` lowered until nobody loses by them; ``own`` is what they begin with.

    All are lowered at once; whoever still loses because another was lowered less is met in the next pass. Between a
    share that gains and one that loses the chord is tried, which lies on the safe side where the gain is concave; else
    the middle.
    """
    low, high = np.where(cut, 0.0, share), share
    gain, first = np.zeros(len(share)), _worst_usd(problem, own)
    loss = first
    for _ in range(STEPS):
        chord = np.divide(gain, gain - loss, out=np.full(len(share), 0.5), where=gain > 0)
        middle = low + np.clip(chord, EDGE_SHARE, 1.0 - EDGE_SHARE) * (high - low)
        worst = _worst_usd(problem, own_usd(middle * power_mw))
        loses, gains = cut & (worst < -LOSS_USD), cut & (worst >= -LOSS_USD)
        high, loss = np.where(loses, middle, high), np.where(loses, worst, loss)
        low, gain = np.where(gains, middle, low), np.where(gains, worst, gain)
        near = (gain <= -CLOSE_SHARE * first) | (high - low <= 2.0**-STEPS * share)
        if (~cut | ((low > 0) & near)).all():
            break
    return low


def own_by_column_usd(programme: Programme, problem: AllocationProblem, oracle: UsesOracle, power_mw: Floats) -> Floats:
    """What each column is worth a year to its own licensee [year, column], by what an oracle says that MW do."""
    results = results_of(programme, problem, power_mw, oracle.uses(power_mw))
    return own_of_results_usd(programme, problem, power_mw, results)


def own_of_results_usd(
    programme: Programme, problem: AllocationProblem, power_mw: Floats, results: tuple[ClassResult, ...]
) -> Floats:
    """What each column is worth a year to its own licensee [year, column], by the results of MW [column]."""
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
    costs = result.energy_cost_usd + result.opex_usd + result.penalty_usd + result.annualised_capital_usd
    return result.revenue_usd * after - markup - costs


def _worst_usd(problem: AllocationProblem, own_usd: Floats) -> Floats:
    """What a column's licensee is worth a year in all, in the year in which it is worst off [column]."""
    names = [column.site.licensee for column in problem.columns]
    of = np.array([list(dict.fromkeys(names)).index(name) for name in names], dtype=np.intp)
    by_year = np.array([np.bincount(of, year) for year in own_usd])
    return np.asarray(by_year.min(axis=0)[of], dtype=np.float64)


def _losing(problem: AllocationProblem, own_usd: Floats, fixed: Flags) -> Flags:
    """The columns that lose, of licensees that lose, where something may still be cut [column]."""
    loses = _worst_usd(problem, own_usd) < -LOSS_USD
    return np.asarray(loses & (own_usd < 0).any(axis=0) & ~fixed, dtype=np.bool_)


def _promised(problem: AllocationProblem) -> Flags:
    """Columns with a floor of their own [column]."""
    held: Flags = np.zeros(len(problem.columns), dtype=np.bool_)
    for limit in problem.limits:
        if limit.floor > 0:
            held = held | (limit.coefficients > 0)
    return held
