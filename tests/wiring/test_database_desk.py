"""``zakhira db`` on a drill's reserve: backed up while it works, restored to an instant and a write, and verified."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from books_bench import ACCOUNTS, INTAKE, ROYALTY, administrator_of, invoice, shared_template
from books_bench import write as one_write
from conftest import PROJECT
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.server import EmbeddedServer
from zakhira.cli.commands import zakhira
from zakhira.wiring.own_server import DATABASE, own_server
from zakhira.wiring.reserve_desk import open_archive
from zakhira.wiring.reserve_folder import ReserveFolder
from zakhira.wiring.services import ProgramServices
from zakhira.wiring.settings import Settings

SETTINGS = Settings(tools=PROJECT / ".tools")


@dataclass(frozen=True)
class Ground:
    """A reserve that was backed up, written on at two instants, and that is gone on since."""

    reserve: Path
    backup: Path
    between: datetime
    hashes: dict[str, str]
    units: dict[str, int]


def ask(*words: str, exit_code: int = 0, settings: Settings = SETTINGS) -> Any:  # noqa: ANN401 - JSON
    """The facts of a command."""
    result = CliRunner().invoke(zakhira, (*words, "--json"), obj=ProgramServices(settings))
    assert result.exit_code == exit_code, result.output
    return json.loads(result.stdout)


def state(reserve: Path) -> tuple[str, dict[str, int]]:
    """The sealed head of a reserve's books and its balances."""
    with open_archive(SETTINGS, reserve) as archive:
        archive.books.seal()
        units = {code: amount.units for code, amount in archive.books.balances().items() if amount.units}
        return archive.books.chain_head().hash, units


@pytest.fixture(scope="module")
def ground(reserves_folder: Path) -> Iterator[Ground]:
    """Backed up with one invoice in it; a second follows, an instant, and a third."""
    reserve, backup = reserves_folder / "db", reserves_folder / "db-backup"
    ask("reserve", "init", str(reserve), "--programme", str(PROJECT / "programmes" / "small"), "--drill")
    hashes: dict[str, str] = {}
    units: dict[str, int] = {}
    with own_server(ReserveFolder(reserve)):  # stays up between the commands
        with open_archive(SETTINGS, reserve) as archive:
            archive.books.open_accounts(tuple(one for one in ACCOUNTS if one.code not in (INTAKE, ROYALTY)))
            archive.books.commit(one_write("first", invoice(1, 100)))
        hashes["first"], _ = state(reserve)
        told = ask("db", "backup", str(reserve), "--to", str(backup), exit_code=3)
        assert not told["archives"]  # this block uses the server, so that it was not started anew
    with own_server(ReserveFolder(reserve)):
        assert ask("db", "backup", str(reserve), "--to", str(backup))["archives"]
        with open_archive(SETTINGS, reserve) as archive:
            archive.books.commit(one_write("second", invoice(2, 30)))
        hashes["second"], units = state(reserve)
        time.sleep(0.01)
        with psycopg.connect(administrator_of(reserve)) as connection:
            row = connection.execute("SELECT clock_timestamp()").fetchone()
            assert row is not None
            between = row[0].astimezone(UTC)
        time.sleep(0.01)
        with open_archive(SETTINGS, reserve) as archive:
            archive.books.commit(one_write("third", invoice(3, 7)))
        hashes["third"], _ = state(reserve)
    # The last command out has stopped the server: its log is whole in the archive.
    made = Ground(reserve, backup, between, hashes, units)
    yield made
    assert state(reserve)[0] == hashes["third"]


def test_restored_to_the_instant_between(ground: Ground, reserves_folder: Path) -> None:
    """The write before the instant is there, the one after is not; chain and balances are those of then, and go on."""
    to = reserves_folder / "between"
    told = ask("db", "restore", str(ground.backup), "--to", str(to), "--until", ground.between.isoformat())
    assert (told["newest_write"], told["breaks"]) == ("second", [])
    assert state(to) == (ground.hashes["second"], ground.units)
    with open_archive(SETTINGS, to) as archive:
        assert archive.books.done("third") is None
        archive.books.commit(one_write("another third", invoice(3, 8)))
        assert archive.books.breaks() == ()
    status = ask("db", "status", str(to))
    assert status["archive"] is None, "the copy writes nothing into the archive of the original"
    assert ask("db", "verify", str(to), "--backup", str(ground.backup))["breaks"] == []


def test_restored_to_a_write_and_to_the_end(ground: Ground, reserves_folder: Path) -> None:
    """The write that was named is the last one; without a target everything is there."""
    by_write, whole = reserves_folder / "by-write", reserves_folder / "whole"
    told = ask("db", "restore", str(ground.backup), "--to", str(by_write), "--until-write", "second")
    assert (told["newest_write"], told["breaks"]) == ("second", [])
    assert state(by_write) == (ground.hashes["second"], ground.units)
    assert ask("db", "restore", str(ground.backup), "--to", str(whole))["newest_write"] == "third"
    assert state(whole)[0] == ground.hashes["third"]
    secret = whole / "database-keys"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o700
    old = (ground.reserve / "database-keys" / "postgres.pgpass").read_text()
    assert (secret / "postgres.pgpass").read_text() != old, "a backup opens nothing"


def test_what_cannot_be_restored(ground: Ground, reserves_folder: Path) -> None:
    """Before the first copy, behind the log, an unknown write, over something: said, and nothing is left behind."""
    backup, to = str(ground.backup), reserves_folder / "never"
    words = ("db", "restore", backup, "--to")
    for target, code in (
        (("--until", "2020-01-01T00:00:00Z"), "ZK-POSTGRES-015"),
        (("--until", "2120-01-01T00:00:00Z"), "ZK-POSTGRES-015"),
        (("--until", "yesterday"), "ZK-WIRING-114"),
        (("--until", "2026-01-01T00:00:00+05:00"), "ZK-WIRING-114"),
        (("--until-write", "nobody's"), "ZK-POSTGRES-015"),
    ):
        assert ask(*words, str(to), *target, exit_code=2)["error"]["code"] == code
    assert ask(*words, str(ground.reserve), exit_code=2)["error"]["code"] == "ZK-WIRING-113"
    assert ask("db", "restore", str(to), "--to", str(to) + "2", exit_code=2)["error"]["code"] == "ZK-POSTGRES-014"
    assert ask(*words, str(to), "--dry-run")["dry_run"]
    assert not [path for path in reserves_folder.iterdir() if "never" in path.name]


def test_a_copy_that_was_altered_is_not_restored(ground: Ground, reserves_folder: Path) -> None:
    """One byte of a file, a file that is missing, one that was added, the manifest itself, the log: each is named."""
    backup, to = reserves_folder / "altered", reserves_folder / "from-altered"
    shutil.copytree(ground.backup, backup)
    copy = max(path for path in (backup / "base").iterdir() if path.is_dir())
    table = next(path for path in (copy / "base" / "1").iterdir() if path.stat().st_size == 8192)
    segment = next(path for path in (copy / "pg_wal").iterdir() if path.is_file())
    kept = {path: path.read_bytes() for path in (table, segment, copy / "backup_manifest")}
    alterations = (
        (table, bytes([kept[table][0] ^ 1]) + kept[table][1:], "was altered"),
        (table, None, "is missing"),
        (table, kept[table] + b"x", "8,193 bytes"),
        (copy / "base" / "1" / "new", b"", "was added"),
        (segment, bytes(len(kept[segment])), "its log cannot be read"),
        (copy / "backup_manifest", kept[copy / "backup_manifest"].replace(b"GMT", b"UTC", 1), "it was altered"),
    )
    for path, data, words in alterations:
        if data is None:
            path.unlink()
        else:
            path.write_bytes(data)
        told = ask("db", "restore", str(backup), "--to", str(to), exit_code=3)["error"]
        assert (told["code"], words in told["message"]) == ("ZK-POSTGRES-013", True), told["message"]
        path.unlink(missing_ok=True)
        if path in kept:
            path.write_bytes(kept[path])
    assert not to.exists()


def described_anew(backup: Path, change: Callable[[Path], None]) -> None:
    """Change files of the newest copy and its manifest so that its checksums hold again, as who can write there may."""
    copy = max(path for path in (backup / "base").iterdir() if path.is_dir())
    change(copy)
    manifest = copy / "backup_manifest"
    told = json.loads(manifest.read_text())
    for one in told["Files"]:
        path = copy / one["Path"]
        one["Size"], one["Checksum"] = path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()
    del told["Manifest-Checksum"]
    text = json.dumps(told)[: -len("}")] + ",\n"
    manifest.write_text(f'{text}"Manifest-Checksum": "{hashlib.sha256(text.encode()).hexdigest()}"}}\n')


def test_settings_in_a_backup_run_no_command(ground: Ground, reserves_folder: Path) -> None:
    """Commands planted in the copy's settings, with a manifest made to fit, are not run at the restore nor after it."""
    backup, to, mark = reserves_folder / "planted", reserves_folder / "from-planted", reserves_folder / "mark"
    shutil.copytree(ground.backup, backup)

    def plant(copy: Path) -> None:
        for name, setting in (
            ("postgresql.auto.conf", " recovery_end_command"),
            ("postgresql.conf", "archive_cleanup_command"),
            ("postgresql.conf", "shared_preload_libraries"),
        ):
            with (copy / name).open("a") as out:
                out.write(f"{setting} = 'touch {mark}'\n")
        with (copy / "pg_hba.conf").open("a") as out:
            out.write("local all all trust\n")

    described_anew(backup, plant)
    assert ask("db", "restore", str(backup), "--to", str(to))["breaks"] == []
    assert not mark.exists()
    for name in ("postgresql.auto.conf", "postgresql.conf", "pg_hba.conf"):
        text = (to / "database" / name).read_text()
        assert "touch" not in text
        assert "trust" not in text


def test_a_chain_that_is_not_the_one_in_the_description(ground: Ground, reserves_folder: Path) -> None:
    """The copy says how far its chain was: what is restored must go through there."""
    backup, to = reserves_folder / "renamed", reserves_folder / "from-renamed"
    shutil.copytree(ground.backup, backup)
    for path in (backup / "base").glob("*.json"):
        told = json.loads(path.read_text())
        assert told["position"] > 0
        path.write_text(json.dumps({**told, "hash": "ab" * 32}))
    error = ask("db", "restore", str(backup), "--to", str(to), exit_code=3)["error"]
    assert (error["code"], "ab" * 32 in error["message"]) == ("ZK-POSTGRES-016", True)
    assert not to.exists()


def test_a_restore_that_was_killed_is_begun_anew(ground: Ground, reserves_folder: Path) -> None:
    """What it left, with its server running in it, is ended and removed."""
    to = reserves_folder / "again"
    left = EmbeddedServer.start(reserves_folder / ".again.restoring" / "database")
    pid = left.pid()
    assert pid is not None
    assert ask("db", "restore", str(ground.backup), "--to", str(to))["breaks"] == []
    assert left.pid() is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_status_names_what_is_not_as_it_should_be(ground: Ground) -> None:
    """A role that may log in, one that was given a table, a migration that is pending: no, with the reason."""
    with own_server(ReserveFolder(ground.reserve)):
        before = ask("db", "status", str(ground.reserve))
        assert before["faults"] == []
        assert before["last_backup"]["position"] < before["position"]
        assert before["newest_write"] == "third"
        with psycopg.connect(administrator_of(ground.reserve), autocommit=True) as connection:
            for change, back, words in (
                ("ALTER ROLE zakhira_app LOGIN", "ALTER ROLE zakhira_app NOLOGIN", "it may log in"),
                (
                    "GRANT UPDATE ON zakhira.balance TO zakhira_app",
                    "REVOKE UPDATE ON zakhira.balance FROM zakhira_app",
                    "it may UPDATE zakhira.balance",
                ),
                (
                    "GRANT zakhira_watcher TO zakhira_app_login",
                    "REVOKE zakhira_watcher FROM zakhira_app_login",
                    "one login is a member of zakhira_app, zakhira_watcher",
                ),
                (
                    "REVOKE SELECT ON zakhira.record FROM zakhira_auditor",
                    "GRANT SELECT ON zakhira.record TO zakhira_auditor",
                    "it may not read zakhira.record",
                ),
                (
                    "GRANT SELECT ON zakhira.entry TO zakhira_reader",
                    "REVOKE SELECT ON zakhira.entry FROM zakhira_reader",
                    "it may read zakhira.entry",
                ),
            ):
                connection.execute(change.encode())
                faults = ask("db", "status", str(ground.reserve), exit_code=1)["faults"]
                assert any(words in fault for fault in faults), (words, faults)
                connection.execute(back.encode())
        assert ask("db", "status", str(ground.reserve))["faults"] == []


def test_new_passwords_and_a_busy_database(ground: Ground) -> None:
    """Refused while another command works; else every login has another password and everything works on."""
    path = ground.reserve / "database-keys" / "zakhira_app_login.pgpass"
    before = path.read_text()
    with own_server(ReserveFolder(ground.reserve)):
        told = ask("db", "init", str(ground.reserve), "--new-passwords", exit_code=3)
        assert told["error"]["code"] == "ZK-WIRING-112"
    assert ask("db", "init", str(ground.reserve), "--new-passwords", "--dry-run")["new_passwords"]
    assert path.read_text() == before
    ask("db", "init", str(ground.reserve), "--new-passwords")
    assert path.read_text() != before
    assert ask("db", "migrate", str(ground.reserve))["migrations"] == []


def test_a_server_of_ones_own(ground: Ground) -> None:
    """Named by its address: status and verification work, backups are its own, and nothing named is refused."""
    template = shared_template()
    name = template.fresh_database()
    logins = template.logins(name)
    settings = replace(
        SETTINGS, database_url=logins.app, database_owner_url=logins.owner, database_watcher_url=logins.watcher
    )
    try:
        assert ask("db", "init", settings=settings)["migrations"] == []
        told = ask("db", "status", settings=settings, exit_code=1)
        assert not told["is_embedded"]
        assert told["faults"] == ["PUBLIC: it may fill the disk with temporary tables"]
        with psycopg.connect(template.server.dsn(name), autocommit=True) as administrator:
            for statement in told["mends"]:
                administrator.execute(statement.encode())
        assert ask("db", "status", settings=settings)["faults"] == []
        assert ask("db", "verify", settings=settings)["breaks"] == []
        for words in (("db", "backup", "--to", "x"), ("db", "init", "--new-passwords")):
            assert ask(*words, exit_code=2, settings=settings)["error"]["code"] == "ZK-WIRING-111"
        assert ask("db", "status", exit_code=2)["error"]["code"] == "ZK-WIRING-110"
    finally:
        template.drop(name)


def test_verify_names_a_break(ground: Ground) -> None:
    """A balance that its owner wrote over is a break of the verification."""
    with own_server(ReserveFolder(ground.reserve)):
        server = EmbeddedServer.start(ground.reserve / "database")
        change = "UPDATE zakhira.balance SET units = units + %s WHERE units <> 0"
        with psycopg.connect(server.dsn(DATABASE), autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(change.encode(), (1,))
            assert ask("db", "verify", str(ground.reserve), exit_code=1)["breaks"]
            connection.execute(change.encode(), (-1,))
        with closing(PostgresBooks(server.logins(DATABASE))) as books:
            assert books.breaks() == ()
