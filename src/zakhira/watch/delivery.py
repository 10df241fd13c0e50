"""When a notice that could not be delivered is tried again."""

from __future__ import annotations

from datetime import timedelta

FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(hours=1)
"""[E] a receiver that was away for a night hears within the hour that it is back (low 10 min, high 6 h)"""


def wait_after(tries: int) -> timedelta:
    """How long to wait after so many failures, from 1: twice as long each time, up to an hour."""
    doublings = min(tries - 1, 20)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)
