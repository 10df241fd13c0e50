"""Surplus at the plug: losses and the cost of a part."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.energy.surplus import PlugSurplus, cheaper_than_mw, cost_of_first_pkr, surplus_at_plug
from zakhira.kernel.interval import HourRange
from zakhira.programme.model import Zone
from zakhira.programme.series import Series

ZONE = Zone("thar", "Thar", 24.8, 70.4, "Thar 500 kV", 0.2, 500)


def test_losses_shrink_power_and_raise_cost() -> None:
    """With a fifth lost, 100 MW at 800 PKR/MWh are 80 MW at 1,000: the money is the same."""
    hours = HourRange(datetime(2026, 1, 1, tzinfo=UTC), 1)
    series = Series(("hub", "thar"), hours, np.full((2, 1, 1), 100.0), np.full((2, 1, 1), 800.0), np.zeros((2, 1)))
    supply = surplus_at_plug(series, ZONE)
    assert supply.power_mw.tolist() == [[80.0]]
    assert supply.cost_pkr_per_mwh.tolist() == [[pytest.approx(1000.0)]]


def test_cheapest_blocks_are_used_first() -> None:
    """Blocks of 10, 20 and 30 MW at 1, 5 and 9: 25 MW cost 10 + 75; more than there is costs all of it."""
    supply = PlugSurplus(np.array([[10.0, 20, 30]] * 3), np.array([[1.0, 5, 9]] * 3))
    assert cost_of_first_pkr(supply, np.array([0.0, 25, 100])).tolist() == [0, 85, 380]
    assert cheaper_than_mw(supply, 5.0).tolist() == [10, 10, 10]
    assert cheaper_than_mw(supply, 9.01).tolist() == [60, 60, 60]


@given(st.lists(st.floats(0, 100), min_size=3, max_size=3), st.floats(0, 400), st.floats(0, 400))
def test_cost_is_convex_and_rises(blocks: list[float], one: float, other: float) -> None:
    """The middle of two amounts costs at most the mean of their costs."""
    supply = PlugSurplus(np.array([blocks] * 3), np.array([[0.0, 4, 11]] * 3))
    low, middle, high = cost_of_first_pkr(supply, np.array([min(one, other), (one + other) / 2, max(one, other)]))
    assert low <= middle + 1e-9
    if max(one, other) <= sum(blocks):
        assert middle <= (low + high) / 2 + 1e-9
