"""Signatures are gathered one by one, each verified, and the final transaction is the one that was approved."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
from embit.script import Script

from custody_drill import CHAIN, COLD, INTAKE, POLICY, held_coins, make_sweep, seed_of
from zakhira.custody import signing
from zakhira.custody.decoders import decode_psbt, decode_transaction
from zakhira.custody.refusals import (
    DifferentTransaction,
    ForeignSignature,
    InvalidSignature,
    KeyOutsideVault,
    TooFewSignatures,
    WrongSighash,
)
from zakhira.custody.signing import check_and_sign, combine_signatures, finalise

SWEEP = make_sweep()
SpoilPsbt = Callable[[str, Callable[[Any], None]], str]


def sign(number: int) -> str:
    """The sweep signed by one signer of intake."""
    return check_and_sign(SWEEP.psbt, SWEEP.instruction, POLICY, CHAIN, seed_of(INTAKE, number))


SIGNED = {number: sign(number) for number in (1, 2, 3)}


@pytest.mark.parametrize("quorum", [*combinations((1, 2, 3), 2), (1, 2, 3), (3, 2, 1)])
def test_any_quorum_makes_the_approved_transaction(quorum: tuple[int, ...]) -> None:
    """Two or three signers, in any order: the final transaction has the approved id and two signatures an input."""
    raw_hex = finalise(combine_signatures(SWEEP.psbt, [SIGNED[n] for n in quorum], CHAIN), CHAIN)
    final = decode_transaction(raw_hex)
    assert final.txid == decode_psbt(SWEEP.psbt, CHAIN).txid
    assert {len(witness) for witness in final.witnesses} == {4}


def test_signing_again_gives_the_same_signature() -> None:
    """A repeated request is answered with the same bytes (RFC 6979), so a lost answer costs nothing."""
    assert sign(1) == SIGNED[1]
    doubled = combine_signatures(SWEEP.psbt, [SIGNED[1], SIGNED[1]], CHAIN)
    assert doubled == combine_signatures(SWEEP.psbt, [SIGNED[1]], CHAIN)


@pytest.mark.parametrize("given", [(), (2,)])
def test_too_few_signatures_are_not_final(given: tuple[int, ...]) -> None:
    """Below the quorum there is no transaction."""
    with pytest.raises(TooFewSignatures):
        finalise(combine_signatures(SWEEP.psbt, [SIGNED[n] for n in given], CHAIN), CHAIN)


def test_a_signer_of_another_vault_does_not_sign() -> None:
    """A cold signer has no key in intake."""
    with pytest.raises(KeyOutsideVault):
        check_and_sign(SWEEP.psbt, SWEEP.instruction, POLICY, CHAIN, seed_of(COLD, 1))


def test_a_returned_psbt_of_another_transaction() -> None:
    """A signer returns a signed PSBT that pays another amount."""
    other = make_sweep(held_coins(INTAKE, (1_000_000, 2_500_000, 730_002)), name="sweep-2")
    signed = check_and_sign(other.psbt, other.instruction, POLICY, CHAIN, seed_of(INTAKE, 1))
    with pytest.raises(DifferentTransaction):
        combine_signatures(SWEEP.psbt, [signed], CHAIN)


def test_a_returned_psbt_with_other_metadata_brings_in_its_signatures_alone(spoil: SpoilPsbt) -> None:
    """What a signer adds beside signatures is not taken over."""

    def add(psbt: Any) -> None:  # noqa: ANN401
        psbt.unknown[b"\xf0note"] = b"hello"
        psbt.inputs[0].witness_script = Script(b"\x51")

    assert combine_signatures(SWEEP.psbt, [spoil(SIGNED[1], add)], CHAIN) == combine_signatures(
        SWEEP.psbt, [SIGNED[1]], CHAIN
    )


def _flip(psbt: Any) -> None:  # noqa: ANN401
    for key, signature in psbt.inputs[0].partial_sigs.items():
        psbt.inputs[0].partial_sigs[key] = signature[:-2] + bytes([signature[-2] ^ 1, signature[-1]])


def _narrow(psbt: Any) -> None:  # noqa: ANN401
    for key, signature in psbt.inputs[0].partial_sigs.items():
        psbt.inputs[0].partial_sigs[key] = signature[:-1] + b"\x02"


def _swap(psbt: Any) -> None:  # noqa: ANN401
    psbt.inputs[0].partial_sigs, psbt.inputs[1].partial_sigs = (
        psbt.inputs[1].partial_sigs,
        psbt.inputs[0].partial_sigs,
    )


def _other_input(psbt: Any) -> None:  # noqa: ANN401
    (key,) = psbt.inputs[0].partial_sigs
    psbt.inputs[0].partial_sigs[key] = next(iter(psbt.inputs[1].partial_sigs.values()))


@pytest.mark.parametrize(
    ("how", "error"),
    [
        (_flip, InvalidSignature),
        (_narrow, WrongSighash),
        (_swap, ForeignSignature),
        (_other_input, InvalidSignature),
    ],
)
def test_wrong_signatures_are_refused(how: Callable[[Any], None], error: type[Exception], spoil: SpoilPsbt) -> None:
    """A flipped bit, a signature that covers no output, one by a foreign key, one of another input."""
    with pytest.raises(error):
        combine_signatures(SWEEP.psbt, [spoil(SIGNED[2], how)], CHAIN)


def test_a_final_transaction_that_is_not_the_approved_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the finaliser returned something else, it would not be sent."""
    other = make_sweep(held_coins(INTAKE, (9_000_000,)), name="sweep-3")
    signed = [check_and_sign(other.psbt, other.instruction, POLICY, CHAIN, seed_of(INTAKE, n)) for n in (1, 2)]
    stolen = finalise(combine_signatures(other.psbt, signed, CHAIN), CHAIN)
    monkeypatch.setattr(signing, "_finalised_hex", lambda _psbt: stolen)
    with pytest.raises(DifferentTransaction):
        finalise(combine_signatures(SWEEP.psbt, [SIGNED[1], SIGNED[2]], CHAIN), CHAIN)


def test_a_lying_amount_makes_a_signature_that_fits_nothing(spoil: SpoilPsbt) -> None:
    """BIP-143 commits to the amount: a signer who was lied to has signed nothing that the honest PSBT takes."""

    def lie(psbt: Any) -> None:  # noqa: ANN401
        psbt.inputs[0].witness_utxo.value += 1
        psbt.inputs[1].witness_utxo.value -= 1

    signed = check_and_sign(spoil(SWEEP.psbt, lie), SWEEP.instruction, POLICY, CHAIN, seed_of(INTAKE, 1))
    with pytest.raises(InvalidSignature):
        combine_signatures(SWEEP.psbt, [signed], CHAIN)
