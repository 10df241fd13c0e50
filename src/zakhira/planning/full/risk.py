"""The mean over the worst scenarios as rows (R. T. Rockafellar and S. Uryasev, Journal of Risk 2, 2000)."""

from __future__ import annotations

import math

from zakhira.planning.full.assembly import Assembly
from zakhira.planning.full.recourse import Recourse
from zakhira.planning.outlook_oracle import Risk
from zakhira.programme.series import Floats


def add_risk(lp: Assembly, recourses: tuple[Recourse, ...], weights: Floats, risk: Risk) -> None:
    """``weight x max over t of (t - mean of (t - value)+ / tail share)``; nothing without a weight."""
    if risk.weight == 0:
        return
    level = lp.columns((1,), lower=-math.inf)
    short = lp.columns((len(recourses),))
    lp.worth(level, risk.weight)
    lp.worth(short, -risk.weight * weights / risk.tail_share)
    for number, recourse in enumerate(recourses):
        row = lp.rows((1,), 0.0, math.inf)
        lp.term(row, short[number], 1.0)
        lp.term(row, level, -1.0)
        recourse.add_to(row)
