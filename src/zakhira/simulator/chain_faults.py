"""Faults of a node on demand: which call fails, and whether what it asked for was done all the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum

from zakhira.flows.ports.chain_errors import NodeUnreachable
from zakhira.kernel.ids import seeded_rng


class ChainFault(Enum):
    """``UNREACHABLE``: nothing was done. ``LOST_ANSWER``: it was done, and nobody was told."""

    UNREACHABLE = "unreachable"
    LOST_ANSWER = "lost answer"


class FaultPlan:
    """Faults by the number of the call, counted from 1 over all methods; ``repeat_coins`` tells of every coin twice."""

    def __init__(self, faults: Mapping[int, ChainFault] | None = None, *, repeat_coins: bool = False) -> None:
        self._faults = dict(faults or {})
        self.calls = 0
        self.repeat_coins = repeat_coins

    @classmethod
    def seeded(cls, seed: int, calls: int, share: float) -> FaultPlan:
        """A plan in which about ``share`` of the first ``calls`` calls fail, half of them after they were done."""
        rng = seeded_rng(seed, "chain faults")
        kinds = list(ChainFault)
        hit = [call for call in range(1, calls + 1) if rng.random() < share]
        return cls({call: kinds[int(rng.integers(len(kinds)))] for call in hit})

    def fail_next(self, fault: ChainFault, after: int = 0) -> None:
        """Let the next call fail, or the one ``after`` that many more."""
        self._faults[self.calls + 1 + after] = fault

    @contextmanager
    def call(self, method: str) -> Iterator[None]:
        """One call of a method: fails before or after its work if the plan says so."""
        self.calls += 1
        fault = self._faults.get(self.calls)
        if fault is ChainFault.UNREACHABLE:
            raise NodeUnreachable(f"The simulated node does not answer {method}.", "Do it again.")
        yield
        if fault is ChainFault.LOST_ANSWER:
            raise NodeUnreachable(f"The simulated node's answer to {method} was lost.", "Do it again.")
