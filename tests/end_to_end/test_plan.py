"""``zakhira plan`` as a planner starts it: scenarios, risk, methods, an interruption, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from end_to_end.conftest import ROOT, SMALL, clean_environment, command, zakhira

SAMPLE = ROOT / "programmes" / "pakistan-2000mw"


def test_two_methods_agree() -> None:
    """The quick method and the full linear programme: bounds that hold each other's value."""
    quick = zakhira("plan", str(SMALL), "--json").facts["certificate"]
    full = zakhira("plan", str(SMALL), "--method", "full", "--json").facts["certificate"]
    slack = 1e-6 * abs(quick["upper_bound_usd"])
    assert full["lower_bound_usd"] <= quick["upper_bound_usd"] + slack
    assert quick["lower_bound_usd"] + quick["floor_usd"] <= full["upper_bound_usd"] + slack
    assert "full linear programme" in full["method"]


def test_scenarios_are_those_of_the_seed() -> None:
    """The same seed plans the same; the worst scenarios lie below the mean; a file of the draw plans as the draw."""
    words = ("plan", str(SMALL), "--scenarios", "40", "--risk", "0.5,0.9", "--json")
    first, again = (zakhira(*words, "--seed", "3").facts for _ in range(2))
    assert first["grants"] == again["grants"]
    assert first["basis"]["scenarios"] == 40
    assert first["spread"]["tail_mean_usd"] <= first["spread"]["mean_usd"]


def test_a_written_draw_plans_as_drawn(tmp_path: Path) -> None:
    """What ``zakhira scenarios`` writes is what ``--scenarios`` draws."""
    file = tmp_path / "drawn.parquet"
    assert zakhira("scenarios", str(SMALL), "--count", "30", "--seed", "5", "--out", str(file)).code == 0
    read = zakhira("plan", str(SMALL), "--scenario-file", str(file), "--json").facts
    drawn = zakhira("plan", str(SMALL), "--scenarios", "30", "--seed", "5", "--json").facts
    assert read["certificate"]["lower_bound_usd"] == pytest.approx(drawn["certificate"]["lower_bound_usd"], rel=1e-6)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--phases",), "ZK-PLAN-001"),
        (("--risk", "2,0.9"), "between 0 and 1"),
        (("--risk", "half"), "two numbers"),
        (("--scenarios", "0"), "--scenarios"),
        (("--scenario-file", "nowhere.csv"), "ZK-PLANNING-071"),
        (("--method", "guess"), "--method"),
        (("--frontier", "value,value"), "two of value"),
        (("--frontier", "value,coins", "--explain", "north"), "--frontier does not go with --explain"),
        (("--to-pypsa", "x.nc", "--out", "plan"), "--to-pypsa does not go with --out"),
        (("--risk", "0.5,0.9"), "--risk means nothing without --scenarios or --scenario-file"),
        (("--points", "9"), "--points means nothing without --frontier"),
        (("--workers", "3"), "--workers means nothing without --engine"),
        (("--objective", "coins", "--method", "full"), "--method is for --objective value"),
    ],
)
def test_what_cannot_be_is_wrong_input(words: tuple[str, ...], code: str) -> None:
    """Each says what is wrong, with exit code 2."""
    ended = zakhira("plan", str(SMALL), *words)
    assert ended.code == 2
    assert code in ended.err


def test_scenarios_of_another_horizon_are_refused(tmp_path: Path) -> None:
    """Scenarios drawn for a year do not fit a week."""
    file = tmp_path / "year.csv"
    assert zakhira("scenarios", str(SAMPLE), "--count", "2", "--seed", "5", "--out", str(file)).code == 0
    ended = zakhira("plan", str(SMALL), "--scenario-file", str(file))
    assert ended.code == 2
    assert "ZK-PLANNING-06" in ended.err


def test_the_sample_says_what_a_price_taker_would_lose() -> None:
    """The plan on a network that answers is worth more than a price taker's plan on the same network."""
    beside = zakhira("plan", str(SAMPLE), "--json").facts["beside"]
    taker = beside["price_taker"]
    assert taker["naive_usd"] > taker["plan_usd"] > taker["left_usd"]
    assert taker["worth_usd"] == pytest.approx(taker["plan_usd"] - taker["left_usd"])
    assert abs(beside["retarget"]["difference_share"]) < 0.01


def _interrupted(folder: Path, seconds: float) -> str:
    """What the planner prints when Ctrl-C comes after so many seconds, at which it must be under way."""
    with subprocess.Popen(
        command("plan", str(folder), "--response", "none", "--json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment({}),
    ) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    return out


def test_an_interruption_gives_the_best_plan_so_far(tmp_path: Path) -> None:
    """Ctrl-C in the minutes that a year with lines takes: a plan with its gap, told as interrupted, exit code 130."""
    folder = tmp_path / "lines"
    shutil.copytree(SAMPLE, folder)
    text = (folder / "programme.toml").read_text(encoding="utf-8")
    opened = re.sub(r"wheeling_mw = \{ value = 0,", "wheeling_mw = { value = 200,", text)
    (folder / "programme.toml").write_text(opened, encoding="utf-8")
    # Before the first plan there is nothing to give: how long that takes is the machine's affair.
    out = next(filter(None, (_interrupted(folder, seconds) for seconds in (12, 30, 60))))
    certificate = json.loads(out)["certificate"]
    assert certificate["interrupted"]
    assert certificate["lower_bound_usd"] <= certificate["upper_bound_usd"]
