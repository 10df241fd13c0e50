"""Instances of the allocation for the benchmarks, out of a seed: realistic in shape, invented in every figure [E].

Surplus has a level by zone, a season, a peak at midday and weather that lasts for days; costs are 2 to 14 Rs/kWh;
classes are worth 60 to 110 USD/MWh before energy; yearly capital charges put the optimum inside: some zones, some
classes, with the cap or the budget binding.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from zakhira.planning.coupled.problem import Battery, CoupledProblem, Link

Floats = npt.NDArray[np.float64]

PKR_PER_USD = 283.0
YEAR_HOURS = 8760
QUARTER_HOURS = 2190
DAY_HOURS = 24
COSTS_RS_PER_KWH = (2.0, 14.0)
VALUES_USD_PER_MWH = (60.0, 110.0)
AVAILABILITY_SHARE = 0.95
CAPITAL_USD_PER_MW = (0.45e6, 1.35e6)
"""From used machines to the newest, with infrastructure."""
CAPITAL_CHARGE_SHARE = 0.32
"""A yearly payment over about four years at a tenth a year."""


@dataclass(frozen=True)
class Instance:
    """A price taker's year or part of one, in arrays; a column is a class in a zone, zone by zone.

    Shapes: ``surplus_mw`` and ``cost_usd_per_mwh`` [zone, block, hour]; ``run_share`` [zone, class, hour];
    ``value_usd_per_mwh``, ``charge_usd_per_mw``, ``capital_usd_per_mw`` [class].
    """

    name: str
    surplus_mw: Floats
    cost_usd_per_mwh: Floats
    run_share: Floats
    value_usd_per_mwh: Floats
    charge_usd_per_mw: Floats
    capital_usd_per_mw: Floats
    cap_mw: float
    budget_usd: float
    links: tuple[Link, ...] = ()
    batteries: tuple[Battery, ...] = ()

    @property
    def zones(self) -> int:
        """How many zones."""
        return len(self.run_share)

    @property
    def classes(self) -> int:
        """How many classes."""
        return len(self.run_share[0])

    @property
    def hours(self) -> int:
        """How many hours."""
        return len(self.run_share[0, 0])

    @property
    def year_scale(self) -> float:
        """Takes sums over the hours to a year."""
        return YEAR_HOURS / self.hours

    def coupled_problem(self) -> CoupledProblem:
        """The same instance as our solvers take it."""
        zone, kind = np.divmod(np.arange(self.zones * self.classes), self.classes)
        return CoupledProblem(
            base_usd_per_mw=-self.charge_usd_per_mw[kind],
            column_zone=zone.astype(np.intp),
            column_class=kind.astype(np.intp),
            value_usd_per_mwh=np.repeat(self.value_usd_per_mwh[:, None], self.hours, axis=1),
            run_share=self.run_share,
            surplus_mw=self.surplus_mw,
            cost_usd_per_mwh=self.cost_usd_per_mwh,
            year_scale=np.full(self.hours, self.year_scale),
            limit_rows=np.array([np.ones(len(kind)), self.capital_usd_per_mw[kind] / 1e6]),
            limit_capacity=np.array([self.cap_mw, self.budget_usd / 1e6]),
            links=self.links,
            batteries=self.batteries,
        )


def separable(seed: int = 1, zones: int = 12, classes: int = 4, hours: int = YEAR_HOURS) -> Instance:
    """One block an hour and classes that run alike: the merit order is the same in every hour."""
    return _instance("separable", seed, zones, classes, hours, blocks=1)


def derated(seed: int = 1, zones: int = 12, classes: int = 4, hours: int = YEAR_HOURS) -> Instance:
    """Three blocks, heat that takes more from some classes than from others, and no surplus in a third of the hours.

    Machines cost a third less a year than elsewhere here, since they can run in two thirds of the hours at most.
    """
    plain = _instance("derated", seed, zones, classes, hours, blocks=3)
    rng = np.random.default_rng([seed, 2])
    surplus = np.where(_evenings(plain.hours)[None, None, :], 0.0, plain.surplus_mw)
    share = plain.run_share * _heat(rng, zones, classes, hours)
    return _with(plain, surplus_mw=surplus, run_share=share, charge_usd_per_mw=plain.charge_usd_per_mw * 2.0 / 3.0)


def coupled(
    seed: int = 1,
    zones: int = 12,
    classes: int = 4,
    hours: int = QUARTER_HOURS,
    *,
    blocks: int = 1,
    dry: bool = False,
) -> Instance:
    """A path of lines (100 MW, 2% lost) and a battery in each zone (20 MW, 80 MWh, 0.88 of it comes out again).

    ``dry``: a third of the hours of the day have no surplus anywhere.
    """
    plain = _instance("coupled, dry evenings" if dry else "coupled", seed, zones, classes, hours, blocks)
    surplus = np.where(_evenings(hours)[None, None, :], 0.0, plain.surplus_mw) if dry else plain.surplus_mw
    each_way = 0.88**0.5
    return _with(
        plain,
        surplus_mw=surplus,
        links=tuple(Link(zone, zone + 1, 100.0, 0.02) for zone in range(zones - 1)),
        batteries=tuple(Battery(zone, 20.0, 80.0, each_way, each_way) for zone in range(zones)),
    )


def _instance(name: str, seed: int, zones: int, classes: int, hours: int, blocks: int) -> Instance:
    rng = np.random.default_rng([seed, 1])
    surplus = _surplus(rng, zones, hours, blocks)
    cheap, dear = (1000.0 * cost / PKR_PER_USD for cost in COSTS_RS_PER_KWH)
    level = np.sort(rng.uniform(cheap, dear, (zones, blocks)), axis=1)
    cost = level[:, :, None] * rng.uniform(0.97, 1.03, (zones, 1, hours))
    quality = np.linspace(0.0, 1.0, classes)
    value = VALUES_USD_PER_MWH[0] + (VALUES_USD_PER_MWH[1] - VALUES_USD_PER_MWH[0]) * quality
    capital = CAPITAL_USD_PER_MW[0] + (CAPITAL_USD_PER_MW[1] - CAPITAL_USD_PER_MW[0]) * quality**1.2
    cap_mw = 2000.0 * zones / 12.0
    return Instance(
        name=name,
        surplus_mw=surplus,
        cost_usd_per_mwh=cost,
        run_share=np.full((zones, classes, hours), AVAILABILITY_SHARE),
        value_usd_per_mwh=value,
        charge_usd_per_mw=CAPITAL_CHARGE_SHARE * capital,
        capital_usd_per_mw=capital,
        cap_mw=cap_mw,
        budget_usd=0.75e6 * cap_mw,
    )


def _surplus(rng: np.random.Generator, zones: int, hours: int, blocks: int) -> Floats:
    """Gamma-like weather on a season and a day, in MW [zone, block, hour]."""
    hour = np.arange(hours)
    level_mw = rng.gamma(3.0, 90.0, (zones, blocks)) / blocks
    phase = rng.uniform(0.0, 2.0 * np.pi, (zones, blocks))
    season = 1.0 + 0.5 * np.cos(2.0 * np.pi * hour / YEAR_HOURS - phase[:, :, None])
    midday = np.exp(-0.5 * ((hour % DAY_HOURS - 12.5) / 3.5) ** 2)
    of_day = 0.55 + rng.uniform(0.2, 1.1, (zones, blocks))[:, :, None] * midday
    days = -(-hours // DAY_HOURS)
    weather = np.repeat(rng.gamma(4.0, 0.25, (zones, blocks, days)), DAY_HOURS, axis=2)[:, :, :hours]
    noise = rng.gamma(16.0, 1.0 / 16.0, (zones, blocks, hours))
    result: Floats = level_mw[:, :, None] * season * of_day * weather * noise
    return result


def _evenings(hours: int) -> npt.NDArray[np.bool_]:
    """The eight hours from 16:00: a third of the day."""
    return np.arange(hours) % DAY_HOURS >= 16


def _heat(rng: np.random.Generator, zones: int, classes: int, hours: int) -> Floats:
    """What heat leaves of each class [zone, class, hour]: linear from a class's own limit to 7 C above it."""
    hour = np.arange(hours)
    warm = rng.uniform(22.0, 32.0, (zones, 1))
    summer = 9.0 * np.cos(2.0 * np.pi * (hour / YEAR_HOURS - 0.5))
    air_c = warm + summer + 7.0 * np.cos(2.0 * np.pi * (hour % DAY_HOURS - 15) / DAY_HOURS)
    limit_c = np.linspace(36.0, 44.0, classes)
    result: Floats = np.clip((limit_c[None, :, None] + 7.0 - air_c[:, None, :]) / 7.0, 0.0, 1.0)
    return result


def _with(plain: Instance, **changes: object) -> Instance:
    return replace(plain, **changes)  # type: ignore[arg-type]  # the names are those of the fields
