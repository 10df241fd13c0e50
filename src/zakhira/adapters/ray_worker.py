"""A worker of Ray: it keeps the years of surplus that it was asked about, and asks them."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from zakhira import __version__
from zakhira.adapters.ray_cluster import load_ray
from zakhira.planning.outlook_use import YearUse
from zakhira.planning.sweep import PartSlopes, PartTask
from zakhira.programme.series import Floats

Answer_co = TypeVar("Answer_co", covariant=True)
Key = tuple[int, int]
"""The number of a sweep, and the place of a year of surplus in it."""


class Question(Protocol[Answer_co]):
    """What is asked of one year of surplus."""

    def ask(self, task: PartTask) -> Answer_co:
        """The answer."""


@dataclass(frozen=True)
class Values:
    """The operating values of the scenarios at ``power_mw`` [class, zone]."""

    power_mw: Floats

    def ask(self, task: PartTask) -> Floats:
        """USD [scenario]."""
        return task.values_usd(self.power_mw)


@dataclass(frozen=True)
class Slopes:
    """What one more MW adds at ``power_mw`` [class, zone] with ``weights`` [scenario]."""

    power_mw: Floats
    weights: Floats
    by_epoch: bool

    def ask(self, task: PartTask) -> PartSlopes:
        """Slopes and values."""
        return task.slopes(self.power_mw, self.weights, by_epoch=self.by_epoch)


@dataclass(frozen=True)
class Use:
    """What is used and mined at ``power_mw`` [class, zone] with ``weights`` [scenario]."""

    power_mw: Floats
    weights: Floats

    def ask(self, task: PartTask) -> YearUse:
        """Means over the scenarios."""
        return task.use(self.power_mw, self.weights)


@dataclass(frozen=True)
class Versions:
    """What must be the same on both sides for answers to be the same."""

    zakhira: str
    python: str
    numpy: str

    def __str__(self) -> str:
        """In words."""
        return f"zakhira {self.zakhira}, Python {self.python}, numpy {self.numpy}"


@dataclass(frozen=True)
class Place:
    """Where a worker runs."""

    host: str
    process: int
    versions: Versions

    def __str__(self) -> str:
        """In words."""
        return f"process {self.process} on {self.host}"


def place_of_this_process() -> Place:
    """Where this code runs."""
    return Place(platform.node(), os.getpid(), Versions(__version__, platform.python_version(), np.__version__))


class SurplusWorker:
    """An actor. A question brings the reference of its year of surplus along, so that a new worker lacks nothing."""

    def __init__(self) -> None:
        self._tasks: dict[Key, PartTask] = {}

    def place(self) -> Place:
        """Where it runs."""
        return place_of_this_process()

    def keep(self, sweeps: frozenset[int]) -> None:
        """Forget the years of surplus of every other sweep."""
        self._tasks = {key: task for key, task in self._tasks.items() if key[0] in sweeps}

    def answer(self, key: Key, held: Sequence[object], question: Question[object]) -> object:
        """Ask a year of surplus; ``held`` has its reference, fetched (without a copy) only when it is not here yet."""
        if key not in self._tasks:
            self._tasks[key] = PartTask(load_ray().get(held[0]))
        return question.ask(self._tasks[key])
