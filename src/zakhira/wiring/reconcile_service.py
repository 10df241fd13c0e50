"""``zakhira reconcile``: books against chain, meters and bank; statements imported; cases kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from zakhira.adapters.iso20022.files import Iso20022Files
from zakhira.adapters.iso20022.hostile import MAX_BYTES
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.ledger import PostgresLedger
from zakhira.adapters.software_signer import OfficerKeyFile, utc_now
from zakhira.cli.answer import Answer
from zakhira.cli.reconcile_services import Ask, CaseOrder, ImportOrder, ReconcileOrder
from zakhira.controls.acts.authority import Authority
from zakhira.flows.ports.bank import BankFiles
from zakhira.flows.ports.books import Books
from zakhira.flows.ports.ledger_books import LedgerBooks
from zakhira.flows.reconciling.accepting import accept_case
from zakhira.flows.reconciling.after_block import Reconciled, case_terms, reconcile_chain
from zakhira.flows.reconciling.bank import bank_findings
from zakhira.flows.reconciling.booking import book_paid
from zakhira.flows.reconciling.case import Case, CaseState, cases
from zakhira.flows.reconciling.difference import Findings, Part
from zakhira.flows.reconciling.evidence import bank_evidence
from zakhira.flows.reconciling.halts import HaltTerms, accepted_by
from zakhira.flows.reconciling.importing import Importer, StatementDiffers, import_statements
from zakhira.flows.reconciling.keeping import RECONCILER, keep_cases, one_case, own_case
from zakhira.flows.reconciling.meters import meter_findings
from zakhira.flows.spending.dry import DryBooks, dry_treasury
from zakhira.programme.model import Programme
from zakhira.wiring.passphrases import passphrase_for
from zakhira.wiring.reconcile_answers import (
    CaseBoard,
    cases_answer,
    imported_answer,
    one_case_answer,
    reconciled_answer,
)
from zakhira.wiring.reconcile_halts import halt_terms
from zakhira.wiring.reconcile_run import is_run, open_run
from zakhira.wiring.reserve_desk import Archive, Desk, open_archive, open_reserve
from zakhira.wiring.reserve_watching import catch_up
from zakhira.wiring.settings import Settings
from zakhira.wiring.signer_files import read_limited


@dataclass(frozen=True)
class Office:
    """Books to reconcile, with the questions to their ledger, the programme and the time (UTC)."""

    books: Books
    ledger: LedgerBooks
    programme: Programme
    now: datetime

    @property
    def terms(self) -> HaltTerms:
        """What halts payouts, and whose word counts."""
        return halt_terms(self.books, self.programme, self.now)

    @property
    def authority(self) -> Authority:
        """The officers in force."""
        return self.terms.authority

    @property
    def board(self) -> CaseBoard:
        """The cases as they are looked at now."""
        return CaseBoard(self.books, self.terms, self.now)


class ReconcileDesk:
    """Implements ``cli.reconcile_services.ReconcileServices``."""

    def __init__(self, settings: Settings, files: BankFiles | None = None) -> None:
        self._settings = settings
        self._files = files or Iso20022Files()

    def reconcile(self, order: ReconcileOrder, *, dry_run: bool) -> Answer:
        """Compare, and keep the cases; the chain is followed before, unless it is a dry run."""
        if is_run(order.folder):
            return self._run(order, dry_run=dry_run)
        done = list[Reconciled]()
        if order.chain:
            with open_reserve(self._settings, order.folder) as desk:
                done.append(_chain(desk, dry_run=dry_run))
                office = _office(desk.archive, dry_run=dry_run)
                return _answered(office, [*done, *_others(office, order)], dry_run=dry_run)
        with self._open(order.folder, dry_run=dry_run) as office:
            return _answered(office, _others(office, order), dry_run=dry_run)

    def _run(self, order: ReconcileOrder, *, dry_run: bool) -> Answer:
        """The meters of a run; its chain is private and it has no bank."""
        with open_run(self._settings, order.folder, order.programme) as (books, programme):
            office = Office(DryBooks(books) if dry_run else books, PostgresLedger(books), programme, utc_now())
            return _answered(office, _others(office, replace(order, meters=True, bank=False)), dry_run=dry_run)

    def import_file(self, order: ImportOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Read the whole file first; nothing of one with a fault is taken. Another content makes its case at once."""
        content = read_limited(order.file, MAX_BYTES)
        statements = self._files.read_statements(order.file.name, content)
        officer = OfficerKeyFile.open(order.key, passphrase_for(order.key, self._settings, ask))
        with self._open(order.folder, dry_run=dry_run) as office:
            programme = office.programme
            counts = {account.code: account.commodity for account in programme.accounts}
            digest = hashlib.sha256(content).hexdigest()
            importer, accounts = Importer(officer, office.authority), programme.bank_accounts
            try:
                imported = import_statements(office.books, accounts, counts, statements, digest, importer, office.now)
            except StatementDiffers:
                _others(office, ReconcileOrder(order.folder, False, False, True))
                raise
            return imported_answer(order.file, digest, officer.officer, imported, dry_run=dry_run)

    def cases(self, folder: Path, *, closed: bool) -> Answer:
        """The cases as they are; nothing is compared."""
        with self._open(folder) as office:
            found = [case for case in cases(office.books).values() if closed or case.is_listed]
            return cases_answer(office.board, found)

    def own(self, order: CaseOrder, *, dry_run: bool) -> Answer:
        """Name who must act."""
        with self._open(order.folder, dry_run=dry_run) as office:
            case = own_case(office.books, order.case, order.words, order.by, office.now)
            return one_case_answer(office.board, case, f"{case.owner} must act on {case.id}.", dry_run=dry_run)

    def close(self, order: CaseOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Compare the case's part again; then an officer accepts what is still there."""
        assert order.key is not None, "the command asks for a key"
        officer = OfficerKeyFile.open(order.key, passphrase_for(order.key, self._settings, ask))
        with self._open(order.folder, dry_run=dry_run) as office:
            part = one_case(office.books, order.case).part
            if part is not Part.CHAIN:  # the chain was compared after its last block
                _others(office, ReconcileOrder(order.folder, False, part is Part.METERS, part is Part.BANK))
            case = one_case(office.books, order.case)
            if case.state is CaseState.CLOSED:
                return one_case_answer(office.board, case, f"{case.id} is closed: {case.because}.", dry_run=dry_run)
            case = accept_case(office.books, office.authority, order.case, order.words, officer, office.now)
            return one_case_answer(office.board, case, _accepted_sentence(office.board, case), dry_run=dry_run)

    @contextmanager
    def _open(self, folder: Path, *, dry_run: bool = False) -> Iterator[Office]:
        with open_archive(self._settings, folder) as archive:
            yield _office(archive, dry_run=dry_run)


def _office(archive: Archive, *, dry_run: bool) -> Office:
    books: PostgresBooks = archive.books
    ledger = PostgresLedger(books)
    return Office(DryBooks(books) if dry_run else books, ledger, archive.programme, archive.clock())


def _chain(desk: Desk, *, dry_run: bool) -> Reconciled:
    treasury = dry_treasury(desk.treasury) if dry_run else desk.treasury
    if not dry_run:
        catch_up(desk)
    return reconcile_chain(replace(treasury, now=desk.archive.clock()), case_terms(desk.programme))


def _others(office: Office, order: ReconcileOrder) -> list[Reconciled]:
    """The parts that need no node."""
    found = []
    if order.meters:
        found.append(meter_findings(office.books, office.ledger, office.programme))
    if order.bank:
        found.append(_bank(office))
    terms = case_terms(office.programme)
    return [Reconciled(item, keep_cases(office.books, item, terms, office.now)) for item in found]


def _bank(office: Office) -> Findings:
    """What statements prove paid is booked first; in a dry run it is told as explained."""
    notes: tuple[str, ...] = ()
    evidence = bank_evidence(office.books, office.authority)
    if not isinstance(office.books, DryBooks):
        accounts = office.programme.bank_accounts
        notes = book_paid(office.books, office.ledger, accounts, evidence, RECONCILER, office.now)
    findings = bank_findings(office.books, office.ledger, office.programme, evidence)
    return replace(findings, notes=(*notes, *findings.notes))


def _answered(office: Office, done: list[Reconciled], *, dry_run: bool) -> Answer:
    return reconciled_answer(office.board, done, dry_run=dry_run)


def _accepted_sentence(board: CaseBoard, case: Case) -> str:
    names = ", ".join(sorted(accepted_by(case, board.terms.authority)))
    text = f"{names} accepted {case.id}: it stays listed until the difference is gone"
    return text + ("; it halts payouts until another officer does." if case.id in board.halting.ids else ".")
