"""Fixtures for every room: the real bitcoind that tests run against. A machine without one fails; it does not skip."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings

from zakhira.adapters.bitcoind.node import BitcoindChain
from zakhira.adapters.bitcoind.process import BitcoindProcess
from zakhira.adapters.bitcoind.program import find_bitcoind
from zakhira.adapters.bitcoind.rpc import Rpc

# The same examples every time, and no deadline: a busy machine is no failure.
settings.register_profile("zakhira", deadline=None, derandomize=True)
settings.load_profile("zakhira")

PROJECT = Path(__file__).resolve().parent.parent
NODE_START = datetime(2026, 1, 1, tzinfo=UTC)
"""The clock of a test's node when it starts."""


LONG_FIRST = ("end_to_end", "procedures", "flows", "wiring", "contracts", "custody")
"""Folders whose files take longest: begun first, so that no process is left alone with one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long ones first; the order inside a file stays."""
    places = {folder: place for place, folder in enumerate(LONG_FIRST)}
    items.sort(key=lambda item: places.get(item.path.relative_to(PROJECT / "tests").parts[0], len(places)))


@dataclass(frozen=True)
class RegtestNode:
    """A started private node: its process, a connection of its own for a test, and the chain as flows see it."""

    process: BitcoindProcess
    rpc: Rpc
    chain: BitcoindChain
    now: datetime


@pytest.fixture(scope="session")
def bitcoind_path() -> Path:
    """The bitcoind that is set, on PATH, or fetched by ``make setup``."""
    return find_bitcoind(os.environ.get("ZAKHIRA_BITCOIND") or None, PROJECT / ".tools")


@pytest.fixture
def regtest_node(bitcoind_path: Path, tmp_path: Path) -> Iterator[RegtestNode]:
    """A fresh private node at height 0, stopped after the test."""
    with BitcoindProcess.start(bitcoind_path, tmp_path / "node", NODE_START) as process:
        yield RegtestNode(process, process.rpc, BitcoindChain(process.rpc, process.remember_time), NODE_START)
