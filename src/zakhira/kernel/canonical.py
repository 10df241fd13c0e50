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


def canonical_bytes(value: Json) -> bytes:
    """Encode plain data as RFC 8785 JSON.

    Raises:
        NotCanonical: the value holds NaN, an integer beyond 2^53 or something that is not JSON.
    """
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
