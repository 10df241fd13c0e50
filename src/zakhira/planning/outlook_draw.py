"""Scenarios drawn from the programme's drifts, volatilities and weights: correlated paths in mirrored pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from zakhira.mining.epochs import epochs_of
from zakhira.planning.outlook import WEIGHT_ROUNDING, Outlook, OutlookNotPossible, Places
from zakhira.programme.model import Planning, Programme
from zakhira.programme.series import Floats

YEAR_HOURS = 8760.0


def year_weights(programme: Programme) -> tuple[float, ...]:
    """The weight of the reference, which has what is left of 1, and of each surplus year."""
    others = tuple(year.weight_share for year in programme.surplus_years)
    return (max(0.0, 1.0 - sum(others)), *others)


def shape_of(programme: Programme) -> tuple[int, tuple[int, ...]]:
    """The most epochs that the horizon has in any phase (a halving cuts one), and the phases' years; one if none."""
    phases = tuple(phase.year for phase in programme.phases) or (0,)
    return max(epochs_of(programme.network, programme.horizon.count, year).count for year in phases), phases


def draw_outlook(
    programme: Programme,
    epochs: int,
    phases: tuple[int, ...],
    surplus_weights: Sequence[float],
    count: int,
    rng: np.random.Generator,
) -> Outlook:
    """Draw ``count`` scenarios of equal weight.

    Price and others' hashrate are geometric Brownian motions with the drifts, volatilities and the correlation of
    ``programme.planning``, at the start of each of ``epochs`` equal parts of the horizon in each year of ``phases``
    (years after the horizon, ascending: year y begins after y years of the same path). At time 0 they are the stated
    figures; E[price] = stated x exp((drift + volatility^2 / 2) t). The GPU factor is lognormal with mean 1. Scenarios
    2k and 2k+1 are mirrored: all shocks of one are those of the other with the sign changed, so that the mean of the
    logarithms is met exactly (an odd last one has no mirror). Surplus years come as often as ``surplus_weights``
    [year], the reference first, say, to one scenario up or down, in an order of their own.

    Raises:
        OutlookNotPossible: weights do not sum to 1, or a path leaves the range of numbers.
    """
    total = float(sum(surplus_weights))
    if count < 1 or min(surplus_weights) < 0.0 or abs(total - 1.0) > WEIGHT_ROUNDING:
        raise OutlookNotPossible(
            f"{count} scenarios over years whose weights sum to {total:.9g} cannot be drawn.",
            "Draw at least one scenario, with weights of years that are at least 0 and sum to 1.",
        )
    planning = programme.planning
    times = _epoch_times(programme.horizon.count, epochs, phases)
    shocks = _mirrored(rng.standard_normal((-(-count // 2), 2 * len(times) + 1)), count)
    of_price, of_others = shocks[:, : len(times)], shocks[:, len(times) : -1]
    mixed = planning.correlation * of_price + math.sqrt(1.0 - planning.correlation**2) * of_others
    shape = (count, len(phases), epochs)
    price = _path(of_price, times, planning.btc_drift_per_year, planning.btc_volatility_per_year)
    others = _path(mixed, times, planning.hashrate_drift_per_year, planning.hashrate_volatility_per_year)
    with np.errstate(over="ignore"):  # what is no number any more is refused by the outlook
        return Outlook(
            weights=np.full(count, 1.0 / count),
            surplus_year=_drawn_years(surplus_weights, count, rng),
            btc_usd=(programme.prices.btc_usd * np.exp(price)).reshape(shape),
            others_eh_per_s=(programme.network.hashrate_eh_per_s * np.exp(others)).reshape(shape),
            gpu_factor=_gpu_factor(shocks[:, -1], planning),
        )


def _epoch_times(hours: int, epochs: int, phases: tuple[int, ...]) -> Floats:
    """Years from the stated figures to the start of each epoch of each phase, ascending [phase * epoch]."""
    within = np.arange(epochs) * (hours / YEAR_HOURS / epochs)
    times: Floats = np.add.outer(np.array(phases, dtype=np.float64), within).ravel()
    assert (np.diff(times) > 0).all(), "phases ascend by whole years and a horizon lasts a year at most"
    return times


def _mirrored(shocks: Floats, count: int) -> Floats:
    """Each row and then its negative, cut to ``count`` rows."""
    return np.stack((shocks, -shocks), axis=1).reshape(-1, shocks.shape[1])[:count]


def _path(shocks: Floats, times: Floats, drift: float, volatility: float) -> Floats:
    """Logarithms of a geometric Brownian motion over its start [scenario, time]."""
    steps = np.diff(times, prepend=0.0)
    return np.cumsum(drift * steps + volatility * np.sqrt(steps) * shocks, axis=1)


def _gpu_factor(shocks: Floats, planning: Planning) -> Floats:
    return np.exp(planning.gpu_volatility * shocks - planning.gpu_volatility**2 / 2.0)


def _drawn_years(weights: Sequence[float], count: int, rng: np.random.Generator) -> Places:
    """One point in each of ``count`` equal parts of the weights, shuffled: each year to one scenario up or down."""
    points = (np.arange(count) + rng.random()) / count
    bounds = np.cumsum(np.asarray(weights, dtype=np.float64))
    last = int(np.flatnonzero(np.asarray(weights) > 0)[-1])
    years = np.minimum(np.searchsorted(bounds, points, side="right"), last)
    return rng.permutation(years).astype(np.intp)
