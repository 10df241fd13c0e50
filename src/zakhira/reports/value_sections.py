"""Whose value a plan is, what flips its uses, and where the surplus is worth most: sections and tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zakhira.kernel.interval import DAY_HOURS
from zakhira.planning.allocation import Plan, Stakeholder
from zakhira.planning.break_even import Flip, Today, ZoneBreakEven
from zakhira.planning.heat_map import HeatMap
from zakhira.programme.model import Programme
from zakhira.reports.document import Column, Kind, Row, Section, Table
from zakhira.reports.energy_sections import name_list, plural
from zakhira.reports.numbers import fixed, hour_text, percent, power, prose, usd
from zakhira.reports.plan_sections import a_year, class_names, last_phase, last_year
from zakhira.reports.plot_spec import Bar, BarPlot, Disc, GridPlot, MapLink, MapPlot, Role

_MILLION = 1e6
NOTHING_USD = 1.0
STEP_HOURS = 2
_ROLES = {"programme": Role.MONEY, "licensee": Role.MINING, "grid": Role.SURPLUS, "pools": Role.SHED}
STAKE_COLUMNS = (
    Column("who", number=False),
    Column("net value", "USD mln/a"),
    Column("coins", "BTC/a"),
    Column("made of, USD million a year", number=False),
)


def stake_table(plan: Plan) -> Table:
    """One row for each party with something to win or lose, and the sum; in a build-up for each phase's year."""
    rows = []
    for phase in dict.fromkeys(one.phase for one in plan.stakeholders) or ("",):
        mine = [one for one in plan.stakeholders if one.phase == phase]
        total, coins = sum(one.value_usd for one in mine), sum(one.btc for one in mine)
        name = f"all, {phase}" if phase else "all"
        rows += [Row(_stake_cells(one)) for one in mine if _has_part(one)]
        rows.append(Row((name, fixed(total / _MILLION, 2), fixed(coins, 2), "transfers cancel"), Kind.TOTAL))
    return Table("Whose value the plan is", STAKE_COLUMNS, tuple(rows))


def _has_part(one: Stakeholder) -> bool:
    return any(abs(line) > NOTHING_USD for _, line in one.lines_usd)


def _stake_cells(one: Stakeholder) -> tuple[str, ...]:
    lines = [f"{name} {fixed(line / _MILLION, 1)}" for name, line in one.lines_usd if abs(line) > NOTHING_USD]
    name = f"{one.name}, {one.phase}" if one.phase else one.name
    return name, fixed(one.value_usd / _MILLION, 2), fixed(one.btc, 2), "; ".join(lines)


def stake_section(plan: Plan, programme: Programme, source: str) -> Section:
    """Who gains and who loses by the plan."""
    held = [one for one in plan.stakeholders if _has_part(one) and one.phase == last_phase(plan)]
    estimate = any(result.tag == "E" for result in plan.results if result.power_mw > 0)
    licensees = [one for one in held if one.kind == "licensee"]
    losing = [one.name for one in licensees if one.value_usd < -NOTHING_USD]
    office = sum(one.value_usd for one in held if one.kind == "programme")
    title = (
        f"The programme gains {usd(office)} {a_year(plan)}, "
        f"its licensees {usd(sum(one.value_usd for one in licensees))}; "
        f"{f'{name_list(losing)} lose' if losing else 'no licensee loses'}"
    )
    proof = plan.certificate
    words = [
        (
            "Royalty, rent, markup and energy are paid by one and received by another, so that they cancel in the sum. "
            "The grid gains what a firm tariff pays above the fuel of an average unit: that much of its capacity "
            f"payments is relieved. What the plan maximised: {plan.basis.summed}."
        )
    ]
    if proof.held_back:
        names = {item.id: item.name for item in programme.licensees}
        held_back = name_list([names[one] for one in proof.held_back])
        cost = f"; that cost at most {usd(proof.floor_usd)}" if plan.aim is None else ""
        words.append(f"So that no licensee loses, less was granted to {held_back}{cost}.")
    bars = tuple(
        Bar(
            one.name,
            one.value_usd / _MILLION,
            usd(one.value_usd),
            _ROLES[one.kind],
            estimate,
        )
        for one in held
    )
    description = f"Bars of a year's net value of {plural(len(bars), 'party', 'parties')}."
    plot = BarPlot("stakes", title, description, "USD million", f"net value {a_year(plan)}", bars)
    return Section("stakes", title, tuple(words), source, plot if bars else None, (stake_table(plan),))


BREAK_COLUMNS = (
    Column("zone", number=False),
    Column("use", number=False),
    Column("seen", number=False),
    Column("best", number=False),
    Column("worth", "USD/MW a"),
    Column("coin or GPU-hour", number=False),
    Column("hashprice", "USD/PH/day"),
    Column("power", number=False),
)


def break_even_table(found: tuple[ZoneBreakEven, ...], today: Today, names: Mapping[str, str] | None = None) -> Table:
    """The prices at which each zone's best fleet and best hall flips; ``names`` by id of zones and classes."""
    rows = tuple(Row(_break_cells(one, today, names or {})) for one in found)
    return Table("Where uses flip: first MW alone in the zone, and one more beside the plan's", BREAK_COLUMNS, rows)


def _break_cells(one: ZoneBreakEven, today: Today, names: Mapping[str, str]) -> tuple[str, ...]:
    hall = dict(today.gpu_hour_usd).get(one.best)
    unit_price = today.btc_usd if one.kind == "mining" else (hall or 0.0)
    flips = [flip for flip in (one.price_below, one.price_above) if flip is not None]
    prices = [
        f"{fixed(flip.price * unit_price, 0 if one.kind == 'mining' else 2)} USD: {_becomes(flip, names)}"
        for flip in flips
    ]
    hashprices = [fixed(flip.price * today.hashprice_usd_per_ph_day, 1) for flip in flips if one.kind == "mining"]
    powers = [
        f"{'+' if flip.price > 0 else ''}{fixed(flip.price * today.pkr_per_usd / 1000, 2)} Rs/kWh:"
        f" {_becomes(flip, names)}"
        for flip in (one.power_below, one.power_above)
        if flip is not None
    ]
    return (
        names.get(one.zone, one.zone),
        one.kind,
        "at the plan" if one.at_plan else "first MW",
        names.get(one.best, one.best) or "nothing pays",
        fixed(one.worth_usd),
        "; ".join(prices) or "none in reach",
        "; ".join(hashprices) or "\u2013",
        "; ".join(powers) or "none in reach",
    )


def _becomes(flip: Flip, names: Mapping[str, str]) -> str:
    return names.get(flip.becomes, flip.becomes) or "nothing"


def break_even_section(
    found: tuple[ZoneBreakEven, ...], today: Today, plan: Plan, programme: Programme, source: str
) -> Section:
    """The price of a coin at which mining in a zone ends, nearest first, with the table of all flips."""
    names = {zone.id: zone.name for zone in programme.zones} | class_names(programme)
    ends = [
        (one.price_below.price * today.btc_usd, one)
        for one in found
        if one.kind == "mining" and one.at_plan and one.price_below is not None
    ]
    ends.sort(key=lambda pair: -pair[0])
    if ends:
        price, first = ends[0]
        below = f"below {usd(price)} a coin, {percent(1 - price / today.btc_usd)} under today's"
        title = f"Mining ends first in {names[first.zone]}: {below}, not even {names[first.best]} pays there"
    elif not any(one.kind == "mining" and one.at_plan for one in found):
        title = "The plan mines nowhere; the table says at which prices mining would pay"
    else:
        title = "No zone's mining ends before the price of a coin has fallen to a tenth"
    words = (
        (
            f"Today: {usd(today.btc_usd)} a coin, {prose(today.hashprice_usd_per_ph_day)} USD/PH/day before our work. "
            "A flip is where a use is worth nothing any more, or another class of its kind becomes better; all other "
            "work stays as planned. Power is what surplus costs more (or less) than today in every hour."
        ),
    )
    estimates = {result.class_id for result in plan.results if result.tag == "E"}
    bars = tuple(
        Bar(f"{names[one.zone]}: {names[one.best]}", price, f"{usd(price)} a coin", Role.COINS, one.best in estimates)
        for price, one in ends
    )
    bars = (Bar("today", today.btc_usd, f"{usd(today.btc_usd)} a coin", Role.SHED), *bars) if bars else ()
    description = f"Bars of the price of a coin at which a MW of mining ends to pay in {plural(len(ends), 'zone')}."
    plot = BarPlot(
        "break-even", title, description, "USD", "price of a coin at which one more MW is worth nothing", bars
    )
    return Section("break-even", title, words, source, plot if bars else None, (break_even_table(found, today, names),))


def heat_section(heat: HeatMap, source: str) -> Section:
    """What a MWh of surplus is worth, by month and hour of day."""
    worth = heat.worth_usd_per_mwh
    month, hour = (int(i) for i in np.unravel_index(int(np.argmax(worth)), worth.shape))
    title = (
        f"A MWh of surplus is worth most in {heat.months[month]} at {hour_text(hour)}:"
        f" {usd(float(worth[month, hour]))}, against {usd(_mean(heat))} in the mean"
    )
    plot = GridPlot(
        id="heat",
        title=title,
        description="What a MWh of surplus is worth to the best class less its cost, by month and hour of day.",
        row_name="month (local)",
        row_labels=heat.months,
        column_name="hour of day (local)",
        column_labels=tuple(f"{hour:02d}" for hour in range(DAY_HOURS)),
        unit="USD/MWh",
        values=tuple(tuple(map(float, row)) for row in worth),
    )
    words = ("The best class's worth less the cost of surplus, at least nothing, weighted by MW.",)
    return Section("heat", title, words, source, plot, (heat_table(heat, "surplus"), heat_table(heat, "worth")))


def _mean(heat: HeatMap) -> float:
    total = float(heat.surplus_mw.sum())
    return float((heat.surplus_mw * heat.worth_usd_per_mwh).sum()) / total if total > 0 else 0.0


def heat_table(heat: HeatMap, what: str) -> Table:
    """MW of surplus, or what a MWh is worth, for each month and two hours of the day."""
    pairs = range(0, DAY_HOURS, STEP_HOURS)
    columns = (Column("month", number=False), *(Column(f"{hour:02d}-{hour + STEP_HOURS:02d}") for hour in pairs))
    rows = []
    for number, month in enumerate(heat.months):
        mw = heat.surplus_mw[number].reshape(-1, STEP_HOURS)
        usd_per_mwh = (heat.surplus_mw * heat.worth_usd_per_mwh)[number].reshape(-1, STEP_HOURS).sum(axis=1)
        mean = np.divide(usd_per_mwh, mw.sum(axis=1), out=np.zeros(len(mw)), where=mw.sum(axis=1) > 0)
        values = mw.mean(axis=1) if what == "surplus" else mean
        rows.append(Row((month, *(fixed(float(value), 0 if what == "surplus" else 1) for value in values))))
    caption = "Surplus by local hour, MW" if what == "surplus" else "Worth of surplus by local hour, USD/MWh"
    return Table(caption, columns, tuple(rows), folded=True)


def plan_map_section(plan: Plan, programme: Programme, heat: dict[str, float], source: str) -> Section:
    """Where the megawatts are; ``heat`` is each zone's mean surplus in MW."""
    discs = []
    for zone in programme.zones:
        mine = [result for result in last_year(plan) if result.zone == zone.id]
        halls = sum(r.power_mw for r in mine if r.is_hall)
        fleets = sum(r.power_mw for r in mine if not r.is_hall)
        discs.append(Disc(zone.name, zone.longitude_deg, zone.latitude_deg, fleets, halls, heat.get(zone.id, 0.0)))
    names = {zone.id: zone.name for zone in programme.zones}
    links = tuple(MapLink(names[link.from_zone], names[link.to_zone], link.limit_mw) for link in programme.links)
    top = sorted(discs, key=lambda disc: -disc.total_mw)
    held = [f"{disc.label} ({power(disc.total_mw)})" for disc in top if disc.total_mw > 0][:3]
    title = f"Most megawatts go to {name_list(held)}" if held else "No zone gets a megawatt"
    description = (
        "A schematic map: the area of a disc is MW granted, split into mining and AI; the ring is mean surplus."
    )
    plot = MapPlot("map", title, description, tuple(discs), links)
    columns = (
        Column("zone", number=False),
        Column("mining", "MW"),
        Column("AI halls", "MW"),
        Column("mean surplus", "MW"),
    )
    rows = tuple(
        Row((disc.label, *(fixed(mw, 1) for mw in (disc.mining_mw, disc.ai_mw, disc.mean_surplus_mw))))
        for disc in discs
    )
    table = Table("Megawatts and mean surplus by zone", columns, rows, folded=True)
    words = ("Coordinates are rounded; lines are as wide as their limit.",)
    return Section("map", title, words, source, plot, (table,))
