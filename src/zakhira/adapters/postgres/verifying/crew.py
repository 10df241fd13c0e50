"""Several connections that look at one moment of the database, and threads that each ask over one of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from psycopg import Connection, sql
from psycopg.rows import TupleRow

Value = TypeVar("Value")
Opener = Callable[[], Connection[TupleRow]]
THREADS = 2
"""One may compute while the server works for the other: on two cores both are busy then."""


class Crew:
    """Questions are answered in the order in which they are put, as many at a time as there are threads."""

    def __init__(self, lines: list[Connection[TupleRow]], pool: ThreadPoolExecutor | None) -> None:
        self._lines: SimpleQueue[Connection[TupleRow]] = SimpleQueue()
        for line in lines:
            self._lines.put(line)
        self._pool = pool
        self._failure: BaseException | None = None
        self.at_once = len(lines) + 1
        """so many questions keep all of them busy"""

    def ask(self, question: Callable[[Connection[TupleRow]], Value]) -> Future[Value]:
        """Put a question; without threads it is answered at once."""
        if self._pool is not None:
            return self._pool.submit(self._answer, question)
        answer: Future[Value] = Future()
        answer.set_result(self._answer(question))
        return answer

    def _answer(self, question: Callable[[Connection[TupleRow]], Value]) -> Value:
        line = self._lines.get()
        try:
            return self._ask(question, line)
        except BaseException as error:
            # What the other questions would be told is that the transaction is over: that says nothing.
            self._failure = error
            raise
        finally:
            self._lines.put(line)

    def _ask(self, question: Callable[[Connection[TupleRow]], Value], line: Connection[TupleRow]) -> Value:
        if self._failure is not None:
            raise self._failure
        return question(line)


@contextlib.contextmanager
def gathered(connection: Connection[TupleRow], another: Opener | None) -> Iterator[Crew]:
    """A crew that sees what ``connection`` sees, which is in a transaction; over that one if there is no other."""
    if another is None:
        yield Crew([connection], None)
        return
    row = connection.execute("SELECT pg_export_snapshot()").fetchone()
    assert row is not None, "the function always answers"
    with contextlib.ExitStack() as stack:
        lines = []
        for _ in range(THREADS):
            line = stack.enter_context(contextlib.closing(another()))
            stack.enter_context(line.transaction())
            line.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            line.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(row[0])))
            set_up(line)
            lines.append(line)
        pool = stack.enter_context(ThreadPoolExecutor(THREADS, "verifying"))
        try:
            yield Crew(lines, pool)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def set_up(connection: Connection[TupleRow]) -> None:
    """What long questions need, to the end of the transaction."""
    connection.execute("SET LOCAL jit = off")
    # Each waits for the others of the crew, with what it sees kept.
    connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
