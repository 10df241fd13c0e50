"""A signer signs BIP-322 messages and nothing that could be a payment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from embit.script import Script
from embit.transaction import TransactionOutput

from custody_drill import CHAIN, COLD, INTAKE, make_sweep, seed_of
from zakhira.adapters.bip322 import Bip322Prover, Bip322Verifier
from zakhira.custody.decoded import INSTRUCTION_KEY
from zakhira.custody.descriptor import derive_address, vault_descriptor
from zakhira.custody.exact_psbt import ExactOutputScope
from zakhira.custody.message import MAX_MESSAGE_BYTES, MESSAGE_FIELD, sign_message
from zakhira.custody.refusals import KeyOutsideVault, NotAMessage, SigningRefused

ADDRESS = derive_address(COLD, 0, 2, CHAIN)
MESSAGE = "block 144, coins sha256 00"
PROVER = Bip322Prover(CHAIN)
PSBT = PROVER.message_psbt(vault_descriptor(COLD), ADDRESS.address, MESSAGE)
SpoilPsbt = Callable[[str, Callable[[Any], None]], str]


def test_three_of_five_prove_control_of_an_address() -> None:
    """Each signs on their own, the proof is finished from what comes back, and it verifies for this text alone."""
    signed = [sign_message(PSBT, (COLD,), CHAIN, seed_of(COLD, number)) for number in (5, 2, 3)]
    proof = PROVER.finalise_message(signed)
    assert Bip322Verifier().verify(ADDRESS.address, proof, MESSAGE).valid
    assert not Bip322Verifier().verify(ADDRESS.address, proof, MESSAGE + " ").valid


def _real_coin(psbt: Any) -> None:  # noqa: ANN401
    psbt.inputs[0].txid = b"\x11" * 32


def _other_vout(psbt: Any) -> None:  # noqa: ANN401
    psbt.inputs[0].vout = 1


def _other_message(psbt: Any) -> None:  # noqa: ANN401
    psbt.unknown[MESSAGE_FIELD] = b"another text"


def _no_message(psbt: Any) -> None:  # noqa: ANN401
    del psbt.unknown[MESSAGE_FIELD]


def _long_message(psbt: Any) -> None:  # noqa: ANN401
    psbt.unknown[MESSAGE_FIELD] = b"x" * (MAX_MESSAGE_BYTES + 1)


def _amount(psbt: Any) -> None:  # noqa: ANN401
    psbt.inputs[0].witness_utxo.value = 1


def _sequence(psbt: Any) -> None:  # noqa: ANN401
    psbt.inputs[0].sequence = 0xFFFFFFFD


def _version(psbt: Any) -> None:  # noqa: ANN401
    psbt.tx_version = 2


def _locktime(psbt: Any) -> None:  # noqa: ANN401
    psbt.locktime = 1


def _pays(psbt: Any) -> None:  # noqa: ANN401
    psbt.outputs[0].value = 1


def _pays_script(psbt: Any) -> None:  # noqa: ANN401
    psbt.outputs[0].script_pubkey = Script(b"\x51")


def _two_outputs(psbt: Any) -> None:  # noqa: ANN401
    psbt.outputs.append(ExactOutputScope(vout=TransactionOutput(0, Script(b"\x6a"))))


def _two_inputs(psbt: Any) -> None:  # noqa: ANN401
    psbt.inputs.append(psbt.inputs[0])


def _sighash(psbt: Any) -> None:  # noqa: ANN401
    psbt.inputs[0].sighash_type = 2


def _instruction(psbt: Any) -> None:  # noqa: ANN401
    psbt.unknown[INSTRUCTION_KEY] = bytes(32)


def _script(psbt: Any) -> None:  # noqa: ANN401
    psbt.inputs[0].witness_script = Script(b"\x51")


@pytest.mark.parametrize(
    "how",
    [
        _real_coin,
        _other_vout,
        _other_message,
        _no_message,
        _long_message,
        _amount,
        _sequence,
        _version,
        _locktime,
        _pays,
        _pays_script,
        _two_outputs,
        _two_inputs,
        _sighash,
        _instruction,
        _script,
    ],
)
def test_what_is_not_exactly_a_message_is_refused(how: Callable[[Any], None], spoil: SpoilPsbt) -> None:
    """One thing is changed: it could be a payment, so nothing is signed."""
    with pytest.raises(NotAMessage):
        sign_message(spoil(PSBT, how), (COLD,), CHAIN, seed_of(COLD, 1))


def test_a_spend_is_not_signed_as_a_message() -> None:
    """The PSBT of a sweep, handed in as a message."""
    with pytest.raises(NotAMessage):
        sign_message(make_sweep().psbt, (INTAKE, COLD), CHAIN, seed_of(INTAKE, 1))


def test_a_message_over_a_foreign_vault_is_refused() -> None:
    """The signer knows intake alone."""
    with pytest.raises(NotAMessage, match="none of the signer's vaults"):
        sign_message(PSBT, (INTAKE,), CHAIN, seed_of(INTAKE, 1))


def test_a_seed_without_a_key_in_the_vault() -> None:
    """The vault is known, the key is not in it."""
    with pytest.raises(KeyOutsideVault):
        sign_message(PSBT, (COLD,), CHAIN, seed_of(INTAKE, 1))


def test_garbage_is_refused() -> None:
    """No PSBT at all."""
    with pytest.raises(SigningRefused):
        sign_message("cHNidP8=", (COLD,), CHAIN, seed_of(COLD, 1))
