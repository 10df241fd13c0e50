"""How hashprice and our coins answer our own work, when difficulty adjusts to us and others leave as hashprice falls.

Work q is our hashrate over the others' stated hashrate N. Others mine N r^eps when hashprice is r times the stated one,
and hashprice falls as the network grows, so r = 1 / (r^eps + q). With r as the parameter all else is closed:
q = (1 - r^(1+eps)) / r, our share of the coins g(q) = q r = 1 - r^(1+eps), the marginal coin
g'(q) = (1+eps) r^(2+eps) / (1 + eps r^(1+eps)). The last rises with r and r falls with q: coins are concave in work for
every eps >= 0. At eps = 0 others stay and r = 1 / (1 + q).
"""

from __future__ import annotations

import numpy as np

from zakhira.programme.series import Floats

MOST_STEPS = 100
"""Four of Halley's steps were enough for every work from 1e-12 to 1e8 and every elasticity up to 100."""
LAST_STEP = 1e-6
"""Halley's steps converge to third order: one as small as this in ln r leaves an error below that of floating point."""


def hashprice_ratio(work: Floats, elasticity: float) -> Floats:
    """Hashprice over the stated one, r [...], at ``work`` q >= 0 [...]; between 0 and 1."""
    if elasticity == 0.0:
        return np.asarray(1.0 / (1.0 + work), dtype=np.float64)
    return np.exp(_log_ratio_at_work(np.asarray(work, dtype=np.float64), elasticity))


def coin_share(work: Floats, elasticity: float) -> Floats:
    """Our share g(q) [...] of the coins of a network that has settled, at ``work`` q >= 0 [...]."""
    return np.asarray(work * hashprice_ratio(work, elasticity), dtype=np.float64)


def marginal_share(work: Floats, elasticity: float) -> Floats:
    """What one more unit of work adds to our share, g'(q) [...]: 1 at no work, falling towards 0."""
    if elasticity == 0.0:
        return np.asarray(hashprice_ratio(work, 0.0) ** 2, dtype=np.float64)
    log_ratio = _log_ratio_at_work(np.asarray(work, dtype=np.float64), elasticity)
    left = np.exp((1.0 + elasticity) * log_ratio)
    return np.asarray((1.0 + elasticity) * np.exp(log_ratio) * left / (1.0 + elasticity * left), dtype=np.float64)


def work_at_marginal(marginal: Floats, elasticity: float) -> Floats:
    """The work q >= 0 [...] at which g'(q) is ``marginal`` [...], 0 < marginal <= 1."""
    wanted = np.asarray(marginal, dtype=np.float64)
    if elasticity == 0.0:
        root = np.sqrt(wanted)
        return np.asarray((1.0 - wanted) / (root * (1.0 + root)), dtype=np.float64)
    log_ratio = _log_ratio_at_marginal(wanted, elasticity)
    return np.asarray(-np.expm1((1.0 + elasticity) * log_ratio) / np.exp(log_ratio), dtype=np.float64)


def _log_ratio_at_work(work: Floats, elasticity: float) -> Floats:
    """The root x = ln r of G(x) = ln(e^((1+eps)x) + q e^x), which is convex with a slope of 1 to 1+eps.

    Starts where the tangent at 0 or the line of our work alone meets 0, whichever is nearer: both lie below G, so that
    the root is left of them.
    """
    tangent = np.log1p(work) * (1.0 + work) / (1.0 + elasticity + work)
    log_ratio = -np.maximum(tangent, np.log(np.maximum(work, 1.0)))
    for _ in range(MOST_STEPS):
        others, ours = np.exp((1.0 + elasticity) * log_ratio), work * np.exp(log_ratio)
        total = others + ours
        part = others / total
        slope = 1.0 + elasticity * part
        value = np.log1p(total - 1.0)
        step = value / (slope - value * elasticity**2 * part * (1.0 - part) / (2.0 * slope))
        log_ratio = np.minimum(log_ratio - step, 0.0)
        if not (np.abs(step) > LAST_STEP).any():
            break
    return log_ratio


def _log_ratio_at_marginal(marginal: Floats, elasticity: float) -> Floats:
    """The root x = ln r of h(x) = ln m, where h = ln g' is concave with a slope of 2 to 2+eps.

    Starts at the better of two lines above h, its tangent at 0 and its asymptote, which meet ln m left of the root.
    """
    wanted: Floats = np.log(marginal)
    log_ratio: Floats = np.maximum(wanted / 2.0, (wanted - np.log1p(elasticity)) / (2.0 + elasticity))
    for _ in range(MOST_STEPS):
        left = elasticity * np.exp((1.0 + elasticity) * log_ratio)
        part = left / (1.0 + left)
        slope = 2.0 + elasticity - (1.0 + elasticity) * part
        short = wanted - np.log1p(elasticity) + np.log1p(left) - (2.0 + elasticity) * log_ratio
        bend = -((1.0 + elasticity) ** 2) * part * (1.0 - part)
        step = short / (slope + short * bend / (2.0 * slope))
        log_ratio = np.minimum(log_ratio + step, 0.0)
        if not (np.abs(step) > LAST_STEP).any():
            break
    return log_ratio
