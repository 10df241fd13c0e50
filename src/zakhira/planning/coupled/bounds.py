"""Both bounds of a coupled problem at an iterate, in its own units and independent of the iteration's accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zakhira.planning.coupled.layout import Layout
from zakhira.planning.coupled.problem import Battery, CoupledProblem, Link
from zakhira.planning.solver import LinearProgram, LinearSolver, Rows, SolverStatus
from zakhira.programme.series import Floats


@dataclass(frozen=True)
class Upper:
    """A Lagrangian bound: no capacities and no use are worth more. Without a bound ``value_usd`` is infinite."""

    value_usd: float
    price_usd_per_mwh: Floats
    limit_duals_usd: Floats
    link_rent_usd_per_mw: Floats
    x_mw: Floats


@dataclass(frozen=True)
class ColumnBounds:
    """The most MW of each column.

    ``implied_mw`` is finite: by the limits, or by all that there is to use. ``given_mw`` is the same where no limit
    implies it, else infinite, so that a limit's worth is not put on a column.
    """

    implied_mw: Floats
    given_mw: Floats


@dataclass(frozen=True)
class Lower:
    """A use that keeps every limit: what it is worth, less what its balances lack through rounding."""

    value_usd: float
    x_mw: Floats
    use_mwh: Floats
    flow_mwh: Floats
    use_mw: Floats
    """By class and hour, all zones together."""
    residual_mw: float


def capacity_program(problem: CoupledProblem, gain_usd_per_mw: Floats, x_upper_mw: Floats) -> LinearProgram:
    """The limits with a gain per MW of each column, scaled so that the largest gain is 1."""
    rows = problem.limit_rows
    filled = rows != 0
    starts = np.concatenate(([0], np.cumsum(filled.sum(axis=1)))).astype(np.int32)
    sparse = Rows(
        lower=np.full(len(rows), -np.inf),
        upper=problem.limit_capacity,
        starts=starts,
        columns=np.nonzero(filled)[1].astype(np.int32),
        values=rows[filled],
    )
    return LinearProgram(gain_usd_per_mw, np.zeros(len(gain_usd_per_mw)), x_upper_mw, sparse)


def scarcity_price(problem: CoupledProblem) -> Floats:
    """The most that 1 MWh can be worth in each hour, times its year_scale: the dearest use in its stretch of hours.

    Cutting higher prices down to it lowers every term of the Lagrangian bound or leaves it, so an optimal price never
    lies above it (nor, where no cost is negative, below 0).
    """
    dearest = max(float(problem.value_usd_per_mwh.max(initial=0.0)), 0.0)
    found = np.empty(len(problem.year_scale))
    for start, end in zip(problem.chain_starts, problem.chain_ends, strict=True):
        found[start:end] = dearest * float(problem.year_scale[start:end].max())
    return found


def upper_bound(
    problem: CoupledProblem, solver: LinearSolver, price: Floats, worth: dict[int, Floats], columns: ColumnBounds
) -> Upper:
    """Relax every balance at prices in USD/MWh times the hour's year_scale.

    ``price`` is [zone, hour]; ``worth`` [hour] of stored energy is by the battery's zone.
    What remains falls apart: a linear programme over the capacities, and a closed form for every block, link and
    battery. Valid for any figures (weak duality); exact at the optimal ones.
    """
    scale = problem.year_scale
    margin = price[:, None, :] - problem.cost_usd_per_mwh * scale
    np.maximum(margin, 0.0, out=margin)
    margin *= problem.surplus_mw
    rent = float(margin.sum())
    values = problem.value_usd_per_mwh * scale
    gain = np.empty(problem.run_share.shape[:2])
    for zone in range(len(gain)):
        gain[zone] = np.einsum("kh,kh->k", np.maximum(values - price[zone], 0.0), problem.run_share[zone])
    link_rents = np.array([_link_rent(link, price) for link in problem.links])
    rent += sum(link.limit_mw * float(value) for link, value in zip(problem.links, link_rents, strict=True))
    for battery in problem.batteries:
        stored = worth.get(battery.zone, price[battery.zone] * battery.discharge_share)
        rent += _battery_rent(battery, price[battery.zone], stored, problem)
    gains = problem.base_usd_per_mw + gain[problem.column_zone, problem.column_class]
    unit = max(float(np.abs(gains).max(initial=0.0)), 1e-9)
    solution = solver.load(capacity_program(problem, gains / unit, columns.given_mw)).solve()
    duals = np.maximum(solution.duals, 0.0) * unit if solution.status is SolverStatus.OPTIMAL else np.zeros(0)
    if len(duals) != len(problem.limit_capacity):
        return Upper(np.inf, price, np.zeros(len(problem.limit_capacity)), link_rents, np.zeros(0))
    # The value by the duals, not the solver's objective: its tolerances then cannot make the bound too low.
    left = np.maximum(gains - duals @ problem.limit_rows, 0.0)
    rent += float(duals @ problem.limit_capacity + left @ columns.implied_mw)
    return Upper(rent, price, duals, link_rents, solution.primal)


def _link_rent(link: Link, price: Floats) -> float:
    """What one more MW of a link would earn a year at these prices."""
    kept, first, second = 1.0 - link.loss_share, price[link.zone_a], price[link.zone_b]
    return float(np.maximum(kept * second - first, 0.0).sum() + np.maximum(kept * first - second, 0.0).sum())


def _battery_rent(battery: Battery, price: Floats, worth: Floats, problem: CoupledProblem) -> float:
    """The most that a battery can earn a year at these prices at its plug and inside it."""
    charge = np.maximum(battery.charge_share * worth - price, 0.0)
    discharge = np.maximum(price - worth / battery.discharge_share, 0.0)
    total = battery.power_mw * float(charge.sum() + discharge.sum())
    for start, end in zip(problem.chain_starts, problem.chain_ends, strict=True):
        part = worth[start:end]
        rise = np.append(part[1:], part[0]) - part
        total += battery.energy_mwh * float(np.maximum(rise, 0.0).sum())
    return total


def lower_bound(problem: CoupledProblem, layout: Layout, flat: Floats, x_mw: Floats) -> Lower:
    """Make a use that keeps every limit out of the local variables of an iterate, and value it from the problem's data.

    Flows and the batteries' energy are cut to their limits, their power is changed until the energy adds up, and each
    plug is then closed by the best use of what is there (:func:`best_use`). What a plug or a battery still lacks is
    charged at the dearest use: an optimal price of energy never lies above that, so the result stays a lower bound.
    """
    zones, _, hours = problem.run_share.shape
    injected = np.zeros((zones, hours))
    scale, unit = problem.year_scale, layout.unit_mw
    live = layout.live_row > 0
    flow_mwh = np.zeros((len(problem.links), 2))
    flows = layout.part(flat, 2) * unit
    open_links = [number for number, link in enumerate(problem.links) if link.limit_mw > 0]
    for number, link in enumerate(layout.links):
        both = np.clip(flows[number], 0.0, link.limit_mw) * live[link.zone_a]
        kept = 1.0 - link.loss_share
        injected[link.zone_a] += kept * both[1] - both[0]
        injected[link.zone_b] += kept * both[0] - both[1]
        flow_mwh[open_links[number]] = both @ scale
    missing = np.zeros(hours)
    for number, battery in enumerate(layout.batteries):
        charge, discharge, lack = _battery_use(battery, layout, flat, number, problem)
        injected[battery.zone] += discharge - charge
        missing += lack
    use, taken, lacking, spilled = best_use(problem, problem.capacity_mw(x_mw), injected)
    missing += lacking.sum(axis=0)
    cheapest = max(-float(problem.cost_usd_per_mwh.min(initial=0.0)), 0.0) * float(scale.max(initial=0.0))
    use_mwh = use @ scale
    value = float(problem.base_usd_per_mw @ x_mw)
    value += float(np.einsum("kh,zkh,h->", problem.value_usd_per_mwh, use, scale, optimize=True))
    value -= float(np.einsum("zbh,zbh,h->", problem.cost_usd_per_mwh, taken, scale, optimize=True))
    value -= float(missing @ scarcity_price(problem)) + cheapest * float(spilled.sum())
    return Lower(value, x_mw, use_mwh, flow_mwh, use.sum(axis=0), float(max(missing.max(initial=0.0), 0.0)))


def _battery_use(
    battery: Battery, layout: Layout, flat: Floats, number: int, problem: CoupledProblem
) -> tuple[Floats, Floats, Floats]:
    """Charge and discharge in MW that fit the clipped energy, and what is lacking at the plug's side in MW."""
    unit = layout.unit_mw
    charge, discharge, stored = (layout.part(flat, part)[number] * unit for part in (3, 4, 5))
    live = layout.live_row[battery.zone]
    charge = np.clip(charge, 0.0, battery.power_mw) * live
    discharge = np.clip(discharge, 0.0, battery.power_mw) * live
    stored = np.clip(stored, 0.0, battery.energy_mwh)
    before = np.empty_like(stored)
    before[1:] = stored[:-1]
    for start, end in zip(problem.chain_starts, problem.chain_ends, strict=True):
        before[start] = stored[end - 1]
    over = (before + battery.charge_share * charge - discharge / battery.discharge_share - stored) * live
    charge = np.clip(charge - np.maximum(over, 0.0) / battery.charge_share, 0.0, None)
    less = np.minimum(np.maximum(-over, 0.0) * battery.discharge_share, discharge)
    more = np.maximum(-over, 0.0) - less / battery.discharge_share
    extra = np.minimum(more / battery.charge_share, battery.power_mw - charge)
    lack = np.maximum(more - extra * battery.charge_share, 0.0)
    return charge + extra, discharge - less, np.where(lack > 0, lack, 0.0)


def best_use(problem: CoupledProblem, capacity_mw: Floats, injected: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """The best use [zone, class, hour] and surplus taken [zone, block, hour] where ``injected`` [zone, hour] is given.

    What is injected goes to the classes with the highest values first, what is drawn comes from the cheapest blocks,
    and blocks then serve classes as long as a value exceeds a cost. Also returned: MW drawn that no block covers, and
    MW
    injected that no class takes.
    """
    use = np.zeros(problem.run_share.shape)
    taken = np.zeros(problem.surplus_mw.shape)
    room = problem.run_share * capacity_mw[:, :, None]
    left = problem.surplus_mw.copy()
    spare, drawn = np.maximum(injected, 0.0), np.maximum(-injected, 0.0)
    by_value = np.argsort(-problem.value_usd_per_mwh, axis=0, kind="stable")
    by_cost = np.argsort(problem.cost_usd_per_mwh, axis=1, kind="stable")
    _, classes, _ = problem.run_share.shape
    blocks = problem.surplus_mw.shape[1]
    # Ranks instead of positions: the k-th dearest class and the b-th cheapest block of each hour.
    room_ranked = np.take_along_axis(room, by_value[None], axis=1)
    value_ranked = np.take_along_axis(problem.value_usd_per_mwh, by_value, axis=0)
    left_ranked = np.take_along_axis(left, by_cost, axis=1)
    cost_ranked = np.take_along_axis(problem.cost_usd_per_mwh, by_cost, axis=1)
    use_ranked, taken_ranked = np.zeros_like(room_ranked), np.zeros_like(left_ranked)
    for rank in range(classes):
        amount = np.minimum(spare, room_ranked[:, rank])
        spare -= amount
        room_ranked[:, rank] -= amount
        use_ranked[:, rank] += amount
    for block in range(blocks):
        amount = np.minimum(drawn, left_ranked[:, block])
        drawn -= amount
        left_ranked[:, block] -= amount
        taken_ranked[:, block] += amount
    for block in range(blocks):
        for rank in range(classes):
            worth_it = value_ranked[rank] > cost_ranked[:, block]
            amount = np.minimum(left_ranked[:, block], room_ranked[:, rank]) * worth_it
            left_ranked[:, block] -= amount
            room_ranked[:, rank] -= amount
            use_ranked[:, rank] += amount
            taken_ranked[:, block] += amount
    np.put_along_axis(use, np.broadcast_to(by_value[None], use.shape), use_ranked, axis=1)
    np.put_along_axis(taken, by_cost, taken_ranked, axis=1)
    return use, taken, drawn, spare
