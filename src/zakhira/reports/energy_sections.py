"""Where the megawatts went: surplus against use by hour and by day, zones on a map, and why granted MW did not run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zakhira.kernel.interval import DAY_HOURS
from zakhira.programme.series import Floats
from zakhira.reports.document import Column, Kind, Row, Section, Table
from zakhira.reports.facts import RunFacts
from zakhira.reports.numbers import energy, fixed, hour_text, percent, pkr, power
from zakhira.reports.plot_spec import Bar, BarPlot, Disc, Layer, MapLink, MapPlot, Role, StackPlot
from zakhira.reports.totals import REASONS, EnergyTotals

MOST_DAYS_SHOWN = 62
"""Above two months a bar per day is too thin to read, and months are shown."""
TOP_ZONES = 3
HALF = 0.5
EVEN_SHARE = 0.01
"""Days that differ by less than this share are called alike."""
ROUNDING_SHARE = 1e-6
"""MW are recorded to a watt: what rounding may leave of the granted energy."""


@dataclass(frozen=True)
class Window:
    """Consecutive hours of the day, around midnight if need be."""

    first: int
    count: int

    @property
    def words(self) -> str:
        """Like ``from 17:00 to 23:00``."""
        if self.count >= DAY_HOURS:
            return "at all hours"
        return f"from {hour_text(self.first)} to {hour_text(self.first + self.count)}"


def shortest_window(values: Sequence[float], share: float = HALF) -> Window:
    """The shortest run of hours of the day that holds at least ``share`` of the sum; the earliest of equals."""
    total = sum(values)
    if total <= 0:
        return Window(0, DAY_HOURS)
    twice = [*values, *values]
    for count in range(1, DAY_HOURS):
        sums = [sum(twice[first : first + count]) for first in range(DAY_HOURS)]
        best = max(range(DAY_HOURS), key=sums.__getitem__)
        if sums[best] >= share * total * (1 - 1e-9):
            return Window(best, count)
    return Window(0, DAY_HOURS)


def name_list(names: Sequence[str]) -> str:
    """Join names as a sentence does, ``A, B and C``; with semicolons where a name has a comma of its own."""
    if not names:
        return "none"
    comma, last = ("; ", "; and ") if any(", " in name for name in names) else (", ", " and ")
    return last.join(filter(None, (comma.join(names[:-1]), names[-1])))


def plural(count: int, one: str, many: str = "") -> str:
    """``1 sweep``, ``4 sweeps``."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def _stack_layers(mining: Sequence[float], ai: Sequence[float], unused: Sequence[float]) -> tuple[Layer, ...]:
    layers = (
        Layer("AI halls", Role.AI, tuple(ai)),
        Layer("mining", Role.MINING, tuple(mining)),
        Layer("surplus left unused", Role.SURPLUS, tuple(unused)),
    )
    return tuple(layer for layer in layers if any(layer.values))


def _use_table(name: str, labels: Sequence[str], totals: Sequence[Floats], unit: str, caption: str) -> Table:
    surplus, mining, ai, unused, firm = totals
    columns = (
        Column(name, number=False),
        Column("surplus", unit),
        Column("mining", unit),
        Column("AI halls on surplus", unit),
        Column("surplus left unused", unit),
        Column("AI halls on firm supply", unit),
    )
    rows = [
        Row((label, *(fixed(float(values[i]), 1) for values in (surplus, mining, ai, unused, firm))))
        for i, label in enumerate(labels)
    ]
    return Table(caption, columns, tuple(rows), folded=True)


def hour_section(facts: RunFacts, totals: EnergyTotals, source: str) -> Section:
    """Surplus against use by local hour of day, means over the run."""
    series = [
        totals.by_hour_of_day(values.sum(axis=0))
        for values in (totals.surplus_mw, totals.mining_mw, totals.ai_mw, totals.unused_mw, totals.firm_mw)
    ]
    surplus, mining, ai, unused, _ = series
    peak = int(np.argmax(surplus))
    at_peak = totals.surplus_mw[:, totals.hour_of_day == peak].mean(axis=1)
    top = int(np.argmax(at_peak))
    low = int(np.argmin(surplus))
    if totals.surplus_mwh > 0:
        title = (
            f"Surplus peaks at {hour_text(peak)} with {power(float(surplus[peak]))}, "
            f"{power(float(at_peak[top]))} of it in {totals.zone_names[top]}; "
            f"{percent(totals.used_share)} of all was used"
        )
    else:
        title = "The grid offered no surplus in these hours"
    granted = facts.plan.power_mw
    words = (
        (
            f"Means over {plural(facts.days, 'day')}, local time. The least surplus comes at {hour_text(low)} "
            f"({power(float(surplus[low]))}). The dashed line is what is allocated, {power(granted)}: surplus above it "
            "cannot be used, and surplus in a zone cannot run machines in another."
        ),
    )
    labels = tuple(hour_text(hour) for hour in range(DAY_HOURS))
    plot = StackPlot(
        id="surplus-by-hour",
        title=title,
        description=(
            f"Stacked bars for each hour of the day: AI halls, mining and unused surplus add up to the surplus, from "
            f"{power(float(surplus[low]))} at {hour_text(low)} to {power(float(surplus[peak]))} at {hour_text(peak)}."
        ),
        x_name="hour of day (local)",
        x_labels=tuple(f"{hour:02d}" for hour in range(DAY_HOURS)),
        unit="MW",
        y_name="mean power at the plug",
        layers=_stack_layers(list(mining), list(ai), list(unused)),
        line=Layer("allocated", Role.SHED, (granted,) * DAY_HOURS),
    )
    table = _use_table("hour", labels, series, "MW", "Mean surplus and use by hour of day")
    return Section("hours", title, words, source, plot, (table,))


def day_section(facts: RunFacts, totals: EnergyTotals, source: str) -> Section:
    """Surplus against use by local day, or by month when the run is long."""
    by_day = facts.days <= MOST_DAYS_SHOWN
    labels_of_hours = totals.dates if by_day else tuple(date[:7] for date in totals.dates)
    sums = [
        totals.by_label(labels_of_hours, values.sum(axis=0))
        for values in (totals.surplus_mw, totals.mining_mw, totals.ai_mw, totals.unused_mw, totals.firm_mw)
    ]
    labels = tuple(sums[0])
    series = [np.array(list(values.values())) for values in sums]
    used = series[1] + series[2]
    best, worst = int(np.argmax(used)), int(np.argmin(used))
    name = "day" if by_day else "month"
    title = f"Of {energy(totals.surplus_mwh)} of surplus {energy(totals.used_mwh)} ran"
    if used[best] - used[worst] > EVEN_SHARE * used[best]:
        title += (
            f": most on {labels[best]} ({energy(float(used[best]))}), "
            f"least on {labels[worst]} ({energy(float(used[worst]))})"
        )
    elif len(labels) > 1:
        title += f", about as much on every {name}"
    months = totals.by_label(tuple(date[:7] for date in totals.dates), totals.surplus_mw.sum(axis=0))
    words = (
        (
            f"The surplus energy that was used cost {pkr(totals.energy_cost_pkr)} at the plant, losses "
            f"included.{_firm(totals)}"
        ),
        "Surplus by month: "
        + name_list([f"{month} {energy(value)}" for month, value in months.items()])
        + (" (only the days of the run)." if by_day else "."),
    )
    plot = StackPlot(
        id="surplus-by-day",
        title=title,
        description=(
            f"Stacked bars for each {name} of the run: AI halls, mining and unused surplus in GWh add up to it."
        ),
        x_name=f"{name} (local)",
        x_labels=tuple(label[5:] if by_day else label for label in labels),
        unit="GWh",
        y_name="energy at the plug",
        layers=_stack_layers(*(list(values / 1000) for values in (series[1], series[2], series[3]))),
    )
    table = _use_table(name, labels, series, "MWh", f"Surplus and use by {name}")
    return Section("days", title, words, source, plot, (table,))


def _firm(totals: EnergyTotals) -> str:
    firm = float(totals.firm_mw.sum())
    if firm <= 0:
        return ""
    return f" AI halls drew another {energy(firm)} of firm supply, which is no surplus and stands outside the plot."


def map_section(facts: RunFacts, totals: EnergyTotals, source: str) -> Section:
    """Zones at their place, with what is allocated and what is offered."""
    programme = facts.programme
    halls = np.zeros(len(totals.zones))
    for grant in facts.plan.grants:
        if grant.is_hall:
            halls[totals.zones.index(grant.zone)] += grant.power_mw
    mean = totals.surplus_mw.mean(axis=1)
    order = np.argsort(-totals.granted_mw, kind="stable")
    top = [i for i in order[:TOP_ZONES] if totals.granted_mw[i] > 0]
    empty = [totals.zone_names[i] for i in order if totals.granted_mw[i] <= 0]
    share = float(totals.granted_mw[top].sum()) / max(facts.plan.power_mw, 1e-12)
    tops = name_list([f"{totals.zone_names[i]} ({power(float(totals.granted_mw[i]))})" for i in top])
    verb = "holds" if len(top) == 1 else "hold"
    title = f"{tops} {verb} {percent(share)} of the {power(facts.plan.power_mw)} allocated"
    places = {zone.id: zone for zone in programme.zones}
    discs = tuple(
        Disc(
            totals.zone_names[i],
            places[zone].longitude_deg,
            places[zone].latitude_deg,
            float(totals.granted_mw[i] - halls[i]),
            float(halls[i]),
            float(mean[i]),
        )
        for i, zone in enumerate(totals.zones)
    )
    links = tuple(MapLink(places[k.from_zone].name, places[k.to_zone].name, k.limit_mw) for k in programme.links)
    words = [
        (
            "The area of a disc is the MW allocated, that of a dashed ring the mean surplus of the run, and a line is "
            "a grid link as wide as its limit. Places are rounded: the map is a scheme, not a survey."
        ),
    ]
    if empty:
        words.append(f"Nothing is allocated in {name_list(empty)}.")
    plot = MapPlot(
        id="zones",
        title=title,
        description=f"Schematic map of {plural(len(discs), 'zone')} with {plural(len(links), 'link')} between them.",
        discs=discs,
        links=links,
    )
    tables = (_zone_table(totals, halls, mean), _link_table(links)) if links else (_zone_table(totals, halls, mean),)
    return Section("map", title, tuple(words), source, plot, tables)


def _link_table(links: tuple[MapLink, ...]) -> Table:
    columns = (Column("from", number=False), Column("to", number=False), Column("limit", "MW"))
    rows = tuple(Row((link.from_label, link.to_label, fixed(link.limit_mw))) for link in links)
    return Table("Links between zones", columns, rows, folded=True)


def _zone_table(totals: EnergyTotals, halls: Floats, mean: Floats) -> Table:
    columns = (
        Column("zone", number=False),
        Column("mining allocated", "MW"),
        Column("AI halls allocated", "MW"),
        Column("mean surplus", "MW"),
        Column("surplus", "MWh"),
        Column("used", "MWh"),
        Column("used share"),
    )
    rows = []
    for i, name in enumerate(totals.zone_names):
        offered = float(totals.surplus_mw[i].sum())
        used = float(totals.mining_mw[i].sum() + totals.ai_mw[i].sum())
        cells = (
            name,
            fixed(float(totals.granted_mw[i] - halls[i]), 1),
            fixed(float(halls[i]), 1),
            fixed(float(mean[i]), 1),
            fixed(offered, 1),
            fixed(used, 1),
            percent(used / offered) if offered else "\u2013",
        )
        rows.append(Row(cells))
    cells = (
        "all zones",
        fixed(float((totals.granted_mw - halls).sum()), 1),
        fixed(float(halls.sum()), 1),
        fixed(float(mean.sum()), 1),
        fixed(totals.surplus_mwh, 1),
        fixed(totals.used_mwh, 1),
        percent(totals.used_share),
    )
    return Table("Zones", columns, (*rows, Row(cells, Kind.TOTAL)), folded=True)


def shed_section(totals: EnergyTotals, source: str) -> Section:
    """Where each granted megawatt-hour went, and the reason for each that did not run."""
    by_reason = totals.shed_mw.sum(axis=(0, 1))
    top = int(np.argmax(by_reason))
    shed = totals.shed_mwh
    if shed > 0:
        by_zone = totals.shed_mw[:, :, top].sum(axis=1)
        zone = int(np.argmax(by_zone))
        window = shortest_window(list(totals.by_hour_of_day(totals.shed_mw[zone, :, top])))
        title = (
            f"{percent(float(by_reason[top]) / shed)} of what did not run was shed because {REASONS[top].value}, "
            f"most of all in {totals.zone_names[zone]} {window.words}"
        )
    else:
        title = "Every granted megawatt ran in every hour"
    ran = float(totals.mining_mw.sum()), float(totals.ai_mw.sum()), float(totals.firm_mw.sum())
    words = (
        (
            f"Granted MW around the clock make {energy(totals.granted_mwh)}. Of that {energy(ran[0])} ran in mining, "
            f"{energy(ran[1])} in AI halls on surplus, {energy(ran[2])} in AI halls on firm supply, and {energy(shed)} "
            "did not run."
        ),
        _balance_words(totals),
    )
    ran_bars = (
        Bar("ran: mining", ran[0] / 1000, energy(ran[0]), Role.MINING),
        Bar("ran: AI halls on surplus", ran[1] / 1000, energy(ran[1]), Role.AI),
        Bar("ran: AI halls on firm supply", ran[2] / 1000, energy(ran[2]), Role.MONEY),
    )
    order = [int(i) for i in np.argsort(-by_reason, kind="stable")]
    shed_bars = tuple(
        Bar(f"shed: {REASONS[i].value}", float(by_reason[i]) / 1000, energy(float(by_reason[i])), Role.SHED)
        for i in order
        if by_reason[i] > 0
    )
    plot = BarPlot(
        id="shed",
        title=title,
        description=f"Bars of energy: what ran, and what was shed for each of {plural(len(shed_bars), 'reason')}.",
        unit="GWh",
        x_name="energy of the granted megawatts over the run",
        bars=tuple(bar for bar in ran_bars if bar.value > 0) + shed_bars,
    )
    return Section("shed", title, words, source, plot, (_reason_table(totals, by_reason, order), _shed_by_zone(totals)))


def _balance_words(totals: EnergyTotals) -> str:
    rest = totals.unexplained_mwh
    if abs(rest) <= ROUNDING_SHARE * totals.granted_mwh:
        return (
            "Each megawatt-hour that did not run has its reason: what ran and what was shed add up to what was granted."
        )
    return f"{energy(rest)} are NOT explained: what ran and what was shed do not add up to what was granted."


def _reason_table(totals: EnergyTotals, by_reason: Floats, order: list[int]) -> Table:
    columns = (
        Column("reason", number=False),
        Column("energy shed", "MWh"),
        Column("share of shed"),
        Column("most in", number=False),
        Column("half of it there", number=False),
    )
    rows = []
    for i in order:
        value = float(by_reason[i])
        zone = int(np.argmax(totals.shed_mw[:, :, i].sum(axis=1)))
        window = shortest_window(list(totals.by_hour_of_day(totals.shed_mw[zone, :, i])))
        where = (totals.zone_names[zone], window.words) if value > 0 else ("\u2013", "\u2013")
        share = percent(value / totals.shed_mwh) if totals.shed_mwh > 0 else "\u2013"
        rows.append(Row((REASONS[i].value, fixed(value, 1), share, *where)))
    whole = "100%" if totals.shed_mwh > 0 else "\u2013"
    rows.append(Row(("all reasons", fixed(totals.shed_mwh, 1), whole, "", ""), Kind.TOTAL))
    return Table("Energy shed by reason", columns, tuple(rows), folded=True)


def _shed_by_zone(totals: EnergyTotals) -> Table:
    columns = (
        Column("zone", number=False),
        Column("granted", "MWh"),
        Column("ran", "MWh"),
        *(Column(reason.name.lower().replace("_", " "), "MWh") for reason in REASONS),
    )
    hours = totals.surplus_mw.shape[1]
    ran = (totals.mining_mw + totals.ai_mw + totals.firm_mw).sum(axis=1)
    shed = totals.shed_mw.sum(axis=1)
    rows = [
        Row(
            (
                name,
                fixed(float(totals.granted_mw[i]) * hours, 1),
                fixed(float(ran[i]), 1),
                *(fixed(float(value), 1) for value in shed[i]),
            )
        )
        for i, name in enumerate(totals.zone_names)
    ]
    sums = (totals.granted_mwh, float(ran.sum()), *map(float, shed.sum(axis=0)))
    rows.append(Row(("all zones", *(fixed(value, 1) for value in sums)), Kind.TOTAL))
    return Table("Granted, run and shed by zone: granted = ran + all reasons", columns, tuple(rows), folded=True)
