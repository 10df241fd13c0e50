"""Hostile bytes for every template: each change of what a spend does is refused by its own code, as version 0 and 2."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest

from custody_drill import CHAIN, INTAKE
from hostile_drill import (
    AMOUNTS_SATS,
    CHANGE_SATS,
    FEE_LIMIT_SATS,
    LEAF_SCRIPT,
    LEAF_SIG,
    NON_WITNESS_UTXO,
    PAID_SATS,
    PARTIAL_SIG,
    SIGHASH_TYPE,
    TEMPLATES,
    WITNESS_UTXO,
    Spend,
    change_fields,
    honest_spend,
    input_fields,
    place_at,
    previous_tx,
    put,
    second_version,
    text_of,
    tx_of,
    txid_of,
    utxo_field,
    with_input_field,
    with_output,
    with_tx,
)
from zakhira.custody.checks import check_against, coins_as_told
from zakhira.custody.coin import Coin, Payment
from zakhira.custody.decoded import INSTRUCTION_KEY
from zakhira.custody.decoders import decode_psbt
from zakhira.custody.psbt_maps import PsbtMaps, UnsignedInput, write_maps
from zakhira.custody.psbt_refusals import PsbtTooLarge
from zakhira.custody.psbt_version import MAX_PSBT_FILE_BYTES, receive_psbt
from zakhira.custody.refusals import (
    AlreadyFinal,
    DuplicateInput,
    FeeRateAboveLimit,
    ForeignChange,
    ForeignCoin,
    SigningRefused,
    TooMuchChange,
    UnknownCoin,
    UnknownField,
    WrongChain,
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

Attack = Callable[[Spend], PsbtMaps]
SPENDS = {template: honest_spend(template) for template in TEMPLATES}
UNNAMED = {template: honest_spend(template, named=False) for template in TEMPLATES}


def check(spend: Spend, data: bytes) -> None:
    """What happens to bytes that come in: made version 0, decoded twice, held against the instruction."""
    decoded = decode_psbt(receive_psbt(data).base64, CHAIN)
    check_against(decoded, spend.instruction, spend.coins, spend.policy, CHAIN)


def both_versions(maps: PsbtMaps) -> tuple[bytes, bytes]:
    """The bytes as version 0 and as version 2."""
    return text_of(maps).encode(), second_version(maps)


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_honest_spend_passes(template: str) -> None:
    """Before anything is changed, every template passes in both versions, coins named or not."""
    for spend in (SPENDS[template], UNNAMED[template]):
        for data in both_versions(spend.maps):
            check(spend, data)


def _change_to_a_foreign_key(spend: Spend) -> PsbtMaps:
    """The change goes to another vault's key, and says so."""
    other = place_at(INTAKE, 1, 0)
    maps = with_output(spend.maps, 1, CHANGE_SATS, bytes.fromhex(other.script_hex))
    return replace(maps, outputs=((), change_fields(other)))


def _change_under_our_name(spend: Spend) -> PsbtMaps:
    """The change goes to a foreign key, but the output still names the vault's keys."""
    return with_output(spend.maps, 1, CHANGE_SATS, bytes.fromhex(spend.stranger.script_hex))


def _change_on_the_receiving_branch(spend: Spend) -> PsbtMaps:
    """The change goes to an address of the vault that was handed out to a payer."""
    place = place_at(spend.vault, 0, 9)
    maps = with_output(spend.maps, 1, CHANGE_SATS, bytes.fromhex(place.script_hex))
    return replace(maps, outputs=((), change_fields(place)))


def _change_split(spend: Spend) -> PsbtMaps:
    """Change comes back in two outputs where one was approved."""
    place, tx = place_at(spend.vault, 1, 1), tx_of(spend.maps)
    half = CHANGE_SATS // 2
    split = ((half, tx.outputs[1][1]), (CHANGE_SATS - half, bytes.fromhex(place.script_hex)))
    maps = with_tx(spend.maps, replace(tx, outputs=(tx.outputs[0], *split)))
    return replace(maps, outputs=(*maps.outputs, change_fields(place)))


def _swapped_output(spend: Spend) -> PsbtMaps:
    """The payment goes to a stranger."""
    return with_output(spend.maps, 0, PAID_SATS, bytes.fromhex(spend.stranger.script_hex))


def _swapped_amounts(spend: Spend) -> PsbtMaps:
    """Payment and change trade amounts."""
    tx = tx_of(spend.maps)
    (paid, first), (rest, second) = tx.outputs
    return with_tx(spend.maps, replace(tx, outputs=((rest, first), (paid, second))))


def _hidden_output(spend: Spend) -> PsbtMaps:
    """A third output takes a part of the change."""
    tx = tx_of(spend.maps)
    taken = (50_000, bytes.fromhex(spend.stranger.script_hex))
    outputs = (tx.outputs[0], (CHANGE_SATS - 50_000, tx.outputs[1][1]), taken)
    maps = with_tx(spend.maps, replace(tx, outputs=outputs))
    return replace(maps, outputs=(*maps.outputs, ()))


def _inflated_fee(spend: Spend) -> PsbtMaps:
    """The change shrinks in favour of the miner, above the approved sum."""
    return with_output(spend.maps, 1, CHANGE_SATS - FEE_LIMIT_SATS, tx_of(spend.maps).outputs[1][1])


def _inflated_rate(spend: Spend) -> PsbtMaps:
    """The fee keeps to the approved sum, but is above the approved rate: the instruction allows 40 sat/vB."""
    tx = tx_of(spend.maps)
    return with_output(spend.maps, 1, sum(AMOUNTS_SATS) - PAID_SATS - FEE_LIMIT_SATS, tx.outputs[1][1])


def _coins_from_nothing(spend: Spend) -> PsbtMaps:
    """The outputs are more than the inputs."""
    return with_output(spend.maps, 1, CHANGE_SATS + 20_000, tx_of(spend.maps).outputs[1][1])


def _sighash(kind: int) -> Attack:
    return lambda spend: with_input_field(spend.maps, 0, SIGHASH_TYPE, kind.to_bytes(4, "little"))


def _signature(kind: int) -> Attack:
    """A cosigner's signature that does not cover everything stands in the PSBT already."""

    def attack(spend: Spend) -> PsbtMaps:
        place = spend.places[0]
        key = bytes.fromhex(place.origins[0][0])
        if not place.is_taproot:
            der = bytes.fromhex("3006020101020101")
            return with_input_field(spend.maps, 0, PARTIAL_SIG + key, der + bytes([kind]))
        leaf = bytes.fromhex(place.leaf("main").leaf_hash)
        return with_input_field(spend.maps, 0, LEAF_SIG + key + leaf, b"\x01" * 64 + bytes([kind]))

    return attack


def _with_other_input(spend: Spend, entries: tuple[tuple[bytes, bytes], ...], given: UnsignedInput) -> PsbtMaps:
    tx = tx_of(spend.maps)
    maps = with_tx(spend.maps, replace(tx, inputs=(given, *tx.inputs[1:])))
    return replace(maps, inputs=(entries, *maps.inputs[1:]))


def _input_of_another_wallet(spend: Spend) -> PsbtMaps:
    """A coin of another vault is spent in place of the first."""
    place = place_at(INTAKE, 0, 3)
    whole = previous_tx(7, AMOUNTS_SATS[0], place.script_hex)
    given = UnsignedInput(txid_of(whole), 1, 0xFFFFFFFD)
    return _with_other_input(spend, input_fields(place, AMOUNTS_SATS[0], whole), given)


def _duplicate_input(spend: Spend) -> PsbtMaps:
    """The first coin is spent twice; the second stays out."""
    tx = tx_of(spend.maps)
    maps = with_tx(spend.maps, replace(tx, inputs=(tx.inputs[0], tx.inputs[0])))
    return replace(maps, inputs=(maps.inputs[0], maps.inputs[0]))


def _third_input(spend: Spend) -> PsbtMaps:
    """One coin of the vault more than was named."""
    place = place_at(spend.vault, 0, 2)
    whole = previous_tx(5, 700_000, place.script_hex)
    tx = tx_of(spend.maps)
    maps = with_tx(spend.maps, replace(tx, inputs=(*tx.inputs, UnsignedInput(txid_of(whole), 1, 0xFFFFFFFD))))
    return replace(maps, inputs=(*maps.inputs, input_fields(place, 700_000, whole)))


def _witness_lie(spend: Spend) -> PsbtMaps:
    """The witness UTXO says that the coin is worth less: the difference would be a hidden fee."""
    script = bytes.fromhex(spend.places[0].script_hex)
    return with_input_field(spend.maps, 0, WITNESS_UTXO, utxo_field(AMOUNTS_SATS[0] - 500_000, script))


def _non_witness_lie(spend: Spend) -> PsbtMaps:
    """The previous transaction pays another amount, so it is another transaction."""
    whole = previous_tx(0, AMOUNTS_SATS[0] - 1, spend.places[0].script_hex)
    return with_input_field(spend.maps, 0, NON_WITNESS_UTXO, whole)


def _both_lie(spend: Spend) -> PsbtMaps:
    """Both fields tell the same wrong amount."""
    script_hex = spend.places[0].script_hex
    maps = with_input_field(spend.maps, 0, NON_WITNESS_UTXO, previous_tx(0, 1, script_hex))
    return with_input_field(maps, 0, WITNESS_UTXO, utxo_field(1, bytes.fromhex(script_hex)))


def _missing_utxo(spend: Spend) -> PsbtMaps:
    """An input says nothing of the coin that it spends."""
    return with_input_field(with_input_field(spend.maps, 0, WITNESS_UTXO, None), 0, NON_WITNESS_UTXO, None)


def _other_script(spend: Spend) -> PsbtMaps:
    """An input carries the script of the other one."""
    if not spend.places[0].is_taproot:
        return with_input_field(spend.maps, 0, b"\x05", dict(spend.maps.inputs[1])[b"\x05"])
    own = next(key for key, _ in spend.maps.inputs[0] if key[:1] == LEAF_SCRIPT)
    other = next(value for key, value in spend.maps.inputs[1] if key[:1] == LEAF_SCRIPT)
    return with_input_field(spend.maps, 0, own, other)


def _edited_instruction(spend: Spend) -> PsbtMaps:
    """The bytes are of an instruction that was edited after its approval."""
    edited = replace(spend.instruction, payments=(Payment(spend.stranger.address, PAID_SATS),))
    maps = _swapped_output(spend)
    return replace(maps, global_map=put(maps.global_map, INSTRUCTION_KEY, bytes.fromhex(edited.hash)))


def _replayed_instruction(spend: Spend) -> PsbtMaps:
    """The bytes are of an earlier instruction for the same payment."""
    earlier = replace(spend.instruction, id="pay-earlier")
    return replace(spend.maps, global_map=put(spend.maps.global_map, INSTRUCTION_KEY, bytes.fromhex(earlier.hash)))


def _no_instruction(spend: Spend) -> PsbtMaps:
    return replace(spend.maps, global_map=put(spend.maps.global_map, INSTRUCTION_KEY, None))


def _locktime(spend: Spend) -> PsbtMaps:
    return with_tx(spend.maps, replace(tx_of(spend.maps), locktime=spend.vault.held_until_height + 1))


def _sequence(spend: Spend) -> PsbtMaps:
    tx = tx_of(spend.maps)
    first = replace(tx.inputs[0], sequence=1_000)
    return with_tx(spend.maps, replace(tx, inputs=(first, *tx.inputs[1:])))


def _version(spend: Spend) -> PsbtMaps:
    return with_tx(spend.maps, replace(tx_of(spend.maps), version=1))


def _final(spend: Spend) -> PsbtMaps:
    return with_input_field(spend.maps, 0, b"\x08", b"\x01\x01\x51")


def _redeem_script(spend: Spend) -> PsbtMaps:
    return with_input_field(spend.maps, 0, b"\x04", b"\x51")


def _strange_field(spend: Spend) -> PsbtMaps:
    return replace(spend.maps, global_map=(*spend.maps.global_map, (b"\xfc\x05other\x00", b"1")))


ATTACKS: list[tuple[Attack, type[SigningRefused]]] = [
    (_change_to_a_foreign_key, ForeignChange),
    (_change_under_our_name, ForeignChange),
    (_change_on_the_receiving_branch, ForeignChange),
    (_change_split, TooMuchChange),
    (_swapped_output, WrongOutputs),
    (_swapped_amounts, WrongOutputs),
    (_hidden_output, ForeignChange),
    (_inflated_fee, WrongFee),
    (_inflated_rate, FeeRateAboveLimit),
    (_coins_from_nothing, WrongFee),
    (_input_of_another_wallet, WrongInputs),
    (_duplicate_input, DuplicateInput),
    (_third_input, WrongInputs),
    (_witness_lie, WrongInputAmount),
    (_non_witness_lie, WrongPreviousTransaction),
    (_both_lie, WrongInputAmount),
    (_other_script, WrongWitnessScript),
    (_edited_instruction, WrongInstruction),
    (_replayed_instruction, WrongInstruction),
    (_no_instruction, WrongInstruction),
    (_locktime, WrongLocktime),
    (_sequence, WrongSequence),
    (_version, WrongVersion),
    (_final, AlreadyFinal),
    (_redeem_script, UnknownField),
    (_strange_field, UnknownField),
]


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize(("attack", "error"), ATTACKS, ids=lambda value: value.__name__.strip("_"))
def test_an_attack_is_refused_by_its_own_code(attack: Attack, error: type[SigningRefused], template: str) -> None:
    """One thing is changed between builder and signer; the refusal names it, whatever the template and the version."""
    spend = SPENDS[template]
    for data in both_versions(attack(spend)):
        with pytest.raises(error) as caught:
            check(spend, data)
        assert caught.type is error


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("kind", [0x00, 0x01, 0x02, 0x03, 0x81, 0x82, 0x83], ids=hex)
@pytest.mark.parametrize("where", [_sighash, _signature], ids=["asked", "given"])
def test_only_the_whole_transaction_is_signed(where: Callable[[int], Attack], kind: int, template: str) -> None:
    """NONE, SINGLE and ANYONECANPAY are refused, asked for or given; so is ALL in taproot and DEFAULT elsewhere."""
    spend = SPENDS[template]
    taproot = spend.places[0].is_taproot
    if kind == (0 if taproot else 1):
        return
    for data in both_versions(where(kind)(spend)):
        with pytest.raises(SigningRefused) as caught:
            check(spend, data)
        # rust-bitcoin does not read a sighash byte of 0 behind a signature at all
        assert caught.type is WrongSighash or (kind == 0 and where is _signature)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_missing_utxo(template: str) -> None:
    """An input that says nothing of its coin: without a script it is not even known to be taproot."""
    for data in both_versions(_missing_utxo(SPENDS[template])):
        with pytest.raises((WrongInputAmount, WrongSighash)):
            check(SPENDS[template], data)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_foreign_coin_where_none_is_named(template: str) -> None:
    """Coin selection chose; somebody puts in a coin that the node holds for another vault, or does not hold at all."""
    spend = UNNAMED[template]
    maps = _input_of_another_wallet(spend)
    outpoint = f"{tx_of(maps).inputs[0].txid[::-1].hex()}:1"
    with pytest.raises(UnknownCoin):
        check(spend, text_of(maps).encode())
    foreign = Coin(outpoint, AMOUNTS_SATS[0], place_at(INTAKE, 0, 3).script_hex, 1, "")
    with pytest.raises(ForeignCoin):
        check(replace(spend, coins={**spend.coins, outpoint: foreign}), text_of(maps).encode())


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_spend_of_another_network(template: str) -> None:
    """An instruction for another chain, and bytes that are held against one of another chain."""
    spend = SPENDS[template]
    decoded = decode_psbt(text_of(spend.maps), CHAIN)
    with pytest.raises(WrongChain):
        check_against(decoded, spend.instruction, spend.coins, spend.policy, "main")
    elsewhere = replace(spend.instruction, chain="signet")
    with pytest.raises(WrongChain):
        check_against(decoded, elsewhere, spend.coins, spend.policy, CHAIN)


def test_a_psbt_of_100_megabytes() -> None:
    """Padded with a field of 100 MB: refused by its size before it is parsed, in each form."""
    spend = SPENDS["sortedmulti"]
    raw = write_maps(replace(spend.maps, global_map=(*spend.maps.global_map, (b"\xf0pad", bytes(100_000_000)))))
    for data in (raw, raw[:50_000_000].hex().encode(), base64.b64encode(raw)):
        assert len(data) > MAX_PSBT_FILE_BYTES
        with pytest.raises(PsbtTooLarge):
            check(spend, data)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_signer_without_a_node_believes_no_amount(template: str) -> None:
    """The signer's machine has no node: the previous transaction in the PSBT is what unmasks a lie about an amount."""
    spend = SPENDS[template]
    for attack in (_witness_lie, _non_witness_lie, _both_lie):
        decoded = decode_psbt(text_of(attack(spend)), CHAIN)
        with pytest.raises((WrongInputAmount, WrongPreviousTransaction)):
            check_against(decoded, spend.instruction, coins_as_told(decoded), spend.policy, CHAIN)
