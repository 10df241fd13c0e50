"""What is installed and reachable, what is missing, and how to get it."""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, distribution, requires
from pathlib import Path

from zakhira.cli.answer import Finding
from zakhira.kernel.errors import ZakhiraError
from zakhira.wiring.settings import Settings

LEAST_PYTHON = (3, 11)
LEAST_DISK_BYTES = 2 * 10**9
"""A month of the sample programme takes well under one gigabyte (docs/benchmarks.md); twice that leaves room."""


def examine(settings: Settings) -> list[Finding]:
    """Look at everything that the commands need. Nothing is changed."""
    return [
        _python(),
        *_packages(),
        _guarded("bitcoind", lambda: _bitcoind(settings), "Run `make setup`, or set ZAKHIRA_BITCOIND."),
        _guarded("PostgreSQL", lambda: _database(settings), "Run `make setup`, or set ZAKHIRA_DATABASE_URL."),
        _disk(),
    ]


def _python() -> Finding:
    version = platform.python_version()
    if sys.version_info < LEAST_PYTHON:
        return Finding("Python", "missing", f"{version} is too old", "Install Python 3.11 or newer.")
    return Finding("Python", "ok", f"{version} on {platform.system()} {platform.machine()}")


def _packages() -> Iterator[Finding]:
    missing = []
    for requirement in requires("zakhira") or ():
        if "extra ==" in requirement:
            continue
        name = requirement.split(">")[0].split("[")[0].strip()
        try:
            distribution(name)
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        yield Finding("packages", "missing", ", ".join(missing), "Run `make setup`.")
    else:
        yield Finding("packages", "ok", "all that pyproject.toml names are installed")


def _guarded(subject: str, look: Callable[[], Finding], remedy: str) -> Finding:
    try:
        return look()
    except ZakhiraError as error:
        return Finding(subject, "missing", error.message, error.remedy or remedy)


def _bitcoind(settings: Settings) -> Finding:
    from zakhira.adapters.bitcoind.program import bitcoind_version, find_bitcoind

    path = find_bitcoind(settings.bitcoind, settings.tools)
    return Finding("bitcoind", "ok", f"{bitcoind_version(path)} at {path}")


def _database(settings: Settings) -> Finding:
    if settings.database_url:
        from zakhira.wiring.database import server_version

        version = server_version(settings.database_url)
        return Finding("PostgreSQL", "ok", f"{version}, the server of ZAKHIRA_DATABASE_URL")
    from zakhira.adapters.postgres.programs import find_programs

    with tempfile.TemporaryDirectory(prefix="zakhira-doctor-") as folder:
        said = find_programs(Path(folder) / "database").run("postgres", "--version", timeout_s=20)
    return Finding("PostgreSQL", "ok", f"{said.stdout.strip()}, embedded; started for each run in its folder")


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free
    detail = f"{free / 1e9:.1f} GB free in {Path.cwd()}"
    if free < LEAST_DISK_BYTES:
        return Finding("disk", "warning", detail, "A run may fill it: free at least 2 GB.")
    return Finding("disk", "ok", detail)
