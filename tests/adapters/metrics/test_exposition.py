"""What is rendered is what Prometheus' own parsers read, and every name keeps Prometheus' rules."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as classic

from zakhira.adapters.metrics.exposition import render
from zakhira.adapters.metrics.reserve import RESERVE_METRICS
from zakhira.adapters.metrics.sample import Metric, samples_facts

COINS = Metric("zakhira_vault_coins", "Unspent coins.", labels=("vault", "depth"))
ERRORS = Metric("zakhira_errors_total", "Errors.", "counter", ("code",))
LABELS = st.text(max_size=30)
OPEN = "application/openmetrics-text; version=1.0.0"


@given(names=st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=5, unique=True), value=st.floats(allow_nan=False))
def test_both_formats_are_read_back(names: list[tuple[str, str]], value: float) -> None:
    """Any label and any number, by the library's parsers of both formats."""
    samples = [COINS.sample(value, vault=vault, depth=depth) for vault, depth in names]
    samples.append(ERRORS.sample(3, code="ZK-X-001"))
    for parse, accept in ((classic, ""), (openmetrics, OPEN)):
        text, content_type = render(samples, accept)
        assert content_type.startswith("application/openmetrics-text" if accept else "text/plain")
        found = {family.name: family for family in parse(text.decode())}
        coins = found["zakhira_vault_coins"]
        assert (coins.type, coins.documentation) == ("gauge", "Unspent coins.")
        assert {(s.labels["vault"], s.labels["depth"]): s.value for s in coins.samples} == dict.fromkeys(names, value)
        errors = found["zakhira_errors"]
        assert errors.type == "counter"
        assert [(s.name, s.labels, s.value) for s in errors.samples] == [
            ("zakhira_errors_total", {"code": "ZK-X-001"}, 3.0)
        ]


def test_nothing_is_registered_for_everybody() -> None:
    """The library's own registry never learns of a reserve's figures."""
    render([COINS.sample(1, vault="a", depth="b")])
    assert not [family for family in REGISTRY.collect() if family.name.startswith("zakhira")]


BASE_UNITS = {
    "seconds",
    "sats",
    "coins",
    "blocks",
    "spends",
    "writes",
    "total",
    "info",
    "up",
    "ok",
    "catching_up",
    "halted",
}
"""What a name may end with: its unit, what it counts, or the flag that it is."""


def test_names_keep_the_rules() -> None:
    """Unit last and a base one, counters end with _total, no label in a name, no name twice, help is a sentence."""
    names = [metric.name for metric in RESERVE_METRICS]
    assert len(set(names)) == len(names)
    for metric in RESERVE_METRICS:
        assert any(metric.name.endswith(f"_{unit}") for unit in BASE_UNITS), metric.name
        assert not re.search(r"_(ms|minutes|hours|days|btc|percent|count|gauge|counter)(_|$)", metric.name)
        assert metric.help[0].isupper() or metric.help[0].isdigit()
        assert metric.help.endswith(".")
        assert not {"le", "quantile", "job", "instance"} & set(metric.labels)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("zakhira_errors", "counter"),
        ("zakhira_errors_total", "gauge"),
        ("vault_coins", "gauge"),
        ("zakhira_Coins", "gauge"),
        ("zakhira:coins", "gauge"),
    ],
)
def test_a_name_against_the_rules_cannot_be_made(name: str, kind: str) -> None:
    """The rules are checked where a metric is written down."""
    with pytest.raises(AssertionError):
        Metric(name, "Help.", kind)  # type: ignore[arg-type]  # one of the two


def test_a_sample_needs_every_label() -> None:
    """Neither fewer nor more."""
    for labels in ({"vault": "a"}, {"vault": "a", "depth": "b", "more": "c"}):
        with pytest.raises(AssertionError):
            COINS.sample(1, **labels)


def test_what_is_endless_is_text_in_json() -> None:
    """JSON has no infinity."""
    facts = samples_facts([COINS.sample(math.inf, vault="a", depth="b")])
    assert facts == [
        {"name": "zakhira_vault_coins", "kind": "gauge", "labels": {"vault": "a", "depth": "b"}, "value": "inf"}
    ]
