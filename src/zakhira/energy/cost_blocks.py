"""Many units of supply as a few cost blocks an hour, without losing a megawatt or a rupee of any hour."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from zakhira.programme.series import Floats


def cost_blocks(power_mw: Floats, cost_per_mwh: Floats, most_blocks: int) -> tuple[Floats, Floats]:
    """Group units [unit, hour] into at most ``most_blocks`` blocks [block, hour], in ascending cost in every hour.

    Units whose costs lie closest together share a block (the partition of least squared error, weighted by energy;
    Fisher, 1958), and a block costs in each hour what its units cost there on average, so that the MW and the cost of
    all units together are kept. A block without power in an hour takes its mean cost over all hours.
    """
    weight = power_mw.sum(axis=1)
    plain = cost_per_mwh.mean(axis=1)
    paid = (power_mw * cost_per_mwh).sum(axis=1)
    mean_cost = np.where(weight > 0, paid / np.where(weight > 0, weight, 1.0), plain)
    order = np.argsort(mean_cost, kind="stable")
    edges = _closest_together(mean_cost[order], weight[order], min(most_blocks, len(order)))
    blocks = [order[first:end] for first, end in pairwise(edges)]
    mw = np.array([power_mw[units].sum(axis=0) for units in blocks])
    cost = np.array([_mean_cost(power_mw[units], cost_per_mwh[units], mean_cost[units]) for units in blocks])
    rank = np.argsort(cost, axis=0, kind="stable")
    return np.take_along_axis(mw, rank, axis=0), np.take_along_axis(cost, rank, axis=0)


def _mean_cost(power_mw: Floats, cost_per_mwh: Floats, usual_cost: Floats) -> Floats:
    """What the units of a block cost together in each hour [hour]."""
    total = power_mw.sum(axis=0)
    paid = (power_mw * cost_per_mwh).sum(axis=0)
    result: Floats = (
        cost_per_mwh[0]
        if len(power_mw) == 1
        else np.where(total > 0, paid / np.where(total > 0, total, 1.0), usual_cost.mean())
    )
    return result


def _closest_together(cost: Floats, weight: Floats, count: int) -> list[int]:
    """Edges of ``count`` runs of the ascending costs with the least sum of squared distances to their means."""
    units = len(cost)
    sums = [np.concatenate(([0.0], np.cumsum(weight * cost**power))) for power in (0, 1, 2)]
    starts, ends = np.meshgrid(np.arange(units), np.arange(1, units + 1), indexing="ij")
    mass, first, second = (total[ends] - total[starts] for total in sums)
    error = second - np.where(mass > 0, first**2 / np.where(mass > 0, mass, 1.0), 0.0)
    error = np.where(starts < ends, error, np.inf)
    best = error[0].copy()
    cuts = []
    for _ in range(1, count):
        options = best[:-1, None] + error[1:]
        cuts.append(np.concatenate(([0], options.argmin(axis=0)[1:] + 1)))
        best = np.concatenate(([np.inf], options.min(axis=0)[1:]))
    edges = [units]
    for cut in reversed(cuts):
        edges.append(int(cut[edges[-1] - 1]))
    return [*dict.fromkeys((0, *reversed(edges)))]
