"""The example programme for tests of settlement."""

from __future__ import annotations

import pytest

from example_programme import build_programme
from zakhira.programme.model import Programme


@pytest.fixture
def programme() -> Programme:
    """Two zones, two licensees, four classes."""
    return build_programme()
