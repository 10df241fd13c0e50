"""The plan behind the run: MW and value by zone and class, its certificate, and how the series fit published ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from zakhira.kernel.interval import DAY_HOURS
from zakhira.planning.allocation import Aim, ClassResult, Plan
from zakhira.programme.model import Programme
from zakhira.reports.document import Column, Kind, Mood, Row, Section, State, Table
from zakhira.reports.energy_sections import TOP_ZONES, name_list, plural, shortest_window
from zakhira.reports.facts import CalibrationFact, DayProfile, HorizonSurplus
from zakhira.reports.numbers import energy, fixed, hour_text, percent, power, prose, scaled, usd, with_unit
from zakhira.reports.plot_spec import Bar, BarPlot, GridPlot, Layer, LinePlot, PairPlot, Role

MEETING_SHARE = 1e-12
"""Bounds that lie no further apart than floating point can tell have met."""
CLOSE_GAP_SHARE = 1e-4
"""A plan within a ten-thousandth of its bound is called as good as the best: far inside the spread of its inputs."""
NEAR_SHARE = 0.05
"""What a reader of monthly statistics takes for the same figure."""
_MILLION = 1e6
_BASIS = {
    "scaled": "scaled (the generator is scaled to the figure)",
    "fitted": "fitted (estimates were chosen with it in view)",
    "result": "result (it comes out of the model)",
}


def class_names(programme: Programme) -> dict[str, str]:
    """The names of machine and hall classes by id."""
    machines = {machine.id: machine.name for machine in programme.machines}
    return machines | {hall.id: hall.name for hall in programme.halls}


PLAN_COLUMNS = (
    Column("zone", number=False),
    Column("class", number=False),
    Column("allocated", "MW"),
    Column("surplus", "GWh/a"),
    Column("firm", "GWh/a"),
    Column("coins", "BTC/a"),
    Column("GPU-hours", "million/a"),
    Column("value", "USD million/a"),
    Column("capital", "USD million"),
    Column("jobs"),
    Column("tag", number=False),
)
"""Columns of the plan by zone and class, in a page."""
NARROW_COLUMNS = (
    Column("zone", number=False),
    Column("class", number=False),
    Column("granted", "MW"),
    Column("surplus", "GWh/a"),
    Column("firm", "GWh/a"),
    Column("coins", "BTC/a"),
    Column("GPU-h", "mln/a"),
    Column("value", "USD mln/a"),
    Column("capital", "USD mln"),
    Column("jobs"),
    Column("tag", number=False),
)
"""The same columns for a terminal, where rows are named by their ids."""


def _plan_cells(results: tuple[ClassResult, ...]) -> tuple[str, ...]:
    """The figures of some results together, in the order of the columns from ``allocated`` to ``jobs``."""
    return (
        fixed(sum(r.power_mw for r in results), 1),
        fixed(sum(r.surplus_mwh for r in results) / 1000, 1),
        fixed(sum(r.firm_mwh for r in results) / 1000, 1),
        fixed(sum(r.btc for r in results), 2),
        fixed(sum(r.gpu_hours for r in results) / _MILLION, 2),
        fixed(sum(r.value_usd for r in results) / _MILLION, 2),
        fixed(sum(r.capital_usd for r in results) / _MILLION, 1),
        fixed(sum(r.jobs for r in results), 0),
    )


def plan_rows(plan: Plan, programme: Programme) -> tuple[Row, ...]:
    """One row for each zone and class that holds MW, by name, and their sum."""
    names = class_names(programme)
    zones = {zone.id: zone.name for zone in programme.zones}
    return _rows(plan, zones, names, ("all zones", "all classes"))


def narrow_plan_rows(plan: Plan) -> tuple[Row, ...]:
    """The same rows by id."""
    ids = {result.zone: result.zone for result in plan.results}
    classes = {result.class_id: result.class_id for result in plan.results}
    return _rows(plan, ids, classes, ("all", ""))


def _rows(plan: Plan, zones: Mapping[str, str], classes: Mapping[str, str], total: tuple[str, str]) -> tuple[Row, ...]:
    """In a build-up each phase has its rows and its sum: its year is not added to another one's."""
    rows = []
    phases = tuple(dict.fromkeys(result.phase for result in plan.results)) or ("",)
    for phase in phases:
        held = tuple(result for result in plan.results if result.phase == phase and result.power_mw > 0)
        where = f"{phase}: " if phase else ""
        for result in held:
            kind = Kind.ESTIMATE if result.tag == "E" else Kind.NORMAL
            cells = (f"{where}{zones[result.zone]}", classes[result.class_id], *_plan_cells((result,)), result.tag)
            rows.append(Row(cells, kind))
        rows.append(Row((f"{where}{total[0]}", total[1], *_plan_cells(held), ""), Kind.TOTAL))
    return tuple(rows)


def last_phase(plan: Plan) -> str:
    """The last phase of a build-up, whose year stands for the plan where one figure is told; nothing without phases."""
    return plan.results[-1].phase if plan.results else ""


def last_year(plan: Plan) -> tuple[ClassResult, ...]:
    """The results of the last phase's year; all where there are no phases. Years are never added to one another."""
    return tuple(result for result in plan.results if result.phase == last_phase(plan))


def a_year(plan: Plan) -> str:
    """Which year a figure is of: any, or that of the last phase."""
    return f"a year in phase {last_phase(plan)}" if last_phase(plan) else "a year"


def plan_headline(plan: Plan) -> str:
    """MW and worth in a sentence; of a build-up the discounted sum over its phases."""
    worth = f"{usd(sum(result.value_usd for result in plan.results))} a year"
    if last_phase(plan):
        worth = f"{usd(plan.certificate.lower_bound_usd)} over all phases, discounted"
    elif plan.basis.scenarios > 1:
        worth += f" in the mean of {plan.basis.scenarios} scenarios"
    return f"{power(plan.power_mw)} of at most {power(plan.cap_mw)} are allocated, worth {worth}."


def plan_section(plan: Plan, programme: Programme, source: str) -> Section:
    """MW by zone and class, with what they are worth a year."""
    names = class_names(programme)
    held = [result for result in last_year(plan) if result.power_mw > 0]
    by_class = {
        class_id: tuple(r for r in held if r.class_id == class_id)
        for class_id in dict.fromkeys(r.class_id for r in held)
    }
    value = sum(result.value_usd for result in held)
    if held:
        worth = {class_id: sum(r.value_usd for r in results) for class_id, results in by_class.items()}
        parts = [f"{names[c]} {usd(worth[c])}" for c in sorted(worth, key=lambda c: -worth[c])]
        title = f"The plan is worth {usd(value)} {a_year(plan)}: {name_list(parts)}"
    else:
        title = "Nothing pays at these prices: the plan leaves every megawatt alone"
    coins = sum(result.btc for result in held)
    words = (
        (
            f"{power(plan.power_mw)} of at most {power(plan.cap_mw)} are allocated. A year of them mines "
            f"{with_unit(prose(coins, 4), 'BTC')} for licensees, pools and programme together, "
            f"sells {scaled(sum(r.gpu_hours for r in held))} GPU-hours, "
            f"takes {usd(sum(r.capital_usd for r in held))} of capital and makes {prose(sum(r.jobs for r in held))} "
            "jobs. Value is revenue less energy, other operating cost and annualised capital."
        ),
    )
    bars = tuple(
        Bar(
            names[class_id],
            sum(r.value_usd for r in results) / _MILLION,
            f"{usd(sum(r.value_usd for r in results))}, {power(sum(r.power_mw for r in results))}",
            Role.AI if results[0].is_hall else Role.MINING,
            estimate=any(r.tag == "E" for r in results),
        )
        for class_id, results in sorted(by_class.items(), key=lambda pair: -sum(r.value_usd for r in pair[1]))
    )
    plot = BarPlot(
        id="plan",
        title=title,
        description=f"Bars of value a year for {plural(len(bars), 'class', 'classes')}, with the MW of each.",
        unit="USD million",
        x_name=f"value {a_year(plan)}, after energy, operation and capital",
        bars=bars,
    )
    table = Table("The plan by zone and class", PLAN_COLUMNS, plan_rows(plan, programme))
    return Section("plan", title, words, source, plot if bars else None, (table,))


def bound_share(gap_share: float) -> str:
    """How far a bound lies above a plan, in per cent; nothing where both are the same but for floating point."""
    return percent(gap_share if gap_share > MEETING_SHARE else 0.0)


def certificate_state(plan: Plan) -> State:
    """How good the plan is, as a state with its word."""
    proof = plan.certificate
    if plan.aim is not None:
        return aim_state(plan.aim, proof.held_back)
    words = f"The plan is within {bound_share(proof.gap_share)} of the best possible."
    if proof.gap_share <= MEETING_SHARE:
        words = "The plan is the best possible: its bounds meet."
    if proof.held_back and proof.floor_usd > 0:
        words = (
            f"The search closed to {percent(proof.search_gap_share)}; that no licensee may lose holds back"
            f" {', '.join(proof.held_back)} and costs at most {percent(proof.gap_share)}."
        )
    if proof.interrupted:
        return State(Mood.OPEN, "INTERRUPTED", words)
    if proof.search_gap_share <= CLOSE_GAP_SHARE:
        return State(Mood.GOOD, "CERTIFIED", words)
    return State(Mood.OPEN, "NOT CLOSED", words)


AIM_GAP_SHARE = 5e-3
"""An aim is known to this share where licensees' terms differ a little."""


def aim_state(aim: Aim, held_back: tuple[str, ...]) -> State:
    """How much of an aim the plan has, and what none exceeds."""
    amount, most = (with_unit(prose(value, 5), aim.unit) for value in (aim.value, aim.upper_bound))
    words = f"The plan has {amount} of {aim.name}; no plan with a net value of at least 0 has more than {most}."
    if held_back:
        words += f" That no licensee may lose holds back {', '.join(held_back)}; the bound holds without that rule."
    if aim.gap_share <= AIM_GAP_SHARE:
        return State(Mood.GOOD, "CERTIFIED", words)
    return State(Mood.OPEN, "BOUNDED" if held_back else "NOT CLOSED", words)


def certificate_section(plan: Plan, source: str) -> Section:
    """The bounds of the plan, and what one more unit of each limit would be worth."""
    proof = plan.certificate
    if plan.aim is not None:
        return _aim_section(plan.aim, plan, source)
    binding = sorted(plan.shadow_prices, key=lambda price: -price.value_usd)
    above = f" by more than {bound_share(proof.gap_share)}" if proof.gap_share > MEETING_SHARE else ""
    title = f"No other plan beats this one{above}"
    words = [_method_words(plan)]
    words.append(binding[0].sentence if binding else "No limit binds: more of anything would change nothing.")
    caption, unit = "Bounds on the value of the plan", "USD/a"
    if plan.basis.risk_weight > 0 and plan.basis.scenarios > 1:
        caption = (
            f"Bounds on what is maximised: {percent(1 - plan.basis.risk_weight)} of the mean and"
            f" {percent(plan.basis.risk_weight)} of the mean of the worst {percent(plan.basis.risk_tail_share)}"
        )
    if last_phase(plan):
        caption, unit = f"{caption}, over all phases and discounted", "USD"
    bounds = Table(
        caption,
        (Column("bound", number=False), Column("value", unit)),
        (
            Row(("this plan", fixed(proof.lower_bound_usd, 0))),
            Row(("no plan can exceed", fixed(proof.upper_bound_usd, 0))),
            Row(("gap", bound_share(proof.gap_share)), Kind.TOTAL),
        ),
    )
    columns = (
        Column("limit", number=False),
        Column("one more", number=False),
        Column("worth", "USD/a"),
        Column("in words", number=False),
    )
    prices = tuple(Row((p.limit, p.unit, fixed(p.value_usd, 0), p.sentence)) for p in binding)
    tables = (bounds, Table("What one more unit of a limit is worth", columns, prices)) if prices else (bounds,)
    return Section("certificate", title, tuple(words), source, None, tables)


def _method_words(plan: Plan) -> str:
    proof = plan.certificate
    took = f" in {with_unit(prose(proof.seconds), 's')}" if proof.seconds > 0 else ""
    return (
        f"Method: {proof.method}, {plural(proof.rounds, 'round')}{took}. The lower bound is "
        "this plan evaluated hour by hour; the upper bound holds for every plan under the same limits."
    )


def _aim_section(aim: Aim, plan: Plan, source: str) -> Section:
    """The bounds of a plan that maximised something else than value: nothing is said of its value's bound."""
    has, most = (with_unit(prose(value, 5), aim.unit) for value in (aim.value, aim.upper_bound))
    title = f"The plan has {has} of {aim.name}, and no plan has more than {most}"
    bounds = Table(
        f"Bounds on {aim.name}",
        (Column("bound", number=False), Column(aim.name, aim.unit)),
        (
            Row(("this plan", fixed(aim.value, 2))),
            Row(("no plan can exceed", fixed(aim.upper_bound, 2))),
            Row(("gap", bound_share(aim.gap_share)), Kind.TOTAL),
        ),
    )
    words = (_method_words(plan), aim_state(aim, plan.certificate.held_back).sentence)
    return Section("certificate", title, words, source, None, (bounds,))


def calibration_section(rows: tuple[CalibrationFact, ...], source: str) -> Section:
    """Generated figures beside published ones."""
    worst = max(rows, key=lambda row: abs(row.difference_share))
    near = sum(abs(row.difference_share) <= NEAR_SHARE for row in rows)
    title = (
        f"The generated series meet {near} of {plural(len(rows), 'published figure')} to within {percent(NEAR_SHARE)}; "
        f"furthest off is {worst.label} ({percent(worst.difference_share)})"
    )
    plot = PairPlot(
        id="calibration",
        title=title,
        description="For each published figure the generated one as a percentage of it; 100 is equal.",
        first_name="published",
        second_name="generated",
        pairs=tuple((f"{row.label}", 100 * (1 + row.difference_share)) for row in rows),
    )
    columns = (
        Column("figure", number=False),
        Column("unit", number=False),
        Column("published"),
        Column("generated"),
        Column("difference"),
        Column("basis", number=False),
        Column("tag", number=False),
        Column("source", number=False),
    )
    lines = tuple(
        Row(
            (
                row.label,
                row.unit,
                prose(row.published, 4),
                prose(row.generated, 4),
                percent(row.difference_share),
                row.basis or "\u2013",
                row.tag,
                row.source,
            )
        )
        for row in rows
    )
    words = (_basis_words(rows),)
    return Section("calibration", title, words, source, plot, (Table("Generated and published", columns, lines),))


def _basis_words(rows: tuple[CalibrationFact, ...]) -> str:
    """How much of the agreement is by construction."""
    basis = Counter(row.basis for row in rows)
    known = [f"{basis[key]} {words}" for key, words in _BASIS.items() if basis[key]]
    if not known:
        return "A figure that the generator was set to fits by construction; only the others are a test of it."
    return f"Basis: {name_list(known)}. Only a result is a test of the model."


def profile_section(profile: DayProfile, source: str) -> Section:
    """The mean January day on the grid, with the published points."""
    load = profile.generated_mw
    low, high = int(np.argmin(load)), int(np.argmax(load))
    title = (
        f"The generated January day falls to {power(load[low])} at {hour_text(low)} and rises to {power(load[high])} "
        f"at {hour_text(high)}"
    )
    published = name_list([f"{power(mw)} at {hour_text(hour)}" for hour, mw in profile.published_mw])
    plot = LinePlot(
        id="january",
        title=title,
        description=f"One line of mean grid load by local hour; published: {published}.",
        x_name="hour of day (local)",
        x_labels=tuple(f"{hour:02d}" for hour in range(DAY_HOURS)),
        unit="MW",
        y_name="load on the grid",
        lines=(Layer("generated, mean day", Role.SURPLUS, load),),
        points=tuple((hour, mw, f"published {fixed(mw)}") for hour, mw in profile.published_mw),
    )
    columns = (Column("hour", number=False), Column("generated", "MW"), Column("published", "MW"))
    known = dict(profile.published_mw)
    rows = tuple(
        Row((hour_text(hour), fixed(mw), fixed(known[hour]) if hour in known else "\u2013"))
        for hour, mw in enumerate(load)
    )
    words = (f"Published for one day of January: {published}. The generated line is the mean of the month's days.",)
    return Section("january", title, words, source, plot, (Table("January day", columns, rows, folded=True),))


def horizon_section(horizon: HorizonSurplus, programme: Programme, source: str) -> Section:
    """The surplus of the whole horizon by month and hour of day."""
    names = {zone.id: zone.name for zone in programme.zones}
    mean = horizon.mean_mw.sum(axis=0)
    hours = np.array(horizon.hours_in_month, dtype=np.float64)
    by_zone = (horizon.mean_mw.mean(axis=2) * hours).sum(axis=1)
    total = float(by_zone.sum())
    window = shortest_window([float(value) for value in (mean * hours[:, None]).sum(axis=0)])
    peak = int(np.argmax(mean.mean(axis=1)))
    order = [int(i) for i in np.argsort(-by_zone, kind="stable")[:TOP_ZONES]]
    tops = name_list([names[horizon.zones[i]] for i in order])
    title = f"The surplus is largest in {horizon.months[peak]}, and half of it comes {window.words}"
    share = float(by_zone[order].sum()) / total if total > 0 else 0.0
    words = (f"{energy(total)} over the horizon at the plug; {tops} make {percent(share)} of it.",)
    plot = GridPlot(
        id="horizon",
        title=title,
        description=f"Mean surplus for each month and hour of day; the darkest month is {horizon.months[peak]}.",
        row_name="month (local)",
        row_labels=horizon.months,
        column_name="hour of day (local)",
        column_labels=tuple(f"{hour:02d}" for hour in range(DAY_HOURS)),
        unit="MW",
        values=tuple(tuple(float(value) for value in row) for row in mean),
    )
    columns = (
        Column("month", number=False),
        *(Column(names[zone], "GWh") for zone in horizon.zones),
        Column("all", "GWh"),
    )
    monthly = horizon.mean_mw.mean(axis=2) * hours / 1000
    rows = tuple(
        Row((month, *(fixed(float(value), 1) for value in monthly[:, i]), fixed(float(monthly[:, i].sum()), 1)))
        for i, month in enumerate(horizon.months)
    )
    table = Table("Surplus by month and zone over the horizon", columns, rows, folded=True)
    return Section("horizon", title, words, source, plot, (table,))
