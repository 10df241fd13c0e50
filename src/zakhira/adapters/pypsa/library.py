"""PyPSA itself: an optional dependency, loaded when it is needed, and kept from talking."""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, TypeAlias

from zakhira.kernel.errors import OutsideFailure

Network: TypeAlias = Any
"""A ``pypsa.Network``. PyPSA is not there for everybody, so its type cannot be named; it stays inside this folder."""
Frame: TypeAlias = Any
"""A ``pandas.DataFrame`` of a network, for the same reason."""


class PypsaMissing(OutsideFailure):
    """PyPSA is not installed."""

    code = "ZK-PYPSA-001"


def load_pypsa() -> ModuleType:
    """PyPSA, which takes seconds to load.

    Raises:
        PypsaMissing: it is not installed.
    """
    try:
        module = importlib.import_module("pypsa")
    except ModuleNotFoundError as error:
        raise PypsaMissing(
            f"This needs PyPSA, and the module {error.name} is not installed.", "Run: pip install zakhira[pypsa]"
        ) from None
    module.options.api.legacy_string_dtype = False
    return module


def load_pandas() -> ModuleType:
    """The tables that PyPSA is made of: there whenever PyPSA is."""
    return importlib.import_module("pandas")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep PyPSA and linopy from writing between the lines of a command: what matters is checked, not read."""
    loggers = [logging.getLogger(name) for name in ("pypsa", "linopy")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
