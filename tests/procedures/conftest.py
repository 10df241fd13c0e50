"""A node for all procedures of this folder, and a fresh reserve on it for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from recovery_drill import Ground, ReserveDrill, open_ground, open_reserve


@pytest.fixture(scope="session")
def ground(bitcoind_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """The node with a funded pool."""
    with open_ground(bitcoind_path, tmp_path_factory.mktemp("procedures") / "node") as made:
        yield made


@pytest.fixture
def reserve(ground: Ground) -> Iterator[ReserveDrill]:
    """A reserve without vaults."""
    with open_reserve(ground) as made:
        yield made
