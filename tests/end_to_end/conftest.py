"""Runs of the real program on a real node and a real database, as a user starts them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
SMALL = ROOT / "programmes" / "small"
RUN_SECONDS = 240


@dataclass(frozen=True)
class Ended:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def facts(self) -> Mapping[str, Any]:
        """What ``--json`` printed."""
        facts: Mapping[str, Any] = json.loads(self.out)
        return facts


def clean_environment(more: Mapping[str, str]) -> dict[str, str]:
    """The environment without the measuring of coverage, which would slow every process down."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")} | dict(more)


def command(*words: str) -> list[str]:
    """The command line of the installed program in this environment."""
    return [str(Path(sys.executable).with_name("zakhira")), *words]


def zakhira(*words: str, environment: Mapping[str, str] | None = None) -> Ended:
    """Run a command to its end."""
    done = subprocess.run(
        command(*words),
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
        cwd=ROOT,
        env=clean_environment(environment or {}),
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def run_words(out: Path, *, programme: Path = SMALL, days: int = 7, seed: int = 7) -> tuple[str, ...]:
    """The words of a run."""
    return ("run", str(programme), "--days", str(days), "--seed", str(seed), "--out", str(out), "--json")


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every process that works in a run's folder: node and database."""
    return [p for p in psutil.process_iter(["cmdline", "name"]) if str(folder) in " ".join(p.info["cmdline"] or ())]


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kill what still lives; a process may end by itself between being listed and being killed."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


@pytest.fixture(scope="session")
def runs_folder() -> Iterator[Path]:
    """A folder for runs whose processes are all gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="zakhira-runs-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # the database's own user passes through when the tests run as root
        yield folder
        kill(processes_of(folder))


@dataclass(frozen=True)
class FinishedRun:
    """A run of ``small`` that nobody disturbed."""

    out: Path
    ended: Ended


@pytest.fixture(scope="session")
def undisturbed(runs_folder: Path) -> FinishedRun:
    """Seven days of ``small``."""
    out = runs_folder / "undisturbed"
    ended = zakhira(*run_words(out))
    assert ended.code == 0, ended.err
    return FinishedRun(out, ended)
