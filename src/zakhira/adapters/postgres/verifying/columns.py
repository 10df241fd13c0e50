"""Columns as PostgreSQL sends them in its binary formats: arrays of numbers, and texts with a NUL between them."""

from __future__ import annotations

from collections.abc import Iterable
from json.encoder import encode_basestring

import numpy as np
import numpy.typing as npt
import polars as pl

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_HEADER_BYTES = 20
"""Of an array with one dimension: dimensions, flags, type, length, lower bound (array_send in arrayfuncs.c)."""
_ELEMENTS = {4: np.dtype([("length", ">i4"), ("value", ">i4")]), 8: np.dtype([("length", ">i4"), ("value", ">i8")])}
_PAIR = 1 << 32
_HALF = 1 << 31
_SPECIAL = bytes([*range(1, 0x20), ord('"'), ord("\\")])
"""What JSON writes otherwise than it is; no text of PostgreSQL holds NUL."""
_IS_SPECIAL = np.isin(np.arange(256), list(_SPECIAL))
_PRINTABLE = (0x21, 0x7E)
"""A text that begins with one of these is not blank."""


def whole_numbers(data: bytes | None, width_bytes: int) -> Numbers:
    """The numbers of ``array_send(array_agg(...))`` without NULLs; none for no array."""
    if data is None:
        return np.zeros(0, dtype=np.int64)
    elements = np.frombuffer(data, dtype=_ELEMENTS[width_bytes], offset=_HEADER_BYTES)
    return elements["value"].astype(np.int64)


def unpair(pairs: Numbers) -> tuple[Numbers, Numbers]:
    """High and low of ``high * 2^32 + low``, where the low one is a 32-bit integer with its sign."""
    low = ((pairs + _HALF) & (_PAIR - 1)) - _HALF
    return (pairs - low) >> 32, low


def places_of(wanted: Numbers, known: Numbers) -> Numbers:
    """Where each of ``wanted`` stands in ``known``, which is in order; -1 where it does not."""
    if not len(known):
        return np.full(len(wanted), -1, dtype=np.int64)
    places = np.minimum(np.searchsorted(known, wanted), len(known) - 1).astype(np.int64)
    places[known[places] != wanted] = -1
    return places


def first_places(groups: Numbers) -> Numbers:
    """Where each run of equal values begins."""
    if not len(groups):
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(np.concatenate(([True], groups[1:] != groups[:-1]))).astype(np.int64)


def run_lengths(starts: Numbers, count: int) -> Numbers:
    """How long each run is, of those that begin at ``starts`` in a column of ``count`` values."""
    return np.diff(np.append(starts, count))


class Texts:
    """A column of texts, from ``string_agg(textsend(...), NUL)``."""

    def __init__(self, data: bytes | None, count: int) -> None:
        self.count = count
        self._data = data or b""
        self._bytes = np.frombuffer(self._data + b"\0", dtype=np.uint8)
        self._ends = np.flatnonzero(self._bytes == 0)
        assert not count or len(self._ends) == count, "no text holds NUL"

    def blank(self) -> Numbers:
        """The places of the texts that say nothing."""
        if not self.count:
            return np.zeros(0, dtype=np.int64)
        first = self._bytes[np.concatenate(([0], self._ends[:-1] + 1))]
        doubtful = np.flatnonzero((first < _PRINTABLE[0]) | (first > _PRINTABLE[1])).tolist()
        return np.array([place for place in doubtful if not self[place].strip()], dtype=np.int64)

    def __getitem__(self, place: int) -> str:
        start = 0 if place == 0 else int(self._ends[place - 1]) + 1
        return self._data[start : int(self._ends[place])].decode()

    def quoted(self) -> pl.Series:
        """The texts as JSON writes them between its quotes (RFC 8785)."""
        if not self.count:
            return pl.Series(dtype=pl.String)
        texts = pl.Series([self._data.decode()]).str.split("\0").explode()
        if len(self._data.translate(None, _SPECIAL)) == len(self._data):
            return texts
        places = np.unique(np.searchsorted(self._ends, np.flatnonzero(_IS_SPECIAL[self._bytes])))
        plain: list[str] = texts.to_list()
        for place in places.tolist():
            plain[place] = inner_json(plain[place])
        return pl.Series(plain, dtype=pl.String)


def inner_json(text: str) -> str:
    """A text as JSON writes it, without the quotes around it."""
    return encode_basestring(text)[1:-1]


def pool_of(texts: Iterable[str]) -> pl.Series:
    """Texts to be gathered by their places."""
    return pl.Series(list(texts), dtype=pl.String)
