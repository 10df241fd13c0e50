"""The day-ahead forecast: seeded, never negative, as far off as it is said to be."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from zakhira.energy.forecast import forecast_day, relative_error
from zakhira.kernel.ids import seeded_rng
from zakhira.kernel.interval import HourRange
from zakhira.programme.model import ForecastQuality
from zakhira.programme.series import Series


def _day(surplus: float = 100.0) -> Series:
    hours = HourRange(datetime(2026, 1, 1, 19, tzinfo=UTC), 24)
    block = np.full((2, 24, 3), surplus)
    block[:, :6] = 0.0
    return Series(("a", "b"), hours, block, np.tile(np.array([1.0, 2, 3]), (2, 24, 1)), np.full((2, 24), 20.0))


def test_same_seed_same_forecast() -> None:
    """One seed and day give one forecast; another day another."""
    quality = ForecastQuality(0.15, 0.8)
    first, again = (forecast_day(_day(), quality, seeded_rng(7, "forecast", 3)) for _ in range(2))
    other = forecast_day(_day(), quality, seeded_rng(7, "forecast", 4))
    assert np.array_equal(first.surplus_mw, again.surplus_mw)
    assert not np.array_equal(first.surplus_mw, other.surplus_mw)


def test_no_surplus_stays_none_and_wild_errors_stay_at_zero() -> None:
    """The error is relative: nothing is forecast where nothing comes, and nothing below nothing."""
    wild = forecast_day(_day(), ForecastQuality(3.0, 0.5), seeded_rng(1, "f"))
    assert (wild.surplus_mw[:, :6] == 0).all()
    assert wild.surplus_mw.min() == 0
    assert wild.surplus_mw.max() > 0


def test_blocks_keep_their_shares_and_costs() -> None:
    """All blocks of an hour are off by one share; costs and temperature are known."""
    forecast = forecast_day(_day(), ForecastQuality(0.2, 0.9), seeded_rng(5, "f"))
    assert np.allclose(forecast.surplus_mw[:, 6:], forecast.surplus_mw[:, 6:, :1])
    assert forecast.cost_pkr_per_mwh is not None
    assert np.array_equal(forecast.cost_pkr_per_mwh, _day().cost_pkr_per_mwh)


def test_a_perfect_forecast_is_the_truth() -> None:
    """No error, no difference."""
    forecast = forecast_day(_day(), ForecastQuality(0.0, 0.8), seeded_rng(5, "f"))
    assert np.array_equal(forecast.surplus_mw, _day().surplus_mw)


def test_error_has_the_stated_size_and_memory() -> None:
    """Over many days the error's deviation and its memory from hour to hour are those of the programme."""
    error = relative_error(20_000, 24, ForecastQuality(0.15, 0.8), seeded_rng(11, "f"))
    assert np.std(error, axis=0) == pytest.approx(np.full(24, 0.15), rel=0.05)
    assert np.corrcoef(error[:, 10], error[:, 11])[0, 1] == pytest.approx(0.8, abs=0.02)
    assert abs(np.mean(error)) < 0.002
