"""Years of surplus that take their time, kill their worker or fail: Ray's workers import them from here."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from example_programme import build_programme, random_series
from zakhira.kernel.ids import seeded_rng
from zakhira.planning.outlook_draw import draw_outlook
from zakhira.planning.outlook_use import YearUse
from zakhira.planning.outlook_year import Meeting, YearOfSurplus
from zakhira.planning.plan import PlanRequest
from zakhira.planning.problem import AllocationProblem, build_problem
from zakhira.planning.sweep import Engine, PartSlopes, Sweep
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats, Series

YEARS = 7
SCENARIOS = 40
HOURS = 700
"""More than two retarget periods, so that there are several epochs."""
PATIENCE_S = 60.0
"""How long a year waits for another that never comes."""


@dataclass(frozen=True)
class Case:
    """A programme with its years of surplus and drawn scenarios; ``stop_share`` keeps the plan short."""

    programme: Programme
    series: tuple[Series, ...]
    request: PlanRequest
    problem: AllocationProblem


def build_case(seed: int = 5) -> Case:
    """The same case for the same seed: cheap machines, others that leave, and a third of it is the tail."""
    base = build_programme(HOURS)
    planning = replace(base.planning, response="elastic", risk_weight=0.3, risk_tail_share=0.1)
    prices = replace(base.prices, btc_usd=110_000.0, capital_budget_usd=130e6)
    machines = tuple(replace(item, limit_mw=8.0, price_usd_per_th=0.7) for item in base.machines)
    programme = replace(base, planning=planning, prices=prices, machines=machines)
    series = tuple(random_series(seeded_rng(seed, f"year {number}"), HOURS) for number in range(YEARS))
    epochs = build_problem(programme, series[0]).years[0].epochs.count
    weights = [1.0 / YEARS] * YEARS
    outlook = draw_outlook(programme, epochs, (0,), weights, SCENARIOS, seeded_rng(seed, "outlook"))
    problem = build_problem(programme, series[0], outlook, series[1:])
    return Case(programme, series, PlanRequest(outlook, series[1:], stop_share=1e-3), problem)


def log_line(path: Path, text: str) -> None:
    """Append a line at once, whichever process writes."""
    with path.open("ab", buffering=0) as file:
        file.write(f"{text}\n".encode())


@dataclass(frozen=True)
class SlowYear(YearOfSurplus):
    """Takes between 0 and ``most_seconds`` to meet, other times for other names, and logs its name when it has met."""

    name: int
    most_seconds: float
    log: Path

    def meet(self, power_mw: Floats) -> Meeting:
        """The same meeting, later."""
        seed = int(np.abs(power_mw).sum() * 1e6)
        time.sleep(float(seeded_rng(seed, f"delay {self.name}").uniform(0.0, self.most_seconds)))
        meeting = super().meet(power_mw)
        log_line(self.log, str(self.name))
        return meeting


@dataclass(frozen=True)
class LaterYear(SlowYear):
    """Meets only after another year has: whoever was handed it first is not the first to be done."""

    def meet(self, power_mw: Floats) -> Meeting:
        """The same meeting, after another's."""
        give_up = time.monotonic() + PATIENCE_S
        while not self.log.exists() and time.monotonic() < give_up:
            time.sleep(0.01)
        return super().meet(power_mw)


@dataclass(frozen=True)
class DeadlyYear(YearOfSurplus):
    """Kills its own process in the meetings, counted over all processes, that ``deadly`` names."""

    deadly: tuple[int, ...]
    log: Path

    def meet(self, power_mw: Floats) -> Meeting:
        """The same meeting, or none."""
        log_line(self.log, "met")
        if len(self.log.read_text().splitlines()) in self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().meet(power_mw)


@dataclass(frozen=True)
class FaultyYear(YearOfSurplus):
    """Has a defect."""

    def meet(self, power_mw: Floats) -> Meeting:
        """Fail as our own code might."""
        raise ArithmeticError(f"{power_mw.size} figures, and no meeting")


def as_kind(part: YearOfSurplus, kind: type[YearOfSurplus], **more: object) -> YearOfSurplus:
    """The same year of surplus with another temper."""
    own = {field.name: getattr(part, field.name) for field in fields(YearOfSurplus)}
    return kind(**own, **more)  # type: ignore[arg-type]  # what a kind adds is known to the test that names it


@dataclass(frozen=True)
class DrilledSweep:
    """Does something before the slopes are asked, which is between the two calls of a look."""

    sweep: Sweep
    before_slopes: Callable[[], None]

    def values_usd(self, power_mw: Floats) -> list[Floats]:
        """Ask."""
        return self.sweep.values_usd(power_mw)

    def slopes(self, power_mw: Floats, weights: list[Floats], *, by_epoch: bool) -> list[PartSlopes]:
        """Do it, then ask."""
        self.before_slopes()
        return self.sweep.slopes(power_mw, weights, by_epoch=by_epoch)

    def uses(self, power_mw: Floats, weights: list[Floats]) -> list[YearUse]:
        """Ask."""
        return self.sweep.uses(power_mw, weights)


@dataclass(frozen=True)
class DrilledEngine:
    """An engine whose years of surplus are changed by ``temper`` (place, year), and whose looks are disturbed."""

    engine: Engine
    temper: Callable[[int, YearOfSurplus], YearOfSurplus] = lambda _, part: part
    before_slopes: Callable[[], None] = lambda: None

    def sweep(self, parts: tuple[YearOfSurplus, ...]) -> Sweep:
        """Take changed years over."""
        changed = tuple(self.temper(number, part) for number, part in enumerate(parts))
        return DrilledSweep(self.engine.sweep(changed), self.before_slopes)
