"""The ledger at a terminal, on a real reserve: journals, two dates, reversal, closing, participants, conversions."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from conftest import PROJECT
from zakhira.cli.commands import zakhira
from zakhira.wiring.reserve_desk import open_archive
from zakhira.wiring.services import ProgramServices
from zakhira.wiring.settings import Settings

BANK, OPENING = "assets:bank:PKR", "equity:opening"
ACCOUNTS = (
    (BANK, "PKR", "asset"),
    (OPENING, "PKR", "equity"),
    ("expenses:stipends", "PKR", "expense"),
    ("assets:bank:USD", "USD", "asset"),
    ("conversion:PKR-USD:USD", "USD", "conversion"),
    ("conversion:PKR-USD:PKR", "PKR", "conversion"),
)
FOUR = ("treasury-1", "comptroller-1", "director-1", "auditor-1")
P1 = "liabilities:participants:p-000001:PKR"


@dataclass
class Office:
    """Somebody at a terminal in front of a reserve, with journals to write."""

    settings: Settings
    folder: Path
    count: int = 0

    def type(self, *words: str) -> Any:  # noqa: ANN401 - what click tells
        """Run a command as the program's entry point does; the folder stands behind its name."""
        return CliRunner().invoke(
            zakhira, (*words[:2], str(self.folder), *words[2:]), obj=ProgramServices(self.settings)
        )

    def ask(self, *words: str, exit_code: int = 0) -> Any:  # noqa: ANN401 - JSON
        """The facts of a command."""
        result = self.type(*words, "--json")
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)

    def keys(self, *officers: str) -> tuple[str, ...]:
        """Key files of these officers, or of the four."""
        names = officers or FOUR
        return tuple(word for name in names for word in ("--key", str(self.folder / "keys" / f"officer-{name}.key")))

    def journal(self, day: str, narration: str, *lines: tuple[str, str]) -> str:
        """A journal's file."""
        self.count += 1
        path = self.folder.parent / f"journal-{self.count}.json"
        told = [{"account": account, "amount": amount} for account, amount in lines]
        path.write_text(json.dumps({"day": day, "narration": narration, "evidence": "letter 12", "line": told}))
        return str(path)

    def balance(self, account: str, *more: str) -> str:
        """A balance as it is written."""
        (one,) = self.ask("ledger", "balance", account, *more)["balances"]
        return str(one["balance"]["written"])


@pytest.fixture(scope="module")
def office(reserves_folder: Path) -> Iterator[Office]:
    """A reserve with accounts and two participants, whose database stays up."""
    made = Office(Settings(tools=PROJECT / ".tools"), reserves_folder / "ledger")
    made.ask("reserve", "init", "--programme", str(PROJECT / "programmes" / "small"), "--drill")
    one = made.keys("treasury-1")
    with open_archive(made.settings, made.folder):
        for code, commodity, kind in ACCOUNTS:
            told = ("--commodity", commodity, "--kind", kind, "--reason", "minutes 1")
            made.ask("ledger", "open", code, *told, *one)
        for name, number in (("Amina Khan", "17"), ("Bilal Ahmed", "18")):
            words = ("--name", name, "--kind", "citizen", "--reference", f"file {number}", "--in", "PKR", "--in", "BTC")
            made.ask("participant", "open", *words, *one)
        yield made


def test_a_journal_takes_as_many_officers_as_the_policy(office: Office) -> None:
    """One word posts nothing, dry nothing is kept, the last word posts; every fault of a file is told."""
    file = office.journal("2026-05-20", "Opening", (BANK, "1500000 PKR"), (OPENING, "-1500000 PKR"))
    assert office.ask("ledger", "post", file, "--dry-run", *office.keys())["state"] == "done"
    waits = office.ask("ledger", "post", file, *office.keys("treasury-1", "comptroller-1"), exit_code=1)
    assert (waits["state"], len(waits["needs"])) == ("waiting", 2)
    assert office.balance(BANK) == "0.00 PKR"
    (act,) = office.ask("ledger", "waiting")["acts"]
    assert (act["act"], act["signed_by"]) == (waits["act"], ["treasury-1", "comptroller-1"])
    assert "post a journal" in office.type("ledger", "waiting").stdout
    assert "needs director; auditor" in office.type("ledger", "post", file, *office.keys("comptroller-1")).stdout
    hash_ = act["act"][:12]
    assert f"zakhira ledger approve DIR {hash_}" in " ".join(
        office.type("ledger", "post", file, *office.keys("comptroller-1")).stdout.split()
    )
    for unknown in ("0" * 12, hash_[:7], ""):
        told = office.ask("ledger", "approve", unknown, *office.keys("director-1"), exit_code=2)
        assert told["error"]["code"] == "ZK-FLOWS-248"
    seen = office.type("ledger", "approve", hash_, "--dry-run", *office.keys("director-1")).stdout
    assert (BANK in seen, "1,500,000.00 PKR" in seen) == (True, True)
    assert office.ask("ledger", "approve", hash_, *office.keys("director-1"), exit_code=1)["state"] == "waiting"
    done = office.ask("ledger", "approve", act["act"], *office.keys("auditor-1"))
    assert (done["state"], done["signed_by"]) == ("done", list(FOUR))
    assert office.balance(BANK) == office.balance(OPENING) == "1500000.00 PKR"
    bad = office.journal("2026-05-20", "", (BANK, "500"), (OPENING, "-0.001 PKR"))
    refused = office.ask("ledger", "post", bad, *office.keys(), exit_code=2)
    assert len(refused["error"]["faults"]) == 3
    alone = office.ask("ledger", "post", file, *office.keys("auditor-1"))
    assert alone["state"] == "done", "said again when it is done"


def test_money_through_conversion_accounts(office: Office) -> None:
    """Four lines balance in each commodity; half of them do not."""
    lines = (
        ("assets:bank:USD", "1000 USD"),
        ("conversion:PKR-USD:USD", "-1000 USD"),
        ("conversion:PKR-USD:PKR", "280000 PKR"),
        (BANK, "-280000 PKR"),
    )
    half = office.journal("2026-05-21", "Dollars", lines[0], lines[3])
    assert office.ask("ledger", "post", half, *office.keys(), exit_code=2)["error"]["code"] == "ZK-LEDGER-001"
    office.ask("ledger", "post", office.journal("2026-05-21", "Dollars", *lines), *office.keys())
    assert office.balance("assets:bank:USD") == "1000.00 USD"
    assert office.balance("conversion:PKR-USD:PKR") == "280000.00 PKR"


def test_participants_hold_and_transfer(office: Office) -> None:
    """A stipend by hand, a transfer, never more than is there; coins that nobody holds stand behind no claim."""
    file = office.journal("2026-05-25", "Stipend of May", ("expenses:stipends", "20000 PKR"), (P1, "-20000 PKR"))
    office.ask("ledger", "post", file, *office.keys())
    words = ("p-000001", "p-000002", "5000 PKR", "--day", "2026-05-28", "--reason", "rent", "--evidence", "order 1")
    for _ in range(2):
        assert office.ask("participant", "transfer", *words, *office.keys())["state"] == "done"
    more = (*words[:2], "15000.01 PKR", *words[3:])
    assert office.ask("participant", "transfer", *more, *office.keys(), exit_code=1)["error"]["code"] == "ZK-LEDGER-010"
    listed = office.type("participant", "list").stdout
    assert "15,000.00 PKR" in listed
    rupees = next(one for one in office.ask("participant", "show", "p-000001")["accounts"] if one["commodity"] == "PKR")
    assert (rupees["balance"]["written"], rupees["holder"]) == ("15000.00 PKR", "p-000001")
    told = office.ask("participant", "statement", "p-000001", "--month", "2026-05")["accounts"][1]
    assert [one["amount"]["written"] for one in told["movements"]] == ["20000.00 PKR", "-5000.00 PKR"]
    assert (told["opening"]["units"], told["closing"]["units"]) == ("0", "1500000")
    coins = office.journal("2026-05-26", "Share", ("expenses:community", "1 sat"), (P1.replace("PKR", "BTC"), "-1 sat"))
    assert office.ask("ledger", "post", coins, *office.keys(), exit_code=1)["error"]["code"] == "ZK-LEDGER-024"
    behind = office.ask("ledger", "backing")
    assert (behind["available"], behind["demand"], behind["is_halted"]) == (0, 0, False)


def test_one_officer_stops_an_account(office: Office) -> None:
    """The auditor alone freezes it, and alone does not unfreeze it."""
    word = ("--reason", "advice 10 is missing")
    office.ask("ledger", "freeze", "assets:bank:USD", *word, *office.keys("auditor-1"), "--dry-run")
    assert not office.ask("ledger", "show", "assets:bank:USD")["is_frozen"]
    office.ask("ledger", "freeze", "assets:bank:USD", *word, *office.keys("auditor-1"))
    assert "frozen" in office.type("ledger", "accounts", "--under", "assets:bank").stdout
    lines = (("assets:bank:USD", "-1 USD"), ("conversion:PKR-USD:USD", "1 USD"))
    file = office.journal("2026-05-27", "Back", *lines)
    assert office.ask("ledger", "post", file, *office.keys(), exit_code=1)["error"]["code"] == "ZK-LEDGER-014"
    thaw = ("ledger", "unfreeze", "assets:bank:USD", "--reason", "it came")
    assert office.ask(*thaw, *office.keys("auditor-1"), exit_code=1)["error"]["code"] == "ZK-FLOWS-230"
    assert office.ask(*thaw, *office.keys("treasury-1"), exit_code=1)["state"] == "waiting"
    office.ask(*thaw, *office.keys("comptroller-1", "director-1", "auditor-1"))
    office.ask("ledger", "post", file, *office.keys())
    vault = office.ask("ledger", "freeze", "assets:vault:cold", *word, *office.keys("auditor-1"), exit_code=2)
    assert vault["error"]["code"] == "ZK-LEDGER-018"
    for words, code in (
        (("--at", "1 PKR"), "ZK-LEDGER-015"),
        (("--at", "5000000"), "ZK-KERNEL-011"),
        (("--none",), "ZK-FLOWS-234"),
    ):
        typed = ("ledger", "ceiling", BANK, *words, "--reason", "rules", *office.keys())
        result = office.type(*typed, "--json")
        assert json.loads(result.stdout)["error"]["code"] == code


def test_a_month_closes_and_a_mistake_is_taken_back_later(office: Office) -> None:
    """Dry it says what it comes to; closed it stays; the reversal is dated behind it, and both dates tell it."""
    entry = office.ask("ledger", "show", "expenses:stipends")["newest"][-1]
    close = ("ledger", "close", "2026-05", "--reason", "minutes 8", *office.keys())
    view = office.ask(*close, "--dry-run")
    stipends = next(one for one in view["sums"] if (one["kind"], one["commodity"]) == ("expense", "PKR"))
    assert (stipends["closing"]["written"], view["unreconciled"]) == ("20000.00 PKR", [])
    assert office.ask(*close)["state"] == "done"
    assert office.ask(*close, exit_code=1)["error"]["code"] == "ZK-LEDGER-022"
    late = office.journal("2026-05-31", "Late", (BANK, "1 PKR"), (OPENING, "-1 PKR"))
    assert office.ask("ledger", "post", late, *office.keys(), exit_code=1)["error"]["code"] == "ZK-LEDGER-013"
    again = office.journal("2026-06-01", "Stipend again", ("expenses:stipends", "20000 PKR"), (P1, "-20000 PKR"))
    office.ask("ledger", "post", again, *office.keys())
    back = ("ledger", "reverse", entry, "--reason", "wrong person", "--evidence", "letter 9", *office.keys())
    assert office.ask(*back, exit_code=1)["error"]["code"] == "ZK-LEDGER-013"
    done = office.ask(*back, "--day", "2026-06-02")
    told = office.ask("ledger", "entry", entry)
    assert told["reversed_by"] == done["entries"][0]["id"]
    assert office.balance("expenses:stipends") == "20000.00 PKR"
    assert office.balance("expenses:stipends", "--before", "2026-06-02") == "40000.00 PKR"
    assert office.balance("expenses:stipends", "--known-before", "2026-01-01") == "0.00 PKR"


def test_a_statement_on_paper(office: Office) -> None:
    """As CSV that no sheet computes, and as a plot; the books hold when all of it is computed anew."""
    paper, plot = office.folder.parent / "may.csv", office.folder.parent / "may.svg"
    words = ("--month", "2026-05", "--csv", str(paper), "--plot", str(plot))
    told = office.ask("ledger", "statement", BANK, *words)
    rows = list(csv.DictReader(paper.read_text().splitlines()))
    assert [row["balance"] for row in rows] == ["0.00 PKR", "1500000.00 PKR", "1220000.00 PKR", "1220000.00 PKR"]
    assert told["accounts"][0]["closing"]["written"] == "1220000.00 PKR"
    assert f"Balance of {BANK}" in plot.read_text()
    assert "2026-05-21" in office.type("ledger", "statement", BANK, "--month", "2026-05").stdout
    assert office.ask("audit", "verify")["breaks"] == []
