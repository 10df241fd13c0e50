"""Somebody at a terminal in front of a drill's reserve with a real node and a real database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from conftest import PROJECT
from zakhira.cli.commands import zakhira
from zakhira.flows.ports.chain_pool import pool_address
from zakhira.wiring.reserve_desk import open_reserve
from zakhira.wiring.services import ProgramServices
from zakhira.wiring.settings import Settings

PAYEE = pool_address("a contractor")
TERMS = ("--purpose", "works", "--fee-limit", "0.0005 BTC", "--fee-rate-limit", "100")


@dataclass(frozen=True)
class Terminal:
    """Somebody at a terminal in front of a reserve."""

    settings: Settings
    folder: Path

    def ask(self, *words: str, exit_code: int = 0) -> Any:  # noqa: ANN401 - JSON
        """The facts of a command; the folder stands behind its name."""
        typed = (*words[:2], str(self.folder), *words[2:], "--json")
        result = CliRunner().invoke(zakhira, typed, obj=ProgramServices(self.settings))
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)

    def key(self, name: str) -> str:
        """A key file of the drill."""
        return str(self.folder / "keys" / f"{name}.key")

    def propose(self, name: str, *more: str) -> Any:  # noqa: ANN401 - JSON
        """A payment of 0.1 BTC, unless told otherwise."""
        words = more or ("--pay", f"{PAYEE}=0.1 BTC")
        proposer = self.key("officer-treasury-1")
        return self.ask("spend", "propose", name, "--from", "intake", *words, *TERMS, "--key", proposer)

    def approve(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """Both approvals."""
        self.ask("spend", "approve", name, "--key", self.key("officer-comptroller-1"))
        return self.ask("spend", "approve", name, "--key", self.key("officer-director-1"))


@contextmanager
def reserve_with_coins(folder: Path, programme: Path, coins: int) -> Iterator[Terminal]:
    """A reserve of a programme whose intake vault holds so many coins of 0.5 BTC."""
    made = Terminal(Settings(tools=PROJECT / ".tools"), folder)
    made.ask("reserve", "init", "--programme", str(programme), "--drill")
    with open_reserve(made.settings, made.folder):
        made.ask("keys", "register", str(made.folder / "keys" / "register.toml"))
        signers = [f"intake-{number}" for number in (1, 2, 3)]
        named = [word for signer in signers for word in ("--signer", signer)]
        made.ask("vault", "create", "intake", "--purpose", "intake", "--threshold", "2", *named, "--drill")
        made.ask("vault", "test-sign", "intake", *[word for s in signers for word in ("--key", made.key(s))])
        payments = []
        for number in range(coins):
            words = ("--payer", f"Pool {number}", "--purpose", "royalty")
            payments += ["--pay", made.ask("address", "reserve", "intake", *words)["address"], "0.5 BTC"]
        made.ask("reserve", "mine", "--blocks", "3", *payments)
        made.ask("reserve", "follow", "--once")
        yield made
