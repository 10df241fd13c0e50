"""The arithmetic of pools on a private chain: funding, choice of coins, fees; and the times of blocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.custody.coin import Payment
from zakhira.flows.ports.chain_errors import PoolShort, PoolsUnfundable
from zakhira.flows.ports.chain_pool import (
    DUST_SATS,
    FUNDING_LIMIT_HEIGHT,
    PoolCoin,
    build_pool_payment,
    funding_plan,
    nobody_address,
    pool_address,
    subsidy_sats,
)
from zakhira.flows.ports.chain_timing import even_moments

BTC = 100_000_000
START = datetime(2026, 1, 1, tzinfo=UTC)
needs = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 4_000 * BTC))


def test_regtest_halves_each_150_blocks() -> None:
    heights = (1, 149, 150, 299, 300)
    assert [subsidy_sats(h) for h in heights] == [50 * BTC, 50 * BTC, 25 * BTC, 25 * BTC, 12 * BTC + 50_000_000]


@given(needs)
def test_funding_covers_every_need_and_no_block_is_idle(wanted: dict[str, int]) -> None:
    """Each pool gets what it needs; without its last block it would not; the order of the needs does not matter."""
    plan = funding_plan(wanted)
    assert funding_plan(dict(reversed(wanted.items()))) == plan
    for pool, need in wanted.items():
        got = [subsidy_sats(height) for height, payee in enumerate(plan, start=1) if payee == pool]
        assert sum(got) >= need
        assert not got or sum(got[:-1]) < need
    assert plan.count("") == (100 if any(wanted.values()) else 0)


def test_more_than_the_chain_issues_is_refused() -> None:
    """The most that ten halvings give can be funded, and not one satoshi more."""
    most = sum(subsidy_sats(height) for height in range(1, FUNDING_LIMIT_HEIGHT + 1))
    assert len(funding_plan({"a": most})) == FUNDING_LIMIT_HEIGHT + 100
    with pytest.raises(PoolsUnfundable):
        funding_plan({"a": most - BTC, "b": BTC + 1})


coins = st.lists(
    st.builds(
        PoolCoin,
        st.integers(0, 2**256 - 1).map(lambda number: f"{number:064x}:0"),
        st.integers(DUST_SATS, 50 * BTC),
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda coin: coin.outpoint,
)


@given(coins, st.lists(st.integers(DUST_SATS, 30 * BTC), min_size=1, max_size=5), st.integers(1, 50), st.randoms())
def test_a_payment_balances(held: list[PoolCoin], amounts: list[int], fee_rate: int, shuffle: Random) -> None:
    """Inputs less outputs are the fee; confirmed coins go first; the order of the list does not matter."""
    payments = [Payment(nobody_address(), amount) for amount in amounts]
    by_outpoint = {coin.outpoint: coin for coin in held}
    try:
        transaction = build_pool_payment("a", payments, held, fee_rate)
    except PoolShort:
        assert sum(by_outpoint[o].amount_sats for o in by_outpoint) < sum(amounts) + fee_rate * 68 * (len(held) + 10)
        return
    shuffled = list(held)
    shuffle.shuffle(shuffled)
    assert build_pool_payment("a", payments, shuffled, fee_rate).serialize() == transaction.serialize()
    spent = [by_outpoint[f"{spend.txid.hex()}:{spend.vout}"] for spend in transaction.vin]
    outputs = [output.value for output in transaction.vout]
    assert outputs[: len(amounts)] == amounts
    fee = sum(coin.amount_sats for coin in spent) - sum(outputs)
    size_vb = len(transaction.serialize()) + 28 * len(spent)
    assert fee_rate * (size_vb - len(spent) - 2) <= fee <= fee_rate * (size_vb + 34) + DUST_SATS
    assert all(coin.confirmed for coin in spent) or all(coin in spent for coin in held if coin.confirmed)


def test_change_goes_back_unless_it_is_dust() -> None:
    """Change of at least 546 sat is the last output; less goes to the fee."""
    payment = [Payment(nobody_address(), 10_000)]
    with_change = build_pool_payment("a", payment, [PoolCoin("11" * 32 + ":0", 10_000 + 141 + 546, True)], 1)
    assert [output.value for output in with_change.vout] == [10_000, 546]
    without = build_pool_payment("a", payment, [PoolCoin("11" * 32 + ":0", 10_000 + 141 + 545, True)], 1)
    assert [output.value for output in without.vout] == [10_000]
    assert pool_address("a") != pool_address("b")


@given(st.integers(1, 200), st.integers(-(10**6), 10**7))
def test_block_times_rise_evenly_to_now(count: int, ahead_s: int) -> None:
    """Never before the tip, never beyond now (or the tip's own time), never more than an hour apart."""
    now = START + timedelta(seconds=ahead_s)
    moments = even_moments(count, int(START.timestamp()), now)
    assert len(moments) == count
    assert min(moments) >= START
    assert moments[-1] == max(now, START)
    assert all(timedelta(0) <= later - earlier <= timedelta(hours=1) for earlier, later in pairwise(moments))
    assert even_moments(0, 0, now) == []
