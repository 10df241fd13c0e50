"""What changed between two plans, and why: MW and value by zone and class, figures, the basis, limits that bind."""

from __future__ import annotations

from dataclasses import dataclass, fields

from zakhira.planning.allocation import Basis, ClassResult, ShadowPrice
from zakhira.planning.plan_record import PlanRecord

SAME_MW = 1e-3
"""Less than a kilowatt is no change."""
SAME_SHARE = 1e-9


@dataclass(frozen=True)
class Change:
    """One zone and class in both plans: MW, value in USD a year and coins; nothing where a plan has none."""

    zone: str
    class_id: str
    before_mw: float
    after_mw: float
    before_usd: float
    after_usd: float
    before_btc: float
    after_btc: float

    @property
    def is_moved(self) -> bool:
        """Whether the MW differ."""
        return abs(self.after_mw - self.before_mw) > SAME_MW


@dataclass(frozen=True)
class FigureChange:
    """A figure of the programme that differs; None where a plan's programme has it not."""

    key: str
    before: float | None
    after: float | None


@dataclass(frozen=True)
class Comparison:
    """From one plan to another. ``basis`` are (what, before, after); limits are those that bind in one plan alone."""

    same_programme: bool
    changes: tuple[Change, ...]
    figures: tuple[FigureChange, ...]
    basis: tuple[tuple[str, str, str], ...]
    only_before: tuple[ShadowPrice, ...]
    only_after: tuple[ShadowPrice, ...]
    value_usd: tuple[float, float]
    power_mw: tuple[float, float]
    btc: tuple[float, float]

    @property
    def is_same(self) -> bool:
        """Whether the same MW are granted everywhere."""
        return not any(change.is_moved for change in self.changes)


def compare_plans(before: PlanRecord, after: PlanRecord) -> Comparison:
    """Set two plans side by side; of a build-up the phases of a class in a zone are summed."""
    one, two = before.plan, after.plan
    binding = [{price.limit: price for price in plan.shadow_prices} for plan in (one, two)]
    return Comparison(
        same_programme=one.programme_digest == two.programme_digest,
        changes=_changes(one.results, two.results),
        figures=_figures(before, after),
        basis=_basis(one.basis, two.basis),
        only_before=tuple(price for name, price in binding[0].items() if name not in binding[1]),
        only_after=tuple(price for name, price in binding[1].items() if name not in binding[0]),
        value_usd=(sum(r.value_usd for r in one.results), sum(r.value_usd for r in two.results)),
        power_mw=(one.power_mw, two.power_mw),
        btc=(sum(r.btc for r in one.results), sum(r.btc for r in two.results)),
    )


def _changes(before: tuple[ClassResult, ...], after: tuple[ClassResult, ...]) -> tuple[Change, ...]:
    keys = dict.fromkeys((result.zone, result.class_id) for result in (*before, *after))
    found = []
    for zone, class_id in keys:
        sums = []
        for results in (before, after):
            mine = [r for r in results if (r.zone, r.class_id) == (zone, class_id)]
            sums.append((sum(r.power_mw for r in mine), sum(r.value_usd for r in mine), sum(r.btc for r in mine)))
        (mw, usd, btc), (new_mw, new_usd, new_btc) = sums
        found.append(Change(zone, class_id, mw, new_mw, usd, new_usd, btc, new_btc))
    return tuple(found)


def _figures(before: PlanRecord, after: PlanRecord) -> tuple[FigureChange, ...]:
    keys = dict.fromkeys((*before.figures, *after.figures))
    pairs = ((key, before.figures.get(key), after.figures.get(key)) for key in keys)
    return tuple(FigureChange(key, old, new) for key, old, new in pairs if not _equal(old, new))


def _equal(one: float | None, two: float | None) -> bool:
    if one is None or two is None:
        return one is two
    return abs(one - two) <= SAME_SHARE * max(1.0, abs(one))


def _basis(before: Basis, after: Basis) -> tuple[tuple[str, str, str], ...]:
    pairs = ((field.name, getattr(before, field.name), getattr(after, field.name)) for field in fields(Basis))
    return tuple((name.replace("_", " "), str(old), str(new)) for name, old, new in pairs if old != new)
