"""One suite for the private chain: the simulator's twin and a real bitcoind must answer alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from embit.descriptor import Descriptor
from embit.descriptor.checksum import add_checksum
from embit.transaction import Transaction

from chain_bench import (
    BTC,
    ELSEWHERE,
    HOUR,
    REGTEST,
    SIGNERS,
    START,
    Bench,
    RealBench,
    TwinBench,
    descriptor,
    funded,
    mine,
    pay,
    vault_spend,
)
from zakhira.adapters.bitcoind.node import BitcoindChain
from zakhira.adapters.bitcoind.process import BitcoindProcess
from zakhira.custody.coin import Coin, Payment
from zakhira.flows.ports import chain_pool
from zakhira.flows.ports.chain import Block
from zakhira.flows.ports.chain_errors import (
    BadDescriptor,
    BadPayment,
    BlockMissing,
    ChainDiverged,
    FundingDiffers,
    NodeUnreachable,
    PoolShort,
    PoolsUnfundable,
    TransactionRejected,
    VaultDiffers,
    VaultNotWatched,
)
from zakhira.flows.ports.chain_timing import block_time_s
from zakhira.simulator.chain_block import GENESIS_HASH


@pytest.fixture(params=["twin", "bitcoind"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Each test runs on the twin and on a real node."""
    if request.param == "twin":
        yield TwinBench()
        return
    real = RealBench(request.getfixturevalue("bitcoind_path"), tmp_path / "node")
    yield real
    real.process.stop()


def test_a_new_chain_is_at_its_genesis(bench: Bench) -> None:
    assert bench.chain.chain_name() == "regtest"
    assert bench.chain.tip() == (0, GENESIS_HASH)
    assert bench.chain.block_hash(0) == GENESIS_HASH
    assert bench.chain.block_hash(1) is None
    assert bench.chain.block_hash(-1) is None
    genesis = bench.chain.blocks(0, 0)[0]
    assert block_time_s(genesis) == 1_296_688_602
    assert len(genesis.raw_hex) == 2 * 285


def test_blocks_come_evenly_up_to_now_and_once(bench: Bench) -> None:
    """Six blocks an hour, ten minutes apart; asking again mines nothing."""
    chain = bench.chain
    first = chain.mine_to(6, START + HOUR)
    second = chain.mine_to(12, START + 2 * HOUR)
    times = [block_time_s(block) for block in (*first, *second)]
    assert times[-1] == int((START + 2 * HOUR).timestamp())
    assert [later - earlier for earlier, later in pairwise(times[5:])] == [600] * 6
    assert [block.height for block in second] == list(range(7, 13))
    assert chain.mine_to(12, START + 3 * HOUR) == ()
    assert chain.mine_to(3, START + 3 * HOUR) == ()
    assert chain.blocks(1, 12) == (*first, *second)
    assert chain.tip() == (12, second[-1].hash)
    with pytest.raises(BlockMissing):
        chain.blocks(12, 13)


def test_time_does_not_run_backwards(bench: Bench) -> None:
    """Mining for a moment before the tip's own gives blocks that are valid all the same."""
    bench.chain.mine_to(3, START + HOUR)
    late = bench.chain.mine_to(15, START)
    assert bench.chain.tip()[0] == 15
    assert min(block_time_s(block) for block in late) >= int((START + HOUR).timestamp())


def test_pools_are_funded_once_and_at_a_known_height(bench: Bench) -> None:
    """Funding stops at the same height for the same needs, may be repeated, and refuses other needs."""
    needs = {"beta": 120 * BTC, "alpha": 7_600 * BTC}
    height = len(chain_pool.funding_plan(needs))
    bench.chain.fund_pools(needs, START)
    tip = bench.chain.tip()
    assert tip[0] == height > 150 + 100
    bench.chain.fund_pools(dict(reversed(needs.items())), START + HOUR)
    assert bench.chain.tip() == tip
    with pytest.raises(FundingDiffers):
        bench.chain.fund_pools({"beta": 120 * BTC, "alpha": 100 * BTC}, START)
    with pytest.raises(PoolsUnfundable):
        bench.chain.fund_pools({"alpha": 15_000 * BTC}, START)
    assert bench.chain.tip() == tip
    bench.chain.watch_vault("intake", descriptor(), START)
    pay(bench.chain, 7_500 * BTC)
    mine(bench.chain)
    assert [coin.amount_sats for coin in bench.chain.coins("intake")] == [7_500 * BTC]


def test_funding_that_was_cut_off_is_completed(bench: Bench) -> None:
    """A crash in the middle of funding leaves some blocks; the same call mines the rest, with the same result."""
    needs = {"alpha": 100 * BTC, "beta": 100 * BTC}
    bench.chain.fund_pools(needs, START)
    whole = bench.chain.blocks(1, bench.chain.tip()[0])
    bench.lose_everything()
    bench.chain.restore(whole[:3])
    bench.chain.fund_pools(needs, START)
    assert bench.chain.blocks(1, bench.chain.tip()[0]) == whole


def test_no_needs_no_blocks(bench: Bench) -> None:
    bench.chain.fund_pools({"alpha": 0}, START)
    assert bench.chain.tip()[0] == 0
    with pytest.raises(PoolShort):
        bench.chain.sign_pool_payment("alpha", [Payment(ELSEWHERE, 1000)], 5)


def test_a_pool_payment_has_exactly_the_outputs_asked_for(bench: Bench) -> None:
    """Outputs in order (an address may come twice), change last, the fee at the rate; asking again gives the same."""
    chain = funded(bench)
    address = chain.reserve_check("intake", 0, 0)
    payments = [Payment(address, 70 * BTC + 1), Payment(ELSEWHERE, 546), Payment(address, 1000)]
    raw = chain.sign_pool_payment("alpha", payments, 7)
    assert chain.sign_pool_payment("alpha", payments, 7) == raw
    transaction = Transaction.parse(bytes.fromhex(raw))
    paid = [(output.script_pubkey.address(REGTEST), output.value) for output in transaction.vout]
    assert paid[:3] == [(p.address, p.amount_sats) for p in payments]
    assert [address for address, _ in paid[3:]] == [chain_pool.pool_address("alpha")]
    fee = len(transaction.vin) * 50 * BTC - sum(output.value for output in transaction.vout)
    assert fee == 7 * chain.vsize(raw)
    assert chain.tip() == (len(chain_pool.funding_plan({"alpha": 200 * BTC})), chain.tip()[1])


def test_payments_that_cannot_be_are_refused(bench: Bench) -> None:
    """More than the pool holds, dust, a negative amount, no address, no output at all."""
    chain = funded(bench)
    refused: tuple[tuple[list[Payment], type[Exception]], ...] = (
        ([Payment(ELSEWHERE, 200 * BTC)], PoolShort),
        ([Payment(ELSEWHERE, 545)], BadPayment),
        ([Payment(ELSEWHERE, -1)], BadPayment),
        ([Payment("bcrt1qnotanaddress", 1000)], BadPayment),
        ([], BadPayment),
    )
    for payments, error in refused:
        with pytest.raises(error):
            chain.sign_pool_payment("alpha", payments, 5)


def test_a_payment_arrives_in_the_vault(bench: Bench) -> None:
    """Nothing while it waits; a coin with its place once it is mined; duplicates change nothing."""
    chain = funded(bench)
    address = chain.reserve_check("intake", 0, 3)
    raw = chain.sign_pool_payment("alpha", [Payment(address, 123_456)], 5)
    txid = chain.broadcast(raw)
    assert chain.broadcast(raw) == txid
    assert (chain.coins("intake"), chain.confirmations(txid)) == ((), 0)
    block = mine(chain)[0]
    expected_script = Descriptor.from_string(descriptor()).derive(3, branch_index=0).script_pubkey().data.hex()
    assert chain.coins("intake") == (Coin(f"{txid}:0", 123_456, expected_script, block.height, block.hash),)
    mine(chain, 2)
    assert chain.confirmations(txid) == 3
    assert chain.confirmations(txid, block.hash) == 3
    assert chain.confirmations(txid, GENESIS_HASH) == 0
    assert chain.confirmations("00" * 32) == 0
    assert chain.broadcast(raw) == txid
    assert len(chain.coins("intake")) == 1


def test_unconfirmed_change_is_spent(bench: Bench) -> None:
    """A pool with one coinbase pays three times between two blocks."""
    chain = funded(bench, 50 * BTC)
    txids = [pay(chain, 10 * BTC, index) for index in range(3)]
    mine(chain)
    assert {coin.outpoint.partition(":")[0] for coin in chain.coins("intake")} == set(txids)
    assert {chain.confirmations(txid) for txid in txids} == {1}


def test_a_vault_is_watched_once_under_one_descriptor(bench: Bench) -> None:
    chain = bench.chain
    for ask in (lambda: chain.coins("intake"), lambda: chain.reserve_check("intake", 0, 0)):
        with pytest.raises(VaultNotWatched):
            ask()
    chain.watch_vault("intake", descriptor(), START)
    chain.watch_vault("intake", descriptor(), START)
    chain.watch_vault("cold", descriptor("cold"), START)
    with pytest.raises(VaultDiffers):
        chain.watch_vault("intake", descriptor("cold"), START)
    damaged = descriptor()[:-1] + ("q" if descriptor()[-1] != "q" else "p")
    for bad in (damaged, descriptor().partition("#")[0], str(add_checksum("wsh(sortedmulti(1,xpub))"))):
        with pytest.raises(BadDescriptor):
            chain.watch_vault("other", bad, START)
    assert chain.coins("intake") == chain.coins("cold") == ()


def test_the_node_derives_the_same_addresses(bench: Bench) -> None:
    """On both branches, also beyond the places that a node watches on its own, and a coin there is seen."""
    chain = funded(bench)
    for branch, index in ((0, 0), (0, 7), (1, 3), (0, 1_100)):
        place = Descriptor.from_string(descriptor()).derive(index, branch_index=branch)
        assert chain.reserve_check("intake", branch, index) == place.address(REGTEST)
    chain.broadcast(chain.sign_pool_payment("alpha", [Payment(place.address(REGTEST), 999)], 5))
    mine(chain)
    assert [coin.script_hex for coin in chain.coins("intake")] == [place.script_pubkey().data.hex()]


def test_a_vault_coin_is_spent_by_its_quorum_alone(bench: Bench) -> None:
    """Too few signatures, a wrong one, or an output that grew: refused. The quorum spends it, once."""
    chain = funded(bench)
    pay(chain, 5 * BTC, 4)
    mine(chain)
    coin = chain.coins("intake")[0]
    good = vault_spend(coin, 4, ELSEWHERE, 1_000)
    tampered = good.replace((5 * BTC - 1_000).to_bytes(8, "little").hex(), (5 * BTC - 999).to_bytes(8, "little").hex())
    assert tampered != good
    hostile = (
        vault_spend(coin, 4, ELSEWHERE, 1_000, SIGNERS[:1]),
        vault_spend(coin, 4, ELSEWHERE, -1),
        vault_spend(coin, 4, ELSEWHERE, 10),
        vault_spend(coin, 4, ELSEWHERE, 4 * BTC),
        vault_spend(Coin("11" * 32 + ":0", 5 * BTC, "", 0, ""), 4, ELSEWHERE, 1_000),
        tampered,
    )
    for raw in hostile:
        with pytest.raises(TransactionRejected):
            chain.broadcast(raw)
    txid = chain.broadcast(good)
    assert chain.coins("intake") == ()
    mine(chain)
    assert (chain.coins("intake"), chain.confirmations(txid)) == ((), 1)
    assert chain.broadcast(good) == txid
    with pytest.raises(TransactionRejected):
        chain.broadcast(vault_spend(coin, 4, chain_pool.nobody_address(), 2_000))


def test_bytes_that_are_no_transaction(bench: Bench) -> None:
    for raw in ("00", "zz", "", "02000000" + "00" * 10):
        for ask in (bench.chain.vsize, bench.chain.broadcast):
            with pytest.raises(TransactionRejected):
                ask(raw)


def test_a_node_that_lost_everything_is_given_its_blocks_again(bench: Bench) -> None:
    """After a crash at height 0 the recorded blocks bring back tip, coins and the pool's money; twice is once.

    The payment that only waited in the mempool is broadcast again from the caller's record.
    """
    chain = funded(bench)
    pay(chain, BTC)
    mine(chain, 5)
    recorded = chain.blocks(1, chain.tip()[0])
    coins, tip = chain.coins("intake"), chain.tip()
    waiting = chain.sign_pool_payment("alpha", [Payment(chain.reserve_check("intake", 0, 1), 2 * BTC)], 5)
    txid = chain.broadcast(waiting)
    bench.lose_everything()
    chain = bench.chain
    chain.restore(recorded)
    chain.restore(recorded)
    chain.watch_vault("intake", descriptor(), START)
    assert (chain.tip(), chain.coins("intake")) == (tip, coins)
    assert chain.broadcast(waiting) == txid
    mine(chain)
    assert sorted(coin.amount_sats for coin in chain.coins("intake")) == [BTC, 2 * BTC]
    pay(chain, 3 * BTC, 2)


def test_blocks_above_the_record_stay(bench: Bench) -> None:
    """The node was killed before the last blocks were recorded: they are left for the caller to adopt."""
    chain = bench.chain
    recorded = chain.mine_to(5, START + HOUR)
    more = chain.mine_to(8, START + 2 * HOUR)
    chain.restore(recorded)
    assert chain.tip() == (8, more[-1].hash)
    chain.restore(())
    assert chain.blocks(6, 8) == more


def test_a_reorganisation_takes_coins_back(bench: Bench) -> None:
    """Another miner's longer branch without the payment: the coin is gone, and the recorded chain cannot return."""
    chain = funded(bench)
    txid = pay(chain, BTC)
    mine(chain, 2)
    recorded = chain.blocks(1, chain.tip()[0])
    assert chain.confirmations(txid) == 2
    bench.reorganise(2)
    assert chain.tip()[0] == recorded[-1].height + 1
    assert chain.block_hash(recorded[-1].height) != recorded[-1].hash
    assert (chain.coins("intake"), chain.confirmations(txid)) == ((), 0)
    assert chain.confirmations(txid, recorded[-2].hash) == 0
    with pytest.raises(ChainDiverged):
        chain.restore(recorded)
    mine(chain)
    assert chain.confirmations(txid) == 1
    assert [coin.amount_sats for coin in chain.coins("intake")] == [BTC]


def test_a_longer_record_beats_another_branch(bench: Bench) -> None:
    """The node came back empty and somebody mined on it: the record is longer and becomes the best chain again."""
    bench.chain.mine_to(9, START + HOUR)
    recorded = bench.chain.blocks(1, 9)
    bench.lose_everything()
    bench.mine_elsewhere(4)
    bench.chain.restore(recorded)
    assert bench.chain.tip() == (9, recorded[-1].hash)


def test_a_damaged_record_is_refused(bench: Bench) -> None:
    """One changed byte, or a hole, in the recorded blocks does not pass."""
    bench.chain.mine_to(4, START + HOUR)
    recorded = bench.chain.blocks(1, 4)
    bench.lose_everything()
    raw = recorded[1].raw_hex
    flipped = Block(2, recorded[1].hash, raw[:-20] + ("0" if raw[-20] != "0" else "1") + raw[-19:])
    for damaged in ((recorded[0], flipped, *recorded[2:]), recorded[2:], (Block(2, recorded[1].hash, "00"),)):
        with pytest.raises(ChainDiverged):
            bench.chain.restore(damaged)
    bench.chain.restore(recorded)
    assert bench.chain.tip()[0] == 4


def test_a_silent_node_is_told_from_a_no(bench: Bench) -> None:
    """Every question to a node that does not answer raises NodeUnreachable; afterwards all is as before."""
    chain = funded(bench)
    pay(chain, BTC)
    mine(chain)
    tip, coins = chain.tip(), chain.coins("intake")
    questions: tuple[Callable[[], object], ...] = (
        chain.tip,
        lambda: chain.coins("intake"),
        lambda: chain.mine_to(tip[0] + 0, START),
        lambda: chain.broadcast("00"),
    )
    with bench.unreachable():
        for question in questions:
            with pytest.raises(NodeUnreachable):
                question()
    assert (chain.tip(), chain.coins("intake")) == (tip, coins)


def test_a_lost_acknowledgement_does_not_pay_twice(bench: Bench) -> None:
    """The payment went out, the answer was lost: broadcasting the recorded bytes again is the same payment."""
    chain = funded(bench)
    raw = chain.sign_pool_payment("alpha", [Payment(chain.reserve_check("intake", 0, 0), BTC)], 5)
    bench.lose_next_answer()
    with pytest.raises(NodeUnreachable):
        chain.broadcast(raw)
    chain.broadcast(raw)
    mine(chain)
    assert [coin.amount_sats for coin in chain.coins("intake")] == [BTC]


def test_the_clock_can_be_set(bench: Bench) -> None:
    """Also far ahead and back again; the next block carries the time that it is mined for."""
    bench.chain.set_time(START + 100 * HOUR)
    bench.chain.set_time(START)
    block = bench.chain.mine_to(1, START + HOUR)[0]
    assert block_time_s(block) == int((START + HOUR).timestamp())


def test_a_real_node_takes_the_twins_chain(bitcoind_path: Path, tmp_path: Path) -> None:
    """The twin's blocks, transactions and signatures are valid to bitcoind, and both see the same coins."""
    twin = TwinBench()
    chain = funded(twin, 7_600 * BTC)
    pay(chain, BTC)
    mine(chain, 2)
    pay(chain, 2 * BTC, 1)
    mine(chain)
    spent = chain.coins("intake")[0]
    chain.broadcast(vault_spend(spent, 0, ELSEWHERE, 1_000))
    mine(chain)
    with BitcoindProcess.start(bitcoind_path, tmp_path / "node", START) as process:
        real = BitcoindChain(process.rpc)
        real.watch_vault("intake", descriptor(), START)
        real.restore(chain.blocks(1, chain.tip()[0]))
        assert real.tip() == chain.tip()
        assert real.coins("intake") == chain.coins("intake") != ()
