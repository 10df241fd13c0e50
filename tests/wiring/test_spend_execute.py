"""``zakhira spend execute`` at a terminal, under a rule of the programme file; a signer's machine asks for it too."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from conftest import PROJECT
from terminal_drill import PAYEE, Terminal, reserve_with_coins
from zakhira.cli.commands import zakhira
from zakhira.wiring.services import ProgramServices

RULES = """
[[rule]]
id = "works"
clause = "Rule 7: works, with a second person at execution"
actions = ["spend"]
propose_roles = ["treasury-officer"]
execute_roles = ["auditor"]

[[rule.quorum]]
count = 1
roles = ["comptroller"]

[[rule.quorum]]
count = 1
roles = ["director"]

[[rule.window]]
hours = 24
per = "programme"
limit = "0.25 BTC"
"""
MINUTE = ("--source", "minute 14/2026")


@pytest.fixture(scope="module")
def desk(reserves_folder: Path) -> Iterator[Terminal]:
    """A reserve of a programme with a further rule in front, and a coin of 0.5 BTC in intake."""
    programme = reserves_folder / "programme"
    shutil.copytree(PROJECT / "programmes" / "small", programme)
    file = programme / "programme.toml"
    before, rule, after = file.read_text(encoding="utf-8").partition("[[rule]]")
    file.write_text(f"{before}{RULES}\n{rule}{after}", encoding="utf-8")
    with reserve_with_coins(reserves_folder / "executed", programme, 1) as made:
        yield made


def typed(desk: Terminal, *words: str) -> tuple[int, str]:
    """Exit code and everything printed."""
    told = (*words[:2], str(desk.folder), *words[2:])
    result = CliRunner().invoke(zakhira, told, obj=ProgramServices(desk.settings))
    return result.exit_code, result.output


def test_the_second_person_enters_the_amount_from_the_document(desk: Terminal, tmp_path: Path) -> None:
    """Another amount and one without a unit are refused without telling the right one; then it goes its way."""
    terms = ("--pay", f"{PAYEE}=0.2 BTC", "--purpose", "works", "--key", desk.key("officer-treasury-1"), "--dry-run")
    code, told = typed(desk, "spend", "propose", "pay-1", "--from", "intake", *terms)
    assert code == 0
    assert "net out" in told
    assert "leaves our vaults" in told
    proposed = desk.propose("pay-1", "--pay", f"{PAYEE}=0.2 BTC")
    assert (proposed["decision"]["verdict"], proposed["decision"]["rule"]) == ("needs", "works")
    assert [need["kind"] for need in proposed["decision"]["needs"]] == ["approval", "approval", "execution"]
    decided = desk.approve("pay-1")
    assert decided["state"] == "decided"
    assert decided["waits_for"] == "the second person: zakhira spend execute"
    key = ("--key", desk.key("officer-auditor-1"))
    code, told = typed(desk, "spend", "execute", "pay-1", "--amount", "2 BTC", *MINUTE, *key)
    assert code == 1
    assert "ZK-FLOWS-107" in told
    assert "2 BTC" in told
    assert "0.2" not in told
    code, told = typed(desk, "spend", "execute", "pay-1", "--amount", "0.2", *MINUTE, *key)
    assert code == 2
    assert "ZK-KERNEL-011" in told
    code, told = typed(desk, "spend", "build", "pay-1", "--fee-rate", "2", "--out", str(tmp_path / "early.json"))
    assert code == 1
    assert "ZK-FLOWS-106" in told
    assert not (tmp_path / "early.json").exists()
    dry = desk.ask("spend", "execute", "pay-1", "--amount", "0.2 BTC", *MINUTE, *key, "--dry-run")
    assert dry["dry_run"]
    done = desk.ask("spend", "execute", "pay-1", "--amount", "20000000 sat", *MINUTE, *key)
    assert done["execution"]["source"] == "minute 14/2026"
    assert [entered["amount"] for entered in done["entered_otherwise"]] == ["2 BTC"]
    assert done["decision"]["verdict"] == "allowed"
    code, told = typed(desk, "spend", "show", "pay-1")
    assert code == 0
    for words in ("rule works", "auditor-1", "minute 14/2026", "entered 2 BTC", "executed by"):
        assert words in told, told


def test_the_signers_machine_asks_for_the_second_person_too(desk: Terminal, tmp_path: Path) -> None:
    """The spend file carries the execution, the rule and the policy; without the execution nothing is signed."""
    file, card, signed = tmp_path / "pay-1.json", tmp_path / "card.toml", tmp_path / "signed.psbt"
    assert desk.ask("spend", "build", "pay-1", "--fee-rate", "2", "--out", str(file))["state"] == "handed out"
    body = json.loads(file.read_text(encoding="utf-8"))
    assert (body["rule"], body["execution"]["officer"]) == ("works", "auditor-1")
    desk.ask("signer", "card", "--out", str(card))
    words = ("signer", "sign", str(file), "--card", str(card), "--key", desk.key("intake-2"))
    result = CliRunner().invoke(zakhira, (*words, "--out", str(signed), "--yes"), obj=ProgramServices(desk.settings))
    assert result.exit_code == 0, result.output
    assert desk.ask("spend", "combine", "pay-1", str(signed))["versions"][0]["signers"] == ["intake-2"]


def test_a_window_of_the_programme_holds_at_the_terminal(desk: Terminal) -> None:
    """0.2 of 0.25 BTC a day are allowed already: another 0.1 is not proposed, by its code."""
    words = ("spend", "propose", "pay-2", "--from", "intake", "--pay", f"{PAYEE}=0.1 BTC", "--purpose", "works")
    code, told = typed(desk, *words, "--key", desk.key("officer-treasury-1"))
    assert code == 1
    assert "ZK-CONTROLS-051" in told
