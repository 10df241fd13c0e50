"""Which bitcoind is run: the one that is set, the one on PATH, or the project's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from zakhira.flows.ports.chain_errors import NodeMissing

OWN = Path("bitcoind/bin/bitcoind")
"""Below the project's folder of tools, where ``scripts/fetch_bitcoind.sh`` puts it."""

_REMEDY = "Run scripts/fetch_bitcoind.sh, put bitcoind (Core 28 or later, or Knots) on PATH, or set ZAKHIRA_BITCOIND."
_VERSION_TIMEOUT_S = 20


def find_bitcoind(setting: str | None, tools: Path | None, search_path: str | None = None) -> Path:
    """The program to run: ``setting``, else the one on ``search_path`` (PATH when None), else the one below ``tools``.

    Raises:
        NodeMissing: the setting names no program, or there is none anywhere.
    """
    if setting is not None:
        named = shutil.which(setting)
        if named is None:
            raise NodeMissing(f"{setting!r}, set as the bitcoind to use, is no program that can be run.", _REMEDY)
        return Path(named).absolute()
    on_path = shutil.which("bitcoind", path=search_path)
    if on_path is not None:
        return Path(on_path).absolute()
    own = tools / OWN if tools is not None else None
    if own is not None and os.access(own, os.X_OK):
        return own.absolute()
    raise NodeMissing("No bitcoind was found.", _REMEDY)


def bitcoind_version(program: Path) -> str:
    """What the program says that it is, such as ``Bitcoin Knots daemon version v29.4.3``.

    Raises:
        NodeMissing: it does not run.
    """
    try:
        said = subprocess.run(  # noqa: S603 - the program that the user chose
            [program, "--version"], capture_output=True, text=True, timeout=_VERSION_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NodeMissing(f"{program} does not run: {error}.", _REMEDY) from None
    return said.stdout.splitlines()[0].strip() if said.stdout else program.name
