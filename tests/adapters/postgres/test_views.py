"""What analysts read: the views say what the books say, are all explained, and are all that the reader's login sees."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from decimal import Decimal

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow, dict_row
from psycopg.sql import SQL, Identifier

from books_bench import DUE, INTAKE, ROYALTY, START, invoice, receipt, shared_template, sweep, write
from conftest import PROJECT
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.passfiles import Login
from zakhira.flows.ports.books import Record, Write
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import utc_text

PAGE = PROJECT / "docs" / "analysts.md"
UPDATE = "ZAKHIRA_UPDATE_GOLDEN"
"""With 1 the page's tables are written anew from the comments in the database."""
BEGIN, END = "<!-- views: made from the database's comments -->", "<!-- end of the views -->"


@pytest.fixture
def reader(copy_name: str) -> Iterator[Connection[TupleRow]]:
    """An analyst's connection."""
    with psycopg.connect(shared_template().server.dsn(copy_name, Login.READER), autocommit=True) as connection:
        yield connection


def rows(connection: Connection[TupleRow], view: str) -> list[dict[str, object]]:
    """Everything in a view."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(SQL("SELECT * FROM zakhira_views.{}").format(Identifier(view))).fetchall()


def described(connection: Connection[TupleRow]) -> dict[str, tuple[str | None, list[tuple[str, str, str | None]]]]:
    """Each view with its comment, and its columns with type and comment."""
    found = connection.execute(
        "SELECT relname, obj_description(pg_class.oid, 'pg_class'), attname, format_type(atttypid, atttypmod), "
        "col_description(pg_class.oid, attnum) FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid "
        "WHERE relnamespace = 'zakhira_views'::regnamespace AND attnum > 0 ORDER BY relname, attnum"
    ).fetchall()
    views: dict[str, tuple[str | None, list[tuple[str, str, str | None]]]] = {}
    for view, told, column, kind, comment in found:
        views.setdefault(view, (told, []))[1].append((column, kind, comment))
    return views


def page_text(connection: Connection[TupleRow]) -> str:
    """The part of the page that is made from the comments."""
    lines = [BEGIN, ""]
    for view, (told, columns) in described(connection).items():
        lines += [f"### {view}", "", str(told), "", "| column | type | meaning |", "|---|---|---|"]
        lines += [f"| `{column}` | {kind} | {comment} |" for column, kind, comment in columns]
        lines.append("")
    return "\n".join((*lines, END))


def test_everything_is_explained_and_the_page_says_the_same(owner: Connection[TupleRow]) -> None:
    """No view and no column without a comment; the page holds exactly these comments."""
    for view, (told, columns) in described(owner).items():
        assert told, view
        assert [column for column, _, comment in columns if not comment] == [], view
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    due = before + page_text(owner) + after
    if os.environ.get(UPDATE):
        PAGE.write_text(due, encoding="utf-8")
    assert text == due or os.environ.get(UPDATE)


def test_the_reader_sees_the_views_and_nothing_else(reader: Connection[TupleRow], owner: Connection[TupleRow]) -> None:
    """Each view can be read; no table, no function, no write, no other role."""
    views = sorted(described(owner))
    assert len(views) >= 12
    for view in views:
        rows(reader, view)
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)):
            reader.execute(SQL("DELETE FROM zakhira_views.{}").format(Identifier(view)))
    tables = owner.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'zakhira'::regnamespace AND relkind IN ('r', 'v')"
    ).fetchall()
    for (name,) in tables:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(SQL("SELECT * FROM zakhira.{}").format(Identifier(name)))
    allowed = owner.execute(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'zakhira'::regnamespace "
        "AND has_function_privilege('zakhira_reader', oid, 'EXECUTE')"
    ).fetchall()
    assert allowed == []
    for statement in ("SET ROLE zakhira_app", "CREATE TABLE zakhira_views.mine (a int)"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(statement.encode())


def test_the_questions_of_the_page_are_answered(books: PostgresBooks, reader: Connection[TupleRow]) -> None:
    """Each question on the page runs as it stands there."""
    books.commit(write("day-1", receipt(1), invoice(1, 905)))
    blocks = re.findall(r"\n\n((?:    .*\n|\n)+)", PAGE.read_text(encoding="utf-8"))
    questions = [block for block in blocks if block.strip().startswith("SELECT")]
    assert len(questions) == 5
    answers = [reader.execute(question.encode()).fetchall() for question in questions]
    assert [bool(answer) for answer in answers] == [True, True, True, True, False]


def test_the_views_say_what_the_books_say(books: PostgresBooks, reader: Connection[TupleRow]) -> None:
    """Entries, postings in both units, balances in their natural sign, lots, writes and the chain."""
    books.commit(write("day-1", receipt(1)))
    books.commit(write("day-2", sweep(2, 1, 400, 20), invoice(1, 905)))
    books.seal()
    balances = {row["account"]: row for row in rows(reader, "balances")}
    assert {code: row["units"] for code, row in balances.items()} == {
        code: amount.units for code, amount in books.balances().items()
    }
    assert (balances[ROYALTY]["natural_units"], balances[ROYALTY]["amount"]) == (500, Decimal("0.00000500"))
    assert balances[DUE]["amount"] == Decimal("9.05")
    postings = [row for row in rows(reader, "postings") if row["entry"] == "energy-1"]
    assert sorted((row["units"], row["amount"]) for row in postings) == [
        (-905, Decimal("-9.05")),
        (905, Decimal("9.05")),
    ]
    entries = {row["id"]: row for row in rows(reader, "entries")}
    assert set(entries) == {entry.id for entry in books.entries()}
    assert entries["royalty-1"]["entered_at"] is not None
    assert {(row["account"], row["units"]) for row in rows(reader, "lots")} >= {(INTAKE, 100)}
    accounts = {row["code"]: row for row in rows(reader, "accounts")}
    assert (accounts[INTAKE]["parent"], accounts[INTAKE]["decimals"]) == ("assets:vault", 8)
    head = books.chain_head()
    assert rows(reader, "chain_head") == [{"position": head.position, "hash": head.hash, "unsealed": 0}]
    assert [row["chain_hash"] for row in rows(reader, "writes")][-1] == head.hash
    (backing,) = rows(reader, "backing")
    assert backing["room_units"] == backing["available_units"] == 0


def test_the_newest_version_of_payouts_and_cases(
    books: PostgresBooks, reader: Connection[TupleRow], owner: Connection[TupleRow]
) -> None:
    """Records that changed show as they stand now, amounts in both units."""
    at = utc_text(START)
    payout: dict[str, Json] = {
        "campaign": "pay", "asset": "PKR", "rows": 2, "total": "500050", "tax": "1000", "source": "list 7",
        "proposed_by": "amina", "proposed_at": at,
    }  # fmt: skip
    case: dict[str, Json] = {
        "part": "chain", "subject": "vault cold", "what": "coins", "world": "1 sat", "books": "2 sat",
        "owner": "treasury", "halts": True, "opened_at": at, "changed_at": "", "because": "", "times": 1,
    }  # fmt: skip
    for number, state in enumerate(("open", "closed")):
        books.commit(Write(f"k{number}", "desk", "look", START, (), (Record("case", "c", {**case, "state": state}),)))
    owner.execute("SET session_replication_role = replica")  # no payout is made by hand otherwise
    for number, (state, released) in enumerate((("prepared", 0), ("released", 1))):
        body = json.dumps({**payout, "state": state, "released": released})
        owner.execute("INSERT INTO zakhira.record VALUES (%s, 2, 2, 'payout', 'p', %s)", (number + 1, body))
    (seen,) = rows(reader, "cases")
    assert (seen["state"], seen["is_halting"], seen["changed_at"]) == ("closed", True, None)
    (paid,) = rows(reader, "payouts")
    assert (paid["state"], paid["released"], paid["payees"]) == ("released", 1, 2)
    assert (paid["total_units"], paid["total"], paid["tax"]) == (500050, Decimal("5000.50"), Decimal("10.00"))


def test_records_in_no_form_hide_no_others(
    books: PostgresBooks, reader: Connection[TupleRow], owner: Connection[TupleRow]
) -> None:
    """Somebody with the application's login writes bodies that are none: they show as empty, the others as they are."""
    good: dict[str, Json] = {"halts": True, "opened_at": utc_text(START), "changed_at": "", "times": 1, "state": "open"}
    bad: list[Json] = [
        {"halts": "maybe", "opened_at": "yesterday", "changed_at": "2026-02-31T00:00:00Z", "times": "many"},
        {"halts": 1, "opened_at": "infinity", "changed_at": 7, "times": "1" * 30},
        {"times": 1.5, "halts": {}}, [], "x", {},
    ]  # fmt: skip
    for number, body in enumerate((*bad, good)):
        books.commit(Write(f"k{number}", "mallory", "break", START, (), (Record("case", f"c{number}", body),)))
    *broken, whole = sorted(rows(reader, "cases"), key=lambda row: str(row["id"]))
    assert (whole["is_halting"], whole["opened_at"], whole["times"]) == (True, START, 1)
    for row in broken:
        assert (row["is_halting"], row["opened_at"], row["changed_at"], row["times"]) == (None,) * 4
    owner.execute("SET session_replication_role = replica")  # no payout is made by hand otherwise
    none = json.dumps({"asset": "PKR", "rows": "x", "released": [], "total": "1e5", "tax": 10**40, "proposed_at": "z"})
    owner.execute("INSERT INTO zakhira.record VALUES (1, 2, 2, 'payout', 'p', %s)", (none,))
    (paid,) = rows(reader, "payouts")
    assert {paid[name] for name in ("payees", "released", "total", "tax_units", "proposed_at")} == {None}
