"""A private bitcoind on regtest: started in a folder of its own, watched, stopped, and taken over from a killed run."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from zakhira.adapters.bitcoind.last_words import LastWords, Trouble
from zakhira.adapters.bitcoind.program import bitcoind_version
from zakhira.adapters.bitcoind.rpc import DEFAULT_TIMEOUT_S, Rpc
from zakhira.flows.ports.chain_errors import (
    NodeDiskFull,
    NodeFolderInUse,
    NodeRefused,
    NodeStartFailed,
    NodeUnreachable,
    PortInUse,
)
from zakhira.kernel.errors import ZakhiraError

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
MIN_FREE_BYTES = 50 * 1024 * 1024
"""Below this bitcoind ends itself (Bitcoin Core, node/blockstorage); with nothing left it may not even log why."""
_POLL_S = 0.02
_ENDING_S = 0.5
"""A killed process closes its sockets a moment before it is gone."""
_STARTS = 4
"""Starts in all: a lost race for a port, a clock behind the chain and an index to rebuild each cost one."""
_FAR_FUTURE_S = 4_000_000_000
"""A clock after every block that this program will ever mine (the year 2096)."""
_LOCK, _CLOCK, _OUTPUT = "zakhira.lock", "clock", "bitcoind.out"
_REBUILT_FROM_RECORD = ("blocks", "chainstate", "indexes")


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _nodes_of(folder: Path) -> Iterator[int]:
    """Process ids of every bitcoind that works in this very folder; a zombie has no command line and is none."""
    wanted = f"-datadir={folder}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            arguments = (entry / "cmdline").read_bytes().split(b"\0")
            if wanted in arguments and any(argument.endswith(b"/bitcoind") for argument in arguments):
                yield int(entry.name)


def _wait_until(done: Callable[[], bool], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _end_stale(folder: Path) -> None:
    """End the bitcoind that a killed run left behind: asked first, then killed."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        for pid in _nodes_of(folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
                os.kill(pid, how)
        if _wait_until(lambda: not any(_nodes_of(folder)), STOP_TIMEOUT_S):
            return


def _folder_failure(folder: Path, error: OSError) -> ZakhiraError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return _disk_full(folder)
    return NodeStartFailed(f"Cannot use the folder {folder}: {error}.", "Give a folder that can be written.")


def _disk_full(folder: Path) -> NodeDiskFull:
    return NodeDiskFull(
        f"The disk of {folder} is full, so bitcoind cannot run.",
        f"Free at least {MIN_FREE_BYTES >> 20} MiB and run the same command again: it carries on.",
    )


def _lock_folder(folder: Path) -> IO[bytes]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / _LOCK).open("ab")
    except OSError as error:
        raise _folder_failure(folder, error) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise NodeFolderInUse(
            f"Another run works in {folder}.", "Wait until it has ended, or give another output folder."
        ) from None
    return lock


class BitcoindProcess:
    """A running private node. Use :meth:`start`; ``stop`` ends it and gives the folder back."""

    def __init__(self, program: Path, folder: Path, lock: IO[bytes], rpc_timeout_s: float) -> None:
        self._program = program
        self._folder = folder
        self._lock = lock
        self._rpc_timeout_s = rpc_timeout_s
        self._child: subprocess.Popen[bytes] | None = None
        self.version = bitcoind_version(program)
        self.port = 0

    @classmethod
    def start(
        cls,
        program: Path,
        folder: Path,
        now: datetime,
        *,
        port: int | None = None,
        start_timeout_s: float = START_TIMEOUT_S,
        rpc_timeout_s: float = DEFAULT_TIMEOUT_S,
        extra: Sequence[str] = (),
    ) -> Self:
        """Start the node on regtest in ``folder`` and wait until it answers.

        Its clock starts at ``now`` or where it was left, whichever is later: a node refuses to start with blocks from
        its future. A node that a killed run left there is ended first. If the node finds its block files damaged they
        are thrown away, since the caller keeps the private chain's blocks and restores them.

        Raises:
            NodeFolderInUse: another living run has the folder.
            PortInUse: ``port`` was given and somebody else listens there.
            NodeDiskFull: there is no space left.
            NodeStartFailed: anything else, with the node's last words.
        """
        folder = folder.absolute()
        lock = _lock_folder(folder)
        try:
            _end_stale(folder)
            process = cls(program, folder, lock, rpc_timeout_s)
        except BaseException:
            lock.close()
            raise
        try:
            process._launch(now, port, start_timeout_s, extra)
        except BaseException:
            process.kill()  # an interruption may come while the node starts
            raise
        return process

    @property
    def rpc(self) -> Rpc:
        """A connection of its own to the node."""
        return Rpc.local(self.port, self.cookie, timeout_s=self._rpc_timeout_s, explain=self.explain_end)

    @property
    def cookie(self) -> Path:
        """The file that opens the node's RPC, written anew at each start."""
        return self._folder / "regtest" / ".cookie"

    @property
    def url(self) -> str:
        """The node's address for RPC."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The node's process id."""
        assert self._child is not None, "a process is only handed out once it runs"
        return self._child.pid

    def is_alive(self) -> bool:
        """Whether the process runs (it may be starting, busy or stopped)."""
        return self._child is not None and self._child.poll() is None

    def remember_time(self, seconds: int) -> None:
        """Note the node's clock, so that the next start is not before any of its blocks."""
        if seconds > self._clock():
            fresh = self._folder / f"{_CLOCK}.new"
            try:
                fresh.write_text(str(seconds))
                fresh.replace(self._folder / _CLOCK)
            except OSError as error:
                raise _folder_failure(self._folder, error) from None

    def explain_end(self) -> ZakhiraError | None:
        """What happened to the node if it has ended or is just ending, or None while it runs."""
        if not _wait_until(lambda: not self.is_alive(), _ENDING_S):
            return None
        words = self._last_words()
        if words.trouble is Trouble.DISK_FULL or shutil.disk_usage(self._folder).free < MIN_FREE_BYTES:
            return _disk_full(self._folder)
        status = self._child.returncode if self._child else None
        ended = f"was ended by signal {-status}" if status is not None and status < 0 else f"ended with status {status}"
        return NodeUnreachable(f"bitcoind {ended}. Its last words: {words.text}", "Run the same command again.")

    def stop(self) -> None:
        """End the node and wait for it: asked over RPC, then by signal. Does nothing if it has ended."""
        child = self._child
        if child is not None and child.poll() is None:
            with contextlib.suppress(ZakhiraError):
                self.rpc.call("stop", timeout_s=5)
            for how in (signal.SIGCONT, signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(STOP_TIMEOUT_S)
                    break
                child.send_signal(how)
            child.wait()
        self._lock.close()

    def leave(self) -> None:
        """Let the node run on without us, for whoever found it meanwhile, and give the folder back."""
        self._lock.close()

    def kill(self) -> None:
        """End the node at once, as a crash would."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _clock(self) -> int:
        with contextlib.suppress(OSError, ValueError):
            return int((self._folder / _CLOCK).read_text())
        return 0

    def _launch(self, now: datetime, port: int | None, timeout_s: float, extra: Sequence[str]) -> None:
        clock = max(int(now.timestamp()), self._clock())
        for last in (False,) * (_STARTS - 1) + (True,):
            if port is not None and not _is_free(port):
                raise PortInUse(f"Another program listens on port {port}.", "Give another port, or end that program.")
            self.port = port if port is not None else _free_port()
            try:
                self._spawn(clock, extra)
            except OSError as error:
                raise _folder_failure(self._folder, error) from None
            if self._became_ready(timeout_s):
                return
            words = self._last_words()
            if last or not self._mended(words, port):
                raise self._start_failure(words, timeout_s)
            if words.trouble is Trouble.FUTURE_BLOCKS:
                clock = _FAR_FUTURE_S
        raise AssertionError("the last start either succeeds or raises")

    def _spawn(self, clock: int, extra: Sequence[str]) -> None:
        expiry = ["-softwareexpiry=0"] if "Knots" in self.version else []
        arguments = [
            "-regtest", f"-datadir={self._folder}", "-server=1", "-daemon=0", "-printtoconsole=0",
            "-rpcbind=127.0.0.1", "-rpcallowip=127.0.0.1", f"-rpcport={self.port}", "-rpcthreads=2",
            "-listen=0", "-connect=0", "-dnsseed=0", "-fixedseeds=0", "-natpmp=0", "-listenonion=0",
            "-i2pacceptincoming=0", "-blockfilterindex=1", f"-mocktime={clock}", "-par=1", "-dbcache=64",
            *expiry, *extra,
        ]  # fmt: skip
        (self._folder / "regtest" / "debug.log").unlink(missing_ok=True)
        with (self._folder / _OUTPUT).open("wb") as output:
            self._child = subprocess.Popen(  # noqa: S603 - the program that the user chose
                [self._program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _became_ready(self, timeout_s: float) -> bool:
        """Wait for an answer. False if the node ended; a node that stays silent is killed."""
        rpc = Rpc.local(self.port, self.cookie, timeout_s=min(timeout_s, DEFAULT_TIMEOUT_S))
        deadline = time.monotonic() + timeout_s
        while self.is_alive() and time.monotonic() < deadline:
            try:
                rpc.call("getblockchaininfo")
            except (NodeUnreachable, NodeRefused):
                time.sleep(_POLL_S)
            else:
                return True
        if self._child is not None:
            self._child.kill()
            self._child.wait()
        return False

    def _last_words(self) -> LastWords:
        return LastWords.read(self._folder / _OUTPUT, self._folder / "regtest" / "debug.log")

    def _mended(self, words: LastWords, port: int | None) -> bool:
        """Whether another start may do better, having cleared what stood in the way."""
        if words.trouble is Trouble.DAMAGED:
            for name in _REBUILT_FROM_RECORD:
                _remove_tree(self._folder / "regtest" / name)
            return True
        return words.trouble is Trouble.FUTURE_BLOCKS or (words.trouble is Trouble.PORT_TAKEN and port is None)

    def _start_failure(self, words: LastWords, timeout_s: float) -> ZakhiraError:
        if words.trouble is Trouble.PORT_TAKEN:
            return PortInUse(f"bitcoind cannot listen on port {self.port}.", "Give another port.")
        if words.trouble is Trouble.DISK_FULL or shutil.disk_usage(self._folder).free < MIN_FREE_BYTES:
            return _disk_full(self._folder)
        return NodeStartFailed(
            f"bitcoind in {self._folder} was not ready within {timeout_s:g} s or ended. Its last words: {words.text}",
            "Mend what it says; `bitcoind -version` shows whether the program runs at all.",
        )


def _remove_tree(folder: Path) -> None:
    for below in sorted(folder.rglob("*"), reverse=True):
        below.rmdir() if below.is_dir() and not below.is_symlink() else below.unlink()
    if folder.exists():
        folder.rmdir()
