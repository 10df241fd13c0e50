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
"""Newton's steps are monotone and quadratic near the end: fewer than ten are met up to an elasticity of 5."""
LAST_STEP = 1e-9
"""A step in ln r as small as this leaves an error far below that of floating point."""


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
    ratio = hashprice_ratio(work, elasticity)
    share_left = ratio ** (1.0 + elasticity)
    return np.asarray((1.0 + elasticity) * ratio * share_left / (1.0 + elasticity * share_left), dtype=np.float64)


def work_at_marginal(marginal: Floats, elasticity: float) -> Floats:
    """The work q >= 0 [...] at which g'(q) is ``marginal`` [...], 0 < marginal <= 1."""
    wanted = np.asarray(marginal, dtype=np.float64)
    if elasticity == 0.0:
        root = np.sqrt(wanted)
        return np.asarray((1.0 - wanted) / (root * (1.0 + root)), dtype=np.float64)
    log_ratio = _log_ratio_at_marginal(wanted, elasticity)
    return np.asarray(-np.expm1((1.0 + elasticity) * log_ratio) / np.exp(log_ratio), dtype=np.float64)


def _log_ratio_at_work(work: Floats, elasticity: float) -> Floats:
    """The root x = ln r of ln(e^((1+eps)x) + q e^x): convex with a slope of 1 to 1+eps, so Newton falls to it."""
    log_ratio = -np.log(np.maximum(work, 1.0))
    for _ in range(MOST_STEPS):
        others, ours = np.exp((1.0 + elasticity) * log_ratio), work * np.exp(log_ratio)
        step = np.log1p(others + ours - 1.0) / (1.0 + elasticity * others / (others + ours))
        log_ratio = np.minimum(log_ratio - step, 0.0)
        if not (np.abs(step) > LAST_STEP).any():
            break
    return log_ratio


def _log_ratio_at_marginal(marginal: Floats, elasticity: float) -> Floats:
    """The root x = ln r of ln g' - ln m: concave with a slope of 2 to 2+eps, so Newton rises to it from the left."""
    wanted: Floats = np.log(marginal) - np.log1p(elasticity)
    log_ratio: Floats = wanted / (2.0 + elasticity)
    for _ in range(MOST_STEPS):
        share_left = elasticity * np.exp((1.0 + elasticity) * log_ratio)
        slope = 2.0 + elasticity - (1.0 + elasticity) * share_left / (1.0 + share_left)
        step = (wanted + np.log1p(share_left) - (2.0 + elasticity) * log_ratio) / slope
        log_ratio = np.minimum(log_ratio + step, 0.0)
        if not (np.abs(step) > LAST_STEP).any():
            break
    return log_ratio
