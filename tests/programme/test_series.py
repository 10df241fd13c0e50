"""A window of the series."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from zakhira.kernel.interval import HourRange
from zakhira.programme.series import Series

HOURS = HourRange(datetime(2026, 1, 1, tzinfo=UTC), 48)


@pytest.fixture
def series() -> Series:
    hour = np.arange(48.0)
    return Series(("a",), HOURS, hour.reshape(1, 48, 1), 10 * hour.reshape(1, 48, 1), -hour.reshape(1, 48))


def test_a_window_keeps_zones_and_cuts_every_array_alike(series: Series) -> None:
    cut = series.window(HourRange(HOURS.at(20), 3))
    assert cut.zones == ("a",)
    assert cut.hours.count == 3
    assert cut.surplus_mw[0, :, 0].tolist() == [20, 21, 22]
    assert cut.cost_pkr_per_mwh[0, :, 0].tolist() == [200, 210, 220]
    assert cut.ambient_c[0].tolist() == [-20, -21, -22]


def test_the_whole_is_a_window_of_itself(series: Series) -> None:
    assert np.array_equal(series.window(HOURS).surplus_mw, series.surplus_mw)


@pytest.mark.parametrize(("first", "count"), [(-1, 3), (46, 3), (48, 1)])
def test_a_window_outside_the_series_stops_the_program(series: Series, first: int, count: int) -> None:
    with pytest.raises(AssertionError):
        series.window(HourRange(HOURS.at(first), count))
