"""A vault's life in the books: designed from the register, taken over from a paper, test-signed, retired."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from zakhira.custody.challenge import Challenge, challenge_psbt, challenge_signers, make_challenge, signed_message
from zakhira.custody.coin import MAIN
from zakhira.custody.key_register import RegisteredKey
from zakhira.custody.vault_creation import RecoveryRequest, VaultDesign, VaultRequest, design_vault
from zakhira.custody.vault_refusals import ChallengeRefused
from zakhira.custody.vault_state import (
    RETIRED,
    ProofOfLife,
    VaultRecord,
    record_json,
    require_usable,
    retire,
    with_test_sign,
)
from zakhira.flows.accepted_vaults import require_succession
from zakhira.flows.coin_papers import vault_account
from zakhira.flows.governing.standing import authority_now
from zakhira.flows.ports.books import Books, Record, Write
from zakhira.flows.ports.books_errors import KeyReused
from zakhira.flows.registered_keys import key_register, proofs_of_life
from zakhira.flows.treasury import VAULT, Treasury, next_vault_key, vault_records
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import Fault, Faults, InvalidInput, Refused
from zakhira.kernel.ids import derive_id
from zakhira.kernel.interval import parse_utc
from zakhira.programme.model import AccountSpec, Vault

CHALLENGE = "vault challenge"
"""Kind of the records of challenges that were written; the id is the challenge's hash."""
MAX_NAME = 40
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class NoSuchVault(InvalidInput):
    """The books have no vault of this name."""

    code = "ZK-FLOWS-030"


class BadVaultName(InvalidInput):
    """A vault's name or purpose that cannot stand in accounts and names of files."""

    code = "ZK-FLOWS-032"


class UnregisteredKeys(InvalidInput):
    """A paper's vault has keys that the register does not hold."""

    code = "ZK-FLOWS-033"


class NotTheDesign(InvalidInput):
    """A paper's vault is not what the register and the templates make of the same quorum."""

    code = "ZK-FLOWS-034"


class SuccessorUnfit(Refused):
    """A vault cannot take over from another."""

    code = "ZK-FLOWS-035"


class ChangedMeanwhile(Refused):
    """Somebody else wrote a newer version of the vault's record in the meantime."""

    code = "ZK-FLOWS-036"


@dataclass(frozen=True)
class SignedTest:
    """What a signed challenge came to: who signed it, and the vault's record with their proofs."""

    signers: tuple[str, ...]
    challenge: Challenge
    record: VaultRecord
    is_new: bool
    """whether anything was not known before"""


def vault_record(books: Books, name: str) -> VaultRecord:
    """The vault of this name, retired or not; raises NoSuchVault."""
    records = vault_records(books)
    if name not in records:
        known = ", ".join(records) or "none yet"
        raise NoSuchVault(f"There is no vault {name!r}; there are: {known}.", "Name one of them, or create it.")
    return records[name]


def require_name(text: str, what: str = "name") -> None:
    """Raises BadVaultName unless the text is lower-case words with hyphens."""
    if len(text) > MAX_NAME or not _NAME.fullmatch(text):
        raise BadVaultName(
            f"{text[:60]!r} cannot be a vault's {what}.",
            f"Use lower-case letters, digits and single hyphens, at most {MAX_NAME}: cold-2026.",
        )


def design(treasury: Treasury, request: VaultRequest) -> VaultDesign:
    """The vault that is asked for, from the register in the books; nothing is written.

    Raises:
        BadVaultName: its name or purpose.
        Faults: everything that speaks against it.
    """
    require_name(request.id)
    require_name(request.purpose, "purpose")
    height, _ = treasury.node.tip()
    existing = [record.vault for record in vault_records(treasury.books).values()]
    return design_vault(request, key_register(treasury.books), treasury.chain, existing, height)


def create_vault(treasury: Treasury, request: VaultRequest, by: str) -> VaultDesign:
    """Design the vault and record it; raises what :func:`design` raises."""
    designed = design(treasury, request)
    _record_new(treasury, designed.vault, by, "create vault")
    return designed


def _record_new(treasury: Treasury, vault: Vault, by: str, action: str) -> None:
    record = VaultRecord(vault, treasury.chain, by, treasury.now)
    treasury.books.open_accounts((AccountSpec(vault_account(vault.id), "BTC", "asset"),))
    write = Write(f"vault {vault.id}", by, action, treasury.now, records=(_record(record),))
    treasury.books.commit(write)


def _record(record: VaultRecord) -> Record:
    return Record(VAULT, record.vault.id, record_json(record))


def plan_import(treasury: Treasury, vault: Vault) -> VaultDesign:
    """The vault of a paper, held against the register: every key registered, and no other rule than for a new one.

    Raises:
        UnregisteredKeys, NotTheDesign, Faults: as their names say.
    """
    require_name(vault.id)
    require_name(vault.purpose, "purpose")
    register = key_register(treasury.books)
    by_key = {key.xpub: key for key in register}
    faults = [*_stranger_faults(vault, by_key)]
    if faults:
        raise Faults(faults)
    request = _request_of(vault, by_key)
    existing = [record.vault for record in vault_records(treasury.books).values()]
    designed = design_vault(request, register, treasury.chain, existing)
    if _anonymous(designed.vault) != _anonymous(vault):
        raise NotTheDesign(
            f"The paper's vault is not what the register makes of the same keys for {vault.id}.",
            "Register the keys with the origins that the paper has, or export the paper again.",
        )
    return designed


def _stranger_faults(vault: Vault, by_key: Mapping[str, RegisteredKey]) -> Iterator[Fault]:
    recovery = vault.recovery.keys if vault.recovery else ()
    for key in dict.fromkeys((*vault.keys, *recovery)):
        if key.xpub not in by_key:
            message = f"The key {key.xpub.partition(']')[0]}] (called {key.signer}) is not in the register."
            remedy = "Register it with `zakhira keys register`, or leave this vault alone."
            yield Fault(f"vault {vault.id}", 0, "keys", UnregisteredKeys.code, message, remedy)


def _request_of(vault: Vault, by_key: Mapping[str, RegisteredKey]) -> VaultRequest:
    recovery = vault.recovery
    asked = None
    if recovery is not None:
        asked = RecoveryRequest(
            recovery.threshold, tuple(by_key[key.xpub].signer for key in recovery.keys), recovery.after_blocks
        )
    signers = tuple(by_key[key.xpub].signer for key in vault.keys)
    return VaultRequest(
        vault.id,
        vault.purpose,
        vault.threshold,
        signers,
        vault.template,
        asked,
        vault.held_until_height,
        vault.is_drill,
    )


def _anonymous(vault: Vault) -> Vault:
    """The vault without the names of its signers: a paper may call them otherwise."""
    keys = tuple(replace(key, signer="") for key in vault.keys)
    recovery = vault.recovery
    if recovery is not None:
        recovery = replace(recovery, keys=tuple(replace(key, signer="") for key in recovery.keys))
    return replace(vault, keys=keys, recovery=recovery)


def import_vault(treasury: Treasury, vault: Vault, by: str) -> VaultDesign:
    """Record the vault of a paper as designed: its keys still test-sign; raises what :func:`plan_import` raises."""
    designed = plan_import(treasury, vault)
    _record_new(treasury, designed.vault, by, "import vault")
    return designed


def plan_challenge(treasury: Treasury, name: str, path: str = MAIN) -> tuple[Challenge, str]:
    """A challenge for a vault's keys and its PSBT (base64); it counts once it is issued.

    Raises:
        NoSuchVault, NoSuchPath: as their names say.
        ChallengeRefused: the vault is retired.
    """
    record = vault_record(treasury.books, name)
    if record.state == RETIRED:
        raise ChallengeRefused(f"Vault {name} is retired.", "Test the keys of a vault that is in use.")
    number = derive_id(treasury.seed, name, path, str(treasury.now))[:16]
    challenge = make_challenge(record.vault, treasury.chain, path, number, treasury.now)
    return challenge, challenge_psbt(challenge, record.vault)


def issue_challenge(treasury: Treasury, challenge: Challenge, by: str) -> None:
    """Record that the challenge was given out: only a signature on such a one is a proof of life."""
    record = Record(CHALLENGE, challenge.hash, challenge.as_json())
    treasury.books.commit(Write(f"challenge {challenge.hash}", by, "issue challenge", treasury.now, records=(record,)))


def _challenge_of(body: Json) -> Challenge:
    told = cast("Mapping[str, str]", body)
    issued_at: datetime = parse_utc(told["issued_at"])
    return Challenge(told["vault"], told["chain"], told["path"], told["address"], told["number"], issued_at)


def _issued(books: Books, name: str, message: str) -> Challenge:
    """The challenge of this vault whose message this is; raises ChallengeRefused."""
    for body in books.records(CHALLENGE).values():
        challenge = _challenge_of(body)
        if challenge.vault == name and challenge.text == message:
            return challenge
    raise ChallengeRefused(
        f"What was signed is no challenge that was written for vault {name}.",
        f"Write one with `zakhira vault test-sign DIR {name} --out FILE`, and sign that.",
    )


def plan_test_signing(treasury: Treasury, name: str, psbt_base64: str) -> SignedTest:
    """Who signed a challenge of this vault, and what the vault's record becomes; nothing is written.

    A proof is dated with the day on which its challenge was issued: the key worked on that day or later.

    Raises:
        NoSuchVault, ChallengeRefused, NotAMessage, DecodersDisagree, Undecodable: as their names say.
        WrongVaultState: the vault is retired.
    """
    before = vault_record(treasury.books, name)
    challenge = _issued(treasury.books, name, signed_message(psbt_base64))
    signers = challenge_signers(psbt_base64, challenge, before.vault)
    after = before
    known = {proof.signer: proof.on for proof in before.test_signed}
    for signer in signers:
        day = challenge.issued_at.date()
        if signer not in known or known[signer] < day:
            after = with_test_sign(after, ProofOfLife(signer, day, challenge.hash))
    return SignedTest(signers, challenge, after, after != before)


def record_test_signing(treasury: Treasury, name: str, psbt_base64: str, by: str) -> SignedTest:
    """Take the signatures of a challenge; raises what :func:`plan_test_signing` raises, and ChangedMeanwhile."""
    found = plan_test_signing(treasury, name, psbt_base64)
    if found.is_new:
        alive = proofs_of_life(treasury.books, found.signers, found.challenge.issued_at.date())
        _write_next(treasury, found.record, by, "test-sign", alive)
    return found


def _write_next(treasury: Treasury, after: VaultRecord, by: str, action: str, further: tuple[Record, ...] = ()) -> None:
    """Write the vault's next version; two writers who saw the same version cannot both write the next."""
    before = vault_record(treasury.books, after.vault.id)
    write = Write(next_vault_key(before), by, action, treasury.now, records=(_record(after), *further))
    changed = ChangedMeanwhile(f"Vault {after.vault.id} was changed in the meantime.", "Run the command again.")
    try:
        receipt = treasury.books.commit(write)
    except KeyReused:
        raise changed from None
    if receipt.replayed:
        raise changed


def plan_retirement(treasury: Treasury, name: str, successor: str) -> VaultRecord:
    """The record of a vault that hands over to its successor; nothing is written.

    Raises:
        NoSuchVault, WrongVaultState: as their names say.
        SuccessorUnfit: the successor has another purpose, or is a drill's where this one is not.
        VaultNotTested, VaultRetired: the successor is not ready for coins.
        VaultNotAccepted, NotTheSuccessor, RotationFrozen: no officers have decided so, or one has stopped everything.
    """
    retired = fit_successor(treasury.books, name, successor)
    require_succession(treasury.books, authority_now(treasury), name, successor)
    return retired


def fit_successor(books: Books, name: str, successor: str) -> VaultRecord:
    """The record of a vault that would be retired for this successor, whoever decides so.

    Raises:
        NoSuchVault, WrongVaultState, SuccessorUnfit, VaultNotTested, VaultRetired: as for :func:`plan_retirement`.
    """
    before, after = vault_record(books, name), vault_record(books, successor)
    retired = retire(before, successor)
    require_usable(after)
    if after.vault.purpose != before.vault.purpose:
        raise SuccessorUnfit(
            f"Vault {successor} is for {after.vault.purpose}, {name} for {before.vault.purpose}.",
            "Coins of different purposes are not mixed: name a vault of the same purpose.",
        )
    if after.vault.is_drill != before.vault.is_drill:
        raise SuccessorUnfit(f"One of {name} and {successor} is a drill's vault and the other is not.", "Name another.")
    return retired


def retire_vault(treasury: Treasury, name: str, successor: str, by: str) -> VaultRecord:
    """Retire a vault; its coins are moved by spends that its officers decide. Raises as :func:`plan_retirement`."""
    retired = plan_retirement(treasury, name, successor)
    _write_next(treasury, retired, by, "retire vault")
    return retired
