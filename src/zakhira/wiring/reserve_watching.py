"""Catching up with the chain as the watcher: a login that the rest of a command does not get."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.coin_store import PostgresCoins
from zakhira.adapters.postgres.movements import PostgresMovements
from zakhira.adapters.postgres.opening import may_take_on
from zakhira.adapters.postgres.roles import WATCHER_ROLE
from zakhira.adapters.postgres.sealer import Sealer
from zakhira.flows.agreement import require_followed
from zakhira.flows.arrival_judging import judge_arrivals
from zakhira.flows.following import follow_chain
from zakhira.flows.policy_authority import PolicyAuthority
from zakhira.flows.ports.books_errors import NotTheWatcher
from zakhira.flows.spending.watching import SpendsFollowed, follow_spends
from zakhira.flows.treasury import Treasury
from zakhira.wiring.reserve_desk import Desk


def catch_up(desk: Desk) -> SpendsFollowed:
    """Follow the chain, then the spends, then judge what arrived: all that is the watcher's to say.

    Where this machine lacks its login, somebody else must have done all of it.

    Raises:
        NotFollowed, NotTheWatcher: they have not, and somebody else must follow.
        what ``follow_chain``, ``follow_spends`` and ``judge_arrivals`` raise.
    """
    try:
        with watching(desk) as treasury:
            follow_chain(treasury)
            return _brought_up(replace(treasury, now=desk.archive.clock()))
    except NotTheWatcher:
        require_followed(desk.treasury)
        return _brought_up(desk.treasury)


def _brought_up(treasury: Treasury) -> SpendsFollowed:
    found = follow_spends(treasury)
    judge_arrivals(treasury)
    return found


@contextmanager
def watching(desk: Desk) -> Iterator[Treasury]:
    """The same reserve as the watcher sees it; raises NotTheWatcher."""
    logins = desk.archive.watcher
    if desk.archive.books.logins.watcher is not None:
        yield desk.treasury
        return
    if logins is None or (logins.watcher == logins.app and not may_take_on(logins.app, WATCHER_ROLE)):
        desk.archive.books.logins.address(WATCHER_ROLE)
        raise AssertionError("books without the watcher's login refuse")
    with closing(PostgresBooks(logins, Sealer(logins.app))) as books:
        authority = PolicyAuthority(PostgresMovements(books))
        yield replace(desk.treasury, books=books, coins=PostgresCoins(books), authority=authority)
