"""SIGKILL of a real process between any two calls to the outside: nothing lost, nothing sent twice, the books verify.

The places are not chosen by hand: a walk that is not killed counts every call to books, node and mempool that the code
makes, and the process is killed before each, and after each that changes something.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import zakhira.flows.spending
from books_bench import shared_template
from conftest import NODE_START, PROJECT
from custody_drill import COLD, INTAKE
from spend_walk import KILLED, PAID_SATS, CrashPoints, open_drill
from treasury_drill import POOL_NEEDS_SATS, TreasuryDrill
from watch_drill import POOL, all_signed, keep_vaults
from zakhira.adapters.bitcoind.node import BitcoindChain
from zakhira.adapters.bitcoind.process import BitcoindProcess
from zakhira.controls.spend_state import SpendState
from zakhira.custody.decoders import decode_transaction
from zakhira.flows.following import follow_chain
from zakhira.flows.ports.chain_pool import pool_address
from zakhira.flows.spending.spend_line import spend_lines

RECEIVED_SATS = (4_000_000, 4_000_000)
"""One coin does for each spend, so that every walk passes the same places."""
FEW, SHORTER = 5, 3
"""Places that every change is tested at, spread over the walk; all of them are among the long tests."""


@dataclass
class Ground:
    """A node that all walks share; each has a database and a payee of its own."""

    process: BitcoindProcess
    count: int = 0

    def prepare(self) -> tuple[str, str, str]:
        """A database whose treasury has coins; its DSN, the walk's name and its payee."""
        self.count += 1
        template = shared_template()
        dsn = template.server.dsn(template.fresh_database())
        drill = open_drill(self.process.rpc, dsn, CrashPoints())
        keep_vaults(drill.parts.books, all_signed(INTAKE), all_signed(COLD))
        follow_chain(drill.treasury)
        drill.receive(*RECEIVED_SATS)
        return dsn, f"walk{self.count}", pool_address(f"contractor {self.count}")

    def walk(self, dsn: str, name: str, payee: str, kill_at: int) -> subprocess.CompletedProcess[str]:
        """The walk in a process of its own."""
        port = self.process.rpc.where.rpartition(":")[2]
        command = [sys.executable, str(PROJECT / "tests" / "spend_walk.py"), port, str(self.process.cookie)]
        return subprocess.run(
            [*command, dsn, name, payee, str(kill_at)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd=PROJECT / "tests",
        )

    def check(self, dsn: str, name: str, payee: str) -> None:
        """Paid once, called back once, and books and chain hold the same."""
        drill = open_drill(self.process.rpc, dsn, CrashPoints())
        books = drill.parts.books
        lines = spend_lines(books)
        states = {line.id.removeprefix(f"{name}-"): line.state for line in lines.values()}
        assert states == {
            "pay": SpendState.CONFIRMED,
            "back": SpendState.CANCELLED,
            "home": SpendState.CONFIRMED,
        }
        assert self.paid_to(payee) == [PAID_SATS]
        assert books.balances()["expenses:spends:works"].units == PAID_SATS
        assert drill.reserve_sats() == sum(coin.amount_sats for coin in drill.parts.coins.page("intake"))
        assert drill.reserve_sats() + PAID_SATS + books.balances()["expenses:network-fees"].units == sum(RECEIVED_SATS)
        assert books.breaks() == ()

    def paid_to(self, payee: str) -> list[int]:
        """Every output to the payee in any block or in the mempool."""
        rpc = self.process.rpc
        found = rpc.call("scantxoutset", ["start", [f"addr({payee})"]])["unspents"]
        waiting = [decode_transaction(rpc.call("getrawtransaction", [txid])) for txid in rpc.call("getrawmempool")]
        script = rpc.call("getaddressinfo", [payee])["scriptPubKey"] if waiting else ""
        late = [amount for tx in waiting for output, amount in tx.outputs if output == script]
        return [round(item["amount"] * 100_000_000) for item in found] + late


@pytest.fixture(scope="module")
def ground(bitcoind_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A funded node."""
    with BitcoindProcess.start(bitcoind_path, tmp_path_factory.mktemp("walks") / "node", NODE_START) as process:
        BitcoindChain(process.rpc, process.remember_time).fund_pools({POOL: POOL_NEEDS_SATS}, TreasuryDrill.now)
        yield Ground(process)


@pytest.fixture(scope="module")
def places(ground: Ground) -> list[str]:
    """Every place that an undisturbed walk passes."""
    dsn, name, payee = ground.prepare()
    done = ground.walk(dsn, name, payee, 0)
    assert done.returncode == 0, done.stderr
    ground.check(dsn, name, payee)
    labels: list[str] = json.loads(done.stdout)
    return labels


def killed_and_carried_on(ground: Ground, places: list[str], number: int) -> bool:
    """Kill a walk at a place, counted from 1, and let another process finish it; False if it was over before."""
    dsn, name, payee = ground.prepare()
    first = ground.walk(dsn, name, payee, number)
    is_over = first.returncode == 0 and len(json.loads(first.stdout)) < number
    assert is_over or first.returncode == KILLED, f"{places[number - 1]}: {first.stderr}"
    second = ground.walk(dsn, name, payee, 0)
    assert second.returncode == 0, f"{places[number - 1]}: {second.stderr}"
    ground.check(dsn, name, payee)
    return not is_over


def test_the_places_hold_every_step(places: list[str]) -> None:
    """The walk passes every kind of write of a spend, and every send, on both sides."""
    for action in (
        "spend proposed",
        "spend approved",
        "spend decided",
        "spend built",
        "spend handed out",
        "spend signed",
    ):
        assert f"before books.commit {action}" in places
        assert f"after books.commit {action}" in places
    for action in ("spend broadcast", "spend bumped", "spend confirmed", "spend cancelled by"):
        assert any(label.startswith(f"after books.commit {action}") for label in places)
    assert places.count("before mempool.broadcast") == places.count("after mempool.broadcast") == 3


def test_writes_go_through_one_place() -> None:
    """No file of the spends writes to the books but the one that numbers the steps, so that no place is missed."""
    folder = Path(next(iter(zakhira.flows.spending.__path__)))
    writers = {
        path.name
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
    }
    assert writers == {"step.py"}


def test_killed_here_and_there(ground: Ground, places: list[str]) -> None:
    """Around every send, and at places spread over the walk."""
    around = [number for number, label in enumerate(places, 1) if label == "after mempool.broadcast"]
    spread = [1 + (len(places) - 1) * part // (FEW - len(around)) for part in range(FEW - len(around))]
    for number in sorted({*around, *spread}):
        assert killed_and_carried_on(ground, places, number)


@pytest.mark.torture
@pytest.mark.timeout(7200)
def test_killed_everywhere(ground: Ground, places: list[str]) -> None:
    """At every place; a walk may ask the node a question less at its end than the one that was counted."""
    killed = [killed_and_carried_on(ground, places, number) for number in range(1, len(places) + 1)]
    assert killed.count(False) <= SHORTER
