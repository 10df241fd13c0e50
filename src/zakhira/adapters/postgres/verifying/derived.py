"""What the database derives from postings and records, held against them: lots, balances, sums of sums, periods."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.verifying.chart import Chart
from zakhira.kernel.money import MAX_UNITS, Amount, Commodity
from zakhira.ledger.account_record import HeldAccount
from zakhira.ledger.chart import CREDIT_KINDS, FLOORED_KINDS, claim_of
from zakhira.programme.model import AccountSpec

_ROWS_AT_ONCE = 5_000
_KINDS_OF_ACCOUNTS = 10_000

_MOVED: LiteralString = """
WITH moved AS (
    SELECT posting.account AS number, account.code AS account, account.kind, posting.lot_outpoint AS outpoint,
           posting.sequence, posting.entry_ordinal, posting.ordinal, posting.lot_source AS source, posting.units
    FROM zakhira.posting JOIN zakhira.account ON account.number = posting.account
    JOIN zakhira.audit ON audit.sequence = posting.sequence
    JOIN zakhira.entry ON entry.sequence = posting.sequence AND entry.ordinal = posting.entry_ordinal
    WHERE posting.lot_outpoint IS NOT NULL AND posting.lot_source IS NOT NULL)
"""
_DRAINED: LiteralString = f"""{_MOVED}
SELECT DISTINCT sequence FROM (
    SELECT sequence, sum(units) OVER (PARTITION BY number, outpoint ORDER BY sequence) AS held FROM moved
    WHERE kind = 'asset') AS running
WHERE held < 0
"""  # noqa: S608 - parts of this file
_LOTS: LiteralString = f"""{_MOVED}
, due AS (
    SELECT account, outpoint, (array_agg(source ORDER BY sequence, entry_ordinal, ordinal))[1] AS source,
           sum(units) AS units
    FROM moved GROUP BY account, outpoint HAVING sum(units) <> 0
), shown AS (SELECT account, outpoint, source, units::numeric FROM zakhira.lot WHERE units <> 0)
SELECT EXISTS ((TABLE due EXCEPT ALL TABLE shown) UNION ALL (TABLE shown EXCEPT ALL TABLE due))
"""  # noqa: S608 - parts of this file
_BALANCES: LiteralString = """
SELECT account.code, account.commodity, balance.account IS NOT NULL, coalesce(balance.units, 0), balance.postings,
       balance.floor_units, balance.ceiling_units, balance.sign, balance.is_frozen, balance.class::text,
       balance.commodity
FROM zakhira.account LEFT JOIN zakhira.balance ON balance.account = account.number
ORDER BY account.code COLLATE "C"
"""
# A sum of a busy account is over the writes behind the sum before it, up to its own number, by day.
_ROLLUPS: LiteralString = """
WITH part AS (
    SELECT account, through, lag(through, 1, 0::bigint) OVER (PARTITION BY account ORDER BY through) AS after
    FROM (SELECT DISTINCT account, through FROM zakhira.rollup) AS known
), due AS (
    SELECT part.account, part.through, summed.day, summed.units, summed.postings
    FROM part CROSS JOIN LATERAL (
        SELECT posting.day, sum(posting.units) AS units, count(*) AS postings
        FROM zakhira.posted_between(part.account, part.after + 1, part.through + 1) AS posting
        GROUP BY posting.day) AS summed
), ends AS (
    SELECT account, max(through) AS through, sum(postings) AS postings FROM zakhira.rollup GROUP BY account)
SELECT DISTINCT coalesce(account.code, wrong.account::text) FROM (
    SELECT account FROM due FULL JOIN zakhira.rollup AS shown USING (account, through, day)
    WHERE due.units IS DISTINCT FROM shown.units OR due.postings IS DISTINCT FROM shown.postings
    UNION ALL
    SELECT account FROM ends FULL JOIN zakhira.rolled AS shown USING (account)
    WHERE ends.through IS DISTINCT FROM shown.through OR ends.postings IS DISTINCT FROM shown.postings
) AS wrong LEFT JOIN zakhira.account ON account.number = wrong.account ORDER BY 1
"""
_PERIODS: LiteralString = """
WITH due AS (SELECT id, body ->> 'first', sequence FROM zakhira.record WHERE kind = 'period'),
    shown AS (SELECT last_day::text, first_day::text, sequence FROM zakhira.closed_period)
SELECT 'period to ' || id || ': what is closed is not what the records say.'
FROM ((TABLE due EXCEPT TABLE shown) UNION (TABLE shown EXCEPT TABLE due)) AS wrong (id, first_day, sequence)
UNION
SELECT 'periods: the day through which everything is closed is not that of the last record.'
WHERE (SELECT array_agg(through::text) FROM zakhira.closing) IS DISTINCT FROM ARRAY[
    coalesce((SELECT max(id) FROM zakhira.record WHERE kind = 'period'), '-infinity')]
ORDER BY 1
"""


def read_drained(connection: Connection[TupleRow]) -> frozenset[int]:
    """The numbers of the writes after which a lot of an asset account is below 0."""
    return frozenset(row[0] for row in connection.execute(_DRAINED))


def read_balance_breaks(connection: Connection[TupleRow], chart: Chart) -> list[str]:
    """Balances that are not the sums of their postings, by code."""
    return list(_balance_breaks(connection, chart))


def _balance_breaks(connection: Connection[TupleRow], chart: Chart) -> Iterator[str]:
    with connection.cursor("balances") as rows:
        rows.itersize = _ROWS_AT_ONCE
        for code, commodity, is_there, shown, *told in rows.execute(_BALANCES):
            row = chart.rows[code]
            if chart.sums[row] != shown:
                amount = Amount(shown, Commodity[commodity])
                yield f"balance of {code}: the postings sum to {int(chart.sums[row])}, the store says {amount}."
            if not is_there:
                yield f"balance of {code}: its row is gone."
                continue
            if told[0] != chart.counts[row]:
                yield f"balance of {code}: it counts {told[0]} postings, {chart.counts[row]} are there."
            ceiling = int(chart.ceilings[row])
            if tuple(told[1:]) != _due(
                chart.specs[row], ceiling, (bool(chart.may_overdraw[row]), bool(chart.is_frozen[row]))
            ):
                yield f"balance of {code}: its bounds, its freeze or its kind are not what accounts and records say."


@lru_cache(_KINDS_OF_ACCOUNTS)
def _due(
    spec: tuple[str, str, str], ceiling_units: int, state: tuple[bool, bool]
) -> tuple[int, int, int, bool, str, str]:
    """What the row of a balance says of its account: floor, ceiling, sign, freeze, class and commodity."""
    (commodity, kind, claim), (may_overdraw, is_frozen) = spec, state
    floor = 0 if kind in FLOORED_KINDS and not may_overdraw else -MAX_UNITS
    ceiling = MAX_UNITS if ceiling_units < 0 else ceiling_units
    sign = -1 if kind in CREDIT_KINDS else 1
    told = AccountSpec("", commodity, kind, claim)
    class_ = claim_of(told)[:1] or ("c" if HeldAccount(told).is_vault else "-")
    return floor, ceiling, sign, is_frozen, class_, commodity


def read_lot_breaks(connection: Connection[TupleRow]) -> list[str]:
    """Whether what is left of lots is what the postings sum to."""
    row = connection.execute(_LOTS).fetchone()
    return ["lots: what the store says is left is not what the postings sum to."] if row is None or row[0] else []


def read_rollup_breaks(connection: Connection[TupleRow]) -> list[str]:
    """Sums of busy accounts that are not the sums of their postings, and periods that are not what records close."""
    sums = [
        f"sums of {code}: those drawn up by day are not what the postings sum to."
        for (code,) in connection.execute(_ROLLUPS)
    ]
    return [*sums, *(row[0] for row in connection.execute(_PERIODS))]
