"""Records read back: one that is not in its form is told by its name, and is never skipped."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from zakhira.flows.ports.books_errors import BooksDamaged
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import ZakhiraError

Read = TypeVar("Read")


def read_record(kind: str, name: str, body: Json, reader: Callable[[Json], Read]) -> Read:
    """What ``reader`` makes of a record's body.

    Raises:
        BooksDamaged: it is in no form that this program writes.
    """
    try:
        return reader(body)
    except (ZakhiraError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        why = error.message if isinstance(error, ZakhiraError) else f"{type(error).__name__} {error}"
        raise BooksDamaged(
            f"The record {kind} {name[:80]!r} cannot be read: {why[:200]}.",
            "Somebody has written to the database with the application's login: see zakhira audit log, find out who, "
            "and write the record anew in its form.",
        ) from None
