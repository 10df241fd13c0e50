"""Why granted megawatts did not run: each one gets exactly one reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zakhira.dispatch.layout import Layout
from zakhira.dispatch.schedule import ShedReason
from zakhira.programme.series import Floats

PLACE = {reason: place for place, reason in enumerate(ShedReason)}


@dataclass(frozen=True)
class Account:
    """What happened, hour by hour, as the reasons need it: [row, hour] but where noted.

    ``off_forecast`` [row, hour] is true where the schedule held a site back more than its last hour did.
    ``affordable_mw`` [step, zone, hour]; ``taken_mw`` [zone, hour] by all; ``surplus_mw`` [zone, hour].
    """

    fit_share: Floats
    sold_share: Floats
    heat_share: Floats
    used_mw: Floats
    firm_mw: Floats
    free_mw: Floats
    off_forecast: Floats
    affordable_mw: Floats
    taken_mw: Floats
    surplus_mw: Floats


def shed_by_reason(layout: Layout, account: Account) -> Floats:
    """MW that did not run [row, hour, reason].

    From the granted MW the reasons are taken off in this order: quota and connection, upkeep, what halls have not sold,
    heat, what a site could not reach (by its ramp or its schedule) though there was surplus for it, surplus that was
    too dear, and last that there was no surplus.
    """
    shed = np.zeros((*account.used_mw.shape, len(PLACE)))
    effective, fit, sold = layout.effective_mw[:, None], account.fit_share[:, None], account.sold_share[:, None]
    shed[:, :, PLACE[ShedReason.QUOTA]] = (layout.granted_mw - layout.effective_mw)[:, None]
    shed[:, :, PLACE[ShedReason.UPKEEP]] = effective * (1.0 - fit)
    shed[:, :, PLACE[ShedReason.UNSOLD]] = effective * fit * (1.0 - sold)
    shed[:, :, PLACE[ShedReason.HEAT]] = effective * fit * sold * (1.0 - account.heat_share)
    ran = account.used_mw + account.firm_mw
    held = np.maximum(account.free_mw - ran, 0.0)
    shed[:, :, PLACE[ShedReason.OFF_FORECAST]] = np.where(account.off_forecast > 0, held, 0.0)
    shed[:, :, PLACE[ShedReason.RAMP]] = np.where(account.off_forecast > 0, 0.0, held)
    rest = np.maximum(effective * fit * sold * account.heat_share - ran - held, 0.0)
    dear = _too_dear(layout, account, rest)
    shed[:, :, PLACE[ShedReason.PRICE]] = dear
    shed[:, :, PLACE[ShedReason.NO_SURPLUS]] = rest - dear
    return shed


def _too_dear(layout: Layout, account: Account, rest_mw: Floats) -> Floats:
    """The part of ``rest_mw`` for which surplus lay unused that cost more than it was worth; each MW counted once."""
    dear = np.zeros_like(rest_mw)
    unused = account.surplus_mw - account.taken_mw
    for number, step in enumerate(layout.steps):
        if step.is_hall:
            continue
        zone = layout.zone_of[step.rows]
        wanted = np.zeros_like(unused)
        np.add.at(wanted, zone, rest_mw[step.rows])
        above = account.surplus_mw - np.maximum(account.affordable_mw[number], account.taken_mw)
        counted = np.clip(np.minimum(above, unused), 0.0, wanted)
        share = np.divide(counted, wanted, out=np.zeros_like(wanted), where=wanted > 0)
        dear[step.rows] = rest_mw[step.rows] * share[zone]
        unused = unused - counted
    return dear
