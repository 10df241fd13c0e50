"""The sealed chain in the database: extended, read, and checked with all that it covers."""

from __future__ import annotations

from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.reading import read_writes
from zakhira.adapters.postgres.rows import seal_from
from zakhira.adapters.postgres.verifying.crew import Opener
from zakhira.adapters.postgres.verifying.verification import read_all_breaks
from zakhira.controls.chain.audit import ChainHead, Unsealed
from zakhira.controls.chain.audit_evidence import Evidence
from zakhira.flows.ports.books import SealedWrite
from zakhira.flows.ports.books_errors import BooksDamaged
from zakhira.flows.ports.progress import Progress, silent

_DAMAGED = (
    "Write nothing more. Look with: zakhira audit verify DIR. Find out who has the owner's rights; restore a backup."
)
_MOST = 20_000
"""Writes that are sealed in one turn."""
_PATIENCE = "SET LOCAL lock_timeout = '10s'"
"""A turn takes well under a second: whoever holds the head for longer hangs."""
_IS_DUE = """
SELECT clock_timestamp() - min(written_at) NOT BETWEEN interval '0' AND make_interval(secs => %s) FROM zakhira.unsealed
"""
"""A write from the future, as a clock that was set back shows it, is due as well."""
_CERTAIN = 1_000
_UNSEALED = """
SELECT count(*), min(audit.written_at) FROM zakhira.audit
WHERE audit.sequence > LEAST((SELECT done_through FROM zakhira.sealing), (SELECT max(sequence) - %s FROM zakhira.audit))
    AND NOT EXISTS (SELECT FROM zakhira.seal WHERE seal.sequence = audit.sequence)
"""
"""The last so many writes are looked at one by one, whatever the mark of sealing says: its owner can set that ahead."""
_SOME_SEALS = """
SELECT position, sequence, previous_hash, hash FROM zakhira.seal WHERE position > %s ORDER BY position LIMIT %s
"""


def seal_all(connection: Connection[TupleRow]) -> int:
    """Chain everything that is committed, a turn at a time, and say how many writes that were.

    What is committed meanwhile is left to the next time: whoever seals beside writers would never come to an end.
    """
    total = 0
    while True:
        with connection.transaction():
            connection.execute(_PATIENCE)
            row = connection.execute("SELECT zakhira.seal(%s)", (_MOST,)).fetchone()
        assert row is not None, "the function always answers"
        total += int(row[0])
        if row[0] < _MOST:
            return total


def roll_up(connection: Connection[TupleRow]) -> None:
    """Draw up the sums of busy accounts as far as everything is sealed, which a turn only knows of the one before."""
    seal_all(connection)
    while True:
        row = connection.execute("SELECT zakhira.roll_up()").fetchone()
        assert row is not None, "the function always answers"
        if row[0] is None:
            return


def is_due(connection: Connection[TupleRow], after_s: float) -> bool | None:
    """Whether a write waits for its seal for so long; None if none waits."""
    row = connection.execute(_IS_DUE, (after_s,)).fetchone()
    assert row is not None, "an aggregate always answers"
    return None if row[0] is None else bool(row[0])


def read_head(connection: Connection[TupleRow]) -> ChainHead:
    """The end of the chain; raises BooksDamaged."""
    head = _find_head(connection)
    if head is None:
        raise BooksDamaged("The row that tells where the audit chain ends is gone.", _DAMAGED)
    return head


def _find_head(connection: Connection[TupleRow]) -> ChainHead | None:
    row = connection.execute("SELECT position, hash FROM zakhira.audit_head").fetchone()
    return None if row is None else ChainHead(row[0], row[1].hex())


def read_unsealed(connection: Connection[TupleRow]) -> Unsealed:
    """What is committed and not in the chain yet."""
    row = connection.execute(_UNSEALED, (_CERTAIN,)).fetchone()
    assert row is not None, "an aggregate always answers"
    return Unsealed(*row)


def read_sealed(connection: Connection[TupleRow], after: int, limit: int) -> tuple[SealedWrite, ...]:
    """The sealed writes behind a position, in the order of the chain, up to a limit."""
    with connection.transaction():
        seals = [seal_from(row) for row in connection.execute(_SOME_SEALS, (after, limit))]
        writes = read_writes(connection, [seal.sequence for seal in seals])
    by_number = {write.audit.sequence: write for write in writes}
    return tuple(SealedWrite(by_number[seal.sequence], seal) for seal in seals)


def read_breaks(
    connection: Connection[TupleRow], evidence: Evidence, another: Opener | None = None, progress: Progress = silent
) -> tuple[str, ...]:
    """Everything that does not hold when the store is computed anew from one snapshot of it.

    ``another`` opens further connections to the same database, for large books.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return read_all_breaks(connection, evidence, another=another, progress=progress)
