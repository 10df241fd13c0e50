"""The base error, its four kinds, and collected faults in user data (C13, C14)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


class ZakhiraError(Exception):
    """Base of every error that Zakhira raises on purpose.

    A subclass stands for one cause and carries a stable ``code`` such as ``ZK-CUSTODY-003``. ``message`` says what
    was wrong and with which value; ``remedy`` says what to do. The door alone turns the kind into an exit code.
    """

    code: ClassVar[str] = "ZK-KERNEL-000"

    def __init__(self, message: str, remedy: str = "") -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(f"{self.code} {message} {remedy}".rstrip())


class InvalidInput(ZakhiraError):
    """Something the user gave is wrong: the user can mend it."""

    code = "ZK-KERNEL-001"


class OutsideFailure(ZakhiraError):
    """Something outside is missing or failed: a node, a database, a disk."""

    code = "ZK-KERNEL-002"


class Refused(ZakhiraError):
    """The answer is no: a policy, a check or a proof says so."""

    code = "ZK-KERNEL-003"


@dataclass(frozen=True, order=True)
class Fault:
    """One fault in user data, with its place. ``line`` counts from 1; 0 where there is no line."""

    file: str
    line: int
    key: str
    code: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        """The fault in one line: code, place, what is wrong, what to do."""
        place = self.file + (f" line {self.line}" if self.line else "")
        key = f", key {self.key}" if self.key else ""
        return f"{self.code} {place}{key}: {self.message} {self.remedy}".rstrip()


class Faults(InvalidInput):
    """Every fault that was found, together, so that a user mends them in one go."""

    code = "ZK-KERNEL-004"

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults))
        count = len(self.faults)
        super().__init__(f"{count} fault{'' if count == 1 else 's'} found.", "\n".join(map(str, self.faults)))
