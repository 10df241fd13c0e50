"""The generated year: its balances hold, one seed gives one year, and the surplus comes out of the facts."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import numpy.typing as npt
import pytest

from zakhira.energy.generation import HYDRO, DemandNotServed, GeneratedYear, generate_year
from zakhira.energy.generation_surplus import plant_costs, surplus_blocks
from zakhira.energy.generation_units import units_ready
from zakhira.energy.generation_weather import autoregressive, calendar_of, hydro_mw
from zakhira.energy.power_system import Limit, PowerSystem
from zakhira.kernel.ids import seeded_rng
from zakhira.kernel.interval import utc_text
from zakhira.programme.series import Floats

Mask = npt.NDArray[np.bool_]
WINTER = ("2025-11", "2025-12", "2026-01", "2026-02", "2026-03")


def south_mw(system: PowerSystem, year: GeneratedYear) -> Floats:
    """Surplus of all southern zones, [hour]."""
    rows = [index for index, zone in enumerate(system.zones) if zone.region == "south"]
    return np.asarray(year.series.surplus_mw[rows].sum(axis=(0, 2)), dtype=np.float64)


def masks(system: PowerSystem, year: GeneratedYear) -> tuple[Mask, Mask, Mask]:
    """Whether an hour is in winter (November to March), at midday (10 to 15 h), in the evening (18 to 21 h)."""
    calendar = year.calendar
    winter = np.isin(calendar.month, [system.months.index(month) for month in WINTER])
    midday = (calendar.hour_of_day >= 10) & (calendar.hour_of_day < 16)
    evening = (calendar.hour_of_day >= 18) & (calendar.hour_of_day < 22)
    return winter, midday, evening


def test_one_seed_gives_one_year_and_another_seed_another(system: PowerSystem, year: GeneratedYear) -> None:
    again = generate_year(system, 2026)
    other = generate_year(system, 2027)
    assert np.array_equal(again.series.surplus_mw, year.series.surplus_mw)
    assert np.array_equal(again.series.ambient_c, year.series.ambient_c)
    assert not np.array_equal(other.series.surplus_mw, year.series.surplus_mw)


def test_the_calendar_is_local(system: PowerSystem) -> None:
    """The fiscal year 2026 starts at local midnight of 1 July 2025, a Tuesday, and has 8,760 hours."""
    calendar = calendar_of(system)
    assert utc_text(calendar.hours.start) == "2025-06-30T19:00:00Z"
    assert calendar.hours.count == 8760
    assert (calendar.weekday[0], calendar.hour_of_day[0], calendar.day_of_year[0]) == (1, 0, 182)
    assert np.bincount(calendar.month).tolist() == [744, 744, 720, 744, 720, 744, 744, 672, 744, 720, 744, 720]


def test_every_hour_balances(system: PowerSystem, year: GeneratedYear) -> None:
    """South makes its load and the flow, north its load less the flow; no plant exceeds what it has; lines hold."""
    run = year.run
    south = np.array([plant.region == "south" for plant in system.plants])
    assert np.allclose(run.output_mw[south].sum(axis=0), year.load_mw[0] + run.flow_mw, atol=0.11)
    assert np.allclose(run.output_mw[~south].sum(axis=0), year.load_mw[1] - run.flow_mw, atol=0.11)
    assert (run.output_mw <= run.available_mw + 1e-6).all()
    assert (run.output_mw >= 0).all()
    assert np.abs(run.flow_mw).max() <= system.corridor_mw
    for limit in system.evacuation:
        own = [index for index, plant in enumerate(system.plants) if plant.node == limit.from_node]
        assert run.output_mw[own].sum(axis=0).max() <= limit.limit_mw + 1e-6


def test_surplus_is_what_is_idle_and_not_too_dear(system: PowerSystem, year: GeneratedYear) -> None:
    """By zone and hour: the three blocks sum to the idle power of plants below the ceiling, rounded down to 0.1 MW."""
    idle = year.run.available_mw - year.run.output_mw
    ceiling = system.figures.offer_ceiling_pkr_per_kwh
    cheap = (year.costs.full < ceiling)[:, year.calendar.month]
    for index, zone in enumerate(system.zones):
        own = [row for row, plant in enumerate(system.plants) if plant.zone == zone.id]
        offered = np.where(cheap[own], idle[own], 0.0).sum(axis=0)
        given = year.series.surplus_mw[index].sum(axis=1)
        assert (given <= offered + 1e-4).all()
        assert (given >= offered - 0.3 - 1e-4).all()


def test_series_are_sound(system: PowerSystem, year: GeneratedYear) -> None:
    """Nothing is negative or NaN, costs ascend over the blocks, zones stand in the order of the table."""
    series = year.series
    assert series.zones == tuple(zone.id for zone in system.zones)
    assert series.surplus_mw.shape == (12, 8760, 3)
    assert series.surplus_mw.min() >= 0
    assert np.isfinite(series.cost_pkr_per_mwh).all()
    assert (np.diff(series.cost_pkr_per_mwh, axis=2) >= 0).all()
    assert -20 < series.ambient_c.min() < series.ambient_c.max() < 55


def test_rlng_is_too_dear_to_offer(system: PowerSystem, year: GeneratedYear) -> None:
    """The zone at the RLNG plants has idle power all year and none below the ceiling; a higher ceiling offers it."""
    zone = [z.id for z in system.zones].index("haveli-trimmu")
    assert year.series.surplus_mw[zone].sum() == 0
    dear = replace(system, figures=replace(system.figures, offer_ceiling_pkr_per_kwh=25.0))
    idle = year.run.available_mw - year.run.output_mw
    surplus_mw, _ = surplus_blocks(dear, ((idle, year.costs.full),), year.calendar.month)
    assert surplus_mw[zone].sum() > 0


@pytest.mark.parametrize("seed", [2026, 1, 2, 3])
def test_the_southern_winter_midday_emerges(system: PowerSystem, seed: int) -> None:
    """Whatever the seed: the south has most surplus at midday and in winter, and winter evenings have little."""
    year = generate_year(system, seed)
    south = south_mw(system, year)
    winter, midday, evening = masks(system, year)
    winter_midday = south[winter & midday].mean()
    assert winter_midday > 1.05 * south[~winter & midday].mean()
    assert winter_midday > 1.5 * south[winter & evening].mean()
    everywhere = year.series.surplus_mw.sum(axis=(0, 2))
    assert south.sum() > 0.6 * everywhere.sum()


def test_rooftop_solar_makes_the_midday_surplus(system: PowerSystem, year: GeneratedYear) -> None:
    """Without rooftop solar (and the same energy from the grid) the winter midday surplus shrinks: it is a result."""
    dark = replace(system.figures, rooftop_net_metered_mw=0.0, rooftop_other_mw=0.0)
    without = generate_year(replace(system, figures=dark), 2026)
    winter, midday, _ = masks(system, year)
    with_mw = south_mw(system, year)[winter & midday].mean()
    assert south_mw(system, without)[winter & midday].mean() < 0.9 * with_mw


def test_the_corridor_strands_the_south(system: PowerSystem, year: GeneratedYear) -> None:
    """A line twice as wide moves surplus from south to north in January; a narrower one strands more."""
    january = year.calendar.month == system.months.index("2026-01")

    def stranded(limit_mw: float) -> float:
        one = replace(system, corridor=(Limit("line", "south", "north", limit_mw),))
        return float(south_mw(system, generate_year(one, 2026))[january].mean())

    assert stranded(6200.0) + 200 < stranded(3100.0) < stranded(2400.0) - 200


def test_minimum_loads_make_surplus_of_running_units(system: PowerSystem, year: GeneratedYear) -> None:
    """If coal could run at no load at all, more of nuclear, wind and water would be taken at midday."""
    loose = tuple(replace(technology, min_load_share=0.0) for technology in system.technologies)
    without = generate_year(replace(system, technologies=loose), 2026)
    assert without.series.surplus_mw[:, :, 0].sum() < 0.7 * year.series.surplus_mw[:, :, 0].sum()


def test_headroom_costs_less_than_a_cold_unit(system: PowerSystem) -> None:
    """Imported coal in January: 13.48 of fuel, 0.8 of freight, 0.2 of operation; 93% of the fuel for headroom."""
    costs = plant_costs(system)
    row = [plant.id for plant in system.plants].index("sahiwal")
    january = system.months.index("2026-01")
    assert costs.full[row, january] == pytest.approx(13.48 + 0.8 + 0.2)
    assert costs.headroom[row, january] == pytest.approx(0.93 * (13.48 + 0.8) + 0.2)


def test_a_system_that_is_too_small_says_so(system: PowerSystem) -> None:
    """Without its peakers and its RLNG the north goes dark: an error with the hour, not a wrong series."""
    few = tuple(plant for plant in system.plants if plant.technology not in {"furnace-oil", "rlng"})
    with pytest.raises(DemandNotServed) as caught:
        generate_year(replace(system, plants=few), 2026)
    assert caught.value.code == "ZK-ENERGY-120"
    assert "hours lack power" in caught.value.message


def test_water_keeps_its_energy_within_the_plants(system: PowerSystem, year: GeneratedYear) -> None:
    """Each month's water arrives as given where the plants can take it, and never exceeds them."""
    calendar, load = year.calendar, year.load_mw.sum(axis=0)
    capacity = np.full(load.size, 11000.0)
    power = hydro_mw(system, calendar, load, capacity, 2026)
    assert np.allclose(np.bincount(calendar.month, power) / 1000, system.by_month.hydro_gwh, rtol=1e-3)
    assert power.max() <= 11000.0
    small = hydro_mw(system, calendar, load, np.full(load.size, 3000.0), 2026)
    assert small.max() <= 3000.0
    kinds = np.array([plant.technology == HYDRO for plant in system.plants])
    assert (year.run.available_mw[kinds].sum(axis=0) > 0).all()


def test_units_fail_and_rest_as_often_as_stated(system: PowerSystem) -> None:
    """Over many seeds the share of days out is the overhaul's plus the forced share of the rest, to two points."""
    plants = [plant.id for plant in system.plants]
    row = plants.index("sahiwal")
    coal = system.technology("imported-coal")
    ready = np.mean([units_ready(system, 365, seed)[row].mean() for seed in range(80)]) / 2
    expected = (1 - coal.planned_days / 365) * (1 - coal.forced_outage_share)
    assert ready == pytest.approx(expected, abs=0.02)


def test_overhauls_are_spread(system: PowerSystem) -> None:
    """The four thermal plants of a technology are never all in overhaul at once: at least half of RLNG stands ready."""
    whole = replace(system, technologies=tuple(replace(t, forced_outage_share=0.0) for t in system.technologies))
    rlng = [index for index, plant in enumerate(system.plants) if plant.technology == "rlng"]
    units = sum(system.plants[index].unit_count for index in rlng)
    ready = units_ready(whole, 365, 2026)[rlng].sum(axis=0)
    assert ready.min() >= units - 2
    assert ready.max() == units


def test_autoregressive_noise_has_its_persistence() -> None:
    values = autoregressive(seeded_rng(7, "test"), 200_000, 0.8)
    assert abs(values.mean()) < 0.05
    assert values.std() == pytest.approx(1.0, abs=0.03)
    assert np.corrcoef(values[1:], values[:-1])[0, 1] == pytest.approx(0.8, abs=0.01)


def test_temperatures_meet_their_mean_daily_maxima(system: PowerSystem, year: GeneratedYear) -> None:
    """January's and July's mean daily maxima lie within 2 C of the zone's winter and summer figures."""
    for index, zone in enumerate(system.zones):
        daily = year.series.ambient_c[index].reshape(-1, 24).max(axis=1)
        month = year.calendar.month[::24]
        assert daily[month == system.months.index("2026-01")].mean() == pytest.approx(zone.winter_max_c, abs=2)
        assert daily[month == system.months.index("2025-07")].mean() == pytest.approx(zone.summer_max_c, abs=2)


def test_every_scalar_of_the_system_matters(system: PowerSystem, year: GeneratedYear) -> None:
    """No figure is decoration: a change of any scalar changes the load, the plants' run or the series."""
    fingerprint = (year.load_mw.sum(), year.run.output_mw.sum(axis=1), year.series.surplus_mw, year.series.ambient_c)
    steps = {"planned_from_day": 40.0, "planned_to_day": 300.0}
    unseen = {"utc_offset_hours"}  # moves the calendar, not the figures
    for field in fields(system.figures):
        value = getattr(system.figures, field.name)
        moved = steps.get(field.name, 0.9 * value - 0.01)
        other = generate_year(replace(system, figures=replace(system.figures, **{field.name: moved})), 2026)
        now = (other.load_mw.sum(), other.run.output_mw.sum(axis=1), other.series.surplus_mw, other.series.ambient_c)
        same = all(np.array_equal(a, b) for a, b in zip(fingerprint, now, strict=True))
        same = same and np.array_equal(year.series.cost_pkr_per_mwh, other.series.cost_pkr_per_mwh)
        assert same == (field.name in unseen), field.name
