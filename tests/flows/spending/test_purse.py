"""The coins that may be chosen, told alike by PostgreSQL and by the twin; and a reorganisation on a real node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from books_bench import shared_template
from conftest import NODE_START
from custody_drill import CHAIN, COLD, INTAKE
from spend_walk import CrashPoints, open_drill
from treasury_drill import POOL_NEEDS_SATS, TreasuryDrill, order
from watch_drill import POOL, START, all_signed, keep_vaults
from zakhira.adapters.bitcoind.process import BitcoindProcess
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.coin_store import PostgresCoins
from zakhira.controls.spend_state import SpendState
from zakhira.custody.descriptor import derive_address
from zakhira.flows.coin_papers import ANNOUNCED, COIN_PAPER, LOST, OWN, SUSPENSE, CoinPaper
from zakhira.flows.ports.books import Books, Write
from zakhira.flows.ports.coin_events import WatchedCoin, block_connected, coin_created, coin_spent
from zakhira.flows.ports.coin_store import CoinStore, Depth, PaperedCoin
from zakhira.flows.spending.spend import version_bytes
from zakhira.flows.spending.step import load_spend
from zakhira.simulator.books import SimulatedBooks
from zakhira.simulator.coin_store import SimulatedCoins

DEPTH = Depth((0, 1_000_000), (1, 3), 100)


@pytest.fixture(params=["twin", "postgres"])
def store(request: pytest.FixtureRequest) -> Iterator[tuple[Books, CoinStore]]:
    """Books and the coins in them."""
    if request.param == "twin":
        twin = SimulatedBooks()
        yield twin, SimulatedCoins(twin)
        return
    template = shared_template()
    name = template.fresh_database()
    books = PostgresBooks(template.server.dsn(name))
    yield books, PostgresCoins(books)
    books.close()
    template.drop(name)


def outpoint(number: int) -> str:
    """A made-up coin's."""
    return f"{number:064x}:0"


def test_papered_coins(store: tuple[Books, CoinStore]) -> None:
    """The newest paper counts; coins in suspense, lost, without paper, spent or of another vault are not told."""
    books, coins = store
    blocks = [block_connected(height, f"{height:064x}", f"{height - 1:064x}") for height in (10, 11, 12)]
    made = [
        WatchedCoin(
            outpoint(n), "cold" if n == 7 else "intake", 0, n, amount, f"0020{n:064x}", 10, f"{10:064x}", n == 8
        )
        for n, amount in enumerate((500, 2_000_000, 500, 500, 500, 500, 500, 500, 500), 0)
    ]
    late = replace(made[1], outpoint=outpoint(9), place=9, height=11, block_hash=f"{11:064x}")
    spent = coin_spent(outpoint(6), 12, f"{12:064x}", "ab" * 32)
    events = (blocks[0], *map(coin_created, made), blocks[1], coin_created(late), blocks[2], spent)
    states = {0: SUSPENSE, 1: OWN, 2: SUSPENSE, 3: LOST, 5: ANNOUNCED, 6: OWN, 7: OWN, 8: OWN, 9: OWN}
    papers = [CoinPaper(outpoint(n), state, "royalty", (outpoint(n),), None, "s", "r") for n, state in states.items()]
    books.commit(Write("a", "w", "fill", START, records=tuple(p.record for p in papers), coin_events=events))
    newer = CoinPaper(outpoint(0), ANNOUNCED, "gift", (outpoint(0), outpoint(5)), date(2046, 1, 1), "s", "r")
    books.commit(Write("b", "w", "judge", START, records=(newer.record,)))

    def told(*lots: str) -> list[PaperedCoin]:
        return sorted(coins.papered("intake", COIN_PAPER, (ANNOUNCED, OWN), DEPTH, lots))

    assert told() == [
        PaperedCoin(outpoint(0), 500, 10, "gift", "2046-01-01", outpoint(0), True),
        PaperedCoin(outpoint(1), 2_000_000, 10, "royalty", "", outpoint(1), True),
        PaperedCoin(outpoint(5), 500, 10, "royalty", "", outpoint(5), True),
        PaperedCoin(outpoint(8), 500, 0, "royalty", "", outpoint(8), True),
        PaperedCoin(outpoint(9), 2_000_000, 0, "royalty", "", outpoint(9), True),
    ]
    assert [(coin.outpoint, coin.is_of_lots) for coin in told(outpoint(0))][:1] == [(outpoint(0), False)]
    named = {coin.outpoint for coin in told(outpoint(0), outpoint(5)) if coin.is_of_lots}
    assert named == {outpoint(0), outpoint(5)}


def test_a_reorganisation_on_a_real_node_in_the_middle_of_a_spend(bitcoind_path: Path, tmp_path: Path) -> None:
    """A confirmed spend's block is taken back: the entry is reversed, and the spend waits and confirms again."""
    with BitcoindProcess.start(bitcoind_path, tmp_path / "node", NODE_START) as process:
        template = shared_template()
        dsn = template.server.dsn(template.fresh_database())
        drill = open_drill(process.rpc, dsn, CrashPoints())
        drill.chain.fund_pools({POOL: POOL_NEEDS_SATS}, TreasuryDrill.now)
        keep_vaults(drill.parts.books, all_signed(INTAKE), all_signed(COLD))
        drill.follow()
        drill.receive(3_000_000, 2_000_000)
        sent = drill.sent(order("pay-1", 1_000_000))
        assert drill.mine(4).confirmed == ["pay-1"]
        txid = sent.last.txid
        confirmation = load_spend(drill.treasury, "pay-1").confirmation
        assert confirmation is not None
        process.rpc.call("invalidateblock", [confirmation.block_hash])
        foreign = derive_address(COLD, 0, 99, CHAIN).address
        for _ in range(5):
            process.rpc.call("generateblock", [foreign, []])
        found = drill.follow()
        assert found.taken_back == ["pay-1"]
        assert process.rpc.call("getmempoolentry", [txid])["vsize"] > 0
        assert drill.reserve_sats() == 5_000_000
        assert load_spend(drill.treasury, "pay-1").state is SpendState.BROADCAST
        assert drill.mine(4).confirmed == ["pay-1"]
        raw_hex = version_bytes(drill.parts.books, txid).raw_hex
        assert process.rpc.call("decoderawtransaction", [raw_hex])["txid"] == txid
        fees = drill.parts.books.balances()["expenses:network-fees"].units
        assert drill.reserve_sats() + 1_000_000 + fees == 5_000_000
        assert drill.parts.books.breaks() == ()
