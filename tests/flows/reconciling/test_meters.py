"""Metered energy against the accounts of energy: a whole run ties to the watt-hour, and what is changed is found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from example_programme import build_programme
from zakhira.adapters.highs import HighsSolver
from zakhira.adapters.programme_folder import load_programme
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.books_errors import BooksDamaged
from zakhira.flows.ports.progress import silent
from zakhira.flows.reconciling.difference import Findings
from zakhira.flows.reconciling.meters import meter_findings
from zakhira.flows.world import WorldDay, simulate_world
from zakhira.kernel.canonical import Json
from zakhira.kernel.money import Amount, Commodity
from zakhira.ledger.entry import Entry, Posting
from zakhira.planning.plan import plan_allocation
from zakhira.programme.energy_accounts import energy_accounts, energy_use_account, surplus_account
from zakhira.programme.model import Programme
from zakhira.simulator.books import SimulatedBooks
from zakhira.simulator.ledger import SimulatedLedger

SMALL = Path(__file__).resolve().parents[3] / "programmes" / "small"


@pytest.fixture(scope="module")
def world() -> tuple[Programme, tuple[WorldDay, ...]]:
    """Two days of the small programme."""
    programme, series = load_programme(SMALL)
    return programme, simulate_world(programme, series, plan_allocation(programme, series, HighsSolver()), 2, 7, silent)


def settle(programme: Programme, days: tuple[WorldDay, ...]) -> SimulatedBooks:
    """Books in which these days were settled, as a run settles them."""
    books = SimulatedBooks()
    books.open_accounts(programme.accounts)
    for day in days:
        at = programme.run_start
        records = (
            Record("dispatch", f"{day.index:04d}", day.dispatch_json),
            Record("settlement", f"{day.index:04d}", day.settled_json),
        )
        books.commit(Write(f"day {day.index}", "meter", "settle day", at, entries=day.entries(at), records=records))
    return books


def look(books: SimulatedBooks, programme: Programme) -> Findings:
    """What is found; it ties."""
    findings = meter_findings(books, SimulatedLedger(books), programme)
    assert findings.untied() == ()
    return findings


def test_a_run_ties_to_the_watt_hour(world: tuple[Programme, tuple[WorldDay, ...]]) -> None:
    """Use by licensee and surplus by zone are the same energy, and what the meters recorded."""
    programme, days = world
    findings = look(settle(programme, days), programme)
    assert findings.differences == ()
    lines = {line.subject: line for line in findings.lines}
    used = sum(lines[licensee.id].world.units for licensee in programme.licensees)
    drawn = sum(lines[zone.id].world.units for zone in programme.zones)
    metered = sum(day.dispatch.used_mw.sum() for day in days) * 1e6
    assert used == drawn > 10**6
    assert used == pytest.approx(metered, abs=24 * len(days) * 20)
    assert all(line.compared == 2 for line in findings.lines if line.world.units)


def test_a_changed_reading_is_found_on_each_side(world: tuple[Programme, tuple[WorldDay, ...]]) -> None:
    """A megawatt less in one hour: the licensee, the zone and the settlement tell it, each by its day."""
    programme, days = world
    books = settle(programme, days)
    body = cast("dict[str, Any]", days[1].dispatch_json)
    key = next(name for name, grant in body["grants"].items() if max(grant["used_mw"]) > 1)
    hour = max(range(24), key=lambda at: float(body["grants"][key]["used_mw"][at]))
    changed = {**body["grants"][key], "used_mw": list(body["grants"][key]["used_mw"])}
    changed["used_mw"][hour] -= 1
    record = Record("dispatch", "0001", {**body, "grants": {**body["grants"], key: changed}})
    books.commit(Write("tamper", "mallory", "tamper", programme.run_start, records=(record,)))
    site = next(site for site in programme.sites if site.id == key.partition("/")[0])
    found = {item.key: item.gap for item in look(books, programme).unexplained}
    lost = Amount(-1_000_000, Commodity.WH)
    assert found == {
        f"0001/used/{site.licensee}": lost,
        f"0001/gave/{site.zone}": lost,
        f"0001/settled/{site.licensee}": lost,
    }


def test_energy_that_rests_on_no_meter_is_found(world: tuple[Programme, tuple[WorldDay, ...]]) -> None:
    """Somebody books energy by hand."""
    programme, days = world
    books = settle(programme, days)
    who, zone = programme.licensees[0].id, programme.zones[0].id
    more = Amount(5, Commodity.WH)
    postings = (Posting(energy_use_account(who), more), Posting(surplus_account(zone), -more))
    entry = Entry("by hand", programme.run_start, "By hand", "a letter", postings)
    books.commit(Write("by hand", "clerk", "book", programme.run_start, entries=(entry,)))
    found = look(books, programme).unexplained
    assert {(item.key, item.gap.units) for item in found} == {(f"other/used/{who}", -5), (f"other/gave/{zone}", -5)}


def test_meters_of_nobody_close_no_case() -> None:
    """A site that the programme does not have: its energy is told, and the comparison is not whole."""
    programme = build_programme()
    books = SimulatedBooks()
    ids = [zone.id for zone in programme.zones], [licensee.id for licensee in programme.licensees]
    books.open_accounts(energy_accounts(*ids))
    body: Mapping[str, Any] = {"start": "x", "grants": {"nowhere/s21": {"used_mw": [1.0]}}}
    books.commit(Write("d", "meter", "settle", programme.run_start, records=(Record("dispatch", "0000", body),)))
    findings = look(books, programme)
    assert not findings.is_whole
    assert "The meters name the site nowhere, which the programme does not have." in findings.notes


@pytest.mark.parametrize("kind", ["dispatch", "settlement"])
@pytest.mark.parametrize(
    "body", [[], "x", {"grants": {"a": {}}, "licensees": [{}]}, {"grants": {"a/b": 1}, "licensees": 3}]
)
def test_records_of_a_day_that_are_none_are_told_by_name(kind: str, body: Json) -> None:
    """Bodies that no run writes."""
    books = SimulatedBooks()
    programme = build_programme()
    books.open_accounts(programme.accounts)
    books.commit(Write("x", "mallory", "break", programme.run_start, records=(Record(kind, "0001", body),)))
    with pytest.raises(BooksDamaged, match=f"The record {kind} '0001' cannot be read"):
        look(books, programme)
