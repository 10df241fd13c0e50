"""Coupled hours on a network that answers: what a hash is worth in each epoch is found beside the megawatts.

With a price of a hash for each epoch the problem is a price taker's. The revenue R of an epoch is concave in its hashes
H, so that R(H) <= R*(price) + price x H with R* the largest R(H) - price x H: any prices give an upper bound. What the
price taker does is a feasible plan, and so is every mixture of two: the best mixture by the true revenue is the lower
bound (conditional gradients, Frank and Wolfe 1956), and its marginal revenue the next price.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from zakhira.planning.coupled.problem import CoupledAnswer, CoupledProblem, Ending
from zakhira.planning.coupled.solve import solve_coupled
from zakhira.planning.master import Progress, close_bounds, master_of
from zakhira.planning.network_answer import NetworkAnswer, network_answer
from zakhira.planning.outlook_oracle import outlook_oracle
from zakhira.planning.price_taker import coupled_problem, with_capacity
from zakhira.planning.problem import AllocationProblem
from zakhira.planning.solver import LinearSolver
from zakhira.planning.zone_hours import marginal_usd_per_hash
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats, Series

MOST_PRICES = 12
"""So many prices are tried; the first comes from the plan without lines and is near already."""
START_GAP_SHARE = 1e-4
MIXTURES = 60
"""Steps of the search for the best mixture: each narrows it by a third."""


@dataclass(frozen=True)
class Joined:
    """The best plan found and its bounds in USD a year.

    ``use_mwh`` [zone, class] a year; ``hashes`` [epoch] of the horizon; ``class_btc`` and ``class_usd`` [class] are
    coins and what they fetch in a year; ``cost_usd`` is what all surplus costs in a year.
    """

    x_mw: Floats
    lower_usd: float
    upper_usd: float
    use_mwh: Floats
    use_mw: Floats
    fixed_usd: float
    """Everything but coins: base and what halls save, less the cost of surplus and of work."""
    hashes: Floats
    class_btc: Floats
    class_usd: Floats
    cost_usd: float
    limit_duals_usd: Floats
    link_rent_usd_per_mw: Floats
    rounds: int
    interrupted: bool

    @property
    def gap_share(self) -> float:
        """The bounds' distance relative to the upper one."""
        return (self.upper_usd - self.lower_usd) / max(abs(self.upper_usd), 1.0)


def close_joined(
    programme: Programme,
    series: Series,
    problem: AllocationProblem,
    solver: LinearSolver,
    stop_share: float,
    progress: Progress | None,
) -> Joined:
    """Price the epochs' hashes, plan, and price again until the bounds meet; a price taker needs one price."""
    prices = _network(problem).first_usd_per_hash[0]
    if problem.response != "none":
        bounds = close_bounds(master_of(problem, (outlook_oracle(problem),)), solver, None, START_GAP_SHARE)
        prices = marginal_usd_per_hash(problem, bounds.best.power_mw)

    def coupled_at(usd_per_hash: Floats) -> CoupledProblem:
        return coupled_problem(programme, series, problem, usd_per_hash=usd_per_hash)

    return _closed(problem, coupled_at, prices, solver, stop_share, progress)


def use_joined(
    programme: Programme,
    series: Series,
    problem: AllocationProblem,
    solver: LinearSolver,
    stop_share: float,
    held_mw: Floats,
) -> Joined:
    """The best use of MW [column] that are given; the limits have no worth then."""
    base_usd = float(problem.base_usd_per_mw @ held_mw)
    capacity_mw = problem.by_zone_and_class(held_mw)
    if not capacity_mw.any():
        return _idle(programme, problem, held_mw, base_usd)

    def coupled_at(usd_per_hash: Floats) -> CoupledProblem:
        return with_capacity(coupled_problem(programme, series, problem, usd_per_hash=usd_per_hash), capacity_mw)

    prices = _network(problem).first_usd_per_hash[0]
    if problem.response != "none":
        prices = marginal_usd_per_hash(problem, held_mw)
    found = _closed(problem, coupled_at, prices, solver, stop_share, None)
    return replace(
        found,
        x_mw=held_mw,
        lower_usd=found.lower_usd + base_usd,
        upper_usd=found.upper_usd + base_usd,
        limit_duals_usd=np.zeros(len(problem.limits)),
    )


def _idle(programme: Programme, problem: AllocationProblem, held_mw: Floats, base_usd: float) -> Joined:
    """Nothing granted, nothing used."""
    year = problem.years[0]
    zones, classes = len(programme.zones), len(year.classes)
    none_of: Floats = np.zeros(classes)
    return Joined(
        x_mw=held_mw,
        lower_usd=base_usd,
        upper_usd=base_usd,
        use_mwh=np.zeros((zones, classes)),
        use_mw=np.zeros((classes, problem.horizon_hours)),
        fixed_usd=base_usd,
        hashes=np.zeros(year.epochs.count),
        class_btc=none_of,
        class_usd=none_of,
        cost_usd=0.0,
        limit_duals_usd=np.zeros(len(problem.limits)),
        link_rent_usd_per_mw=np.zeros(len(programme.links)),
        rounds=0,
        interrupted=False,
    )


def _network(problem: AllocationProblem) -> NetworkAnswer:
    return network_answer(problem.outlook, 0, problem.years[0].epochs, problem.response, problem.elasticity)


def _closed(
    problem: AllocationProblem,
    coupled_at: Callable[[Floats], CoupledProblem],
    prices: Floats,
    solver: LinearSolver,
    stop_share: float,
    progress: Progress | None,
) -> Joined:
    """Solve at prices of a hash, and at better ones, until the bounds meet; a price taker's are what they are."""
    network, answers = _network(problem), problem.response != "none"
    best: Joined | None = None
    for _ in range(MOST_PRICES if answers else 1):
        coupled = coupled_at(prices)
        answer = solve_coupled(coupled, solver, stop_share / 2 if answers else stop_share, progress)
        found = _valued(problem, network, coupled, answer, prices)
        best = found if best is None else _joined(problem, network, best, found)
        if best.interrupted or best.gap_share <= stop_share:
            break
        prices = network.marginal_usd_per_hash(best.hashes[None, :])[0]
    assert best is not None
    return _with_coins(problem, network, best)


def _valued(
    problem: AllocationProblem, network: NetworkAnswer, coupled: CoupledProblem, answer: CoupledAnswer, prices: Floats
) -> Joined:
    """A price taker's answer, valued by what the network really pays."""
    scale = problem.year_scale
    per_mwh = _hashes_per_mwh(problem)
    by_hour = per_mwh @ answer.use_mw
    hashes = np.add.reduceat(by_hour, problem.years[0].epochs.first_hour[:-1])
    fixed_usd = answer.lower_usd - scale * float(prices @ hashes)
    wanted = network.hashes_at_marginal(prices[None, :])
    rent = 0.0
    if problem.response != "none":
        rent = float((_revenue(network, wanted) - prices * wanted[0]).sum())
    value_usd = float((answer.use_mwh * _worth(problem)).sum())
    base_usd = float(coupled.base_usd_per_mw @ answer.x_mw)
    return Joined(
        x_mw=answer.x_mw,
        lower_usd=fixed_usd + scale * float(_revenue(network, hashes[None, :]).sum()),
        upper_usd=answer.upper_usd + scale * rent,
        use_mwh=answer.use_mwh,
        use_mw=answer.use_mw,
        fixed_usd=fixed_usd,
        hashes=hashes,
        class_btc=np.zeros(0),
        class_usd=np.zeros(0),
        cost_usd=base_usd + value_usd - fixed_usd,
        limit_duals_usd=answer.limit_duals_usd,
        link_rent_usd_per_mw=answer.link_rent_usd_per_mw,
        rounds=answer.rounds,
        interrupted=answer.ending is Ending.INTERRUPTED,
    )


def _hashes_per_mwh(problem: AllocationProblem) -> Floats:
    return np.array([problem.worths[position].hashes_per_mwh for position in problem.years[0].classes])


def _worth(problem: AllocationProblem) -> Floats:
    """What a MWh is worth [class] but for its coins: a hall's saving, or less a fleet's work."""
    worths = [problem.worths[position] for position in problem.years[0].classes]
    return np.array([each.surplus_value_usd_per_mwh if each.is_hall else -each.opex_usd_per_mwh for each in worths])


def _revenue(network: NetworkAnswer, hashes: Floats) -> Floats:
    """What the epochs' hashes fetch in USD [epoch] of the horizon."""
    paid: Floats = (network.epoch_btc * network.btc_usd * network.share(hashes))[0]
    return paid


def _joined(problem: AllocationProblem, network: NetworkAnswer, old: Joined, new: Joined) -> Joined:
    """The best mixture of two plans, and the better bound with its prices."""

    def value_usd(part: float) -> float:
        hashes = (1 - part) * old.hashes + part * new.hashes
        fixed = (1 - part) * old.fixed_usd + part * new.fixed_usd
        return fixed + problem.year_scale * float(_revenue(network, hashes[None, :]).sum())

    part = _best_part(value_usd)
    bounding = new if new.upper_usd <= old.upper_usd else old

    def mixed(one: Floats, other: Floats) -> Floats:
        return (1 - part) * one + part * other

    return replace(
        new,
        x_mw=mixed(old.x_mw, new.x_mw),
        lower_usd=value_usd(part),
        upper_usd=bounding.upper_usd,
        use_mwh=mixed(old.use_mwh, new.use_mwh),
        use_mw=mixed(old.use_mw, new.use_mw),
        fixed_usd=(1 - part) * old.fixed_usd + part * new.fixed_usd,
        hashes=mixed(old.hashes, new.hashes),
        cost_usd=(1 - part) * old.cost_usd + part * new.cost_usd,
        limit_duals_usd=bounding.limit_duals_usd,
        link_rent_usd_per_mw=bounding.link_rent_usd_per_mw,
        rounds=old.rounds + new.rounds,
    )


def _best_part(value_usd: Callable[[float], float]) -> float:
    """Where a concave function of 0 to 1 is largest, by thirds; an end counts if it is as good."""
    low, high = 0.0, 1.0
    for _ in range(MIXTURES):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        low, high = (left, high) if value_usd(left) < value_usd(right) else (low, right)
    return max((0.0, (low + high) / 2, 1.0), key=value_usd)


def _with_coins(problem: AllocationProblem, network: NetworkAnswer, best: Joined) -> Joined:
    """Coins by class: each epoch's, shared by hashes."""
    first = problem.years[0].epochs.first_hour[:-1]
    own = np.add.reduceat(best.use_mw, first, axis=1) * _hashes_per_mwh(problem)[:, None]
    hashes = best.hashes[None, :]
    coins = (network.epoch_btc * network.share(hashes))[0]
    rate = np.divide(coins, best.hashes, out=np.zeros_like(coins), where=best.hashes > 0)
    btc = problem.year_scale * own @ rate
    usd = problem.year_scale * own @ (rate * network.btc_usd[0])
    return replace(best, class_btc=btc, class_usd=usd)
