"""``zakhira policy propose|approve|veto|freeze|thaw|status`` and ``zakhira officer``: books without a node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from zakhira.adapters.software_signer import OfficerKeyFile
from zakhira.cli.answer import Answer
from zakhira.cli.governing_services import Ask, ChangeOrder, RevokeOrder, WordOrder
from zakhira.controls.acts.public_acts import acts_document
from zakhira.controls.analysis.finding import Severity
from zakhira.flows.governing.acting import Chamber, authority_in
from zakhira.flows.governing.acts import recorded_acts
from zakhira.flows.governing.freezing import freeze, in_other_hands
from zakhira.flows.governing.motions import approve_motion, propose_change, propose_thaw, veto_motion
from zakhira.flows.governing.officers import enrol, officer_states, revoke
from zakhira.flows.registered_keys import key_register
from zakhira.flows.spending.dry import DryBooks
from zakhira.kernel.canonical import canonical_bytes
from zakhira.wiring.governing_answers import (
    acts_answer,
    change_answer,
    enrolled_answer,
    freeze_answer,
    motion_answer,
    officers_answer,
    revoked_answer,
    status_answer,
)
from zakhira.wiring.passphrases import passphrase_for
from zakhira.wiring.policy_source import read_policy
from zakhira.wiring.reserve_desk import open_archive
from zakhira.wiring.settings import Settings
from zakhira.wiring.signer_files import write_new
from zakhira.wiring.vault_answers import definition_tables


class GoverningDesk:
    """Implements ``cli.governing_services.GoverningServices``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @contextmanager
    def _open(self, folder: Path, *, dry_run: bool = False) -> Iterator[Chamber]:
        """The chamber; dry, what is written is forgotten."""
        with open_archive(self._settings, folder) as archive:
            books = DryBooks(archive.books) if dry_run else archive.books
            yield Chamber(books, archive.programme.policy, archive.clock())

    def _officer(self, key: Path, ask: Ask) -> OfficerKeyFile:
        return OfficerKeyFile.open(key, passphrase_for(key, self._settings, ask))

    def status(self, folder: Path) -> Answer:
        """Versions, motions, freezes, and what the programme file says otherwise."""
        with self._open(folder) as chamber:
            return status_answer(authority_in(chamber), chamber.policy, in_other_hands(chamber), folder)

    def propose(self, order: ChangeOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Show what a changed policy changes, and put it forward."""
        officer = self._officer(order.key, ask)
        changed = replace(read_policy(self._settings, order.changed).policy, vaults=())
        with self._open(order.folder, dry_run=dry_run) as chamber:
            before = authority_in(chamber)
            despite = Severity.WARNING if order.despite_warnings else None
            record = propose_change(chamber, changed, order.reason, officer, seen=before.version.hash, despite=despite)
            return change_answer(before, record, order.folder, dry_run=dry_run)

    def approve(self, order: WordOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """A yes to a motion."""
        officer = self._officer(order.key, ask)
        with self._open(order.folder, dry_run=dry_run) as chamber:
            before = authority_in(chamber)
            record = approve_motion(chamber, order.motion, officer)
            answer = motion_answer(before, record, "approved", officer.officer, order.folder, dry_run=dry_run)
            if record.motion.vault is None:
                return answer
            tables = definition_tables(record.motion.vault, key_register(chamber.books))
            return replace(answer, tables=(*tables, *answer.tables))

    def veto(self, order: WordOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """A no to a motion."""
        officer = self._officer(order.key, ask)
        with self._open(order.folder, dry_run=dry_run) as chamber:
            before = authority_in(chamber)
            record = veto_motion(chamber, order.motion, order.reason, officer)
            return motion_answer(before, record, "vetoed", officer.officer, order.folder, dry_run=dry_run)

    def freeze(self, order: WordOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Stop at once."""
        officer = self._officer(order.key, ask)
        with self._open(order.folder, dry_run=dry_run) as chamber:
            return freeze_answer(freeze(chamber, order.reason, officer), order.folder, dry_run=dry_run)

    def thaw(self, order: WordOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Put the end of every freeze forward."""
        officer = self._officer(order.key, ask)
        with self._open(order.folder, dry_run=dry_run) as chamber:
            before = authority_in(chamber)
            record = propose_thaw(chamber, order.reason, officer)
            return motion_answer(before, record, "put forward", officer.officer, order.folder, dry_run=dry_run)

    def export(self, folder: Path, out: Path, *, dry_run: bool) -> Answer:
        """Write the signed acts of authority for whoever checks them."""
        with self._open(folder) as chamber:
            authority_in(chamber)
            acts = recorded_acts(chamber.books)
        if not dry_run:
            write_new(out, canonical_bytes(acts_document(acts)))
        return acts_answer(acts, out, dry_run=dry_run)

    def officers(self, folder: Path) -> Answer:
        """Who they are, with roles, deputies and keys."""
        with self._open(folder) as chamber:
            return officers_answer(officer_states(authority_in(chamber)))

    def enrol(self, folder: Path, key: Path, ask: Ask, *, dry_run: bool) -> Answer:
        """Prove that a new key is held."""
        officer = self._officer(key, ask)
        with self._open(folder, dry_run=dry_run) as chamber:
            return enrolled_answer(enrol(chamber, officer), authority_in(chamber), dry_run=dry_run)

    def revoke(self, order: RevokeOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """End a key at once."""
        officer = self._officer(order.key, ask)
        with self._open(order.folder, dry_run=dry_run) as chamber:
            revocation = revoke(chamber, order.officer, order.reason, officer, key=order.public_key)
            return revoked_answer(authority_in(chamber), revocation, order.folder, dry_run=dry_run)
