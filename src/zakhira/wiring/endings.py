"""Signals that end a program: each becomes one orderly interruption, so that what was started is stopped."""

from __future__ import annotations

import signal
from types import FrameType
from typing import NoReturn

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    # A second Ctrl-C would tear the cleaning up apart and leave a node or a database behind.
    for ending in ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    raise KeyboardInterrupt


def heed_endings() -> None:
    """Turn Ctrl-C, SIGTERM and SIGHUP into ``KeyboardInterrupt``; what the caller had ignored (nohup) stays so."""
    for ending in ENDINGS:
        if signal.getsignal(ending) is not signal.SIG_IGN:
            signal.signal(ending, _interrupt)
