"""Payouts at a terminal: a campaign, a batch, the second person, parts and the stop, without a node."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from conftest import PROJECT
from zakhira.cli.commands import zakhira
from zakhira.wiring.reserve_desk import open_archive
from zakhira.wiring.services import ProgramServices
from zakhira.wiring.settings import Settings

RULE = """
[[rule]]
id = "payout-in-rupees"
clause = "Small programme, rule 8: payouts in rupees"
actions = ["payout"]
below_amount = "1000000 PKR"
propose_roles = ["treasury-officer"]
execute_roles = ["auditor"]

[[rule.quorum]]
count = 1
roles = ["comptroller"]

[[rule.quorum]]
count = 1
roles = ["director"]
"""
CAMPAIGN = """
id = "stipend-2026"
title = "Stipends"
way = "accounts"
budget = "620000 PKR"
most_per_payee = "60000 PKR"
lowest = "2000 PKR"
highest = "50000 PKR"
reasons = ["stipend"]
part_minutes = 0
"""
SOURCE = ("--source", "minute 14/2026")


@dataclass(frozen=True)
class Terminal:
    """Somebody at a terminal in front of a reserve, in a folder with files."""

    settings: Settings
    folder: Path
    files: Path

    def type(self, *words: str) -> Any:  # noqa: ANN401 - what click tells
        """Run a command; the folder stands behind its name."""
        typed = (*words[:2], str(self.folder), *words[2:])
        return CliRunner().invoke(zakhira, typed, obj=ProgramServices(self.settings))

    def ask(self, *words: str, exit_code: int = 0) -> Any:  # noqa: ANN401 - JSON
        """The facts of a command."""
        result = self.type(*words, "--json")
        assert result.exit_code == exit_code, result.output
        told = json.loads(result.stdout)
        return told.get("error", told)

    def key(self, name: str) -> tuple[str, str]:
        """An officer's key file of the drill."""
        return "--key", str(self.folder / "keys" / f"officer-{name}.key")

    def file(self, name: str, text: str) -> str:
        """A file with this text."""
        path = self.files / name
        path.write_text(text, encoding="utf-8")
        return str(path)


@pytest.fixture(scope="module")
def desk(reserves_folder: Path) -> Iterator[Terminal]:
    """A drill's reserve whose policy pays rupees, with three participants."""
    programme = reserves_folder / "programme"
    shutil.copytree(PROJECT / "programmes" / "small", programme)
    with (programme / "programme.toml").open("a", encoding="utf-8") as file:
        file.write(RULE)
    made = Terminal(Settings(tools=PROJECT / ".tools"), reserves_folder / "paying", reserves_folder)
    made.ask("reserve", "init", "--programme", str(programme), "--drill")
    with open_archive(made.settings, made.folder):  # the database stays up between commands
        for name in ("Amina", "Bilal", "Chand"):
            told = ("--name", name, "--kind", "citizen", "--reference", f"file {name}", "--in", "PKR")
            made.ask("participant", "open", *told, *made.key("treasury-1"))
        yield made


def test_a_payout_from_the_campaign_to_the_last_row(desk: Terminal) -> None:
    """Everything by command, dry where it writes before it is meant."""
    file = desk.file("stipend.toml", CAMPAIGN)
    words = ("payout", "campaign", file, *desk.key("treasury-1"))
    assert desk.ask(*words, "--dry-run")["state"] == "proposed"
    assert desk.ask("payout", "status")["campaigns"] == []
    assert desk.ask(*words)["missing"] == ["comptroller", "director", "auditor"]
    for name in ("comptroller-1", "director-1", "auditor-1"):
        told = desk.ask("payout", "approve", "stipend-2026", *desk.key(name))
    assert told["state"] == "open"
    wrong = desk.file("wrong.csv", "payee,amount,reason\np-000001,20000 BTC,stipend\n")
    checked = desk.ask("payout", "check", wrong, "--campaign", "stipend-2026", exit_code=1)
    assert [(fault["line"], fault["code"]) for fault in checked["faults"]] == [(2, "ZK-SETTLEMENT-023")]
    assert "Did you mean 20,000 PKR?" in " ".join(
        desk.type("payout", "check", wrong, "--campaign", "stipend-2026").output.split()
    )
    batch = desk.file("march.csv", "payee,amount,reason\np-000001,20000 PKR,stipend\np-000002,30000 PKR,stipend\n")
    prepared = ("payout", "prepare", "march", batch, "--campaign", "stipend-2026", *SOURCE, *desk.key("treasury-1"))
    assert desk.ask("payout", "prepare", "march", wrong, *prepared[4:], exit_code=2)["code"] == "ZK-KERNEL-004"
    assert desk.ask(*prepared, "--dry-run")["total"] == "50000.00 PKR"
    assert desk.ask("payout", "status")["payouts"] == []
    assert desk.ask(*prepared)["state"] == "prepared"
    desk.ask("payout", "approve", "march", *desk.key("comptroller-1"))
    assert desk.ask("payout", "approve", "march", *desk.key("director-1"))["missing"] == ["execution by auditor"]
    assert "50,000" not in desk.type("payout", "status", "march").output
    assert "50,000.00" not in desk.type("payout", "status").output
    assert {"total", "tax"}.isdisjoint(desk.ask("payout", "status", "march"))
    execute = ("payout", "execute", "march", *desk.key("auditor-1"))
    tried = desk.ask(*execute, "--total", "50000 PKR", *SOURCE, "--dry-run", exit_code=2)
    assert (tried["code"], "50000.00" in str(tried)) == ("ZK-FLOWS-208", False)
    assert desk.ask(*execute, exit_code=1)["code"] == "ZK-FLOWS-205"
    assert desk.ask(*execute, "--total", "50000 BTC", *SOURCE, exit_code=1)["code"] == "ZK-FLOWS-198"
    out = desk.ask(*execute, "--total", "50000 PKR", *SOURCE)
    assert (out["released"], "total" in out) == (1, False)
    desk.ask("payout", "stop", *desk.key("director-1"), "--reason", "somebody called")
    assert desk.ask(*execute, exit_code=1)["code"] == "ZK-FLOWS-202"
    assert "somebody called" in desk.type("payout", "status").output
    for name in ("treasury-1", "comptroller-1", "director-1", "auditor-1"):
        stands = desk.ask("payout", "resume", *desk.key(name))["stands"]
    assert stands is False
    assert desk.ask(*execute, "--all-parts")["state"] == "released"
    released = desk.ask("payout", "status", "march")
    assert (released["released"], released["total"]) == (2, "50000.00 PKR")
    assert desk.ask("payout", "status")["campaigns"][0]["held"] == "570000.00 PKR"


def test_a_refusal_and_another_way_to_pay(desk: Terminal) -> None:
    """An officer's no ends a payout; orders to a bank are for campaigns that pay by one."""
    batch = desk.file("april.csv", "payee,amount,reason\np-000003,20000 PKR,stipend\n")
    prepared = ("payout", "prepare", "april", batch, "--campaign", "stipend-2026", *SOURCE, *desk.key("treasury-1"))
    desk.ask(*prepared)
    said = desk.ask("payout", "approve", "april", *desk.key("comptroller-1"), "--reject", "the list is of last year")
    assert said["state"] == "refused"
    day = ("--on", "2026-12-31", "--out", str(desk.files / "orders"))
    assert desk.ask("payout", "order", "april", *desk.key("treasury-1"), *day, exit_code=2)["code"] == "ZK-FLOWS-209"
    assert desk.ask("payout", "status", "nothing", exit_code=2)["code"] == "ZK-FLOWS-191"


BANK = CAMPAIGN.replace("stipend-2026", "pay-2026").replace('"accounts"', '"bank"')
BANK += 'debtor_name = "Programme office"\ndebtor_account = "PK36SCBL0000001123456702"\ndebtor_bank = "SCBLPKKX"\n'
ANSWER = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>
<GrpHdr><MsgId>R-1</MsgId><CreDtTm>2026-01-30T10:00:00Z</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>may-1</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId><GrpSts>RJCT</GrpSts>
</OrgnlGrpInfAndSts></CstmrPmtStsRpt></Document>"""
STRAY = """<OrgnlPmtInfAndSts><OrgnlPmtInfId>may-1</OrgnlPmtInfId>
<TxInfAndSts><OrgnlEndToEndId>x-9</OrgnlEndToEndId><TxSts>ACSC</TxSts></TxInfAndSts></OrgnlPmtInfAndSts>"""


def test_a_bank_is_asked_by_its_bytes_and_answers_through_an_officer(desk: Terminal) -> None:
    """The order's SHA-256 is that of the file; the preparer brings no answer, another officer does."""
    desk.ask("payout", "campaign", desk.file("pay.toml", BANK), *desk.key("treasury-1"))
    for name in ("comptroller-1", "director-1", "auditor-1"):
        desk.ask("payout", "approve", "pay-2026", *desk.key(name))
    rows = "payee,amount,reason,name,account\np-000001,20000 PKR,stipend,Amina,PK70BANK0000123456789000\n"
    batch = ("payout", "prepare", "may", desk.file("may.csv", rows), "--campaign", "pay-2026")
    desk.ask(*batch, *SOURCE, *desk.key("treasury-1"))
    for name in ("comptroller-1", "director-1"):
        desk.ask("payout", "approve", "may", *desk.key(name))
    desk.ask("payout", "execute", "may", "--total", "20000 PKR", *SOURCE, *desk.key("auditor-1"))
    day = ("--on", (datetime.now(UTC).date() + timedelta(days=1)).isoformat(), "--out", str(desk.files / "orders"))
    assert desk.ask("payout", "order", "may", *desk.key("director-1"), *day, exit_code=1)["code"] == "ZK-FLOWS-197"
    told = desk.ask("payout", "order", "may", *desk.key("auditor-1"), *day)
    assert told["sha256"] == [hashlib.sha256(Path(told["orders"][0]).read_bytes()).hexdigest()]
    answer = ("payout", "answer", "may", desk.file("answer.xml", ANSWER))
    assert desk.ask(*answer, *desk.key("treasury-1"), exit_code=1)["code"] == "ZK-FLOWS-211"
    back = desk.ask(*answer, *desk.key("comptroller-1"))
    assert ([item["payee"] for item in back["rejected"]], back["not_as_ordered"]) == (["p-000001"], [])
    stray = ANSWER.replace("</CstmrPmtStsRpt>", STRAY + "</CstmrPmtStsRpt>")
    more = desk.type("payout", "answer", "may", desk.file("more.xml", stray), *desk.key("comptroller-1")).output
    assert "which stops the payout" in " ".join(more.split())
    assert "The bank answers 'x-9', which order may-1 does not name." in " ".join(more.split())
    assert "x-9" in desk.type("payout", "status").output
