"""What every command shares: its common arguments, and how an answer becomes output and an exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from zakhira.cli.answer import Answer, Word
from zakhira.cli.door import Exit, pass_through, tell
from zakhira.cli.terminal import print_answer

FOLDER = click.Path(path_type=Path)
JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
_EXITS = {Word.YES: Exit.DONE, Word.NO: Exit.NO, Word.UNKNOWN: Exit.OUTSIDE, Word.INTERRUPTED: Exit.INTERRUPTED}


def finish(act: Callable[[], Exit], *, as_json: bool) -> None:
    """Run a command to its exit code."""
    raise SystemExit(int(pass_through(act, as_json=as_json)))


def answer_with(make: Callable[[], Answer], *, as_json: bool) -> None:
    """Make an answer, print it, and end with the exit code of its word."""

    def act() -> Exit:
        answer = make()
        tell(lambda: print_answer(answer, as_json=as_json))
        return _EXITS[answer.word]

    finish(act, as_json=as_json)
