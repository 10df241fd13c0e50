"""One hour's service: who gets how much of the surplus, in the merit order, within what sites may reach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zakhira.dispatch.layout import Layout, Places
from zakhira.programme.series import Floats

ENOUGH_MW = 1e-12
"""Less than this is nothing left to share."""


@dataclass(frozen=True)
class Served:
    """An hour: ``used_mw``, ``firm_mw`` [row]; ``free_mw`` [row] is what a row had used if no site were held back.

    ``before_mw`` [step + 1, zone] is the surplus taken before each step, and after the last.
    """

    used_mw: Floats
    firm_mw: Floats
    free_mw: Floats
    before_mw: Floats


def serve(layout: Layout, want_mw: Floats, affordable_mw: Floats, reach_mw: Floats) -> Served:
    """Serve an hour.

    ``want_mw`` [row] is what is fit to run; ``affordable_mw`` [step, zone] the surplus cheaper than the step's value;
    ``reach_mw`` [site] what each site may draw at most; its halls come first in that. Halls draw on firm supply what
    the surplus does not give them.
    """
    zones = len(layout.zones)
    used, firm, free = np.zeros_like(want_mw), np.zeros_like(want_mw), np.zeros_like(want_mw)
    before = np.zeros((len(layout.steps) + 1, zones))
    run, room = _halls_reach(layout, want_mw, reach_mw)
    for number, step in enumerate(layout.steps):
        rows = step.rows
        zone, site, weight = layout.zone_of[rows], layout.site_of[rows], layout.effective_mw[rows]
        can = run[rows] if step.is_hall else np.minimum(want_mw[rows], room[site])
        left = np.maximum(affordable_mw[number] - before[number], 0.0)
        got = share_out(can, weight, zone, left)
        held = bool((can < want_mw[rows]).any())
        used[rows] = got
        if step.is_hall:
            firm[rows] = can - got
            free[rows] = want_mw[rows]
        else:
            free[rows] = share_out(want_mw[rows], weight, zone, left) if held else got
            room[site] = np.maximum(room[site] - got, 0.0)
        before[number + 1] = before[number] + np.bincount(zone, got, zones)
    return Served(used, firm, free, before)


def _halls_reach(layout: Layout, want_mw: Floats, reach_mw: Floats) -> tuple[Floats, Floats]:
    """What halls run [row] within their sites' reach, and what they leave of it [site]."""
    run, room = np.zeros_like(want_mw), reach_mw.copy()
    for step in layout.steps:
        if step.is_hall:
            site = layout.site_of[step.rows]
            run[step.rows] = np.minimum(want_mw[step.rows], room[site])
            room[site] = np.maximum(room[site] - run[step.rows], 0.0)
    return run, room


def share_out(can_mw: Floats, weight: Floats, zone: Places, left_mw: Floats) -> Floats:
    """Share what each zone has left among rows pro rata to ``weight``, none above what it can take.

    What a row cannot take goes to the others of its zone, pro rata again, so that nothing is left over in vain.
    """
    zones = len(left_mw)
    wanted = np.bincount(zone, can_mw, zones)
    if (wanted <= left_mw).all():
        return can_mw.copy()
    got = np.zeros_like(can_mw)
    left = np.minimum(left_mw, wanted)
    for _ in range(len(can_mw)):
        open_weight = np.where(can_mw - got > ENOUGH_MW, weight, 0.0)
        total = np.bincount(zone, open_weight, zones)
        level = np.divide(left, total, out=np.zeros(zones), where=total > 0)
        more = np.minimum(open_weight * level[zone], can_mw - got)
        got += more
        left = np.maximum(left - np.bincount(zone, more, zones), 0.0)
        if not (left > ENOUGH_MW).any():
            break
    return got
