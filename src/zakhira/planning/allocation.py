"""The answer of planning: MW by site and class, what they are worth, and the certificate."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Grant:
    """MW of one class (machine or hall) at one site."""

    site: str
    zone: str
    licensee: str
    class_id: str
    is_hall: bool
    power_mw: float
    phase: str = ""
    """In a build-up: the phase in which it is bought."""


@dataclass(frozen=True)
class ClassResult:
    """What one class in one zone does in a year: the horizon, scaled to 8,760 hours, in the mean of the scenarios.

    ``tag`` is its inputs' weakest. In a build-up ``power_mw`` and capital are what is bought in ``phase``, and all else
    what the class does in that phase's year.
    """

    zone: str
    class_id: str
    is_hall: bool
    power_mw: float
    surplus_mwh: float
    firm_mwh: float
    btc: float
    gpu_hours: float
    revenue_usd: float
    energy_cost_usd: float
    opex_usd: float
    capital_usd: float
    annualised_capital_usd: float
    jobs: float
    tag: str
    phase: str = ""
    backup_mwh: float = 0.0
    """Of a hall's load: what generation behind it served; its fuel is in ``energy_cost_usd``."""
    unserved_mwh: float = 0.0
    """Of a hall's load: what was not served, agreed interruptions included."""
    penalty_usd: float = 0.0
    """For load that was not served."""

    @property
    def value_usd(self) -> float:
        """Revenue less energy, other operating cost, penalties and annualised capital."""
        costs_usd = self.energy_cost_usd + self.opex_usd + self.penalty_usd + self.annualised_capital_usd
        return self.revenue_usd - costs_usd


@dataclass(frozen=True)
class ShadowPrice:
    """What one more unit of a limit that binds is worth a year, with the sentence that says so."""

    limit: str
    unit: str
    value_usd: float
    sentence: str


ROUNDING_SHARE = 1e-14
"""Sums of ten thousand hours in floating point agree to this."""


@dataclass(frozen=True)
class Certificate:
    """How far from optimal the plan could be: bounds on the value in USD a year."""

    method: str
    lower_bound_usd: float
    upper_bound_usd: float
    rounds: int
    seconds: float
    interrupted: bool = False
    """Whether somebody stopped the search before its bounds met."""
    floor_usd: float = 0.0
    """What it cost that no licensee may lose: a part of the gap, since the upper bound holds without that rule."""
    held_back: tuple[str, ...] = ()
    """The licensees that were granted less so as not to lose."""

    @property
    def search_gap_share(self) -> float:
        """The gap that the search left, without the price of the licensees' floor."""
        gap_usd = self.upper_bound_usd - self.lower_bound_usd - self.floor_usd
        return max(0.0, gap_usd) / max(1.0, abs(self.upper_bound_usd))

    @property
    def gap_share(self) -> float:
        """(upper - lower) / max(1, |upper|); 0 where they differ by the rounding of their sums alone."""
        share = (self.upper_bound_usd - self.lower_bound_usd) / max(1.0, abs(self.upper_bound_usd))
        return share if share > ROUNDING_SHARE else 0.0


@dataclass(frozen=True)
class Basis:
    """What was maximised: the aim, how the network answers, over how many scenarios, with how much weight on the worst.

    ``summed`` says in words whose value the objective adds up.
    """

    objective: str
    response: str
    elasticity: float
    scenarios: int
    risk_weight: float
    risk_tail_share: float
    summed: str


@dataclass(frozen=True)
class Spread:
    """The net value over the scenarios in USD a year: mean, mean of the worst, and quantiles of 5, 50 and 95%."""

    mean_usd: float
    tail_mean_usd: float
    low_usd: float
    middle_usd: float
    high_usd: float


@dataclass(frozen=True)
class Stakeholder:
    """What a plan is to one party in a year, in the mean of the scenarios: what it receives, less what it pays.

    ``kind`` is programme, licensee, grid or pools; ``btc`` are the coins that it receives.
    """

    kind: str
    id: str
    name: str
    phase: str
    lines_usd: tuple[tuple[str, float], ...]
    btc: float

    @property
    def value_usd(self) -> float:
        """The sum of its lines."""
        return sum(usd for _, usd in self.lines_usd)


@dataclass(frozen=True)
class Aim:
    """What was maximised in place of the net value: how much of it the plan has, and what no plan can exceed."""

    name: str
    unit: str
    value: float
    upper_bound: float

    @property
    def gap_share(self) -> float:
        """(upper - value) / max(1, |upper|)."""
        return (self.upper_bound - self.value) / max(1.0, abs(self.upper_bound))


@dataclass(frozen=True)
class Plan:
    """The allocation with its results by zone and class, its certificate and the price of each limit."""

    programme_digest: str
    cap_mw: float
    grants: tuple[Grant, ...]
    results: tuple[ClassResult, ...]
    certificate: Certificate
    shadow_prices: tuple[ShadowPrice, ...]
    basis: Basis
    spread: Spread
    stakeholders: tuple[Stakeholder, ...] = ()
    """Whose value it is; in a build-up a year of each phase."""
    fixed_cost_usd: float = 0.0
    """What it costs a year that the granted sites are open; in a build-up discounted over its years."""
    aim: Aim | None = None
    """Set where something else than the net value was maximised."""

    @property
    def power_mw(self) -> float:
        """MW allocated in all."""
        return sum(grant.power_mw for grant in self.grants)
