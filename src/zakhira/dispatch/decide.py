"""Dispatch: from grants, surplus and forecast to MW by the hour. A pure decision; the last hour's MW carry over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zakhira.dispatch.layout import GrantedPower, Layout, lay_out, run_shares
from zakhira.dispatch.reasons import Account, shed_by_reason
from zakhira.dispatch.schedule import Dispatch
from zakhira.dispatch.service import Served, serve
from zakhira.energy.surplus import PlugSurplus, cheaper_than_mw, cost_of_first_pkr, surplus_at_plug
from zakhira.kernel.errors import InvalidInput
from zakhira.mining.network import stated_reward_sats_per_hash
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats, Series


class HoursDoNotFit(InvalidInput):
    """Actual, forecast and previous MW do not belong to the same zones, hours or grants."""

    code = "ZK-DISPATCH-002"


@dataclass(frozen=True)
class _Supply:
    """Surplus at the plug: by zone, in all [zone, hour], and cheaper than each step's value [step, zone, hour]."""

    plugs: tuple[PlugSurplus, ...]
    total_mw: Floats
    affordable_mw: Floats


def dispatch_hours(
    programme: Programme,
    granted: Sequence[GrantedPower],
    actual: Series,
    forecast: Series,
    previous_mw: Floats | None = None,
    reward_sats_per_hash: float | None = None,
) -> Dispatch:
    """Decide the hours of ``actual``.

    Each hour is scheduled on the forecast from where the sites stand, then run on what really comes. Surplus goes to
    whom it is worth most: to a fleet its margin, to a hall the firm tariff that it saves. Halls always run; fleets run
    on surplus that costs less than their margin; sites of a class in a zone share pro rata to their grants. A site
    never rises by more than its ramp over its last hour, nor over its schedule; a fall is followed at once, since
    miners shed in seconds.

    ``previous_mw`` [grant] is what ran in the hour before (:func:`last_mw`); None means that all sites stood still.
    ``reward_sats_per_hash`` sets the margins; None takes the network as the programme states it.

    Raises:
        UnknownGrant: a grant is not of this programme.
        HoursDoNotFit: the series or ``previous_mw`` do not belong together.
    """
    reward = stated_reward_sats_per_hash(programme.network) if reward_sats_per_hash is None else reward_sats_per_hash
    layout = lay_out(programme, granted, reward)
    last = np.zeros(len(layout.keys)) if previous_mw is None else previous_mw
    if (actual.hours, actual.zones) != (forecast.hours, forecast.zones) or last.shape != (len(layout.keys),):
        raise HoursDoNotFit(
            f"Actual {actual.hours}, forecast {forecast.hours}, {last.shape} previous MW, {len(layout.keys)} grants.",
            "Give the same window of both series, and the MW of the hour before for each grant.",
        )
    supply, expected = _supply(programme, layout, actual), _supply(programme, layout, forecast)
    ambient_c = np.array([actual.ambient_c[actual.zones.index(zone)] for zone in layout.zones])
    fit, sold, heat = run_shares(layout, ambient_c.reshape(len(layout.zones), actual.hours.count))
    want = (layout.effective_mw * fit * sold)[:, None] * heat
    run = _run(layout, want, supply, expected, last)
    account = Account(
        fit,
        sold,
        heat,
        run.used,
        run.firm,
        run.free,
        run.off_forecast,
        supply.affordable_mw,
        run.before[-1],
        supply.total_mw,
    )
    return Dispatch(
        hours=actual.hours,
        grant_keys=layout.keys,
        zones=layout.zones,
        planned_mw=run.planned,
        used_mw=run.used,
        firm_mw=run.firm,
        shed_mw=shed_by_reason(layout, account),
        energy_cost_pkr=_energy_cost_pkr(layout, supply, run),
        surplus_mw=supply.total_mw,
        forecast_mw=expected.total_mw,
    )


def last_mw(dispatch: Dispatch) -> Floats:
    """What ran at the end, on surplus and firm supply: the ``previous_mw`` of the hours that follow."""
    return dispatch.used_mw[:, -1] + dispatch.firm_mw[:, -1]


@dataclass(frozen=True)
class _Run:
    """The hours as they went: [row, hour]; ``before`` [step + 1, zone, hour]."""

    planned: Floats
    used: Floats
    firm: Floats
    free: Floats
    off_forecast: Floats
    before: Floats


def _run(layout: Layout, want: Floats, supply: _Supply, expected: _Supply, last: Floats) -> _Run:
    """Hour by hour: schedule on the forecast, then serve what comes, from what ran the hour before."""
    rows, hours = want.shape
    sites = len(layout.ramp_mw)
    planned, used, firm, free, off = (np.zeros((rows, hours)) for _ in range(5))
    before = np.zeros((len(layout.steps) + 1, len(layout.zones), hours))
    for hour in range(hours):
        reach = np.bincount(layout.site_of, last, sites) + layout.ramp_mw
        scheduled = serve(layout, want[:, hour], expected.affordable_mw[:, :, hour], reach)
        above = np.bincount(layout.site_of, _ran(scheduled), sites) + layout.ramp_mw
        served = serve(layout, want[:, hour], supply.affordable_mw[:, :, hour], np.minimum(reach, above))
        planned[:, hour], used[:, hour], firm[:, hour] = scheduled.used_mw, served.used_mw, served.firm_mw
        free[:, hour], before[:, :, hour] = served.free_mw, served.before_mw
        off[:, hour] = (above < reach)[layout.site_of]
        last = _ran(served)
    return _Run(planned, used, firm, free, off, before)


def _ran(served: Served) -> Floats:
    return served.used_mw + served.firm_mw


def _supply(programme: Programme, layout: Layout, series: Series) -> _Supply:
    plugs = tuple(surplus_at_plug(series, zone) for zone in programme.zones)
    affordable = np.zeros((len(layout.steps), len(plugs), series.hours.count))
    for number, step in enumerate(layout.steps):
        for zone, plug in enumerate(plugs):
            affordable[number, zone] = cheaper_than_mw(plug, step.value_pkr_per_mwh)
    return _Supply(plugs, np.array([plug.power_mw.sum(axis=1) for plug in plugs]), affordable)


def _energy_cost_pkr(layout: Layout, supply: _Supply, run: _Run) -> Floats:
    """Each step pays for the blocks that it took, after those before it; its rows share by what they used."""
    cost = np.zeros_like(run.used)
    paid = np.array(
        [
            [cost_of_first_pkr(plug, run.before[number, zone]) for zone, plug in enumerate(supply.plugs)]
            for number in range(len(layout.steps) + 1)
        ]
    )
    for number, step in enumerate(layout.steps):
        taken = run.before[number + 1] - run.before[number]
        spent = paid[number + 1] - paid[number]
        price = np.divide(spent, taken, out=np.zeros_like(spent), where=taken > 0)
        cost[step.rows] = run.used[step.rows] * price[layout.zone_of[step.rows]]
    return cost
