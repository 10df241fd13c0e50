"""The database's own refusals hold on the oldest PostgreSQL that we say we work with, too: Debian's 15."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from books_bench import OTHER_POSTGRES, shared_template
from conftest import PROJECT
from zakhira.adapters.postgres.programs import MAJOR_VERSION

DEBIANS = Path("/usr/lib/postgresql/15/bin")
HERE = Path(__file__).parent
IMPORTANT = (
    "test_other_versions.py",
    "test_schema.py",
    "test_guards.py",
    "test_invariants.py",
    "test_races.py",
    "test_seals_migration.py",
)
needs_15 = pytest.mark.skipif(
    not (DEBIANS / "postgres").exists(), reason=f"PostgreSQL 15 is NOT TESTED on this machine: {DEBIANS} is not there"
)


def test_the_server_is_the_one_that_was_asked_for() -> None:
    """The wheel's, or the one named in the environment, with which this very file is run again below."""
    other = os.environ.get(OTHER_POSTGRES)
    with psycopg.connect(shared_template().server.dsn()) as connection:
        major = connection.info.server_version // 10_000
    assert major == (int(Path(other).parent.name) if other else MAJOR_VERSION)


@needs_15
def test_the_important_tests_on_15() -> None:
    """Schema, roles, invariants, races and seals."""
    run_on_15(*(str(HERE / name) for name in IMPORTANT))


@needs_15
@pytest.mark.torture
@pytest.mark.timeout(1_500)
def test_all_tests_of_the_books_on_15() -> None:
    """Everything about the database, and the contract of the books."""
    # The embedded server itself is the wheel's.
    but = [
        word
        for name in ("test_server.py", "test_access.py", "test_kills.py")
        for word in ("--ignore", str(HERE / name))
    ]
    run_on_15(str(HERE), str(PROJECT / "tests" / "contracts" / "test_books.py"), *but)


def run_on_15(*what: str) -> None:
    """The same tests in a process of their own, on a server of that version."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not torture", "-k", "not on_15", *what],
        cwd=PROJECT,
        env={**os.environ, OTHER_POSTGRES: str(DEBIANS)},
        capture_output=True,
        text=True,
        check=False,
        timeout=1_200,
    )
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]
    assert " passed" in done.stdout or "[100%]" in done.stdout
