"""The figures that the tutorial quotes and derives by hand are those of a run."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from end_to_end.conftest import ROOT, SMALL, FinishedRun, zakhira
from zakhira.kernel.money import Amount, Commodity

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROOF = (ROOT / "docs" / "proof.md").read_text(encoding="utf-8")


def grouped(sats: int) -> str:
    """A whole number of satoshi as the tutorial writes it by hand."""
    return f"{sats:,}"


def row_of(label: str) -> str:
    """The value in a row of the tutorial's table at the end of the run."""
    found = re.search(rf"(?m)^ +{re.escape(label)} {{2,}}(\S.*?) {{2,}}\S", TUTORIAL)
    assert found, label
    return found[1].replace(" ", "")


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("received_sats", "royalty received"),
        ("fees_sats", "network fees"),
        ("intake_sats", "in intake"),
        ("cold_sats", "in cold"),
        ("ledger_sats", "in the ledger"),
        ("proven_sats", "proven in cold"),
    ],
)
def test_the_tutorial_has_the_runs_coins(undisturbed: FinishedRun, key: str, label: str) -> None:
    """Each amount stands in the table of the tutorial, to the satoshi."""
    sats = undisturbed.ended.facts["summary"][key]
    assert row_of(label) == f"{sats // 10**8}.{sats % 10**8:08d}"


def test_the_tutorial_has_the_runs_energy(undisturbed: FinishedRun) -> None:
    """Offered, used and shed energy, and the megawatts."""
    facts = undisturbed.ended.facts["summary"]
    for key, label in (
        ("allocated_mw", "allocated"),
        ("surplus_mwh", "surplus offered"),
        ("used_mwh", "surplus used"),
        ("shed_mwh", "granted but not run"),
    ):
        assert row_of(label) == f"{facts[key]:.1f}"
        by_hand = f"{facts[key]:,.1f}".removesuffix(".0")
        assert re.search(rf"\*\*{by_hand}(?: MWh?)?\*\*", TUTORIAL), key


def test_the_figures_by_hand_are_those_of_the_run(undisturbed: FinishedRun) -> None:
    """What the reader computes with a pocket calculator is what came in, moved and stayed."""
    facts = undisturbed.ended.facts["summary"]
    for key in ("received_sats", "fees_sats", "intake_sats", "cold_sats", "ledger_sats"):
        assert f"**{grouped(facts[key])}" in TUTORIAL, key
    alpha = int((2074.8 + 372.4) * 97_500 + 106.4 * 78_000 + 0.5) * 0.995 * 0.98 * 0.1
    beta = 851.2 * 78_000 * 0.99 * 0.1
    assert f"**{grouped(int(alpha) + int(beta))}**" in TUTORIAL
    short = int(alpha) + int(beta) - facts["received_sats"]
    assert f"sats, {short} fewer" in TUTORIAL


def test_the_ledgers_figures_are_those_of_the_run(undisturbed: FinishedRun) -> None:
    """Energy in rupees, rent in dollars and the claims, as the run's report and pack state them."""
    statement = json.loads((undisturbed.out / "pack" / "statement.json").read_text(encoding="utf-8"))
    assert f"{statement['claims_sats']:,} sats, covered {float(statement['coverage']):.2f} times" in TUTORIAL
    page = re.sub(r"[\s\u00a0\u2009\u202f]", "", (undisturbed.out / "report.html").read_text(encoding="utf-8"))
    for figure in re.findall(r"\*\*([\d,]+\.\d\d)(?: USD)?\*\*", TUTORIAL):
        assert figure.replace(",", "") in page, figure
    assert "**16,579,039.96**" in TUTORIAL
    assert "**16,800.00 USD**" in TUTORIAL


def plain(text: str) -> str:
    """Text with single spaces, without rules and wrapped lines: what it says, not how it is set."""
    return " ".join(text.replace("\u2500", " ").split())


def block_with(mark: str, document: str) -> str:
    """The one block of output in a document that holds the mark."""
    (block,) = (b for b in re.findall(r"```text\n(.*?)```", document, re.DOTALL) if mark in b)
    return str(block)


def test_the_plan_that_is_quoted_is_the_plan() -> None:
    """What the tutorial quotes is what ``zakhira plan`` prints today."""
    printed = plain(zakhira("plan", str(SMALL)).out)
    for part in block_with("The plan by zone", TUTORIAL).split("\n...\n"):
        assert plain(part) in printed


def test_the_mistakes_that_are_shown_are_found(tmp_path: Path) -> None:
    """The three mistakes of the tutorial in programme.toml, then the row that is missing, word for word."""
    faulty = tmp_path / "faulty"
    shutil.copytree(SMALL, faulty)
    programme, series = faulty / "programme.toml", faulty / "series" / "surplus.csv"
    right = programme.read_text(encoding="utf-8")
    wrong = right.replace("\ncap_mw = 40", "\ncap_mw = 35").replace("\nthreshold = 3", "\nthreshold = 6")
    programme.write_text(wrong.replace("\nlimit_mw = 10\n", "\nlimit_mwh = 10\n"), encoding="utf-8")
    check_quoted("ZK-PROGRAMME-005", tmp_path)
    programme.write_text(right, encoding="utf-8")
    rows = series.read_text(encoding="utf-8").splitlines(keepends=True)
    series.write_text("".join(row for row in rows if "south,2026-01-05T09:00:00Z,1," not in row), encoding="utf-8")
    check_quoted("ZK-PROGRAMME-063", tmp_path)


def check_quoted(code: str, folder: Path) -> None:
    """``zakhira check`` says what the tutorial quotes, and ends with exit 2."""
    ended = zakhira("check", str(folder / "faulty"))
    assert ended.code == 2
    assert ended.err.replace(f"{folder}/", "") == block_with(code, TUTORIAL)


def test_the_run_that_is_quoted_is_the_run(undisturbed: FinishedRun) -> None:
    """The sentence and the table at the end of a run are what the program prints today."""
    words = ("run", str(SMALL), "--days", "7", "--seed", "7", "--out", str(undisturbed.out))
    printed = plain(zakhira(*words).out).replace(str(undisturbed.out), "out/small")
    for part in block_with("From megawatt to proof", TUTORIAL).split("\n...\n"):
        assert plain(part) in printed


def test_the_readme_has_the_samples_plan() -> None:
    """The plan that the README shows at the end of the demo is the plan of the sample programme."""
    printed = plain(zakhira("plan", str(ROOT / "programmes" / "pakistan-2000mw")).out)
    shown = block_with("From megawatt to proof", README)
    table = shown[shown.index("The plan by zone") : shown.index("From megawatt")]
    certificate = table.index("CERTIFIED")
    assert plain(table[:certificate]) in printed
    assert all(plain(line) in printed for line in table[certificate:].splitlines())


def test_the_readme_tells_what_stands_beside_the_samples_plan() -> None:
    """What a price taker would lose, and the retarget rule, are quoted as they are printed."""
    printed = plain(zakhira("plan", str(ROOT / "programmes" / "pakistan-2000mw")).out)
    assert plain(block_with("A price taker would grant", README)) in printed


def test_the_verdict_that_is_quoted_is_the_verdict(undisturbed: FinishedRun) -> None:
    """The sentence of the verification names the run's coins and block, in the tutorial and in the page on proofs."""
    statement = json.loads((undisturbed.out / "pack" / "statement.json").read_text(encoding="utf-8"))
    total = Amount(statement["total_sats"], Commodity.BTC)
    for text in (TUTORIAL, PROOF):
        assert f"VERIFIED: {total} in small at block {statement['height']}." in text
    coins = json.loads((undisturbed.out / "pack" / "coins.json").read_text(encoding="utf-8"))
    assert any(f'"amount_sats":{coin["amount_sats"]}' in TUTORIAL for coin in coins)
