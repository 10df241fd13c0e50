"""Who was in the way of a write that waited in vain: the sessions that hold locks at that moment."""

from __future__ import annotations

import psycopg
from psycopg import Connection
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.failures import translate
from zakhira.flows.ports.books_errors import WritersInTheWay
from zakhira.kernel.errors import ZakhiraError

_MOST_TOLD = 3
# The wait is over: what the server would have named then it names no more. Who holds what a writer waits for has a
# transaction of its own, or an advisory lock, and waits for nobody.
_HOLDERS = """
SELECT pid, usename FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND pid IN (SELECT pid FROM pg_locks WHERE granted AND locktype IN ('transactionid', 'advisory'))
    AND pid NOT IN (SELECT pid FROM pg_locks WHERE NOT granted)
ORDER BY pid LIMIT %s
"""


def waited_in_vain(error: psycopg.Error, connection: Connection[TupleRow]) -> ZakhiraError:
    """The error of the books that says who held the locks, as far as it can still be seen."""
    if connection.info.transaction_status != TransactionStatus.IDLE:
        return translate(error)
    try:
        found = connection.execute(_HOLDERS, (_MOST_TOLD,)).fetchall()
    except psycopg.Error:
        return translate(error)
    if not found:
        return translate(error)
    told = ", ".join(f"process {pid} of {name}" for pid, name in found)
    return WritersInTheWay(
        f"The database's locks were waited for in vain. They are held now by {told}.",
        "Run it again. If it stays so, let the administrator end that session: "
        + "; ".join(f"SELECT pg_terminate_backend({pid})" for pid, _ in found),
    )
