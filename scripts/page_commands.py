"""Commands of a page with what they print: found in it, carried out, compared without what changes between runs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"```console\n\$ (?P<command>(?:[^\n]*\\\n)*[^\n]*)\n(?P<output>.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Step:
    """One command of a page, where its output stands, and the output."""

    command: str
    start: int
    end: int
    output: str


def without(text: str, changing: Iterable[tuple[re.Pattern[str], str]]) -> str:
    """A text without what changes from run to run, and without its layout."""
    for form, word in changing:
        text = form.sub(word, text)
    return " ".join(text.split())


def steps_of(page: str) -> Iterator[Step]:
    """The commands of a page with their outputs."""
    for found in _BLOCK.finditer(page):
        command = found["command"].replace("\\\n", " ")
        yield Step(command, found.start("output"), found.end("output"), found["output"])


def print_of(command: str, folder: Path, environment: dict[str, str]) -> str:
    """What a command prints in a folder, which is told as ``/srv``."""
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    told = (done.stdout + done.stderr).replace(str(folder), "/srv")
    return "".join(f"{line.rstrip()}\n" for line in told.splitlines())
