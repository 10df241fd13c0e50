"""The ledger read from the tables: accounts, balances as of two dates, lines, entries, what stands behind claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.accounts import spec_from
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
from zakhira.kernel.interval import require_utc
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
_ONE_BY_ONE: LiteralString = (
    "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off; "
    "SET LOCAL work_mem = '64MB'"
)
"""However the tables have grown since they were last analysed, rows are looked up by their keys."""
# Whole days come from the sums by day, and from postings behind what is rolled up; of the day in which the instant
# falls each entry's own time is looked at, in those writes that have postings of that day. Each account is asked for by
# itself, however many there are.
_AT: LiteralString = """
WITH known AS MATERIALIZED (
    SELECT CASE WHEN %(known)s::timestamptz IS NULL THEN 9223372036854775807
                ELSE zakhira.number_before(%(known)s) END AS number)
SELECT account.code, account.commodity,
       coalesce(rolled.units, 0) + coalesce(behind.units, 0) + CASE WHEN %(rest)s THEN (
           SELECT coalesce(sum(posting.units), 0) FROM (
               SELECT DISTINCT there.sequence FROM (
                   SELECT coalesce((SELECT max(earlier.through) FROM zakhira.rollup AS earlier
                                    WHERE earlier.account = account.number AND earlier.through < part.through), 0)
                              AS after, part.through
                   FROM zakhira.rollup AS part WHERE part.account = account.number
                       AND part.day = %(last_day)s::date + 1 AND part.through <= known.number
                   UNION ALL SELECT rolled.through, known.number) AS span
               CROSS JOIN LATERAL (
                   SELECT posting.sequence FROM zakhira.posting
                   WHERE posting.account = account.number AND posting.sequence > span.after
                       AND posting.sequence <= span.through AND posting.day = %(last_day)s::date + 1
                   OFFSET 0) AS there) AS found
           JOIN zakhira.posting ON posting.account = account.number AND posting.sequence = found.sequence
           JOIN zakhira.entry ON entry.sequence = posting.sequence AND entry.ordinal = posting.entry_ordinal
           WHERE posting.day = %(last_day)s::date + 1 AND entry.at < %(before)s) ELSE 0 END
FROM zakhira.account CROSS JOIN known
CROSS JOIN LATERAL (
    SELECT sum(rollup.units) FILTER (WHERE rollup.day <= coalesce(%(last_day)s::date, 'infinity')) AS units,
           coalesce(max(rollup.through), 0) AS through
    FROM zakhira.rollup WHERE rollup.account = account.number AND rollup.through <= known.number) AS rolled
CROSS JOIN LATERAL (
    SELECT sum(posting.units) AS units FROM zakhira.posting
    WHERE posting.account = account.number AND posting.sequence > rolled.through
        AND posting.sequence <= known.number AND posting.day <= coalesce(%(last_day)s::date, 'infinity')) AS behind
WHERE account.code = ANY(%(codes)s)
"""
# Where an account is rolled up, the rows of sums tell between which writes its postings of these days lie. Which writes
# they are in is read from the index alone; only these postings and their entries are fetched.
_LINES: LiteralString = """
WITH part AS MATERIALIZED (
    SELECT rollup.account, rollup.through, bool_or(rollup.day BETWEEN %(first_day)s AND %(last_day)s) AS holds_it
    FROM zakhira.rollup WHERE rollup.account = ANY(%(numbers)s::integer[]) GROUP BY rollup.account, rollup.through),
placed AS (
    SELECT part.*, lag(part.through, 1, 0::bigint) OVER (PARTITION BY part.account ORDER BY part.through) AS after
    FROM part),
span AS MATERIALIZED (
    SELECT placed.account, placed.after, placed.through FROM placed WHERE placed.holds_it
    UNION ALL
    SELECT wanted.number, coalesce(rolled.through, 0), 9223372036854775807
    FROM unnest(%(numbers)s::integer[]) AS wanted (number) LEFT JOIN zakhira.rolled ON rolled.account = wanted.number),
found AS MATERIALIZED (
    SELECT DISTINCT there.account, there.sequence FROM span CROSS JOIN LATERAL (
        SELECT posting.account, posting.sequence FROM zakhira.posting
        WHERE posting.account = span.account AND posting.sequence > span.after AND posting.sequence <= span.through
            AND posting.day BETWEEN %(first_day)s AND %(last_day)s OFFSET 0) AS there),
posted AS MATERIALIZED ( -- in the order in which their entries lie on disk
    SELECT posting.* FROM found
    JOIN zakhira.posting ON posting.account = found.account AND posting.sequence = found.sequence
    ORDER BY posting.sequence, posting.entry_ordinal)
SELECT posted.account, entry.id, entry.at, audit.written_at, entry.narration, entry.evidence,
       posted.commodity, posted.units, posted.lot_outpoint, posted.lot_source, posted.cost_units,
       posted.cost_commodity
FROM posted
JOIN zakhira.entry ON entry.sequence = posted.sequence AND entry.ordinal = posted.entry_ordinal
JOIN zakhira.audit ON audit.sequence = posted.sequence
WHERE entry.at >= %(start)s AND entry.at < %(end)s
ORDER BY posted.account, entry.at, posted.sequence, posted.entry_ordinal, posted.ordinal
"""
_NUMBERS: LiteralString = "SELECT number, code FROM zakhira.account WHERE code = ANY(%s)"
_ENTRY: LiteralString = """
SELECT entry.sequence, entry.ordinal, entry.id, entry.at, entry.narration, entry.evidence, entry.reverses,
       account.code, posting.commodity, posting.units, posting.lot_outpoint, posting.lot_source,
       posting.cost_units, posting.cost_commodity
FROM zakhira.entry JOIN zakhira.posting
    ON posting.sequence = entry.sequence AND posting.entry_ordinal = entry.ordinal
JOIN zakhira.account ON account.number = posting.account
WHERE entry.id = %s ORDER BY posting.ordinal
"""
_ENTERED: LiteralString = """
SELECT audit.written_at, audit.key,
       coalesce((SELECT later.id FROM zakhira.entry AS later WHERE later.reverses = %s), '')
FROM zakhira.audit WHERE audit.sequence = %s
"""
_DAY = timedelta(days=1)


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
            rows = self._books.ask(lambda connection: _looked_up(connection, _AT, _dates(codes, as_of)))
        return {code: Amount(int(units), Commodity[commodity]) for code, commodity, units in rows}

    def lines(self, codes: Sequence[str], start: datetime, end: datetime) -> Mapping[str, AccountLines]:
        """The postings of entries dated ``start`` to before ``end`` on these accounts."""
        given: dict[str, object] = {
            "start": require_utc(start),
            "end": require_utc(end),
            "first_day": start.date(),
            "last_day": end.date(),
        }
        opening = self.balances_at(codes, AsOf(before=start))
        rows, names = self._books.ask(lambda connection: _read_lines(connection, list(opening), given))
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


def _read_lines(
    connection: Connection[TupleRow], codes: list[str], given: dict[str, object]
) -> tuple[list[TupleRow], dict[int, str]]:
    """The rows of these accounts, and the accounts' codes by number."""
    names = {int(number): str(code) for number, code in connection.execute(_NUMBERS, (codes,))}
    return _looked_up(connection, _LINES, {**given, "numbers": list(names)}), names


def _looked_up(connection: Connection[TupleRow], query: LiteralString, given: Mapping[str, object]) -> list[TupleRow]:
    with connection.transaction():
        connection.execute(_ONE_BY_ONE)
        return connection.execute(query, given).fetchall()


def _dates(codes: Sequence[str], as_of: AsOf) -> dict[str, object]:
    before = None if as_of.before is None else require_utc(as_of.before)
    midnight = None if before is None else before.replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "codes": list(codes),
        "known": None if as_of.known_before is None else require_utc(as_of.known_before),
        "before": before,
        "last_day": None if midnight is None else (midnight - _DAY).date(),
        "rest": before != midnight,
    }


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
