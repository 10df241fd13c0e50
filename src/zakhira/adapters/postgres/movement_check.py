"""What counts in rolling windows, held against the records that it follows from."""

from __future__ import annotations

from typing import LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow

_DIFFERENT: LiteralString = """
WITH told AS (
    SELECT newest.id, part.ordinal::integer, (newest.body ->> 'at')::timestamptz, newest.body ->> 'action',
           newest.body ->> 'commodity', (part.told ->> 'units')::bigint, newest.body ->> 'vault',
           part.told ->> 'destination', newest.body ->> 'purpose',
           ARRAY(SELECT jsonb_array_elements_text(newest.body -> 'lot_purposes')), newest.body ->> 'state' = 'waiting'
    FROM (
        SELECT DISTINCT ON (id) id, body FROM zakhira.record WHERE kind = 'movement'
        ORDER BY id, sequence DESC, ordinal DESC
    ) AS newest, jsonb_array_elements(newest.body -> 'parts') WITH ORDINALITY AS part (told, ordinal)
    WHERE newest.body ->> 'state' <> 'ended'
), shown AS (
    SELECT id, ordinal, at, action, commodity, units, vault, destination, purpose, lot_purposes, is_waiting
    FROM zakhira.movement
)
SELECT DISTINCT id FROM ((TABLE told EXCEPT ALL TABLE shown) UNION ALL (TABLE shown EXCEPT ALL TABLE told)) AS other
ORDER BY id
"""


def read_movement_breaks(connection: Connection[TupleRow]) -> tuple[str, ...]:
    """Every matter that counts otherwise than its newest record says, in sentences; nothing if all is well."""
    rows = connection.execute(_DIFFERENT)
    return tuple(f"movement {row[0]}: what counts in windows is not what its record says." for row in rows)
