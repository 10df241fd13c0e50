"""A signer and an officer's key in software, for drills: both live in encrypted files and know regtest alone."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from zakhira.adapters.keystore import DEFAULT_WORK_FACTOR, RandomBytes, create_keystore, open_keystore
from zakhira.controls.approval import Approval, Execution
from zakhira.custody.coin import Instruction
from zakhira.flows.signing_rules import Clock, SigningRules
from zakhira.kernel.signatures import signing_bytes
from zakhira.programme.model import Policy, Vault


def utc_now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


def create_signer(
    path: Path,
    name: str,
    seed: bytes,
    passphrase: str,
    *,
    work_factor: int = DEFAULT_WORK_FACTOR,
    random_bytes: RandomBytes = os.urandom,
) -> None:
    """Keep a signer's BIP-32 seed in a new encrypted file; raises what ``create_keystore`` raises."""
    create_keystore(path, "signer", name, seed, passphrase, work_factor=work_factor, random_bytes=random_bytes)


def create_officer(
    path: Path,
    name: str,
    key: Ed25519PrivateKey,
    passphrase: str,
    *,
    work_factor: int = DEFAULT_WORK_FACTOR,
    random_bytes: RandomBytes = os.urandom,
) -> None:
    """Keep an officer's Ed25519 key in a new encrypted file; raises what ``create_keystore`` raises."""
    secret = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    create_keystore(path, "officer", name, secret, passphrase, work_factor=work_factor, random_bytes=random_bytes)


class SoftwareSigner:
    """A signer of one seed (flows.ports.signing.Signer) that decides for itself what it signs."""

    def __init__(self, rules: SigningRules) -> None:
        self._rules = rules

    @classmethod
    def open(
        cls,
        path: Path,
        passphrase: str,
        chain: str,
        vaults: tuple[Vault, ...],
        clock: Clock = utc_now,
        known_policy: Policy | None = None,
        *,
        is_policy_whole: bool = True,
    ) -> SoftwareSigner:
        """Open the signer's file.

        ``vaults`` are those whose spends it may see: its own and the destinations. ``clock`` gives the time (UTC)
        against which approvals expire: the machine's, or the programme's in a drill. ``is_policy_whole`` is as in
        :class:`SigningRules`.

        Raises:
            ChainRefused: the chain is not regtest.
            KeyOutsideVault: its key stands in none of these vaults.
            WrongPassphrase and the other errors of ``open_keystore``.
        """
        keystore = open_keystore(path, "signer", passphrase)
        return cls(SigningRules(keystore.name, keystore.secret, chain, vaults, clock, known_policy, is_policy_whole))

    @property
    def name(self) -> str:
        """The signer's id as in the vault's keys."""
        return self._rules.name

    def sign_spend(
        self,
        psbt: str,
        instruction: Instruction,
        approvals: tuple[Approval, ...],
        policy: Policy,
        execution: Execution | None = None,
    ) -> str:
        """Sign if approvals, policy and both decoders allow it; raises SigningRefused (see SigningRules)."""
        return self._rules.sign_spend(psbt, instruction, approvals, policy, execution)

    def sign_message_psbt(self, psbt: str) -> str:
        """Sign a BIP-322 message and nothing that could be a payment; raises SigningRefused (see SigningRules)."""
        return self._rules.sign_message_psbt(psbt)


class OfficerKeyFile:
    """An officer's key (flows.ports.signing.OfficerKey)."""

    def __init__(self, officer: str, key: Ed25519PrivateKey) -> None:
        self._officer, self._key = officer, key

    @classmethod
    def open(cls, path: Path, passphrase: str) -> OfficerKeyFile:
        """Open the officer's file; raises what ``open_keystore`` raises."""
        keystore = open_keystore(path, "officer", passphrase)
        return cls(keystore.name, Ed25519PrivateKey.from_private_bytes(keystore.secret))

    @property
    def officer(self) -> str:
        """The officer's id."""
        return self._officer

    @property
    def public_key(self) -> str:
        """64 hex digits."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    def sign(self, domain: str, message_hash: str) -> str:
        """Sign a hash in a domain, in hex."""
        return self._key.sign(signing_bytes(domain, message_hash)).hex()
