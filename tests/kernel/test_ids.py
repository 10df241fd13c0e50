"""Ids and random streams depend on what they are named after, and on nothing else."""

from __future__ import annotations

import numpy as np

from zakhira.kernel.ids import derive_id, seeded_rng


def test_boundaries_count() -> None:
    """Parts do not run together."""
    assert derive_id("ab", "c") != derive_id("a", "bc")
    assert derive_id("a", 1) == derive_id("a", "1")


def test_streams_are_independent_of_order() -> None:
    """The same seed and labels give the same numbers; others give others."""
    one = seeded_rng(7, "forecast", 3).random(4)
    seeded_rng(7, "other").random(100)
    assert np.array_equal(one, seeded_rng(7, "forecast", 3).random(4))
    assert not np.array_equal(one, seeded_rng(8, "forecast", 3).random(4))
