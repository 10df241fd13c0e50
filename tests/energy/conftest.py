"""The power system of pakistan-2000mw and its generated year, made once for all tests of the generator."""

from __future__ import annotations

from pathlib import Path

import pytest

from zakhira.adapters.power_system_files import load_power_system
from zakhira.energy.generation import GeneratedYear, generate_year
from zakhira.energy.power_system import PowerSystem

FOLDER = Path(__file__).parents[2] / "programmes" / "pakistan-2000mw"
SEED = 2026


@pytest.fixture(scope="session")
def system() -> PowerSystem:
    """The facts as committed."""
    return load_power_system(FOLDER)


@pytest.fixture(scope="session")
def year(system: PowerSystem) -> GeneratedYear:
    """The year that the committed series hold."""
    return generate_year(system, SEED)
