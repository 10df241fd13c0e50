"""One suite for signers and officers: the real ones, with keys in files, and their in-memory twins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from custody_drill import CHAIN, COLD, INTAKE, NOW, PHRASE, POLICY, approve, make_sweep, seed_of
from zakhira.adapters.bip322 import Bip322Prover
from zakhira.adapters.drill_keys import officer_key, officer_public_key
from zakhira.adapters.software_signer import OfficerKeyFile, SoftwareSigner, create_officer, create_signer
from zakhira.custody.decoders import decode_psbt
from zakhira.custody.descriptor import derive_address, vault_descriptor
from zakhira.custody.refusals import (
    ApprovalsMissing,
    ChainRefused,
    KeyOutsideVault,
    NotAMessage,
    PolicyDiffers,
    SigningRefused,
    WrongChain,
    WrongInstruction,
)
from zakhira.flows.officer_words import sign_approval
from zakhira.flows.ports.signing import OfficerKey, Signer
from zakhira.flows.signing_rules import Clock, SigningRules
from zakhira.kernel.signatures import signature_is_valid
from zakhira.programme.model import Policy, Vault
from zakhira.programme.policy_text import policy_hash
from zakhira.simulator.signer import SimulatedOfficer, SimulatedSigner

PASSPHRASE = "drill passphrase"
LIGHT = 2**4
"""scrypt's cost in tests, where the passphrase protects nothing"""

SWEEP = make_sweep()


def soon() -> datetime:
    """Two hours after the proposal."""
    return NOW + timedelta(hours=2)


@dataclass(frozen=True)
class Maker:
    """Makes a signer and an officer of one kind."""

    signer: Callable[[str, bytes, str, tuple[Vault, ...], Clock, Policy | None], Signer]
    officer: Callable[[str], OfficerKey]


def _files(folder: Path) -> Maker:
    def signer(
        name: str, seed: bytes, chain: str, vaults: tuple[Vault, ...], clock: Clock, known: Policy | None
    ) -> Signer:
        path = folder / f"{name}.{len(list(folder.iterdir()))}.key"
        create_signer(path, name, seed, PASSPHRASE, work_factor=LIGHT)
        return SoftwareSigner.open(path, PASSPHRASE, chain, vaults, clock, known)

    def officer(name: str) -> OfficerKey:
        create_officer(folder / name, name, officer_key(PHRASE, name), PASSPHRASE, work_factor=LIGHT)
        return OfficerKeyFile.open(folder / name, PASSPHRASE)

    return Maker(signer, officer)


def _twins() -> Maker:
    def signer(
        name: str, seed: bytes, chain: str, vaults: tuple[Vault, ...], clock: Clock, known: Policy | None
    ) -> Signer:
        return SimulatedSigner(SigningRules(name, seed, chain, vaults, clock, known))

    def officer(name: str) -> OfficerKey:
        key = officer_key(PHRASE, name)
        return SimulatedOfficer(name, key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))

    return Maker(signer, officer)


@pytest.fixture(params=["files", "twins"])
def maker(request: pytest.FixtureRequest, tmp_path: Path) -> Maker:
    """Both kinds in turn."""
    return _files(tmp_path) if request.param == "files" else _twins()


def one(maker: Maker, number: int = 1, clock: Clock = soon, known: Policy | None = None) -> Signer:
    """A signer of intake that knows both vaults."""
    return maker.signer(f"intake-{number}", seed_of(INTAKE, number), CHAIN, (INTAKE, COLD), clock, known)


def test_an_approved_sweep_is_signed_by_this_signer_alone(maker: Maker) -> None:
    """One signature an input, by the signer's own key; nothing else in the PSBT changes."""
    signer = one(maker, 2)
    signed = decode_psbt(signer.sign_spend(SWEEP.psbt, SWEEP.instruction, SWEEP.approvals, POLICY), CHAIN)
    plain = decode_psbt(SWEEP.psbt, CHAIN)
    assert signer.name == "intake-2"
    assert [len(given.signatures) for given in signed.inputs] == [1, 1, 1]
    assert replace(signed, inputs=tuple(replace(given, signatures=()) for given in signed.inputs)) == plain


def test_a_repeated_request_is_answered_alike(maker: Maker) -> None:
    """Asked twice, as after a lost answer, the signer gives the same bytes."""
    signer = one(maker)
    answers = [signer.sign_spend(SWEEP.psbt, SWEEP.instruction, SWEEP.approvals, POLICY) for _ in range(2)]
    assert answers[0] == answers[1]


def test_approvals_of_another_instruction_are_not_taken(maker: Maker) -> None:
    """The officers approved sweep-1; the same approvals are replayed for sweep-2."""
    other = make_sweep(name="sweep-2")
    with pytest.raises(ApprovalsMissing, match="another instruction"):
        one(maker).sign_spend(other.psbt, other.instruction, SWEEP.approvals, POLICY)


def test_an_approved_instruction_with_the_bytes_of_another(maker: Maker) -> None:
    """Approvals and instruction fit, the PSBT is another one."""
    other = make_sweep(name="sweep-2")
    with pytest.raises(WrongInstruction):
        one(maker).sign_spend(other.psbt, SWEEP.instruction, SWEEP.approvals, POLICY)


@pytest.mark.parametrize("who", [(), ("amina",), ("amina", "amina"), ("amina", "bilal"), ("amina", "dara")])
def test_one_role_or_one_person_is_not_enough(maker: Maker, who: tuple[str, ...]) -> None:
    """Nobody, one role, one person twice, two of one role, or the proposer beside one role."""
    approvals = tuple(approve(name, SWEEP.instruction) for name in who)
    with pytest.raises(ApprovalsMissing):
        one(maker).sign_spend(SWEEP.psbt, SWEEP.instruction, approvals, POLICY)


def test_a_forged_approval_is_refused(maker: Maker) -> None:
    """Chand's approval carries Amina's signature."""
    amina = approve("amina", SWEEP.instruction)
    with pytest.raises(ApprovalsMissing, match="chand"):
        one(maker).sign_spend(SWEEP.psbt, SWEEP.instruction, (amina, replace(amina, officer="chand")), POLICY)


def test_an_expired_proposal_is_refused(maker: Maker) -> None:
    """The signer's own clock decides, not what the request says."""
    signer = one(maker, clock=lambda: SWEEP.instruction.expires_at)
    with pytest.raises(ApprovalsMissing, match="expired"):
        signer.sign_spend(SWEEP.psbt, SWEEP.instruction, SWEEP.approvals, POLICY)


def test_a_policy_with_another_cold_vault_is_refused(maker: Maker) -> None:
    """The request's policy names a cold vault with other keys: the coins would go to somebody else."""
    stranger = replace(POLICY, vaults=(INTAKE, replace(COLD, threshold=1)))
    with pytest.raises(PolicyDiffers, match="cold"):
        one(maker).sign_spend(SWEEP.psbt, SWEEP.instruction, SWEEP.approvals, stranger)


def test_a_policy_with_other_officers_is_refused_where_the_policy_is_known(maker: Maker) -> None:
    """A signer that was given the policy in force takes no other one."""
    loose = replace(POLICY, approve_roles=())
    with pytest.raises(PolicyDiffers):
        one(maker, known=POLICY).sign_spend(SWEEP.psbt, SWEEP.instruction, (), loose)
    assert one(maker, known=POLICY).sign_spend(SWEEP.psbt, SWEEP.instruction, SWEEP.approvals, POLICY)


@pytest.mark.parametrize("chain", ["main", "test", "signet"])
def test_no_chain_but_regtest(maker: Maker, chain: str) -> None:
    """Keys in software never work where coins are worth something."""
    with pytest.raises(ChainRefused):
        maker.signer("intake-1", seed_of(INTAKE, 1), chain, (INTAKE, COLD), soon, None)


def test_an_instruction_for_another_chain(maker: Maker) -> None:
    """A mainnet instruction, properly approved, on a regtest signer."""
    instruction = replace(SWEEP.instruction, chain="main")
    approvals = (approve("amina", instruction), approve("chand", instruction))
    with pytest.raises(WrongChain):
        one(maker).sign_spend(SWEEP.psbt, instruction, approvals, POLICY)


def test_a_key_that_is_in_no_vault_under_its_name(maker: Maker) -> None:
    """Another signer's name, or another signer's seed."""
    for name, seed in (("intake-2", seed_of(INTAKE, 1)), ("intake-1", seed_of(COLD, 1))):
        with pytest.raises(KeyOutsideVault):
            maker.signer(name, seed, CHAIN, (INTAKE, COLD), soon, None)


def test_messages_are_signed_and_spends_are_no_messages(maker: Maker) -> None:
    """A BIP-322 challenge over an own address is signed; a sweep handed in as a message is not."""
    signer = one(maker)
    address = derive_address(INTAKE, 0, 0, CHAIN).address
    psbt = Bip322Prover(CHAIN).message_psbt(vault_descriptor(INTAKE), address, "challenge")
    signed = decode_psbt(signer.sign_message_psbt(psbt), CHAIN)
    assert [len(given.signatures) for given in signed.inputs] == [1]
    with pytest.raises(NotAMessage):
        signer.sign_message_psbt(SWEEP.psbt)
    with pytest.raises(SigningRefused):
        signer.sign_message_psbt("no psbt")


def test_officers_sign_in_domains(maker: Maker) -> None:
    """An approval is valid for its instruction, and a signature for one purpose is none for another."""
    officer = maker.officer("amina")
    assert (officer.officer, officer.public_key) == ("amina", officer_public_key(PHRASE, "amina"))
    approval = sign_approval(officer, SWEEP.instruction.hash, NOW + timedelta(hours=1), policy_hash(POLICY))
    assert approval == approve("amina", SWEEP.instruction)
    signature = officer.sign("pack", "ab" * 32)
    assert signature_is_valid(officer.public_key, "pack", "ab" * 32, signature)
    assert not signature_is_valid(officer.public_key, "approval", "ab" * 32, signature)
