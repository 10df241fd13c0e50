"""Hashprice, coins and marginal coins of our own work, against the sourced example, a bisection and differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.mining.response import coin_share, hashprice_ratio, marginal_share, work_at_marginal

WORKS = np.concatenate(([0.0], np.logspace(-9, 4, 200)))
elasticities = st.floats(0.0, 5.0)


def bisected_ratio(work: float, elasticity: float) -> float:
    """The root r in (0, 1] of r (r^eps + q) = 1, by halving the bracket."""
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if middle * (middle**elasticity + work) < 1.0 else (low, middle)
    return high


@pytest.mark.parametrize(("elasticity", "fall"), [(0.0, 0.099), (0.3, 0.079), (1.0, 0.053), (2.0, 0.037)])
def test_the_sourced_entrant_lowers_hashprice_as_sourced(elasticity: float, fall: float) -> None:
    """984 EH/s and 108 EH/s more: hashprice falls 9.9% where others stay, less the more of them leave."""
    ratio = hashprice_ratio(np.array([108.0 / 984.0]), elasticity)
    assert 1.0 - ratio[0] == pytest.approx(fall, abs=5e-4)


def test_the_sourced_entrant_gets_its_true_share() -> None:
    """108 EH/s beside 984 that stay are 9.9% of the network, not the naive 11.0%."""
    assert coin_share(np.array([108.0 / 984.0]), 0.0)[0] == pytest.approx(108.0 / (984.0 + 108.0), rel=1e-15)


@given(elasticities)
def test_the_ratio_solves_its_equation(elasticity: float) -> None:
    """The equation r (r^eps + q) = 1 holds over thirteen decades of work."""
    ratio = hashprice_ratio(WORKS, elasticity)
    assert np.abs(ratio * (ratio**elasticity + WORKS) - 1.0).max() < 1e-13


@given(st.floats(0.0, 100.0), elasticities)
def test_the_ratio_is_the_bisected_one(work: float, elasticity: float) -> None:
    """Newton's root and the bisected root agree."""
    assert hashprice_ratio(np.array([work]), elasticity)[0] == pytest.approx(
        bisected_ratio(work, elasticity), rel=1e-13
    )


@given(elasticities)
def test_coins_are_concave_and_rising_in_work(elasticity: float) -> None:
    """Chords of the share lie below the curve, and the slope falls from 1: the plan's problem stays concave."""
    works = np.linspace(0.0, 3.0, 301)
    share, slope = coin_share(works, elasticity), marginal_share(works, elasticity)
    assert (np.diff(share) > 0).all()
    assert (np.diff(share, 2) < 0).all()
    assert slope[0] == pytest.approx(1.0, rel=1e-15)
    assert (np.diff(slope) < 0).all()


@given(st.floats(0.01, 3.0), elasticities)
def test_the_marginal_share_is_the_slope(work: float, elasticity: float) -> None:
    """Central differences of the share give the stated slope."""
    step = 1e-5 * max(work, 0.1)
    around = coin_share(np.array([work - step, work + step]), elasticity)
    slope = marginal_share(np.array([work]), elasticity)[0]
    assert (around[1] - around[0]) / (2 * step) == pytest.approx(slope, rel=1e-6)


@given(elasticities)
def test_the_inverse_finds_the_work_of_a_marginal(elasticity: float) -> None:
    """Marginal share and its inverse undo each other, down to a millionth of the stated hashprice."""
    marginals = np.concatenate((np.logspace(-6, 0, 200), [1.0]))
    works = work_at_marginal(marginals, elasticity)
    assert works[-1] == pytest.approx(0.0, abs=1e-14)
    assert np.abs(marginal_share(works, elasticity) / marginals - 1.0).max() < 1e-13


def test_more_elastic_others_leave_us_more() -> None:
    """At the same work, our share rises with the others' elasticity."""
    shares = np.array([coin_share(np.array([0.5]), elasticity)[0] for elasticity in (0.0, 0.3, 1.0, 2.0, 5.0)])
    assert (np.diff(shares) > 0).all()


@pytest.mark.parametrize("elasticity", [1e-9, 0.05, 10.0, 100.0])
def test_extreme_works_and_elasticities_converge(elasticity: float) -> None:
    """Twenty decades of work, marginals next to 1 and to 0, and elasticities beyond any that was ever estimated."""
    works = np.concatenate(([0.0], np.logspace(-12, 8, 100)))
    ratio = hashprice_ratio(works, elasticity)
    assert np.abs(ratio * (ratio**elasticity + works) - 1.0).max() < 1e-13
    marginals = np.concatenate((np.logspace(-12, 0, 100), 1.0 - np.logspace(-15, -1, 50)))
    again = marginal_share(work_at_marginal(marginals, elasticity), elasticity)
    assert np.abs(again / marginals - 1.0).max() < 1e-12


def test_a_vanishing_elasticity_is_none() -> None:
    """The closed forms at 0 are the limit of the iterated ones."""
    for of in (hashprice_ratio, coin_share, marginal_share):
        assert np.allclose(of(WORKS, 1e-12), of(WORKS, 0.0), rtol=1e-9)
    assert np.allclose(work_at_marginal(np.array([0.3, 0.9]), 1e-12), work_at_marginal(np.array([0.3, 0.9]), 0.0))
