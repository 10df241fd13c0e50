"""A log on disk stays bounded and whole, whoever moves it away, and its end does not end the work."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from zakhira.adapters.log.journal import make_journal, to_file, to_stderr
from zakhira.adapters.log.log_file import LogFile, LogUnwritable

NOW = datetime(2026, 11, 28, tzinfo=UTC)


def test_lines_are_appended_for_the_owner_alone(tmp_path: Path) -> None:
    """Opened twice, the file has both lines, and nobody else may read it."""
    path = tmp_path / "log" / "follow.jsonl"
    for number in range(2):
        make_journal(to_file(path), lambda: NOW).info("followed", height=number)
    assert [json.loads(line)["height"] for line in path.read_text().splitlines()] == [0, 1]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_full_file_is_put_aside_and_the_oldest_is_dropped(tmp_path: Path) -> None:
    """With room for two lines each and two kept aside, of nine lines the last ones are there, none twice."""
    path = tmp_path / "a.jsonl"
    log = LogFile(path, max_bytes=12, kept=2)
    for number in range(9):
        assert log.write(f"line{number}")
    files = sorted(tmp_path.iterdir(), reverse=True)
    assert [file.name for file in files] == ["a.jsonl.2", "a.jsonl.1", "a.jsonl"]
    assert [line for file in files for line in file.read_text().splitlines()] == [f"line{n}" for n in range(4, 9)]


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    """Several logs on one file, each as a process would have it, with the file put aside often meanwhile."""
    path = tmp_path / "a.jsonl"
    logs = [LogFile(path, max_bytes=2_000, kept=50) for _ in range(4)]

    def write(number: int) -> None:
        assert logs[number % 4].write(f"line {number:04d}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(800)))
    lines = [line for file in tmp_path.iterdir() for line in file.read_text().splitlines()]
    assert sorted(lines) == [f"line {number:04d}" for number in range(800)]


def test_a_file_that_was_moved_away_is_made_anew(tmp_path: Path) -> None:
    """As logrotate does it."""
    path = tmp_path / "a.jsonl"
    log = LogFile(path)
    log.write("one")
    path.rename(tmp_path / "old")
    log.write("two")
    assert ((tmp_path / "old").read_text(), path.read_text()) == ("one\n", "two\n")


@pytest.mark.parametrize("name", ["folder", "file/inside", "nul\0"])
def test_a_log_that_cannot_be_is_an_error_at_once(tmp_path: Path, name: str) -> None:
    """Who asked for a log hears before any work that there will be none."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(LogUnwritable) as caught:
        LogFile(tmp_path / name)
    assert "cannot be written" in caught.value.message


def test_a_log_that_breaks_is_told_once_and_the_work_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    """A full disk ends the log, not the following of the chain."""
    log = LogFile(Path("/dev/full"))
    journal = make_journal(log.write, lambda: NOW)
    for _ in range(3):
        journal.info("followed")
    assert capsys.readouterr().err.count("cannot be written any more") == 1


def test_stderr_that_is_gone_is_told_as_unwritten(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A closed stderr is no crash."""
    with (tmp_path / "x").open("w") as gone:
        monkeypatch.setattr("sys.stderr", gone)
        assert to_stderr("a")
    assert not to_stderr("b")
    assert (tmp_path / "x").read_text() == f"a{os.linesep}"
