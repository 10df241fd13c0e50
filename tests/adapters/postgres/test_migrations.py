"""Data of each earlier version, written as that version's program wrote it, is carried to the newest whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from books_bench import ACCOUNTS, COLD, INTAKE, START, invoice, receipt, shared_template, sweep, write
from earlier_books import commit_in_line, commit_sealed
from zakhira.adapters.postgres.books import PostgresBooks, open_books
from zakhira.adapters.postgres.role_check import read_roles
from zakhira.adapters.postgres.schema import load_migrations, migrate
from zakhira.controls.chain.audit import FIRST_PREVIOUS
from zakhira.flows.movement_record import MovementRecord
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.coin_events import CoinEvent, CoinEventKind
from zakhira.kernel.money import Commodity, sats
from zakhira.ledger.entry import Entry, Lot, Posting
from zakhira.programme.model import AccountSpec

NEWEST = len(load_migrations())
EVENTS, MOVEMENTS, SEALS, LEDGER = 2, 3, 5, 9
"""From which version on there are events of the chain, sums of movements, seals, and the ledger's own function."""
OWED, SUSPENSE = "liabilities:licensees", "liabilities:suspense"
LIABILITIES = (AccountSpec(OWED, "BTC", "liability"), AccountSpec(SUSPENSE, "BTC", "liability"))
BLOCK, COIN = "a" * 64, f"{1:064x}:0"


@dataclass(frozen=True)
class Version:
    """A version of the schema, and what its program could write."""

    number: int

    @property
    def accounts(self) -> tuple[AccountSpec, ...]:
        """What was opened; what is owed in coin needed no coins before the ledger."""
        return (*ACCOUNTS, *LIABILITIES) if self.number < LEDGER else ACCOUNTS

    @property
    def writes(self) -> tuple[Write, ...]:
        """Entries, records and events as far as the version has them."""
        made = [
            write("day-1", receipt(1), records=(Record("day", "1", {"mw": 1.5}),)),
            write("day-2", sweep(2, 1, 400, 20), invoice(1, 9), records=(Record("day", "1", 3),)),
            write('odd\t"\\\x7fذ'),
        ]
        if self.number < LEDGER:
            made.append(write("owed", _credit(3, OWED, 700), _credit(4, SUSPENSE, 30)))
        if self.number >= EVENTS:
            block = CoinEvent(CoinEventKind.BLOCK_CONNECTED, 7, BLOCK, previous_hash="b" * 64)
            coin = CoinEvent(
                CoinEventKind.COIN_CREATED, 7, BLOCK, outpoint=COIN, vault="intake", amount_sats=480, script_hex="51"
            )
            made.append(Write("block", "watcher", "follow", START, coin_events=(block, coin)))
        if self.number >= MOVEMENTS:
            paid = MovementRecord("pay-1", START, "spend", Commodity.BTC, "cold", "works", (("bc1q", 50),))
            made.append(write("moved", records=(paid.record,)))
        return tuple(made)

    def fill(self, dsn: str) -> None:
        """Write it all as the program of this version did."""
        if self.number >= LEDGER:
            # The present program; a later migration that changes how it writes ends this and keeps a copy of it.
            with closing(PostgresBooks(dsn)) as books:
                books.open_accounts(self.accounts)
                for one in self.writes:
                    books.commit(one)
            return
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("SET timezone TO 'UTC'")
            connection.cursor().executemany(
                "INSERT INTO zakhira.account VALUES (%s, %s, %s)",
                [(a.code, a.commodity, a.kind) for a in self.accounts],
            )
            self._commit(connection)

    def _commit(self, connection: Connection[TupleRow]) -> None:
        before = FIRST_PREVIOUS
        for number, one in enumerate(self.writes, 1):
            if self.number >= SEALS:
                commit_sealed(connection, one)
            else:
                before = commit_in_line(connection, number, before, one, has_events=self.number >= EVENTS)

    def balances(self, dsn: str) -> dict[str, int]:
        """What this version says is on each account."""
        question = (
            "SELECT code, units FROM zakhira.balance JOIN zakhira.account ON account.number = balance.account"
            if self.number >= LEDGER
            else "SELECT account, units FROM zakhira.balance"
        )
        with psycopg.connect(dsn) as connection:
            found = connection.execute(question.encode()).fetchall()
        return {code: units for code, units in found if units}


def _credit(number: int, account: str, amount_sats: int) -> Entry:
    lot = Lot(f"{number:064x}:0", "deposit")
    postings = (Posting(INTAKE, sats(amount_sats), lot), Posting(account, sats(-amount_sats), lot))
    return Entry(f"credit-{number}", START, "Deposit", "txid", postings)


@pytest.fixture(params=range(1, NEWEST), ids=lambda number: load_migrations()[number - 1].name)
def version(request: pytest.FixtureRequest) -> Version:
    """Each version but the newest."""
    return Version(request.param)


@pytest.fixture
def earlier(version: Version) -> Iterator[str]:
    """How to connect to a database of that version with its data."""
    template, name = shared_template(), f"version{version.number}"
    dsn = template.server.ensure_database(name)
    with psycopg.connect(dsn, autocommit=True) as connection:
        migrate(connection, load_migrations()[: version.number])
    version.fill(dsn)
    yield dsn
    template.drop(name)


def test_data_of_an_earlier_version(version: Version, earlier: str) -> None:
    """Nothing breaks, balances and contents are the same, every write keeps its number, and the books go on."""
    before = version.balances(earlier)
    with closing(open_books(earlier)) as books:
        assert books.breaks() == ()
        assert {code: amount.units for code, amount in books.balances().items() if amount.units} == before
        assert [one.key for one in books.audit_entries()] == [one.key for one in version.writes]
        assert books.entries() == tuple(entry for one in version.writes for entry in one.entries)
        assert books.latest("day", "1") == 3
        assert [lot.amount.units for lot in books.lots(COLD)] == [380]
        for one in version.writes:
            assert books.commit(one).replayed
        books.seal()
        assert [one.write.records for one in books.sealed(0, 99)] == [one.records for one in version.writes]
        assert [one.write.coin_events for one in books.sealed(0, 99)] == [one.coin_events for one in version.writes]
        books.commit(write("afterwards", sweep(9, 1, 100, 1), invoice(2, 50)))
        assert books.breaks() == ()
    with psycopg.connect(earlier) as connection:
        faults = {role.name: role.faults for role in read_roles(connection) if role.faults}
        assert faults == {}
        owners = connection.execute(
            "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'zakhira'::regnamespace"
        ).fetchall()
    assert owners == [("zakhira_owner",)]


@pytest.mark.parametrize("number", [4, 7])
def test_the_watchtowers_of_earlier_versions_do_not_come_to_write(number: int) -> None:
    """Until version 7 zakhira_watcher was the watchtower's role: its logins move to the role of that name."""
    template = shared_template()
    dsn = template.server.ensure_database("towers")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("REVOKE zakhira_app FROM zakhira_watcher")
        connection.execute("CREATE ROLE tower LOGIN IN ROLE zakhira_watcher")
        try:
            migrate(connection, load_migrations()[:number])
            migrate(connection, load_migrations())
            teams = connection.execute(
                "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = 'tower'::regrole"
            ).fetchall()
            assert teams == [("zakhira_watchtower",)]
            assert connection.execute(
                "SELECT has_table_privilege('tower', 'zakhira.watched_spend', 'SELECT'), "
                "has_table_privilege('tower', 'zakhira.record', 'SELECT'), "
                "has_table_privilege('tower', 'zakhira.chain_event', 'INSERT')"
            ).fetchone() == (True, False, False)
        finally:
            connection.execute("DROP ROLE tower")
            for team in ("zakhira_app", "zakhira_watcher"):
                connection.execute(
                    SQL("GRANT {} TO {}").format(
                        Identifier(team),
                        Identifier("zakhira_watcher" if team == "zakhira_app" else "zakhira_watcher_login"),
                    )
                )
            template.drop("towers")
