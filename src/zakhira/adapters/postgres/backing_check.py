"""The backing held against all that it follows from: balances, coins, facts of the chain, and records."""

from __future__ import annotations

from typing import LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow

_ROW: LiteralString = """
SELECT 'it counts ' || told.what || ' as ' || told.shown || ', and they come to ' || told.due
FROM zakhira.backing
CROSS JOIN (
    SELECT coalesce(sum(-balance.units) FILTER (WHERE account.claim = 'demand'), 0) AS demand,
           coalesce(sum(-balance.units) FILTER (WHERE account.claim = 'term'), 0) AS term,
           coalesce(sum(-balance.units) FILTER (WHERE account.claim = 'suspense'), 0) AS suspense
    FROM zakhira.account JOIN zakhira.balance ON balance.account = account.number WHERE account.claim <> ''
) AS claims
CROSS JOIN LATERAL zakhira.backing_parts((backing.counted_at AT TIME ZONE 'UTC')::date) AS parts
CROSS JOIN LATERAL (VALUES
    ('claims on demand', backing.demand_units, claims.demand), ('claims that wait', backing.term_units, claims.term),
    ('suspense', backing.suspense_units, claims.suspense), ('proven coins', backing.proven_units, parts.proven),
    ('coins that nobody judged', backing.unjudged_units, parts.unjudged),
    ('own change', backing.own_change_units, parts.own_change),
    ('encumbrances', backing.encumbered_units, parts.encumbered),
    ('coins under a hold', backing.held_units, parts.held),
    ('spends on their way', backing.outgoing_units, parts.outgoing)
) AS told (what, shown, due)
WHERE backing.commodity = 'BTC' AND told.shown <> told.due
"""
_NO_ROW: LiteralString = """
SELECT 'its row is gone' WHERE NOT EXISTS (SELECT FROM zakhira.backing WHERE commodity = 'BTC')
UNION ALL
SELECT 'how deep a coin must lie is told nowhere'
WHERE NOT EXISTS (SELECT FROM zakhira.proof_depth WHERE commodity = 'BTC')
"""
_RECORDS: LiteralString = """
WITH newest AS MATERIALIZED (
    SELECT DISTINCT ON (kind, id) kind, id, body, sequence FROM zakhira.record
    WHERE kind IN ('coin paper', 'own transaction', 'movement', 'encumbrance', 'proof depth')
    ORDER BY kind, id, sequence DESC, ordinal DESC
), told AS (
    SELECT kind || ' ' || id AS name, to_jsonb(ARRAY[
        ((body ->> 'state') <> 'lost')::text, nullif(body ->> 'hold_until', '')]) AS state
        FROM newest WHERE kind = 'coin paper'
    UNION ALL
    SELECT kind || ' ' || id, to_jsonb(ARRAY[body ->> 'spend', nullif(body ->> 'hold_until', '')])
        FROM newest WHERE kind = 'own transaction'
    UNION ALL
    SELECT kind || ' ' || id, to_jsonb(ARRAY[
        zakhira.leaving_units(body)::text, (body ->> 'state' = 'ended')::text, zakhira.height_of_spend(id)::text])
        FROM newest WHERE kind = 'movement' AND body ->> 'action' = 'spend' AND body ->> 'commodity' = 'BTC'
    UNION ALL
    SELECT kind || ' ' || id, to_jsonb(ARRAY[body ->> 'commodity', body ->> 'units', body ->> 'is_released'])
        FROM newest WHERE kind = 'encumbrance'
    UNION ALL
    SELECT kind || ' ' || id, jsonb_build_array(
        body -> 'amounts_sats', body -> 'confirmations', body -> 'coinbase_confirmations')
        FROM newest WHERE kind = 'proof depth'
), shown AS (
    SELECT 'coin paper ' || outpoint AS name, to_jsonb(ARRAY[is_judged::text, hold_until::text]) AS state
        FROM zakhira.coin_origin
    UNION ALL
    SELECT 'own transaction ' || txid, to_jsonb(ARRAY[spend, hold_until::text]) FROM zakhira.own_transaction
    UNION ALL
    SELECT 'movement ' || spend, to_jsonb(ARRAY[units::text, is_ended::text, spent_height::text])
        FROM zakhira.outgoing
    UNION ALL
    SELECT 'encumbrance ' || id, to_jsonb(ARRAY[commodity, units::text, is_released::text]) FROM zakhira.encumbrance
    UNION ALL
    SELECT 'proof depth ' || commodity, jsonb_build_array(amounts_sats, confirmations, coinbase_confirmations)
        FROM zakhira.proof_depth WHERE sequence > 0
)
SELECT DISTINCT name || ': what counts is not what its record says'
FROM ((TABLE told EXCEPT ALL TABLE shown) UNION ALL (TABLE shown EXCEPT ALL TABLE told)) AS other
"""
_PAPERS: LiteralString = """
SELECT 'coin ' || coin.outpoint || ': what counts of it is not what its paper says'
FROM zakhira.coin LEFT JOIN zakhira.coin_origin AS origin ON origin.outpoint = coin.outpoint
WHERE coin.is_judged <> coalesce(origin.is_judged, false) OR coin.hold_until IS DISTINCT FROM origin.hold_until
"""
# The highest tip that the books had at the end of a write, since the coin came or the rule for its depth began to hold.
_PROVEN: LiteralString = """
WITH tips AS (
    SELECT DISTINCT ON (sequence) sequence, CASE WHEN kind = 'block connected' THEN height ELSE height - 1 END AS height
    FROM zakhira.chain_event WHERE kind IN ('block connected', 'block disconnected')
    ORDER BY sequence, ordinal DESC
), born AS (
    SELECT DISTINCT ON (outpoint) outpoint, sequence FROM zakhira.chain_event WHERE kind = 'coin created'
    ORDER BY outpoint, sequence DESC, ordinal DESC
), marks AS (
    SELECT NULL AS outpoint, sequence, height FROM tips
    UNION ALL
    SELECT coin.outpoint, greatest(born.sequence, rule.sequence),
           CASE WHEN born.sequence < rule.sequence THEN rule.tip_height END
    FROM zakhira.coin JOIN born ON born.outpoint = coin.outpoint, zakhira.proof_depth AS rule
    WHERE rule.commodity = 'BTC'
), reached AS (
    SELECT outpoint,
           greatest(height, max(height) FILTER (WHERE outpoint IS NULL) OVER (ORDER BY sequence DESC)) AS height
    FROM marks
)
SELECT 'coin ' || coin.outpoint || ': whether it is proven is not what the chain says'
FROM zakhira.coin
CROSS JOIN zakhira.proof_depth AS rule
LEFT JOIN reached ON reached.outpoint = coin.outpoint
WHERE rule.commodity = 'BTC' AND coin.is_proven IS DISTINCT FROM (
    reached.height - coin.height + 1 >= zakhira.confirmations_needed(rule, coin.amount_sats, coin.is_coinbase))
"""
_HALT: LiteralString = """
SELECT 'deficit ' || newest.number || ' halts credits until officers let them in again, and they are not halted'
FROM zakhira.backing
JOIN LATERAL (SELECT max(number) AS number FROM zakhira.deficit
              WHERE commodity = backing.commodity AND by_units > 0) AS newest ON newest.number IS NOT NULL
WHERE NOT backing.is_halted AND NOT EXISTS (
    SELECT FROM zakhira.record WHERE kind = 'credits resumed' AND id = backing.commodity
        AND body ->> 'deficit' = newest.number::text)
"""
_QUESTIONS: tuple[LiteralString, ...] = (_NO_ROW, _ROW, _RECORDS, _PAPERS, _PROVEN, _HALT)


def read_backing_breaks(connection: Connection[TupleRow]) -> tuple[str, ...]:
    """Everything of the backing that is not what it follows from, in sentences; nothing if all is well."""
    return tuple(f"backing: {row[0]}." for question in _QUESTIONS for row in sorted(connection.execute(question)))
