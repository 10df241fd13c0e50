"""Render docs/standards.md from docs/standards.csv. ``--check`` only compares."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA, PAGE = ROOT / "docs" / "standards.csv", ROOT / "docs" / "standards.md"
HEAD = """\
<!-- Made by scripts/render_standards.py from standards.csv: change the data, then run it again. -->

# Standards and laws

What a standard, an order, a law or a bill asks of whoever holds a state's bitcoin, against what the program
**enforces** (with the code that it refuses with, the command, and the test that tries it), what it only **records**,
and what it **leaves to people**. A test holds every code, command and test that is cited here against the program.

No legal advice, and nothing here is a statute's text: each clause is our summary in a few words. *Verified* says
whether a person has read the text itself and found the summary right: **no row is verified**. A bill is no
law: a policy that applies one as if it were is told so (`ZK-CONTROLS-095`). A statute binds no coin until it stands in
the programme file.

A name marked † could not be sourced for that version of the standard.

"""
COLUMNS = (
    ("clause", "clause, in our words"),
    ("enforces", "enforced"),
    ("records", "recorded"),
    ("people", "left to people"),
    ("not_yet", "not yet"),
    ("cites", "by"),
)


def rows() -> list[dict[str, str]]:
    """Every clause, in the order of the file."""
    with DATA.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def cites_of(row: Mapping[str, str]) -> list[str]:
    """What a clause cites: codes, commands between back-quotes, and tests."""
    return [cite for cite in row["cites"].split("; ") if cite]


def _cell(row: Mapping[str, str], name: str) -> str:
    if name == "cites":
        return ", ".join(_shown(cite) for cite in cites_of(row)) or "-"
    if name == "clause" and row["name_source"].startswith("not sourced"):
        return f"{row['clause']} †"
    if name == "not_yet":
        return row[name].replace("`", "") or "-"  # no command yet: nothing that could be typed
    return row[name] or "-"


def _shown(cite: str) -> str:
    if not cite.startswith("tests/"):
        return cite if cite.startswith("`") else f"`{cite}`"
    path, _, test = cite.partition("::")
    return f"[{test or Path(path).stem}](../{path})"


def page() -> Iterator[str]:
    """The page in pieces: a part for each source."""
    yield HEAD
    for source, group in groupby(rows(), key=lambda row: row["source"]):
        found = list(group)
        first = found[0]
        verified = ", ".join(sorted({row["verified"] for row in found}))
        yield f"## {source}\n\n"
        status = f"Status: **{first['status']}**, {first['date']}."
        yield f"{status} Verified: **{verified}**. Looked at: {first['read_on']}.\n\n"
        yield "| " + " | ".join(head for _, head in COLUMNS) + " |\n"
        yield "|" + "---|" * len(COLUMNS) + "\n"
        for row in found:
            yield "| " + " | ".join(_cell(row, name).replace("|", "\\|") for name, _ in COLUMNS) + " |\n"
        yield "\n"
        names = {row["name_source"] for row in found if row["name_source"]}
        if names:
            yield f"Where the names of the aspects are from: {'; '.join(sorted(names))}.\n\n"


def main() -> int:
    """Write the page, or with ``--check`` say that it differs."""
    text = "".join(page()).rstrip() + "\n"
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        print("docs/standards.md does not say what docs/standards.csv says: run scripts/render_standards.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
