"""``zakhira spend`` at a terminal, on a drill's reserve with a real node and a real database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from conftest import PROJECT
from terminal_drill import PAYEE, TERMS, Terminal, reserve_with_coins
from zakhira.cli.commands import zakhira
from zakhira.wiring.services import ProgramServices


@pytest.fixture(scope="module")
def desk(reserves_folder: Path) -> Iterator[Terminal]:
    """A reserve whose intake vault holds three coins of 0.5 BTC."""
    with reserve_with_coins(reserves_folder / "spends", PROJECT / "programmes" / "small", 3) as made:
        yield made


def test_a_payment_with_a_signer_elsewhere_and_a_bump(desk: Terminal, tmp_path: Path) -> None:
    """Proposed dry and in earnest, approved, handed out, signed on another machine, combined, bumped and confirmed."""
    words = ("propose", "pay-1", "--from", "intake", "--pay", f"{PAYEE}=0.1 BTC", *TERMS)
    dry = desk.ask("spend", *words, "--key", desk.key("officer-treasury-1"), "--dry-run")
    assert dry["dry_run"]
    assert desk.ask("spend", "list")["spends"] == []
    assert desk.propose("pay-1")["state"] == "proposed"
    assert desk.propose("pay-1")["instruction_hash"] == desk.ask("spend", "show", "pay-1")["instruction_hash"]
    assert desk.approve("pay-1")["state"] == "decided"
    file, psbt, codes = tmp_path / "pay-1.json", tmp_path / "pay-1.psbt", tmp_path / "codes"
    built = desk.ask("spend", "build", "pay-1", "--fee-rate", "2", "--dry-run", "--out", str(file))
    assert built["state"] == "handed out"
    assert not file.exists()
    assert desk.ask("spend", "show", "pay-1")["state"] == "decided"
    handing = ("--out", str(file), "--psbt", str(psbt), "--qr", str(codes))
    built = desk.ask("spend", "build", "pay-1", "--fee-rate", "2", *handing)
    assert built["state"] == "handed out"
    assert file.exists()
    assert psbt.exists()
    assert any(codes.iterdir())
    desk.ask("signer", "card", "--out", str(tmp_path / "card.toml"))
    signed = tmp_path / "s2.psbt"
    elsewhere = ("signer", "sign", str(file), "--card", str(tmp_path / "card.toml"), "--key", desk.key("intake-2"))
    result = CliRunner().invoke(
        zakhira, (*elsewhere, "--out", str(signed), "--yes", "--json"), obj=ProgramServices(desk.settings)
    )
    assert result.exit_code == 0, result.output
    assert desk.ask("spend", "combine", "pay-1", str(signed))["versions"][0]["signers"] == ["intake-2"]
    assert desk.ask("spend", "sign", "pay-1", "--key", desk.key("intake-3"))["state"] == "signed"
    shown = desk.ask("spend", "show", "pay-1", "--picture", str(tmp_path / "pay-1.svg"))
    assert shown["decoded"]["may_sign"]
    assert (tmp_path / "pay-1.svg").read_text(encoding="utf-8").startswith("<")
    assert desk.ask("spend", "broadcast", "pay-1", "--dry-run")["state"] == "broadcast"
    assert desk.ask("spend", "show", "pay-1")["state"] == "signed"
    assert desk.ask("spend", "broadcast", "pay-1")["state"] == "broadcast"
    assert len(desk.ask("spend", "bump", "pay-1", "--fee-rate", "20")["versions"]) == 2
    for number in (1, 2):
        desk.ask("spend", "sign", "pay-1", "--key", desk.key(f"intake-{number}"))
    desk.ask("spend", "broadcast", "pay-1")
    desk.ask("reserve", "mine", "--blocks", "3")
    assert desk.ask("spend", "status")["confirmed"] == ["pay-1"]
    done = desk.ask("spend", "show", "pay-1")
    assert done["confirmed_in"]["txid"] == done["versions"][1]["txid"]


def test_cancelled_by_a_word_and_by_a_block(desk: Terminal) -> None:
    """Before it is handed out a word cancels it; afterwards the word is refused and a spend home does it."""
    desk.propose("pay-2")
    assert desk.ask("spend", "cancel", "pay-2")["state"] == "cancelled"
    desk.propose("pay-3")
    desk.approve("pay-3")
    desk.ask("spend", "build", "pay-3", "--fee-rate", "2")
    desk.ask("spend", "sign", "pay-3", "--key", desk.key("intake-1"))
    refused = desk.ask("spend", "cancel", "pay-3", exit_code=1)
    assert refused["error"]["code"] == "ZK-FLOWS-054"
    home = (
        "--home",
        "home-3",
        "--fee-rate",
        "20",
        "--fee-limit",
        "0.0005 BTC",
        "--key",
        desk.key("officer-treasury-1"),
    )
    assert desk.ask("spend", "cancel", "pay-3", *home)["kind"] == "home"
    desk.approve("home-3")
    desk.ask("spend", "build", "home-3")
    for number in (2, 3):
        desk.ask("spend", "sign", "home-3", "--key", desk.key(f"intake-{number}"))
    desk.ask("spend", "broadcast", "home-3")
    desk.ask("reserve", "mine", "--blocks", "3")
    desk.ask("spend", "status")
    states = {line["id"]: line["state"] for line in desk.ask("spend", "list", "--all")["spends"]}
    assert (states["pay-3"], states["home-3"]) == ("cancelled", "confirmed")


def test_a_table_of_payments_and_a_no(desk: Terminal, tmp_path: Path) -> None:
    """Payments come from a table whose faults are all told with their lines; an officer's no ends the spend."""
    table = tmp_path / "payments.csv"
    table.write_text(f"address,amount\n{PAYEE},5\n{PAYEE},1 PKRS\n,\n", encoding="utf-8")
    told = desk.ask(
        "spend", "propose", "pay-4", "--from", "intake", "--payments", str(table), *TERMS, "--key",
        desk.key("officer-treasury-1"), exit_code=2,
    )  # fmt: skip
    assert [fault["line"] for fault in told["error"]["faults"]] == [2, 3, 4]
    table.write_text(f"address,amount\n{PAYEE},5000 sat\n{PAYEE},0.001 BTC\n", encoding="utf-8")
    assert desk.propose("pay-4", "--payments", str(table))["paid_sats"] == 105_000
    said = desk.ask("spend", "reject", "pay-4", "--reason", "no invoice", "--key", desk.key("officer-auditor-1"))
    assert said["state"] == "refused"
    moved = desk.ask(
        "spend", "move", "move-1", "--from", "intake", "--to", "intake", "--step", "0.6 BTC", "--fee-rate", "2",
        "--key", desk.key("officer-treasury-1"), "--dry-run",
    )  # fmt: skip
    assert len(moved["spends"]) > 1
    assert {spend["kind"] for spend in moved["spends"]} == {"move"}
