"""What goes wrong around a user: each is told with its code and what to do, and nothing half-written is left."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from end_to_end.conftest import (
    SMALL,
    FinishedRun,
    clean_environment,
    command,
    kill,
    processes_of,
    run_words,
    zakhira,
)

START_SECONDS = 30.0


def wait_for(path: Path) -> None:
    """Wait until a run has made a file."""
    deadline = time.monotonic() + START_SECONDS
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.05)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A copy of the small programme to break."""
    folder = tmp_path / "broken"
    shutil.copytree(SMALL, folder)
    return folder


def test_all_faults_of_a_programme_are_told_at_once(broken: Path, tmp_path: Path) -> None:
    """An unknown key, a zone named twice and a quorum above its keys: exit 2, each with file and line, nothing made."""
    path = broken / "programme.toml"
    text = path.read_text(encoding="utf-8")
    text = (
        text.replace("cap_mw", "cap_kw", 1)
        .replace('id = "north"', 'id = "south"', 1)
        .replace("threshold = 3", "threshold = 9")
    )
    path.write_text(text, encoding="utf-8")
    for words in (("check", str(broken)), run_words(tmp_path / "out", programme=broken)):
        ended = zakhira(*words)
        assert ended.code == 2
        assert ended.err.count("programme.toml line ") >= 3
        assert "Traceback" not in ended.err
    assert not (tmp_path / "out").exists()


def spoil(lines: list[str], fault: str) -> list[str]:
    """The lines of the surplus series with one fault in the fourth."""
    zone_hour_block, _, cost = lines[3].rsplit(",", 2)
    spoilt = {
        "unit missing": [lines[0].replace("surplus_mw", "surplus"), *lines[1:]],
        "gap": lines[:3] + lines[4:],
        "repeated hour": [*lines, lines[3]],
        "negative": [*lines[:3], f"{zone_hour_block},-3.2,{cost}", *lines[4:]],
        "NaN": [*lines[:3], f"{zone_hour_block},NaN,{cost}", *lines[4:]],
    }
    return spoilt[fault]


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        ("unit missing", "key surplus:"),
        ("gap", "key start_utc:"),
        ("repeated hour", "key start_utc:"),
        ("negative", "line 4, key surplus_mw:"),
        ("NaN", "line 4, key surplus_mw:"),
    ],
)
def test_a_faulty_series_is_told_with_its_line(broken: Path, fault: str, key: str) -> None:
    """Each fault of a CSV series: exit 2 with the file, the line and the key."""
    path = next((broken / "series").glob("surplus*.csv"))
    path.write_text("\n".join(spoil(path.read_text(encoding="utf-8").splitlines(), fault)) + "\n", encoding="utf-8")
    ended = zakhira("check", str(broken))
    assert ended.code == 2, ended.out
    assert path.name in ended.err
    assert key in ended.err


def test_days_beyond_the_horizon_are_refused(tmp_path: Path) -> None:
    """The series end after a week."""
    ended = zakhira(*run_words(tmp_path / "out", days=8))
    assert ended.code == 2
    assert "ZK-WIRING-005" in ended.err
    assert not (tmp_path / "out").exists()


def test_a_bitcoind_that_is_none_is_told(tmp_path: Path) -> None:
    """The setting names nothing that runs: exit 3 with how to get one."""
    ended = zakhira(*run_words(tmp_path / "out", days=1), environment={"ZAKHIRA_BITCOIND": "/nowhere/bitcoind"})
    assert ended.code == 3
    assert "ZK-BITCOIND-001" in ended.err
    assert not list(tmp_path.glob("out/report.html"))


def test_a_database_that_is_away_is_told_without_its_password(tmp_path: Path) -> None:
    """Nobody listens there: exit 3, and the password stays unsaid."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"postgresql://me:hunter2@127.0.0.1:{port}/none"
    ended = zakhira(*run_words(tmp_path / "out", days=1), environment={"ZAKHIRA_DATABASE_URL": url})
    assert ended.code == 3, ended.err
    assert "hunter2" not in ended.out + ended.err


def test_ctrl_c_stops_everything_and_the_run_carries_on(runs_folder: Path) -> None:
    """SIGINT: exit 130, no process left, no report; the same command then finishes the run."""
    out = runs_folder / "ذخیرہ of the test"
    with subprocess.Popen(
        command(*run_words(out, days=2)), env=clean_environment({}), stdout=subprocess.DEVNULL
    ) as run:
        wait_for(out / "node" / "regtest" / "wallets")
        os.kill(run.pid, signal.SIGSTOP)  # so that it is under way still, however long the second takes
        second = zakhira(*run_words(out, days=2))
        assert second.code == 3, "one run at a time in a folder"
        assert "ZK-WIRING-001" in second.err
        os.kill(run.pid, signal.SIGINT)
        os.kill(run.pid, signal.SIGCONT)
        assert run.wait(60) == 130
    assert not processes_of(out)
    assert not (out / "report.html").exists()
    assert not (out / "pack").exists()
    ended = zakhira(*run_words(out, days=2))
    assert ended.code == 0, ended.err
    assert ended.facts["summary"]["verdict"] == "VERIFIED"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 80 MB, for root alone to make."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", str(disk)], check=False, capture_output=True
    )
    if made.returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    kill(processes_of(disk))
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_is_told(small_disk: Path) -> None:
    """The node or the database finds no room: exit 3, and no report or pack that looks finished."""
    ended = zakhira(*run_words(small_disk / "out", days=1))
    assert ended.code == 3, ended.err
    assert "ZK-" in ended.err
    assert "Traceback" not in ended.err
    assert not (small_disk / "out" / "report.html").exists()


def test_a_trust_file_from_another_system_is_read(undisturbed: FinishedRun, tmp_path: Path) -> None:
    """A byte-order mark and other line ends are no fault; the node that is away then is (exit 3, not 2)."""
    trust = tmp_path / "trust.keys"
    text = (SMALL / "trust.keys").read_text(encoding="utf-8")
    trust.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    words = ("verify", str(undisturbed.out / "pack"), "--node", "http://a:b@127.0.0.1:1", "--trust", str(trust))
    assert zakhira(*words).code == 3


def test_a_node_on_another_chain_is_told(undisturbed: FinishedRun, bitcoind_path: Path, tmp_path: Path) -> None:
    """A signet node can say nothing of a regtest pack: neither yes nor no (exit 3), and both chains are named."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ["-signet", f"-datadir={tmp_path}", f"-rpcport={port}", "-listen=0", "-connect=0", "-dnsseed=0"]
    with subprocess.Popen([bitcoind_path, *arguments, "-printtoconsole=0", "-server=1"]) as node:
        cookie = tmp_path / "signet" / ".cookie"
        wait_for(cookie)
        time.sleep(2)
        ended = zakhira(
            "verify", str(undisturbed.out / "pack"), "--node", f"http://127.0.0.1:{port}", "--cookie", str(cookie),
            "--trust", str(SMALL / "trust.keys"),
        )  # fmt: skip
        node.terminate()
        node.wait(60)
    assert ended.code == 3, ended.err
    said = ended.out + ended.err
    assert "signet" in said
    assert "regtest" in said
    assert "NOT VERIFIED" in said
