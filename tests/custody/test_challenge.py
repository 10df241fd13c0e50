"""A vault's test: what signers sign can never be a payment, and who signed is told by keys alone."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest
from embit import ec

from conftest import RegtestNode
from register_drill import CHAIN, COLD_SIGNERS, HEIRS, MADE_AT, PHRASE, REGISTER, REQUESTS
from zakhira.adapters.drill_keys import signer_seed
from zakhira.custody.challenge import Challenge, challenge_psbt, challenge_signers, make_challenge, signed_message
from zakhira.custody.exact_psbt import ExactPsbt
from zakhira.custody.message import sign_message
from zakhira.custody.psbt_maps import read_maps, write_maps
from zakhira.custody.psbt_version import receive_psbt, to_v2
from zakhira.custody.read_by_embit import parse_psbt
from zakhira.custody.refusals import NoSuchPath, NotAMessage, SigningRefused
from zakhira.custody.vault_creation import design_vault
from zakhira.custody.vault_refusals import ChallengeRefused
from zakhira.kernel.errors import ZakhiraError
from zakhira.programme.model import Vault

PATHS = [(name, path) for name in REQUESTS for path in ("main", "recovery")]
WITH_RECOVERY = {"decaying", "decaying-shared", "taproot-recovery"}


def vault_of(name: str) -> Vault:
    return design_vault(REQUESTS[name], REGISTER, CHAIN).vault


def challenge_of(vault: Vault, path: str = "main", number: str = "1") -> Challenge:
    return make_challenge(vault, CHAIN, path, number, MADE_AT)


def signed(psbt: str, vault: Vault, signer: str) -> str:
    return sign_message(psbt, (vault,), CHAIN, signer_seed(PHRASE, "cold", signer))


@pytest.mark.parametrize(("name", "path"), PATHS)
def test_each_signer_of_a_path_is_seen_to_sign(name: str, path: str) -> None:
    """In every template: one after the other and all together; a path that the vault has not is refused."""
    vault = vault_of(name)
    if path == "recovery" and name not in WITH_RECOVERY:
        with pytest.raises(NoSuchPath):
            challenge_of(vault, path)
        return
    challenge = challenge_of(vault, path)
    psbt = challenge_psbt(challenge, vault)
    signers = HEIRS if path == "recovery" and name != "decaying-shared" else COLD_SIGNERS[:3]
    for signer in signers:
        assert challenge_signers(signed(psbt, vault, signer), challenge, vault) == (signer,)
    together = psbt
    for signer in reversed(signers):
        together = signed(together, vault, signer)
    assert challenge_signers(together, challenge, vault) == signers
    assert signed_message(psbt) == challenge.text


def test_a_node_takes_no_challenge_for_a_payment(regtest_node: RegtestNode) -> None:
    """With the signatures of the whole quorum bitcoind finds no coin that it could spend."""
    vault = vault_of("sortedmulti")
    psbt = challenge_psbt(challenge_of(vault), vault)
    for signer in COLD_SIGNERS[:3]:
        psbt = signed(psbt, vault, signer)
    final = regtest_node.rpc.call("finalizepsbt", [psbt])
    assert final["complete"]
    verdict = regtest_node.rpc.call("testmempoolaccept", [[final["hex"]]])[0]
    assert not verdict["allowed"]


def test_a_psbt_of_version_2_comes_back_as_well() -> None:
    """A signer that speaks BIP-370 alone is understood."""
    vault = vault_of("sortedmulti")
    challenge = challenge_of(vault)
    returned = base64.b64decode(signed(challenge_psbt(challenge, vault), vault, "cold-4"))
    received = receive_psbt(write_maps(to_v2(read_maps(returned))))
    assert received.version == 2
    assert challenge_signers(received.base64, challenge, vault) == ("cold-4",)


def _other_number(psbt: str, vault: Vault) -> str:
    return signed(challenge_psbt(challenge_of(vault, number="2"), vault), vault, "cold-1")


def _nobody(psbt: str, vault: Vault) -> str:
    return psbt


def _edited(change: Callable[[ExactPsbt], None]) -> Callable[[str, Vault], str]:
    def edit(psbt: str, vault: Vault) -> str:
        parsed = parse_psbt(signed(psbt, vault, "cold-1"))
        change(parsed)
        text: str = parsed.to_base64()
        return text

    return edit


def _foreign_key(parsed: ExactPsbt) -> None:
    scope = parsed.inputs[0]
    signature = next(iter(scope.partial_sigs.values()))
    scope.partial_sigs[ec.PrivateKey(b"\x01" * 32).get_public_key()] = signature


def _claimed(parsed: ExactPsbt) -> None:
    """One signer's signature under another signer's key: names and claims prove nothing."""
    scope = parsed.inputs[0]
    key, signature = next(iter(scope.partial_sigs.items()))
    other = next(found for found in scope.bip32_derivations if found != key)
    scope.partial_sigs.clear()
    scope.partial_sigs[other] = signature


def _spoiled(parsed: ExactPsbt) -> None:
    scope = parsed.inputs[0]
    key, signature = next(iter(scope.partial_sigs.items()))
    scope.partial_sigs[key] = signature[:-2] + bytes([signature[-2] ^ 1]) + signature[-1:]


def _with_amount(parsed: ExactPsbt) -> None:
    parsed.inputs[0].witness_utxo.value = 100_000


@pytest.mark.parametrize(
    ("make", "raised"),
    [
        (_other_number, ChallengeRefused),
        (_nobody, ChallengeRefused),
        (_edited(_foreign_key), ChallengeRefused),
        (_edited(_claimed), ChallengeRefused),
        (_edited(_spoiled), (ChallengeRefused, SigningRefused)),
        (_edited(_with_amount), NotAMessage),
    ],
)
def test_what_proves_nothing_is_refused(
    make: Callable[[str, Vault], str], raised: type[ZakhiraError] | tuple[type[ZakhiraError], ...]
) -> None:
    """Another challenge's signature, none, a foreign key's, one under a false name, a spoiled one, and an amount."""
    vault = vault_of("sortedmulti")
    challenge = challenge_of(vault)
    returned = make(challenge_psbt(challenge, vault), vault)
    with pytest.raises(raised):
        challenge_signers(returned, challenge, vault)


def test_in_taproot_the_leaf_of_another_path_proves_nothing() -> None:
    """A signature on the recovery's leaf is none on the main path's challenge, whose leaf it does not cover."""
    vault = vault_of("taproot-recovery")
    main, recovery = challenge_of(vault), challenge_of(vault, "recovery")
    returned = signed(challenge_psbt(recovery, vault), vault, "heir-1")
    assert challenge_signers(returned, recovery, vault) == ("heir-1",)
    with pytest.raises(ChallengeRefused):
        challenge_signers(returned, main, vault)
    with pytest.raises((ChallengeRefused, SigningRefused)):
        challenge_signers(returned, replace(recovery, path="main"), vault)
