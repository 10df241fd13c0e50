"""One encoding for one value."""

from __future__ import annotations

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from zakhira.kernel.canonical import Json, NotCanonical, canonical_bytes, content_hash, parse_canonical

VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_canonical_bytes_read_back(value: Json) -> None:
    """Any plain value survives, and its hash is that of its bytes."""
    assert parse_canonical(canonical_bytes(value)) == value
    assert len(content_hash(value)) == 64


@pytest.mark.parametrize("data", [b'{"b":1,"a":2}', b'{"a": 1}', b'{"a":1,"a":1}', b"1.0", b"{", b"\xff", b"[1]\n"])
def test_another_spelling_is_refused(data: bytes) -> None:
    """Order, white space, repeated keys, other number forms and trailing bytes are refused."""
    with pytest.raises(NotCanonical, match="ZK-KERNEL-030"):
        parse_canonical(data)


@pytest.mark.parametrize("value", [float("nan"), 2**53, float("inf")])
def test_what_cannot_be_encoded_exactly_is_refused(value: float) -> None:
    """NaN, infinity and integers that JSON readers round are refused."""
    with pytest.raises(NotCanonical):
        canonical_bytes(value)


def test_key_order_does_not_change_the_hash() -> None:
    """Two spellings of one value have one hash."""
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(PLAIN)
def test_every_encoder_writes_the_same_bytes(value: Json) -> None:
    """The quick way for simple data gives the bytes of the reference encoder, or its refusal."""
    try:
        expected = rfc8785.dumps(value)
    except rfc8785.CanonicalizationError:
        with pytest.raises(NotCanonical):
            canonical_bytes(value)
        return
    assert canonical_bytes(value) == expected


def test_text_that_no_encoding_has_is_refused() -> None:
    """A lone surrogate, in either way of encoding."""
    for value in ("\ud800", ["\udfff", 1.5], {"key": "\ud800"}):
        with pytest.raises(NotCanonical):
            canonical_bytes(value)  # type: ignore[arg-type]  # lists of different kinds
