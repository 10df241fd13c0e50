"""``zakhira vault``: vaults created, shown, written out, taken over, tested and retired."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from zakhira.cli.answer import Answer, Progress, Table
from zakhira.cli.custody_services import AcceptOrder, Ask, ChallengeOrder, ImportOrder, RotateOrder, VaultOrder
from zakhira.controls.acts.authority import Authority
from zakhira.custody.vault_creation import RecoveryRequest, VaultRequest
from zakhira.flows.governing.acts import authority_of
from zakhira.flows.registered_keys import key_register
from zakhira.flows.treasury import vault_records
from zakhira.flows.vaults import create_vault, design, import_vault, plan_import, vault_record
from zakhira.kernel.canonical import Json
from zakhira.wiring.given_files import destination, read_text, require_free
from zakhira.wiring.reserve_desk import Archive, Desk, open_archive, open_reserve
from zakhira.wiring.reserve_watching import watching
from zakhira.wiring.settings import Settings
from zakhira.wiring.signer_files import write_new
from zakhira.wiring.vault_answers import acceptance, design_answer, vault_answer, vaults_answer


class VaultDesk:
    """Implements ``cli.custody_services.VaultServices``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def create(self, order: VaultOrder, *, dry_run: bool) -> Answer:
        """Design a vault from the register and record it."""
        recovery = None
        if order.recovery_threshold or order.recovery_signers or order.recovery_after_blocks:
            recovery = RecoveryRequest(order.recovery_threshold, order.recovery_signers, order.recovery_after_blocks)
        request = VaultRequest(
            order.vault,
            order.purpose,
            order.threshold,
            order.signers,
            order.template,
            recovery,
            order.held_until_height,
            order.is_drill,
        )
        with open_reserve(self._settings, order.folder) as desk:
            treasury = desk.treasury
            designed = design(treasury, request) if dry_run else create_vault(treasury, request, order.by)
            return design_answer(designed, treasury.chain, order.folder, dry_run=dry_run)

    def show(self, folder: Path, vault: str) -> Answer:
        """A vault with its keys, tests and descriptor."""
        with open_archive(self._settings, folder) as archive:
            record = vault_record(archive.books, vault)
            return vault_answer(record, key_register(archive.books), acceptance(_authority(archive), record))

    def list(self, folder: Path) -> Answer:
        """Every vault."""
        with open_archive(self._settings, folder) as archive:
            state = _authority(archive)
            records = tuple(vault_records(archive.books).values())
            return vaults_answer(records, folder, {item.vault.id: acceptance(state, item) for item in records})

    def export(self, folder: Path, vault: str, kind: str, out: Path, token: str, *, dry_run: bool) -> Answer:
        """Write a paper of a vault for other programs."""
        from zakhira.custody.vault_papers.kinds import PAPER_KINDS, write_vault_paper
        from zakhira.custody.vault_papers.paper import PaperRequest

        with open_archive(self._settings, folder) as archive:
            record = vault_record(archive.books, vault)
            request = PaperRequest(record, key_register(archive.books), token=token)
            paper = write_vault_paper(kind, request)
        path = destination(out, paper.name)
        _write(path, paper.data, dry_run=dry_run)
        facts: dict[str, Json] = {
            "dry_run": dry_run,
            "vault": vault,
            "format": kind,
            "file": str(path),
            "bytes": len(paper.data),
            "notes": list(paper.notes),
        }
        verb = "Dry run: would write" if dry_run else "Wrote"
        kinds = ", ".join(PAPER_KINDS)
        notes = (*paper.notes, f"Formats: {kinds}.")
        table = Table(
            PAPER_KINDS[kind].description, ("file", "bytes"), ((str(path), str(len(paper.data))),), (1,), notes
        )
        return Answer((table,), facts, f"{verb} vault {vault} as {kind}: {path}")

    def import_(self, order: ImportOrder, progress: Progress, *, dry_run: bool) -> Answer:
        """Take a vault over from a paper."""
        from zakhira.custody.vault_papers.kinds import read_vault_paper
        from zakhira.custody.vault_papers.paper import Taking

        data = read_text(order.file)
        with open_reserve(self._settings, order.folder) as desk:
            treasury = desk.treasury
            names = {key.xpub: key.signer for key in key_register(treasury.books)}
            taking = Taking(order.vault, order.purpose, treasury.chain, names, order.token)
            read = read_vault_paper(data, taking)
            vault = replace(read.vault, is_drill=order.is_drill)
            designed = plan_import(treasury, vault) if dry_run else import_vault(treasury, vault, order.by)
            found = None if dry_run else _past(desk, order, progress)
            answer = design_answer(designed, treasury.chain, order.folder, dry_run=dry_run)
        facts: dict[str, Json] = {
            **answer.facts,
            "read_as": read.kind,
            "first_address": read.first_address,
            "notes": list(read.notes),
            "coins_found": found,
        }
        notes = (*read.notes, f"Compare the first address with the old program's: {read.first_address}")
        table = Table(f"Read as {read.kind}", ("", "text"), tuple((str(n), text) for n, text in enumerate(notes, 1)))
        return replace(answer, tables=(*answer.tables, table), facts=facts)

    def test_sign(self, order: ChallengeOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Challenge a vault's keys, or take what they signed."""
        from zakhira.wiring.challenge_service import test_vault

        with open_reserve(self._settings, order.folder) as desk:
            return test_vault(self._settings, desk, order, ask, dry_run=dry_run)

    def accept(self, order: AcceptOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Put forward that a vault counts as ours."""
        from zakhira.wiring.vault_accepting import accept_vault

        with open_archive(self._settings, order.folder) as archive:
            return accept_vault(self._settings, archive, order, ask, dry_run=dry_run)

    def rotate(self, order: RotateOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Retire a vault in favour of its successor and propose the moves of its coins."""
        from zakhira.wiring.vault_rotation import rotate_vault

        with open_reserve(self._settings, order.folder) as desk:
            return rotate_vault(self._settings, desk, order, ask, dry_run=dry_run)

    def backup(self, folder: Path, vault: str, out: Path, *, dry_run: bool) -> Answer:
        """Write a vault's backup sheet as PDF."""
        from zakhira.wiring.vault_backup import backup_vault

        with open_archive(self._settings, folder) as archive:
            return backup_vault(archive, vault, out, dry_run=dry_run)


def _authority(archive: Archive) -> Authority:
    return authority_of(archive.books, archive.programme.policy, archive.clock())


def _write(path: Path, data: bytes, *, dry_run: bool) -> None:
    if dry_run:
        require_free(path, data)
    else:
        write_new(path, data)


def _past(desk: Desk, order: ImportOrder, progress: Progress) -> int | None:
    """How many coins of the vault's past were found, if it was looked for."""
    if order.from_height < 0:
        return None
    from zakhira.flows.rescanning import rescan_vault

    with watching(desk) as treasury:
        return rescan_vault(treasury, order.vault, order.from_height, progress).created
