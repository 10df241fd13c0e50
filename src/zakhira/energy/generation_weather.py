"""The seeded weather of a generated year: demand, rooftop solar, wind, water and ambient temperature, hour by hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from zakhira.energy.power_system import PowerSystem, SystemZone
from zakhira.kernel.ids import seeded_rng
from zakhira.kernel.interval import HourRange
from zakhira.programme.series import Floats

HOURS_PER_DAY = 24
DAYS_PER_YEAR = 365
MWH_PER_GWH = 1000.0
SUNDAY = 6
HOTTEST_HOUR = 15
COLDEST_DAY_OF_YEAR = 10
WARMTH_PERSISTENCE = 0.7
"""Correlation of a day's departure from the season's temperature with the day before [E]."""
WIND_STRONGEST_HOUR = 19
"""Evening sea breeze of the Gharo-Jhimpir corridor [E]."""
WIND_DAY_SWING = 0.25
"""How far the mean wind of an hour of day departs from the day's mean [E]."""
EARTH_TILT_DEG = 23.45
CAPACITY_ROUNDS = 20
"""Rounds in which water that a full plant cannot use moves to other hours of its day."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Calendar:
    """The hours of the horizon with what the clock says on each; arrays are by hour, ``days`` is the count of days."""

    hours: HourRange
    month: Ints
    """Index of the month within the horizon."""
    hour_of_day: Ints
    day: Ints
    """Index of the local day within the horizon."""
    day_of_year: Ints
    weekday: Ints
    days: int


def calendar_of(system: PowerSystem) -> Calendar:
    """The calendar of a power system's months in its own fixed UTC offset."""
    first = date.fromisoformat(f"{system.months[0]}-01")
    year, month = map(int, system.months[-1].split("-"))
    last = date(year + month // 12, month % 12 + 1, 1)
    days = [first + timedelta(days=index) for index in range((last - first).days)]
    start = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(hours=system.figures.utc_offset_hours)
    index_of = {name: index for index, name in enumerate(system.months)}

    def hourly(values: list[int]) -> Ints:
        return np.repeat(np.array(values, dtype=np.int64), HOURS_PER_DAY)

    count = len(days) * HOURS_PER_DAY
    return Calendar(
        HourRange(start, count),
        hourly([index_of[f"{day:%Y-%m}"] for day in days]),
        np.arange(count) % HOURS_PER_DAY,
        np.arange(count) // HOURS_PER_DAY,
        hourly([day.timetuple().tm_yday for day in days]),
        hourly([day.weekday() for day in days]),
        len(days),
    )


def autoregressive(rng: np.random.Generator, count: int, persistence_share: float) -> Floats:
    """A first-order autoregressive sequence with mean 0 and variance 1."""
    shocks = rng.standard_normal(count) * np.sqrt(1.0 - persistence_share**2)
    values = np.empty(count)
    level = float(rng.standard_normal())
    for index in range(count):
        level = persistence_share * level + float(shocks[index])
        values[index] = level
    return values


def rooftop_mw(system: PowerSystem, calendar: Calendar, seed: int) -> Floats:
    """What rooftop solar takes off the grid's load in each hour.

    The sun's height by Cooper's formula for the declination (Solar Energy 12, 1969), times the month's clearness, a
    cloud factor for the day and the performance ratio; capacity is net-metered plus other.
    """
    figures = system.figures
    declination = np.radians(EARTH_TILT_DEG * np.sin(2 * np.pi * (284 + calendar.day_of_year) / DAYS_PER_YEAR))
    latitude = np.radians(figures.solar_latitude_deg)
    hour_angle = np.radians(15.0 * (calendar.hour_of_day + 0.5 - figures.solar_noon_hour))
    height = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
    noise = autoregressive(seeded_rng(seed, "cloud"), calendar.days, figures.weather_persistence_share)
    cloud = np.clip(1.0 + figures.cloud_noise_share * noise, 0.2, 1.2)[calendar.day]
    clear = system.by_month.clearness_share[calendar.month]
    installed_mw = figures.rooftop_net_metered_mw + figures.rooftop_other_mw
    power: Floats = installed_mw * figures.rooftop_performance_share * np.clip(height, 0.0, None) * clear * cloud
    return power


def demand_mw(system: PowerSystem, calendar: Calendar, rooftop: Floats, seed: int) -> Floats:
    """Load on the grid by region, [region, hour], net of rooftop solar.

    The day's shape goes from winter to summer with the month; weekday, weather and hourly noise vary it. Each month is
    scaled so that its sum is the month's ``demand_gwh`` exactly.
    """
    figures, months = system.figures, system.by_month
    summer = months.summer_share[calendar.month]
    hour = calendar.hour_of_day
    shape = (1.0 - summer) * system.winter_shape[hour] + summer * system.summer_shape[hour]
    weather = autoregressive(seeded_rng(seed, "weather"), calendar.days, figures.weather_persistence_share)
    noise = seeded_rng(seed, "load").standard_normal(hour.size)
    shape = shape * (1.0 + figures.weather_noise_share * weather[calendar.day])
    shape = shape * np.where(calendar.weekday == SUNDAY, figures.sunday_demand_share, 1.0)
    shape = shape * (1.0 + figures.hour_noise_share * noise)
    gross_mwh = months.demand_gwh * MWH_PER_GWH + np.bincount(calendar.month, rooftop)
    gross = shape * (gross_mwh / np.bincount(calendar.month, shape))[calendar.month]
    south = figures.south_demand_share * gross - figures.south_rooftop_share * rooftop
    north = gross - rooftop - south
    return np.stack((south, north))


def wind_share(system: PowerSystem, calendar: Calendar, seed: int) -> Floats:
    """Wind power before curtailment as a share of capacity; each month's mean is ``wind_share`` (before a cap at 1)."""
    figures = system.figures
    noise = autoregressive(seeded_rng(seed, "wind"), calendar.hours.count, figures.wind_persistence_share)
    swing = 1.0 + WIND_DAY_SWING * np.cos(2 * np.pi * (calendar.hour_of_day - WIND_STRONGEST_HOUR) / HOURS_PER_DAY)
    raw = swing * np.exp(figures.wind_noise_share * noise)
    mean = np.bincount(calendar.month, raw) / np.bincount(calendar.month)
    scaled = raw * (system.by_month.wind_share / mean)[calendar.month]
    return np.minimum(scaled, 1.0)


def hydro_mw(system: PowerSystem, calendar: Calendar, load: Floats, capacity: Floats, seed: int) -> Floats:
    """Water power of all plants together, [hour]: each month's energy is ``hydro_gwh`` as far as ``capacity`` allows.

    Within a day the water follows the load (``hydro_peaking``), never below its floor nor above the capacity [hour].
    """
    figures = system.figures
    daily, limit = load.reshape(-1, HOURS_PER_DAY), capacity.reshape(-1, HOURS_PER_DAY)
    month = calendar.month[::HOURS_PER_DAY]
    peaking = system.by_month.hydro_peaking[month, None]
    swing = 1.0 + peaking * (daily / daily.mean(axis=1, keepdims=True) - 1.0)
    swing = np.maximum(swing, figures.hydro_floor_share)
    noise = autoregressive(seeded_rng(seed, "water"), calendar.days, figures.weather_persistence_share)
    flow = np.clip(1.0 + figures.hydro_noise_share * noise, 0.5, 1.5)
    water_mwh = flow * (system.by_month.hydro_gwh * MWH_PER_GWH / np.bincount(month, flow))[month]
    power = swing * (water_mwh / swing.sum(axis=1))[:, None]
    for _ in range(CAPACITY_ROUNDS):
        power = np.minimum(power, limit)
        power *= (water_mwh / np.maximum(power.sum(axis=1), 1e-9))[:, None]
    capped: Floats = np.minimum(power, limit)
    return capped.ravel()


def ambient_c(zone: SystemZone, calendar: Calendar, noise_c: float, seed: int) -> Floats:
    """Ambient temperature of a zone by hour (C).

    The mean daily maximum swings between its winter and summer values over the year, with a cosine over the day below
    it and a noise of ``noise_c`` from day to day.
    """
    season = 0.5 - 0.5 * np.cos(2 * np.pi * (calendar.day_of_year - COLDEST_DAY_OF_YEAR) / DAYS_PER_YEAR)
    daily_max = zone.winter_max_c + (zone.summer_max_c - zone.winter_max_c) * season
    fall = 0.5 - 0.5 * np.cos(2 * np.pi * (calendar.hour_of_day - HOTTEST_HOUR) / HOURS_PER_DAY)
    noise = noise_c * autoregressive(seeded_rng(seed, "ambient", zone.id), calendar.days, WARMTH_PERSISTENCE)
    return daily_max - zone.day_range_c * fall + noise[calendar.day]
