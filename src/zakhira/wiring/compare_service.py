"""``zakhira compare``: two plan files read and set side by side."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from zakhira.cli.answer import Answer
from zakhira.planning.compare import compare_plans
from zakhira.planning.plan_record import NotAPlanFile, PlanRecord, parse_record
from zakhira.reports.compare_summary import compare_headline, compare_reasons, compare_table
from zakhira.wiring.tables import terminal_table

MOST_BYTES = 100 * 1024 * 1024
"""A plan of a thousand sites in thirty phases is a tenth of this."""


def read_plan(path: Path) -> PlanRecord:
    """A plan from its file, or from the folder that ``zakhira plan --out`` wrote.

    Raises:
        NotAPlanFile: there is none, or it is no plan.
    """
    file = path / "plan.json" if path.is_dir() else path
    remedy = "Give a file that `zakhira plan --json` or `--out` wrote."
    if path.is_dir() and not file.exists():
        raise NotAPlanFile(f"{path} is a folder without a {file.name}.", remedy)
    if not file.is_file():
        raise NotAPlanFile(f"{file} is no file.", remedy)
    if file.stat().st_size > MOST_BYTES:
        raise NotAPlanFile(f"{file} has more than {MOST_BYTES >> 20} MiB.", remedy)
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise NotAPlanFile(f"{file} is no JSON: {str(error)[:80]}.", remedy) from None
    return parse_record(raw, str(file))


def compare_files(before: Path, after: Path) -> Answer:
    """What changed from one plan to the other, and why."""
    found = compare_plans(read_plan(before), read_plan(after))
    facts = asdict(found)
    facts["changes"] = [asdict(change) for change in found.changes]
    return Answer((terminal_table(compare_table(found), compare_reasons(found)),), facts, compare_headline(found))
