"""``zakhira vault accept``: a vault shown whole, and put forward as ours."""

from __future__ import annotations

from dataclasses import replace

from zakhira.adapters.software_signer import OfficerKeyFile
from zakhira.cli.answer import Answer
from zakhira.cli.custody_services import AcceptOrder, Ask
from zakhira.flows.governing.acting import Chamber, authority_in
from zakhira.flows.governing.vaults import propose_vault
from zakhira.flows.registered_keys import key_register
from zakhira.flows.spending.dry import DryBooks
from zakhira.wiring.governing_answers import motion_answer
from zakhira.wiring.passphrases import passphrase_for
from zakhira.wiring.reserve_desk import Archive
from zakhira.wiring.settings import Settings
from zakhira.wiring.vault_answers import definition_tables


def accept_vault(settings: Settings, archive: Archive, order: AcceptOrder, ask: Ask, *, dry_run: bool) -> Answer:
    """Put the vault forward; with ``dry_run`` nothing is written. Raises as ``propose_vault``."""
    officer = OfficerKeyFile.open(order.key, passphrase_for(order.key, settings, ask))
    books = DryBooks(archive.books) if dry_run else archive.books
    chamber = Chamber(books, archive.programme.policy, archive.clock())
    before = authority_in(chamber)
    record = propose_vault(chamber, order.vault, order.reason, officer, succeeds=order.succeeds)
    answer = motion_answer(before, record, "put forward", officer.officer, order.folder, dry_run=dry_run)
    assert record.motion.vault is not None, "a motion about a vault has one"
    tables = definition_tables(record.motion.vault, key_register(archive.books))
    return replace(answer, tables=(*tables, *answer.tables))
