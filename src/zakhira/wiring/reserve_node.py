"""The node of a reserve: the one that is named, or a private one on regtest that is found running or started."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from zakhira.adapters.bitcoind.node import REGTEST
from zakhira.adapters.bitcoind.node_view import open_rpc
from zakhira.adapters.bitcoind.process import BitcoindProcess
from zakhira.adapters.bitcoind.program import find_bitcoind
from zakhira.adapters.bitcoind.rpc import Rpc
from zakhira.flows.ports.chain_errors import NodeRefused, NodeUnreachable
from zakhira.kernel.errors import OutsideFailure, ZakhiraError
from zakhira.wiring.reserve_folder import NodeAddress, ReserveFolder, ReserveTerms, ReserveUnreadable
from zakhira.wiring.run_folder import write_whole
from zakhira.wiring.settings import Settings

_ADDRESS, _USERS, _START = "rpc-address", "users.lock", "start.lock"
_START_WAIT_S = 90.0
_STOP_WAIT_S = 30.0
_POLL_S = 0.05
_REAL_TIME = 0
"""``setmocktime 0``: the node goes by the machine's clock."""


class NodeBusy(OutsideFailure):
    """Another command has been starting or ending the private node for too long."""

    code = "ZK-WIRING-024"


@dataclass(frozen=True)
class OpenNode:
    """A node that answers."""

    rpc: Rpc
    address: NodeAddress
    is_private: bool


@contextlib.contextmanager
def open_node(settings: Settings, folder: ReserveFolder, terms: ReserveTerms) -> Iterator[OpenNode]:
    """The reserve's node. A private one is started unless it runs, and ended by whichever command leaves it last.

    Raises:
        NodeUnreachable, NodeRefused, BadNodeAddress: the named node.
        WrongChain: it is on another chain than the reserve.
        NodeMissing, NodeStartFailed, NodeBusy and others: the private node.
    """
    if terms.node is not None:
        yield OpenNode(open_rpc(terms.node.url, terms.node.cookie, chain=terms.chain), terms.node, is_private=False)
        return
    with _private_node(settings, folder) as node:
        yield node


@contextlib.contextmanager
def _private_node(settings: Settings, folder: ReserveFolder) -> Iterator[OpenNode]:
    try:
        folder.node.mkdir(exist_ok=True)
        users = (folder.node / _USERS).open("a")
    except OSError as error:
        raise ReserveUnreadable(f"{folder.node} cannot be used: {error.strerror}.", "Look at its rights.") from None
    with users:
        fcntl.flock(users, fcntl.LOCK_SH)
        process: BitcoindProcess | None = None
        try:
            with _alone(folder.node):
                rpc = _running(folder.node)
                if rpc is None:
                    process = _started(settings, folder.node)
                    rpc = process.rpc
            yield OpenNode(rpc, NodeAddress(rpc.where, folder.node / REGTEST / ".cookie"), is_private=True)
        finally:
            _leave(folder.node, users.fileno(), process)


@contextlib.contextmanager
def _alone(node: Path) -> Iterator[None]:
    """One command at a time looks whether the node runs, starts it or ends it."""
    deadline = time.monotonic() + _START_WAIT_S
    with (node / _START).open("a") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise NodeBusy(
                        f"Another command has held {node} for {_START_WAIT_S:.0f} s.", "Try again."
                    ) from None
                time.sleep(_POLL_S)
        yield


def _running(node: Path) -> Rpc | None:
    """A connection to the node that runs in the folder, or None."""
    try:
        url = (node / _ADDRESS).read_text(encoding="utf-8").strip()
        return open_rpc(url, node / REGTEST / ".cookie", chain=REGTEST)
    except (OSError, UnicodeDecodeError, NodeUnreachable, NodeRefused):
        return None


def _started(settings: Settings, node: Path) -> BitcoindProcess:
    program = find_bitcoind(settings.bitcoind, settings.tools)
    process = BitcoindProcess.start(program, node, datetime.now(UTC))
    try:
        process.rpc.call("setmocktime", [_REAL_TIME])
        write_whole(node / _ADDRESS, process.url)
    except BaseException:
        process.stop()
        raise
    return process


def _leave(node: Path, users: int, process: BitcoindProcess | None) -> None:
    """End the node if no other command uses it; else leave it to them, whoever started it."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if process is not None:
            process.leave()
        return
    with _alone(node):
        _end(node, process)


def _end(node: Path, process: BitcoindProcess | None) -> None:
    if process is not None:
        process.stop()
    rpc = None if process is not None else _running(node)
    (node / _ADDRESS).unlink(missing_ok=True)
    if rpc is None:
        return
    with contextlib.suppress(ZakhiraError):
        rpc.call("stop", timeout_s=5)
    deadline = time.monotonic() + _STOP_WAIT_S
    cookie = node / REGTEST / ".cookie"
    # bitcoind removes its cookie when it ends in good order; a node that hangs is ended by the next start.
    while cookie.exists() and time.monotonic() < deadline:
        time.sleep(_POLL_S)
