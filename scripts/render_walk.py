"""Carry out the walk of docs/walk.md and write what each command prints into it, or check that it still prints that.

    python scripts/render_walk.py            # run every command, write outputs and pictures
    python scripts/render_walk.py --check    # run every command, fail where an output differs

Each ``console`` block of the page holds one command behind ``$`` and its output. What differs from run to run (times,
ids, keys, addresses) is known by its form and not compared, nor is the layout, which follows its length.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from page_commands import Step, print_of, steps_of, without

from zakhira.adapters.bitcoind.program import find_bitcoind
from zakhira.wiring.settings import read_settings

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "walk.md"
IMAGES = ROOT / "docs" / "images"
_ANSWERS = re.compile(r"http://127\.0\.0\.1:(\d+); its cookie is (\S+)\. Ctrl-C")
_CHANGING = (
    (re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}Z| UTC)?)?"), "<time>"),
    (re.compile(r"cHNid\S+"), "<psbt>"),
    (re.compile(r"\b(bcrt1[0-9a-z]{8,}|[0-9a-f]{8,}(\.\.\.[0-9a-f]{2})?(:\d+)?)\b"), "<id>"),
    (re.compile(r"\b([0-9a-f]{4} ){7}[0-9a-f]{4}\b"), "<fingerprint>"),
    (re.compile(r"\bbcrt( [0-9a-z]{1,4})+\b"), "<groups>"),
    (re.compile(r"wsh\([^#]*#\w+", re.DOTALL), "<descriptor>"),
    (re.compile(r"\d+ minutes? old"), "<age>"),
    (re.compile(r"─+"), "-"),
)


def plain(text: str) -> str:
    """A text without what changes from run to run, and without its layout."""
    return without(text, _CHANGING)


@contextmanager
def _second_terminal(folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """``zakhira reserve node`` as long as the walk goes on, and a ``bitcoin-cli`` that asks that node."""
    command = [str(Path(sys.executable).parent / "zakhira"), "reserve", "node", "reserve"]
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None, "it was asked for"
        answers = _ANSWERS.search(process.stdout.readline())
        assert answers is not None, "the node says where it answers"
        client = find_bitcoind(read_settings().bitcoind, read_settings().tools).with_name("bitcoin-cli")
        script = folder / "bin" / "bitcoin-cli"
        script.parent.mkdir()
        options = f"-regtest -rpcport={answers[1]} -rpccookiefile={folder / answers[2]}"
        script.write_text(f'#!/bin/sh\nexec "{client}" {options} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def walk(page: str, *, keep_pictures: bool = False) -> Iterator[tuple[Step, str]]:
    """Every command of the page, one after the other in an empty folder, with what it prints now."""
    with tempfile.TemporaryDirectory(prefix="zakhira-walk-") as name:
        folder = Path(name)
        (folder / "programmes").symlink_to(ROOT / "programmes")
        path = f"{folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "NO_COLOR": "1", "ZAKHIRA_PASSPHRASE": "walk"}
        first, *others = steps_of(page)
        yield first, print_of(first.command, folder, environment)
        with _second_terminal(folder, environment):
            for step in others:
                yield step, print_of(step.command, folder, environment)
        if keep_pictures and (folder / "works-1.svg").exists():
            shutil.copy(folder / "works-1.svg", IMAGES / "spend.svg")
            sheet = ["pdftoppm", "-png", "-r", "80", "-f", "1", "-singlefile", "cold-1.pdf"]
            subprocess.run([*sheet, str(IMAGES / "backup-sheet")], cwd=folder, check=True)


def rendered(page: str) -> str:
    """The page with what its commands print now."""
    parts, last = [], 0
    for step, printed in walk(page, keep_pictures=True):
        parts += [page[last : step.start], printed]
        last = step.end
    return "".join((*parts, page[last:]))


def differences(page: str) -> Iterator[str]:
    """What a command of the page prints now in another way than the page says."""
    for step, printed in walk(page):
        if plain(printed) != plain(step.output):
            yield f"{step.command}\n--- the page\n{plain(step.output)}\n--- now\n{plain(printed)}"


def main() -> int:
    """Walk, and write or compare."""
    page = PAGE.read_text(encoding="utf-8")
    if "--check" not in sys.argv:
        PAGE.write_text(rendered(page), encoding="utf-8")
        return 0
    found = list(differences(page))
    print("\n\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
