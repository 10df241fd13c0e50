"""BIP-322 proofs: the BIP's own vectors, our vaults' proofs, and the difference between a no and a failure."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from bip322core import State, VerifyResult
from bip322core.engines import EngineError
from bip322core.wallet import Wallet, WalletError

from custody_drill import CHAIN, COLD, seed_of
from zakhira.adapters import bip322
from zakhira.adapters.bip322 import AddressNotFound, Bip322Prover, Bip322Verifier, DerivationDiffers, ProofIncomplete
from zakhira.custody.descriptor import derive_address, vault_descriptor
from zakhira.custody.message import sign_message, to_spend_txid
from zakhira.proofs.node_view import MessageEngineFailed

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "bip322_basic.json").read_text(encoding="utf-8"))
ADDRESS = derive_address(COLD, 0, 4, CHAIN).address
TEXT = "challenge"
PSBT = Bip322Prover(CHAIN).message_psbt(vault_descriptor(COLD), ADDRESS, TEXT)
SIGNED = {number: sign_message(PSBT, (COLD,), CHAIN, seed_of(COLD, number)) for number in range(1, 6)}
PROOF = Bip322Prover(CHAIN).finalise_message([SIGNED[1], SIGNED[3], SIGNED[5]])


@pytest.mark.parametrize("vector", VECTORS["simple"], ids=lambda vector: vector["type"])
def test_the_bips_own_signatures_are_valid(vector: dict[str, Any]) -> None:
    """Every prefixed signature of the BIP's vectors verifies, and none for a message with one letter more."""
    for signature in vector["bip322_signatures"]:
        assert Bip322Verifier().verify(vector["address"], signature, vector["message"]).valid
        assert not Bip322Verifier().verify(vector["address"], signature, vector["message"] + "x").valid


@pytest.mark.parametrize("vector", VECTORS["error"], ids=lambda vector: vector["description"])
def test_the_bips_own_errors_are_a_no(vector: dict[str, Any]) -> None:
    """Malformed signatures are a no with a reason, never an exception."""
    answer = Bip322Verifier().verify(vector["address"], vector["signature"], vector["message"])
    assert not answer.valid
    assert answer.reason


@pytest.mark.parametrize("vector", VECTORS["tx_hashes"], ids=lambda vector: vector["message"][:11])
def test_the_virtual_transaction_is_the_bips(vector: dict[str, Any]) -> None:
    """What a signer takes for the virtual transaction has the id that the BIP's vectors give."""
    script_hex = "00142b05d564e6a7a33c087f16e0f730d1440123799d"
    assert to_spend_txid(vector["message"].encode(), script_hex) == vector["to_spend_tx_hash"]


def test_a_proof_of_the_vault_is_valid_for_its_address_and_text_alone() -> None:
    """Three of five; another address of the vault or another text is a no."""
    verifier = Bip322Verifier()
    assert verifier.verify(ADDRESS, PROOF, TEXT).valid
    assert not verifier.verify(derive_address(COLD, 0, 5, CHAIN).address, PROOF, TEXT).valid
    assert not verifier.verify(ADDRESS, PROOF, TEXT.title()).valid


@pytest.mark.parametrize(
    "spelt", [PROOF[3:], " " + PROOF, PROOF + "\n", PROOF.replace("smp", "SMP"), "ful" + PROOF[3:], "pof" + PROOF[3:]]
)
def test_a_proof_has_one_spelling(spelt: str) -> None:
    """Without its prefix, with blanks around it, or as another variant: a no."""
    assert not Bip322Verifier().verify(ADDRESS, spelt, TEXT).valid


def test_no_changed_byte_of_a_proof_is_valid() -> None:
    """One bit at each byte of the witness."""
    raw = base64.b64decode(PROOF[3:])
    for place in range(len(raw)):
        spoilt = bytearray(raw)
        spoilt[place] ^= 1 << (place % 8)
        text = "smp" + base64.b64encode(bytes(spoilt)).decode()
        assert not Bip322Verifier().verify(ADDRESS, text, TEXT).valid, place


def test_too_few_or_mixed_signatures_make_no_proof() -> None:
    """Two of three, or signatures of two messages."""
    prover = Bip322Prover(CHAIN)
    with pytest.raises(ProofIncomplete, match="need 3"):
        prover.finalise_message([SIGNED[1], SIGNED[2]])
    other = prover.message_psbt(vault_descriptor(COLD), ADDRESS, "another")
    with pytest.raises(ProofIncomplete):
        prover.finalise_message([SIGNED[1], SIGNED[2], sign_message(other, (COLD,), CHAIN, seed_of(COLD, 3))])


def test_an_address_outside_the_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's address is searched for without end."""
    monkeypatch.setattr(bip322, "MAX_ADDRESSES", 3)
    with pytest.raises(AddressNotFound, match="first 3"):
        Bip322Prover(CHAIN).message_psbt(vault_descriptor(COLD), ADDRESS, TEXT)


def test_derivations_that_differ_make_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """A third library derives the address as well; if it differs or refuses, nothing is signed."""
    derive = Wallet.derive
    monkeypatch.setattr(Wallet, "derive", lambda self, index, branch: derive(self, index + 1, branch))
    with pytest.raises(DerivationDiffers, match="derives"):
        Bip322Prover(CHAIN).message_psbt(vault_descriptor(COLD), ADDRESS, TEXT)

    def refuse(_text: str, **_more: str) -> Wallet:
        raise WalletError("no")

    monkeypatch.setattr(Wallet, "from_descriptor", refuse)
    with pytest.raises(DerivationDiffers, match="refuses"):
        Bip322Prover(CHAIN).message_psbt(vault_descriptor(COLD), ADDRESS, TEXT)


def test_an_engine_that_fails_is_an_error_and_not_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter is missing, or crashes: that says nothing about the signature."""

    def missing(*_given: object, **_more: object) -> VerifyResult:
        raise EngineError("not installed")

    monkeypatch.setattr(bip322, "verify_message", missing)
    with pytest.raises(MessageEngineFailed, match="not installed"):
        Bip322Verifier().verify(ADDRESS, PROOF, TEXT)
    crashed = VerifyResult(State.INVALID, "script verification failed (engine crashed: KeyError: 1)")
    monkeypatch.setattr(bip322, "verify_message", lambda *_given, **_more: crashed)
    with pytest.raises(MessageEngineFailed, match="crashed"):
        Bip322Verifier().verify(ADDRESS, PROOF, TEXT)


def test_inconclusive_is_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a later soft fork may decide proves nothing now."""
    unsure = VerifyResult(State.INCONCLUSIVE, "uses upgradeable script features")
    monkeypatch.setattr(bip322, "verify_message", lambda *_given, **_more: unsure)
    assert not Bip322Verifier().verify(ADDRESS, PROOF, TEXT).valid
