"""Claims upon the coins of a real node: a payment, a theft, a reorganisation, and two officers who let credits in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backing_bench import CLAIMS, COMMUNITY, LICENSEE, credit
from books_bench import shared_template
from conftest import NODE_START
from custody_drill import CHAIN, INTAKE
from node_drill import Drill
from treasury_drill import FAST, POOL_NEEDS_SATS, TreasuryDrill, make_parts, officer, order
from watch_drill import DEPTH, POOL, all_signed, keep_vaults
from zakhira.adapters.bitcoind.follow import BitcoindFollower
from zakhira.adapters.bitcoind.mempool import BitcoindMempool
from zakhira.adapters.bitcoind.node import BitcoindChain
from zakhira.adapters.bitcoind.process import BitcoindProcess
from zakhira.adapters.postgres.backing import PostgresBacking
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.coin_store import PostgresCoins
from zakhira.custody.descriptor import derive_address, vault_descriptor
from zakhira.flows.following import follow_chain
from zakhira.flows.ports.chain_pool import pool_address
from zakhira.flows.ports.ledger_books import Backing
from zakhira.flows.resuming import (
    CoinsStillMissing,
    NoReason,
    NotHalted,
    ResumptionNotBorne,
    draft_resumption,
    resume_credits,
    sign_resumption,
)
from zakhira.flows.spending.building import build
from zakhira.flows.spending.proposing import propose
from zakhira.flows.spending.sending import broadcast
from zakhira.kernel.money import Commodity
from zakhira.ledger.faults import ClaimsAboveBacking, CreditsHalted

WHY = "block was orphaned, minute 14"
UNWATCHED = 500
"""A place far beyond what is looked for: what is paid there is gone for the books."""
OWED_SATS = 6_000_000


@dataclass
class Scene:
    """A treasury on a real node and a real database, with claims."""

    drill: TreasuryDrill
    process: BitcoindProcess
    store: PostgresBacking

    @property
    def now(self) -> Backing:
        """The row of the database."""
        found = self.store.backing(Commodity.BTC)
        assert found is not None
        return found

    def credit(self, amount_sats: int, to: str = COMMUNITY, by: str = "expenses:community") -> None:
        """So much more is owed."""
        self.drill.parts.books.commit(credit(amount_sats, to, by))

    def steal(self) -> None:
        """The larger coin leaves by a transaction of the whole quorum that no spend of ours names; one block."""
        thief = Drill(self.drill.chain, self.drill.now)
        for vault in self.drill.parts.policy.vaults:
            thief.chain.watch_vault(vault.id, vault_descriptor(vault), NODE_START)
        coin = max(self.drill.treasury.coins.page("intake"), key=lambda one: one.amount_sats)
        places = [derive_address(INTAKE, branch, index, CHAIN) for branch in (0, 1) for index in range(10)]
        held = [item for item in thief.held(INTAKE, places) if item.coin.outpoint == coin.outpoint]
        thief.sweep(tuple(held), UNWATCHED)
        self.drill.now = thief.now
        self.drill.follow()

    def reorganise(self, depth: int, blocks: int) -> None:
        """The node leaves its last blocks for others, which are empty."""
        rpc = self.process.rpc
        height, _ = self.drill.chain.tip()
        rpc.call("invalidateblock", [rpc.call("getblockhash", [height - depth + 1])])
        for number in range(blocks):
            # To another address each time: the same block again would be the one that was left.
            rpc.call("generateblock", [pool_address(f"miner {height} {number}"), []])
        self.drill.follow()

    def resume(self, *names: str) -> None:
        """These officers let credits in again."""
        treasury = self.drill.treasury
        statement = draft_resumption(self.store, Commodity.BTC, WHY)
        resume_credits(treasury, statement, [sign_resumption(treasury, statement, officer(name)) for name in names])


@pytest.fixture(scope="module")
def process(bitcoind_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BitcoindProcess]:
    """A funded node for all of them."""
    with BitcoindProcess.start(bitcoind_path, tmp_path_factory.mktemp("backing") / "node", NODE_START) as process:
        BitcoindChain(process.rpc, process.remember_time).fund_pools({POOL: POOL_NEEDS_SATS}, TreasuryDrill.now)
        yield process


@pytest.fixture
def scene(process: BitcoindProcess) -> Iterator[Scene]:
    """Coins of 5 and 3 million sat, upon which 6 million are owed."""
    template = shared_template()
    name = template.fresh_database()
    books, node = PostgresBooks(template.logins(name)), BitcoindFollower(process.rpc)
    parts = make_parts(books, PostgresCoins(books), node, BitcoindMempool(process.rpc))
    drill = TreasuryDrill(BitcoindChain(process.rpc, process.remember_time), parts)
    tip = process.rpc.call("getblockheader", [process.rpc.call("getbestblockhash")])
    drill.now = max(drill.now, datetime.fromtimestamp(int(tip["time"]), UTC))
    books.open_accounts(CLAIMS)
    keep_vaults(books, *(all_signed(vault) for vault in parts.policy.vaults))
    follow_chain(drill.treasury)
    drill.receive(5_000_000, 3_000_000)
    made = Scene(drill, process, PostgresBacking(books))
    made.credit(OWED_SATS)
    yield made
    assert books.breaks() == ()
    node.close()
    books.close()
    template.drop(name)


def test_a_payment_takes_what_is_free_and_no_more(scene: Scene) -> None:
    """Two million are free. A payment of them is refused with its fee; one of less goes through without a deficit."""
    drill = scene.drill
    drill.decided(order("s1", 2_000_000))
    assert (scene.now.outgoing, scene.now.available) == (2_000_000, OWED_SATS)
    with pytest.raises(ClaimsAboveBacking):
        build(drill.treasury, "s1", FAST)
    propose(drill.treasury, order("s2", 10_000), officer("dara"))
    with pytest.raises(ClaimsAboveBacking):
        drill.approved("s2")
    scene.credit(-100_000)
    spend = build(drill.treasury, "s1", FAST)
    assert scene.now.outgoing == 2_000_000 + spend.last.fee_sats
    drill.sign("s1")
    broadcast(drill.treasury, "s1")
    free = scene.now.available
    for _ in range(3):
        drill.mine()
        assert (scene.now.available, scene.now.deficit) == (free, 0)
    assert scene.now.outgoing == 0
    with pytest.raises(ClaimsAboveBacking):
        scene.credit(100_001 - spend.last.fee_sats)
    assert scene.store.deficits() == ()


def test_a_theft_halts_credits_until_two_officers_let_them_in(scene: Scene) -> None:
    """Found in its block, recorded with it; the coins come back by a reorganisation, and one officer is not enough."""
    with pytest.raises(NotHalted):
        scene.resume("dara", "amina")
    scene.steal()
    assert (scene.now.deficit, scene.now.is_halted) == (OWED_SATS - 3_000_000, True)
    (found,) = scene.store.deficits()
    assert (found.claims, found.available, found.by) == (OWED_SATS, 3_000_000, 3_000_000)
    with pytest.raises(ClaimsAboveBacking):
        scene.credit(1)
    with pytest.raises(CoinsStillMissing):
        scene.resume("dara", "amina")
    scene.credit(100, LICENSEE, COMMUNITY)
    scene.reorganise(1, 2)
    assert (scene.now.deficit, scene.now.is_halted) == (0, True)
    with pytest.raises(CreditsHalted):
        scene.credit(1)
    for names in ((), ("dara",), ("amina", "chand"), ("dara", "dara")):
        with pytest.raises(ResumptionNotBorne):
            scene.resume(*names)
    scene.resume("dara", "amina")
    scene.credit(1)
    assert [one.by for one in scene.store.deficits()] == [0, 3_000_000]


def test_words_count_for_one_deficit_under_one_policy(scene: Scene) -> None:
    """A word about another deficit or another reason, and a reason that is none."""
    scene.steal()
    scene.reorganise(1, 2)
    treasury = scene.drill.treasury
    statement = draft_resumption(scene.store, Commodity.BTC, WHY)
    words = [sign_resumption(treasury, statement, officer(name)) for name in ("dara", "amina")]
    for other in (replace(statement, deficit=statement.deficit + 1), replace(statement, because="another")):
        with pytest.raises(ResumptionNotBorne):
            resume_credits(treasury, other, words)
    with pytest.raises(NoReason):
        draft_resumption(scene.store, Commodity.BTC, " ")
    resume_credits(treasury, statement, words)
    assert not scene.now.is_halted


def test_a_reorganisation_that_takes_deposits_away(scene: Scene) -> None:
    """Blocks as deep as the deposits are left for empty ones: a deficit; mined again and deep, they are there again."""
    scene.reorganise(max(DEPTH.confirmations), max(DEPTH.confirmations) + 1)
    assert (scene.now.proven, scene.now.deficit, scene.now.is_halted) == (0, OWED_SATS, True)
    scene.drill.mine(2)
    assert (scene.now.proven, scene.now.deficit, scene.now.is_halted) == (8_000_000, 0, True)
    scene.resume("dara", "amina")
    scene.credit(1)
    assert [one.by for one in scene.store.deficits()] == [0, OWED_SATS]


def test_a_reorganisation_above_the_deposits_takes_nothing(scene: Scene) -> None:
    """One block is left for two others: what was proven stays proven all the while."""
    scene.reorganise(1, 2)
    assert scene.now.available == 8_000_000
    assert scene.store.deficits() == ()
