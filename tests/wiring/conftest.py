"""A folder for reserves that the database's own user can reach, whatever other test sessions do to pytest's own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def reserves_folder() -> Iterator[Path]:
    """A folder outside pytest's, whose parents every new session of the same user closes to others."""
    with tempfile.TemporaryDirectory(prefix="zakhira-reserves-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
