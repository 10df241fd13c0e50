"""Units of supply as a few cost blocks: nothing is lost, and no other grouping lies closer to the true costs."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from zakhira.energy.cost_blocks import cost_blocks
from zakhira.programme.series import Floats

HOURS = 5


def _units(seed: int, units: int) -> tuple[Floats, Floats]:
    """Units that often have nothing to give, at costs that move a little."""
    rng = np.random.default_rng(seed)
    power = rng.uniform(0.0, 50.0, (units, HOURS)) * (rng.random((units, HOURS)) < 0.7)
    return power, rng.uniform(-5.0, 90.0, (units, 1)) + rng.uniform(0.0, 3.0, (units, HOURS))


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), units=st.integers(1, 8), most=st.integers(1, 5))
def test_energy_and_cost_of_every_hour_are_kept(seed: int, units: int, most: int) -> None:
    """Whatever is grouped, each hour has the same MW at the same total cost, in ascending blocks."""
    power, cost = _units(seed, units)
    mw, block_cost = cost_blocks(power, cost, most)
    assert mw.shape == block_cost.shape
    assert mw.shape[1] == HOURS
    assert len(mw) <= most
    np.testing.assert_allclose(mw.sum(axis=0), power.sum(axis=0))
    np.testing.assert_allclose((mw * block_cost).sum(axis=0), (power * cost).sum(axis=0), atol=1e-9)
    assert (np.diff(block_cost, axis=0) >= 0).all()


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), units=st.integers(1, 7), most=st.integers(1, 4))
def test_the_grouping_is_the_best(seed: int, units: int, most: int) -> None:
    """Costs that never change: no cut into runs has a smaller squared error than ours (brute force)."""
    rng = np.random.default_rng(seed)
    level = np.sort(rng.uniform(0.0, 90.0, units))
    power = rng.uniform(1.0, 50.0, (units, 1))
    _, blocks = cost_blocks(power, level[:, None], most)

    def error(edges: tuple[int, ...]) -> float:
        runs = [slice(first, end) for first, end in itertools.pairwise(edges)]
        means = [np.average(level[run], weights=power[run, 0]) for run in runs]
        return float(sum(power[run, 0] @ (level[run] - mean) ** 2 for run, mean in zip(runs, means, strict=True)))

    cuts = (cut for count in range(min(most, units)) for cut in itertools.combinations(range(1, units), count))
    best = min(error((0, *cut, units)) for cut in cuts)
    nearest = np.abs(level[:, None] - blocks[:, 0]).argmin(axis=1)
    edges = (0, *(int(place) + 1 for place in np.flatnonzero(np.diff(nearest))), units)
    assert error(edges) <= best + 1e-6 * max(1.0, best)


def test_few_units_stay_as_they_are() -> None:
    """Fewer units than blocks: each is a block, and the cheaper of an hour comes first even where they swap."""
    power = np.array([[10.0, 10.0], [5.0, 7.0]])
    cost = np.array([[20.0, 50.0], [30.0, 30.0]])
    mw, block_cost = cost_blocks(power, cost, 4)
    assert block_cost.tolist() == [[20.0, 30.0], [30.0, 50.0]]
    assert mw.tolist() == [[10.0, 7.0], [5.0, 10.0]]
