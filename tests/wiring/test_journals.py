"""What opens a database, a node or a drill's keys is hidden in every log; and what a follower tells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zakhira.adapters.log.journal import Journal
from zakhira.flows.ports.chain_errors import NodeUnreachable
from zakhira.flows.ports.coin_store import Depth
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import Refused
from zakhira.wiring.command_journal import CommandJournal
from zakhira.wiring.follow_observer import UNOBSERVED, Instruments, log_turn
from zakhira.wiring.journals import journal_of, open_journal
from zakhira.wiring.reserve_folder import NodeAddress, ReserveFolder, ReserveTerms, write_terms
from zakhira.wiring.settings import Settings

SECRETS = ("dbs3cret", "n0de@pass", "n0de%40pass", "c0okiepart", "drill-passphrase", "my passphrase")
AWAY = NodeUnreachable("The node is away.", "Start it.")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the log lies."""
    return tmp_path / "log.jsonl"


def entries(log: Path) -> list[dict[str, Any]]:
    """What was written."""
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def reserve(tmp_path: Path) -> Path:
    """A reserve's folder whose nodes are opened by a password and by a cookie, with a drill's passphrase beside."""
    folder = ReserveFolder(tmp_path / "reserve")
    folder.keys.mkdir(parents=True)
    (folder.keys / "passphrase").write_text("drill-passphrase\n", encoding="utf-8")
    cookie = folder.root / "cookie"
    cookie.write_text("__cookie__:c0okiepart", encoding="utf-8")
    first = NodeAddress("http://user:n0de%40pass@127.0.0.1:1", None)
    second = NodeAddress("http://127.0.0.1:2", cookie)
    terms = ReserveTerms("r-1", tmp_path, "regtest", first, second, Depth((0,), (1,), 100), is_drill=True)
    write_terms(folder, terms)
    return folder.root


def opened(log: Path) -> Journal:
    """A log with the secrets of the settings hidden."""
    settings = Settings(database_url="postgresql://z:dbs3cret@host/x", passphrase="my passphrase")
    return open_journal(settings, str(log))


def test_secrets_of_settings_and_reserve_are_hidden(log: Path, reserve: Path) -> None:
    """Each by itself, without a name and out of any form, in a message and in a field."""
    journal = journal_of(opened(log), reserve)
    for secret in SECRETS:
        journal.info(f"it said {secret}!", other=[secret], **{f"n{secret}": 1})
        journal.failure(Refused(secret))
    text = log.read_text(encoding="utf-8")
    assert [secret for secret in SECRETS if secret in text] == []
    assert {entry["reserve"] for entry in entries(log)} == {"r-1"}


def test_a_folder_that_is_no_reserve_changes_nothing(log: Path, tmp_path: Path) -> None:
    """The log has no id then, and no error of its own."""
    for folder in (None, tmp_path / "none"):
        journal_of(opened(log), folder).info("x")
    assert [set(entry) for entry in entries(log)] == [{"time", "level", "event"}] * 2


def test_an_address_of_the_database_that_cannot_be_read_is_hidden_whole(log: Path) -> None:
    """Nobody can say which part of it is the password."""
    open_journal(Settings(database_url="postgres//z dbs3cret"), str(log)).info("postgres//z dbs3cret")
    assert "dbs3cret" not in log.read_text(encoding="utf-8")


def test_without_a_target_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    """No log was asked for; ``-`` is stderr."""
    open_journal(Settings(), None).info("x")
    assert capsys.readouterr() == ("", "")
    open_journal(Settings(), "-").info("y")
    told = capsys.readouterr()
    assert (told.out, json.loads(told.err)["event"]) == ("", "y")


def test_what_the_door_tells(log: Path, reserve: Path) -> None:
    """The end of a command with its exit code, an error with its code, a crash with its place and no message."""
    journal = CommandJournal(opened(log))
    journal.failed("zakhira reserve status", reserve, Refused("No.", ""), "ZK-KERNEL-003")
    journal.failed("zakhira check", None, ValueError("dbs3cret, and what nobody knows"), "ZK-CLI-001")
    journal.ended("zakhira check", None, 4, 0.12345)
    first, second, third = entries(log)
    assert (first["code"], first["message"], first["reserve"]) == ("ZK-KERNEL-003", "No.", "r-1")
    assert (second["event"], second["code"], second["type"]) == ("crashed", "ZK-CLI-001", "ValueError")
    assert "nobody knows" not in str(second)
    assert (third["event"], third["exit"], third["seconds"], third["command"]) == (
        "command ended",
        4,
        0.123,
        "zakhira check",
    )


def test_turns_are_counted_and_trouble_is_told_once(log: Path) -> None:
    """Every error counts, the same one is logged once, and that it goes on is logged."""
    now = [100.0]
    instruments = Instruments(opened(log), lambda: now[0])
    assert instruments.figures().since_turn_s is None
    instruments.turned({"height": 5, "hash": "aa"})
    instruments.turned(None)
    now[0] = 130.0
    for _ in range(3):
        instruments.failed(AWAY)
    figures = instruments.figures()
    assert (figures.turns, figures.since_turn_s, figures.errors) == (2, 30.0, {"ZK-CHAIN-001": 3})
    instruments.turned(None)
    instruments.failed(AWAY)
    instruments.ended(AWAY)
    told = [(entry["level"], entry["event"], entry.get("code")) for entry in entries(log)]
    assert told == [
        ("info", "turn", None),
        ("error", "failed", "ZK-CHAIN-001"),
        ("info", "following again", None),
        ("error", "failed", "ZK-CHAIN-001"),
        ("error", "following ended", "ZK-CHAIN-001"),
    ]


def test_what_happened_in_a_turn_is_told_by_how_bad_it_is(log: Path) -> None:
    """A theft and a loss are errors, what was noticed and a reorganisation are warnings, spends are news."""
    facts: dict[str, Json] = {
        "height": 7,
        "blocks_taken_back": 1,
        "arrivals": [{"payer": "somebody"}],
        "unexplained_spends": [{"outpoint": "aa:0", "amount_sats": 5}],
        "unexplained_in_mempool": [["bb:0", "cc"]],
        "lost": ["dd:0"],
        "flagged": [{"outpoint": "ee:0", "flags": ["late"]}],
        "stuck": ["ff:0"],
        "spends": {"confirmed": ["pay-1"], "ended": []},
    }
    log_turn(opened(log), facts)
    assert [(entry["level"], entry["event"], entry.get("what")) for entry in entries(log)] == [
        ("warning", "turn", None),
        ("error", "coin spent by somebody else", {"outpoint": "aa:0", "amount_sats": 5}),
        ("error", "coin would be spent by somebody else", ["bb:0", "cc"]),
        ("error", "coin lost to a reorganisation", "dd:0"),
        ("warning", "coin noticed", {"outpoint": "ee:0", "flags": ["late"]}),
        ("warning", "coin could not be judged", "ff:0"),
        ("info", "spend", "confirmed"),
    ]
    assert "somebody" not in str(entries(log)[0])


def test_nobody_needs_to_look() -> None:
    """A follower without instruments tells nothing and fails at nothing."""
    UNOBSERVED.turned({"height": 1})
    UNOBSERVED.failed(AWAY)
