"""A database keeps the books of one run at a time."""

from __future__ import annotations

import pytest

from zakhira.wiring.database import DatabaseInUse, alone_in


def test_a_second_run_is_kept_out(database: str) -> None:
    """While one run has the database another is refused; when it has ended the next is let in."""
    with alone_in(database), pytest.raises(DatabaseInUse), alone_in(database):
        pass
    with alone_in(database):
        pass
