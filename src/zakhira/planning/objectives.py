"""Aims other than net value: coins for the reserve, energy monetised, jobs, each subject to a net value of at least 0.

A bonus for each unit of the aim is added to the net value and the bonus is raised until the net value of its optimum
falls to nothing (Everett 1963). For any bonus b, every plan with net value >= 0 has  aim <= (best of net + b aim) / b,
and for a floor under the net value  aim <= (best of net + b aim - floor) / b:  the upper bound. Net value and aim are
concave in MW and use, so that a mixture of the last two optima keeps the floor: the plan.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from zakhira.kernel.errors import InvalidInput
from zakhira.planning.allocation import Aim, Certificate, Plan
from zakhira.planning.grants import on_grid, results_of
from zakhira.planning.licensee_floor import keep_licensees_whole
from zakhira.planning.master import Progress, close_bounds, master_of
from zakhira.planning.method import Feature, features_of
from zakhira.planning.outcome import Asked, Outcome, plan_of, spread_of
from zakhira.planning.outlook_oracle import Risk, outlook_oracle
from zakhira.planning.outlook_use import YearUse
from zakhira.planning.plan import PlanRequest, oracles_of
from zakhira.planning.problem import AllocationProblem, build_problem
from zakhira.planning.solver import LinearSolver
from zakhira.planning.stakeholders import kept_share
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats, Series

AIMS = ("value", "coins", "energy", "jobs")
UNITS = {"value": "USD", "coins": "BTC", "energy": "MWh", "jobs": "jobs"}
WORDS = {
    "value": "net value a year",
    "coins": "coins delivered to the reserve a year",
    "energy": "surplus monetised a year",
    "jobs": "jobs",
}
FIRST_BONUS = {"coins": 1000.0, "energy": 1.0, "jobs": 100.0}
"""USD a unit with which the search begins; it grows until the net value falls below its floor."""
GROWTH = 8.0
MOST_SOLVES = 60
CLOSE_SHARE = 1e-4
"""The search ends when the aim is known to within this share."""
SAME_BONUS_SHARE = 1e-6
STOP_SHARE = 1e-6
"""The gap at which the bounds of one bonus count as met."""


class AimNotOfAMeanYear(InvalidInput):
    """An aim beside the net value was asked for together with phases or risk."""

    code = "ZK-PLANNING-024"


class AimBeyondMethod(InvalidInput):
    """The programme has whole modules, fixed site costs or scarce hall supply, which aims are not planned with."""

    code = "ZK-PLANNING-025"


@dataclass(frozen=True)
class Point:
    """MW [column] with their use: net value in USD a year, the weighted aim, and each aim in its unit.

    ``bonuses_usd`` are the two between whose use this one lies, and ``part`` is how much of the second there is.
    """

    power_mw: Floats
    bonuses_usd: tuple[float, float]
    part: float
    uses: tuple[YearUse, ...]
    net_usd: float
    aim: float
    by_aim: Mapping[str, float]


@dataclass(frozen=True)
class Search:
    """A problem with a weighted sum of aims. ``coin_share`` [column] is the programme's part of a column's coins."""

    programme: Programme
    problem: AllocationProblem
    solver: LinearSolver
    aims: Mapping[str, float]
    coin_share: Floats
    progress: Progress | None

    @property
    def most_share(self) -> float:
        """The highest part of a column's coins that goes to the reserve: what a bonus for coins counts with."""
        return float(self.coin_share.max(initial=0.0))

    def with_bonus(self, bonus_usd: float) -> AllocationProblem:
        """The problem with so many USD for each unit of the weighted aim."""
        problem = self.problem
        per_job, per_mwh = (bonus_usd * self.aims.get(aim, 0.0) for aim in ("jobs", "energy"))
        per_btc = self.per_btc(bonus_usd)
        jobs = np.array([problem.worths[column.worth].jobs_per_mw for column in problem.columns])
        worths = tuple(
            replace(
                worth,
                surplus_value_usd_per_mwh=worth.surplus_value_usd_per_mwh + per_mwh + per_btc * worth.btc_per_mwh,
                opex_usd_per_mwh=worth.opex_usd_per_mwh - (0.0 if worth.is_hall else per_mwh),
            )
            for worth in problem.worths
        )
        outlook = replace(problem.outlook, btc_usd=problem.outlook.btc_usd + per_btc)
        base = problem.base_usd_per_mw + per_job * jobs
        return replace(problem, worths=worths, outlook=outlook, base_usd_per_mw=base)

    def per_btc(self, bonus_usd: float) -> float:
        """What a mined coin counts for beyond its price."""
        return bonus_usd * self.aims.get("coins", 0.0) * self.most_share

    def best(self, bonus_usd: float) -> tuple[Point, float]:
        """The optimum of net + bonus x aim, and its upper bound in USD a year."""
        problem = self.with_bonus(bonus_usd)
        oracles, _ = oracles_of(problem, outlook_oracle(problem))
        bounds = close_bounds(master_of(problem, oracles), self.solver, self.progress, STOP_SHARE)
        return self.point(on_grid(self.problem, bounds.best.power_mw), bonus_usd), bounds.upper_usd

    def user(self, bonus_usd: float) -> Callable[[Floats], tuple[YearUse, ...]]:
        """What tells what MW do when a unit of the aim is worth a bonus, in the money of the problem itself."""
        oracle, per_btc = outlook_oracle(self.with_bonus(bonus_usd)), self.per_btc(bonus_usd)

        def uses(power_mw: Floats) -> tuple[YearUse, ...]:
            return tuple(replace(use, coin_usd=use.coin_usd - per_btc * use.btc) for use in oracle.uses(power_mw))

        return uses

    def point(self, power_mw: Floats, bonus_usd: float) -> Point:
        """MW used as they are best used at a bonus."""
        return self.told(power_mw, (bonus_usd, bonus_usd), 0.0, self.user(bonus_usd)(power_mw))

    def told(self, power_mw: Floats, bonuses_usd: tuple[float, float], part: float, uses: tuple[YearUse, ...]) -> Point:
        """MW with their use."""
        net = sum(result.value_usd for result in results_of(self.programme, self.problem, power_mw, uses))
        by_aim = {
            "value": net,
            "coins": self._coins(power_mw, uses[0]),
            "energy": self.problem.year_scale * float(uses[0].surplus_mwh.sum()),
            "jobs": self._jobs(power_mw),
        }
        total = sum(weight * by_aim[aim] for aim, weight in self.aims.items())
        return Point(power_mw, bonuses_usd, part, uses, net, total, by_aim)

    def _jobs(self, power_mw: Floats) -> float:
        jobs = [self.problem.worths[column.worth].jobs_per_mw for column in self.problem.columns]
        return float(np.array(jobs) @ power_mw)

    def _coins(self, power_mw: Floats, use: YearUse) -> float:
        """The programme's coins a year: of a class in a zone, each column's part by MW."""
        totals, coins = self.problem.by_zone_and_class(power_mw), 0.0
        of_class = self.problem.years[0].class_of
        for index, column in enumerate(self.problem.columns):
            if power_mw[index] > 0:
                place = column.zone, of_class[index]
                coins += self.coin_share[index] * use.btc[place] * power_mw[index] / totals[place]
        return float(self.problem.year_scale * coins)


def search_of(
    programme: Programme,
    series: Series,
    solver: LinearSolver,
    aims: Mapping[str, float],
    request: PlanRequest | None = None,
    progress: Progress | None = None,
) -> Search:
    """A programme with weighted aims, each of a mean year.

    Raises:
        AimNotOfAMeanYear: a build-up or a weight of risk was asked for as well.
        AimBeyondMethod: see there. Lines and batteries stand idle: :func:`left_idle` says so.
    """
    asked = request or PlanRequest()
    if asked.phases or (asked.risk is not None and asked.risk.weight > 0):
        raise AimNotOfAMeanYear(
            "Aims beside the net value are those of a mean year, without phases and without a weight of risk.",
            "Leave --phases and --risk away, or maximise the value.",
        )
    problem = build_problem(programme, series, asked.outlook, asked.surplus_years)
    beyond = features_of(programme, problem) & {Feature.WHOLE, Feature.HALL_SUPPLY}
    if beyond:
        raise AimBeyondMethod(
            f"The programme has {', '.join(sorted(feature.value for feature in beyond))}.",
            "Leave that out, or maximise the value.",
        )
    kept = {pool.id: kept_share(pool) for pool in programme.pools}
    terms = {item.id: (1.0 - kept[item.pool]) * item.royalty_share for item in programme.licensees}
    share = np.array([terms[column.site.licensee] for column in problem.columns])
    return Search(programme, problem, solver, aims, share, progress)


def left_idle(programme: Programme, problem: AllocationProblem) -> str:
    """What of the programme an aim is planned without, in words; its bound holds for plans that leave it idle too."""
    idle = sorted(feature.value for feature in features_of(programme, problem))
    return f", among plans that leave {' and '.join(idle)} idle" if idle else ""


@dataclass(frozen=True)
class Found:
    """The plan's point, the upper bound of the weighted aim, and how many optima it took."""

    point: Point
    upper: float
    solves: int
    tried: tuple[Point, ...] = ()


def most_of(search: Search, floor_usd: float = 0.0) -> Found:
    """The most of the weighted aim with a net value of at least ``floor_usd``, with an upper bound."""
    if search.aims.get("value"):
        return _most_value(search)
    low, high, upper = search.point(np.zeros(len(search.problem.columns)), 0.0), None, math.inf
    tried: list[Point] = []
    bonus, below, solves = min(FIRST_BONUS[aim] / max(w, 1e-12) for aim, w in search.aims.items() if w > 0), 0.0, 0
    while solves < MOST_SOLVES:
        point, bound = search.best(bonus)
        solves += 1
        tried.append(point)
        upper = min(upper, (bound - floor_usd) / bonus)
        close = CLOSE_SHARE * max(1e-12, abs(upper))
        if point.net_usd >= floor_usd:
            low, below = point if point.aim >= low.aim else low, bonus
            if (point.net_usd - floor_usd) / bonus <= 0.1 * close:
                break
        else:
            high = point
        if upper - low.aim <= close or (high is not None and high.bonuses_usd[1] - below <= SAME_BONUS_SHARE * bonus):
            break
        bonus = GROWTH * bonus if high is None else (below + high.bonuses_usd[1]) / 2
    best = low if high is None else _mixture(search, low, high, floor_usd)
    return Found(best, max(upper, best.aim), solves, tuple(tried))


def _most_value(search: Search) -> Found:
    """The best of net value with the other aims at their weights in USD a unit."""
    weight = search.aims["value"]
    others = {aim: w / weight for aim, w in search.aims.items() if aim != "value"}
    point, upper = replace(search, aims=others).best(1.0)
    total = sum(w * point.by_aim[aim] for aim, w in search.aims.items())
    return Found(replace(point, aim=total), max(weight * upper, total), 1)


def _mixture(search: Search, low: Point, high: Point, floor_usd: float) -> Point:
    """As much of the optimum beyond the floor, MW and use, as the net value of the one above it bears.

    Limits and hours are linear: so is a mixture's use. Coins are concave where the network answers, so that the coins
    of a mixture are told a little too low, never too high.
    """
    part = (low.net_usd - floor_usd) / (low.net_usd - high.net_usd)
    mw = on_grid(search.problem, (1.0 - part) * low.power_mw + part * high.power_mw)
    mixed = search.told(mw, (low.bonuses_usd[0], high.bonuses_usd[1]), part, mixed_uses(low.uses, high.uses, part))
    return mixed if mixed.aim > low.aim else low


def mixed_uses(low: tuple[YearUse, ...], high: tuple[YearUse, ...], part: float) -> tuple[YearUse, ...]:
    """``1 - part`` of one use and ``part`` of the other."""
    return tuple(
        YearUse(*((1.0 - part) * getattr(a, one.name) + part * getattr(b, one.name) for one in fields(YearUse)))
        for a, b in zip(low, high, strict=True)
    )


class _UseAt:
    """The use of MW between two bonuses, as the rule on licensees asks for it."""

    def __init__(self, search: Search, bonuses_usd: tuple[float, float], part: float) -> None:
        self._low, self._part = search.user(bonuses_usd[0]), part
        self._high = search.user(bonuses_usd[1]) if part else self._low

    def uses(self, power_mw: Floats) -> tuple[YearUse, ...]:
        """What MW [column] do in each year."""
        first = self._low(power_mw)
        return mixed_uses(first, self._high(power_mw), self._part) if self._part else first


def _without_losers(search: Search, found: Found) -> tuple[Point, tuple[str, ...]]:
    """The most of the aim among the optima that were found, each cut until no licensee loses, and who was cut."""
    point, held_back = _floored(search, found.point)
    if not held_back:
        return point, ()
    first = held_back
    best = most_of(replace(search, aims={"value": 1.0})).point
    plain = (replace(one, bonuses_usd=(0.0, 0.0), part=0.0) for one in (best, *found.tried))
    for other in (*found.tried, *plain):
        cut, held = _floored(search, other)
        if cut.net_usd >= 0 and cut.aim > point.aim:
            point, held_back = cut, held
    return point, held_back or first


def _floored(search: Search, point: Point) -> tuple[Point, tuple[str, ...]]:
    """A point cut until no licensee loses; itself where none does."""
    use = _UseAt(search, point.bonuses_usd, point.part)
    floored = keep_licensees_whole(search.programme, search.problem, use, point.power_mw)
    if not floored.held_back:
        return point, ()
    told = search.told(floored.power_mw, point.bonuses_usd, point.part, use.uses(floored.power_mw))
    return told, floored.held_back


def plan_for(
    programme: Programme,
    series: Series,
    solver: LinearSolver,
    aim: str,
    progress: Progress | None = None,
    clock: Callable[[], float] | None = None,
    request: PlanRequest | None = None,
) -> Plan:
    """The plan with the most of an aim and a net value of at least 0; its ``aim`` says how much, and the bound.

    No licensee loses unless the programme allows it: that lowers what is reached and not the bound.
    """
    started = clock() if clock else 0.0
    search = search_of(programme, series, solver, {aim: 1.0}, request, progress)
    found = most_of(search)
    problem, idle = search.problem, left_idle(programme, search.problem)
    point, held_back = _without_losers(search, found)
    results = results_of(programme, problem, point.power_mw, point.uses)
    oracle = outlook_oracle(problem)
    net_usd = float(problem.base_usd_per_mw @ point.power_mw) + oracle.scenario_usd(point.power_mw)
    spread = spread_of(net_usd, problem.outlook.weights, oracle.risk)
    certificate = Certificate(
        method=f"a bonus for each unit of {aim}, by bisection, {found.solves} optima{idle}",
        lower_bound_usd=point.net_usd,
        upper_bound_usd=point.net_usd,
        rounds=found.solves,
        seconds=(clock() if clock else 0.0) - started,
        held_back=held_back,
    )
    return plan_of(
        Asked(programme, problem, Risk(0.0, programme.planning.risk_tail_share)),
        Outcome(point.power_mw, point.net_usd, spread, results),
        certificate,
        (),
        aim=Aim(aim, UNITS[aim], point.by_aim[aim], max(found.upper, point.by_aim[aim])),
        summed=f"{WORDS[aim]}, with a net value of at least 0 for all together{idle}",
    )
