"""The surplus of a solved network: what is counted, what is not, and what is no solution."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # as PyPSA has it
import pytest

from zakhira.adapters.programme_folder import load_programme
from zakhira.adapters.programme_scaffold import FolderNotEmpty
from zakhira.adapters.pypsa.library import quiet
from zakhira.adapters.pypsa.lines import NetworkLine
from zakhira.adapters.pypsa.solved import (
    DispatchAboveCapacity,
    NetworkNotANumber,
    NetworkOfAnotherKind,
    NetworkUnreadable,
    NetworkWithoutSolution,
    NoSurplus,
    PlaceNotPossible,
    read_network,
    surplus_of,
)
from zakhira.adapters.pypsa.surplus_programme import CostNotPossible, Money, NoWholeDay, write_programme
from zakhira.cli.services import NetworkImport
from zakhira.wiring.services import ProgramServices

HOURS = 48
Network = Any


@pytest.fixture
def network(solved: Network) -> Network:
    """A copy for the test alone."""
    return solved.copy()


@pytest.fixture(scope="module")
def solved(pypsa: Any) -> Network:  # noqa: ANN401  # PyPSA's types are not checked
    """Two places and a gas field, with a dispatch as a solver would have left it."""
    made = pypsa.Network(name="Test grid")
    with quiet():
        made.set_snapshots(pd.date_range("2026-01-01", periods=HOURS, freq="h"))
        made.add("Bus", ["North", "South A"], x=[73.0, 67.0], y=[31.0, 25.0])
        made.add("Bus", "gas", carrier="gas")
        made.add(
            "Generator", "wind", bus="North", p_nom=100.0, p_max_pu=np.linspace(0.2, 0.9, HOURS), marginal_cost=1.0
        )
        made.add("Generator", "coal", bus="North", p_nom=150.0, p_min_pu=0.3, marginal_cost=45.0)
        made.add("Generator", "sun", bus="South A", p_nom=7.0, p_nom_extendable=True, marginal_cost=0.0)
        made.add("Generator", "oil", bus="South A", p_nom=40.0, marginal_cost=np.linspace(60.0, 80.0, HOURS))
        made.add("Generator", "shed", bus="South A", p_nom=1e9, marginal_cost=5000.0)
        made.add("Generator", "well", bus="gas", p_nom=1e5, marginal_cost=5.0)
        made.add("Line", "a", bus0="North", bus1="South A", s_nom=60.0, s_max_pu=0.7, x=0.1)
        made.add("Link", "b", bus0="South A", bus1="North", p_nom=30.0, efficiency=0.95)
        made.add("Link", "turbine", bus0="gas", bus1="North", p_nom=30.0, efficiency=0.4)
    made.generators.loc["sun", "p_nom_opt"] = 20.0
    dispatch = pd.DataFrame(0.0, index=made.snapshots, columns=["wind", "coal", "sun", "oil"])
    dispatch["wind"] = 20.0 * np.linspace(0.5, 1.0, HOURS)
    dispatch["coal"] = 60.0
    made.generators_t.p = dispatch
    return made


def test_unused_capacity_is_the_surplus(network: Network) -> None:
    """By hand: available less made, in ascending cost; a minimum load counts as used, an extension as it was built."""
    found = surplus_of(network, 70.0, 4)
    assert [zone.bus for zone in found.zones] == ["North", "South A"]
    assert (found.zones[0].latitude_deg, found.zones[0].longitude_deg) == (31.0, 73.0)
    assert found.generators == 4
    north, south = found.power_mw
    made = 20.0 * np.linspace(0.5, 1.0, HOURS)
    np.testing.assert_allclose(north[0], 100.0 * np.linspace(0.2, 0.9, HOURS) - made)
    np.testing.assert_allclose(north[1], 90.0)
    np.testing.assert_allclose(found.cost_per_mwh[0, 1], 45.0)
    np.testing.assert_allclose(south[0], 20.0)
    oil = np.linspace(60.0, 80.0, HOURS)
    np.testing.assert_allclose(south[1], np.where(oil < 70.0, 40.0, 0.0))
    np.testing.assert_allclose(found.cost_per_mwh[1, 1], oil)
    assert "1 generators were left out" in found.notes[0]


def test_blocks_are_as_many_as_told(network: Network) -> None:
    """With one block an hour, it has all the MW at their mean cost."""
    found = surplus_of(network, 70.0, 1)
    assert found.power_mw.shape == (2, 1, HOURS)
    apart = surplus_of(network, 70.0, 4)
    np.testing.assert_allclose(found.power_mw[:, 0], apart.power_mw.sum(axis=1))
    paid = (apart.power_mw * apart.cost_per_mwh).sum(axis=1)
    np.testing.assert_allclose(found.power_mw[:, 0] * found.cost_per_mwh[:, 0], paid)


def test_rising_costs_count_at_the_middle_of_what_is_unused(network: Network) -> None:
    """A quadratic cost q p^2 has the marginal cost 2 q p: from 60 to 150 MW that is 105 MW times 2 q on average."""
    network.generators.loc["coal", "marginal_cost_quadratic"] = 0.1
    found = surplus_of(network, 70.0, 4)
    np.testing.assert_allclose(found.cost_per_mwh[0, 1], 45.0 + 2 * 0.1 * 105.0)


def test_lines_are_each_pair_once(network: Network) -> None:
    """A line both ways and a link one way: the better direction, and the loss that the link states."""
    (line,) = surplus_of(network, 70.0, 4).lines
    assert isinstance(line, NetworkLine)
    assert (line.bus_a, line.bus_b) == ("North", "South A")
    assert line.limit_mw == pytest.approx(72.0)
    assert line.loss_share == pytest.approx(0.05)


def test_other_carriers_can_be_named(network: Network) -> None:
    """Who calls power 'gas' may say so."""
    found = surplus_of(network, 70.0, 4, carriers=("gas",))
    assert [zone.bus for zone in found.zones] == ["gas"]


def _nan_share(network: Network) -> None:
    network.generators.loc["coal", "p_max_pu"] = math.nan


def _nan_dispatch(network: Network) -> None:
    network.generators_t.p.iloc[7, 0] = math.nan


def _too_much(network: Network) -> None:
    network.generators_t.p.iloc[3, 1] = 151.0


def _no_dispatch(network: Network) -> None:
    network.generators_t.p = network.generators_t.p.iloc[:, :0]


def _periods(network: Network) -> None:
    network.investment_periods = [2030, 2040]


def _far_away(network: Network) -> None:
    network.buses.loc["North", "x"] = 655_000.0


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (_nan_share, NetworkNotANumber, "p_max_pu of the generator 'coal'"),
        (_nan_dispatch, NetworkNotANumber, "p of the generator 'wind' at 2026-01-01 07:00:00"),
        (_too_much, DispatchAboveCapacity, "'coal' makes 151 MW of 150 MW"),
        (_no_dispatch, NetworkWithoutSolution, "no dispatch"),
        (_periods, NetworkOfAnotherKind, "investment periods"),
        (_far_away, PlaceNotPossible, "x = 655000"),
    ],
)
def test_what_is_no_solution_is_refused(
    network: Network, damage: Callable[[Network], None], error: type[Exception], message: str
) -> None:
    """NaN, another solution's dispatch, none at all, several years, a map's metres: each is named."""
    damage(network)
    with pytest.raises(error, match=message):
        surplus_of(network, 70.0, 4)


def test_shed_load_is_no_surplus(network: Network) -> None:
    """Without a cost, the generator that stands for shed load would be the surplus: refused by its name."""
    with pytest.raises(NetworkNotANumber, match="'shed' has 1e\\+09 MW"):
        surplus_of(network, math.inf, 4)


def test_nothing_cheap_enough_is_said(network: Network) -> None:
    """A cost below every generator's."""
    with pytest.raises(NoSurplus, match="less than -1"):
        surplus_of(network, -1.0, 4)


@pytest.mark.parametrize("content", [None, b"", b"no network", b"CDF\x01 cut"])
def test_a_file_that_is_no_network(tmp_path: Path, content: bytes | None) -> None:
    """Not there, empty, text, damaged: an error of ours, whatever the reader says."""
    path = tmp_path / "grid.nc"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NetworkUnreadable, match=r"grid\.nc"):
        read_network(path)


def test_the_programme_holds_the_surplus(network: Network, tmp_path: Path) -> None:
    """The written folder loads without a fault, and its series are the surplus in rupees."""
    found = surplus_of(network, 70.0, 4, time_zone="Asia/Karachi")
    written = write_programme(tmp_path / "mine", found, Money(2.0, 300.0), "a drill of words", "Asia/Karachi")
    programme, series = load_programme(tmp_path / "mine")
    assert [zone.id for zone in programme.zones] == ["north", "south-a"]
    assert programme.prices.pkr_per_usd == 300.0
    assert programme.time_zone == "Asia/Karachi"
    assert programme.run_start == programme.horizon.start == found.hours.start
    np.testing.assert_allclose(series.surplus_mw, np.swapaxes(found.power_mw, 1, 2))
    np.testing.assert_allclose(series.cost_pkr_per_mwh, np.swapaxes(found.cost_per_mwh, 1, 2) * 600.0)
    assert [(link.from_zone, link.to_zone, link.limit_mw) for link in programme.links] == [("north", "south-a", 72.0)]
    assert programme.links[0].loss_share == pytest.approx(0.05)
    assert (
        programme.cap_mw
        == sum(zone.max_mw for zone in programme.zones)
        == sum(s.connection_mw for s in programme.sites)
    )
    assert written.files[0] == tmp_path / "mine" / "programme.toml"
    with pytest.raises(FolderNotEmpty):
        write_programme(tmp_path / "mine", found, Money(), "a drill of words")


def test_names_of_buses_become_names_of_zones(network: Network, tmp_path: Path) -> None:
    """Names that differ in signs alone stay apart, and what TOML would misread is quoted."""
    found = surplus_of(network, 70.0, 4)
    zones = tuple(replace(zone, bus=bus) for zone, bus in zip(found.zones, ('a "b"', "A  b\n"), strict=True))
    write_programme(tmp_path / "mine", replace(found, zones=zones, lines=()), Money(), "a drill of words")
    programme, _ = load_programme(tmp_path / "mine")
    assert [(zone.id, zone.name) for zone in programme.zones] == [("a-b", 'a "b"'), ("a-b-2", "A  b")]
    assert programme.links == ()


def test_costs_and_hours_that_fit_no_programme(network: Network, tmp_path: Path) -> None:
    """A cost beyond the dictionary; a day that begins at noon holds no whole one."""
    found = surplus_of(network, 70.0, 4)
    with pytest.raises(CostNotPossible, match="PKR/MWh"):
        write_programme(tmp_path / "mine", found, Money(1e6, 1e6), "a drill of words")
    with quiet():
        network.set_snapshots(network.snapshots[12:36])
    with pytest.raises(NoWholeDay, match="24 hours"):
        write_programme(tmp_path / "mine", surplus_of(network, 70.0, 4), Money(), "a drill of words")
    assert list(tmp_path.iterdir()) == []


def test_the_command_from_a_network_that_pypsa_solved(network: Network, tmp_path: Path) -> None:
    """PyPSA optimises and writes; the service reads, writes the programme, and tells the same energy."""
    network.generators.loc["shed", "active"] = False
    network.add("Load", ["town", "village"], bus=["South A", "North"], p_set=[45.0, 30.0])
    with quiet():
        status = network.optimize(solver_name="highs", solver_options={"output_flag": False})
        network.export_to_netcdf(str(tmp_path / "grid.nc"))
    assert tuple(status) == ("ok", "optimal")
    order = NetworkImport(tmp_path / "grid.nc", tmp_path / "mine", 70.0, 3, ("AC",), "UTC", 1.0, 0.0)
    answer = ProgramServices().surplus_from_network(order)
    _, series = load_programme(tmp_path / "mine")
    generators = network.generators
    available = generators.p_nom_opt * network.get_switchable_as_dense("Generator", "p_max_pu")
    cheap = network.get_switchable_as_dense("Generator", "marginal_cost") < 70.0
    unused = ((available - network.generators_t.p) * cheap)[["wind", "coal", "sun", "oil"]]
    assert series.surplus_mw.sum() == pytest.approx(unused.to_numpy().sum(), abs=0.1)
    zones = answer.facts["zones"]
    assert isinstance(zones, list)
    assert "Next: zakhira check" in answer.sentence
