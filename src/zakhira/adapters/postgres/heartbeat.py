"""The coordinator's sign of life in the database: one row, written over at each turn."""

from __future__ import annotations

from zakhira.adapters.postgres.books import PostgresBooks


def beat(books: PostgresBooks, height: int, block_hash: str) -> None:
    """Say that the coordinator lives and has followed the chain to this block; the server's clock dates it.

    Raises:
        NotTheWatcher: the process does not follow the chain; DatabaseUnreachable and others of the books.
    """
    books.ask_as_watcher(
        lambda connection: connection.execute("SELECT zakhira.beat(%s, %s)", (height, block_hash)).fetchone()
    )
