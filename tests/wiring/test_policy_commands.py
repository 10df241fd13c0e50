"""``zakhira policy`` at a terminal: programme folders, files of cases, and a drill's reserve with a real database."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from conftest import PROJECT
from zakhira.cli.commands import zakhira
from zakhira.flows.ports.chain_pool import pool_address
from zakhira.wiring.reserve_desk import open_reserve
from zakhira.wiring.services import ProgramServices
from zakhira.wiring.settings import Settings

SMALL = PROJECT / "programmes" / "small"
PAYEE = pool_address("a contractor")
SETTINGS = Settings(tools=PROJECT / ".tools")
HEAD = "id,action,proposer,at,amount,vault,destination,purpose,approvers,executor"
CREW = "comptroller-1; director-1,auditor-1"


def run(*words: str) -> Result:
    """A command as it is typed."""
    return CliRunner().invoke(zakhira, words, obj=ProgramServices(SETTINGS))


def ask(*words: str, exit_code: int = 0) -> Any:  # noqa: ANN401 - JSON
    """The facts of a command."""
    result = run(*words, "--json")
    assert result.exit_code == exit_code, result.output
    return json.loads(result.stdout)


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """The small programme in a folder of its own, to be changed."""
    shutil.copytree(SMALL, tmp_path / "changed")
    return tmp_path / "changed"


def change(folder: Path, before: str, after: str) -> None:
    """Another word in its file."""
    file = folder / "programme.toml"
    text = file.read_text(encoding="utf-8")
    assert before in text, before
    file.write_text(text.replace(before, after), encoding="utf-8")


def test_the_rules_are_shown_and_can_be_read_back(tmp_path: Path) -> None:
    """What --json says is a policy that can be shown, checked and compared in its place."""
    shown = run("policy", "show", str(SMALL))
    assert shown.exit_code == 0
    assert "large-payment" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 100
    told = ask("policy", "show", str(SMALL))
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(told), encoding="utf-8")
    assert ask("policy", "show", str(file))["policy_hash"] == told["policy_hash"]
    same = ask("policy", "diff", str(SMALL), str(file))
    assert (same["parts"], same["answers"]) == ([], [])


@pytest.mark.parametrize("content", ["{}", "not json", '{"policy": {"roles": 1}}'])
def test_what_is_no_policy_is_refused(content: str, tmp_path: Path) -> None:
    """A file that is none, and a place where nothing is."""
    file = tmp_path / "policy.json"
    file.write_text(content, encoding="utf-8")
    assert ask("policy", "show", str(file), exit_code=2)["error"]["code"] in {"ZK-WIRING-070", "ZK-PROGRAMME-100"}
    assert ask("policy", "check", str(tmp_path / "nothing"), exit_code=2)["error"]["code"] == "ZK-WIRING-070"


def test_faults_end_with_their_place_and_code_2(changed: Path) -> None:
    """The window of payments is lost: whoever may pay little may pay much, and the file's line says where."""
    assert ask("policy", "check", str(SMALL))["faults"] == []
    change(changed, 'limit = "1.99999999 BTC"', 'limit = "20 BTC"')
    error = ask("policy", "check", str(changed), exit_code=2)["error"]
    fault = next(item for item in error["faults"] if item["code"] == "ZK-CONTROLS-084")
    lines = (changed / "programme.toml").read_text(encoding="utf-8").splitlines()
    assert fault["file"].endswith("programme.toml")
    assert fault["key"].startswith("rule.payment")
    assert lines[fault["line"] - 1].startswith("[[rule.window]]")
    assert "For example:" in fault["message"]
    assert "treasury-1 proposes" in fault["message"]


def test_warnings_are_told_and_count_where_they_are_asked_to(changed: Path) -> None:
    """A lock of an hour is a warning; with --strict it is a fault."""
    change(changed, "approval_hours = 24\n", "approval_hours = 24\nchange_lock_hours = 1\n")
    told = ask("policy", "check", str(changed))
    assert [item["code"] for item in told["warnings"]] == ["ZK-CONTROLS-099"]
    assert told["warnings"][0]["line"] > 0
    assert ask("policy", "check", str(changed), "--strict", exit_code=2)["error"]["faults"]
    assert "ZK-CONTROLS-099" in run("policy", "check", str(changed)).stdout


def test_a_change_tells_the_looser_answers_first(changed: Path) -> None:
    """A higher limit for payments is looser; a longer delay of the others stricter."""
    change(changed, 'limit = "1.99999999 BTC"', 'limit = "20 BTC"')
    change(changed, "delay_hours = 12", "delay_hours = 20")
    told = ask("policy", "diff", str(SMALL), str(changed))
    directions = [item["direction"] for item in told["answers"]]
    assert directions == sorted(directions, key=["looser", "both", "stricter"].index)
    assert {"looser", "stricter"} <= set(directions)
    assert any("delay_hours" in item["place"] for item in told["parts"])
    shown = run("policy", "diff", str(SMALL), str(changed))
    assert shown.stdout.index("▲ looser") < shown.stdout.index("▼ stricter")


def cases(path: Path, *rows: str, head: str = HEAD) -> Path:
    """A file of cases."""
    path.write_text("\n".join((head, *rows, "")), encoding="utf-8")
    return path


def test_cases_are_explained_one_or_many(tmp_path: Path) -> None:
    """One case in full with Cedar's words; several as a table; the exit says whether it is allowed."""
    row = f"a,spend,treasury-1,2026-02-02T08:00:00Z,0.5 BTC,cold,{PAYEE},works,{CREW}"
    one = ask("policy", "explain", str(SMALL), "--case", str(cases(tmp_path / "one.csv", row)))
    assert (one["answer"], one["rule"]) == ("allowed", "payment")
    assert {item["step"] for item in one["cedar"]} == {"propose", "approve", "execute"}
    lacking = cases(tmp_path / "lacking.csv", row.replace("; director-1", ""))
    less = ask("policy", "explain", str(SMALL), "--case", str(lacking), exit_code=1)
    assert [item["what"] for item in less["missing"]] == ["director"]
    assert "approval by director is missing" in less["sentence"]
    both = cases(tmp_path / "both.csv", row, row.replace("a,spend", "b,spend").replace("0.5 BTC", "1.9 BTC"))
    many = ask("policy", "explain", str(SMALL), "--case", str(both))
    assert [item["answer"] for item in many["cases"]] == ["allowed", "refused"], "the window is filled by the first"
    assert ask("policy", "explain", str(SMALL), exit_code=2)["error"]["code"] == "ZK-WIRING-078"


def test_every_bad_row_is_told_with_its_line(tmp_path: Path) -> None:
    """Columns first; then all cells of all rows together."""
    path = cases(tmp_path / "bad.csv", head="id,action,colour,action")
    codes = [(item["code"], item["key"]) for item in _faults(path)]
    assert sorted(codes) == sorted(("ZK-WIRING-072", key) for key in ("colour", "action", "proposer", "at"))
    rows = (
        "x,sell,t,2026-02-02,1,cold,a,,,",
        f"y,spend,,2026-02-02T00:00:00Z,1 BTC,cold,{PAYEE}=1 BTX; b=1 BTC,works,c,",
        "z,move,t,2026-02-02T00:00:00Z,1 BTC,cold,vault:intake,works,c,,too many",
    )
    found = [(item["line"], item["key"]) for item in _faults(cases(path, *rows))]
    assert found == [
        (2, "action"),
        (2, "amount"),
        (2, "at"),
        (2, "destination"),
        (3, "destination"),
        (3, "proposer"),
        (4, ""),
    ]
    assert (
        ask("policy", "explain", str(SMALL), "--case", str(cases(path)), exit_code=2)["error"]["code"]
        == "ZK-WIRING-074"
    )
    assert (
        ask("policy", "explain", str(SMALL), "--case", str(tmp_path), exit_code=3)["error"]["code"] == "ZK-WIRING-075"
    )
    path.write_text('action,proposer,at\n"x', encoding="utf-8")
    assert ask("policy", "explain", str(SMALL), "--case", str(path), exit_code=2)["error"]["code"] == "ZK-WIRING-074"


def _faults(path: Path) -> list[Any]:
    error = ask("policy", "explain", str(SMALL), "--case", str(path), exit_code=2)["error"]
    return list(error["faults"])


def test_a_file_of_cases_is_simulated_as_csv_and_as_json(changed: Path, tmp_path: Path) -> None:
    """Twenty payments of 0.5 BTC in a day: three fit the window, and all of them a wider one."""
    change(changed, 'limit = "1.99999999 BTC"', 'limit = "20 BTC"')
    rows = [
        f"c{number},spend,treasury-1,2026-02-02T{number:02}:00:00Z,0.5 BTC,cold,{PAYEE},works,{CREW}"
        for number in range(20)
    ]
    path = cases(tmp_path / "many.csv", *rows)
    plot = tmp_path / "plot.svg"
    words = ("policy", "simulate", str(SMALL), "--with", str(changed), "--cases")
    told = ask(*words, str(path), "--plot", str(plot))
    assert told["totals"]["old"]["allowed"] == {"cases": 3, "sats": 150_000_000}
    assert told["totals"]["new"]["allowed"]["cases"] == 20
    (moved,) = told["changes"]
    assert (moved["direction"], moved["cases"], moved["sats"]) == ("looser", 17, 850_000_000)
    assert "17 (8.50000000 BTC) get further" in plot.read_text(encoding="utf-8")
    ask(*words, str(path), "--plot", str(tmp_path / "plot.png"))
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    keys = HEAD.split(",")
    body = [dict(zip(keys, row.split(","), strict=True)) for row in rows]
    for row in body:
        row["approvers"] = ["comptroller-1", "director-1"]  # type: ignore[assignment]  # JSON has lists
    as_json = tmp_path / "many.json"
    as_json.write_text(json.dumps(body), encoding="utf-8")
    assert ask(*words, str(as_json))["changes"] == told["changes"]
    shown = run(*words, str(path)).stdout
    assert "17 (8.50000000 BTC) get further" in " ".join(shown.split())
    assert ask(*words[:-1], exit_code=2)["error"]["code"] == "ZK-WIRING-076"
    assert ask(*words, str(path), "--plot", "p.pdf", exit_code=2)["error"]["code"] == "ZK-WIRING-077"


@dataclass(frozen=True)
class Desk:
    """A reserve with a proposed spend."""

    folder: Path

    def ask(self, group: str, command: str, *words: str, exit_code: int = 0) -> Any:  # noqa: ANN401 - JSON
        """A command about the reserve."""
        return ask(group, command, str(self.folder), *words, exit_code=exit_code)

    def key(self, name: str) -> str:
        """A key file of the drill."""
        return str(self.folder / "keys" / f"{name}.key")


@pytest.fixture(scope="module")
def desk(reserves_folder: Path) -> Iterator[Desk]:
    """An intake vault with half a bitcoin, of which a fifth shall be paid."""
    made = Desk(reserves_folder / "policies")
    made.ask("reserve", "init", "--programme", str(SMALL), "--drill")
    with open_reserve(SETTINGS, made.folder):
        made.ask("keys", "register", str(made.folder / "keys" / "register.toml"))
        signers = [f"intake-{number}" for number in (1, 2, 3)]
        named = [word for signer in signers for word in ("--signer", signer)]
        made.ask("vault", "create", "intake", "--purpose", "intake", "--threshold", "2", *named, "--drill")
        made.ask("vault", "test-sign", "intake", *[word for s in signers for word in ("--key", made.key(s))])
        to = made.ask("address", "reserve", "intake", "--payer", "Pool", "--purpose", "royalty")["address"]
        made.ask("reserve", "mine", "--blocks", "3", "--pay", to, "0.5 BTC")
        made.ask("reserve", "follow", "--once")
        terms = ("--purpose", "works", "--fee-limit", "0.0005 BTC", "--key", made.key("officer-treasury-1"))
        made.ask("spend", "propose", "pay-1", "--from", "intake", "--pay", f"{PAYEE}=0.1 BTC", *terms)
        yield made


def test_a_spend_of_a_reserve_is_explained_and_replayed(desk: Desk, changed: Path) -> None:
    """Two approvals are missing and told; with them it is allowed, and under a policy without the rule it is not."""
    before = desk.ask("policy", "explain", "pay-1", exit_code=1)
    assert (before["answer"], before["rule"]) == ("needs", "payment")
    assert [item["what"] for item in before["missing"]] == ["comptroller", "director"]
    for role in ("comptroller", "director"):
        desk.ask("spend", "approve", "pay-1", "--key", desk.key(f"officer-{role}-1"))
    after = desk.ask("policy", "explain", "pay-1")
    assert after["answer"] == "allowed"
    assert {item["answer"] for item in after["cedar"]} == {"yes"}
    change(changed, 'below_amount = "2 BTC"', 'below_amount = "0.05 BTC"')
    told = desk.ask("policy", "simulate", "--with", str(changed))
    assert (told["cases"], told["changed"]) == (1, 1)
    assert told["totals"]["old"]["allowed"] == {"cases": 1, "sats": 10_000_000}
    assert told["changes"][0]["direction"] == "stricter"
    assert told["changes"][0]["example"] == "pay-1"
    assert desk.ask("policy", "explain", "pay-9", exit_code=2)["error"]["code"].startswith("ZK-FLOWS")
    assert desk.ask("policy", "show")["policy_hash"] == ask("policy", "show", str(SMALL))["policy_hash"]
