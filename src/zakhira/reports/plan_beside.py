"""What is told beside a certificate: what a price taker would have done, and what the steady state leaves out."""

from __future__ import annotations

from dataclasses import dataclass

from zakhira.mining.steady_state import SettledAgainstSimulated
from zakhira.planning.own_share import OwnShare
from zakhira.reports.numbers import percent, power, prose, usd


@dataclass(frozen=True)
class PlanBeside:
    """A price taker's plan beside this one, and the plan's coins by the retarget rule."""

    share: OwnShare
    retarget: SettledAgainstSimulated


def beside_sentences(beside: PlanBeside) -> tuple[str, ...]:
    """Both in words."""
    share, retarget = beside.share, beside.retarget
    more = "more" if retarget.difference_btc >= 0 else "fewer"
    taker = (
        f"A price taker would grant {power(share.naive_mw)} and expect {prose(share.naive_btc, 6)} BTC and"
        f" {usd(share.naive_usd)} a year; the network's answer leaves {prose(share.left_btc, 6)} BTC and"
        f" {usd(share.left_usd)}. This plan has {prose(share.plan_btc, 6)} BTC and {usd(share.plan_usd)}: treating our"
        f" own share honestly is worth {usd(share.worth_usd)} a year."
    )
    settled = (
        f"Difficulty follows our work by up to an epoch: block by block the network pays"
        f" {prose(abs(retarget.difference_btc))} BTC {more} in the year than settled"
        f" ({percent(abs(retarget.difference_share))})."
    )
    return taker, settled
