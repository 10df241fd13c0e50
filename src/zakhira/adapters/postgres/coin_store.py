"""The followed chain read from the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.rows import coin_from
from zakhira.flows.ports.coin_events import WatchedCoin
from zakhira.flows.ports.coin_store import (
    PAGE_COINS,
    BlockChanges,
    CoinSum,
    Depth,
    FollowedSpan,
    PaperedCoin,
    VaultStatus,
)

_COIN: LiteralString = """
SELECT coin.outpoint, coin.vault, coin.branch, coin.place, coin.amount_sats, coin.script_hex, coin.height,
       coin.block_hash, coin.is_coinbase, coin.spent_by, coin.spent_height, coin.spent_hash
FROM zakhira.coin
"""
_SPAN: LiteralString = """
SELECT (SELECT height FROM zakhira.followed_block ORDER BY height LIMIT 1) AS first_height, height, hash
FROM zakhira.followed_block ORDER BY height DESC LIMIT 1
"""
_LAST_PLACES: LiteralString = "SELECT vault, branch, max(place) FROM zakhira.coin GROUP BY vault, branch"
_STATUS: LiteralString = """
WITH tip AS (SELECT max(height) AS height FROM zakhira.followed_block), held AS (
    SELECT coin.amount_sats, CASE
        WHEN coin.is_coinbase AND tip.height - coin.height + 1 < %(coinbase)s THEN 'immature'
        WHEN tip.height - coin.height + 1
            < (%(confirmations)s::int[])[width_bucket(coin.amount_sats, %(amounts)s::bigint[])] THEN 'pending'
        ELSE 'settled' END AS depth
    FROM zakhira.coin, tip WHERE coin.vault = %(vault)s AND coin.spent_by IS NULL
)
SELECT depth, count(*), sum(amount_sats)::bigint FROM held GROUP BY depth
"""
# The ids of records have the default collation, outpoints "C": without the cast no index would serve.
_UNJUDGED: LiteralString = """
CROSS JOIN (SELECT max(height) AS height FROM zakhira.followed_block) AS tip
LEFT JOIN LATERAL (
    SELECT record.body ->> 'state' AS state FROM zakhira.record
    WHERE record.kind = %(kind)s AND record.id = coin.outpoint COLLATE "default"
    ORDER BY record.sequence DESC, record.ordinal DESC LIMIT 1
) AS judged ON true
WHERE (coin.height, coin.outpoint) > (%(h)s, %(o)s) AND (judged.state IS NULL OR judged.state = 'lost')
    AND tip.height - coin.height + 1 >= GREATEST(
        (%(confirmations)s::int[])[width_bucket(coin.amount_sats, %(amounts)s::bigint[])],
        CASE WHEN coin.is_coinbase THEN %(coinbase)s ELSE 0 END)
ORDER BY coin.height, coin.outpoint LIMIT %(limit)s
"""
_EARLIER: LiteralString = """
SELECT late.outpoint, (
    SELECT count(*) FROM (
        SELECT FROM zakhira.coin AS early
        WHERE early.vault = late.vault AND early.branch = late.branch AND early.place = late.place
            AND (early.height, early.outpoint) < (late.height, late.outpoint)
        LIMIT %(limit)s
    ) AS counted
) FROM zakhira.coin AS late WHERE late.outpoint = ANY(%(outpoints)s)
"""
_PAPERED: LiteralString = """
SELECT coin.outpoint, coin.amount_sats, CASE WHEN tip.height - coin.height + 1 >= GREATEST(
           (%(confirmations)s::int[])[width_bucket(coin.amount_sats, %(amounts)s::bigint[])],
           CASE WHEN coin.is_coinbase THEN %(coinbase)s ELSE 0 END) THEN coin.height ELSE 0 END,
       paper.body ->> 'purpose', paper.body ->> 'hold_until', paper.body -> 'lots' ->> 0,
       cardinality(%(lots)s::text[]) = 0 OR paper.body -> 'lots' <@ to_jsonb(%(lots)s::text[])
FROM zakhira.coin
CROSS JOIN (SELECT max(height) AS height FROM zakhira.followed_block) AS tip
JOIN (
    SELECT DISTINCT ON (id) id, body FROM zakhira.record WHERE kind = %(kind)s
    ORDER BY id, sequence DESC, ordinal DESC
) AS paper ON paper.id = coin.outpoint
WHERE coin.vault = %(vault)s AND coin.spent_by IS NULL AND paper.body ->> 'state' = ANY(%(states)s)
"""
_SORT_MEMORY: LiteralString = "SET LOCAL work_mem = '128MB'"
"""A hundred thousand papers (30 MB) are sorted in memory: on disk, as with the usual 4 MB, it takes twice as long."""


class PostgresCoins:
    """Implements :class:`zakhira.flows.ports.coin_store.CoinStore` over the connection of the books."""

    def __init__(self, books: PostgresBooks) -> None:
        self._books = books

    def span(self) -> FollowedSpan | None:
        """The followed chain, or None before its first block."""
        rows = self._rows(_SPAN, {})
        return FollowedSpan(*rows[0]) if rows else None

    def followed_hashes(self, heights: Sequence[int]) -> Mapping[int, str]:
        """The hash of the followed block at each of these heights that has one."""
        rows = self._rows(
            "SELECT height, hash FROM zakhira.followed_block WHERE height = ANY(%(heights)s)",
            {"heights": list(heights)},
        )
        return {int(height): str(found) for height, found in rows}

    def changes(self, height: int) -> BlockChanges:
        """Coins that the followed block at this height created and spent, by outpoint."""
        made = self._coins(_COIN + "WHERE coin.height = %(height)s ORDER BY coin.outpoint", height=height)
        gone = self._coins(_COIN + "WHERE coin.spent_height = %(height)s ORDER BY coin.outpoint", height=height)
        return BlockChanges(made, gone)

    def unspent_outpoints(self) -> Sequence[str]:
        """The outpoints of all unspent coins of all vaults."""
        return [str(row[0]) for row in self._rows("SELECT outpoint FROM zakhira.coin WHERE spent_by IS NULL", {})]

    def last_places(self) -> Mapping[tuple[str, int], int]:
        """The last place of each vault and branch that ever had a coin on the followed chain."""
        return {(str(vault), int(branch)): int(place) for vault, branch, place in self._rows(_LAST_PLACES, {})}

    def coin(self, outpoint: str) -> WatchedCoin | None:
        """One coin, spent or not."""
        found = self._coins(_COIN + "WHERE coin.outpoint = %(outpoint)s", outpoint=outpoint)
        return found[0] if found else None

    def coins_at(self, vault: str, branch: int, place: int) -> tuple[WatchedCoin, ...]:
        """Every coin at one address, spent ones included, by height and outpoint."""
        return self._coins(
            _COIN
            + "WHERE coin.vault = %(vault)s AND coin.branch = %(branch)s AND coin.place = %(place)s "
            + "ORDER BY coin.height, coin.outpoint",
            vault=vault,
            branch=branch,
            place=place,
        )

    def page(self, vault: str, after: tuple[int, str] = (-1, ""), limit: int = PAGE_COINS) -> tuple[WatchedCoin, ...]:
        """Unspent coins of a vault by height and outpoint, those behind ``after``, up to a limit."""
        return self._coins(
            _COIN
            + "WHERE coin.vault = %(vault)s AND coin.spent_by IS NULL "
            + "AND (coin.height, coin.outpoint) > (%(h)s, %(o)s) "
            + "ORDER BY coin.height, coin.outpoint LIMIT %(limit)s",
            vault=vault,
            h=after[0],
            o=after[1],
            limit=limit,
        )

    def status(self, vault: str, depth: Depth) -> VaultStatus:
        """The unspent coins of a vault, summed by how deep they lie."""
        span = self.span()
        sums = {
            str(name): CoinSum(int(count), int(sats))
            for name, count, sats in self._rows(_STATUS, {"vault": vault, **_depth(depth)})
        }
        none = CoinSum(0, 0)
        return VaultStatus(
            vault,
            -1 if span is None else span.height,
            sums.get("settled", none),
            sums.get("pending", none),
            sums.get("immature", none),
        )

    def unjudged(self, kind: str, depth: Depth, after: tuple[int, str], limit: int) -> tuple[WatchedCoin, ...]:
        """Coins behind ``after`` that lie deep enough and have no record of this kind, or one that they were lost."""
        return self._coins(_COIN + _UNJUDGED, kind=kind, h=after[0], o=after[1], limit=limit, **_depth(depth))

    def spent_after(self, after: tuple[int, str], limit: int) -> tuple[WatchedCoin, ...]:
        """Spent coins by the height of their spend and outpoint, those behind ``after``, up to a limit."""
        return self._coins(
            _COIN
            + "WHERE coin.spent_height IS NOT NULL AND coin.spent_height >= %(h)s "
            + "AND (coin.spent_height, coin.outpoint) > (%(h)s, %(o)s) "
            + "ORDER BY coin.spent_height, coin.outpoint LIMIT %(limit)s",
            h=after[0],
            o=after[1],
            limit=limit,
        )

    def earlier_arrivals(self, outpoints: Sequence[str], limit: int) -> Mapping[str, int]:
        """How many coins came to the same address before each of these, counted up to ``limit``."""
        rows = self._rows(_EARLIER, {"outpoints": list(outpoints), "limit": limit})
        return {str(outpoint): int(count) for outpoint, count in rows}

    def papered(
        self, vault: str, kind: str, states: Sequence[str], depth: Depth, lots: Sequence[str] = ()
    ) -> Sequence[PaperedCoin]:
        """The unspent coins of a vault whose newest record of this kind has one of these states, in any order."""
        values = {"vault": vault, "kind": kind, "states": list(states), "lots": list(lots), **_depth(depth)}

        def ask(connection: Connection[TupleRow]) -> list[TupleRow]:
            with connection.transaction():
                connection.execute(_SORT_MEMORY)
                return connection.execute(_PAPERED, values).fetchall()

        return [PaperedCoin._make(row) for row in self._books.ask(ask)]

    def _coins(self, query: LiteralString, **values: object) -> tuple[WatchedCoin, ...]:
        return tuple(coin_from(row) for row in self._rows(query, values))

    def _rows(self, query: LiteralString, values: Mapping[str, object]) -> list[TupleRow]:
        def ask(connection: Connection[TupleRow]) -> list[TupleRow]:
            return connection.execute(query, values).fetchall()

        return self._books.ask(ask)


def _depth(depth: Depth) -> dict[str, object]:
    return {
        "amounts": list(depth.amounts_sats),
        "confirmations": list(depth.confirmations),
        "coinbase": depth.coinbase_confirmations,
    }
