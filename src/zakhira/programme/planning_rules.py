"""Rules that hold between the planner's values: years and phases, halls and their promises, storage and wheeling."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from zakhira.kernel.errors import Fault
from zakhira.programme.faults import Cause
from zakhira.programme.record import Reading

WEIGHT_ROUNDING = 1e-9
"""Sums of weights are sums of decimal fractions: they may miss 1 by the rounding of binary numbers."""
ROUNDING_MW = 1e-9
DAY_HOURS = 24
SHORTEST_MONTH_HOURS = 28 * DAY_HOURS


def future_faults(reading: Reading) -> list[Fault]:
    """Weights and files of the surplus years, and the order of the phases."""
    return [*_weight_faults(reading), *_file_faults(reading), *_phase_faults(reading)]


def _weight_faults(reading: Reading) -> Iterator[Fault]:
    total, crossed = 0.0, None
    for year in reading.all("surplus_year"):
        total += year.number("weight_share") or 0.0
        if crossed is None and total > 1.0 + WEIGHT_ROUNDING:
            crossed = year
    if crossed is not None:
        message = f"The weights sum to {total:.10g}, and cross 1 here; the year of [series] has what is left of 1."
        yield crossed.fault(Cause.YEARS_WEIGH_TOO_MUCH, "weight_share", message)


def _file_faults(reading: Reading) -> Iterator[Fault]:
    series = reading.one("series")
    name_of = {name: "[series]" for name in (series.text("surplus"), series.text("ambient")) if name} if series else {}
    for year in reading.all("surplus_year"):
        file = year.text("file")
        if file is None:
            continue
        if file in name_of:
            yield year.fault(Cause.SERIES_FILE_TWICE, "file", f"{file!r} is the file of {name_of[file]} already.")
        name_of.setdefault(file, f"the surplus year {year.text('id')!r}")


def _phase_faults(reading: Reading) -> Iterator[Fault]:
    phases = reading.all("phase")
    if phases and phases[0].number("year") not in {0, None}:
        message = f"The first phase is in year {phases[0].number('year'):g}: nothing says what holds before."
        yield phases[0].fault(Cause.PHASE_ORDER, "year", message)
    for before, phase in pairwise(phases):
        year, last = phase.number("year"), before.number("year")
        if year is not None and last is not None and year <= last:
            yield phase.fault(Cause.PHASE_ORDER, "year", f"Year {year:g} follows year {last:g}.")


def storage_faults(reading: Reading) -> list[Fault]:
    """One battery and one backup a zone; wheeling within what the line carries."""
    return [*_twice_in_a_zone(reading, "battery"), *_twice_in_a_zone(reading, "backup"), *_wheeling_faults(reading)]


def _twice_in_a_zone(reading: Reading, table: str) -> Iterator[Fault]:
    seen: set[str] = set()
    for record in reading.all(table):
        zone = record.text("zone")
        if zone in seen:
            yield record.fault(Cause.TWO_IN_A_ZONE, "zone", f"The zone {zone!r} has a {table} already.")
        if zone is not None:
            seen.add(zone)


def _wheeling_faults(reading: Reading) -> Iterator[Fault]:
    for link in reading.all("link"):
        wheeling, limit = link.number("wheeling_mw"), link.number("limit_mw")
        attribute = link.table.attribute("wheeling_mw")
        if wheeling is None or limit is None or (attribute and wheeling == attribute.default):
            continue
        if wheeling > limit + ROUNDING_MW:
            message = f"{wheeling:.10g} MW may be wheeled over a line that carries {limit:.10g} MW."
            yield link.fault(Cause.CANNOT_APPLY, "wheeling_mw", message, f"Give at most {limit:.10g} MW.")


def hall_faults(reading: Reading) -> list[Fault]:
    """Load windows, interruptions, and the AI capacity that is promised."""
    return [*_window_faults(reading), *_interruption_faults(reading), *_promise_faults(reading)]


def _window_faults(reading: Reading) -> Iterator[Fault]:
    taken: dict[tuple[str, int], int] = {}
    for number, window in enumerate(reading.all("load_window"), 1):
        hall, first, end = window.text("hall"), window.number("from_hour"), window.number("to_hour")
        if hall is None or first is None or end is None:
            continue
        hours = _hours_of_day(int(first), int(end))
        if not hours:
            message = f"The window from hour {first:g} to hour {end:g} has no hours."
            yield window.fault(Cause.LOAD_WINDOW, "to_hour", message, "Write 0 and 24 for the whole day.")
        clash = next((hour for hour in hours if (hall, hour) in taken), None)
        if clash is not None:
            message = f"Hour {clash} of {hall!r} is in load window {taken[hall, clash]} already."
            yield window.fault(Cause.LOAD_WINDOW, "from_hour", message)
        for hour in hours:
            taken.setdefault((hall, hour), number)


def _hours_of_day(first: int, end: int) -> tuple[int, ...]:
    """The local hours of a window, which may run over midnight; none if it begins where it ends."""
    length = end - first if end >= first else end - first + DAY_HOURS
    return tuple((first + hour) % DAY_HOURS for hour in range(length))


def _interruption_faults(reading: Reading) -> Iterator[Fault]:
    for hall in reading.all("hall"):
        hours, events = hall.number("event_hours"), hall.number("events_per_month")
        share = hall.number("interruptible_share")
        if hours is not None and events is not None and hours * events > SHORTEST_MONTH_HOURS:
            message = f"{events:g} events of {hours:g} hours are more hours than a month of 28 days has."
            yield hall.fault(Cause.CANNOT_APPLY, "events_per_month", message)
        if events == 0 and share:
            message = f"{share:g} of the load may be interrupted, in no event of a month."
            remedy = "Give events_per_month, or set interruptible_share to 0."
            yield hall.fault(Cause.CANNOT_APPLY, "interruptible_share", message, remedy)
        if share == 0 and events:
            message = f"{events:g} events a month may interrupt none of the load."
            yield hall.fault(Cause.CANNOT_APPLY, "events_per_month", message, "Give interruptible_share.")


def _promise_faults(reading: Reading) -> Iterator[Fault]:
    """AI capacity promised at sites against connections, quotas, zones and the market."""
    market_mw = sum(hall.number("limit_mw") or 0.0 for hall in reading.all("hall"))
    yield from _over(reading, "", {"": market_mw}, "The limit of all hall classes")
    for table, key, what in (("licensee", "quota_mw", "The quota of"), ("zone", "max_mw", "The limit of the zone")):
        rows = reading.all(table)
        limits = {name: mw for row in rows if (name := row.text("id")) and (mw := row.number(key)) is not None}
        yield from _over(reading, table, limits, what)
    for site in reading.all("site"):
        promised, connection = site.number("hall_min_mw"), site.number("connection_mw")
        if promised is not None and connection is not None and promised > connection + ROUNDING_MW:
            message = f"{promised:.10g} MW are promised behind a connection of {connection:.10g} MW."
            yield site.fault(Cause.PROMISE_TOO_LARGE, "hall_min_mw", message)


def _over(reading: Reading, group: str, limits: dict[str, float], what: str) -> Iterator[Fault]:
    """A fault at the site at which the promises of a licensee, of a zone or of all first exceed the limit."""
    total: dict[str, float] = {}
    told: set[str] = set()
    for site in reading.all("site"):
        name, promised = site.text(group) if group else "", site.number("hall_min_mw")
        if name is None or not promised or name not in limits:
            continue
        total[name] = total.get(name, 0.0) + promised
        if total[name] > limits[name] + ROUNDING_MW and name not in told:
            told.add(name)
            of = f" {name!r}" if name else ""
            message = f"{total[name]:.10g} MW are promised up to here. {what}{of} is {limits[name]:.10g} MW."
            yield site.fault(Cause.PROMISE_TOO_LARGE, "hall_min_mw", message)
