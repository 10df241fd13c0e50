"""What ``zakhira plan --explain ZONE`` prints: why the zone got what it got, and the tables behind it."""

from __future__ import annotations

import math

from zakhira.planning.explain import ClassStory, ZoneStory
from zakhira.reports.document import Column, Kind, Row, Table
from zakhira.reports.energy_sections import name_list
from zakhira.reports.numbers import energy, fixed, hour_text, percent, power, prose, usd

SHOWN_HOURS = range(0, 24, 3)
"""Every third hour of the day fits a terminal."""
NOTHING_USD = 1.0
CLASS_COLUMNS = (
    Column("class", number=False),
    Column("granted", "MW"),
    Column("worth", "USD/MWh"),
    Column("pays", "h/a"),
    Column("runs", "h/a"),
    Column("used", "GWh/a"),
    Column("last MW", "USD/a"),
    Column("one more", "USD/a"),
    Column("limits", "USD/a"),
)
BAND_COLUMNS = (
    Column("from", "USD/MWh"),
    Column("to", "USD/MWh"),
    Column("surplus", "GWh/a"),
    Column("used", "GWh/a"),
    Column("share used"),
)


def explain_headline(story: ZoneStory) -> str:
    """What the zone got and out of what."""
    held = [f"{power(one.power_mw)} {one.name}" for one in story.classes if one.power_mw > 0]
    got = f"{power(story.power_mw)} ({name_list(held)})" if held else "nothing"
    return (
        f"{story.name} got {got} of at most {power(story.max_mw)}: it has surplus in {fixed(story.surplus_hours)} of"
        f" {fixed(story.hours)} hours, {energy(story.surplus_mwh)} a year."
    )


def explain_reasons(story: ZoneStory) -> tuple[str, ...]:
    """Why, in sentences: what binds, what the last MW is worth, and what would be next."""
    sentences = [
        f"The last MW of {one.name} adds {usd(one.last_mw_usd)} a year after capital; it runs {fixed(one.run_hours)} of"
        f" the {fixed(one.paying_hours)} hours in which surplus is cheap enough for it."
        for one in story.classes
        if one.power_mw > 0
    ]
    sentences.append(_next_here(story))
    if story.binding:
        first = max(story.binding, key=lambda price: price.value_usd)
        sentences.append(f"The limit here that costs most is {first.limit}: {first.sentence}")
    else:
        sentences.append("No limit that binds concerns this zone: more of it would lose money by itself.")
    if story.elsewhere:
        best = story.elsewhere[0]
        word = "add" if best.gain_usd > 0 else "lose"
        sentences.append(
            f"The next best use of a MW in another zone is {best.class_id} in {best.zone}: it would {word}"
            f" {usd(abs(best.gain_usd))} a year."
        )
    return tuple(sentences)


def _next_here(story: ZoneStory) -> str:
    """The next best use in the zone itself."""
    known = [one for one in story.classes if math.isfinite(one.next_mw_usd)]
    if not known:
        return "No site of the zone can hold any class."
    best = max(known, key=lambda one: one.gain_usd)
    words = f"The next best use here is one more MW of {best.name}: worth {usd(best.next_mw_usd)} a year by itself"
    if best.charge_usd > NOTHING_USD:
        words += f", less {usd(best.charge_usd)} that the limits it needs are worth elsewhere"
    if best.gain_usd > NOTHING_USD:
        return f"{words}; it is not taken for a limit of its site or licensee, or so that no licensee loses."
    return f"{words}; so it is not taken."


def class_table(story: ZoneStory) -> Table:
    """The classes, those with MW first."""
    ranked = sorted(story.classes, key=lambda one: (-one.power_mw, -_finite(one.gain_usd)))
    return Table(f"Classes in {story.name}", CLASS_COLUMNS, tuple(Row(_class_cells(one)) for one in ranked))


def _finite(value: float) -> float:
    return value if math.isfinite(value) else -math.inf


def _class_cells(one: ClassStory) -> tuple[str, ...]:
    return (
        one.class_id,
        fixed(one.power_mw, 1),
        fixed(one.value_usd_per_mwh, 1),
        fixed(one.paying_hours),
        fixed(one.run_hours),
        fixed(one.used_mwh / 1000, 1),
        fixed(one.last_mw_usd),
        fixed(one.next_mw_usd),
        fixed(one.charge_usd),
    )


def margin_table(story: ZoneStory) -> Table:
    """The mean margin of each class by local hour, every third one."""
    columns = (Column("class", number=False), *(Column(hour_text(hour)) for hour in SHOWN_HOURS))
    rows = tuple(
        Row((one.class_id, *(fixed(one.margin_usd_per_mwh[hour], 1) for hour in SHOWN_HOURS))) for one in story.classes
    )
    return Table("Margin on the cheapest surplus by local hour, USD/MWh", columns, rows)


def band_table(story: ZoneStory) -> Table:
    """The surplus by what it costs."""
    rows = [
        Row(
            (
                prose(band.from_usd),
                prose(band.to_usd),
                fixed(band.surplus_mwh / 1000, 1),
                fixed(band.used_mwh / 1000, 1),
                percent(band.used_mwh / band.surplus_mwh),
            )
        )
        for band in story.bands
    ]
    used = sum(band.used_mwh for band in story.bands)
    share = percent(used / story.surplus_mwh) if story.surplus_mwh else "\u2013"
    total = ("all", "", fixed(story.surplus_mwh / 1000, 1), fixed(used / 1000, 1), share)
    return Table("Surplus by its cost", BAND_COLUMNS, (*rows, Row(total, Kind.TOTAL)))
