"""Samples in the text format of Prometheus, or in OpenMetrics where the reader asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from zakhira.adapters.metrics.sample import Sample

_TOTAL = "_total"


class _Collected(Collector):
    """Samples as the library's metric families: each name once, in the order in which it came."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples

    def collect(self) -> Iterator[Metric]:
        """The families."""
        by_name: dict[str, list[Sample]] = {}
        for sample in self._samples:
            by_name.setdefault(sample.name, []).append(sample)
        for name, samples in by_name.items():
            first = samples[0]
            family = CounterMetricFamily if first.kind == "counter" else GaugeMetricFamily
            labels = [label for label, _ in first.labels]
            told = family(name.removesuffix(_TOTAL) if first.kind == "counter" else name, first.help, labels=labels)
            for sample in samples:
                told.add_metric([value for _, value in sample.labels], sample.value)
            yield told


def render(samples: Sequence[Sample], accept: str = "") -> tuple[bytes, str]:
    """The samples as text, with its content type; ``accept`` is the reader's Accept header.

    The registry is made for this one text: no figure of one reserve can get into another's.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(samples))
    encoder, content_type = choose_encoder(accept)
    return encoder(registry), content_type
