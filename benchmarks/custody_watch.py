"""The watcher against its targets: 1,000 blocks with 50 coins of ours each, a full block of strangers, 100,000 coins.

On one machine: a real bitcoind, a real PostgreSQL that syncs every commit, and the watcher in a process of its own.
Peers in the same run: ``getblock`` with verbosity 2 for the block of strangers and, with ``--wallet``, bitcoind's own
wallet that rescans the same blocks for the same addresses (minutes). The last line is one JSON object of figures; the
exit code is 1 if a target is missed.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import psycopg

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from benchmarks.watch_chain import FULL_BLOCK_WEIGHT, Fund

from custody_drill import COLD, make_policy
from zakhira.adapters.bitcoind.follow import BitcoindFollower
from zakhira.adapters.bitcoind.process import BitcoindProcess
from zakhira.adapters.bitcoind.program import find_bitcoind
from zakhira.adapters.bitcoind.rpc import Rpc
from zakhira.adapters.postgres.books import PostgresBooks, open_books
from zakhira.adapters.postgres.coin_store import PostgresCoins
from zakhira.adapters.postgres.server import EmbeddedServer
from zakhira.custody.descriptor import vault_descriptor
from zakhira.custody.vault_state import ProofOfLife, VaultRecord, record_json
from zakhira.flows.arrival_judging import judge_arrivals
from zakhira.flows.following import follow_chain
from zakhira.flows.ports.authority import SpendAuthority
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.chain_descriptor import split_branches
from zakhira.flows.ports.coin_events import CoinEvent, WatchedCoin, block_connected, coin_created
from zakhira.flows.ports.coin_store import Depth
from zakhira.flows.ports.mempool import Mempool
from zakhira.flows.reservations import reserve_address
from zakhira.flows.treasury import VAULT, Treasury

NOW = datetime(2026, 1, 5, tzinfo=UTC)
FEW_BLOCKS, BLOCKS, PER_BLOCK, ADDRESSES = 200, 1_000, 50, 200
COIN_SATS = 50_000
STORED_COINS = 100_000
DEPTH = Depth((0, 10_000_000), (2, 6), 100)
TARGETS = {"watch_s": 30.0, "foreign_block_s": 1.0, "status_100k_s": 1.0, "memory_growth_share": 0.25}
"""Seconds, and by how much the peak memory may grow from 200 to 1,000 blocks (its 40,000 coins more included)."""


@dataclass(frozen=True)
class Watched:
    """What a watcher's process came to."""

    follow_s: float
    judge_s: float
    coins: int
    announced: int
    peak_mb: float


def treasury_of(books: PostgresBooks, rpc: Rpc) -> Treasury:
    """A treasury that only watches."""
    nobody = cast("SpendAuthority", None)
    node = BitcoindFollower(rpc)
    no_pool = cast("Mempool", None)
    return Treasury(books, PostgresCoins(books), node, no_pool, None, nobody, make_policy(), "regtest", DEPTH, NOW, 1)


def timed(work: Callable[[], object]) -> float:
    """Wall time in seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def watch(dsn: str, port: int, cookie: Path) -> Watched:
    """Follow the chain to its tip and judge what came, as a process that has just started does."""
    with closing(PostgresBooks(dsn)) as books:
        treasury = treasury_of(books, Rpc.local(port, cookie))
        started = time.perf_counter()
        followed = follow_chain(treasury)
        follow_s = time.perf_counter() - started
        started = time.perf_counter()
        announced = judge_arrivals(treasury).announced
        judge_s = time.perf_counter() - started
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        return Watched(follow_s, judge_s, followed.created, announced, peak_mb)


def in_its_own_process(dsn: str, node: BitcoindProcess) -> Watched:
    """Watch in a fresh process, so that its peak memory is its own."""
    words = [sys.executable, __file__, "--watch", dsn, str(node.port), str(node.cookie)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        sys.exit(f"The watcher ended with {done.returncode}: {done.stderr}")
    return Watched(**json.loads(done.stdout.splitlines()[-1]))


def prepare(dsn: str, rpc: Rpc) -> list[bytes]:
    """A vault with reserved addresses, followed up to the tip; their scripts."""
    with closing(open_books(dsn)) as books:
        proofs = tuple(ProofOfLife(key.signer, NOW.date(), "00" * 32) for key in COLD.keys)
        record = Record(VAULT, COLD.id, record_json(VaultRecord(COLD, "regtest", "dara", NOW, "tested", proofs)))
        books.commit(Write("vault", "dara", "create vault", NOW, records=(record,)))
        treasury = treasury_of(books, rpc)
        follow_chain(treasury)
        made = [
            reserve_address(
                treasury, COLD.id, f"pool {number}", "royalty", key=f"{number}", by="dara", renew_after=10**6
            )
            for number in range(ADDRESSES)
        ]
        return [bytes.fromhex(one.address.script_hex) for one in made]


def rescan_by_wallet(rpc: Rpc) -> float:
    """Seconds that bitcoind's own wallet takes to find the same coins: its ``importdescriptors`` with all blocks."""
    rpc.call("createwallet", ["peer", True, True, "", False, True])
    wanted = [{"desc": split_branches(vault_descriptor(COLD))[0], "timestamp": 0, "range": [0, ADDRESSES - 1]}]
    seconds = timed(lambda: rpc.call("importdescriptors", [wanted], wallet="peer", timeout_s=600))
    found = rpc.call("getbalances", wallet="peer", timeout_s=600)["mine"]
    assert round(found["trusted"] * 100_000_000) == BLOCKS * PER_BLOCK * COIN_SATS, found
    rpc.call("unloadwallet", ["peer"])
    return seconds


def strangers(dsn: str, rpc: Rpc, fund: Fund) -> dict[str, float]:
    """A full block of strangers: taken in by a watcher that holds 50,000 coins, and asked for as JSON."""
    with closing(PostgresBooks(dsn)) as books:
        treasury = treasury_of(books, rpc)
        block_hash = fund.mine_strangers()
        height = rpc.call("getblockheader", [block_hash])["height"]
        rpc.call("invalidateblock", [block_hash])
        follow_chain(treasury)
        rpc.call("reconsiderblock", [block_hash])
        seconds = timed(lambda: follow_chain(treasury))
        assert treasury.coins.span().height == height  # type: ignore[union-attr]
        weight = rpc.call("getblock", [block_hash, 1])["weight"]
        assert weight > 0.98 * FULL_BLOCK_WEIGHT, weight
        json_s = timed(lambda: rpc.call("getblock", [block_hash, 2]))
        return {"foreign_block_s": seconds, "foreign_block_json_s": json_s}


def status_of_many(dsn: str) -> dict[str, float]:
    """A vault of 100,000 coins: its status, and its first page."""
    with closing(open_books(dsn)) as books:
        per_block = 1_000
        previous = "00" * 32
        for height in range(STORED_COINS // per_block):
            block_hash = f"{height + 1:064x}"
            events: list[CoinEvent] = [block_connected(height, block_hash, previous)]
            for number in range(per_block):
                outpoint = f"{height * per_block + number:064x}:0"
                coin = WatchedCoin(
                    outpoint, "cold", 0, number, COIN_SATS + number, "0020" + "11" * 32, height, block_hash, False
                )
                events.append(coin_created(coin))
            books.commit(Write(f"block/{height}", "watcher", "connect", NOW, coin_events=tuple(events)))
            previous = block_hash
        coins = PostgresCoins(books)
        status = coins.status("cold", DEPTH)
        assert status.settled.count + status.pending.count == STORED_COINS
        return {
            "status_100k_s": sorted(timed(lambda: coins.status("cold", DEPTH)) for _ in range(5))[2],
            "page_100k_s": sorted(timed(lambda: coins.page("cold")) for _ in range(5))[2],
        }


def measure(*, with_wallet: bool = False) -> dict[str, float]:
    """All figures, in seconds, megabytes and shares; the wallet takes minutes, so it is asked only if wanted."""
    program = find_bitcoind(None, ROOT / ".tools")
    with tempfile.TemporaryDirectory(prefix="zkw") as name:
        folder = Path(name)
        server = EmbeddedServer.start(folder / "pg")
        try:
            with BitcoindProcess.start(program, folder / "node", NOW, extra=["-blockmaxweight=4000000"]) as node:
                return _measure(server, node, with_wallet=with_wallet)
        finally:
            server.stop()


def say(what: str) -> None:
    """Tell how far it is, beside the figures."""
    print(what, file=sys.stderr, flush=True)


def _measure(server: EmbeddedServer, node: BitcoindProcess, *, with_wallet: bool) -> dict[str, float]:
    few, many = server.ensure_database("few"), server.ensure_database("many")
    with psycopg.connect(few) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
    rpc = node.rpc
    fund = Fund(rpc)
    say("addresses are reserved")
    scripts = prepare(few, rpc)
    assert prepare(many, rpc) == scripts
    say("blocks are mined")
    fund.mine_payments(FEW_BLOCKS, scripts, PER_BLOCK, COIN_SATS)
    say("200 blocks are watched")
    little = in_its_own_process(few, node)
    fund.mine_payments(BLOCKS - FEW_BLOCKS, scripts, PER_BLOCK, COIN_SATS)
    say("1,000 blocks are watched")
    found = in_its_own_process(many, node)
    assert (little.coins, found.coins) == (FEW_BLOCKS * PER_BLOCK, BLOCKS * PER_BLOCK)
    assert found.announced == (BLOCKS - 1) * PER_BLOCK
    return {
        "watch_s": found.follow_s + found.judge_s,
        "watch_follow_s": found.follow_s,
        "watch_judge_s": found.judge_s,
        **({"watch_wallet_rescan_s": rescan_by_wallet(rpc)} if with_wallet else {}),
        "watch_peak_200_mb": little.peak_mb,
        "watch_peak_1000_mb": found.peak_mb,
        "memory_growth_share": found.peak_mb / little.peak_mb - 1,
        **strangers(many, rpc, fund),
        **status_of_many(server.ensure_database("status")),
    }


def main() -> int:
    """Measure, print, and say whether the targets are met."""
    if sys.argv[1:2] == ["--watch"]:
        dsn, port, cookie = sys.argv[2:]
        print(json.dumps(asdict(watch(dsn, int(port), Path(cookie)))))
        return 0
    figures = {name: round(value, 3) for name, value in measure(with_wallet="--wallet" in sys.argv).items()}
    for name, value in figures.items():
        print(f"{name:<24} {value:>9}" + (f"   at most {TARGETS[name]}" if name in TARGETS else ""))
    if "watch_wallet_rescan_s" in figures:
        ratio = figures["watch_follow_s"] / figures["watch_wallet_rescan_s"]
        print(f"following takes {ratio:.2f} times what bitcoind's wallet takes for a rescan that keeps no audit chain")
    ratio = figures["foreign_block_s"] / figures["foreign_block_json_s"]
    print(f"a block of strangers takes {ratio:.2f} times what getblock with verbosity 2 takes alone")
    print(json.dumps(figures))
    return int(any(figures[name] > target for name, target in TARGETS.items()))


if __name__ == "__main__":
    sys.exit(main())
