"""Other years out of the same facts: water, demand and rooftop solar move the surplus, nothing sets it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from zakhira.energy.generation import GeneratedYear, SolarAboveUse, generate_year
from zakhira.energy.generation_years import generate_other_year, system_in_year
from zakhira.energy.power_system import PowerSystem, SystemYear

SEED = 2026
SAME = SystemYear("same", "Same", 1.0, 1.0, 1.0, 0.1)


@pytest.fixture(scope="module")
def made(system: PowerSystem) -> Callable[[str], GeneratedYear]:
    """A year of years.csv by its id, generated once."""
    known: dict[str, GeneratedYear] = {}

    def make(name: str) -> GeneratedYear:
        if name not in known:
            known[name] = generate_other_year(system, next(y for y in system.years if y.id == name), SEED)
        return known[name]

    return make


def surplus_twh(year: GeneratedYear) -> float:
    return float(year.series.surplus_mw.sum()) / 1e6


def test_a_year_that_differs_in_nothing_is_the_reference(system: PowerSystem, year: GeneratedYear) -> None:
    """Factors of 1 give the reference but for rounding of the months' sums."""
    same = generate_other_year(system, SAME, SEED)
    assert np.abs(same.load_mw - year.load_mw).max() < 1e-6
    assert np.abs(same.series.surplus_mw - year.series.surplus_mw).max() <= 0.1 + 1e-9


def test_water_and_solar_raise_the_surplus_and_demand_lowers_it(
    year: GeneratedYear, made: Callable[[str], GeneratedYear]
) -> None:
    """The order that the facts imply, within each path and each hydrology."""
    reference = surplus_twh(year)
    assert surplus_twh(made("dry")) < 0.95 * reference < 1.05 * reference < surplus_twh(made("wet"))
    assert surplus_twh(made("growing")) < 0.95 * reference < 1.05 * reference < surplus_twh(made("leaving"))


def test_the_grid_delivers_what_solar_leaves(system: PowerSystem, year: GeneratedYear) -> None:
    """Use before rooftop solar grows by the demand factor, month by month; what solar adds, the grid loses."""
    other = generate_other_year(system, replace(SAME, demand_factor=1.05, solar_factor=1.2), SEED)
    month = year.calendar.month
    used = np.bincount(month, year.load_mw.sum(axis=0) + year.rooftop_mw)
    used_then = np.bincount(month, other.load_mw.sum(axis=0) + other.rooftop_mw)
    assert used_then == pytest.approx(used * 1.05, rel=1e-9)
    assert other.rooftop_mw == pytest.approx(year.rooftop_mw * 1.2, rel=1e-12)


def test_more_rooftop_solar_makes_surplus_at_midday(year: GeneratedYear, made: Callable[[str], GeneratedYear]) -> None:
    """What 30% more solar adds lies above all in the hours of the sun (water that is saved then runs at night)."""
    added = made("leaving").series.surplus_mw.sum(axis=(0, 2)) - year.series.surplus_mw.sum(axis=(0, 2))
    by_hour = np.bincount(year.calendar.hour_of_day, added) / year.calendar.days
    assert by_hour[11:15].mean() > 2 * by_hour[[20, 21, 22, 23, 0, 1, 2, 3]].mean() > 0


def test_the_weather_is_that_of_the_seed(system: PowerSystem, year: GeneratedYear) -> None:
    """The ambient temperature is the reference's, so the reference's file serves every year."""
    other = generate_other_year(system, replace(SAME, hydro_factor=0.85), SEED)
    assert np.array_equal(other.series.ambient_c, year.series.ambient_c)


def test_weights_of_the_sample_leave_the_reference_its_share(system: PowerSystem) -> None:
    """Nine years beside the reference: the middle one has what is left of 1."""
    assert len(system.years) == 9
    assert 1.0 - sum(year.weight_share for year in system.years) == pytest.approx(0.15)
    assert all(f"{year.id}.hydro_factor" in {a.key for a in system.assumptions} for year in system.years)


def test_solar_beyond_what_a_region_uses_is_refused(system: PowerSystem) -> None:
    """The model has no export and no curtailed rooftop: a load below 0 is named with its hour."""
    with pytest.raises(SolarAboveUse, match="below 0") as caught:
        generate_year(system_in_year(system, replace(SAME, solar_factor=2.0), SEED), SEED)
    assert caught.value.code == "ZK-ENERGY-121"
