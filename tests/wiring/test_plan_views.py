"""``zakhira plan`` with its views: a folder of results, a zone's story, an aim, a frontier, a comparison."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from zakhira.cli.answer import Answer
from zakhira.cli.services import PlanOrder
from zakhira.planning.explain import UnknownZone
from zakhira.planning.objectives import AimNotOfAMeanYear
from zakhira.planning.plan_record import NotAPlanFile
from zakhira.wiring.compare_service import compare_files, read_plan
from zakhira.wiring.plan_views import NotAPlanFolder
from zakhira.wiring.services import ProgramServices

SMALL = Path(__file__).parents[2] / "programmes" / "small"
ORDER = PlanOrder(SMALL)


def _plan(order: PlanOrder) -> Answer:
    return ProgramServices().plan(order, lambda *_: None)


def test_a_folder_of_results(tmp_path: Path) -> None:
    """plan.json is read back and compares as the same; the page stands alone; every plot is there twice."""
    out = tmp_path / "plan"
    answer = _plan(replace(ORDER, out=out))
    record = read_plan(out)
    assert record.plan.power_mw == answer.facts["power_mw"]
    assert compare_files(out, out / "plan.json").sentence.startswith("Both plans grant the same")
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "How to repeat this plan" in page
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"https?:", page)
    drawn = {path.name for path in (out / "plots").iterdir()}
    for name in ("plan", "stakes", "map", "break-even", "heat", "horizon"):
        assert {f"{name}.svg", f"{name}.png"} <= drawn
        assert (out / "plots" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    for one in record.plan.stakeholders:
        assert one.name in page


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    """A plan is not written among other files, nor over a file."""
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    for out in (tmp_path, tmp_path / "letter.txt"):
        with pytest.raises(NotAPlanFolder):
            _plan(replace(ORDER, out=out))


def test_a_zone_explained_and_break_evens() -> None:
    """Both views have their tables and their facts are plain JSON."""
    answer = _plan(replace(ORDER, explain="north", break_even=True))
    assert answer.sentence
    titles = " ".join(table.title for table in answer.tables)
    assert "Surplus by its cost" in titles
    assert "Where uses flip" in titles
    json.dumps(answer.facts, allow_nan=False)
    with pytest.raises(UnknownZone):
        _plan(replace(ORDER, explain="nowhere"))


def test_an_aim_and_a_frontier(tmp_path: Path) -> None:
    """The aim is reached and told; the frontier is drawn; phases do not go with an aim."""
    answer = _plan(replace(ORDER, objective="jobs"))
    aim = answer.facts["aim"]
    assert isinstance(aim, dict)
    assert aim["name"] == "jobs"
    assert 0 < float(str(aim["value"])) <= float(str(aim["upper_bound"]))
    found = _plan(replace(ORDER, frontier=("value", "energy"), points=3, out=tmp_path / "f"))
    points = found.facts["points"]
    assert isinstance(points, list)
    assert len(points) >= 1
    assert (tmp_path / "f" / "frontier.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "f" / "report.html").read_text(encoding="utf-8")
    assert found.sentence in page
    assert "--frontier value,energy --points 3" in page
    with pytest.raises(NotAPlanFile, match=r"a folder without a plan\.json"):
        read_plan(tmp_path / "f")
    with pytest.raises(AimNotOfAMeanYear):
        _plan(replace(ORDER, objective="coins", risk=(0.5, 0.95)))


@pytest.mark.parametrize("text", ["", "[1", "\x00", "[]", '{"grants": []}'])
def test_a_file_that_is_no_plan(text: str, tmp_path: Path) -> None:
    """Nothing there, no JSON, no plan: each is told."""
    path = tmp_path / "a.json"
    with pytest.raises(NotAPlanFile):
        read_plan(path)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(NotAPlanFile):
        compare_files(path, path)
