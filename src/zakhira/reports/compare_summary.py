"""What ``zakhira compare`` prints: a table of what moved, and sentences on why."""

from __future__ import annotations

from zakhira.planning.compare import Change, Comparison, FigureChange
from zakhira.reports.document import Column, Kind, Row, Table
from zakhira.reports.energy_sections import plural
from zakhira.reports.numbers import fixed, power, prose, usd

MOST_FIGURES = 8
"""Figures that are told one by one; of more, their number."""
MOST_LIMITS = 4
SHOWN_USD = 5000.0
"""Half of the last digit that the table shows."""
COLUMNS = (
    Column("zone", number=False),
    Column("class", number=False),
    Column("before", "MW"),
    Column("after", "MW"),
    Column("change", "MW"),
    Column("value change", "USD mln/a"),
    Column("coins change", "BTC/a"),
)


def compare_headline(found: Comparison) -> str:
    """The sums of both plans in a sentence."""
    gain, moved = found.value_usd[1] - found.value_usd[0], found.power_mw[1] - found.power_mw[0]
    if found.is_same:
        return f"Both plans grant the same {power(found.power_mw[1])}; the value differs by {usd(gain)} a year."
    return (
        f"The second plan grants {power(found.power_mw[1])} and not {power(found.power_mw[0])}"
        f" ({_signed(fixed(moved, 1), moved)} MW); its value is {usd(abs(gain))} a year"
        f" {'higher' if gain >= 0 else 'lower'}."
    )


def compare_table(found: Comparison) -> Table:
    """One row for each zone and class of either plan that differs, and the sum."""
    rows = [
        Row(_cells(change.zone, change.class_id, change.before_mw, change.after_mw, *_differences(change)))
        for change in found.changes
        if change.is_moved
        or abs(change.after_usd - change.before_usd) > SHOWN_USD
        or round(change.after_btc - change.before_btc, 2)
    ]
    usd_change, btc_change = found.value_usd[1] - found.value_usd[0], found.btc[1] - found.btc[0]
    rows.append(Row(_cells("all", "", *found.power_mw, usd_change, btc_change), Kind.TOTAL))
    return Table("What changed by zone and class", COLUMNS, tuple(rows))


def compare_reasons(found: Comparison) -> tuple[str, ...]:
    """Why: what the two plans were made from, and which limits bind in one alone."""
    same = "Both plans rest on the same programme and series."
    sentences = [same if found.same_programme else "The programmes or their series differ (another digest)."]
    sentences += [
        f"{name.capitalize()}: {old} before, {new} after." for name, old, new in found.basis if name != "summed"
    ]
    sentences += [_figure(change) for change in found.figures[:MOST_FIGURES]]
    if len(found.figures) > MOST_FIGURES:
        sentences.append(f"{plural(len(found.figures) - MOST_FIGURES, 'further figure')} of the programme differ.")
    if not found.same_programme and not found.figures:
        sentences.append("No figure differs: it is the series, the names or the links between records.")
    for words, prices in (
        ("no longer binds. Before", found.only_before),
        ("binds now and did not before", found.only_after),
    ):
        sentences += [f"{price.limit} {words}: {price.sentence}" for price in prices[:MOST_LIMITS]]
    return tuple(sentences)


def _differences(change: Change) -> tuple[float, float]:
    return change.after_usd - change.before_usd, change.after_btc - change.before_btc


def _cells(zone: str, class_id: str, before: float, after: float, usd_change: float, btc: float) -> tuple[str, ...]:
    moved = after - before
    return (
        zone,
        class_id,
        fixed(before, 1),
        fixed(after, 1),
        _signed(fixed(moved, 1), moved),
        _signed(fixed(usd_change / 1e6, 2), usd_change),
        _signed(fixed(btc, 2), btc),
    )


def _signed(text: str, value: float) -> str:
    return f"+{text}" if value > 0 and any(digit in text for digit in "123456789") else text


def _figure(change: FigureChange) -> str:
    old, new = ("not there" if value is None else prose(value, 6) for value in (change.before, change.after))
    return f"{change.key}: {old} before, {new} after."
