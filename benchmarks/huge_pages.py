"""Huge pages for a server's shared memory: PostgreSQL's manual has them reserved (18.4.5, Linux Huge Pages).

A gigabyte of buffers in pages of 4 kB is more than a processor keeps the places of, so that each look at an index that
is far from the last waits for the page table, too. Reserving takes root; without it the server takes small pages, and
:func:`told_of` says so. Both sides of a race have the same server.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

RESERVED = 640
"""Of 2 MB: the most buffers that an embedded server takes, and what else it shares."""
_RESERVED = Path("/proc/sys/vm/nr_hugepages")


@contextmanager
def huge_pages() -> Iterator[None]:
    """Reserve them, where we may, and let go of them at the end."""
    before = ""
    with suppress(OSError):
        before = _RESERVED.read_text()
        _RESERVED.write_text(str(max(RESERVED, int(before))))
    try:
        yield
    finally:
        with suppress(OSError):
            if before:
                _RESERVED.write_text(before)


def told_of(dsn: str) -> str:
    """Whether the server has them: ``on`` or ``off``; ``unknown`` before PostgreSQL 17."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT coalesce(current_setting('huge_pages_status', true), 'unknown')").fetchone()
    assert row is not None, "a setting has a value"
    return str(row[0])
