"""A drill as a report that an auditor can file: what was tried, what held, what did not, and how long it took."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import utc_text
from zakhira.reports.document import Column, Figure, Kind, Mood, Report, Row, Section, State, Table


@dataclass(frozen=True)
class Finding:
    """One thing that was tried. ``expected`` is a sentence that should be so; ``seen`` is what happened."""

    step: str
    expected: str
    seen: str
    held: bool
    seconds: float


@dataclass(frozen=True)
class DrillRecord:
    """A drill from beginning to end. ``programme_seconds`` is how far the programme's own clock was moved."""

    drill: str
    title: str
    question: str
    programme: str
    policy_hash: str
    version: str
    node: str
    began_at: datetime
    seconds: float
    programme_seconds: float
    findings: tuple[Finding, ...]
    facts: tuple[tuple[str, str], ...] = ()
    """amounts, transactions and addresses, as (name, value)"""

    @property
    def held(self) -> bool:
        """Whether everything held."""
        return bool(self.findings) and all(finding.held for finding in self.findings)

    @property
    def as_json(self) -> dict[str, Json]:
        """The record for a machine."""
        return {
            "drill": self.drill,
            "question": self.question,
            "programme": self.programme,
            "policy_hash": self.policy_hash,
            "version": self.version,
            "node": self.node,
            "began_at": utc_text(self.began_at),
            "seconds": round(self.seconds, 3),
            "programme_seconds": round(self.programme_seconds),
            "held": self.held,
            "findings": [
                {
                    "step": finding.step,
                    "expected": finding.expected,
                    "seen": finding.seen,
                    "held": finding.held,
                    "seconds": round(finding.seconds, 3),
                }
                for finding in self.findings
            ],
            "facts": dict(self.facts),
        }


def drill_report(record: DrillRecord) -> Report:
    """The record as a page."""
    failed = [finding for finding in record.findings if not finding.held]
    word = "Held" if record.held else "Did not hold"
    sentence = (
        f"{len(record.findings)} things were tried and all of them held."
        if record.held
        else f"{len(failed)} of {len(record.findings)} things that were tried did not hold."
    )
    return Report(
        title=f"Drill: {record.title}",
        subtitle=f"{record.question} {record.programme}, {utc_text(record.began_at)}",
        headline=sentence,
        figures=(
            Figure("Tried", str(len(record.findings)), "steps", ""),
            Figure("Held", str(len(record.findings) - len(failed)), "steps", ""),
            Figure("Took", f"{record.seconds:.1f}", "s", "on this machine, people not counted"),
            Figure("Waiting", f"{record.programme_seconds / 3600:.0f}", "h", "that the policy asks for"),
        ),
        states=(State(Mood.GOOD if record.held else Mood.BAD, word, sentence),),
        sections=(*_failures(failed), _steps(record), _facts(record)),
        about=(
            ("Command", f"zakhira drill {record.drill}"),
            ("Policy", record.policy_hash),
            ("Zakhira", record.version),
            ("Node", record.node),
            ("Chain", "regtest: coins of no worth, keys that anybody can derive"),
        ),
        kind="drill",
    )


def _failures(failed: list[Finding]) -> tuple[Section, ...]:
    if not failed:
        return ()
    points = tuple(f"{finding.step}: expected that {finding.expected}; {finding.seen}" for finding in failed)
    return (Section("failed", "This did not hold", (), "The drill itself.", points=points, prominent=True),)


def _steps(record: DrillRecord) -> Section:
    rows = tuple(
        Row(
            (
                str(number),
                finding.step,
                finding.expected,
                finding.seen,
                "✓ held" if finding.held else "✗ did not hold",
                f"{finding.seconds:.2f}",
            ),
            Kind.NORMAL,
        )
        for number, finding in enumerate(record.findings, 1)
    )
    columns = (
        Column("#", number=False),
        Column("step", number=False),
        Column("expected", number=False),
        Column("what was seen", number=False),
        Column("result", number=False),
        Column("took", "s"),
    )
    return Section(
        "steps",
        "What was tried, in order",
        (),
        "Each step was carried out on a real node and a real database under the programme's own policy.",
        tables=(Table("Steps of the drill", columns, rows),),
    )


def _facts(record: DrillRecord) -> Section:
    columns = (Column("what", number=False), Column("value", number=False, code=True))
    rows = tuple(Row(fact) for fact in record.facts)
    return Section(
        "facts", "Coins, transactions and times", (), "The node and the books.", tables=(Table("Facts", columns, rows),)
    )
