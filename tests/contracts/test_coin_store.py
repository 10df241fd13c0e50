"""One suite for the followed chain: PostgreSQL and the twin show alike what the events come to, and refuse alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
import pytest

from books_bench import shared_template
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.coin_store import PostgresCoins
from zakhira.flows.ports.books import Books, Record, Write
from zakhira.flows.ports.coin_events import (
    BrokenChainEvent,
    CoinEvent,
    WatchedCoin,
    block_connected,
    block_disconnected,
    coin_created,
    coin_removed,
    coin_spent,
    coin_unspent,
)
from zakhira.flows.ports.coin_store import CoinStore, CoinSum, Depth, FollowedSpan
from zakhira.simulator.books import SimulatedBooks
from zakhira.simulator.coin_store import SimulatedCoins

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DEPTH = Depth((0, 1_000, 5_000), (1, 2, 4), 6)
VAULTS = ("cold", "intake")
KIND = "coin paper"


def block_hash(height: int, branch: int = 0) -> str:
    """A made-up hash."""
    return f"{branch:032x}{height:032x}"


@dataclass
class Oracle:
    """The chain as plain lists, and the events that make it."""

    rng: np.random.Generator
    blocks: dict[int, str] = field(default_factory=lambda: {9: block_hash(9)})
    coins: dict[str, WatchedCoin] = field(default_factory=dict)
    branch: int = 0
    made: int = 0

    def connect(self) -> list[CoinEvent]:
        """One more block with a few coins and spends."""
        height = max(self.blocks) + 1
        found = block_hash(height, self.branch)
        events = [block_connected(height, found, self.blocks[height - 1])]
        self.blocks[height] = found
        for _ in range(int(self.rng.integers(4))):
            self.made += 1
            coin = WatchedCoin(
                outpoint=f"{self.made * 7919 % 1_000_003:064x}:{self.made % 12}",
                vault=VAULTS[int(self.rng.integers(2))],
                branch=int(self.rng.integers(2)),
                place=int(self.rng.integers(3)),
                amount_sats=int(self.rng.integers(10_000)),
                script_hex="0020" + "11" * 32,
                height=height,
                block_hash=found,
                is_coinbase=bool(self.rng.random() < 0.2),
            )
            self.coins[coin.outpoint] = coin
            events.append(coin_created(coin))
        for coin in [coin for coin in self.coins.values() if not coin.spent_by]:
            if self.rng.random() < 0.15:
                spent_by = f"{self.made:064x}"
                self.coins[coin.outpoint] = replace(coin, spent_by=spent_by, spent_height=height, spent_hash=found)
                events.append(coin_spent(coin.outpoint, height, found, spent_by))
        return events

    def disconnect(self) -> list[CoinEvent]:
        """The tip taken back; the next blocks are of another branch."""
        height = max(self.blocks)
        found = self.blocks.pop(height)
        self.branch += 1
        spent = [coin for coin in self.coins.values() if coin.spent_height == height]
        for coin in spent:
            self.coins[coin.outpoint] = replace(coin, spent_by="", spent_height=-1, spent_hash="")
        gone = [coin for coin in self.coins.values() if coin.height == height]
        for coin in gone:
            del self.coins[coin.outpoint]
        events = [coin_unspent(coin) for coin in spent] + [coin_removed(coin) for coin in gone]
        return [*events, block_disconnected(height, found)]

    def ordered(self) -> list[WatchedCoin]:
        """All coins by height and outpoint."""
        return sorted(self.coins.values(), key=lambda coin: (coin.height, coin.outpoint))

    def confirmations(self, coin: WatchedCoin) -> int:
        """Of a coin, at the tip."""
        return max(self.blocks) - coin.height + 1

    def is_deep(self, coin: WatchedCoin) -> bool:
        """Whether a coin lies deep enough: said once more, in other words than the room's."""
        needed = 1 if coin.amount_sats < 1_000 else 2 if coin.amount_sats < 5_000 else 4
        return self.confirmations(coin) >= (max(needed, 6) if coin.is_coinbase else needed)


@dataclass
class Store:
    """Books and the coins in them."""

    books: Books
    coins: CoinStore
    writes: int = 0

    def write(self, *events: CoinEvent, records: tuple[Record, ...] = ()) -> None:
        """Commit events and records."""
        self.writes += 1
        self.books.commit(Write(f"w{self.writes}", "watcher", "follow", NOW, records=records, coin_events=events))


@pytest.fixture(params=["twin", "postgres"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """Each test runs on the twin and on a real database."""
    if request.param == "twin":
        books = SimulatedBooks()
        yield Store(books, SimulatedCoins(books))
        return
    template = shared_template()
    name = template.fresh_database()
    with closing(PostgresBooks(template.server.dsn(name))) as real:
        yield Store(real, PostgresCoins(real))
    template.drop(name)


def begin(store: Store, seed: int, steps: int = 40) -> Oracle:
    """A random chain with reorganisations, in the store and in the oracle."""
    oracle = Oracle(np.random.default_rng(seed))
    store.write(block_connected(9, block_hash(9), block_hash(8)))
    for _ in range(steps):
        if oracle.rng.random() < 0.25 and max(oracle.blocks) > 9:
            store.write(*oracle.disconnect())
        else:
            store.write(*oracle.connect())
    return oracle


def test_before_the_first_block(store: Store) -> None:
    """Nothing is there, and everything can be asked."""
    coins = store.coins
    assert coins.span() is None
    assert coins.followed_hashes([0, 1]) == {}
    assert coins.unspent_outpoints() in ([], ())
    assert coins.last_places() == {}
    assert coins.coin("ab" * 32 + ":0") is None
    assert coins.page("cold") == coins.spent_after((-1, ""), 5) == ()
    assert coins.unjudged(KIND, DEPTH, (-1, ""), 5) == ()
    assert coins.earlier_arrivals([], 5) == {}
    assert coins.status("cold", DEPTH).settled == CoinSum(0, 0)


@pytest.mark.parametrize("seed", range(4))
def test_everything_that_can_be_asked(store: Store, seed: int) -> None:
    """Random blocks, coins, spends and reorganisations: every answer is the oracle's."""
    oracle = begin(store, seed)
    coins, tip = store.coins, max(oracle.blocks)
    assert store.books.breaks() == ()
    assert coins.span() == FollowedSpan(9, tip, oracle.blocks[tip])
    assert coins.followed_hashes(range(tip + 5)) == oracle.blocks
    ordered = oracle.ordered()
    assert sorted(coins.unspent_outpoints()) == sorted(coin.outpoint for coin in ordered if not coin.spent_by)
    for height in oracle.blocks:
        changes = coins.changes(height)
        assert list(changes.created) == [coin for coin in ordered if coin.height == height]
        spent = sorted((c for c in ordered if c.spent_height == height), key=lambda coin: coin.outpoint)
        assert list(changes.spent) == spent
    for coin in ordered:
        assert coins.coin(coin.outpoint) == coin
        there = [c for c in ordered if (c.vault, c.branch, c.place) == (coin.vault, coin.branch, coin.place)]
        assert list(coins.coins_at(coin.vault, coin.branch, coin.place)) == there
        for limit in (1, 100):
            assert coins.earlier_arrivals([coin.outpoint], limit) == {coin.outpoint: min(limit, there.index(coin))}
    places = {(coin.vault, coin.branch): 0 for coin in ordered}
    for coin in ordered:
        places[coin.vault, coin.branch] = max(coin.place, places[coin.vault, coin.branch])
    assert coins.last_places() == places


@pytest.mark.parametrize("seed", range(2))
def test_pages_follow_one_another(store: Store, seed: int) -> None:
    """Pages of any size hold every unspent coin once, in order; so do pages of spends."""
    oracle = begin(store, seed, steps=60)
    for vault in VAULTS:
        found: list[WatchedCoin] = []
        while page := store.coins.page(vault, (found[-1].height, found[-1].outpoint) if found else (-1, ""), 3):
            found += page
        assert found == [coin for coin in oracle.ordered() if coin.vault == vault and not coin.spent_by]
    spent: list[WatchedCoin] = []
    while page := store.coins.spent_after((spent[-1].spent_height, spent[-1].outpoint) if spent else (-1, ""), 2):
        spent += page
    wanted = [coin for coin in oracle.coins.values() if coin.spent_by]
    assert spent == sorted(wanted, key=lambda coin: (coin.spent_height, coin.outpoint))


@pytest.mark.parametrize("seed", range(3))
def test_status_and_what_is_unjudged(store: Store, seed: int) -> None:
    """Depth by amount, immature coinbases, papers and lost papers."""
    oracle = begin(store, seed, steps=50)
    for vault in VAULTS:
        held = [coin for coin in oracle.coins.values() if coin.vault == vault and not coin.spent_by]
        young = [c for c in held if c.is_coinbase and oracle.confirmations(c) < DEPTH.coinbase_confirmations]
        deep = [coin for coin in held if oracle.is_deep(coin)]
        status = store.coins.status(vault, DEPTH)
        assert status.height == max(oracle.blocks)
        assert status.immature == CoinSum(len(young), sum(coin.amount_sats for coin in young))
        assert status.settled == CoinSum(len(deep), sum(coin.amount_sats for coin in deep))
        rest = [coin for coin in held if coin not in young and coin not in deep]
        assert status.pending == CoinSum(len(rest), sum(coin.amount_sats for coin in rest))
    deep = [coin for coin in oracle.ordered() if oracle.is_deep(coin)]
    assert list(store.coins.unjudged(KIND, DEPTH, (-1, ""), 1_000)) == deep
    half = deep[len(deep) // 2]
    assert list(store.coins.unjudged(KIND, DEPTH, (half.height, half.outpoint), 3)) == deep[len(deep) // 2 + 1 :][:3]
    judged, lost = deep[0], deep[1]
    papers = [Record(KIND, coin.outpoint, {"state": "announced"}) for coin in (judged, lost)]
    store.write(records=(*papers, Record(KIND, lost.outpoint, {"state": "lost"})))
    assert list(store.coins.unjudged(KIND, DEPTH, (-1, ""), 1_000)) == deep[1:]


def test_events_that_do_not_follow(store: Store) -> None:
    """Gaps, unknown coins, coins twice and blocks that still hold something: refused, with nothing written."""
    coin = WatchedCoin("aa" * 32 + ":0", "cold", 0, 0, 5, "0020" + "11" * 32, 9, block_hash(9), False)
    store.write(block_connected(9, block_hash(9), block_hash(8)), coin_created(coin))
    store.write(
        block_connected(10, block_hash(10), block_hash(9)), coin_spent(coin.outpoint, 10, block_hash(10), "cc" * 32)
    )
    spent = store.coins.coin(coin.outpoint)
    assert spent is not None
    other = replace(coin, outpoint="bb" * 32 + ":1")
    wrong = [
        block_connected(12, block_hash(12), block_hash(11)),
        block_connected(11, block_hash(11), block_hash(9)),
        block_connected(10, block_hash(10), block_hash(9)),
        block_disconnected(9, block_hash(9)),
        block_disconnected(10, block_hash(10)),
        coin_created(coin),
        coin_created(replace(other, height=11)),
        coin_created(replace(other, block_hash=block_hash(10))),
        coin_spent(coin.outpoint, 10, block_hash(10), "dd" * 32),
        coin_spent(other.outpoint, 10, block_hash(10), "dd" * 32),
        coin_removed(coin),
        coin_removed(other),
        coin_unspent(replace(spent, spent_hash=block_hash(9))),
        coin_unspent(replace(spent, outpoint=other.outpoint)),
    ]
    for event in wrong:
        with pytest.raises(BrokenChainEvent):
            store.write(block_connected(11, block_hash(11, 7), block_hash(10)), event)
        assert store.coins.span() == FollowedSpan(9, 10, block_hash(10))
    assert store.coins.coin(coin.outpoint) == spent
    assert store.books.breaks() == ()
    store.write(coin_unspent(spent), block_disconnected(10, block_hash(10)))
    store.write(coin_removed(coin), block_disconnected(9, block_hash(9)))
    assert store.coins.span() is None
    store.write(block_connected(3, block_hash(3), block_hash(2)))
    assert store.coins.span() == FollowedSpan(3, 3, block_hash(3))


def test_many_records_at_once(store: Store) -> None:
    """The newest bodies of those that there are."""
    store.write(records=(Record("a", "1", {"n": 1}), Record("a", "2", {"n": 2}), Record("b", "1", {"n": 3})))
    store.write(records=(Record("a", "1", {"n": 4}),))
    assert store.books.bodies("a", ["1", "2", "3", "1"]) == {"1": {"n": 4}, "2": {"n": 2}}
    assert store.books.bodies("a", []) == {}
