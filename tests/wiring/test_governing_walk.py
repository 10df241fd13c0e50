"""Authority at a terminal: a change, a freeze and its end, keys enrolled and revoked, all of it without a node."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from conftest import PROJECT
from zakhira.cli.commands import zakhira
from zakhira.controls.acts.authority_fold import authority_at
from zakhira.controls.acts.public_acts import acts_of
from zakhira.kernel.canonical import parse_canonical
from zakhira.wiring.reserve_desk import open_archive
from zakhira.wiring.services import ProgramServices
from zakhira.wiring.settings import Settings

REASON = ("--reason", "board minutes 2026-11, item 4")


@dataclass(frozen=True)
class Terminal:
    """Somebody at a terminal in front of a reserve; ``programme`` is its own programme folder."""

    settings: Settings
    folder: Path
    programme: Path

    def ask(self, *words: str, exit_code: int = 0) -> Any:  # noqa: ANN401 - JSON
        """The facts of a command."""
        result = self.type(*words, "--json")
        assert result.exit_code == exit_code, result.output
        told = json.loads(result.stdout)
        return told["error"] if exit_code else told

    def type(self, *words: str) -> Any:  # noqa: ANN401 - what click tells
        """Run a command; the folder stands behind its name."""
        typed = (*words[:2], str(self.folder), *words[2:])
        return CliRunner().invoke(zakhira, typed, obj=ProgramServices(self.settings))

    def key(self, name: str) -> tuple[str, str]:
        """An officer's key file of the drill."""
        return "--key", str(self.folder / "keys" / f"officer-{name}.key")

    def write_fee_limit(self, sats: int) -> None:
        """Somebody edits the programme file."""
        file = self.programme / "programme.toml"
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join(f"fee_limit_sats = {sats}\n" if x.startswith("fee_limit_sats") else x for x in lines))


@pytest.fixture(scope="module")
def desk(reserves_folder: Path) -> Iterator[Terminal]:
    """A drill's reserve with a programme of its own."""
    programme = reserves_folder / "programme"
    shutil.copytree(PROJECT / "programmes" / "small", programme)
    made = Terminal(Settings(tools=PROJECT / ".tools"), reserves_folder / "governed", programme)
    made.ask("reserve", "init", "--programme", str(programme), "--drill")
    with open_archive(made.settings, made.folder):  # the database stays up between commands
        yield made


def test_the_file_is_not_the_law(desk: Terminal) -> None:
    """Edited, put forward, approved, and in its lock: the first version is in force all the while."""
    first = desk.ask("policy", "status")
    assert (first["version"], first["programme_differs"], first["motions"]) == (1, [], [])
    desk.write_fee_limit(70_000)
    status = desk.ask("policy", "status")
    assert status["hash"] == first["hash"]
    assert [item["place"] for item in status["programme_differs"]] == ["fee_limit_sats"]
    assert "not in force" in desk.type("policy", "status").output
    words = ("policy", "propose", "--with", str(desk.programme), *desk.key("treasury-1"), *REASON)
    dry = desk.ask(*words, "--dry-run")
    assert dry["changes"] == [{"place": "fee_limit_sats", "before": "100000", "after": "70000"}]
    assert desk.ask("policy", "status")["motions"] == []
    motion = desk.ask(*words)["motion"]
    assert desk.ask(*words)["motion"] == motion
    assert desk.ask("policy", "approve", motion[:12], *desk.key("treasury-1"), exit_code=1)["code"] == "ZK-FLOWS-129"
    assert desk.ask("policy", "approve", motion[:12], *desk.key("comptroller-1"))["missing"] == ["director", "auditor"]
    desk.ask("policy", "approve", motion[:12], *desk.key("auditor-1"))
    dry = desk.ask("policy", "approve", motion[:12], *desk.key("director-1"), "--dry-run")
    for shown in (("approve", motion[:12], *desk.key("director-1"), "--dry-run"), ("status",)):
        told = desk.type("policy", *shown).output
        assert all(word in told for word in ("fee_limit_sats", "100000", "70000", *REASON[1:])), told
    assert dry["changes"] == [{"place": "fee_limit_sats", "before": "100000", "after": "70000"}]
    assert dry["state"] == "approved, in its lock"
    done = desk.ask("policy", "approve", motion[:12], *desk.key("director-1"))
    assert done["in_force_at"] > done["proposed_at"]
    assert desk.ask("policy", "status")["hash"] == first["hash"]
    no = desk.ask("policy", "veto", motion[:12], *desk.key("auditor-1"), "--reason", "nobody told us")
    assert no["state"] == "vetoed"
    assert desk.ask("policy", "veto", "000000", *desk.key("auditor-1"), *REASON, exit_code=2)["code"] == "ZK-FLOWS-126"


def test_stopped_and_let_go_on(desk: Terminal) -> None:
    """One officer stops, all approving roles let go on."""
    told = desk.ask("policy", "freeze", *desk.key("auditor-1"), "--reason", "the payee called")
    assert (told["freeze"]["officer"], told["in_other_hands"], told["can_be_thawed"]) == ("auditor-1", [], True)
    assert "THE RESERVE IS FROZEN" in desk.type("policy", "status").output
    authority = desk.ask("reserve", "status")["authority"]
    assert [item["officer"] for item in authority["freezes"]] == ["auditor-1"]
    assert authority["programme_differs"]
    motion = desk.ask("policy", "thaw", *desk.key("treasury-1"), *REASON)["motion"]
    for name in ("comptroller-1", "auditor-1"):
        assert desk.ask("policy", "approve", motion, *desk.key(name))["state"] == "open"
    shown = desk.type("policy", "approve", motion, *desk.key("director-1"), "--dry-run").output
    assert "the payee called" in " ".join(shown.split())
    assert desk.ask("policy", "approve", motion, *desk.key("director-1"))["state"] == "in force"
    assert desk.ask("policy", "status")["freezes"] == []
    assert desk.ask("policy", "thaw", *desk.key("treasury-1"), *REASON, exit_code=2)["code"] == "ZK-FLOWS-135"


def test_keys_come_and_go(desk: Terminal, tmp_path: Path) -> None:
    """Enrolled by itself, revoked by another, and never again an officer's."""
    before = {item["officer"]: item for item in desk.ask("officer", "list")["officers"]}
    assert before["auditor-1"]["roles"] == ["auditor"]
    enrolled = desk.ask("officer", "enrol", *desk.key("auditor-1"))
    assert enrolled["public_key"] == before["auditor-1"]["public_key"]
    words = ("officer", "revoke", "treasury-2", *desk.key("auditor-1"), "--reason", "stolen")
    desk.ask(*words, "--dry-run")
    assert desk.ask("officer", "list")["officers"][1]["revoked_at"] == ""
    done = desk.ask(*words)
    assert done["frozen"] is True
    assert "FROZEN" in desk.type("policy", "status").output
    found = {item["officer"]: item for item in desk.ask("officer", "list")["officers"]}
    assert found["treasury-2"]["revoked_by"] == "auditor-1"
    assert found["auditor-1"]["enrolled_at"] == enrolled["at"]
    assert "REVOKED" in desk.type("officer", "list").output
    assert desk.ask("policy", "thaw", *desk.key("treasury-2"), *REASON, exit_code=1)["code"] == "ZK-FLOWS-123"
    assert desk.ask("policy", "freeze", *desk.key("treasury-2"), *REASON)["freeze"]["officer"] == "treasury-2"
    out = tmp_path / "authority.json"
    desk.ask("policy", "export", "--out", str(out), "--dry-run")
    assert not out.exists()
    told = desk.ask("policy", "export", "--out", str(out))
    acts = acts_of(parse_canonical(out.read_bytes()))
    assert len(acts) == told["acts"]
    state = authority_at(acts, acts[-1].at)
    assert not state.faults
    assert state.version.hash == desk.ask("policy", "status")["hash"]
