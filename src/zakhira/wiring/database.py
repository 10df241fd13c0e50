"""Which PostgreSQL answers."""

from __future__ import annotations

import psycopg

CONNECT_SECONDS = 5
SERIES = 10_000
"""PostgreSQL numbers its versions as series x 10,000 + release since 10."""


def server_version(dsn: str) -> str:
    """The server's version in words.

    Raises:
        psycopg.Error: it does not answer.
    """
    with psycopg.connect(dsn, connect_timeout=CONNECT_SECONDS) as connection:
        number = connection.info.server_version
    return f"PostgreSQL {number // SERIES}.{number % SERIES}"
