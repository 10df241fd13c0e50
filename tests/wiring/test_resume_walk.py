"""Claims above coins, at a terminal: told by every command that looks, and let in again by two officers alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from backing_bench import credit
from conftest import PROJECT
from zakhira.cli.commands import zakhira
from zakhira.flows.ports.chain_pool import pool_address
from zakhira.kernel.money import Amount, Commodity
from zakhira.ledger.faults import ClaimsAboveBacking
from zakhira.programme.model import AccountSpec
from zakhira.wiring.reserve_desk import Desk, open_reserve
from zakhira.wiring.services import ProgramServices
from zakhira.wiring.settings import Settings

SIGNERS = ("intake-1", "intake-2", "intake-3")
FOUR = ("treasury-1", "comptroller-1", "director-1", "auditor-1")
WHY = ("--because", "blocks were orphaned, minute 14")


@dataclass(frozen=True)
class Terminal:
    """Somebody at a terminal in front of a reserve, whose node and database stay up meanwhile."""

    settings: Settings
    folder: Path
    desk: Desk

    def ask(self, *words: str, exit_code: int = 0) -> Any:  # noqa: ANN401 - JSON
        """The facts of a command; the folder stands behind its name."""
        typed = (*words[:2], str(self.folder), *words[2:], "--json")
        result = CliRunner().invoke(zakhira, typed, obj=ProgramServices(self.settings))
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)

    def resume(self, *names: str, more: tuple[str, ...] = (), exit_code: int = 0) -> Any:  # noqa: ANN401 - JSON
        """These officers let credits in again."""
        keys = [word for name in names for word in ("--key", str(self.folder / "keys" / f"officer-{name}.key"))]
        return self.ask("reserve", "resume", *WHY, *keys, *more, exit_code=exit_code)

    def credit(self, amount_sats: int) -> None:
        """So much more is owed to somebody."""
        books = self.desk.archive.books
        books.open_accounts(
            (AccountSpec("liabilities:one", "BTC", "liability"), AccountSpec("expenses:gifts", "BTC", "expense"))
        )
        books.commit(credit(amount_sats, "liabilities:one", "expenses:gifts"))

    def orphan(self, depth: int) -> None:
        """The node leaves its last blocks for empty ones, and one more."""
        rpc = self.desk.node.rpc
        height = int(rpc.call("getblockcount", []))
        rpc.call("invalidateblock", [rpc.call("getblockhash", [height - depth + 1])])
        for number in range(depth + 1):
            rpc.call("generateblock", [pool_address(f"miner {number}"), []])


@pytest.fixture(scope="module")
def terminal(reserves_folder: Path) -> Iterator[Terminal]:
    """A reserve whose intake vault holds 0.5 BTC, three blocks deep, upon which 0.4 are owed."""
    settings, folder = Settings(tools=PROJECT / ".tools"), reserves_folder / "resume"
    words = ("--programme", str(PROJECT / "programmes" / "small"), "--drill")
    CliRunner().invoke(zakhira, ("reserve", "init", str(folder), *words), obj=ProgramServices(settings))
    with open_reserve(settings, folder) as desk:
        made = Terminal(settings, folder, desk)
        made.ask("keys", "register", str(folder / "keys" / "register.toml"))
        named = [word for signer in SIGNERS for word in ("--signer", signer)]
        made.ask("vault", "create", "intake", "--purpose", "intake", "--threshold", "2", *named, "--drill")
        signing = [word for name in SIGNERS for word in ("--key", str(folder / "keys" / f"{name}.key"))]
        made.ask("vault", "test-sign", "intake", *signing)
        place = made.ask("address", "reserve", "intake", "--payer", "Pool A", "--purpose", "royalty")
        made.ask("reserve", "follow", "--once")
        made.ask("reserve", "mine", "--blocks", "3", "--pay", place["address"], "0.5 BTC")
        followed = made.ask("reserve", "follow", "--once")
        assert (followed["backing"]["proven_sats"], followed["backing"]["available_sats"]) == (50_000_000, 50_000_000)
        made.credit(40_000_000)
        yield made


def test_a_deficit_is_told_and_let_in_again_by_two(terminal: Terminal) -> None:
    """Orphaned blocks take the coin: follow, status and health say so; when it is back two officers are asked."""
    terminal.resume("treasury-1", "comptroller-1", exit_code=1)
    terminal.orphan(3)
    told = terminal.ask("reserve", "follow", "--once")["backing"]
    assert (told["deficit_sats"], told["is_halted"], told["deficits"][0]["by_sats"]) == (40_000_000, True, 40_000_000)
    health = terminal.ask("reserve", "health", exit_code=1)
    assert "ARE MISSING" in json.dumps(health)
    still = terminal.resume("treasury-1", "comptroller-1", exit_code=1)
    assert still["error"]["code"] == "ZK-FLOWS-261"
    terminal.ask("reserve", "mine", "--blocks", "3")
    status = terminal.ask("reserve", "status")["backing"]
    assert status["is_halted"], "nobody followed yet"
    terminal.ask("reserve", "follow", "--once")
    alone = terminal.resume("treasury-1", exit_code=1)
    assert alone["error"]["code"] == "ZK-FLOWS-262"
    dry = terminal.resume("treasury-1", "comptroller-1", more=("--dry-run",))
    assert (dry["dry_run"], dry["backing"]["is_halted"]) == (True, True)
    done = terminal.resume("treasury-1", "comptroller-1")
    assert (done["officers"], done["backing"]["is_halted"]) == (["treasury-1", "comptroller-1"], False)
    terminal.credit(1)
    assert terminal.desk.archive.books.breaks() == ()


def test_coins_are_pledged_and_let_go(terminal: Terminal) -> None:
    """What is pledged backs no credit until four officers release it; more than is free is refused."""
    keys = [word for name in FOUR for word in ("--key", str(terminal.folder / "keys" / f"officer-{name}.key"))]
    free = terminal.ask("ledger", "backing")
    rest = free["available"] - free["demand"]
    pledge = ("ledger", "encumber", "loan-1", "--reason", "deed 4", *keys)
    much = terminal.ask(*pledge, "--amount", f"{rest + 1} sat", exit_code=1)
    assert much["error"]["code"] == "ZK-FLOWS-246"
    for words, code in (
        (("--amount", f"{rest}"), "ZK-KERNEL-011"),
        (("--amount", "1 PKR"), "ZK-FLOWS-244"),
        (("--amount", "0 sat"), "ZK-FLOWS-244"),
    ):
        assert terminal.ask(*pledge, *words, exit_code=2)["error"]["code"] == code
    assert terminal.ask(*pledge, "--amount", f"{rest} sat", "--dry-run")["state"] == "done"
    assert terminal.ask("ledger", "backing")["encumbrances"] == []
    alone = terminal.ask(*pledge[:5], *keys[:2], "--amount", f"{rest} sat", exit_code=1)
    assert alone["state"] == "waiting"
    assert terminal.ask(*pledge, "--amount", f"{rest} sat")["state"] == "done"
    told = terminal.ask("ledger", "backing")
    assert (told["encumbered"], told["available"]) == (rest, free["demand"])
    assert [(one["name"], one["amount"]["units"]) for one in told["encumbrances"]] == [("loan-1", str(rest))]
    with pytest.raises(ClaimsAboveBacking):
        terminal.credit(1)
    release = ("ledger", "release", "loan-1", "--reason", "paid back, letter 31", *keys)
    assert terminal.ask(*release, "--dry-run")["state"] == "done"
    waits = terminal.ask(*release[:5], *keys[:2], exit_code=1)["act"]
    shown = terminal.ask("ledger", "approve", waits[:8], *keys[2:], "--dry-run")
    assert (shown["state"], shown["title"]) == ("done", f"release {Amount(rest, Commodity.BTC)} of loan-1")
    assert terminal.ask("ledger", "approve", waits, *keys[2:])["state"] == "done"
    assert terminal.ask(*release, exit_code=2)["error"]["code"] == "ZK-FLOWS-247"
    assert terminal.ask("ledger", "backing")["encumbered"] == 0
    terminal.credit(1)
    assert terminal.desk.archive.books.breaks() == ()
