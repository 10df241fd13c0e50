"""What is done when a key or a site is lost, an advisory comes, or the heirs must act: carried out on a real node."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from conftest import PROJECT
from zakhira.cli.commands import zakhira
from zakhira.wiring.reserve_desk import open_reserve
from zakhira.wiring.services import ProgramServices
from zakhira.wiring.settings import Settings

SMALL = PROJECT / "programmes" / "small"
SETTLED_BLOCKS = 6
RECOVERY_AFTER = 30


@dataclass(frozen=True)
class Desk:
    """A terminal in front of a reserve."""

    settings: Settings
    folder: Path

    def ask(self, group: str, command: str, *words: str, exit_code: int = 0) -> Any:  # noqa: ANN401 - JSON
        """The facts of a command on the reserve."""
        typed = (group, command, str(self.folder), *words, "--json")
        result = CliRunner().invoke(zakhira, typed, obj=ProgramServices(self.settings))
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)

    def key(self, name: str) -> str:
        """A key file of the drill."""
        return str(self.folder / "keys" / f"{name}.key")

    def make_vault(self, vault: str, threshold: int, signers: Sequence[str], *more: str) -> None:
        """A drill's vault for intake whose keys have all test-signed."""
        named = [word for signer in signers for word in ("--signer", signer)]
        self.ask(
            "vault", "create", vault, "--purpose", "intake", "--threshold", str(threshold), *named, "--drill", *more
        )
        keys = [word for signer in signers for word in ("--key", self.key(signer))]
        self.ask("vault", "test-sign", vault, *keys)

    def accept(self, vault: str, *more: str) -> None:
        """Officers decide that the vault is ours."""
        reason = ("--reason", "minutes 7", "--key", self.key("officer-treasury-1"))
        motion = self.ask("vault", "accept", vault, *reason, *more)["motion"]
        for officer in ("officer-comptroller-1", "officer-director-1", "officer-auditor-1"):
            state = self.ask("policy", "approve", motion, "--key", self.key(officer))["state"]
        assert state == "in force"

    def pay(self, vault: str, *amounts: str) -> None:
        """The drill's pool pays the vault, each amount at an address of its own, deep enough to count."""
        payments = []
        for number, amount in enumerate(amounts):
            words = ("--payer", f"Pool {number}", "--purpose", "royalty")
            payments += ["--pay", self.ask("address", "reserve", vault, *words)["address"], amount]
        self.ask("reserve", "mine", "--blocks", str(SETTLED_BLOCKS), *payments)
        self.ask("reserve", "follow", "--once")

    def carry_through(self, spend: str, signers: Sequence[str], to_be_missed: Sequence[str] = ()) -> None:
        """Officers approve, these signers sign, the node takes it, and it is buried. Too few signers do not do."""
        for officer in ("officer-comptroller-1", "officer-director-1"):
            self.ask("spend", "approve", spend, "--key", self.key(officer))
        self.ask("spend", "build", spend, "--fee-rate", "2", "--out", str(self.folder / f"{spend}.json"))
        for signer in signers:
            assert signer not in to_be_missed
            self.ask("spend", "sign", spend, "--key", self.key(signer))
        self.ask("spend", "broadcast", spend)
        self.ask("reserve", "mine", "--blocks", str(SETTLED_BLOCKS))
        assert spend in self.ask("reserve", "follow", "--once")["spends"]["confirmed"]

    def held(self) -> dict[str, int]:
        """What each vault holds, settled."""
        return {item["vault"]: item["settled_sats"] for item in self.ask("reserve", "status")["vaults"]}


@pytest.fixture
def desk(reserves_folder: Path, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """A drill's reserve with its register, kept up."""
    settings = Settings(tools=PROJECT / ".tools")
    made = Desk(settings, reserves_folder / request.node.name)
    made.ask("reserve", "init", "--programme", str(SMALL), "--drill")
    with open_reserve(settings, made.folder):
        made.ask("keys", "register", str(made.folder / "keys" / "register.toml"))
        yield made


def intake(*numbers: int, kind: str = "") -> list[str]:
    """Signers of intake, or of its successor."""
    return [f"intake-{kind}{number}" for number in numbers]


def test_a_lost_key_is_rotated_out_by_the_others(desk: Desk) -> None:
    """Signer 2 is lost: the two others move everything to a successor in bounded steps; no address is given since."""
    desk.make_vault("main-1", 2, intake(1, 2, 3))
    desk.accept("main-1")
    desk.pay("main-1", "0.5 BTC", "0.25 BTC")
    desk.make_vault("main-2", 2, intake(1, 2, 3, kind="next-"))
    desk.accept("main-2", "--succeeds", "main-1")
    words = (
        "main-1",
        "--to",
        "main-2",
        "--step",
        "0.5 BTC",
        "--fee-rate",
        "2",
        "--key",
        desk.key("officer-treasury-1"),
    )
    shown = desk.ask("vault", "rotate", *words, "--dry-run")
    rotated = desk.ask("vault", "rotate", *words)
    assert rotated["steps"] == shown["steps"]
    assert desk.ask("vault", "rotate", *words)["proposed"] == rotated["proposed"], "the same command is safe to repeat"
    assert len(rotated["proposed"]) == 2
    for spend in rotated["proposed"]:
        desk.carry_through(spend, intake(1, 3), to_be_missed=intake(2))
    held = desk.held()
    assert held["main-1"] == 0
    assert 74_990_000 < held["main-2"] < 75_000_000
    refused = desk.ask("address", "reserve", "main-1", "--payer", "P", "--purpose", "p", exit_code=1)
    assert refused["error"]["code"] == "ZK-CUSTODY-101"
    late = desk.ask("address", "list", "--vault", "main-1")["addresses"][0]["address"]
    desk.ask("reserve", "mine", "--blocks", str(SETTLED_BLOCKS), "--pay", late, "0.1 BTC")
    desk.ask("reserve", "follow", "--once")
    swept = desk.ask("vault", "rotate", *words, "--id", "late-1")
    desk.carry_through(swept["proposed"][0], intake(1, 3))
    assert desk.held()["main-1"] == 0, "a late payment to a retired vault is swept too"


def test_the_heirs_act_when_the_recovery_path_has_matured(desk: Desk) -> None:
    """A site with two of three keys is gone. Coins near maturity are listed; before it the heirs cannot, after it can.

    A refresh makes the age of what is left start anew.
    """
    heirs = [word for n in (1, 2, 3) for word in ("--recovery-signer", f"heir-{n}")]
    recovery = ("--recovery-threshold", "2", "--recovery-after", str(RECOVERY_AFTER), *heirs)
    desk.make_vault("main-1", 2, intake(1, 2, 3), "--template", "decaying", *recovery)
    heir_keys = [word for n in (1, 2, 3) for word in ("--key", desk.key(f"heir-{n}"))]
    assert desk.ask("vault", "test-sign", "main-1", *heir_keys, "--path", "recovery")["untested"] == []
    desk.make_vault("main-2", 2, intake(1, 2, 3, kind="next-"))
    desk.accept("main-1")
    desk.accept("main-2")
    desk.pay("main-1", "0.5 BTC")
    status = desk.ask("reserve", "status")
    assert [item["blocks_left"] for item in status["ageing_coins"]] == [RECOVERY_AFTER - SETTLED_BLOCKS]
    (refresh,) = status["refreshes"]
    assert (refresh["vault"], refresh["to_vault"], refresh["total_sats"]) == ("main-1", "main-1", 50_000_000)
    look = ("reserve", "status", str(desk.folder))
    said = CliRunner().invoke(zakhira, look, obj=ProgramServices(desk.settings)).stdout
    assert f"--older-than {refresh['older_than_height']} --key" in said
    assert f"{refresh['opens_at_height']:,}" in said
    assert max(map(len, said.splitlines())) <= 100
    desk.ask("reserve", "mine", "--blocks", str(RECOVERY_AFTER))
    desk.ask("reserve", "follow", "--once")
    assert desk.ask("reserve", "status")["ageing_coins"][0]["is_open"]
    words = ("--from", "main-1", "--to", "main-2", "--path", "recovery", "--purpose", "recovery after a lost site")
    key = ("--key", desk.key("officer-treasury-1"), "--fee-rate", "2")
    (moved,) = desk.ask("spend", "move", "heirs-1", *words, *key)["spends"]
    desk.ask("spend", "approve", moved["id"], "--key", desk.key("officer-auditor-1"))
    desk.carry_through(moved["id"], ["heir-1", "heir-3"])
    held = desk.held()
    assert held["main-1"] == 0
    assert held["main-2"] > 49_990_000
