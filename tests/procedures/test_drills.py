"""Every drill under the sample programme's own rules, and drills that must say that something does not hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from zakhira.cli.commands import zakhira
from zakhira.cli.drill_services import DRILL_NAMES
from zakhira.wiring.drills.catalogue import DRILLS
from zakhira.wiring.services import ProgramServices
from zakhira.wiring.settings import read_settings

PROGRAMMES = Path(__file__).parents[2] / "programmes"
NO_RECOVERY = """
[[rule]]
id = "all"
clause = "Moves and payments on the main path, and vaults"
actions = ["spend", "move", "home", "vault"]
propose_roles = ["treasury-officer"]

[[rule.quorum]]
count = 1
roles = ["comptroller"]

[[rule.quorum]]
count = 1
roles = ["director"]
"""
"""Nothing about recovery paths, and nothing about a thaw."""


def drilled(name: str, programme: Path, *more: str) -> tuple[int, dict[str, object], str]:
    """What the command answers: exit code, facts, and what stands on stderr."""
    words = ["drill", name, "--programme", str(programme), "--json", *more]
    done = CliRunner().invoke(zakhira, words, obj=ProgramServices(read_settings()))
    return done.exit_code, json.loads(done.stdout) if done.stdout else {}, done.stderr


def test_the_command_knows_every_drill() -> None:
    assert tuple(DRILLS) == DRILL_NAMES


@pytest.mark.parametrize("name", DRILL_NAMES)
def test_it_holds_under_the_samples_rules_and_is_reported(name: str, tmp_path: Path) -> None:
    """Bands, delays, windows, hours and a second person: the drill asks for whatever the policy asks for."""
    code, facts, errors = drilled(name, PROGRAMMES / "pakistan-2000mw", "--out", str(tmp_path / "filed"))
    findings = facts["findings"]
    assert isinstance(findings, list)
    assert (code, [finding for finding in findings if not finding["held"]]) == (0, []), errors
    assert len(findings) >= 7
    filed = json.loads((tmp_path / "filed" / "report.json").read_text(encoding="utf-8"))
    assert filed["findings"] == findings
    page = (tmp_path / "filed" / "report.html").read_text(encoding="utf-8")
    assert all(finding["step"].split("'")[0][:30] in page for finding in findings)


@pytest.fixture
def lenient(tmp_path: Path) -> Path:
    """The small programme with rules that forget the recovery path and the thaw."""
    folder = tmp_path / "lenient"
    folder.mkdir()
    for path in (PROGRAMMES / "small").rglob("*"):
        if path.is_file():
            target = folder / path.relative_to(PROGRAMMES / "small")
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(path.read_bytes())
    text = (folder / "programme.toml").read_text(encoding="utf-8")
    if "[[rule]]" in text:
        text = text[: text.index("[[rule]]")] + text[text.index("[[officer]]") :]
    (folder / "programme.toml").write_text(text + NO_RECOVERY, encoding="utf-8")
    return folder


def test_a_policy_that_forgets_the_recovery_path_does_not_hold(lenient: Path) -> None:
    """The heirs stand ready, and no rule lets them: the drill says so and ends with 1."""
    code, facts, _ = drilled("lost-site", lenient)
    findings = facts["findings"]
    assert isinstance(findings, list)
    failed = {finding["step"]: finding["seen"] for finding in findings if not finding["held"]}
    assert code == 1
    assert facts["held"] is False
    assert any("heirs" in step and "ZK-CONTROLS-030" in seen for step, seen in failed.items()), failed


def test_a_policy_that_cannot_thaw_does_not_hold(lenient: Path) -> None:
    code, facts, _ = drilled("coerced-officer", lenient)
    findings = facts["findings"]
    assert isinstance(findings, list)
    failed = [finding["step"] for finding in findings if not finding["held"]]
    assert code == 1
    assert "a quorum of the others thaws it" in failed


def test_a_filed_report_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{}", encoding="utf-8")
    code, _, errors = drilled("reorg", PROGRAMMES / "small", "--out", str(tmp_path))
    assert code == 2
    assert "ZK-WIRING-101" in errors


def test_a_name_that_is_no_drill_is_refused() -> None:
    code, _, errors = drilled("earthquake", PROGRAMMES / "small")
    assert code == 2
    assert "lost-key" in errors
