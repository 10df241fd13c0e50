"""What is told beside a certificate: what a price taker would have done, and what the steady state leaves out."""

from __future__ import annotations

from dataclasses import dataclass

from zakhira.mining.steady_state import SettledAgainstSimulated
from zakhira.planning.own_share import OwnShare
from zakhira.reports.document import Column, Row, Section, Table
from zakhira.reports.numbers import fixed, percent, power, prose, usd


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


def beside_section(beside: PlanBeside, source: str) -> Section:
    """Both with their figures."""
    share, retarget = beside.share, beside.retarget
    million = 1e6
    takers = Table(
        "A price taker's plan and this one",
        (Column("plan", number=False), Column("coins", "BTC/a"), Column("net value", "USD mln/a")),
        (
            Row(("a price taker's, as he expects it", fixed(share.naive_btc, 1), fixed(share.naive_usd / million, 2))),
            Row(("the same, as the network leaves it", fixed(share.left_btc, 1), fixed(share.left_usd / million, 2))),
            Row(("this plan", fixed(share.plan_btc, 1), fixed(share.plan_usd / million, 2))),
        ),
    )
    coins = Table(
        "The plan's coins in the year",
        (Column("network", number=False), Column("coins", "BTC")),
        (
            Row(("settled in each epoch, as the plan counts", fixed(float(retarget.settled_btc.sum()), 2))),
            Row(("hour by hour under the retarget rule", fixed(float(retarget.simulated_btc.sum()), 2))),
        ),
    )
    title = f"Treating our own share honestly is worth {usd(share.worth_usd)} a year"
    return Section("own-share", title, beside_sentences(beside), source, None, (takers, coins))
