"""Economic dispatch of two regions by merit order, with a corridor between them, vectorised over hours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zakhira.energy.generation_weather import Ints
from zakhira.energy.power_system import PowerSystem
from zakhira.programme.series import Floats

MUST_RUN_COST = -1000.0
"""Ranks the technical minimum of a running unit before any energy that has a price."""
COMMIT_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Balance:
    """Output by step or plant [item, hour], the flow from south to north and what was not served [region, hour]."""

    output_mw: Floats
    flow_mw: Floats
    unserved_mw: Floats


def _fill(capacity: Floats, demand: Floats) -> Floats:
    """Load the steps in their order until the demand is met; [step, hour] and [hour]."""
    before = np.cumsum(capacity, axis=0) - capacity
    return np.clip(demand - before, 0.0, capacity)


def dispatch_regions(capacity: Floats, cost: Floats, region: Ints, demand: Floats, corridor_mw: float) -> Balance:
    """Least-cost output of steps [step, hour] at ``cost`` [step] for ``demand`` [region, hour].

    The cost of a flow f is C_south(D + f) + C_north(D - f), which is convex in f: so the flow that serves both as one
    merit order, clipped to the corridor, is the optimum. Losses of the corridor are not modelled.
    """
    order = np.argsort(cost, kind="stable")
    ranked, side = capacity[order], region[order]
    joint = _fill(ranked, demand.sum(axis=0))
    flow = np.clip(joint[side == 0].sum(axis=0) - demand[0], -corridor_mw, corridor_mw)
    output = np.zeros_like(capacity)
    unserved = np.zeros_like(demand)
    for index, load in enumerate((demand[0] + flow, demand[1] - flow)):
        own = order[side == index]
        output[own] = _fill(capacity[own], load)
        unserved[index] = np.maximum(load - output[own].sum(axis=0), 0.0)
    return Balance(output, flow, unserved)


def evacuable_mw(system: PowerSystem, available: Floats, cost: Floats) -> Floats:
    """What of each plant's available power the lines from its node can carry, cheapest plant first; [plant, hour]."""
    result = available.copy()
    for limit in system.evacuation:
        indices = [index for index, plant in enumerate(system.plants) if plant.node == limit.from_node]
        own = np.array(indices, dtype=np.int64)
        ranked = own[np.argsort(cost[own], kind="stable")]
        result[ranked] = _fill(available[ranked], np.full(available.shape[1], limit.limit_mw))
    return result


def committed_mw(peak_output: Floats, available: Floats, unit_mw: Floats, reserve_share: float) -> Floats:
    """Capacity on the bars through a day [plant, day]: whole units that cover the plant's output at the day's peak."""
    wanted = peak_output * (1.0 + reserve_share)
    units = np.ceil(wanted / unit_mw[:, None] - COMMIT_TOLERANCE)
    return np.minimum(units * unit_mw[:, None], available)


def dispatch_with_minimum(steps: Floats, prices: Floats, region: Ints, demand: Floats, corridor_mw: float) -> Balance:
    """Dispatch plants whose running units keep their minimum unless even the minimum is more than the load.

    ``steps`` [3, plant, hour] are each plant's minimum, the rest of its running units and its cold units; ``prices``
    [3, plant] what they cost. The minimum is taken first of all.
    """
    ranked = prices.copy()
    ranked[0] += MUST_RUN_COST
    count, hours = steps.shape[1:]
    balance = dispatch_regions(steps.reshape(-1, hours), ranked.ravel(), np.tile(region, 3), demand, corridor_mw)
    output = balance.output_mw.reshape(3, count, hours).sum(axis=0)
    return Balance(output, balance.flow_mw, balance.unserved_mw)
