"""The example programme and the solver for tests of planning."""

from __future__ import annotations

import pytest

from example_programme import build_programme
from zakhira.adapters.highs import HighsSolver
from zakhira.programme.model import Programme


@pytest.fixture
def programme() -> Programme:
    """Two zones, two licensees, four classes."""
    return build_programme()


@pytest.fixture(scope="session")
def solver() -> HighsSolver:
    """HiGHS itself."""
    return HighsSolver()
