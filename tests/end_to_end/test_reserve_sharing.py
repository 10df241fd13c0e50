"""Commands of one reserve share its database and its private node, and the last one to leave ends both."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from end_to_end.conftest import SMALL, clean_environment, command, zakhira

WAIT_S = 60.0


def helpers(folder: Path) -> list[str]:
    """The programs that work in a reserve's folder: its node and its database."""
    found = []
    for process in psutil.process_iter(["name", "cmdline", "cwd"]):
        told = " ".join(process.info["cmdline"] or ()) + str(process.info["cwd"])
        if str(folder) in told and process.info["name"] in {"bitcoind", "postgres", "ld-linux-x86-64.so.2"}:
            found.append(str(process.info["name"]))
    return found


def wait_until_gone(folder: Path) -> None:
    deadline = time.monotonic() + WAIT_S
    while helpers(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert helpers(folder) == []


@pytest.fixture(scope="module")
def reserve(runs_folder: Path) -> Path:
    """A drill's reserve."""
    folder = runs_folder / "shared-reserve"
    made = zakhira("reserve", "init", str(folder), "--programme", str(SMALL), "--drill")
    assert made.code == 0, made.err
    assert helpers(folder) == [], "the database that was made is not left running"
    return folder


@pytest.fixture
def kept_up(reserve: Path) -> Iterator[subprocess.Popen[str]]:
    """``zakhira reserve node``, up."""
    process = subprocess.Popen(
        command("reserve", "node", str(reserve), "--json"), stdout=subprocess.PIPE, text=True, env=clean_environment({})
    )
    assert process.stdout is not None
    assert "{" in process.stdout.readline()
    yield process
    if process.poll() is None:
        process.kill()
    process.wait()
    process.stdout.close()


def test_others_use_what_runs_and_the_last_one_ends_it(reserve: Path, kept_up: subprocess.Popen[str]) -> None:
    """A status beside it leaves both up; ended by Ctrl-C, nothing is left."""
    before = sorted(helpers(reserve))
    assert before
    assert zakhira("reserve", "status", str(reserve), "--json").code == 0
    assert sorted(set(helpers(reserve))) == sorted(set(before))
    kept_up.send_signal(signal.SIGINT)
    assert kept_up.wait(WAIT_S) == 0
    wait_until_gone(reserve)


def test_what_a_killed_command_left_is_used_and_then_ended(reserve: Path, kept_up: subprocess.Popen[str]) -> None:
    """SIGKILL leaves node and database behind; the next command finds them, works, and ends them."""
    mined = zakhira("reserve", "mine", str(reserve), "--blocks", "2", "--json")
    assert mined.code == 0, mined.err
    os.kill(kept_up.pid, signal.SIGKILL)
    kept_up.wait()
    assert helpers(reserve)
    followed = zakhira("reserve", "follow", str(reserve), "--once", "--json")
    assert followed.code == 0, followed.err
    assert followed.facts["hash"] == mined.facts["hash"]
    wait_until_gone(reserve)
    again = zakhira("reserve", "status", str(reserve), "--json")
    assert again.facts["chain"]["followed_hash"] == mined.facts["hash"], "the chain is there after a new start"
    wait_until_gone(reserve)
