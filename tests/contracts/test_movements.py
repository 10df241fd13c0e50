"""One suite for what was allowed to move: PostgreSQL and the twin sum alike what the newest records say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from books_bench import shared_template
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.movements import PostgresMovements
from zakhira.controls.engine.movements import Moved
from zakhira.flows.movement_record import (
    DONE,
    ENDED,
    MOVEMENT,
    WAITING,
    MovementRecord,
    joined_parts,
    movement_of,
)
from zakhira.flows.ports.books import Books, Write
from zakhira.flows.ports.movement_store import MovementStore
from zakhira.kernel.money import Commodity
from zakhira.simulator.books import SimulatedBooks
from zakhira.simulator.movements import SimulatedMovements

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
BTC = Commodity.BTC


@dataclass
class Bench:
    """Books, and who sums over them."""

    books: Books
    movements: MovementStore
    writes: int = 0

    def keep(self, *records: MovementRecord) -> None:
        """Write these states."""
        self.writes += 1
        told = tuple(item.record for item in records)
        self.books.commit(Write(f"movement {self.writes}", "policy", "allow", NOW, records=told))

    def moved(self, hours: int, scope: str, key: str = "", but: str = "", *actions: str) -> Moved:
        """The sum of the last so many hours."""
        return self.movements.moved(BTC, NOW - hours * HOUR, NOW, scope=scope, key=key, but=but, actions=actions)


@pytest.fixture(params=["postgres", "twin"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Each of the two."""
    if request.param == "twin":
        twin = SimulatedBooks()
        yield Bench(twin, SimulatedMovements(twin))
        return
    template = shared_template()
    name = template.fresh_database()
    with closing(PostgresBooks(template.server.dsn(name))) as books:
        yield Bench(books, PostgresMovements(books))
    template.drop(name)


def made(name: str, hours_ago: float, *parts: tuple[str, int], **told: object) -> MovementRecord:
    """A spend from intake for works, unless told otherwise."""
    base = MovementRecord(name, NOW - hours_ago * HOUR, "spend", BTC, "intake", "works", joined_parts(parts))
    return replace(base, **told)  # type: ignore[arg-type]  # fields of the record


def test_each_scope_sums_its_own(bench: Bench) -> None:
    """Vault, destination, purpose, programme and the purpose of the coins; two payments to one address are one."""
    bench.keep(made("a", 1, ("x", 10), ("y", 5), ("x", 1), lot_purposes=("royalty",)))
    bench.keep(made("b", 2, ("x", 100), vault="cold", purpose="rent"))
    bench.keep(made("c", 3, ("home", 7), action="move", lot_purposes=("royalty",)))
    assert bench.moved(24, "vault", "intake") == Moved(23, 2)
    assert bench.moved(24, "vault", "cold") == Moved(100, 1)
    assert bench.moved(24, "destination", "x") == Moved(111, 2)
    assert bench.moved(24, "destination", "y") == Moved(5, 1)
    assert bench.moved(24, "purpose", "works") == Moved(23, 2)
    assert bench.moved(24, "programme") == Moved(123, 3)
    assert bench.moved(24, "lot purpose", "royalty") == Moved(16, 1)
    assert bench.moved(24, "vault", "nowhere") == Moved(0, 0)
    assert bench.moved(24, "programme", "", "", "move") == Moved(7, 1)
    assert bench.moved(24, "vault", "intake", "", "spend", "payout") == Moved(16, 1)
    assert bench.moved(24, "vault", "intake", "", "payout") == Moved(0, 0)


def test_the_asked_one_and_what_ended_are_left_out(bench: Bench) -> None:
    """A matter does not count against itself; one that ended without paying not at all, and again when it is back."""
    first, second = made("a", 1, ("x", 10)), made("b", 1, ("x", 20), ("y", 1))
    bench.keep(first, second)
    assert bench.moved(24, "vault", "intake", but="b") == Moved(10, 1)
    bench.keep(replace(second, state=ENDED))
    assert bench.moved(24, "vault", "intake") == Moved(10, 1)
    bench.keep(replace(second, lot_purposes=("royalty",)))
    assert bench.moved(24, "vault", "intake") == Moved(31, 2)
    assert bench.moved(24, "lot purpose", "royalty") == Moved(21, 1)


def test_what_still_waits_in_the_vault(bench: Bench) -> None:
    """Allowed matters whose coins have not gone yet: those that are done or ended, and the one asked about, are not."""
    bench.keep(made("a", 900, ("x", 10), lot_purposes=("royalty",)), made("b", 1, ("x", 20), ("y", 1)))
    bench.keep(made("c", 1, ("x", 400), state=DONE), made("d", 1, ("x", 800), vault="cold"))
    assert bench.movements.waiting(BTC, scope="vault", key="intake") == 31
    assert bench.movements.waiting(BTC, scope="vault", key="intake", but="b") == 10
    assert bench.movements.waiting(BTC, scope="lot purpose", key="royalty") == 10
    bench.keep(made("b", 1, ("x", 20), ("y", 1), state=DONE))
    assert bench.movements.waiting(BTC, scope="vault", key="intake") == 10
    assert bench.moved(24, "vault", "intake") == Moved(421, 2)


def test_a_window_is_open_at_its_beginning(bench: Bench) -> None:
    """A movement counts when since < at <= until, to the second."""
    bench.keep(made("a", 0, ("x", 1)), made("b", 24, ("x", 10)), made("c", -1, ("x", 100)))
    assert bench.moved(24, "programme") == Moved(1, 1)
    since = NOW - 24 * HOUR - timedelta(seconds=1)
    assert bench.movements.moved(BTC, since, NOW, scope="programme") == Moved(11, 2)
    assert bench.movements.moved(Commodity.USD, since, NOW, scope="programme") == Moved(0, 0)


def test_what_stays_counts_as_a_matter_of_nothing(bench: Bench) -> None:
    """0 sat to an address of the paying vault: a matter in every scope, and nothing to any amount."""
    bench.keep(made("a", 1, ("home", 0), action="move"), made("b", 1, ("x", 10)))
    assert bench.moved(24, "vault", "intake") == Moved(10, 2)
    assert bench.moved(24, "destination", "home") == Moved(0, 1)
    assert bench.movements.waiting(BTC, scope="vault", key="intake") == 10
    assert bench.books.breaks() == ()


def test_records_are_read_as_they_were_written(bench: Bench) -> None:
    """A record comes back the same."""
    told = made("a", 1, ("x", 10), ("y", 5), lot_purposes=("royalty", "rent"))
    bench.keep(told)
    body = bench.books.latest(MOVEMENT, "a")
    assert body is not None
    assert movement_of("a", body) == told


def test_many_movements_against_an_oracle() -> None:
    """Hundreds of movements, some of which end: both sum alike in windows of every length and scope."""
    rng = np.random.default_rng(7)
    template = shared_template()
    name = template.fresh_database()
    twin = SimulatedBooks()
    with closing(PostgresBooks(template.server.dsn(name))) as books:
        benches = Bench(books, PostgresMovements(books)), Bench(twin, SimulatedMovements(twin))
        for number in range(120):
            parts = [(f"to-{int(rng.integers(4))}", int(rng.integers(1, 50))) for _ in range(int(rng.integers(1, 4)))]
            told = made(
                f"m-{int(rng.integers(90))}",
                int(rng.integers(100)),
                *parts,
                vault=("intake", "cold")[int(rng.integers(2))],
                purpose=("works", "rent")[int(rng.integers(2))],
                state=str(rng.choice([WAITING, DONE, ENDED])),
                lot_purposes=("royalty",) if number % 3 else (),
            )
            for bench in benches:
                bench.keep(told)
        for hours in (1, 24, 99):
            for scope, key in (
                ("vault", "cold"),
                ("destination", "to-2"),
                ("purpose", "rent"),
                ("programme", ""),
                ("lot purpose", "royalty"),
            ):
                first, second = (bench.moved(hours, scope, key, but="m-3") for bench in benches)
                assert first == second
    template.drop(name)
