"""Render the reference pages from the code itself, so that they cannot drift (C22). ``--check`` only compares."""

from __future__ import annotations

import csv
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

import click

import zakhira
from zakhira.cli.commands import zakhira as command_line
from zakhira.kernel.errors import InvalidInput, OutsideFailure, Refused, ZakhiraError

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
HEAD = "<!-- Made by scripts/render_docs.py: change the code, then run it again. -->\n\n"
EXITS = ((Refused, "1"), (InvalidInput, "2"), (OutsideFailure, "3"))


def commands(group: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Every command's words and help text."""
    context = click.Context(group, info_name=" ".join(path), max_content_width=100, terminal_width=100)
    yield " ".join(path), group.get_help(context)
    if isinstance(group, click.Group):
        for name, command in sorted(group.commands.items()):
            yield from commands(command, (*path, name))


def command_page() -> str:
    """The help of every command."""
    parts = [f"## `{words}`\n\n```text\n{text}\n```\n" for words, text in commands(command_line, ("zakhira",))]
    return f"{HEAD}# Commands\n\n" + "\n".join(parts)


def error_classes() -> list[type[ZakhiraError]]:
    """Every error class of the program, by code."""
    for module in pkgutil.walk_packages(zakhira.__path__, "zakhira."):
        importlib.import_module(module.name)

    def below(base: type[ZakhiraError]) -> Iterator[type[ZakhiraError]]:
        yield base
        for sub in base.__subclasses__():
            yield from below(sub)

    return sorted(set(below(ZakhiraError)), key=lambda cls: (cls.code, cls.__name__))


def exit_of(cls: type[ZakhiraError]) -> str:
    """The exit code that the terminal door gives an error class."""
    return next((code for base, code in EXITS if issubclass(cls, base)), "4")


def error_page() -> str:
    """Every error with its code, exit code and meaning."""
    rows = [
        f"| `{cls.code}` | {cls.__name__} | {exit_of(cls)} | {(cls.__doc__ or '').strip().splitlines()[0]} |"
        for cls in error_classes()
        if "code" in vars(cls)
    ]
    table = "\n".join(["| code | error | exit | meaning |", "|---|---|---|---|", *rows])
    return f"{HEAD}# Errors\n\nEvery code is stable. Faults in a programme's files are listed together.\n\n{table}\n"


def dictionary_page() -> str:
    """The data dictionary as a table a room."""
    with (ROOT / "src/zakhira/programme/dictionary.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    parts = [f"{HEAD}# Data dictionary\n\nTags: S sourced, D derived, K general knowledge, E estimate.\n"]
    for table in dict.fromkeys(row["table"] for row in rows):
        columns = [name for name in rows[0] if name != "table"]
        lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
        lines += [
            "| " + " | ".join(row[name].replace("|", "\\|") for name in columns) + " |"
            for row in rows
            if row["table"] == table
        ]
        parts.append(f"## `{table}`\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def main() -> int:
    """Write the pages, or with ``--check`` say which ones differ."""
    pages = {"commands.md": command_page(), "errors.md": error_page(), "dictionary.md": dictionary_page()}
    if "--check" not in sys.argv[1:]:
        REFERENCE.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            (REFERENCE / name).write_text(text, encoding="utf-8")
        return 0
    stale = [
        name
        for name, text in pages.items()
        if not (REFERENCE / name).exists() or (REFERENCE / name).read_text(encoding="utf-8") != text
    ]
    for name in stale:
        print(f"docs/reference/{name} does not say what the code says: run scripts/render_docs.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
