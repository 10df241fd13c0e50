"""What docs/standards.csv cites exists: error codes, commands and tests; and the page says what the data says."""

from __future__ import annotations

import ast
import csv
import re
import subprocess
import sys
from datetime import date
from enum import Enum
from pathlib import Path

import click
import pytest

from zakhira.cli.commands import zakhira
from zakhira.controls.analysis.finding import PolicyCause
from zakhira.controls.engine.decision import Why

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"ZK-[A-Z0-9]+-\d{3}")
STATUSES = {"law", "order", "bill", "standard"}


def rows() -> list[dict[str, str]]:
    """Every clause."""
    with (ROOT / "docs" / "standards.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ROWS = rows()


def cites_of(row: dict[str, str]) -> list[str]:
    """What it cites."""
    return [cite for cite in row["cites"].split("; ") if cite]


def known_codes() -> set[str]:
    """Every code that stands in the source, and those that are put together from a number."""
    files = [path for ending in ("py", "sql") for path in (ROOT / "src").rglob(f"*.{ending}")]
    found = {code for path in files for code in CODE.findall(path.read_text(encoding="utf-8"))}
    causes: tuple[type[Enum], ...] = (Why, PolicyCause)
    return found | {member.code for cause in causes for member in cause}  # type: ignore[attr-defined]  # both have one


CODES = known_codes()


def command_of(text: str) -> click.Command | None:
    """The command or group that the words between back-quotes name."""
    command: click.Command | None = zakhira
    for word in text.strip("`").split()[1:]:
        command = command.commands.get(word) if isinstance(command, click.Group) else None
    return command


def command_exists(text: str) -> bool:
    """Whether the words between back-quotes are a command that can be typed."""
    return command_of(text) is not None and not isinstance(command_of(text), click.Group)


def test_exists(cite: str) -> bool:
    """Whether the file is there and has the test."""
    path, _, name = cite.partition("::")
    if not (ROOT / path).is_file():
        return False
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return not name or name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


test_exists.__test__ = False  # type: ignore[attr-defined]  # a question, no test


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_what_a_clause_cites_exists(row: dict[str, str]) -> None:
    """Codes, commands and tests; what is enforced cites something, what is all left to people cites nothing else."""
    for cite in cites_of(row):
        if CODE.fullmatch(cite):
            assert cite in CODES, cite
        elif cite.startswith("`"):
            assert command_exists(cite), cite
        else:
            assert test_exists(cite), cite
    assert cites_of(row) or not row["enforces"]
    assert row["people"]


def test_what_does_not_exist_would_be_found() -> None:
    """The checks themselves can fail."""
    assert "ZK-CUSTODY-999" not in CODES
    assert not command_exists("`zakhira fly`")
    assert not command_exists("`zakhira reserve`")
    assert not test_exists("tests/custody/test_spend.py::test_nothing")
    assert not test_exists("tests/custody/test_nothing.py")


def test_what_is_not_yet_is_not_there() -> None:
    """A command that is built meanwhile does not stay under "not yet"."""
    for row in ROWS:
        for text in re.findall(r"`zakhira [a-z ]+`", row["not_yet"]):
            assert command_of(text) is None, f"{row['id']}: {text} is there now"


def test_every_source_has_its_clauses_and_its_status() -> None:
    """The ten aspects of CCSS, and the custody clauses of each law, order and bill; nothing is called verified."""
    sources = {row["source"]: row["status"] for row in ROWS}
    assert sources == {
        "CCSS v9.0": "standard",
        "EO 14233": "order",
        "H.R. 8957": "bill",
        "S.954": "bill",
        "New Hampshire HB302": "law",
        "Texas SB21": "law",
        "Arizona HB2749": "law",
    }
    aspects = [row for row in ROWS if row["source"] == "CCSS v9.0"]
    assert [row["clause"].split()[0] for row in aspects] == [
        "1.01", "1.02", "1.03", "1.04", "1.05", "1.06", "2.01", "2.02", "2.03", "2.04",
    ]  # fmt: skip
    assert all(row["name_source"] for row in aspects)
    assert {row["status"] for row in ROWS} <= STATUSES
    assert len({row["id"] for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert row["verified"] in {"yes", "no"}
        date.fromisoformat(row["read_on"])
    assert {row["verified"] for row in ROWS} == {"no"}, "change the page's head when a person has read a text"


def test_the_page_is_up_to_date() -> None:
    """What scripts/render_standards.py would write is what is there."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "render_standards.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
