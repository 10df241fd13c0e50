"""Settings from the environment: read once, at the door, and handed on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """What a user may set outside the programme.

    ``bitcoind`` (ZAKHIRA_BITCOIND): path of the node's program. ``database_url`` (ZAKHIRA_DATABASE_URL): a PostgreSQL
    server in place of the embedded one. ``passphrase`` (ZAKHIRA_PASSPHRASE): opens the drill's key files; without it
    one is made for each run and kept beside the keys, readable by their owner alone.
    """

    bitcoind: str | None = None
    database_url: str | None = None
    passphrase: str | None = None


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; an empty value counts as not set."""
    return Settings(
        bitcoind=environment.get("ZAKHIRA_BITCOIND") or None,
        database_url=environment.get("ZAKHIRA_DATABASE_URL") or None,
        passphrase=environment.get("ZAKHIRA_PASSPHRASE") or None,
    )
