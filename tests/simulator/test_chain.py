"""The private chain's twin: replayable, strict about what it takes, and faulty only when told to be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from embit import bip32
from embit.descriptor.checksum import add_checksum
from embit.networks import NETWORKS
from embit.transaction import Transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from zakhira.custody.coin import Payment
from zakhira.flows.ports import chain_pool
from zakhira.flows.ports.chain_errors import NodeUnreachable, TransactionRejected
from zakhira.simulator.chain import SimulatedChain
from zakhira.simulator.chain_block import BadBlock, read_block
from zakhira.simulator.chain_faults import ChainFault, FaultPlan
from zakhira.simulator.chain_script import is_satisfied

START = datetime(2026, 1, 1, tzinfo=UTC)
BTC = 100_000_000
ELSEWHERE = chain_pool.pool_address("another miner")


def funded(faults: FaultPlan | None = None) -> SimulatedChain:
    chain = SimulatedChain(faults)
    chain.fund_pools({"alpha": 100 * BTC}, START)
    return chain


def test_the_same_calls_give_the_same_chain() -> None:
    """Hashes and all: nothing in the twin is random but the fault plan, and that has a seed."""
    tips = []
    for _ in range(2):
        chain = funded()
        chain.broadcast(chain.sign_pool_payment("alpha", [Payment(ELSEWHERE, BTC)], 5))
        chain.mine_to(110, START + timedelta(hours=3))
        tips.append(chain.tip())
    assert tips[0] == tips[1]


def test_a_seeded_plan_replays() -> None:
    """The same seed fails the same calls; another seed fails others; a share of 0 fails none."""

    def failures(seed: int, share: float) -> list[int]:
        chain = SimulatedChain(FaultPlan.seeded(seed, 200, share))
        failed = []
        for call in range(200):
            try:
                chain.tip()
            except NodeUnreachable:
                failed.append(call)
        return failed

    assert failures(7, 0.2) == failures(7, 0.2) != failures(8, 0.2)
    assert 10 < len(failures(7, 0.2)) < 80
    assert failures(7, 0.0) == []


def test_an_unreachable_call_does_nothing_and_a_lost_answer_did() -> None:
    chain = SimulatedChain()
    chain.faults.fail_next(ChainFault.UNREACHABLE)
    with pytest.raises(NodeUnreachable):
        chain.mine_to(1, START)
    assert chain.tip()[0] == 0
    chain.faults.fail_next(ChainFault.LOST_ANSWER)
    with pytest.raises(NodeUnreachable):
        chain.mine_to(1, START)
    assert chain.tip()[0] == 1


def test_coins_can_be_told_twice() -> None:
    """A duplicate notice: the same coin twice, for flows to credit once."""
    chain = funded(FaultPlan(repeat_coins=True))
    key = bip32.HDKey.from_seed(b"vault" * 4, version=NETWORKS["regtest"]["xprv"]).to_public().to_base58()
    chain.watch_vault("intake", str(add_checksum(f"wsh(sortedmulti(1,{key}/<0;1>/*))")), START)
    payment = Payment(chain.reserve_check("intake", 0, 0), BTC)
    chain.broadcast(chain.sign_pool_payment("alpha", [payment], 5))
    chain.mine_to(chain.tip()[0] + 1, START)
    coins = chain.coins("intake")
    assert len(coins) == 2
    assert len(set(coins)) == 1


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_changed_byte_of_a_signed_payment_is_taken(data: st.DataObject) -> None:
    """Wherever one bit flips, the transaction is refused, or it is the same payment under the same signature."""
    chain = funded()
    raw = bytes.fromhex(chain.sign_pool_payment("alpha", [Payment(ELSEWHERE, BTC)], 5))
    place = data.draw(st.integers(0, len(raw) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = raw[:place] + bytes([raw[place] ^ 1 << bit]) + raw[place + 1 :]
    with pytest.raises(TransactionRejected):
        chain.broadcast(changed.hex())


def test_immature_and_foreign_money_is_not_spent() -> None:
    """A coinbase before its hundredth block; an output that another key holds."""
    chain = funded()
    chain.state.cut(60)
    assert not list(chain.state.spendable())
    chain = funded()
    raw = chain.sign_pool_payment("alpha", [Payment(ELSEWHERE, BTC)], 5)
    transaction = Transaction.parse(bytes.fromhex(raw))
    script = chain.state.unspent[f"{transaction.vin[0].txid.hex()}:{transaction.vin[0].vout}"].script
    assert is_satisfied(transaction, 0, script, 50 * BTC)
    assert not is_satisfied(transaction, 0, script, 50 * BTC + 1)
    assert not is_satisfied(transaction, 0, script[:-1] + bytes([script[-1] ^ 1]), 50 * BTC)
    assert not is_satisfied(transaction, 0, b"\x51", 50 * BTC)


def test_a_block_is_read_back_whole_or_not_at_all() -> None:
    chain = SimulatedChain()
    raw = bytes.fromhex(chain.mine_to(1, START)[0].raw_hex)
    assert read_block(raw, 1) == chain.state.tip
    for damaged in (raw[:-1], raw + b"\0", raw[:40] + bytes([raw[40] ^ 1]) + raw[41:], raw[:80], b""):
        with pytest.raises(BadBlock):
            read_block(damaged, 1)


def test_a_reorganisation_puts_payments_back_in_the_mempool() -> None:
    """And a crash that loses blocks loses the mempool as well."""
    chain = funded()
    txid = chain.broadcast(chain.sign_pool_payment("alpha", [Payment(ELSEWHERE, BTC)], 5))
    height, _ = chain.tip()
    chain.mine_to(height + 2, START + timedelta(hours=1))
    chain.reorganise(2)
    assert chain.tip()[0] == height + 3
    assert list(chain.state.mempool) == [txid]
    chain.state.forget(3)
    assert chain.tip()[0] == height
    assert not chain.state.mempool
