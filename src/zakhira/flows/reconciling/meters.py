"""The energy that meters recorded against the accounts of energy: by licensee and by zone, day by day."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias, cast

from zakhira.flows.ports.books import Books
from zakhira.flows.ports.ledger_books import LedgerBooks
from zakhira.flows.reconciling.difference import Difference, Findings, Line, Part
from zakhira.flows.reconciling.reading import read_record
from zakhira.kernel.canonical import Json
from zakhira.kernel.money import Amount, Commodity
from zakhira.programme.energy_accounts import energy_use_account, surplus_account
from zakhira.programme.model import Programme
from zakhira.settlement.measure import hour_wh

DISPATCH, SETTLEMENT = "dispatch", "settlement"
"""Kinds of the records of a day: what the meters read by the hour, and what that was settled as. The id is the day."""
BEGINNING, END = datetime(2009, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_OTHER = "other"
"""In place of a day: postings that rest on no day of a meter."""

_Sums: TypeAlias = dict[tuple[str, str], int]
"""Watt-hours by day and by licensee or zone."""


@dataclass
class _Days:
    """What was metered and settled, by licensee and by zone."""

    used: _Sums = field(default_factory=dict)
    drawn: _Sums = field(default_factory=dict)
    settled: _Sums = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)


def meter_findings(books: Books, ledger: LedgerBooks, programme: Programme) -> Findings:
    """Hold each licensee's use and each zone's surplus on the meters of every settled day against the ledger.

    Meters are recorded to a watt by the hour, so that all of it is whole watt-hours and nothing is rounded here.
    """
    days = _metered(books, programme)
    licensees = [licensee.id for licensee in programme.licensees]
    zones = [zone.id for zone in programme.zones]
    lines, differences = list[Line](), list[Difference]()
    for names, metered, account, sign, words in (
        (licensees, days.used, energy_use_account, 1, "used"),
        (zones, days.drawn, surplus_account, -1, "gave"),
    ):
        posted = _posted(ledger, names, account, sign)
        lines += _lines(names, metered, posted)
        differences += _compare(metered, posted, words)
    differences += _settled_otherwise(days)
    notes = [f"The meters name {name}, which the programme does not have." for name in days.unknown]
    if not days.settled:
        notes.append("No day is settled in these books.")
    return Findings(Part.METERS, tuple(lines), tuple(differences), tuple(notes), is_whole=not days.unknown)


def _metered(books: Books, programme: Programme) -> _Days:
    sites = {site.id: (site.licensee, site.zone) for site in programme.sites}
    found = _Days()
    for day, body in books.records(DISPATCH).items():
        for site, energy_wh in read_record(DISPATCH, day, body, _used_of):
            if site not in sites:
                found.unknown[f"the site {site}"] = None
                continue
            licensee, zone = sites[site]
            _add(found.used, (day, licensee), energy_wh)
            _add(found.drawn, (day, zone), energy_wh)
    for day, body in books.records(SETTLEMENT).items():
        for licensee, energy_wh in read_record(SETTLEMENT, day, body, _settled_of):
            found.settled[day, licensee] = energy_wh
    return found


def _used_of(body: Json) -> list[tuple[str, int]]:
    """The energy that each grant of a day used, in watt-hours, with its site."""
    grants = cast("Mapping[str, Mapping[str, list[float]]]", cast("Mapping[str, Json]", body)["grants"])
    return [
        (key.partition("/")[0], sum(hour_wh(float(power_mw)) for power_mw in grant["used_mw"]))
        for key, grant in grants.items()
    ]


def _settled_of(body: Json) -> list[tuple[str, int]]:
    """What each licensee's day was settled as, in watt-hours."""
    licensees = cast("list[Mapping[str, Json]]", cast("Mapping[str, Json]", body).get("licensees", []))
    return [
        (
            str(item["licensee"]),
            sum(zone["energy_wh"] for zone in cast("list[Mapping[str, int]]", item.get("zones", []))),
        )
        for item in licensees
    ]


def _add(sums: _Sums, key: tuple[str, str], energy_wh: int) -> None:
    sums[key] = sums.get(key, 0) + energy_wh


def _posted(ledger: LedgerBooks, names: Iterable[str], account: Callable[[str], str], sign: int) -> _Sums:
    """What the accounts of these names say, by day; postings without a day of a meter under their own name."""
    codes = {account(name): name for name in names}
    found: _Sums = {}
    for code, held in ledger.lines(tuple(codes), BEGINNING, END).items():
        if held.opening.units:
            _add(found, (_OTHER, codes[code]), sign * held.opening.units)
        for line in held.lines:
            _add(found, (_day_of(line.evidence), codes[code]), sign * line.posting.amount.units)
    return found


def _day_of(evidence: str) -> str:
    kind, _, rest = evidence.partition(":")
    return rest.partition(":")[0] if kind == "meter-day" else _OTHER


def _lines(names: Iterable[str], metered: _Sums, posted: _Sums) -> Iterator[Line]:
    for name in names:
        world = sum(energy for (_, who), energy in metered.items() if who == name)
        books = sum(energy for (_, who), energy in posted.items() if who == name)
        days = {day for (day, who) in metered.keys() | posted.keys() if who == name}
        yield Line(name, _wh(world), _wh(books), len(days))


def _compare(metered: _Sums, posted: _Sums, words: str) -> Iterator[Difference]:
    for day, who in sorted(metered.keys() | posted.keys()):
        world, books = metered.get((day, who), 0), posted.get((day, who), 0)
        if world == books:
            continue
        what = f"The meters of day {day} say that {who} {words} other energy than the ledger does."
        if day == _OTHER:
            what = f"The ledger has energy of {who} that rests on no day of a meter."
        yield Difference(Part.METERS, f"{day}/{words}/{who}", who, what, _wh(world), _wh(books))


def _settled_otherwise(days: _Days) -> Iterator[Difference]:
    """Days that were settled as other energy than was metered: the ledger is not asked, and no line tells of them."""
    for day, who in sorted(days.used.keys() | days.settled.keys()):
        metered, settled = days.used.get((day, who), 0), days.settled.get((day, who), 0)
        if metered != settled:
            what = f"Day {day} of {who} was settled as other energy than its meters recorded."
            subject = f"{who} (settled)"
            yield Difference(Part.METERS, f"{day}/settled/{who}", subject, what, _wh(metered), _wh(settled))


def _wh(units: int) -> Amount:
    return Amount(units, Commodity.WH)
