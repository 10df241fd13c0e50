"""Render the tables of figures in docs/operations.md from the metrics themselves. ``--check`` only compares."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from zakhira.adapters.metrics.reserve import RESERVE_METRICS
from zakhira.adapters.metrics.sample import Metric
from zakhira.wiring.watch_run import WATCH_METRICS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "operations.md"
TABLES = {"figures": RESERVE_METRICS, "watch figures": WATCH_METRICS}
"""Which metrics stand between the marks of this name."""


def table(metrics: Sequence[Metric]) -> str:
    """A row for each metric."""
    rows = []
    for metric in metrics:
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "-"
        rows.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |")
    return "\n".join(("| figure | kind | labels | what it is |", "|---|---|---|---|", *rows))


def main() -> int:
    """Write the page, or with ``--check`` say that it differs."""
    text = PAGE.read_text(encoding="utf-8")
    made = text
    for name, metrics in TABLES.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, _, rest = made.partition(begin)
        after = rest.partition(end)[2]
        made = f"{before}{begin}\n{table(metrics)}\n{end}{after}"
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(made, encoding="utf-8")
        return 0
    if made != text:
        print("The figures of docs/operations.md are not those of the program: run scripts/render_operations.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
