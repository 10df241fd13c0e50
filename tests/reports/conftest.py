"""Runs to report on."""

from __future__ import annotations

import pytest

from reports.sample_run import broken_run, sample_run
from zakhira.reports.facts import RunFacts


@pytest.fixture(scope="session")
def facts() -> RunFacts:
    """Thirty days in twelve zones, everything in order."""
    return sample_run()


@pytest.fixture(scope="session")
def broken() -> RunFacts:
    """Eight days in three zones: proof, books and plan are all wrong."""
    return broken_run()
