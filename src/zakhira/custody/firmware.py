"""Versions of firmware, and ranges of them as advisories write them: ``4.0.0-5.1.2``, ``<5.1.3``, ``>=4.0 <5.1.3``.

Firmware is not numbered as Python packages are (Coldcard's 6.3.5X, 1.3.4Q; Jade's 1.0.31-beta2), so that the usual
comparison of packages refuses some. Here numbers are compared in their order, a missing one is 0, a preview (``alpha``,
``beta``, ``rc``) comes before its release, and letters of a product line (``X``, ``Q``) do not count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from zakhira.custody.vault_papers.text import quoted
from zakhira.custody.vault_refusals import BadFirmwareRange

_VERSION = r"v?\d{1,9}(?:\.\d{1,9}){0,5}(?:[-.]?(?:alpha|beta|rc|pre)[-.]?\d{0,4}|[A-Za-z]{1,3})?"
_PARTS = re.compile(
    r"v?(?P<numbers>\d{1,9}(?:\.\d{1,9}){0,5})(?:[-.]?(?P<preview>alpha|beta|rc|pre)[-.]?(?P<n>\d{0,4})|[A-Za-z]{1,3})?",
    re.IGNORECASE,
)
_SPAN = re.compile(rf"(?P<low>{_VERSION})\s*(?:-|\u2013|\.\.|to)\s*(?P<high>{_VERSION})", re.IGNORECASE)
_BOUND = re.compile(rf"(?P<sign><=|>=|<|>|==?)?\s*(?P<version>{_VERSION})", re.IGNORECASE)
_PREVIEWS = {"alpha": 1, "beta": 2, "pre": 3, "rc": 4}
MAX_RANGE_CHARACTERS = 200
EVERY = "*"

Version = tuple[tuple[int, ...], int, int]


def parse_version(text: str) -> Version | None:
    """A version that can be compared, or None where the text is none (``unknown``, a date with letters ...)."""
    match = _PARTS.fullmatch(text.strip())
    if match is None:
        return None
    numbers = [int(number) for number in match["numbers"].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    rank = _PREVIEWS[match["preview"].lower()] if match["preview"] else len(_PREVIEWS) + 1
    return tuple(numbers), rank, int(match["n"] or 0)


@dataclass(frozen=True)
class _Bound:
    sign: str
    version: Version

    def holds(self, version: Version) -> bool:
        """Whether a version lies on this side."""
        return {
            "<": version < self.version,
            "<=": version <= self.version,
            ">": version > self.version,
            ">=": version >= self.version,
            "=": version == self.version,
        }[self.sign]


@dataclass(frozen=True)
class FirmwareRange:
    """Which versions an advisory names: one of the alternatives must hold with all its bounds."""

    text: str
    alternatives: tuple[tuple[_Bound, ...], ...]

    def touches(self, firmware: str) -> bool | None:
        """Whether a version is in the range; None if the text is no version that can be compared."""
        if self.text == EVERY:
            return True
        version = parse_version(firmware)
        if version is None:
            return None
        return any(all(bound.holds(version) for bound in bounds) for bounds in self.alternatives)


def _known(text: str) -> Version:
    version = parse_version(text)
    assert version is not None, "the pattern of a range takes versions alone"
    return version


def _bounds(part: str, text: str) -> tuple[_Bound, ...]:
    """The bounds of one alternative, all of which must hold."""
    span = _SPAN.fullmatch(part)
    if span is not None:
        low, high = _known(span["low"]), _known(span["high"])
        if high < low:
            raise BadFirmwareRange(f"The range {quoted(part)} ends before it begins.", "Write the lower version first.")
        return _Bound(">=", low), _Bound("<=", high)
    found, place = [], 0
    for match in _BOUND.finditer(part):
        if part[place : match.start()].strip(" &"):
            break
        found.append(_Bound({"==": "=", None: "="}.get(match["sign"], match["sign"] or "="), _known(match["version"])))
        place = match.end()
    if not found or part[place:].strip():
        raise BadFirmwareRange(
            f"The range of firmware {quoted(text)} cannot be read.",
            "Write it like 4.0.0-5.1.2, <5.1.3 or '>=4.0 <5.1.3'; a comma separates alternatives, * is every version.",
        )
    return tuple(found)


def parse_firmware_range(text: str) -> FirmwareRange:
    """A range as advisories write it; a comma separates alternatives, bounds beside one another hold together.

    ``4.0.0-5.1.2`` includes both ends; a version alone is that version; ``*`` is every one.

    Raises:
        BadFirmwareRange: it cannot be read, or ends before it begins.
    """
    said = text.strip()
    if said == EVERY:
        return FirmwareRange(EVERY, ())
    if not said or len(said) > MAX_RANGE_CHARACTERS:
        raise BadFirmwareRange("The range of firmware is empty or too long.", "Write it like 4.0.0-5.1.2 or <5.1.3.")
    return FirmwareRange(said, tuple(_bounds(part.strip(), said) for part in said.split(",")))
