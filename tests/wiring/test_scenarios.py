"""``zakhira scenarios``: what is written is what a plan reads, and what is said about it is so."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from zakhira.adapters.outlook_file import read_outlook
from zakhira.adapters.programme_folder import load_programme
from zakhira.wiring.scenarios_service import draw_scenarios
from zakhira.wiring.surplus_service import generate_all_years

ROOT = Path(__file__).parents[2]


def test_the_sample_s_scenarios(tmp_path: Path) -> None:
    """400 scenarios of ten years over four phases; the summary is that of the file; a seed gives the same bytes."""
    folder = ROOT / "programmes" / "pakistan-2000mw"
    answer = draw_scenarios(folder, 400, 7, tmp_path / "a.csv")
    draw_scenarios(folder, 400, 7, tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    programme, _ = load_programme(folder)
    outlook = read_outlook(tmp_path / "a.csv", programme)
    assert outlook.btc_usd.shape == (400, 4, 28)
    end = answer.facts["end"]
    assert isinstance(end, dict)
    price, hashprice = end["btc_usd"], end["hashprice_usd_per_ph_day"]
    assert isinstance(price, dict)
    assert isinstance(hashprice, dict)
    assert price["stated"] == 60_500
    assert price["mean"] == outlook.btc_usd[:, -1, -1].mean()
    assert price["quantile_95"] == np.quantile(outlook.btc_usd[:, -1, -1], 0.95)
    assert abs(float(str(hashprice["stated"])) - 27.94) < 0.01
    assert answer.facts["surplus_years"] == {
        name: round(400 * weight)
        for name, weight in [("reference", 0.15)] + [(y.id, y.weight_share) for y in programme.surplus_years]
    }


def test_the_tutorial_shows_these_scenarios(tmp_path: Path) -> None:
    """The table that the tutorial quotes is what its command prints."""
    answer = draw_scenarios(ROOT / "programmes" / "pakistan-2000mw", 1000, 7, tmp_path / "s.parquet")
    tutorial = " ".join((ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8").split())
    for row in answer.tables[0].rows:
        assert " ".join(row) in tutorial


def test_the_tutorial_and_the_sample_show_its_years() -> None:
    """Rows that the tutorial quotes are printed; every year's surplus stands in the sample's README."""
    sample = ROOT / "programmes" / "pakistan-2000mw"
    answer = generate_all_years(sample, 2026, write=False)
    printed = [" ".join(row) for row in answer.tables[0].rows]
    tutorial = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    quoted = [" ".join(line.split()) for line in tutorial.splitlines() if line.endswith("%") and "%  " in line]
    years = [line for line in quoted if line.split()[0] in {row.split()[0] for row in printed}]
    assert len(years) == 3
    assert set(years) <= set(printed)
    readme = (sample / "system" / "README.md").read_text(encoding="utf-8")
    told = sorted(float(figure) for figure in re.findall(r"(?m)^\| [a-z, ]+ \| (\d+\.\d) \|$", readme))
    facts = answer.facts["years"]
    assert isinstance(facts, list)
    assert told == sorted(round(float(str(year["surplus_twh"])), 1) for year in facts if isinstance(year, dict))
