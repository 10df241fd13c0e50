"""Reports as the terminal door wants them: text in columns."""

from __future__ import annotations

from zakhira.cli.answer import Table
from zakhira.reports.document import Column
from zakhira.reports.document import Table as ReportTable


def terminal_table(table: ReportTable, notes: tuple[str, ...] = ()) -> Table:
    """A report's table with units in the heads and numbers on the right."""
    return Table(
        title=table.caption,
        columns=tuple(_head(column) for column in table.columns),
        rows=tuple(row.cells for row in table.rows),
        right=tuple(number for number, column in enumerate(table.columns) if column.number),
        notes=notes,
    )


def _head(column: Column) -> str:
    return f"{column.name}\n{column.unit}".strip() if column.unit else column.name
