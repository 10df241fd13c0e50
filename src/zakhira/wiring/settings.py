"""Settings from the environment: read once, at the door, and handed on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import zakhira

SOURCE_ROOT = Path(zakhira.__file__).parents[2]
"""The project's folder when it runs from its source, as ``make`` sets it up."""


@dataclass(frozen=True)
class Settings:
    """What a user may set outside the programme.

    ``bitcoind`` (ZAKHIRA_BITCOIND): path of the node's program. ``database_url`` (ZAKHIRA_DATABASE_URL): a
    PostgreSQL server in place of the embedded one, as the application; ``database_owner_url``
    (ZAKHIRA_DATABASE_OWNER_URL) and ``database_watcher_url`` (ZAKHIRA_DATABASE_WATCHER_URL): the logins that
    migrate it, and that follow the chain; without both the first stands for all three. ``passphrase``
    (ZAKHIRA_PASSPHRASE): opens the drill's key files; without it one is made for each run and kept beside the keys,
    readable by their owner alone. ``tools`` (ZAKHIRA_TOOLS): where ``make setup`` puts a bitcoind; the project's
    ``.tools`` unless set. ``log`` (ZAKHIRA_LOG): a file that every command appends to, as JSON lines, or ``-`` for
    stderr; none unless set, but for ``reserve follow``.
    """

    bitcoind: str | None = None
    database_url: str | None = None
    database_owner_url: str | None = None
    database_watcher_url: str | None = None
    passphrase: str | None = None
    tools: Path = SOURCE_ROOT / ".tools"
    log: str | None = None


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; an empty value counts as not set."""
    return Settings(
        bitcoind=environment.get("ZAKHIRA_BITCOIND") or None,
        database_url=environment.get("ZAKHIRA_DATABASE_URL") or None,
        database_owner_url=environment.get("ZAKHIRA_DATABASE_OWNER_URL") or None,
        database_watcher_url=environment.get("ZAKHIRA_DATABASE_WATCHER_URL") or None,
        passphrase=environment.get("ZAKHIRA_PASSPHRASE") or None,
        tools=Path(environment.get("ZAKHIRA_TOOLS") or SOURCE_ROOT / ".tools"),
        log=environment.get("ZAKHIRA_LOG") or None,
    )
