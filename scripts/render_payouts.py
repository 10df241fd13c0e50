"""Carry out the commands of the pages on payouts and write what each prints, or check that it still prints that.

    python scripts/render_payouts.py            # run every command, write outputs
    python scripts/render_payouts.py --check    # run every command, fail where an output differs

A page's name behind it (payouts.md) does only that one.

The pages are docs/payouts.md (the way of a payout, on a drill's reserve of its own) and docs/how-620000-btc-dies.md
(one layer after the other, by scripts/payout_layers.py). What differs from run to run is known by its form.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from page_commands import Step, print_of, steps_of, without

from zakhira.adapters.postgres.server import EmbeddedServer

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "docs" / "how-620000-btc-dies.md", ROOT / "docs" / "payouts.md")
_CHANGING = (
    (re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}Z| UTC)?)?"), "<time>"),
    (re.compile(r"\b(?=[0-9]*[a-f])[0-9a-f]{12,}\b"), "<hash>"),
    (re.compile(r"─+"), "-"),
)
_FILE = re.compile(r"```(?:toml|csv) (?P<name>[a-z]+\.(?:toml|csv))\n(?P<text>.*?)```", re.DOTALL)
"""Files that a page shows: they lie in the folder before its commands are run."""


def plain(text: str) -> str:
    """A text without what changes from run to run, and without its layout."""
    return without(text, _CHANGING)


def walk(page: str) -> Iterator[tuple[Step, str]]:
    """Every command of a page, one after the other in a folder with the programmes and scripts, with what it prints."""
    with tempfile.TemporaryDirectory(prefix="zakhira-pay-") as name:
        folder = Path(name)
        shutil.copytree(ROOT / "programmes" / "small", folder / "programmes" / "small")
        (folder / "scripts").symlink_to(ROOT / "scripts")
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "NO_COLOR": "1", "ZAKHIRA_PASSPHRASE": "walk"}
        environment.pop("ZAKHIRA_DATABASE_URL", None)
        for found in _FILE.finditer(page):
            (folder / found["name"]).write_text(found["text"], encoding="utf-8")
        with _kept_up(folder / "reserve") as keep:
            for step in steps_of(page):
                yield step, print_of(step.command, folder, environment)
                keep()


@contextmanager
def _kept_up(reserve: Path) -> Iterator[Callable[[], None]]:
    """Once the reserve is there, its database is not ended after each command: that would take most of the time."""
    with ExitStack() as stack:

        def keep() -> None:
            lock = reserve / "database-users.lock"
            if lock.exists() and not kept:
                kept.append(stack.enter_context(lock.open("a")))
                fcntl.flock(kept[0], fcntl.LOCK_SH)

        kept: list[TextIO] = []
        yield keep
    if kept:
        EmbeddedServer.start(reserve / "database").stop()


def rendered(page: str) -> str:
    """The page with what its commands print now."""
    parts, last = [], 0
    for step, printed in walk(page):
        parts += [page[last : step.start], printed]
        last = step.end
    return "".join((*parts, page[last:]))


def differences(page: str) -> Iterator[str]:
    """What a command of the page prints now in another way than the page says."""
    for step, printed in walk(page):
        if plain(printed) != plain(step.output):
            yield f"{step.command}\n--- the page\n{plain(step.output)}\n--- now\n{plain(printed)}"


def main() -> int:
    """Write or compare."""
    found: list[str] = []
    named = [argument for argument in sys.argv[1:] if argument != "--check"]
    for path in PAGES:
        if named and path.name not in named:
            continue
        page = path.read_text(encoding="utf-8")
        if "--check" in sys.argv:
            found += differences(page)
        else:
            path.write_text(rendered(page), encoding="utf-8")
    print("\n\n".join(found), end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
