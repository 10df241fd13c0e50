"""A programme's plan as a network on disk: PyPSA finds the value of the plan in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from example_programme import build_programme, random_series
from zakhira.adapters.highs import HighsSolver
from zakhira.adapters.programme_scaffold import write_scaffold
from zakhira.adapters.pypsa.export import NetworkNameNotPossible, NetworkNotWritten, left_out, write_network
from zakhira.adapters.pypsa.library import quiet
from zakhira.planning.plan import plan_allocation
from zakhira.programme.model import Backup, Phase, Planning
from zakhira.wiring.services import ProgramServices

HOURS = 30


def test_pypsa_finds_the_plan(tmp_path: Path, solver: HighsSolver, pypsa: Any) -> None:  # noqa: ANN401  # see conftest
    """The example's plan, written, read and optimised by PyPSA, has the plan's value; nothing is left out."""
    programme, series = build_programme(HOURS), random_series(np.random.default_rng(8), HOURS)
    written = write_network(programme, series, tmp_path / "plan.nc")
    assert (written.hours, written.columns, written.left_out) == (HOURS, 12, ())
    with quiet():
        network = pypsa.Network(str(written.path))
        status = network.optimize(solver_name="highs", solver_options={"output_flag": False})
    assert tuple(status) == ("ok", "optimal")
    plan = plan_allocation(programme, series, solver)
    assert -network.objective == pytest.approx(plan.certificate.lower_bound_usd, rel=1e-6)
    assert -network.objective == pytest.approx(plan.certificate.upper_bound_usd, rel=1e-6)
    assert network.meta["zakhira"]["digest"] == programme.digest
    assert list(network.global_constraints.index) == [
        "cap",
        "quota:alpha",
        "quota:beta",
        "zone:east",
        "zone:west",
        "connection:alpha-east",
        "connection:beta-east",
        "connection:alpha-west",
        "class:h100",
        "class:s19",
        "class:s21",
        "class:s21xp",
        "budget",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["plan.nc"]


def test_what_a_network_does_not_hold_is_said() -> None:
    """Each part of a programme that is not in the network is named."""
    programme = build_programme(HOURS)
    assert left_out(programme) == ()
    rich = replace(
        programme,
        planning=Planning(response="elastic", objective="coins", risk_weight=0.5, licensee_losses="refused"),
        phases=(Phase("first", 0, 30.0, 1e6),),
        backups=(Backup("east", 5.0, 250.0),),
        sites=(replace(programme.sites[0], fixed_cost_usd_per_year=5.0), *programme.sites[1:]),
        machines=(replace(programme.machines[0], module_mw=5.0), *programme.machines[1:]),
        zones=(replace(programme.zones[0], firm_limit_mw=3.0), *programme.zones[1:]),
    )
    words = " ".join(left_out(rich))
    for part in ("elastic", "coins", "risk", "licensee", "modules", "fixed costs", "phases", "firm supply", "backup"):
        assert part in words


def test_a_name_without_its_ending_is_refused(tmp_path: Path) -> None:
    """Another ending would make PyPSA write something else."""
    programme, series = build_programme(HOURS), random_series(np.random.default_rng(8), HOURS)
    with pytest.raises(NetworkNameNotPossible, match=r"plan\.h5"):
        write_network(programme, series, tmp_path / "plan.h5")


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A folder that does not exist: named, and nothing is left behind."""
    programme, series = build_programme(HOURS), random_series(np.random.default_rng(8), HOURS)
    with pytest.raises(NetworkNotWritten, match=r"plan\.nc"):
        write_network(programme, series, tmp_path / "nowhere" / "plan.nc")
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_it_wrote(tmp_path: Path) -> None:
    """A programme from its folder: the sentence names the file, the notes what is not in it."""
    write_scaffold(tmp_path / "mine", "a drill of words")
    answer = ProgramServices().plan_to_network(tmp_path / "mine", tmp_path / "plan.nc")
    assert answer.facts["hours"] == 744
    assert answer.facts["columns"] == 12
    assert str(tmp_path / "plan.nc") in answer.sentence
    assert (tmp_path / "plan.nc").is_file()
