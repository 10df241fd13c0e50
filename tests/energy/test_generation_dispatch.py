"""Dispatch of two regions: against hand-made cases and against a search over every flow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.energy.generation_dispatch import committed_mw, dispatch_regions, dispatch_with_minimum, evacuable_mw
from zakhira.energy.power_system import Limit, PowerSystem

SOUTH, NORTH = 0, 1


def column(*values: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Values of one hour."""
    return np.array([[value] for value in values], dtype=np.float64)


def test_the_corridor_strands_cheap_power_in_the_south() -> None:
    """South has 100 MW at 10, north 100 MW at 20; both want 40; the line carries 25: north makes 15 of its own."""
    balance = dispatch_regions(column(100, 100), np.array([10.0, 20.0]), np.array([SOUTH, NORTH]), column(40, 40), 25.0)
    assert balance.output_mw[:, 0].tolist() == [65.0, 15.0]
    assert balance.flow_mw.tolist() == [25.0]
    assert balance.unserved_mw.sum() == 0


def test_a_wide_corridor_makes_one_merit_order() -> None:
    """The same with 50 MW of line: the south serves all, by a flow of 40."""
    balance = dispatch_regions(column(100, 100), np.array([10.0, 20.0]), np.array([SOUTH, NORTH]), column(40, 40), 50.0)
    assert balance.output_mw[:, 0].tolist() == [80.0, 0.0]
    assert balance.flow_mw.tolist() == [40.0]


def test_what_cannot_be_served_is_said() -> None:
    """North lacks 35 MW behind a full line."""
    balance = dispatch_regions(column(100, 10), np.array([10.0, 20.0]), np.array([SOUTH, NORTH]), column(40, 60), 15.0)
    assert balance.unserved_mw[:, 0].tolist() == [0.0, 35.0]


def test_the_minimum_of_a_dear_unit_goes_before_cheap_energy() -> None:
    """A dear unit on the bars keeps its 30 MW while the cheap one gives way; cold units come last of all."""
    steps = np.stack((column(0, 30), column(80, 20), column(20, 50)))
    prices = np.array([[10.0, 30.0], [10.0, 30.0], [13.0, 33.0]])
    balance = dispatch_with_minimum(steps, prices, np.array([SOUTH, SOUTH]), column(100, 0), 0.0)
    assert balance.output_mw[:, 0].tolist() == [70.0, 30.0]
    more = dispatch_with_minimum(steps, prices, np.array([SOUTH, SOUTH]), column(140, 0), 0.0)
    assert more.output_mw[:, 0].tolist() == [100.0, 40.0]


def test_whole_units_are_committed() -> None:
    """A plant of four 100 MW units making 190 MW with 5% reserve needs two, 200 MW three, and never more than work."""
    available = np.array([[400.0, 400.0, 150.0]])
    committed = committed_mw(np.array([[190.0, 200.0, 150.0]]), available, np.array([100.0]), 0.05)
    assert committed.tolist() == [[200.0, 300.0, 150.0]]


def test_a_node_evacuates_its_cheapest_power_first(system: PowerSystem) -> None:
    """Both plants of a node share its 150 MW: the cheap one goes whole, the dear one gets the rest."""
    plants = tuple(replace(plant, node="n") for plant in system.plants[:2])
    two = replace(system, plants=plants, evacuation=(Limit("n", "n", "", 150.0),))
    assert evacuable_mw(two, column(100, 100), np.array([20.0, 10.0]))[:, 0].tolist() == [50.0, 100.0]


amounts = st.integers(0, 60)


@given(
    st.lists(st.tuples(amounts, st.integers(1, 40), st.sampled_from([SOUTH, NORTH])), min_size=1, max_size=7),
    st.tuples(amounts, amounts),
    st.integers(0, 40),
)
def test_no_flow_is_cheaper(steps: list[tuple[int, int, int]], demand: tuple[int, int], corridor: int) -> None:
    """Against every whole flow: demand is met or capacity runs out, limits hold, and no other flow costs less."""
    capacity = column(*(size for size, _, _ in steps))
    cost = np.array([float(price) for _, price, _ in steps])
    side = np.array([region for _, _, region in steps])
    balance = dispatch_regions(capacity, cost, side, column(*demand), float(corridor))
    output = balance.output_mw[:, 0]
    assert (output >= 0).all()
    assert (output <= capacity[:, 0]).all()
    assert abs(balance.flow_mw[0]) <= corridor
    for region, sign in ((SOUTH, 1), (NORTH, -1)):
        made = output[side == region].sum()
        assert made + balance.unserved_mw[region, 0] == pytest.approx(demand[region] + sign * balance.flow_mw[0])
    if balance.unserved_mw.sum() > 0:
        return  # what to do without enough power is not a question of cost
    best = min(
        (
            total
            for flow in range(-corridor, corridor + 1)
            if (total := _cost(steps, demand[0] + flow, demand[1] - flow)) is not None
        ),
    )
    assert float(output @ cost) == pytest.approx(best)


def _cost(steps: list[tuple[int, int, int]], south: int, north: int) -> float | None:
    """Cost of serving each region from its own steps, cheapest first; nothing if it cannot be."""
    total = 0.0
    for region, load in ((SOUTH, south), (NORTH, north)):
        left = max(load, 0)
        if load < 0:
            return None
        for size, price, _ in sorted((s for s in steps if s[2] == region), key=lambda s: s[1]):
            taken = min(size, left)
            total, left = total + taken * price, left - taken
        if left > 0:
            return None
    return total
