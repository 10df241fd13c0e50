"""``zakhira drill``: a drill carried out on a fresh reserve of a programme, and its report written."""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from zakhira import __version__
from zakhira.adapters.page.render import render_report
from zakhira.cli.answer import Answer, Progress, Table, Word
from zakhira.cli.drill_services import DrillOrder
from zakhira.flows.treasury import policy_in_force
from zakhira.kernel.errors import InvalidInput
from zakhira.programme.policy_text import policy_hash
from zakhira.reports.drill_report import DrillRecord, drill_report
from zakhira.wiring.drills.catalogue import DRILLS, Drill
from zakhira.wiring.drills.stage import Stage, open_stage
from zakhira.wiring.run_folder import write_whole
from zakhira.wiring.settings import Settings

REPORT, RECORD = "report.html", "report.json"


class ReportThere(InvalidInput):
    """The folder for the report holds one already."""

    code = "ZK-WIRING-101"


class DrillDesk:
    """Implements ``cli.drill_services.DrillServices``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def names(self) -> tuple[tuple[str, str], ...]:
        """Every drill with the question that it answers."""
        return tuple((name, drill.question) for name, drill in DRILLS.items())

    def play(self, order: DrillOrder, progress: Progress) -> Answer:
        """Carry the drill out and write its report."""
        if order.out is not None:
            _require_free(order.out)
        drill = DRILLS[order.drill]
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="zakhira-drill-"))
            progress("setting the stage", 0, 1, "")
            began = time.perf_counter()
            stage = stack.enter_context(open_stage(self._settings, order.programme, Path(folder) / "reserve"))
            progress("setting the stage", 1, 1, "")
            stage.telling = lambda done, note: progress("drill", done, done + 1, note)
            record = _played(stage, order.drill, drill, began)
            progress("drill", 1, 1, "done")
        if order.out is not None:
            _write(order.out, record)
        return _answer(record, order.out)


def _played(stage: Stage, name: str, drill: Drill, began: float) -> DrillRecord:
    began_at = datetime.now(UTC).replace(microsecond=0)
    drill.play(stage)
    node = stage.desk.node.rpc.call("getnetworkinfo")
    return DrillRecord(
        drill=name,
        title=drill.title,
        question=drill.question,
        programme=stage.programme.name,
        policy_hash=policy_hash(policy_in_force(stage.treasury)),
        version=__version__,
        node=str(node["subversion"]),
        began_at=began_at,
        seconds=time.perf_counter() - began,
        programme_seconds=stage.clock.moved.total_seconds(),
        findings=tuple(stage.findings),
        facts=tuple(stage.facts),
    )


def _require_free(out: Path) -> None:
    for name in (REPORT, RECORD):
        if (out / name).exists():
            raise ReportThere(
                f"{out / name} is there already.", "Give another folder: a filed report is not written over."
            )


def _write(out: Path, record: DrillRecord) -> None:
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / RECORD, json.dumps(record.as_json, indent=2, ensure_ascii=False) + "\n")
    write_whole(out / REPORT, render_report(drill_report(record)))


def _answer(record: DrillRecord, out: Path | None) -> Answer:
    rows = tuple(
        (
            str(number),
            finding.step,
            finding.expected,
            "✓ held" if finding.held else "✗ DID NOT HOLD",
            finding.seen,
            f"{finding.seconds:.2f}",
        )
        for number, finding in enumerate(record.findings, 1)
    )
    notes = tuple(f"{name}: {value}" for name, value in record.facts)
    table = Table(record.question, ("", "step", "expected", "result", "what was seen", "s"), rows, (0, 5), notes)
    held = sum(finding.held for finding in record.findings)
    waiting = f", and {record.programme_seconds / 3600:.0f} h of waiting that the policy asks for"
    sentence = (
        f"{held} of {len(record.findings)} held in {record.seconds:.1f} s{waiting if record.programme_seconds else ''}."
    )
    if out is not None:
        sentence += f" Report: {out / REPORT}"
    facts = {**record.as_json, "report": str(out / REPORT) if out else ""}
    return Answer((table,), facts, sentence, Word.YES if record.held else Word.NO)
