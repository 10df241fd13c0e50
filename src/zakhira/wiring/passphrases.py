"""The passphrase of a key file: from the environment, from beside a drill's keys, or from who is at the terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from zakhira.wiring.reserve_drill import PASSPHRASE_FILE
from zakhira.wiring.settings import Settings


def passphrase_for(file: Path, settings: Settings, ask: Callable[[], str]) -> str:
    """ZAKHIRA_PASSPHRASE, else what a drill keeps beside its key files, else what ``ask`` is told."""
    if settings.passphrase:
        return settings.passphrase
    beside = file.parent / PASSPHRASE_FILE
    if beside.is_file():
        return beside.read_text(encoding="utf-8")
    return ask()
