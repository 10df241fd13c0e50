"""What is told beside a certificate: what a price taker would have done, and what the steady state leaves out."""

from __future__ import annotations

from dataclasses import dataclass

from zakhira.mining.steady_state import SettledAgainstSimulated
from zakhira.planning.own_share import OwnShare
from zakhira.reports.document import Column, Row, Section, Table
from zakhira.reports.numbers import fixed, percent, power, prose, usd
from zakhira.reports.plot_spec import Bar, BarPlot, Role

_MILLION = 1e6
NOTHING_SHARE = 1e-5
"""Of the plan's net value: below it two plans are worth the same, as far as the search of either is certain."""


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
        f" {usd(share.left_usd)}. This plan has {prose(share.plan_btc, 6)} BTC and {usd(share.plan_usd)}:"
        f" {_worth(share)}."
    )
    settled = (
        f"Difficulty follows our work by up to an epoch: block by block the network pays"
        f" {prose(abs(retarget.difference_btc))} BTC {more} in the year than settled"
        f" ({percent(abs(retarget.difference_share))})."
    )
    return taker, settled


def _worth(share: OwnShare) -> str:
    """What knowing our own share is worth; next to nothing is told as such."""
    if abs(share.worth_usd) < NOTHING_SHARE * max(1.0, abs(share.plan_usd)):
        return "our own share is too small to change the plan's worth"
    return f"treating our own share honestly is worth {usd(share.worth_usd)} a year"


def beside_section(beside: PlanBeside, power_mw: float, source: str, *, estimate: bool) -> Section:
    """Both with their figures; ``power_mw`` is what this plan grants."""
    share = beside.share
    told = _worth(share)
    title = told[0].upper() + told[1:]
    takers = (
        ("a price taker's plan, as expected", share.naive_mw, share.naive_btc, share.naive_usd, Role.SHED),
        ("the same plan, as the network answers", share.naive_mw, share.left_btc, share.left_usd, Role.MONEY),
        ("this plan", power_mw, share.plan_btc, share.plan_usd, Role.MONEY),
    )
    plot = BarPlot(
        id="own-share",
        title=title,
        description="Bars of net value a year: what a price taker expects, what the network leaves, and this plan.",
        unit="USD million",
        x_name="net value a year",
        bars=tuple(
            Bar(name, value_usd / _MILLION, f"{usd(value_usd)}, {power(granted_mw)}", role, estimate)
            for name, granted_mw, _, value_usd, role in takers
        ),
    )
    columns = (
        Column("plan", number=False),
        Column("granted", "MW"),
        Column("coins", "BTC/a"),
        Column("net value", "USD mln/a"),
    )
    rows = tuple(
        Row((name, fixed(granted_mw, 1), fixed(btc, 2), fixed(value_usd / _MILLION, 2)))
        for name, granted_mw, btc, value_usd, _ in takers
    )
    tables = (Table("A price taker's plan and this one", columns, rows), _retarget_table(beside.retarget))
    return Section("own-share", title, beside_sentences(beside), source, plot, tables)


def _retarget_table(retarget: SettledAgainstSimulated) -> Table:
    return Table(
        "The plan's coins in the year",
        (Column("network", number=False), Column("coins", "BTC")),
        (
            Row(("settled in each epoch, as the plan counts", fixed(float(retarget.settled_btc.sum()), 2))),
            Row(("hour by hour under the retarget rule", fixed(float(retarget.simulated_btc.sum()), 2))),
        ),
    )
