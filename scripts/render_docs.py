"""Render the reference pages from the code itself, so that they cannot drift (C22). ``--check`` only compares."""

from __future__ import annotations

import ast
import csv
import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import click

import zakhira
from zakhira.cli.commands import zakhira as command_line
from zakhira.controls.analysis.finding import PolicyCause
from zakhira.controls.engine.decision import Why
from zakhira.kernel.errors import InvalidInput, OutsideFailure, Refused, ZakhiraError
from zakhira.programme.faults import Cause
from zakhira.watch.alarm import AlarmKind

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
HEAD = "<!-- Made by scripts/render_docs.py: change the code, then run it again. -->\n\n"
SOURCE = ROOT / "src" / "zakhira"
CODE = re.compile(r"ZK-[A-Z0-9]+-\d{3}")
EXITS = ((Refused, "1"), (InvalidInput, "2"), (OutsideFailure, "3"))


def commands(group: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Every command's words and help text."""
    context = click.Context(group, info_name=" ".join(path), terminal_width=100, help_option_names=["-h", "--help"])
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


def named_codes() -> list[tuple[str, str]]:
    """Codes that stand as a constant of a module, with the docstring below the constant, by code."""
    found = []
    for path in SOURCE.rglob("*.py"):
        body: list[ast.stmt] = ast.parse(path.read_text(encoding="utf-8")).body
        for node, below in pairwise((*body, ast.Pass())):
            if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)):
                continue
            if not (isinstance(node.value.value, str) and CODE.fullmatch(node.value.value)):
                continue
            found.append((node.value.value, text_of(below)))
    return sorted(found)


def text_of(node: ast.stmt) -> str:
    """What a docstring says; nothing where the statement is none."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return str(node.value.value)
    return ""


def sentence(meaning: str) -> str:
    """A meaning as a sentence."""
    return f"{meaning[0].upper()}{meaning[1:]}."


def rows_of(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def error_page() -> str:
    """Every code that a user can see: errors with their exit codes, faults in files, and the terminal's own."""
    errors = [
        (f"`{cls.code}`", cls.__name__, exit_of(cls), (cls.__doc__ or "").strip().splitlines()[0])
        for cls in error_classes()
        if "code" in vars(cls)
    ]
    causes = [(f"`{cause.code}`", sentence(cause.meaning), cause.remedy) for cause in Cause]
    named = [(f"`{code}`", meaning) for code, meaning in named_codes()]
    return "\n".join(
        (
            f"{HEAD}# Errors\n",
            "Every code is stable. A message says what was wrong, with which value, and what to do.\n",
            "## Errors\n",
            "One error ends the command. Exit 4 is the program's own fault.\n",
            rows_of(("code", "error", "exit", "meaning"), errors),
            "\n## Faults in a programme folder\n",
            "All that are found come together, each with file, line and key; the command ends with exit 2.\n",
            rows_of(("code", "meaning", "what to do"), sorted(causes)),
            "\n## Why the policy refuses\n",
            "They stand in a decision, one or several, and in the message of the error that refuses.\n",
            rows_of(("code", "meaning"), [(f"`{why.code}`", sentence(why.meaning)) for why in Why]),
            "\n## What is wrong with a policy\n",
            "Found by `zakhira policy check`, each with an example; faults end with exit 2, warnings do not.\n",
            rows_of(
                ("code", "meaning", "what to do"),
                [(f"`{cause.code}`", sentence(cause.meaning), cause.remedy) for cause in PolicyCause],
            ),
            "\n## Alarms of the watchtower\n",
            "An alarm is told when it is raised, when it changes, now and then while it lasts, and when it is over.\n",
            rows_of(
                ("code", "haste", "meaning"),
                [(f"`{kind.code}`", kind.severity.value, sentence(kind.meaning)) for kind in AlarmKind],
            ),
            "\n## Other faults\n",
            "Those of a power system (ENERGY), of scenarios (PLANNING) and of trusted keys (PROOFS) come together and",
            "end with exit 2.\n",
            "Those of the terminal (CLI) say their exit.\n",
            rows_of(("code", "meaning"), named),
            "",
        )
    )


def dictionary_page() -> str:
    """The data dictionary as a table a room."""
    with (ROOT / "src/zakhira/programme/dictionary.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    parts = [f"{HEAD}# Data dictionary\n\nTags: S sourced, D derived, K general knowledge, E estimate.\n"]
    for table in dict.fromkeys(row["table"] for row in rows):
        of_table = [row for row in rows if row["table"] == table]
        about = [f"{row['description']}.\n" for row in of_table if not row["attribute"]]
        attributes = [row for row in of_table if row["attribute"]]
        columns = tuple(name for name in rows[0] if name != "table" and any(row[name] for row in attributes))
        cells = [tuple(row[name] for name in columns) for row in attributes]
        parts.append("\n".join((f"## `{table}`\n", *about, rows_of(columns, cells), "")))
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
