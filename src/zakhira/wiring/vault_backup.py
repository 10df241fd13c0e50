"""``zakhira vault backup``: a vault's sheet to print and to put away."""

from __future__ import annotations

from pathlib import Path

from zakhira import __version__
from zakhira.adapters.pdf.backup import backup_pdf
from zakhira.cli.answer import Answer, Table
from zakhira.flows.registered_keys import key_register
from zakhira.flows.vaults import vault_record
from zakhira.kernel.canonical import Json
from zakhira.reports.backup_sheet import backup_sheet
from zakhira.wiring.given_files import destination, require_free
from zakhira.wiring.reserve_desk import Archive
from zakhira.wiring.signer_files import write_new


def backup_vault(archive: Archive, vault: str, out: Path, *, dry_run: bool) -> Answer:
    """Write the sheet, or say what would be written; raises NoSuchVault, OutputExists, OutputUnwritable."""
    record = vault_record(archive.books, vault)
    sheet = backup_sheet(record, key_register(archive.books), archive.clock(), __version__)
    data = backup_pdf(sheet)
    path = destination(out, f"{vault}-backup.pdf")
    if dry_run:
        require_free(path, data)
    else:
        write_new(path, data)
    facts: dict[str, Json] = {
        "dry_run": dry_run,
        "vault": vault,
        "file": str(path),
        "bytes": len(data),
        "descriptor": sheet.descriptor,
        "warnings": list(sheet.warnings),
    }
    verb = "Dry run: would write" if dry_run else "Wrote"
    warnings = tuple((text,) for text in sheet.warnings)
    table = Table("Know this before you put it away", ("",), warnings)
    sentence = f"{verb} the backup sheet of vault {vault}: {path}. Print it, and keep one with each signer."
    return Answer((table,) if warnings else (), facts, sentence)
