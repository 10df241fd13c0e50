"""``zakhira reconcile`` on PostgreSQL and a regtest node: chain, bank and cases at a terminal, through their life."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bank_drill import IBAN, Booked, Sheet, camt053
from conftest import PROJECT
from example_programme import build_programme
from zakhira.cli.commands import zakhira
from zakhira.flows.coin_papers import vault_account
from zakhira.flows.ports.books import Books, Write
from zakhira.kernel.money import Amount, Commodity, sats
from zakhira.ledger.entry import Entry, Lot, Posting
from zakhira.programme.model import AccountSpec
from zakhira.wiring.reconcile_halts import ReconciledHalts
from zakhira.wiring.reserve_desk import open_archive, open_reserve
from zakhira.wiring.services import ProgramServices
from zakhira.wiring.settings import Settings

SIGNERS = ("intake-1", "intake-2", "intake-3")
BANK = f"""
[[account]]
code = "assets:bank:office"
commodity = "PKR"
kind = "asset"

[[account]]
code = "expenses:charges"
commodity = "PKR"
kind = "expense"

[[bank_account]]
id = "office"
holder = "Programme office"
number = "{IBAN}"
bank = "SCBLPKKX"
account = "assets:bank:office"
"""
OPENED, CLOSED = date(2026, 5, 1), date(2026, 5, 31)
AT = datetime(2026, 5, 20, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Terminal:
    """Somebody at a terminal in front of a reserve."""

    settings: Settings
    folder: Path

    def type(self, *words: str) -> Any:  # noqa: ANN401 - what click tells
        """Run a command as the program's entry point does."""
        return CliRunner().invoke(zakhira, words, obj=ProgramServices(self.settings))

    def ask(self, *words: str, exit_code: int = 0) -> Any:  # noqa: ANN401 - JSON
        """The facts of a command."""
        result = self.type(*words, "--json")
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)

    def reconcile(self, *words: str, exit_code: int = 0) -> Any:  # noqa: ANN401 - JSON
        """The facts of ``zakhira reconcile DIR``."""
        return self.ask("reconcile", str(self.folder), *words, exit_code=exit_code)

    def key(self, officer: str) -> tuple[str, str]:
        """An officer's key file."""
        return ("--key", str(self.folder / "keys" / f"officer-{officer}.key"))

    @contextmanager
    def books(self) -> Iterator[Books]:
        """The books, as the application has them."""
        with open_archive(self.settings, self.folder) as archive:
            yield archive.books


@pytest.fixture(scope="module")
def desk(reserves_folder: Path) -> Iterator[Terminal]:
    """A reserve with a bank account, an intake vault, and a coin of 0.5 BTC that was announced and credited."""
    programme = reserves_folder / "programme"
    shutil.copytree(PROJECT / "programmes" / "small", programme)
    file = programme / "programme.toml"
    file.write_text(file.read_text() + BANK)
    made = Terminal(Settings(tools=PROJECT / ".tools"), reserves_folder / "reconcile")
    here = str(made.folder)
    made.ask("reserve", "init", here, "--programme", str(programme), "--drill")
    with open_reserve(made.settings, made.folder):
        made.ask("keys", "register", here, str(made.folder / "keys" / "register.toml"))
        named = [word for signer in SIGNERS for word in ("--signer", signer)]
        made.ask("vault", "create", here, "intake", "--purpose", "intake", "--threshold", "2", *named, "--drill")
        keys = [word for signer in SIGNERS for word in ("--key", str(made.folder / "keys" / f"{signer}.key"))]
        made.ask("vault", "test-sign", here, "intake", *keys)
        address = made.ask("address", "reserve", here, "intake", "--payer", "Pool A", "--purpose", "royalty")["address"]
        made.ask("reserve", "mine", here, "--blocks", "1", "--pay", address, "0.5 BTC")
        yield made


def flat(text: str) -> str:
    """What was printed, without the breaks of its lines."""
    return " ".join(text.split())


def book(books: Books, units: int, evidence: str, other: str = "expenses:charges", at: datetime = AT) -> None:
    """An entry on the cash account."""
    money = Amount(units, Commodity.PKR)
    postings = (Posting("assets:bank:office", money), Posting(other, -money))
    entry = Entry(f"entry {evidence}", at, f"Entry {evidence}", evidence, postings)
    books.commit(Write(f"write {evidence}", "clerk", "book", AT, entries=(entry,)))


def test_the_chain_through_a_cases_life(desk: Terminal) -> None:
    """Explained while it waits, agreed when judged; a forged lot opens a case at the next block, and halts payouts."""
    here = str(desk.folder)
    waiting = desk.reconcile("--chain")
    (difference,) = waiting["parts"][0]["differences"]
    assert difference["explanation"].startswith("not deep enough yet: 1 of ")
    assert (waiting["cases"], waiting["halts"]) == ([], [])
    desk.ask("reserve", "mine", here, "--blocks", "6")
    agreed = desk.type("reconcile", here, "--chain")
    assert agreed.exit_code == 0, agreed.output
    assert "Books and world agree: 1 coin compared." in agreed.stdout
    with desk.books() as books:
        (real,) = books.lots(vault_account("intake"))
        books.open_accounts((AccountSpec("equity:forged", "BTC", "equity"),))
        lot = Lot("ab" * 32 + ":0", "forged")
        account = vault_account("intake")
        postings = (Posting(account, sats(5_000_000), lot), Posting("equity:forged", sats(-5_000_000), lot))
        forged = Entry("forged", AT, "Forged", "nothing", postings)
        books.commit(Write("forge", "mallory", "forge", AT, entries=(forged,)))
        assert real.amount == sats(50_000_000)
        assert ReconciledHalts(build_programme(), AT)(books) == ()
    desk.ask("reserve", "mine", here, "--blocks", "1")
    followed = desk.ask("reserve", "follow", here, "--once")
    (case,) = followed["cases"]["opened"]
    assert (case["part"], case["difference"], case["owner"]) == ("chain", "-0.05000000 BTC", "treasury-officer")
    assert desk.ask("reserve", "follow", here, "--once")["cases"]["opened"] == [], "never twice"
    told = desk.type("reconcile", here, "--chain")
    assert told.exit_code == 1
    assert f"PAYOUTS HALT because of {case['id']}" in flat(told.stdout)
    assert "The ledger has a coin that is not on the followed chain." in flat(told.stdout)
    assert max(map(len, told.stdout.splitlines())) <= 100
    name = case["id"]
    close = ("reconcile", "close", here, name, "--because", "forged by mallory, police file 7")
    assert desk.ask(*close, *desk.key("comptroller-1"), "--dry-run")["dry_run"]
    assert desk.ask("reconcile", "cases", here)["cases"][0]["state"] == "open"
    first = desk.type(*close, *desk.key("comptroller-1"))
    assert "it halts payouts until another officer does." in flat(first.stdout)
    assert desk.ask(*close, *desk.key("comptroller-1"), exit_code=1)["error"]["code"] == "ZK-FLOWS-178"
    desk.ask(*close, *desk.key("director-1"))
    listed = desk.ask("reconcile", "cases", here)
    assert (listed["cases"][0]["state"], listed["halts"]) == ("accepted", [])
    assert [item["officer"] for item in listed["cases"][0]["accepted_by"]] == ["comptroller-1", "director-1"]
    assert desk.reconcile("--chain")["cases"][0]["state"] == "accepted", "listed as long as it is there"
    with desk.books() as books:
        turned = tuple(Posting(item.account, -item.amount, item.lot) for item in forged.postings)
        back = Entry("back", AT, "Taken back", "nothing", turned, reverses="forged")
        books.commit(Write("back", "clerk", "take back", AT, entries=(back,)))
    assert desk.reconcile("--chain")["parts"][0]["closed"] == [name]
    assert desk.ask("reconcile", "cases", here)["cases"] == []
    assert [item["id"] for item in desk.ask("reconcile", "cases", here, "--all")["cases"]] == [name]


def test_the_bank_from_its_file_to_a_closed_case(desk: Terminal, tmp_path: Path) -> None:
    """Dry, taken in, again, changed, of another account; a charge opens a case, is owned, is booked, and closes it."""
    here, file = str(desk.folder), tmp_path / "may.xml"
    with desk.books() as books:
        book(books, 100_000, "opening", at=datetime(2026, 4, 1, tzinfo=UTC))
        book(books, -40_000, "PAYROLL-1")
    entries = (Booked(-40_000, date(2026, 5, 21), "PAYROLL-1"), Booked(-6_205, CLOSED, reference="FEE"))
    file.write_bytes(camt053([Sheet("MAY", 100_000, OPENED, CLOSED, entries)]))
    give = ("reconcile", "import", here, str(file), *desk.key("comptroller-1"))
    assert desk.ask(*give, "--dry-run")["new"] == ["MAY"]
    assert desk.ask(*give)["new"] == ["MAY"]
    again = desk.ask(*give)
    assert (again["new"], again["known"]) == ([], ["MAY"])
    other = tmp_path / "other.xml"
    told = flat(desk.type(*give).stdout)
    assert "0 statements taken in under comptroller-1's signature, 1 had been before and changed nothing" in told
    unsigned = desk.type("reconcile", "import", here, str(file))
    assert unsigned.exit_code == 2
    assert "--key" in unsigned.output
    give_other = ("reconcile", "import", here, str(other), *desk.key("comptroller-1"))
    other.write_bytes(camt053([Sheet("X", 0, OPENED, CLOSED, account="PK00XXXX")]))
    assert desk.ask(*give_other, exit_code=2)["error"]["code"] == "ZK-FLOWS-171"
    other.write_bytes(b"<!DOCTYPE a []><a/>")
    wrong = desk.type(*give_other)
    assert wrong.exit_code == 2
    assert "ZK-ISO20022-003 other.xml" in wrong.output
    assert desk.reconcile("--bank", "--dry-run", exit_code=1)["parts"][0]["opened"]
    assert desk.ask("reconcile", "cases", here)["cases"] == [], "a dry run opens none"
    (case,) = desk.reconcile("--bank", exit_code=1)["cases"]
    assert (case["difference"], case["halts"], case["subject"]) == ("-62.05 PKR", False, "office")
    owned = desk.ask("reconcile", "own", here, case["id"], "--owner", "comptroller-1", "--by", "dara")
    assert owned["case"]["owner"] == "comptroller-1"
    with desk.books() as books:
        book(books, -6_205, "letter 12", at=datetime(2026, 5, 31, tzinfo=UTC))
    closed = desk.ask("reconcile", "close", here, case["id"], "--because", "booked", *desk.key("comptroller-1"))
    assert (closed["case"]["state"], closed["case"]["because"]) == ("closed", "the difference is gone")
    everything = desk.type("reconcile", here)
    assert everything.exit_code == 0, everything.output
    assert "Books and world agree: 1 coin, 0 days, 2 payments compared." in flat(everything.stdout)
    other.write_bytes(camt053([Sheet("MAY", 100_000, OPENED, CLOSED, entries[:1])]))
    assert desk.ask(*give_other, "--dry-run", exit_code=1)["error"]["code"] == "ZK-FLOWS-172"
    assert desk.ask("reconcile", "cases", here)["cases"] == []
    assert desk.ask(*give_other, exit_code=1)["error"]["code"] == "ZK-FLOWS-172"
    (disputed,) = desk.ask("reconcile", "cases", here)["cases"]
    assert disputed["halts"]
    assert "says two things" in disputed["what"]
