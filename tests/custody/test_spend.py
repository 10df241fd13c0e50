"""Sweeps and payments are planned with the exact fee and built in BIP-69 order."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from embit.script import Script
from embit.transaction import Transaction, TransactionInput, TransactionOutput
from hypothesis import given, settings
from hypothesis import strategies as st

from custody_drill import CHAIN, COLD, INTAKE, NOW, POLICY, held_coins, make_policy, make_sweep, proposal, seed_of
from zakhira.custody.coin import ChangeOutput, Coin, Instruction, Payment
from zakhira.custody.decoders import decode_psbt, decode_transaction
from zakhira.custody.descriptor import derive_address
from zakhira.custody.refusals import (
    BadFeeRate,
    FeeAboveLimit,
    ForeignCoin,
    NothingToSpend,
    TooHeavy,
    TooLittle,
    UnknownVault,
)
from zakhira.custody.signing import check_and_sign, combine_signatures, finalise
from zakhira.custody.spend import (
    DUST_SATS,
    HeldCoin,
    build_psbt,
    choose_coins,
    locate_coins,
    outpoint_order,
    plan_payment,
    plan_sweep,
)
from zakhira.custody.weight import spend_weight

DESTINATION = derive_address(COLD, 0, 3, CHAIN)


def test_a_sweep_has_one_output_and_pays_the_fee_of_its_size() -> None:
    """Three coins: the fee is the rate times the stated virtual bytes, the rest goes to one cold address."""
    sweep = make_sweep()
    decoded = decode_psbt(sweep.psbt, CHAIN)
    vsize = math.ceil(spend_weight(INTAKE, 3, (34,)) / 4)
    assert sweep.instruction.fee_limit_sats == 5 * vsize == decoded.fee_sats
    assert [(o.address, o.amount_sats) for o in decoded.outputs] == [
        (sweep.destination.address, 1_000_000 + 2_500_000 + 730_001 - 5 * vsize)
    ]
    assert sweep.instruction.expires_at == NOW + timedelta(hours=48)
    assert decoded.instruction_hash == sweep.instruction.hash


@settings(max_examples=12, deadline=None)
@given(amounts=st.lists(st.integers(10_000, 10**10), min_size=1, max_size=8), signers=st.permutations([1, 2, 3]))
def test_the_fee_estimate_is_met_by_the_final_transaction(amounts: list[int], signers: list[int]) -> None:
    """Whatever the coins and whoever signs, the final size is at most the estimate and within the signatures' slack."""
    policy = make_policy(10**7)
    sweep = make_sweep(held_coins(INTAKE, tuple(amounts)), policy)
    signed = [check_and_sign(sweep.psbt, sweep.instruction, policy, CHAIN, seed_of(INTAKE, n)) for n in signers[:2]]
    final = decode_transaction(finalise(combine_signatures(sweep.psbt, signed, CHAIN), CHAIN))
    estimate = math.ceil(spend_weight(INTAKE, len(amounts), (34,)) / 4)
    assert estimate - 2 * len(amounts) <= final.vsize <= estimate


def test_inputs_and_outputs_stand_in_bip69_order() -> None:
    """Inputs by transaction id, then number as a number; outputs by amount, then script."""
    assert sorted(["ab:10", "ab:2", "aa:300"], key=outpoint_order) == ["aa:300", "ab:2", "ab:10"]
    held = held_coins(COLD, (5_000_000, 7_000_000))[::-1]
    change = derive_address(COLD, 1, 0, CHAIN)
    payment = Payment(derive_address(INTAKE, 0, 99, CHAIN).address, 11_000_000)
    instruction, left = plan_payment(held, payment, change, POLICY, CHAIN, proposal("pay-1"))
    decoded = decode_psbt(build_psbt(instruction, held, POLICY, change=left), CHAIN)
    outpoints = [given_input.outpoint for given_input in decoded.inputs]
    assert outpoints == sorted(outpoints, key=outpoint_order) == list(instruction.inputs)
    assert [o.amount_sats for o in decoded.outputs] == sorted(o.amount_sats for o in decoded.outputs)


def test_a_payment_returns_its_change_to_the_vault() -> None:
    """One cold coin pays an outside address; what is left after the fee comes back to branch 1."""
    held = held_coins(COLD, (5_000_000,))
    change = derive_address(COLD, 1, 0, CHAIN)
    payment = Payment(DESTINATION.address, 1_000_000)
    instruction, left = plan_payment(held, payment, change, POLICY, CHAIN, proposal("pay-2"))
    assert (instruction.to_vault, instruction.payments) == ("", (payment,))
    assert left == (ChangeOutput(change, 4_000_000 - instruction.fee_limit_sats),)


def test_change_that_would_be_dust_goes_to_the_fee() -> None:
    """Less than 330 sat of change makes no output."""
    held = held_coins(COLD, (1_000_000,))
    change = derive_address(COLD, 1, 0, CHAIN)

    def plan(amount_sats: int) -> tuple[Instruction, tuple[ChangeOutput, ...]]:
        return plan_payment(held, Payment(DESTINATION.address, amount_sats), change, POLICY, CHAIN, proposal())

    fee = plan(1_000)[0].fee_limit_sats
    exact, left = plan(1_000_000 - fee - DUST_SATS)
    assert ([item.amount_sats for item in left], exact.fee_limit_sats) == ([DUST_SATS], fee)
    below, none = plan(1_000_000 - fee - DUST_SATS + 1)
    assert (none, below.fee_limit_sats) == ((), fee + DUST_SATS - 1)
    for instruction, returned in ((exact, left), (below, none)):
        assert decode_psbt(build_psbt(instruction, held, POLICY, change=returned), CHAIN).fee_sats is not None


def test_plans_that_cannot_be_made() -> None:
    """No coins, a coin twice, coins of another vault, dust, a fee above its limit, a rate of 0, too many coins."""
    held = held_coins(INTAKE, (1_000_000,))
    with pytest.raises(UnknownVault):
        plan_sweep((), DESTINATION, POLICY, CHAIN, proposal())
    with pytest.raises(NothingToSpend):
        plan_sweep(held * 2, DESTINATION, POLICY, CHAIN, proposal())
    with pytest.raises(ForeignCoin):
        plan_sweep(held + held_coins(COLD, (1, 1_000_000))[1:], DESTINATION, POLICY, CHAIN, proposal())
    with pytest.raises(TooLittle):
        plan_sweep(held_coins(INTAKE, (1_000,)), DESTINATION, POLICY, CHAIN, proposal())
    with pytest.raises(FeeAboveLimit):
        plan_sweep(held, DESTINATION, make_policy(100), CHAIN, proposal())
    with pytest.raises(BadFeeRate):
        plan_sweep(held, DESTINATION, make_policy(fee_rate_sat_per_vb=0), CHAIN, proposal())
    change = derive_address(INTAKE, 1, 0, CHAIN)
    with pytest.raises(TooLittle):
        plan_payment(held, Payment(DESTINATION.address, 999_999), change, POLICY, CHAIN, proposal())
    many = tuple(HeldCoin(replace(held[0].coin, outpoint=f"{n:064x}:0"), held[0].address) for n in range(1_200))
    with pytest.raises(TooHeavy):
        plan_sweep(many, DESTINATION, make_policy(10**9), CHAIN, proposal())


def test_coins_are_located_by_script_or_refused() -> None:
    """A coin at an address that was handed out is held; any other is refused."""
    held = held_coins(INTAKE, (5_000, 6_000))
    coins = [item.coin for item in held]
    assert locate_coins(coins, [item.address for item in held]) == held
    with pytest.raises(ForeignCoin):
        locate_coins(coins, [held[0].address])


def test_one_sweep_takes_the_oldest_coins_within_the_limit() -> None:
    """Oldest first; a coin that would pass the limit is left for the next sweep, and so is one too many for the fee."""
    held = held_coins(INTAKE, (40, 50, 20, 10))
    policy = replace(POLICY, sweep_limit_sats=100)
    assert [item.coin.amount_sats for item in choose_coins(held[::-1], INTAKE, policy)] == [40, 50, 10]
    tight = make_policy(fee_limit_sats=5 * math.ceil(spend_weight(INTAKE, 2, (34,)) / 4))
    assert len(choose_coins(held, INTAKE, tight)) == 2


def test_a_place_that_is_not_the_address_is_not_built() -> None:
    """An address that stands elsewhere in the vault than it says is refused before anything is signed."""
    held = held_coins(INTAKE, (1_000_000,))
    instruction = plan_sweep(held, DESTINATION, POLICY, CHAIN, proposal())
    with pytest.raises(ForeignCoin, match="index 4"):
        build_psbt(instruction, held, POLICY, (replace(DESTINATION, index=4),))


def test_previous_transactions_travel_with_the_psbt() -> None:
    """Given the whole previous transaction, the PSBT carries it and a wrong amount in it is noticed."""
    address = derive_address(INTAKE, 0, 0, CHAIN)
    output = TransactionOutput(900_000, Script(bytes.fromhex(address.script_hex)))
    funding = Transaction(vin=[TransactionInput(b"\x11" * 32, 0)], vout=[output])
    coin = Coin(f"{funding.txid().hex()}:0", 900_000, address.script_hex, 7, "00" * 32)
    held = (HeldCoin(coin, address),)
    previous = {funding.txid().hex(): funding.serialize().hex()}
    instruction = plan_sweep(held, DESTINATION, POLICY, CHAIN, proposal())
    psbt = build_psbt(instruction, held, POLICY, (DESTINATION,), previous=previous)
    assert decode_psbt(psbt, CHAIN).inputs[0].previous == (funding.txid().hex(), 900_000, address.script_hex)
