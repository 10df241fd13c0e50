"""Write the list of guards that the migrations make, or check that it is of the present migrations.

    python scripts/pin_guards.py            # migrate scratch databases and write the list
    python scripts/pin_guards.py --check    # fail where the list is another

Run it after every change of a migration. It asks the wheel's server and PostgreSQL 15 of Debian, which words some
definitions otherwise; where that is not installed the list can be checked and not written.
"""

from __future__ import annotations

import csv
import io
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import psycopg

from zakhira.adapters.postgres import programs
from zakhira.adapters.postgres.guard_check import GUARDS, MIGRATIONS, OLD_WORDS, Guards, digest_of, read_guards
from zakhira.adapters.postgres.schema import load_migrations, migrate
from zakhira.adapters.postgres.server import EmbeddedServer

DEBIANS = Path(f"/usr/lib/postgresql/{OLD_WORDS}/bin")


def made() -> Guards:
    """The guards of a database that is migrated just now."""
    with tempfile.TemporaryDirectory(prefix="zk") as name:
        running = EmbeddedServer.start(Path(name) / "pg")
        try:
            with psycopg.connect(running.ensure_database("zakhira"), autocommit=True) as connection:
                migrate(connection, load_migrations())
                with connection.transaction():
                    return read_guards(connection)
        finally:
            running.stop()


@contextmanager
def debians() -> Iterator[None]:
    """Scratch servers are of the old version."""
    real = programs.find_programs
    place = "zakhira.adapters.postgres"
    with (
        patch(f"{place}.server.find_programs", lambda data: replace(real(data), folder=DEBIANS)),
        patch(f"{place}.data_folder.MAJOR_VERSION", OLD_WORDS),
    ):
        yield


def rendered(guards: Guards, old: Guards) -> str:
    """The list as a file has it."""
    if guards.keys() != old.keys():
        raise SystemExit(f"The versions make other guards: {sorted(guards.keys() ^ old.keys())}")
    migrations = load_migrations()
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow((MIGRATIONS, f"1 to {len(migrations)}", digest_of(migrations), ""))
    for key in sorted(guards):
        lines.writerow((*key, guards[key], "" if old[key] == guards[key] else old[key]))
    return text.getvalue()


def main() -> int:
    """Write or check."""
    there = GUARDS.read_text(encoding="utf-8") if GUARDS.exists() else ""
    if DEBIANS.exists():
        with debians():
            old = made()
        text = rendered(made(), old)
    elif "--check" in sys.argv[1:]:
        rows = {(kind, name): old or digest for kind, name, digest, old in csv.reader(io.StringIO(there))}
        guards = made()
        text = rendered(guards, {key: rows.get(key, digest) for key, digest in guards.items()})
    else:
        print(f"PostgreSQL {OLD_WORDS} is not in {DEBIANS}: install it to write the list.", file=sys.stderr)
        return 1
    if "--check" in sys.argv[1:]:
        if there == text:
            return 0
        print(f"{GUARDS.name} is not of these migrations: run scripts/pin_guards.py", file=sys.stderr)
        return 1
    GUARDS.write_text(text, encoding="utf-8")
    print(f"{GUARDS.name}: {text.count(chr(10))} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
