"""A private bitcoind in a folder: started, taken over from a killed run, mended, told from what is none."""

from __future__ import annotations

import errno
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from zakhira.adapters.bitcoind import process as process_module
from zakhira.adapters.bitcoind.node import BitcoindChain
from zakhira.adapters.bitcoind.process import BitcoindProcess
from zakhira.flows.ports.chain import Block
from zakhira.flows.ports.chain_errors import (
    NodeDiskFull,
    NodeFolderInUse,
    NodeStartFailed,
    NodeUnreachable,
    PortInUse,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
LATER = START + timedelta(days=20)

ORPHAN = """
import sys, time
from datetime import datetime, UTC
from pathlib import Path
from zakhira.adapters.bitcoind.process import BitcoindProcess
node = BitcoindProcess.start(Path(sys.argv[1]), Path(sys.argv[2]), datetime(2026, 1, 1, tzinfo=UTC))
print(node.pid, flush=True)
time.sleep(600)
"""


def chain_of(process: BitcoindProcess) -> BitcoindChain:
    return BitcoindChain(process.rpc, process.remember_time)


def mine_days(process: BitcoindProcess) -> tuple[Block, ...]:
    return chain_of(process).mine_to(30, LATER)


@pytest.fixture
def fake_program(tmp_path: Path) -> Path:
    """A program that says what its file ``words`` holds and ends, as bitcoind does when it cannot start."""
    program = tmp_path / "fake" / "bitcoind"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\n[ $# = 1 ] && exit 0\ncat "$(dirname "$0")/words" >&2\nexit 1\n')
    (program.parent / "words").write_text("")
    program.chmod(0o755)
    return program


def test_it_starts_answers_and_stops(bitcoind_path: Path, tmp_path: Path) -> None:
    """Stopping is graceful, leaves no process, may be repeated, and the folder is free again."""
    process = BitcoindProcess.start(bitcoind_path, tmp_path, START)
    assert process.is_alive()
    assert process.explain_end() is None
    assert process.rpc.call("getpeerinfo") == []
    assert process.rpc.call("getindexinfo")["basic block filter index"]["synced"]
    pid = process.pid
    process.stop()
    process.stop()
    assert not psutil.pid_exists(pid)
    with BitcoindProcess.start(bitcoind_path, tmp_path, START) as again:
        assert again.is_alive()


def test_a_port_in_use_is_said(bitcoind_path: Path, tmp_path: Path) -> None:
    """A port that was asked for and is taken; the folder is free afterwards."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(PortInUse, match="Another program listens"):
            BitcoindProcess.start(bitcoind_path, tmp_path, START, port=other.getsockname()[1])
    with BitcoindProcess.start(bitcoind_path, tmp_path, START) as process:
        assert process.is_alive()


def test_one_folder_serves_one_run(bitcoind_path: Path, tmp_path: Path) -> None:
    """A second start in a folder whose run lives does not touch the first one's node."""
    with BitcoindProcess.start(bitcoind_path, tmp_path, START) as first:
        with pytest.raises(NodeFolderInUse):
            BitcoindProcess.start(bitcoind_path, tmp_path, START)
        assert first.rpc.call("getblockcount") == 0


@pytest.mark.parametrize("stopped", [False, True])
def test_a_node_that_a_killed_run_left_is_ended(bitcoind_path: Path, tmp_path: Path, *, stopped: bool) -> None:
    """Our process dies by SIGKILL, its node lives on (or hangs): the next start ends it and has the folder."""
    run = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, str(bitcoind_path), str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    left = psutil.Process(int(run.stdout.readline()))
    run.kill()
    run.communicate()
    assert left.is_running()
    if stopped:
        left.send_signal(signal.SIGSTOP)
    with BitcoindProcess.start(bitcoind_path, tmp_path, START) as process:
        assert process.pid != left.pid
        assert not left.is_running() or left.status() == psutil.STATUS_ZOMBIE
        assert process.rpc.call("getblockcount") == 0


def test_blocks_from_the_future_do_not_stop_a_start(bitcoind_path: Path, tmp_path: Path) -> None:
    """The chain is at day 20 when the node is killed; it starts again with the clock of day 0 given.

    Once from the clock that was noted, once with that note lost as well.
    """
    process = BitcoindProcess.start(bitcoind_path, tmp_path, START)
    recorded = mine_days(process)
    process.stop()
    with BitcoindProcess.start(bitcoind_path, tmp_path, START) as noted:
        assert chain_of(noted).tip() == (30, recorded[-1].hash)
    (tmp_path / "clock").unlink()
    with BitcoindProcess.start(bitcoind_path, tmp_path, START) as unnoted:
        assert chain_of(unnoted).tip() == (30, recorded[-1].hash)
        chain_of(unnoted).set_time(LATER)
        assert chain_of(unnoted).mine_to(31, LATER + timedelta(hours=1))[0].height == 31


def test_a_killed_node_explains_itself_and_is_restored(bitcoind_path: Path, tmp_path: Path) -> None:
    """Kill -9 in the middle of work: the next call names the signal; a new start and the record bring all back."""
    process = BitcoindProcess.start(bitcoind_path, tmp_path, START)
    chain = chain_of(process)
    recorded = mine_days(process)
    psutil.Process(process.pid).kill()
    with pytest.raises(NodeUnreachable, match="signal 9"):
        chain.tip()
    process.stop()
    with BitcoindProcess.start(bitcoind_path, tmp_path, START) as again:
        chain_of(again).restore(recorded)
        assert chain_of(again).tip() == (30, recorded[-1].hash)


def test_damaged_block_files_are_made_anew(bitcoind_path: Path, tmp_path: Path) -> None:
    """A torn chain state: the node starts empty, keeps its wallets, and takes the recorded blocks."""
    with BitcoindProcess.start(bitcoind_path, tmp_path, START) as process:
        chain_of(process).fund_pools({"alpha": 1}, START)
        recorded = chain_of(process).blocks(1, 101)
    for name in ("chainstate", "blocks/index"):
        for file in (tmp_path / "regtest" / name).iterdir():
            file.write_bytes(b"torn" * 10)
    with BitcoindProcess.start(bitcoind_path, tmp_path, START) as again:
        assert chain_of(again).tip()[0] == 0
        chain_of(again).restore(recorded)
        assert chain_of(again).tip() == (101, recorded[-1].hash)
        wallets = again.rpc.call("listwalletdir")["wallets"]
        assert "pool-alpha" in {wallet["name"] for wallet in wallets}


def test_a_torn_wallet_is_replaced(bitcoind_path: Path, tmp_path: Path) -> None:
    """A wallet that does not load is left where it is; its successor sees the same coins."""
    with BitcoindProcess.start(bitcoind_path, tmp_path, START) as process:
        chain_of(process).fund_pools({"alpha": 1}, START)
    (tmp_path / "regtest/wallets/pool-alpha/wallet.dat").write_bytes(b"SQLite format 3\0" + b"torn" * 2000)
    with BitcoindProcess.start(bitcoind_path, tmp_path, START) as again:
        chain = chain_of(again)
        chain.fund_pools({"alpha": 1}, START)
        assert chain.tip()[0] == 101
        assert again.rpc.call("getbalance", wallet="pool-alpha.2") > 0
        assert (tmp_path / "regtest/wallets/pool-alpha/wallet.dat").read_bytes().endswith(b"torn")


def test_a_wallet_that_was_half_made_is_replaced(bitcoind_path: Path, tmp_path: Path) -> None:
    """Killed before the wallet's flags were written: it loads, without descriptors; its successor serves."""
    with BitcoindProcess.start(bitcoind_path, tmp_path, START) as process:
        chain_of(process).fund_pools({"alpha": 1}, START)
    with closing(sqlite3.connect(tmp_path / "regtest/wallets/pool-alpha/wallet.dat")) as wallet, wallet:
        assert wallet.execute("DELETE FROM main WHERE key <> ?", (b"\x0aminversion",)).rowcount > 0
    with BitcoindProcess.start(bitcoind_path, tmp_path, START) as again:
        chain_of(again).fund_pools({"alpha": 1}, START)
        assert again.rpc.call("getbalance", wallet="pool-alpha.2") > 0
        assert not again.rpc.call("getwalletinfo", wallet="pool-alpha")["descriptors"]


def test_a_key_without_its_descriptor_is_left(bitcoind_path: Path, tmp_path: Path) -> None:
    """Killed between the two, a wallet has the key and does not take it again; its successor serves from then on."""
    with BitcoindProcess.start(bitcoind_path, tmp_path, START) as process:
        chain_of(process).fund_pools({"alpha": 1}, START)
    with closing(sqlite3.connect(tmp_path / "regtest/wallets/pool-alpha/wallet.dat")) as wallet, wallet:
        kept = (b"\x0aminversion", b"\x05flags", b"\x13walletdescriptorkey")
        gone = " AND ".join(["instr(key, ?) <> 1"] * len(kept))
        assert wallet.execute(f"DELETE FROM main WHERE {gone}", kept).rowcount > 0  # noqa: S608 - made of constants
    for _ in range(2):
        with BitcoindProcess.start(bitcoind_path, tmp_path, START) as again:
            chain_of(again).fund_pools({"alpha": 1}, START)
            assert again.rpc.call("getbalance", wallet="pool-alpha.2") > 0
            assert "pool-alpha.3" not in again.rpc.call("listwallets")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("Error: Disk space is too low!", NodeDiskFull),
        ("Error: Unable to start HTTP server. See debug log for details.", PortInUse),
        ("Error: something new", NodeStartFailed),
        ("", NodeStartFailed),
    ],
)
def test_a_program_that_ends_is_told_by_its_words(
    fake_program: Path, tmp_path: Path, words: str, error: type[Exception]
) -> None:
    """The last words are in the message where nothing better is known."""
    (fake_program.parent / "words").write_text(words)
    with pytest.raises(error) as caught:
        BitcoindProcess.start(fake_program, tmp_path / "node", START, start_timeout_s=10)
    assert error is not NodeStartFailed or (words or "(nothing)") in str(caught.value)


def test_a_program_that_stays_silent_is_ended(tmp_path: Path) -> None:
    """It never answers: after the time-out it is killed, and none is left."""
    program = tmp_path / "bitcoind"
    program.write_text("#!/bin/sh\n[ $# = 1 ] && exit 0\nexec sleep 300\n")
    program.chmod(0o755)
    began = time.monotonic()
    with pytest.raises(NodeStartFailed, match=r"was not ready within 0\.5 s"):
        BitcoindProcess.start(program, tmp_path / "node", START, start_timeout_s=0.5)
    assert time.monotonic() - began < 30


def test_a_folder_that_cannot_be_is_refused(bitcoind_path: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NodeStartFailed, match="Cannot use the folder"):
        BitcoindProcess.start(bitcoind_path, tmp_path / "file" / "node", START)


def test_a_full_disk_is_said_even_if_the_node_could_not(
    fake_program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing left bitcoind aborts without a word: the free space tells."""
    monkeypatch.setattr(process_module, "MIN_FREE_BYTES", 2**62)
    with pytest.raises(NodeDiskFull, match="full"):
        BitcoindProcess.start(fake_program, tmp_path / "node", START, start_timeout_s=10)


def test_a_clock_that_cannot_be_noted_is_an_error(
    bitcoind_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full when the node's clock is noted: said, and the clock is not moved."""
    with BitcoindProcess.start(bitcoind_path, tmp_path, START) as process:
        chain = chain_of(process)

        def full(*_: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_text", full)
            with pytest.raises(NodeDiskFull):
                chain.mine_to(1, LATER)
        assert chain.tip()[0] == 0
