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


@dataclass(frozen=True)
class ClassResult:
    """What one class in one zone does in a year: the horizon, scaled to 8,760 hours. ``tag`` is its inputs' weakest."""

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

    @property
    def value_usd(self) -> float:
        """Revenue less energy, other operating cost and annualised capital."""
        return self.revenue_usd - self.energy_cost_usd - self.opex_usd - self.annualised_capital_usd


@dataclass(frozen=True)
class ShadowPrice:
    """What one more unit of a limit that binds is worth a year, with the sentence that says so."""

    limit: str
    unit: str
    value_usd: float
    sentence: str


@dataclass(frozen=True)
class Certificate:
    """How far from optimal the plan could be: bounds on the value in USD a year."""

    method: str
    lower_bound_usd: float
    upper_bound_usd: float
    rounds: int
    seconds: float

    @property
    def gap_share(self) -> float:
        """(upper - lower) / max(1, |upper|)."""
        return (self.upper_bound_usd - self.lower_bound_usd) / max(1.0, abs(self.upper_bound_usd))


@dataclass(frozen=True)
class Plan:
    """The allocation with its results by zone and class, its certificate and the price of each limit."""

    programme_digest: str
    cap_mw: float
    grants: tuple[Grant, ...]
    results: tuple[ClassResult, ...]
    certificate: Certificate
    shadow_prices: tuple[ShadowPrice, ...]

    @property
    def power_mw(self) -> float:
        """MW allocated in all."""
        return sum(grant.power_mw for grant in self.grants)
