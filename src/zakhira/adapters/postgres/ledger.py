"""The ledger read from the tables: accounts, balances as of two dates, lines, entries, what stands behind claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.accounts import spec_from
from zakhira.adapters.postgres.as_of import read_balances, read_lines
from zakhira.adapters.postgres.backing import read_backing
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.rows import entries_from, posting_from
from zakhira.flows.ports.ledger_books import (
    NOW,
    AccountLines,
    AccountState,
    AsOf,
    Backing,
    PostedEntry,
    PostedLine,
)
from zakhira.kernel.money import Amount, Commodity

_STATE: LiteralString = """
SELECT account.code, account.commodity, account.kind, account.claim, balance.floor_units < 0,
       nullif(balance.ceiling_units, 9223372036854775807), balance.units, balance.postings, balance.is_frozen,
       account.holder
FROM zakhira.account JOIN zakhira.balance ON balance.account = account.number
"""
_THESE: LiteralString = _STATE + "WHERE account.code = ANY(%s)"
_UNDER: LiteralString = (
    _STATE
    + """
WHERE account.code COLLATE "C" > %(after)s
    AND (%(under)s = '' OR account.code = %(under)s OR starts_with(account.code, %(under)s || ':'))
ORDER BY account.code COLLATE "C" LIMIT %(limit)s
"""
)
_CURRENT: LiteralString = """
SELECT account.code, account.commodity, balance.units
FROM zakhira.account JOIN zakhira.balance ON balance.account = account.number WHERE account.code = ANY(%(codes)s)
"""
_ENTRY: LiteralString = """
SELECT entry.sequence, entry.ordinal, entry.id, entry.at, entry.narration, entry.evidence, entry.reverses,
       account.code, posting.commodity, posting.units, posting.lot_outpoint, posting.lot_source,
       posting.cost_units, posting.cost_commodity
FROM zakhira.entry JOIN zakhira.posted AS posting
    ON posting.sequence = entry.sequence AND posting.entry_ordinal = entry.ordinal
JOIN zakhira.account ON account.number = posting.account
WHERE entry.id = %s ORDER BY posting.ordinal
"""
_ENTERED: LiteralString = """
SELECT audit.written_at, audit.key,
       coalesce((SELECT later.id FROM zakhira.entry AS later WHERE later.reverses = %s), '')
FROM zakhira.audit WHERE audit.sequence = %s
"""


class PostgresLedger:
    """Implements :class:`zakhira.flows.ports.ledger_books.LedgerBooks` over the connection of the books."""

    def __init__(self, books: PostgresBooks) -> None:
        self._books = books

    def account(self, code: str) -> AccountState | None:
        """One account as it is now."""
        return self.states((code,)).get(code)

    def states(self, codes: Sequence[str]) -> Mapping[str, AccountState]:
        """These accounts as they are now; an account that is not there is left out."""
        rows = self._books.ask(lambda connection: connection.execute(_THESE, (list(codes),)).fetchall())
        return {state.spec.code: state for state in map(_state, rows)}

    def accounts(self, under: str = "", *, after: str = "", limit: int = 1000) -> tuple[AccountState, ...]:
        """The accounts at and below a branch of the tree, by code, up to a limit."""
        given = {"under": under, "after": after, "limit": limit}
        return tuple(map(_state, self._books.ask(lambda connection: connection.execute(_UNDER, given).fetchall())))

    def balances_at(self, codes: Sequence[str], as_of: AsOf = NOW) -> Mapping[str, Amount]:
        """The balances of these accounts as of two dates; an account that is not there is left out."""
        if as_of == NOW:
            rows = self._books.ask(lambda connection: connection.execute(_CURRENT, {"codes": list(codes)}).fetchall())
        else:
            rows = self._books.ask(lambda connection: read_balances(connection, codes, as_of))
        return {code: Amount(int(units), Commodity[commodity]) for code, commodity, units in rows}

    def lines(self, codes: Sequence[str], start: datetime, end: datetime) -> Mapping[str, AccountLines]:
        """The postings of entries dated ``start`` to before ``end`` on these accounts."""
        opening = self.balances_at(codes, AsOf(before=start))
        rows, names = self._books.ask(lambda connection: read_lines(connection, list(opening), start, end))
        found: dict[str, list[PostedLine]] = {code: [] for code in opening}
        for account, entry_id, at, entered, narration, evidence, *posting in rows:
            code = names[account]
            line = PostedLine(entry_id, _utc(at), _utc(entered), narration, evidence, posting_from((code, *posting)))
            found[code].append(line)
        return {code: AccountLines(opening[code], tuple(lines)) for code, lines in found.items()}

    def entry(self, entry_id: str) -> PostedEntry | None:
        """One entry."""
        return self._books.ask(lambda connection: _read_entry(connection, entry_id))

    def closed_through(self) -> date | None:
        """The last day of the last closed period."""
        query = "SELECT max(last_day) FROM zakhira.closed_period"
        row = self._books.ask(lambda connection: connection.execute(query).fetchone())
        assert row is not None, "an aggregate has a row"
        last: date | None = row[0]
        return last

    def backing(self, commodity: Commodity) -> Backing | None:
        """What stands behind the claims in a coin; None for what is no coin."""
        return self._books.ask(lambda connection: read_backing(connection, commodity))


def _state(row: TupleRow) -> AccountState:
    *spec, units, postings, is_frozen, holder = row
    account = spec_from(tuple(spec))
    return AccountState(account, Amount(units, Commodity[account.commodity]), postings, is_frozen, holder)


def _read_entry(connection: Connection[TupleRow], entry_id: str) -> PostedEntry | None:
    found = list(entries_from(connection.execute(_ENTRY, (entry_id,)).fetchall()))
    if not found:
        return None
    sequence, entry = found[0]
    row = connection.execute(_ENTERED, (entry_id, sequence)).fetchone()
    assert row is not None, "an entry has its write"
    entered, key, reversed_by = row
    return PostedEntry(entry, _utc(entered), key, reversed_by)


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo is UTC else at.astimezone(UTC)
