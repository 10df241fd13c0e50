"""What ``zakhira policy check`` answers: every finding at its place, with an example."""

from __future__ import annotations

from dataclasses import replace

from zakhira.cli.answer import Answer, Table
from zakhira.controls.analysis.faults import analyse
from zakhira.controls.analysis.finding import Analysis, Finding
from zakhira.controls.engine.cedar_faults import authorization_faults
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import Fault, Faults
from zakhira.wiring.policy_source import PolicySource


def check_answer(source: PolicySource, *, is_strict: bool) -> Answer:
    """A policy without faults; with its warnings, which may be meant.

    Raises:
        Faults: every fault, with ``is_strict`` every warning as well.
    """
    analysis = analyse(source.policy, source.chain)
    refused = [fault_at(source, finding) for finding in (analysis.findings if is_strict else analysis.faults)]
    refused += own_text_faults(source)
    if refused:
        raise Faults(refused)
    warnings = [fault_at(source, finding) for finding in analysis.warnings]
    rows = tuple((f"{item.code}\n{_where(item)}", f"{item.message}\n→ {item.remedy}") for item in warnings)
    table = Table("Warnings", ("code and place", "what, and what to do"), rows)
    facts: dict[str, Json] = {
        "policy_hash": source.hash,
        "faults": [],
        "warnings": [finding_json(source, finding) for finding in analysis.warnings],
        "bounds": list(analysis.bounds),
    }
    return Answer((table,) if warnings else (), facts, _sentence(source, analysis))


def own_text_faults(source: PolicySource) -> list[Fault]:
    """Faults in the Cedar text of the policy's own, at their lines where it stands in a file.

    A text of several lines begins on the line after its key.
    """
    text, line = source.policy.authorization, source.line("policy", "", "authorization")
    faults = authorization_faults(text, source.file, line + ("\n" in text))
    return faults if line else [replace(fault, line=0) for fault in faults]


def fault_at(source: PolicySource, finding: Finding) -> Fault:
    """A finding as a fault at its place in the file; the example follows what is wrong."""
    table, name, key = place_of(source, finding)
    words = finding.message if not finding.example else f"{finding.message} For example: {finding.example}."
    label = ".".join(part for part in (table, name, key) if part)
    return Fault(source.file, source.line(table, name, key), label, finding.cause.code, words, finding.todo)


def place_of(source: PolicySource, finding: Finding) -> tuple[str, str, str]:
    """Table, name and key; a rule that is only implied stands in the policy's own table."""
    implied = finding.table == "rule" and all(rule.id != finding.id for rule in source.policy.rules)
    return ("policy", "", "") if implied else (finding.table, finding.id, finding.key)


def finding_json(source: PolicySource, finding: Finding) -> Json:
    """A finding as plain data."""
    fault = fault_at(source, finding)
    return {
        "code": fault.code,
        "severity": finding.severity.value,
        "file": fault.file,
        "line": fault.line,
        "key": fault.key,
        "message": finding.message,
        "example": finding.example,
        "people": list(finding.people),
        "remedy": fault.remedy,
    }


def _where(fault: Fault) -> str:
    return f"line {fault.line}, {fault.key}" if fault.line else fault.key


def _sentence(source: PolicySource, analysis: Analysis) -> str:
    count = len(analysis.warnings)
    told = "no warning" if not count else "1 warning" if count == 1 else f"{count} warnings"
    bounds = f" Not looked at: {' '.join(analysis.bounds)}" if analysis.bounds else ""
    return f"Version {source.hash[:16]}: no fault found, {told}.{bounds}"
