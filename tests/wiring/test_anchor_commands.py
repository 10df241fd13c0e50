"""Anchors at a terminal, on a drill's reserve with a real node and a real database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from conftest import PROJECT
from zakhira.cli.commands import zakhira
from zakhira.flows.ports.chain_pool import pool_address
from zakhira.flows.spending.spend import version_bytes
from zakhira.wiring import anchor_service
from zakhira.wiring.reserve_desk import open_reserve
from zakhira.wiring.services import ProgramServices
from zakhira.wiring.settings import Settings

PAYEE = pool_address("a contractor")
TERMS = ("--fee-limit", "0.0005 BTC", "--fee-rate-limit", "100")


@dataclass(frozen=True)
class Terminal:
    """Somebody at a terminal in front of a reserve."""

    settings: Settings
    folder: Path

    def type(self, *words: str, exit_code: int = 0) -> str:
        """What a command prints; the folder stands behind its name."""
        typed = (*words[:2], str(self.folder), *words[2:])
        result = CliRunner().invoke(zakhira, typed, obj=ProgramServices(self.settings), terminal_width=100)
        assert result.exit_code == exit_code, result.output
        return result.stdout

    def ask(self, *words: str, exit_code: int = 0) -> Any:  # noqa: ANN401 - JSON
        """The facts of a command."""
        return json.loads(self.type(*words, "--json", exit_code=exit_code))

    def key(self, name: str) -> str:
        """A key file of the drill."""
        return str(self.folder / "keys" / f"{name}.key")

    def confirm(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """A proposal approved, built, signed, sent and buried; the spend as it is then."""
        for officer in ("comptroller-1", "director-1"):
            self.ask("spend", "approve", name, "--key", self.key(f"officer-{officer}"))
        self.ask("spend", "build", name, "--fee-rate", "2")
        for number in (1, 2):
            self.ask("spend", "sign", name, "--key", self.key(f"intake-{number}"))
        shown = self.ask("spend", "show", name)
        assert shown["decoded"]["may_sign"]
        self.ask("spend", "broadcast", name)
        self.ask("reserve", "mine", "--blocks", "3")
        assert name in self.ask("spend", "status")["confirmed"]
        return shown


@pytest.fixture(scope="module")
def desk(reserves_folder: Path) -> Iterator[Terminal]:
    """A reserve whose intake vault holds two coins, 0.5 and 0.01 BTC."""
    made = Terminal(Settings(tools=PROJECT / ".tools"), reserves_folder / "anchors")
    made.ask("reserve", "init", "--programme", str(PROJECT / "programmes" / "small"), "--drill")
    with open_reserve(made.settings, made.folder):
        made.ask("keys", "register", str(made.folder / "keys" / "register.toml"))
        signers = [f"intake-{number}" for number in (1, 2, 3)]
        named = [word for signer in signers for word in ("--signer", signer)]
        made.ask("vault", "create", "intake", "--purpose", "intake", "--threshold", "2", *named, "--drill")
        made.ask("vault", "test-sign", "intake", *[word for s in signers for word in ("--key", made.key(s))])
        payments = []
        for amount in ("0.5 BTC", "0.01 BTC"):
            words = ("--payer", f"Pool of {amount}", "--purpose", "royalty")
            payments += ["--pay", made.ask("address", "reserve", "intake", *words)["address"], amount]
        made.ask("reserve", "mine", "--blocks", "3", *payments)
        made.ask("reserve", "follow", "--once")
        yield made


def test_a_head_goes_along_and_another_goes_alone(
    desk: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is anchored, then a payment takes a head along, then a spend of its own; bitcoind's blocks hold both."""
    assert desk.ask("audit", "anchors")["anchors"] == []
    proposer = ("--key", desk.key("officer-treasury-1"))
    payment = ("pay-1", "--from", "intake", "--pay", f"{PAYEE}=0.1 BTC", "--purpose", "works", *TERMS, *proposer)
    dry = desk.ask("spend", "propose", *payment, "--anchor", "--dry-run")
    assert dry["instruction"]["anchor"].startswith(b"ZKA1".hex())
    proposed = desk.ask("spend", "propose", *payment, "--anchor")
    assert desk.ask("spend", "propose", *payment, "--anchor")["instruction_hash"] == proposed["instruction_hash"]
    shown = desk.confirm("pay-1")
    (data,) = [item for item in shown["decoded"]["outputs"] if item["role"] == "data"]
    (first,) = desk.ask("audit", "anchors")["anchors"]
    assert (first["position"], first["head_hash"]) == (data["anchor"]["position"], data["anchor"]["head_hash"])
    assert first["fits"]

    alone = ("anchor-1", "--vault", "intake", *TERMS, *proposer, "--fee-rate", "2")
    asked = desk.ask("audit", "anchor", "--id", *alone, "--dry-run")
    assert (asked["dry_run"], desk.ask("spend", "list")["spends"]) == (True, [])
    printed = desk.type("audit", "anchor", "--id", *alone, "--dry-run")
    assert printed.startswith("Dry run, nothing was written or sent: Spend anchor-1 is proposed: it anchors")
    assert max(map(len, printed.splitlines())) <= 100
    proposed = desk.ask("audit", "anchor", "--id", *alone)
    assert (proposed["kind"], proposed["instruction"]["to_vault"]) == ("move", "intake")
    assert desk.ask("audit", "anchor", "--id", *alone)["instruction_hash"] == proposed["instruction_hash"]
    desk.confirm("anchor-1")
    said = desk.ask("audit", "anchors")
    assert [item["txid"] for item in said["anchors"]] == [shown["decoded"]["txid"], proposed_txid(desk, "anchor-1")]
    assert all(item["fits"] and item["confirmations"] >= 2 for item in said["anchors"])
    printed = desk.type("audit", "anchors")
    assert "2 anchors in blocks, and the audit chain has every one of them" in printed
    assert max(map(len, printed.splitlines())) <= 100

    written = tmp_path / "anchors.json"
    written.write_text(json.dumps(said), encoding="utf-8")
    chain = tmp_path / "chain.txt"
    desk.ask("audit", "export", str(chain))
    for evidence in (("--with-node",), ("--anchors", str(written))):
        verified = desk.ask("audit", "verify", *evidence)
        assert (verified["holds"], verified["anchors"]) == (True, 2)
    outside = ("audit", "verify", "--file", str(chain), "--json", "--anchors", str(written))
    assert CliRunner().invoke(zakhira, outside, obj=ProgramServices(desk.settings)).exit_code == 0
    forged = [{**item, "head_hash": "cd" * 32} for item in said["anchors"]]
    written.write_text(json.dumps({"anchors": forged}), encoding="utf-8")
    broken = desk.ask("audit", "verify", "--anchors", str(written), exit_code=1)
    assert [f"position {item['position']}" in told for item, told in zip(forged, broken["breaks"], strict=True)] == [
        True,
        True,
    ]
    assert CliRunner().invoke(zakhira, outside, obj=ProgramServices(desk.settings)).exit_code == 1

    def rewritten(books: object, positions: object) -> dict[int, str]:
        return {first["position"]: first["head_hash"]}

    monkeypatch.setattr(anchor_service, "hashes_at", rewritten)
    differs = desk.ask("audit", "anchors", exit_code=1)
    assert [item["fits"] for item in differs["anchors"]] == [True, False]
    assert "The audit chain differs from the anchor" in desk.type("audit", "anchors", exit_code=1)


def proposed_txid(desk: Terminal, name: str) -> str:
    """The transaction of a spend, whose final bytes carry one output with data."""
    txid = str(desk.ask("spend", "show", name)["confirmed_in"]["txid"])
    with open_reserve(desk.settings, desk.folder) as opened:
        assert version_bytes(opened.treasury.books, txid).raw_hex.count("6a2c" + b"ZKA1".hex()) == 1
    return txid


def test_the_picture_and_the_proposal_say_it_in_words(desk: Terminal, tmp_path: Path) -> None:
    """What officers and signers read: the position, the hash in whole, and that nothing moves."""
    proposer = ("--key", desk.key("officer-treasury-1"))
    words = ("pay-9", "--from", "intake", "--pay", f"{PAYEE}=0.05 BTC", "--purpose", "works", *TERMS, *proposer)
    printed = desk.type("spend", "propose", *words, "--anchor")
    anchor = desk.ask("spend", "show", "pay-9")["instruction"]["anchor"]
    head = anchor[8:72]
    assert f"anchors the audit chain at position {int(anchor[72:], 16):,}" in printed
    assert head in printed
    assert "moves nothing" in printed
    for officer in ("comptroller-1", "director-1"):
        desk.ask("spend", "approve", "pay-9", "--key", desk.key(f"officer-{officer}"))
    file, svg = tmp_path / "pay-9.json", tmp_path / "pay-9.svg"
    desk.ask("spend", "build", "pay-9", "--fee-rate", "2", "--out", str(file))
    printed = desk.type("spend", "show", "pay-9", "--picture", str(svg))
    assert "data, 0 sat:" in printed
    assert head in printed
    assert max(map(len, printed.splitlines())) <= 100
    assert "Data: anchors the audit chain" in svg.read_text(encoding="utf-8")
    desk.ask("signer", "card", "--out", str(tmp_path / "card.toml"))
    seen = CliRunner().invoke(
        zakhira,
        ("signer", "show", str(file), "--card", str(tmp_path / "card.toml")),
        obj=ProgramServices(replace(desk.settings)),
        terminal_width=100,
    )
    assert seen.exit_code == 0, seen.output
    assert head in seen.stdout
    assert "exactly what the officers signed, and no other data" in " ".join(seen.stdout.split())
