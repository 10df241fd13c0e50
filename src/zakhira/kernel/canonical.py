"""Canonical bytes of plain data (RFC 8785) and the hashes over them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import rfc8785

from zakhira.kernel.errors import InvalidInput

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


class NotCanonical(InvalidInput):
    """Bytes are not the one canonical encoding of what they say."""

    code = "ZK-KERNEL-030"


_MAX_INT = 2**53 - 1
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def _is_simple(value: object) -> bool:
    """Whether a value is one that the standard encoder writes in the same bytes: no floats, no keys beyond ASCII."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return -_MAX_INT <= value <= _MAX_INT  # type: ignore[operator]  # it is an int
    if kind is list or kind is tuple:
        return all(map(_is_simple, value))  # type: ignore[call-overload]  # it is a sequence
    if kind is dict:
        return all(type(key) is str and key.isascii() for key in value) and all(map(_is_simple, value.values()))  # type: ignore[attr-defined]  # it is a dict
    return False


def canonical_bytes(value: Json) -> bytes:
    """Encode plain data as RFC 8785 JSON.

    Where there are no floats and no keys beyond ASCII, the standard encoder writes the same bytes ten times as fast.

    Raises:
        NotCanonical: the value holds NaN, an integer beyond 2^53 or something that is not JSON.
    """
    if _is_simple(value):
        try:
            return _encode(value).encode()
        except UnicodeEncodeError as error:
            raise NotCanonical(f"Not encodable: {error}.", "Write the text without lone surrogates.") from None
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as error:
        raise NotCanonical(f"Not encodable: {error}.", "Use text for large integers; NaN is not allowed.") from None


def content_hash(value: Json) -> str:
    """SHA-256 over the canonical bytes, in hex."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()


def parse_canonical(data: bytes) -> Json:
    """Decode bytes that must be exactly the canonical encoding of their value.

    Raises:
        NotCanonical: not JSON, or another spelling of the same value (spaces, key order, repeated keys).
    """
    try:
        value: Json = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotCanonical(f"Not JSON: {error}.", "Fetch the file again from its source.") from None
    if canonical_bytes(value) != data:
        raise NotCanonical("The bytes are not the canonical encoding.", "Fetch the file again from its source.")
    return value
