"""Render the table of figures in docs/operations.md from the metrics themselves. ``--check`` only compares."""

from __future__ import annotations

import sys
from pathlib import Path

from zakhira.adapters.metrics.reserve import RESERVE_METRICS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "operations.md"
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"


def table() -> str:
    """A row for each metric."""
    rows = []
    for metric in RESERVE_METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "-"
        rows.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |")
    return "\n".join(("| figure | kind | labels | what it is |", "|---|---|---|---|", *rows))


def main() -> int:
    """Write the page, or with ``--check`` say that it differs."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    made = f"{before}{BEGIN}\n{table()}\n{END}{after}"
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(made, encoding="utf-8")
        return 0
    if made != text:
        print("The figures of docs/operations.md are not those of the program: run scripts/render_operations.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
