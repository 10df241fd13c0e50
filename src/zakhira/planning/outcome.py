"""What a method of planning found, and the one place where a Plan is made of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zakhira.planning.allocation import Aim, Basis, Certificate, ClassResult, Plan, ShadowPrice, Spread
from zakhira.planning.grants import grants_of
from zakhira.planning.outlook_oracle import Risk, tail_weights
from zakhira.planning.problem import AllocationProblem
from zakhira.planning.stakeholders import stakeholders_of
from zakhira.programme.model import Phase, Programme
from zakhira.programme.series import Floats

SUMMED = "what the programme and its licensees earn together: coins and AI revenue less energy, work and capital"


@dataclass(frozen=True)
class Asked:
    """What was planned: a programme as a problem, with the weight of risk and the phases that the request named."""

    programme: Programme
    problem: AllocationProblem
    risk: Risk
    phases: tuple[Phase, ...] = ()

    @property
    def cap_mw(self) -> float:
        """The largest cap of any phase."""
        return max(stage.cap_mw for stage in self.phases) if self.phases else self.programme.cap_mw


@dataclass(frozen=True)
class Outcome:
    """What MW [column] do: the objective in USD a year, how it spreads, the results by zone and class."""

    power_mw: Floats
    value_usd: float
    spread: Spread
    results: tuple[ClassResult, ...]


@dataclass(frozen=True)
class Searched:
    """How a search ended: its method in words, the upper bound in USD a year, and whether it ended early."""

    method: str
    upper_usd: float
    rounds: int
    interrupted: bool


def certificate_of(
    searched: Searched, value_usd: float, free_usd: float, held_back: tuple[str, ...], seconds: float
) -> Certificate:
    """The certificate of a plan worth ``value_usd``; ``free_usd`` is its worth before licensees were held back."""
    return Certificate(
        method=searched.method,
        lower_bound_usd=value_usd,
        upper_bound_usd=max(searched.upper_usd, value_usd),
        rounds=searched.rounds,
        seconds=seconds,
        interrupted=searched.interrupted,
        floor_usd=max(0.0, free_usd - value_usd) if held_back else 0.0,
        held_back=held_back,
    )


def plan_of(
    asked: Asked,
    outcome: Outcome,
    certificate: Certificate,
    shadow_prices: tuple[ShadowPrice, ...],
    *,
    fixed_cost_usd: float = 0.0,
    aim: Aim | None = None,
    summed: str = SUMMED,
) -> Plan:
    """The plan of every method. ``aim`` is what was maximised in place of the net value; ``summed`` says whose."""
    programme, problem, power_mw = asked.programme, asked.problem, outcome.power_mw
    return Plan(
        programme_digest=programme.digest,
        cap_mw=asked.cap_mw,
        grants=grants_of(programme, problem, power_mw),
        results=outcome.results,
        certificate=certificate,
        shadow_prices=shadow_prices,
        basis=Basis(
            objective=aim.name if aim else programme.planning.objective,
            response=problem.response,
            elasticity=problem.elasticity,
            scenarios=problem.outlook.count,
            risk_weight=asked.risk.weight,
            risk_tail_share=asked.risk.tail_share,
            summed=summed,
        ),
        spread=outcome.spread,
        stakeholders=stakeholders_of(programme, problem, power_mw, outcome.results),
        fixed_cost_usd=fixed_cost_usd,
        aim=aim,
    )


def spread_of(net_usd: Floats, weights: Floats, risk: Risk) -> Spread:
    """How the net value [scenario] spreads."""
    tail = tail_weights(net_usd, weights, Risk(1.0, risk.tail_share))
    order = np.argsort(net_usd, kind="stable")
    filled = np.cumsum(weights[order])
    low, middle, high = (float(net_usd[order][np.searchsorted(filled, q, "left")]) for q in (0.05, 0.5, 0.95))
    return Spread(float(weights @ net_usd), float(tail @ net_usd), low, middle, high)
