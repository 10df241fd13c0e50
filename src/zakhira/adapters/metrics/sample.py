"""A metric and its samples as plain data, by Prometheus' own rules for names, and what is told of readiness."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from zakhira.kernel.canonical import Json

Kind = Literal["gauge", "counter"]
PREFIX = "zakhira_"
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
"""Narrower than the data model's own alphabet: no colons, no capitals (prometheus.io, "Metric and label naming")."""


@dataclass(frozen=True)
class Sample:
    """One figure: ``value`` of the metric ``name`` under these labels. All samples of a name share help and kind."""

    name: str
    help: str
    kind: Kind
    labels: tuple[tuple[str, str], ...]
    value: float


@dataclass(frozen=True)
class Metric:
    """A metric that can be told: its name with its unit last, what it means, and the names of its labels.

    A counter's name ends with ``_total`` and no other's does (prometheus.io, "Metric and label naming").
    """

    name: str
    help: str
    kind: Kind = "gauge"
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert self.name.startswith(PREFIX), self.name
        assert all(_NAME.fullmatch(name) for name in (self.name, *self.labels)), self.name
        assert self.name.endswith("_total") == (self.kind == "counter"), self.name
        assert self.help, self.name

    def sample(self, value: float, **labels: str) -> Sample:
        """A sample of this metric; every label that the metric has must be given, and no other."""
        assert set(labels) == set(self.labels), (self.name, sorted(labels))
        return Sample(
            self.name, self.help, self.kind, tuple((name, labels[name]) for name in self.labels), float(value)
        )


@dataclass(frozen=True)
class ReadyCheck:
    """One thing that must hold before the process counts as ready: how it stands, in words, and what to do if not."""

    part: str
    is_ready: bool
    detail: str
    remedy: str = ""


Samples = Callable[[], Sequence[Sample]]
"""Asked at every scrape, from the server's own threads, one call at a time."""
Readiness = Callable[[], Sequence[ReadyCheck]]
"""Asked at every look at ``/readyz``, the same way. Ready is who has no check that fails."""


def samples_facts(samples: Sequence[Sample]) -> list[Json]:
    """The same as plain data for ``--json``; what is endless has no number in JSON and is text."""
    return [
        {
            "name": sample.name,
            "kind": sample.kind,
            "labels": dict(sample.labels),
            "value": sample.value if math.isfinite(sample.value) else str(sample.value),
        }
        for sample in samples
    ]
