"""Arrays in binary form: PostgreSQL reads out of them what was put in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from books_bench import shared_template
from zakhira.adapters.postgres import rows
from zakhira.adapters.postgres.packed import Packed, pack_days, pack_instants, pack_int4, pack_int8, pack_texts
from zakhira.adapters.postgres.rows import LONG, entry_columns, posting_columns, shape_columns
from zakhira.kernel.money import Amount, Commodity
from zakhira.ledger.entry import Entry, Posting

INSTANTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30, 23, 59, 59, 999_999), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy adds the zone
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
CASES: dict[str, tuple[Callable[[Sequence[Any]], Packed], str, st.SearchStrategy[Any]]] = {
    "int4": (pack_int4, "int4[]", st.integers(-(2**31), 2**31 - 1)),
    "int8": (pack_int8, "int8[]", st.integers(-(2**63), 2**63 - 1)),
    "text": (pack_texts, "text[]", TEXTS),
    "timestamptz": (pack_instants, "timestamptz[]", INSTANTS),
}


def read(connection: psycopg.Connection[Any], packed: Packed | str, type_: str) -> list[Any]:
    """What the server makes of it."""
    row = connection.execute(f"SELECT %s::{type_}".encode(), (packed,)).fetchone()
    assert row is not None
    found: list[Any] = row[0]
    return found


@pytest.fixture(scope="module")
def connection() -> Iterator[psycopg.Connection[Any]]:
    """A connection to any database, with instants in UTC."""
    with psycopg.connect(shared_template().server.dsn(), autocommit=True) as made:
        made.execute("SET timezone TO 'UTC'")
        yield made


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_goes_in_comes_out(connection: psycopg.Connection[Any], name: str, data: st.DataObject) -> None:
    """Numbers up to their bounds, texts in any script, instants to the microsecond, one for all or all different."""
    pack, type_, values = CASES[name]
    one = data.draw(values)
    given_values = data.draw(st.one_of(st.lists(values, min_size=1, max_size=80), st.just([one] * 70)))
    assert read(connection, pack(given_values), type_) == given_values


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(instants=st.lists(INSTANTS, min_size=1, max_size=60))
def test_days(connection: psycopg.Connection[Any], instants: list[datetime]) -> None:
    """The day of an instant, from the year 1 to 9999."""
    assert read(connection, pack_days(instants), "date[]") == [one.date() for one in instants]


def test_a_number_that_does_not_fit() -> None:
    """It is an error, and never another number."""
    for pack, most in ((pack_int4, 2**31), (pack_int8, 2**63)):
        with pytest.raises(OverflowError):
            pack([most])


def test_long_columns_say_what_short_ones_say(
    connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same entries in binary form and as text."""
    amount = Amount(-(2**62), Commodity.PKR)
    postings = (Posting("a", amount), Posting("b", -amount))
    entries = [
        Entry(
            f'e"{number}\\', datetime(2026, 1, 1 + number % 28, 3, 4, 5, number, tzinfo=UTC), "ادائیگی", "x", postings
        )
        for number in range(LONG)
    ]
    types = ["text[]", "timestamptz[]", "text[]", "text[]", "int4[]", *["int4[]"] * 3, "int8[]", "date[]", "text[]"]

    def columns() -> list[Packed | str | None]:
        return [*entry_columns(entries), *shape_columns(entries)[:1], *posting_columns(entries, {"a": 1, "b": 2})[:6]]

    packed = columns()
    monkeypatch.setattr(rows, "LONG", 10 * LONG)
    for binary, text, type_ in zip(packed, columns(), types, strict=True):
        assert isinstance(binary, Packed)
        assert isinstance(text, str)
        assert not isinstance(text, Packed)
        assert read(connection, binary, type_) == read(connection, text, type_)
