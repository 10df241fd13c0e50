"""Ray itself: an optional dependency, loaded when it is needed; started here or found at an address, and left again."""

from __future__ import annotations

import importlib
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from zakhira.kernel.errors import OutsideFailure

STORE_BYTES = 512 * 2**20
"""The most that Ray's store may keep in shared memory; it takes what it needs, and what is more goes to disk [E]."""
CONNECT_SECONDS = 10.0
"""Far above any round trip."""
ALONE = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
}
"""A Ray of our own tells nobody of itself, listens on this machine's loopback alone (that is what the second does, on
every system), and takes work only from who has its token."""


class RayMissing(OutsideFailure):
    """Ray is not installed."""

    code = "ZK-RAY-001"


class RayNotStarted(OutsideFailure):
    """Ray did not start, or does not answer at the address."""

    code = "ZK-RAY-002"


def load_ray() -> ModuleType:
    """Ray, which takes a second to load.

    Raises:
        RayMissing: it is not installed.
    """
    try:
        return importlib.import_module("ray")
    except ModuleNotFoundError as error:
        raise RayMissing(
            f"This needs Ray, and the module {error.name} is not installed.",
            "Run: pip install zakhira[ray], or plan in this process with --engine local.",
        ) from None


@contextmanager
def ray_cluster(workers: int, address: str | None) -> Iterator[ModuleType]:
    """Ray with room for ``workers``: one of our own on this machine, or the cluster at ``address``.

    Ray's own processes die with this one, however it ends; a Ray of our own leaves no file behind.

    Raises:
        RayMissing: it is not installed.
        RayNotStarted: it did not start, or does not answer at the address.
    """
    if address is None:
        # It must not write a token to the user's home, as it would of itself.
        os.environ.update({name: value for name, value in ALONE.items() if name not in os.environ})
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    with tempfile.TemporaryDirectory(prefix="zakhira-", ignore_cleanup_errors=True) as folder:
        ray = load_ray()
        try:
            # Ray lets everybody write where it keeps its files; the folder around it does not let them in.
            _begin(ray, workers, address, str(Path(folder) / "ray"))
            yield ray
        finally:
            ray.shutdown()


def _begin(ray: ModuleType, workers: int, address: str | None, folder: str) -> None:
    """Start or find Ray, without its messages."""
    if address is not None:
        _require_listener(address)
    alone = {"num_cpus": workers, "num_gpus": 0, "object_store_memory": STORE_BYTES, "_temp_dir": folder}
    where = {"address": address} if address is not None else {"address": "local", "include_dashboard": False, **alone}
    try:
        ray.init(**where, log_to_driver=False, logging_level="error")
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        place = "on this machine" if address is None else f"at {address}"
        mend = "free memory and a short path in TMPDIR" if address is None else "the address, which is host:6379"
        raise RayNotStarted(
            f"Ray does not start {place}: {in_one_line(error)}", f"Check {mend}, or plan with --engine local."
        ) from error


def _require_listener(address: str) -> None:
    """Ray itself would try for minutes where nobody listens."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "/" not in address:
        try:
            socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
        except (OSError, OverflowError) as error:
            raise RayNotStarted(
                f"Nobody answers at {address}: {in_one_line(error)}",
                "Check the address, which is host:6379, or plan with --engine local.",
            ) from error


def in_one_line(error: Exception) -> str:
    """What Ray says of an error without its line breaks: the beginning and, where the cause stands, the end."""
    text = " ".join(str(error).split())
    return text if len(text) <= 2 * LONGEST_END else f"{text[:LONGEST_END]} ... {text[-LONGEST_END:]}"


LONGEST_END = 160
"""A reader reads no more."""
