"""Long kills on the big programme; `make torture` runs this, `make test` does not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from end_to_end.conftest import ROOT, run_words, zakhira
from end_to_end.test_resume import TARGETS, killed_once

BIG = ROOT / "programmes" / "pakistan-2000mw"
DAYS = 10
KILLS = 60


@pytest.mark.torture
@pytest.mark.timeout(7200)
def test_sixty_kills_of_the_big_programme_change_nothing(runs_folder: Path) -> None:
    """Ten days with ten-minute blocks, killed sixty times in one folder, end as an undisturbed run does."""
    calm = zakhira(*run_words(runs_folder / "calm", programme=BIG, days=DAYS))
    assert calm.code == 0, calm.err
    dice = random.Random(1126)  # noqa: S311  # seeded on purpose
    out = runs_folder / "tortured"
    words = run_words(out, programme=BIG, days=DAYS)
    killed = sum(killed_once(out, dice.choice(TARGETS), dice.uniform(0.5, 15.0), words) for _ in range(KILLS))
    assert killed > KILLS // 2, "most of the kills must hit a run that is under way"
    ended = zakhira(*words)
    assert ended.code == 0, ended.err
    assert ended.facts["fingerprints"] == calm.facts["fingerprints"]
    assert ended.facts["summary"]["verdict"] == "VERIFIED"
