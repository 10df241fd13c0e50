"""Coins that lie deep enough get their paper and their entry: announced, or in suspense; what is odd is flagged."""

from __future__ import annotations

from dataclasses import dataclass

from zakhira.flows.coin_papers import CoinPaper
from zakhira.flows.treasury import Treasury

UNEXPLAINED_SPEND = "unexplained spend"
"""Kind of the records of coins that a transaction spent which is not ours; the id is the outpoint."""


@dataclass(frozen=True)
class UnexplainedSpend:
    """A coin of a vault that a transaction spent which no spend of ours was built as: keys are in other hands."""

    outpoint: str
    vault: str
    amount_sats: int
    spent_by: str
    height: int
    is_standing: bool
    """False once a reorganisation took the spending transaction back"""


@dataclass(frozen=True)
class Judged:
    """What one run of judging came to."""

    announced: int
    suspense: int
    flagged: tuple[CoinPaper, ...]
    unexplained: tuple[UnexplainedSpend, ...]
    """new in this run: tell somebody at once"""
    lost: tuple[str, ...]
    """coins that a reorganisation took away after they had been credited"""
    taken_back: tuple[str, ...]
    """coins whose unexplained spend a reorganisation took away"""


def judge_arrivals(treasury: Treasury) -> Judged:
    """Give every coin that lies deep enough its paper and its entry, in one write for each batch; safe to repeat."""
    raise NotImplementedError
