"""How results and progress look in a terminal: results on stdout, everything else on stderr."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import click

from zakhira.cli.answer import Answer, Finding, Progress, ServedNode, ServedReserve, Table
from zakhira.cli.printable import json_text

if TYPE_CHECKING:
    from rich.progress import TaskID

WIDTH = 100
"""Tables fit this many columns."""

WHOLE_WORDS = range(40, 67)
"""Letters of words that are not broken over lines where there is room: addresses and hashes, compared at a glance."""

_STATES = {"✓ ": "#009E73", "! ": "#E69F00", "✗ ": "#D55E00"}
"""A cell that begins with a state's sign has its colour as well (Okabe-Ito); sign and word tell it without."""

_MARKS = {"ok": "✓ ok", "warning": "! warning", "missing": "✗ missing"}


def print_answer(answer: Answer, *, as_json: bool) -> None:
    """Write an answer to stdout: as one JSON object, or as a sentence and tables."""
    if as_json:
        click.echo(json_text(answer.facts))
        return
    if answer.sentence:
        click.echo(textwrap.fill(answer.sentence, WIDTH, break_long_words=False, break_on_hyphens=False))
    for table in answer.tables:
        click.echo()
        _print_table(table)


def print_findings(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Write the doctor's findings with what to do about each."""
    if as_json:
        rows = [{"subject": f.subject, "state": f.state, "detail": f.detail, "remedy": f.remedy} for f in findings]
        click.echo(json_text({"findings": rows}))
        return
    for finding in findings:
        click.echo(f"{_MARKS[finding.state]:<10} {finding.subject}: {finding.detail}")
        if finding.remedy:
            click.echo(f"{'':<10} → {finding.remedy}")


def print_node(node: ServedNode, *, as_json: bool) -> None:
    """Say where a private node answers and how to ask it."""
    if as_json:
        click.echo(json_text({"url": node.url, "cookie": str(node.cookie), "pack": str(node.pack)}))
        return
    click.echo(f"The node of {node.out} answers at {node.url}; its cookie is {node.cookie}. Ctrl-C stops it.")
    click.echo(f"zakhira verify {node.pack} --node {node.url} --cookie {node.cookie} --trust KEYS")


def print_reserve(served: ServedReserve, *, as_json: bool) -> None:
    """Say where the node of a reserve answers."""
    if as_json:
        cookie = "" if served.cookie is None else str(served.cookie)
        click.echo(json_text({"url": served.url, "cookie": cookie, "is_private": served.is_private}))
        return
    kind = "private node" if served.is_private else "node"
    cookie = f"; its cookie is {served.cookie}" if served.cookie else ""
    click.echo(f"The {kind} of {served.folder} answers at {served.url}{cookie}. Ctrl-C stops it.")


def _whole_column(table: Table) -> int:
    """In a table of details, which has no heads, the first column with an address or a hash; -1 if there is none."""
    if any(table.columns):
        return -1
    for index in range(len(table.columns)):
        cells = [row[index] for row in table.rows]
        if any(len(cell) in WHOLE_WORDS for cell in cells) and all(len(cell) <= WHOLE_WORDS[-1] for cell in cells):
            return index
    return -1


def _print_table(table: Table) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ
    # What is shown is text: tags such as [E] and paths between colons are no marks of the library's own language.
    console = Console(
        width=WIDTH if plain else None, no_color=plain, highlight=False, soft_wrap=False, markup=False, emoji=False
    )
    drawn = RichTable(
        box=box.SIMPLE_HEAD,
        show_header=any(table.columns),
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    whole = _whole_column(table)
    for index, column in enumerate(table.columns):
        justify: Literal["left", "right"] = "right" if index in table.right else "left"
        drawn.add_column(column, justify=justify, overflow="fold", no_wrap=index == whole)
    for row in table.rows:
        drawn.add_row(*(Text(cell, style=_STATES.get(cell[:2], "")) for cell in row))
    # Captured and then written by us: the library ends the program with 1, "no", when the reader has gone.
    with console.capture() as drawing:
        if table.title:
            # Not as the table's own title, which would be folded to the width of a narrow table.
            console.print(table.title, style="bold" if not plain else "")
        console.print(drawn)
        for note in table.notes:
            console.print(note, style="dim" if not plain else "")
    click.echo(drawing.get(), nl=False)


@contextmanager
def progress_bars(*, quiet: bool) -> Iterator[Progress]:
    """Bars on stderr, one a stage; nothing at all when stderr is not a terminal or NO_COLOR is set."""
    if quiet or not sys.stderr.isatty() or "NO_COLOR" in os.environ:
        yield lambda _stage, _done, _total, _note: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    columns = (TextColumn("{task.description:<28}", markup=False), BarColumn(bar_width=32), MofNCompleteColumn())
    with RichProgress(
        *columns, TimeElapsedColumn(), TextColumn("{task.fields[note]}", markup=False), console=Console(stderr=True)
    ) as bars:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: float, total: float, note: str) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total, note=note)
            bars.update(tasks[stage], completed=done, total=total, note=note)

        yield report
