"""A machine that has not the watcher's login works on what somebody else follows, and says so when nobody does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from books_bench import shared_template
from conftest import PROJECT
from zakhira.adapters.postgres.logins import Logins
from zakhira.cli.custody_services import ReserveOrder
from zakhira.flows.agreement import NotFollowed
from zakhira.flows.ports.books_errors import NotTheWatcher
from zakhira.flows.spending.watching import SpendsFollowed
from zakhira.wiring.reserve_desk import open_reserve
from zakhira.wiring.reserve_init import init_reserve
from zakhira.wiring.reserve_watching import catch_up, watching
from zakhira.wiring.settings import Settings


@pytest.fixture
def logins() -> Iterator[Logins]:
    """The logins of a server of the user's own."""
    template = shared_template()
    name = template.fresh_database()
    yield template.logins(name)
    template.drop(name)


def test_without_the_watchers_login_somebody_else_follows(logins: Logins, tmp_path: Path) -> None:
    """Behind the node: refused. Once the machine that may has followed, the others work."""
    folder, tools = tmp_path / "reserve", PROJECT / ".tools"
    clerk = Settings(database_url=logins.app, database_owner_url=logins.owner, tools=tools)
    alone = Settings(database_url=logins.app, tools=tools)
    follower = replace(clerk, database_watcher_url=logins.watcher)
    init_reserve(clerk, ReserveOrder(folder, PROJECT / "programmes" / "small", is_drill=True), dry_run=False)
    for settings in (clerk, alone):
        with open_reserve(settings, folder) as desk:
            with pytest.raises(NotFollowed):
                catch_up(desk)
            with pytest.raises(NotTheWatcher), watching(desk):
                pass
    with open_reserve(follower, folder) as desk:
        assert catch_up(desk) == SpendsFollowed()
        assert desk.archive.books.logins.watcher is None, "the rest of the command does not get it"
        with open_reserve(clerk, folder) as other:
            assert catch_up(other) == SpendsFollowed()
