"""``zakhira labels``: what is known of addresses, coins and keys, as files of BIP-329."""

from __future__ import annotations

from pathlib import Path

from zakhira.cli.answer import Answer
from zakhira.custody.labels import MAX_BYTES
from zakhira.flows.coin_labels import export_labels, import_labels
from zakhira.flows.spending.dry import dry_treasury
from zakhira.kernel.canonical import Json
from zakhira.wiring.amount_text import counted
from zakhira.wiring.given_files import require_free
from zakhira.wiring.reserve_desk import Desk
from zakhira.wiring.signer_files import read_limited, write_new


def write_labels_of(desk: Desk, file: Path, *, dry_run: bool) -> Answer:
    """Write every label of the reserve; raises OutputExists, OutputUnwritable."""
    data = export_labels(desk.treasury)
    if dry_run:
        require_free(file, data)
    else:
        write_new(file, data)
    count = data.count(b"\n")
    facts: dict[str, Json] = {"dry_run": dry_run, "file": str(file), "labels": count, "bytes": len(data)}
    verb = "Dry run: would write" if dry_run else "Wrote"
    return Answer((), facts, f"{verb} {counted(count, 'label')} into {file}.")


def take_labels(desk: Desk, file: Path, by: str, *, dry_run: bool) -> Answer:
    """Take the labels of a file: all of them, or none; raises FileUnreadable, and what ``import_labels`` raises."""
    data = read_limited(file, MAX_BYTES)
    treasury = dry_treasury(desk.treasury) if dry_run else desk.treasury
    taken = import_labels(treasury, data, by, str(file))
    facts: dict[str, Json] = {"dry_run": dry_run, "file": str(file), "written": taken.written, "known": taken.known}
    verb = "Dry run: would take" if dry_run else "Took"
    return Answer((), facts, f"{verb} {counted(taken.written, 'label')} from {file}; {taken.known} were known.")
