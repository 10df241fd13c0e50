"""A coin that nobody announced, at a terminal: it cannot leave, two officers settle it, it leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from conftest import PROJECT
from zakhira.cli.commands import zakhira
from zakhira.custody.descriptor import derive_address
from zakhira.custody.spend_refusals import NotEnoughCoins
from zakhira.flows.ports.chain_pool import pool_address
from zakhira.flows.vaults import vault_record
from zakhira.wiring.reserve_desk import open_reserve
from zakhira.wiring.services import ProgramServices
from zakhira.wiring.settings import Settings

SIGNERS = ("intake-1", "intake-2", "intake-3")
WORDS = ("--payer", "Pool A", "--purpose", "royalty", "--reason", "paid to a wrong address, letter 12")
PAYMENT = ("--pay", f"{pool_address('a contractor')}=0.1 BTC", "--purpose", "works", "--fee-rate", "2")


@dataclass(frozen=True)
class Terminal:
    """Somebody at a terminal in front of a reserve."""

    settings: Settings
    folder: Path

    def ask(self, *words: str, exit_code: int = 0) -> Any:  # noqa: ANN401 - JSON
        """The facts of a command; the folder stands behind its name."""
        result = self.type(*words, "--json")
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)

    def type(self, *words: str) -> Any:  # noqa: ANN401 - what click tells
        """Run a command as the program's entry point does."""
        typed = (*words[:2], str(self.folder), *words[2:])
        return CliRunner().invoke(zakhira, typed, obj=ProgramServices(self.settings))

    def keys(self, *names: str) -> tuple[str, ...]:
        """Key files of the drill."""
        return tuple(word for name in names for word in ("--key", str(self.folder / "keys" / f"{name}.key")))

    def settle(self, outpoint: str, *officers: str, more: tuple[str, ...] = (), exit_code: int = 0) -> Any:  # noqa: ANN401
        """These officers settle the coin."""
        named = self.keys(*(f"officer-{name}" for name in officers))
        return self.ask("reserve", "settle", outpoint, *WORDS, *named, *more, exit_code=exit_code)

    def decide(self, name: str) -> None:
        """A payment from intake, proposed and approved."""
        self.ask("spend", "propose", name, "--from", "intake", *PAYMENT, *self.keys("officer-treasury-1"))
        for officer in ("comptroller-1", "director-1"):
            self.ask("spend", "approve", name, *self.keys(f"officer-{officer}"))


@pytest.fixture(scope="module")
def desk(reserves_folder: Path) -> Iterator[Terminal]:
    """A reserve whose intake vault was paid 0.5 BTC at a place that nobody reserved."""
    made = Terminal(Settings(tools=PROJECT / ".tools"), reserves_folder / "suspense")
    made.ask("reserve", "init", "--programme", str(PROJECT / "programmes" / "small"), "--drill")
    with open_reserve(made.settings, made.folder) as opened:
        made.ask("keys", "register", str(made.folder / "keys" / "register.toml"))
        named = [word for signer in SIGNERS for word in ("--signer", signer)]
        made.ask("vault", "create", "intake", "--purpose", "intake", "--threshold", "2", *named, "--drill")
        made.ask("vault", "test-sign", "intake", *made.keys(*SIGNERS))
        made.ask("address", "reserve", "intake", "--payer", "Pool A", "--purpose", "royalty")
        stray = derive_address(vault_record(opened.treasury.books, "intake").vault, 0, 3, "regtest").address
        made.ask("reserve", "follow", "--once")
        made.ask("reserve", "mine", "--blocks", "3", "--pay", stray, "0.5 BTC")
        assert made.ask("reserve", "follow", "--once")["judged"] == {"announced": 0, "suspense": 1}
        yield made


def test_a_coin_in_suspense_is_settled_and_leaves(desk: Terminal) -> None:
    """Listed; no spend can take it; one officer is not enough; dry; settled by two, twice; then the spend goes out."""
    (coin,) = desk.ask("reserve", "suspense")["coins"]
    assert (coin["amount_sats"], coin["vault"], coin["confirmations"]) == (50_000_000, "intake", 3)
    listed = desk.type("reserve", "suspense").stdout
    assert "1 coin of 0.500 000 00 BTC" in listed
    assert coin["outpoint"] in listed, "it is copied from here"
    outpoint = coin["outpoint"]
    desk.decide("pay-1")
    refused = desk.ask("spend", "build", "pay-1", "--fee-rate", "2", exit_code=1)
    assert refused["error"]["code"] == NotEnoughCoins.code
    assert desk.settle(outpoint, "treasury-1", exit_code=1)["error"]["code"] == "ZK-FLOWS-095"
    two = ("treasury-1", "comptroller-1")
    assert desk.settle(outpoint, *two, more=("--dry-run",))["dry_run"]
    assert len(desk.ask("reserve", "suspense")["coins"]) == 1
    settled = [desk.settle(outpoint, *two) for _ in range(2)]
    assert settled[0] == settled[1]
    assert settled[0]["flags"] == ["settled"]
    assert desk.ask("reserve", "suspense")["coins"] == []
    assert "No coin is in suspense" in desk.type("reserve", "suspense").stdout
    assert desk.ask("reserve", "status")["suspense_sats"] == 0
    desk.ask("spend", "build", "pay-1", "--fee-rate", "2")
    for name in SIGNERS[:2]:
        desk.ask("spend", "sign", "pay-1", *desk.keys(name))
    desk.ask("spend", "broadcast", "pay-1")
    desk.ask("reserve", "mine", "--blocks", "3")
    assert desk.ask("spend", "status")["confirmed"] == ["pay-1"]
    assert desk.settle(outpoint, *two) == settled[0], "said again when it has left"


def test_a_coin_that_nobody_knows(desk: Terminal) -> None:
    """No statement is drawn up about it."""
    unknown = desk.settle("ab" * 32 + ":0", "treasury-1", "comptroller-1", exit_code=1)
    assert unknown["error"]["code"] == "ZK-FLOWS-097"
