"""How a long use case tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float, float, str], None]
"""``progress(stage, done, total, note)``: called often and cheap to ignore."""


def silent(_stage: str, _done: float, _total: float, _note: str) -> None:
    """Report progress to nobody."""
