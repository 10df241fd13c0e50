"""``zakhira vault test-sign``: a challenge written out, signed by a drill's key files, or taken back from signers."""

from __future__ import annotations

import base64
from pathlib import Path

from zakhira.adapters.software_signer import SoftwareSigner
from zakhira.cli.answer import Answer, Table
from zakhira.cli.custody_services import Ask, ChallengeOrder
from zakhira.custody.challenge import Challenge
from zakhira.custody.vault_state import VaultRecord
from zakhira.flows.vaults import (
    SignedTest,
    issue_challenge,
    plan_challenge,
    plan_test_signing,
    record_test_signing,
    vault_record,
)
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.interval import utc_text
from zakhira.wiring.given_files import read_psbt, require_free
from zakhira.wiring.passphrases import passphrase_for
from zakhira.wiring.reserve_desk import Desk
from zakhira.wiring.settings import Settings
from zakhira.wiring.signer_files import write_new
from zakhira.wiring.vault_answers import state_text


class NothingToTest(InvalidInput):
    """Neither a file to write nor one to take back nor a key was named, or they do not go together."""

    code = "ZK-WIRING-032"


def test_vault(settings: Settings, desk: Desk, order: ChallengeOrder, ask: Ask, *, dry_run: bool) -> Answer:
    """Write a challenge, sign one with key files, take signed ones back; or show what is still missing."""
    if (order.out is not None) + bool(order.signed) + bool(order.key_files) > 1:
        raise NothingToTest(
            "--out writes a new challenge, --signed takes one back, --key signs one at once.", "Give one of the three."
        )
    if order.key_files:
        return _by_keys(settings, desk, order, ask, dry_run=dry_run)
    if order.out is not None:
        return _written(desk, order, order.out, dry_run=dry_run)
    if order.signed:
        return _taken(desk, order, dry_run=dry_run)
    raise NothingToTest(
        f"Nothing was asked of vault {order.vault}.",
        "Give --out FILE to write a challenge, --signed FILE to take it back, or --key FILE in a drill.",
    )


def _written(desk: Desk, order: ChallengeOrder, out: Path, *, dry_run: bool) -> Answer:
    treasury = desk.treasury
    challenge, psbt = plan_challenge(treasury, order.vault, order.path)
    data = base64.b64decode(psbt)
    require_free(out, data)
    if not dry_run:
        issue_challenge(treasury, challenge, order.by)
        write_new(out, data)
    record = vault_record(treasury.books, order.vault)
    verb = "Dry run: would write" if dry_run else "Wrote"
    sentence = (
        f"{verb} a challenge for vault {order.vault} into {out}. It can never be a payment. "
        f"Take it back with: zakhira vault test-sign {order.folder} {order.vault} --signed FILE"
    )
    table = Table("What signers see and sign", ("",), ((challenge.text,),))
    facts = {**_challenge_facts(challenge), "dry_run": dry_run, "file": str(out), **_state(record)}
    return Answer((table, *_open(record)), facts, sentence)


def _by_keys(settings: Settings, desk: Desk, order: ChallengeOrder, ask: Ask, *, dry_run: bool) -> Answer:
    """A drill's key files sign a challenge of their own at once."""
    treasury = desk.treasury
    record = vault_record(treasury.books, order.vault)
    challenge, psbt = plan_challenge(treasury, order.vault, order.path)
    signed = []
    for file in order.key_files:
        passphrase = passphrase_for(file, settings, ask)
        signer = SoftwareSigner.open(file, passphrase, treasury.chain, (record.vault,), desk.archive.clock)
        signed.append((str(file), signer.sign_message_psbt(psbt)))
    if dry_run:
        names = ", ".join(str(file) for file in order.key_files)
        facts = {**_challenge_facts(challenge), "dry_run": True, **_state(record)}
        return Answer(_open(record), facts, f"Dry run: {names} would sign a challenge of vault {order.vault}.")
    issue_challenge(treasury, challenge, order.by)
    found = [(name, record_test_signing(treasury, order.vault, text, order.by)) for name, text in signed]
    return _answer(order, found, dry_run=False)


def _taken(desk: Desk, order: ChallengeOrder, *, dry_run: bool) -> Answer:
    treasury = desk.treasury
    found = []
    for file in order.signed:
        psbt = read_psbt(file)
        if dry_run:
            found.append((str(file), plan_test_signing(treasury, order.vault, psbt)))
        else:
            found.append((str(file), record_test_signing(treasury, order.vault, psbt, order.by)))
    return _answer(order, found, dry_run=dry_run)


def _answer(order: ChallengeOrder, found: list[tuple[str, SignedTest]], *, dry_run: bool) -> Answer:
    record = found[-1][1].record
    rows = tuple(
        (name, ", ".join(test.signers), utc_text(test.challenge.issued_at), "" if test.is_new else "known before")
        for name, test in found
    )
    table = Table("Signatures that verify", ("file", "signed by", "challenge of", ""), rows)
    signers = list(dict.fromkeys(signer for _, test in found for signer in test.signers))
    verb = "Dry run: would note that" if dry_run else "Noted that"
    sentence = f"{verb} {', '.join(signers)} signed. Vault {order.vault} is {state_text(record)}."
    if not record.untested:
        sentence += " Every key has test-signed: once it is accepted, it hands out addresses."
    facts: dict[str, Json] = {"dry_run": dry_run, "vault": order.vault, "signers": list(signers), **_state(record)}
    return Answer((table, *_open(record)), facts, sentence)


def _state(record: VaultRecord) -> dict[str, Json]:
    return {"state": record.state, "untested": list(record.untested)}


def _challenge_facts(challenge: Challenge) -> dict[str, Json]:
    return {"vault": challenge.vault, "challenge": challenge.text, "address": challenge.address, "hash": challenge.hash}


def _open(record: VaultRecord) -> tuple[Table, ...]:
    if not record.untested:
        return ()
    return (Table("Still to test-sign", ("signer",), tuple((signer,) for signer in record.untested)),)
