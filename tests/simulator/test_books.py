"""The twin of the books goes wrong when it is told to, and only then."""

from __future__ import annotations

import pytest

from books_bench import ACCOUNTS, receipt, write
from zakhira.flows.ports.books_errors import DatabaseUnreachable
from zakhira.simulator.books import BooksFaults, SimulatedBooks


def test_a_write_delivered_twice() -> None:
    """A transport that repeats itself does no harm: the second delivery is a replay."""
    twin = SimulatedBooks(BooksFaults(delivered_twice_on={2}))
    twin.open_accounts(ACCOUNTS)
    assert twin.commit(write("k", receipt(1))).replayed
    assert len(twin.entries()) == 1


def test_unreachable_on_the_third_call() -> None:
    """The third call fails with nothing done, and the fourth goes through."""
    twin = SimulatedBooks(BooksFaults(unreachable_on={3}))
    twin.open_accounts(ACCOUNTS)
    twin.commit(write("k1", receipt(1)))
    with pytest.raises(DatabaseUnreachable, match="Call 3"):
        twin.commit(write("k2", receipt(2)))
    assert not twin.commit(write("k2", receipt(2))).replayed


def test_an_acknowledgement_lost_on_the_second_call() -> None:
    """The second call is carried out and then fails."""
    twin = SimulatedBooks(BooksFaults(acknowledgement_lost_on={2}))
    twin.open_accounts(ACCOUNTS)
    with pytest.raises(DatabaseUnreachable, match="call 2"):
        twin.commit(write("k", receipt(1)))
    assert twin.done("k") is not None
