"""Hostile PSBTs: every way in which bytes could do something else is refused by its own code."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from embit.psbt import DerivationPath
from embit.script import Script, Witness
from embit.transaction import Transaction, TransactionInput, TransactionOutput

from custody_drill import CHAIN, COLD, INTAKE, POLICY, Sweep, held_coins, make_policy, make_sweep, proposal
from zakhira.custody import decoders, read_by_embit
from zakhira.custody.checks import check_against, coins_as_told, place_in_vault
from zakhira.custody.coin import ChangeOutput, Coin, Instruction, Payment
from zakhira.custody.decoded import INSTRUCTION_KEY
from zakhira.custody.decoders import decode_psbt, decode_transaction
from zakhira.custody.descriptor import derive_address, derive_place, vault_descriptor
from zakhira.custody.exact_psbt import ExactOutputScope
from zakhira.custody.refusals import (
    AlreadyFinal,
    DecodersDisagree,
    DuplicateInput,
    FeeAboveLimit,
    FeeRateAboveLimit,
    ForeignChange,
    ForeignCoin,
    NoSuchPath,
    SigningRefused,
    TooMuchChange,
    UnapprovedData,
    Undecodable,
    UnknownCoin,
    UnknownField,
    WrongChain,
    WrongDestination,
    WrongFee,
    WrongInputAmount,
    WrongInputs,
    WrongInstruction,
    WrongLocktime,
    WrongOutputs,
    WrongPreviousTransaction,
    WrongSequence,
    WrongSighash,
    WrongVersion,
    WrongWitnessScript,
)
from zakhira.custody.spend import build_psbt, plan_payment
from zakhira.programme.model import Policy, Vault

SWEEP = make_sweep()
STRANGER = derive_address(INTAKE, 0, 77, CHAIN)
SpoilPsbt = Callable[[str, Callable[[Any], None]], str]


def node_coins(sweep: Sweep) -> dict[str, Coin]:
    """The coins as an honest node tells them."""
    return {item.coin.outpoint: item.coin for item in sweep.held}


def check(
    psbt: str,
    instruction: Instruction = SWEEP.instruction,
    coins: dict[str, Coin] | None = None,
    policy: Policy = POLICY,
    chain: str = CHAIN,
) -> None:
    """Decode twice and hold against the instruction, as a signer does."""
    check_against(decode_psbt(psbt, CHAIN), instruction, coins or node_coins(SWEEP), policy, chain)


def test_an_honest_sweep_passes_with_the_nodes_coins_and_as_told() -> None:
    """The PSBT that was built passes, on a machine with a node and on one without."""
    check(SWEEP.psbt)
    decoded = decode_psbt(SWEEP.psbt, CHAIN)
    check_against(decoded, SWEEP.instruction, coins_as_told(decoded), POLICY, CHAIN)


def _pay_stranger(psbt: Any) -> None:  # noqa: ANN401
    psbt.outputs[0].script_pubkey = Script(bytes.fromhex(STRANGER.script_hex))


def _pay_less(psbt: Any) -> None:  # noqa: ANN401
    psbt.outputs[0].value -= 10_000


def _add_output(psbt: Any) -> None:  # noqa: ANN401
    psbt.outputs[0].value -= 5_000
    psbt.outputs.append(ExactOutputScope(vout=TransactionOutput(5_000, Script(bytes.fromhex(STRANGER.script_hex)))))


def _op_return(psbt: Any) -> None:  # noqa: ANN401
    psbt.outputs.append(ExactOutputScope(vout=TransactionOutput(0, Script(b"\x6a"))))


def _drop_input(psbt: Any) -> None:  # noqa: ANN401
    psbt.inputs.pop()


def _repeat_input(psbt: Any) -> None:  # noqa: ANN401
    psbt.inputs[1] = psbt.inputs[0]


def _other_input(psbt: Any) -> None:  # noqa: ANN401
    psbt.inputs[0].vout += 1


def _set(part: str, name: str, value: object) -> Callable[[Any], None]:
    def change(psbt: Any) -> None:  # noqa: ANN401
        target = psbt if part == "global" else getattr(psbt, part)[0]
        setattr(target, name, value)

    return change


def _lie(psbt: Any) -> None:  # noqa: ANN401
    psbt.inputs[0].witness_utxo.value += 1


def _hide_amount(psbt: Any) -> None:  # noqa: ANN401
    psbt.inputs[0].witness_utxo = None


def _foreign_script(psbt: Any) -> None:  # noqa: ANN401
    psbt.inputs[0].witness_script = Script(psbt.inputs[1].witness_script.data)


def _no_paths(psbt: Any) -> None:  # noqa: ANN401
    psbt.inputs[0].bip32_derivations.clear()


def _swap_paths(psbt: Any) -> None:  # noqa: ANN401
    psbt.inputs[0].bip32_derivations, psbt.inputs[1].bip32_derivations = (
        psbt.inputs[1].bip32_derivations,
        psbt.inputs[0].bip32_derivations,
    )


def _hardened_path(psbt: Any) -> None:  # noqa: ANN401
    for origin in psbt.inputs[0].bip32_derivations.values():
        origin.derivation[-1] |= 1 << 31


def _other_hash(psbt: Any) -> None:  # noqa: ANN401
    psbt.unknown[INSTRUCTION_KEY] = bytes(32)


def _no_hash(psbt: Any) -> None:  # noqa: ANN401
    del psbt.unknown[INSTRUCTION_KEY]


def _unknown_global(psbt: Any) -> None:  # noqa: ANN401
    psbt.unknown[b"\xf0new"] = b"1"


def _foreign_proprietary(psbt: Any) -> None:  # noqa: ANN401
    psbt.unknown[b"\xfc\x05other\x00"] = b"1"


def _unknown_input(psbt: Any) -> None:  # noqa: ANN401
    psbt.inputs[0].unknown[b"\xf0new"] = b"1"


def _unknown_output(psbt: Any) -> None:  # noqa: ANN401
    psbt.outputs[0].unknown[b"\xf0new"] = b"1"


def _redeem_script(psbt: Any) -> None:  # noqa: ANN401
    psbt.inputs[0].redeem_script = Script(b"\x51")


def _lying_previous(psbt: Any) -> None:  # noqa: ANN401
    script = psbt.inputs[0].witness_utxo.script_pubkey
    psbt.inputs[0].non_witness_utxo = Transaction(
        vin=[TransactionInput(b"\x22" * 32, 0)], vout=[TransactionOutput(1_000_000, script)]
    )


def _no_destination_path(psbt: Any) -> None:  # noqa: ANN401
    psbt.outputs[0].bip32_derivations.clear()


def _false_destination_path(psbt: Any) -> None:  # noqa: ANN401
    for origin in psbt.outputs[0].bip32_derivations.values():
        origin.derivation[-1] += 1


HOSTILE = [
    (_pay_stranger, WrongOutputs),
    (_pay_less, WrongOutputs),
    (_add_output, WrongOutputs),
    (_op_return, UnapprovedData),
    (_drop_input, WrongInputs),
    (_repeat_input, DuplicateInput),
    (_other_input, WrongInputs),
    (_set("inputs", "sighash_type", 2), WrongSighash),
    (_set("inputs", "sighash_type", 0x81), WrongSighash),
    (_set("inputs", "sequence", 0xFFFFFFFF), WrongSequence),
    (_set("inputs", "sequence", 0), WrongSequence),
    (_set("global", "locktime", 500_000), WrongLocktime),
    (_set("global", "tx_version", 1), WrongVersion),
    (_lie, WrongInputAmount),
    (_hide_amount, WrongInputAmount),
    (_foreign_script, WrongWitnessScript),
    (_no_paths, ForeignCoin),
    (_swap_paths, ForeignCoin),
    (_hardened_path, ForeignCoin),
    (_other_hash, WrongInstruction),
    (_no_hash, WrongInstruction),
    (_unknown_global, UnknownField),
    (_foreign_proprietary, UnknownField),
    (_unknown_input, UnknownField),
    (_unknown_output, UnknownField),
    (_redeem_script, UnknownField),
    (_lying_previous, WrongPreviousTransaction),
    (_no_destination_path, WrongDestination),
    (_false_destination_path, WrongDestination),
]


@pytest.mark.parametrize(("how", "error"), HOSTILE)
def test_a_changed_psbt_is_refused_by_its_own_code(
    how: Callable[[Any], None], error: type[SigningRefused], spoil: SpoilPsbt
) -> None:
    """Between builder and signer one thing is changed; the signer names exactly that."""
    with pytest.raises(error) as caught:
        check(spoil(SWEEP.psbt, how))
    assert caught.type is error


def test_a_fee_that_hides_in_the_coins_is_refused() -> None:
    """The instruction's fee is small, the coins are larger than it says: the difference would go to the miner."""
    for cheap, error in (
        (replace(SWEEP.instruction, fee_limit_sats=1), WrongFee),
        (replace(SWEEP.instruction, fee_rate_limit_sat_per_vb=1), FeeRateAboveLimit),
    ):
        decoded = replace(decode_psbt(SWEEP.psbt, CHAIN), instruction_hash=cheap.hash)
        with pytest.raises(error):
            check_against(decoded, cheap, node_coins(SWEEP), POLICY, CHAIN)


def test_a_fee_above_the_limit_is_refused() -> None:
    """An instruction that officers approved is refused all the same when its fee passes the policy's limit."""
    with pytest.raises(FeeAboveLimit):
        check(SWEEP.psbt, policy=make_policy(fee_limit_sats=10))


def test_a_spend_for_another_chain_is_refused() -> None:
    """A regtest instruction on a signer of another chain."""
    with pytest.raises(WrongChain):
        check(SWEEP.psbt, chain="signet")


def test_a_coin_that_the_node_does_not_hold() -> None:
    """The node has not, or no longer, one of the coins."""
    coins = node_coins(SWEEP)
    coins.pop(SWEEP.instruction.inputs[0])
    with pytest.raises(UnknownCoin):
        check(SWEEP.psbt, coins=coins)


def test_a_coin_that_pays_another_script_at_the_node() -> None:
    """The node says that the coin is at a script of somebody else."""
    coins = node_coins(SWEEP)
    first = SWEEP.instruction.inputs[0]
    coins[first] = replace(coins[first], script_hex=STRANGER.script_hex)
    with pytest.raises(ForeignCoin):
        check(SWEEP.psbt, coins=coins)


OUTSIDE = derive_address(INTAKE, 0, 50, CHAIN)


def _payment_psbt(change_of: Vault, parts: int = 1) -> tuple[Instruction, str, dict[str, Coin]]:
    """A cold payment whose change goes to a vault, in so many parts."""
    held = held_coins(COLD, (5_000_000,))
    place = derive_address(change_of, 1, 0, CHAIN)
    instruction, (left,) = plan_payment(held, Payment(OUTSIDE.address, 1_000), place, POLICY, CHAIN, proposal("pay"))
    instruction = replace(instruction, fee_rate_limit_sat_per_vb=50, fee_limit_sats=50_000)
    change = [
        ChangeOutput(derive_address(change_of, 1, number, CHAIN), left.amount_sats // parts) for number in range(parts)
    ]
    psbt = build_psbt(instruction, held, POLICY, change=change)
    return instruction, psbt, {held[0].coin.outpoint: held[0].coin}


def test_change_of_the_paying_vault_passes() -> None:
    """Change on branch 1 of the paying vault is no foreign output."""
    instruction, psbt, coins = _payment_psbt(COLD)
    check(psbt, instruction, coins)


def test_foreign_change_is_refused() -> None:
    """Change to another vault's branch is not change; nothing is even built."""
    with pytest.raises(ForeignChange):
        _payment_psbt(INTAKE)


def test_more_change_than_was_approved() -> None:
    """Two outputs come back where one was approved; nothing is built."""
    with pytest.raises(TooMuchChange):
        _payment_psbt(COLD, 2)


def test_change_on_the_receiving_branch_is_refused() -> None:
    """An output to a receiving address of the paying vault is not change: it would hide among arrivals."""
    held = held_coins(COLD, (5_000_000,))
    place = derive_address(COLD, 0, 9, CHAIN)
    instruction, left = plan_payment(held, Payment(OUTSIDE.address, 1_000), place, POLICY, CHAIN, proposal("pay"))
    with pytest.raises(ForeignChange):
        build_psbt(instruction, held, POLICY, change=left)


def test_coins_that_were_not_named_are_chosen_freely_and_checked_all_the_same() -> None:
    """An instruction without inputs lets coin selection choose; a coin that the node does not know stays refused."""
    free = replace(SWEEP.instruction, inputs=())
    psbt = build_psbt(free, SWEEP.held, POLICY, (SWEEP.destination,))
    check(psbt, free)
    coins = node_coins(SWEEP)
    coins.pop(SWEEP.held[0].coin.outpoint)
    with pytest.raises(UnknownCoin):
        check(psbt, free, coins)


def test_a_spend_without_a_payment_is_refused() -> None:
    """An instruction that pays nobody approves nothing."""
    empty = replace(SWEEP.instruction, payments=())
    with pytest.raises(WrongOutputs):
        check_against(
            replace(decode_psbt(SWEEP.psbt, CHAIN), instruction_hash=empty.hash),
            empty,
            node_coins(SWEEP),
            POLICY,
            CHAIN,
        )


@pytest.mark.parametrize("path", ["recovery", "backdoor", ""])
def test_a_path_that_the_vault_has_not(path: str) -> None:
    """A plain multisig has its quorum and no other way."""
    with pytest.raises(NoSuchPath):
        check(SWEEP.psbt, replace(SWEEP.instruction, path=path))


def test_a_second_payment_that_belongs_to_another_vault() -> None:
    """A sweep whose instruction names a stranger beside the cold address is refused, approved or not."""
    first = SWEEP.instruction.payments[0]
    payments = (replace(first, amount_sats=first.amount_sats - 5_000), Payment(STRANGER.address, 5_000))
    instruction = replace(SWEEP.instruction, payments=payments)
    with pytest.raises(WrongDestination):
        build_psbt(instruction, SWEEP.held, POLICY, (SWEEP.destination,))


def test_a_sweep_that_pays_the_payer() -> None:
    """All goes back to intake under cold's name: the destination is wrong."""
    change = derive_address(INTAKE, 1, 0, CHAIN)
    payments = (Payment(change.address, SWEEP.instruction.payments[0].amount_sats),)
    with pytest.raises(WrongDestination):
        build_psbt(replace(SWEEP.instruction, payments=payments), SWEEP.held, POLICY, (change,))


def test_a_vault_may_pay_itself() -> None:
    """A consolidation goes to an address of the paying vault, on either branch."""
    for branch in (0, 1):
        home = derive_address(INTAKE, branch, 3, CHAIN)
        payments = (Payment(home.address, SWEEP.instruction.payments[0].amount_sats),)
        instruction = replace(SWEEP.instruction, to_vault="intake", payments=payments)
        check(build_psbt(instruction, SWEEP.held, POLICY, (home,)), instruction)


def test_a_sweep_to_a_stranger_under_the_cold_vaults_name() -> None:
    """The instruction says cold and pays an address that cold does not derive."""
    payments = (Payment(STRANGER.address, SWEEP.instruction.payments[0].amount_sats),)
    with pytest.raises(WrongDestination, match="not an address"):
        build_psbt(replace(SWEEP.instruction, payments=payments), SWEEP.held, POLICY)


def test_a_final_psbt_is_not_signed_again(spoil: SpoilPsbt) -> None:
    """Final witnesses where signatures are to be added."""
    with pytest.raises(AlreadyFinal):
        check(spoil(SWEEP.psbt, _set("inputs", "final_scriptwitness", Witness([b"\x01"]))))


def test_origins_of_other_shapes_are_of_no_vault() -> None:
    """Paths of different places, of branch 2, or cut short stand for no place of a vault."""
    place = derive_place(vault_descriptor(INTAKE), 0, 0, CHAIN)
    key, mark, path = place.origins[0]
    assert place_in_vault(INTAKE, ((key, mark, (*path[:-1], 1)), *place.origins[1:]), CHAIN) is None
    assert place_in_vault(INTAKE, tuple((k, m, (*p[:-2], 2, 0)) for k, m, p in place.origins), CHAIN) is None
    assert place_in_vault(INTAKE, ((key, mark, ()),), CHAIN) is None


def test_decoders_that_disagree_are_reported_by_field(monkeypatch: pytest.MonkeyPatch) -> None:
    """One decoder is made to read another amount: nothing is signed and the field is named."""
    honest = read_by_embit.psbt_by_embit

    def liar(psbt: Any, chain: str) -> Any:  # noqa: ANN401
        read = honest(psbt, chain)
        return replace(read, outputs=(replace(read.outputs[0], amount_sats=1),))

    monkeypatch.setattr(decoders, "psbt_by_embit", liar)
    with pytest.raises(DecodersDisagree, match="amount_sats of the PSBT's output 0"):
        decode_psbt(SWEEP.psbt, CHAIN)


def test_bytes_that_one_decoder_refuses(spoil: SpoilPsbt) -> None:
    """A PSBTv2 field in a version 0 PSBT overrides embit's reading; rust-bitcoin keeps the transaction's."""

    def add(psbt: Any) -> None:  # noqa: ANN401
        psbt.inputs[0].unknown[b"\x0f"] = (7).to_bytes(4, "little")

    with pytest.raises(DecodersDisagree):
        decode_psbt(spoil(SWEEP.psbt, add), CHAIN)


@pytest.mark.parametrize("text", ["", "xx", "cHNidP8=", base64.b64encode(b"psbt\xff\x00" * 3).decode()])
def test_bytes_that_no_decoder_reads(text: str) -> None:
    """Garbage is refused as such."""
    with pytest.raises((Undecodable, DecodersDisagree)):
        decode_psbt(text, CHAIN)


@pytest.mark.parametrize("text", ["", "00", "zz", "0200000000"])
def test_transactions_that_no_decoder_reads(text: str) -> None:
    """Garbage is no transaction."""
    with pytest.raises((Undecodable, DecodersDisagree)):
        decode_transaction(text)


def test_every_byte_of_a_psbt_matters() -> None:
    """Flip one bit at every third place: the PSBT is refused, or reads the same (the flip hit what nobody signs).

    Whatever still passes must be the very same transaction with the very same coins.
    """
    raw = base64.b64decode(SWEEP.psbt)
    honest = decode_psbt(SWEEP.psbt, CHAIN)
    for place in range(0, len(raw), 3):
        spoilt = bytearray(raw)
        spoilt[place] ^= 1 << (place % 8)
        text = base64.b64encode(bytes(spoilt)).decode()
        try:
            check(text)
        except SigningRefused:
            continue
        assert decode_psbt(text, CHAIN) == honest, place


def test_paths_are_compared_as_a_whole(spoil: SpoilPsbt) -> None:
    """One cosigner's fingerprint is changed: the input is no longer known to be the vault's."""

    def change(psbt: Any) -> None:  # noqa: ANN401
        key = next(iter(psbt.inputs[0].bip32_derivations))
        old = psbt.inputs[0].bip32_derivations[key]
        psbt.inputs[0].bip32_derivations[key] = DerivationPath(b"\x00\x00\x00\x00", old.derivation)

    with pytest.raises(ForeignCoin):
        check(spoil(SWEEP.psbt, change))
