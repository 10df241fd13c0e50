"""Means by hour keep the energy and what it costs, whatever the distance and the phase of the rows."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from zakhira.kernel.interval import HourRange
from zakhira.programme.series_resample import (
    RowGrid,
    hourly_parts,
    in_merit_order,
    mean_by_hour,
    weighted_mean_by_hour,
)

HOURS = HourRange(datetime(2026, 1, 1, tzinfo=UTC), 6)
MW = st.floats(0, 1e5, allow_subnormal=False)
STEPS = (300, 600, 900, 1200, 1800, 3600)


@given(data=st.data(), step_s=st.sampled_from(STEPS), phase=st.integers(0, 11))
def test_the_energy_inside_the_horizon_is_kept(data: st.DataObject, step_s: int, phase: int) -> None:
    """MWh of the hours are those of the rows, each counted for the time that it lies inside the horizon."""
    grid = RowGrid.over(HOURS, step_s, phase * 300 % step_s)
    rows_mw = data.draw(arrays(np.float64, (2, grid.count, 3), elements=MW))
    hourly = mean_by_hour(hourly_parts(rows_mw, grid, HOURS))
    start_s, end_s = HOURS.start.timestamp(), HOURS.end.timestamp()
    first = grid.first_s + step_s * np.arange(grid.count)
    inside_h = (np.minimum(first + step_s, end_s) - np.maximum(first, start_s)) / 3600
    assert (inside_h > 0).all()
    np.testing.assert_allclose(hourly.sum(axis=1), (rows_mw * inside_h[None, :, None]).sum(axis=1), rtol=1e-12)


@given(data=st.data(), step_s=st.sampled_from(STEPS))
def test_the_money_is_kept(data: st.DataObject, step_s: int) -> None:
    """MW times cost adds up to the same over each hour, and the cost lies among those of its rows."""
    grid = RowGrid.over(HOURS, step_s, 0)
    shape = (1, grid.count, 2)
    mw, cost = (data.draw(arrays(np.float64, shape, elements=st.floats(0, 1e4).map(round))) for _ in range(2))
    parts_mw, parts_cost = hourly_parts(mw, grid, HOURS), hourly_parts(cost, grid, HOURS)
    hourly = weighted_mean_by_hour(parts_cost, parts_mw)
    money = hourly * mean_by_hour(parts_mw)
    np.testing.assert_allclose(money, (parts_mw * parts_cost).mean(axis=2), rtol=1e-9, atol=1e-9)
    assert (hourly >= parts_cost.min(axis=2)).all()
    assert (hourly <= parts_cost.max(axis=2)).all()


def test_an_hour_without_energy_has_the_plain_mean_cost() -> None:
    """Nothing to weigh with: 10, 20, 30 and 60 are 30."""
    grid = RowGrid.over(HourRange(HOURS.start, 1), 900, 0)
    cost = hourly_parts(np.array([[[10.0], [20.0], [30.0], [60.0]]]), grid, HourRange(HOURS.start, 1))
    assert weighted_mean_by_hour(cost, np.zeros_like(cost)).tolist() == [[[30.0]]]


@pytest.mark.parametrize(("phase_s", "expected"), [(1800, [15.0, 25.0]), (900, [17.5, 27.5]), (2700, [12.5, 22.5])])
def test_hours_that_start_between_are_split_by_the_minute(phase_s: int, expected: list[float]) -> None:
    """Rows of 10, 20 and 30 MW of India (half past) and Nepal (quarter past): each hour has its share of two rows."""
    hours = HourRange(HOURS.start, 2)
    grid = RowGrid.over(hours, 3600, phase_s)
    assert grid.count == 3
    assert not grid.is_hourly
    rows = np.array([[[10.0], [20.0], [30.0]]])
    assert mean_by_hour(hourly_parts(rows, grid, hours))[0, :, 0].tolist() == expected


def test_full_hours_are_left_as_they_are() -> None:
    """The mean of one row is the row."""
    grid = RowGrid.over(HOURS, 3600, 0)
    assert grid.is_hourly
    values = np.arange(12.0).reshape(1, 6, 2)
    assert mean_by_hour(hourly_parts(values, grid, HOURS)).tolist() == values.tolist()


@given(data=st.data())
def test_merit_order_ascends_and_keeps_each_block_with_its_cost(data: st.DataObject) -> None:
    """The same pairs of cost and MW, by ascending cost."""
    cost, mw = (data.draw(arrays(np.float64, (1, 2, 4), elements=st.integers(0, 5).map(float))) for _ in range(2))
    sorted_cost, sorted_mw = in_merit_order(cost, mw)
    assert (np.diff(sorted_cost, axis=2) >= 0).all()
    for hour in range(2):
        before = sorted(zip(cost[0, hour].tolist(), mw[0, hour].tolist(), strict=True))
        assert sorted(zip(sorted_cost[0, hour].tolist(), sorted_mw[0, hour].tolist(), strict=True)) == before
