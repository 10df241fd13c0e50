"""What the custody room builds, a real node accepts; what it derives, the node derives as well."""

from __future__ import annotations

import math

from conftest import RegtestNode
from custody_drill import CHAIN, COLD, INTAKE, POLICY, proposal
from node_drill import Drill, spend_cold
from zakhira.custody.coin import Payment
from zakhira.custody.decoders import decode_transaction
from zakhira.custody.descriptor import derive_address
from zakhira.custody.spend import HeldCoin, build_psbt, plan_payment
from zakhira.custody.weight import spend_weight


def test_sweep_and_cold_payment_confirm_on_a_real_node(regtest_node: RegtestNode) -> None:
    """Three intake coins are swept to cold; then a cold coin pays an outside address and its change comes back.

    The node derives the same addresses, accepts both transactions, measures the size that the fee was computed from,
    and holds afterwards exactly the coins that were meant.
    """
    drill = Drill(regtest_node.chain, regtest_node.now)
    drill.begin(10_000_000_000)
    for vault, branch, index in ((INTAKE, 0, 0), (INTAKE, 1, 5), (COLD, 0, 7), (COLD, 1, 1)):
        node_says = regtest_node.chain.reserve_check(vault.id, branch, index)
        assert node_says == derive_address(vault, branch, index, CHAIN).address
    held = drill.receive((40_000_000, 1_234_567, 9_876_543_210))
    assert sorted(item.coin.amount_sats for item in held) == [1_234_567, 40_000_000, 9_876_543_210]
    instruction, raw_hex, coin = drill.sweep(held, 0)
    assert coin.amount_sats == 40_000_000 + 1_234_567 + 9_876_543_210 - instruction.fee_limit_sats
    assert regtest_node.chain.coins(INTAKE.id) == ()
    vsize = regtest_node.chain.vsize(raw_hex)
    assert vsize == decode_transaction(raw_hex).vsize
    assert 0 <= math.ceil(spend_weight(INTAKE, 3, (34,)) / 4) - vsize <= 6

    outside, change = derive_address(INTAKE, 0, 500, CHAIN), derive_address(COLD, 1, 0, CHAIN)
    cold = (HeldCoin(coin, derive_address(COLD, 0, 0, CHAIN)),)
    payment, left = plan_payment(cold, Payment(outside.address, 5_000_000), change, POLICY, CHAIN, proposal("pay-1"))
    psbt = build_psbt(payment, cold, POLICY, change=left)
    drill.confirmed(spend_cold(payment, psbt))
    (back,) = regtest_node.chain.coins(COLD.id)
    assert (back.script_hex, back.amount_sats) == (
        change.script_hex,
        coin.amount_sats - 5_000_000 - payment.fee_limit_sats,
    )
