"""Whose value a plan is: the programme's, each licensee's, the grid's and the pools', a year; transfers cancel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from zakhira.planning.allocation import ClassResult, Stakeholder
from zakhira.planning.problem import AllocationProblem
from zakhira.planning.worth import KWH_PER_MWH, firm_tariff_usd_per_mwh
from zakhira.programme.model import Licensee, Pool, Programme
from zakhira.programme.series import Floats

TRANSFERS = ("royalty", "rent", "markup", "surplus energy", "firm energy")
"""What one pays and another receives: over all stakeholders each of them sums to nothing."""


class _Books:
    """Sums by stakeholder and line while a plan is gone through."""

    def __init__(self, kind: str, name_id: str, name: str, phase: str) -> None:
        self.who = (kind, name_id, name, phase)
        self.lines: dict[str, float] = {}
        self.btc = 0.0

    def add(self, **amounts_usd: float) -> None:
        """Add amounts by line; underscores stand for spaces."""
        for key, value in amounts_usd.items():
            line = key.replace("_", " ")
            self.lines[line] = self.lines.get(line, 0.0) + value

    def closed(self) -> Stakeholder:
        """The sums as a result."""
        return Stakeholder(*self.who, lines_usd=tuple(self.lines.items()), btc=self.btc)


def stakeholders_of(
    programme: Programme, problem: AllocationProblem, power_mw: Floats, results: Sequence[ClassResult]
) -> tuple[Stakeholder, ...]:
    """A year's money by stakeholder, in a build-up for each phase: programme, licensees, grid, pools.

    A licensee has coins after the pool's fee and rejected work, and AI revenue; it pays royalty, rent, surplus at its
    cost with the markup, the firm tariff, other operating cost, penalties to its customers and annualised capital. The
    grid is paid the surplus's own fuel, and for firm supply more than the system's average fuel costs it: what is left
    relieves its capacity payments. Licensees with the same class in a zone share its result pro rata to MW.
    """
    found: list[Stakeholder] = []
    phases = dict.fromkeys(result.phase for result in results)
    owners = list(owners_of(problem, power_mw))
    for phase in phases or {"": None}:
        books = _phase_books(programme, phase)
        for result, (_, held) in zip(results, owners, strict=True):
            if result.phase == phase:
                whole = sum(held.values())
                for column, mw in held.items():
                    _share(programme, books, result, problem.columns[column].site.licensee, mw / whole)
        years = {year for result, (year, _) in zip(results, owners, strict=True) if result.phase == phase}
        for year in years:
            for column, usd in site_costs_usd(problem, power_mw, year).items():
                books["licensee", problem.columns[column].site.licensee].add(open_site=-usd)
        found += [entry.closed() for entry in books.values() if entry.lines or entry.who[0] != "licensee"]
    return tuple(found)


def own_values_usd(stakeholders: Sequence[Stakeholder]) -> dict[str, float]:
    """Each licensee's own net value a year, by id; a build-up's least year counts."""
    values: dict[str, float] = {}
    for one in stakeholders:
        if one.kind == "licensee":
            values[one.id] = min(values.get(one.id, one.value_usd), one.value_usd)
    return values


def owners_of(problem: AllocationProblem, power_mw: Floats) -> Iterator[tuple[int, dict[int, float]]]:
    """For each result, in the results' own order, its year and the MW of each column behind it."""
    for number, year in enumerate(problem.years):
        totals = problem.by_zone_and_class(power_mw, year)
        for zone, place in np.argwhere(totals > 0):
            held = {
                index: float(power_mw[index])
                for index, (column, at) in enumerate(zip(problem.columns, year.class_of, strict=True))
                if column.zone == zone and at == place and power_mw[index] > 0
            }
            yield number, held


def site_costs_usd(problem: AllocationProblem, power_mw: Floats, year: int) -> dict[int, float]:
    """What open sites cost in a year of work, at the first column that has MW there."""
    costs: dict[str, tuple[int, float]] = {}
    for index, (column, place) in enumerate(zip(problem.columns, problem.years[year].class_of, strict=True)):
        if place >= 0 and power_mw[index] > 0 and column.site.fixed_cost_usd_per_year > 0:
            costs.setdefault(column.site.id, (index, column.site.fixed_cost_usd_per_year))
    return dict(costs.values())


def _phase_books(programme: Programme, phase: str) -> dict[tuple[str, str], _Books]:
    """Empty books of everybody."""
    books = {("programme", programme.id): _Books("programme", programme.id, programme.name, phase)}
    for licensee in programme.licensees:
        books["licensee", licensee.id] = _Books("licensee", licensee.id, licensee.name, phase)
    books["grid", "grid"] = _Books("grid", "grid", "The grid", phase)
    books["pools", "pools"] = _Books("pools", "pools", "The pools", phase)
    return books


def kept_share(pool: Pool) -> float:
    """The share of the work's expected coins that a pool keeps: rejected work and its fee, as settlement counts it."""
    return 1.0 - (1.0 - pool.reject_share) * (1.0 - pool.fee_share)


def _share(
    programme: Programme,
    books: dict[tuple[str, str], _Books],
    result: ClassResult,
    licensee_id: str,
    share: float,
) -> None:
    """Book a licensee's share of a result with everybody whom it concerns."""
    licensee = next(item for item in programme.licensees if item.id == licensee_id)
    own, office = books["licensee", licensee_id], books["programme", programme.id]
    surplus_mwh, firm_mwh = share * result.surplus_mwh, share * result.firm_mwh
    firm_usd = firm_mwh * firm_tariff_usd_per_mwh(programme.prices)
    fuel_usd = share * result.energy_cost_usd - firm_usd
    markup_usd = surplus_mwh * programme.prices.energy_markup_pkr_per_kwh * KWH_PER_MWH / programme.prices.pkr_per_usd
    system_usd = firm_mwh * programme.prices.system_fuel_pkr_per_kwh * KWH_PER_MWH / programme.prices.pkr_per_usd
    if result.is_hall:
        rent_usd = share * result.revenue_usd * licensee.rent_share
        own.add(AI_revenue=share * result.revenue_usd, rent=-rent_usd)
        office.add(rent=rent_usd)
    else:
        _share_coins(programme, books, result, licensee, share)
    own.add(surplus_energy=-fuel_usd, markup=-markup_usd, firm_energy=-firm_usd)
    own.add(operation=-share * result.opex_usd, capital=-share * result.annualised_capital_usd)
    if result.penalty_usd:
        own.add(penalties=-share * result.penalty_usd)
    office.add(markup=markup_usd)
    books["grid", "grid"].add(
        surplus_energy=fuel_usd, surplus_fuel=-fuel_usd, firm_energy=firm_usd, system_fuel=-system_usd
    )


def _share_coins(
    programme: Programme, books: dict[tuple[str, str], _Books], result: ClassResult, licensee: Licensee, share: float
) -> None:
    """Book coins: the pool keeps its part, the programme its royalty of what the pool pays."""
    pool = next(item for item in programme.pools if item.id == licensee.pool)
    kept = kept_share(pool)
    own, office, pools = books["licensee", licensee.id], books["programme", programme.id], books["pools", "pools"]
    coins_usd, coins_btc = share * result.revenue_usd, share * result.btc
    royalty = (1.0 - kept) * licensee.royalty_share
    own.add(coins=coins_usd * (1.0 - kept), royalty=-coins_usd * royalty)
    own.btc += coins_btc * (1.0 - kept - royalty)
    office.add(royalty=coins_usd * royalty)
    office.btc += coins_btc * royalty
    pools.add(coins=coins_usd * kept)
    pools.btc += coins_btc * kept
