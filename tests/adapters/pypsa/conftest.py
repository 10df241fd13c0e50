"""PyPSA for the tests of its adapter: loaded once, and kept quiet."""

from __future__ import annotations

from typing import Any

import pytest

from zakhira.adapters.highs import HighsSolver
from zakhira.adapters.pypsa.library import load_pypsa


@pytest.fixture(scope="session")
def solver() -> HighsSolver:
    """HiGHS itself."""
    return HighsSolver()


@pytest.fixture(scope="session")
def pypsa() -> Any:  # noqa: ANN401  # PyPSA's types are not checked
    """The library."""
    return load_pypsa()
