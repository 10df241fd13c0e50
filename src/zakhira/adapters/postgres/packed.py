"""Arrays in PostgreSQL's binary form, for columns of many rows: written and read without a digit being printed.

The form is that of ``array_send`` and ``array_recv``: the number of dimensions, whether there are NULLs, the elements'
type, the length and the first index, then each element with its length before it, all in network byte order. None of
these holds a NULL. A short column goes as text, which costs less to make.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from struct import Struct

import numpy as np
import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

INT4, INT8, TEXT, DATE, TIMESTAMPTZ = 23, 20, 25, 1082, 1184
"""The types' numbers, which are the same in every PostgreSQL (pg_type.dat)."""

_HEAD = Struct(">5i")
_LENGTH = Struct(">i")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""From which PostgreSQL counts days and microseconds."""
_FIRST_DAY = date(2000, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)
_KEPT = 1 << 16
_FOUR = np.dtype([("length", ">i4"), ("value", ">i4")])
_EIGHT = np.dtype([("length", ">i4"), ("value", ">i8")])


class Packed(bytes):
    """An array in binary form."""


class _PackedDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Packed) -> bytes:
        return obj


psycopg.adapters.register_dumper(Packed, _PackedDumper)


def pack_int4(values: Sequence[int]) -> Packed:
    """Whole numbers of 32 bits."""
    return _numbers(INT4, _FOUR, 4, values)


def pack_int8(values: Sequence[int]) -> Packed:
    """Whole numbers of 64 bits."""
    return _numbers(INT8, _EIGHT, 8, values)


def pack_days(instants: Sequence[datetime]) -> Packed:
    """The days (UTC) of these instants."""
    return _numbers(DATE, _FOUR, 4, [_day(instant) for instant in instants])


def pack_instants(instants: Sequence[datetime]) -> Packed:
    """Instants with their microseconds."""
    return _numbers(TIMESTAMPTZ, _EIGHT, 8, [_microseconds(instant) for instant in instants])


def pack_texts(texts: Sequence[str]) -> Packed:
    """Texts; one that stands in all places is encoded once."""
    if len(set(texts)) == 1:
        return _array(TEXT, len(texts), _element(texts[0]) * len(texts))
    return _array(TEXT, len(texts), b"".join([_element(text) for text in texts]))


def _numbers(type_: int, layout: np.dtype[np.void], size: int, values: Sequence[int]) -> Packed:
    elements = np.empty(len(values), layout)
    elements["length"] = size
    elements["value"] = values
    return _array(type_, len(values), elements.tobytes())


def _array(type_: int, count: int, elements: bytes) -> Packed:
    return Packed(_HEAD.pack(1, 0, type_, count, 1) + elements)


def _element(text: str) -> bytes:
    data = text.encode()
    return _LENGTH.pack(len(data)) + data


@lru_cache(_KEPT)
def _day(instant: datetime) -> int:
    return instant.toordinal() - _FIRST_DAY


@lru_cache(_KEPT)
def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND
