"""A new programme folder that runs as it is: a commented programme file, series by a simple rule, keys of a drill."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from zakhira.adapters.drill_keys import officer_public_key, signer_xpub
from zakhira.adapters.programme_folder import PROGRAMME_FILE, load_dictionary
from zakhira.kernel.errors import InvalidInput, OutsideFailure
from zakhira.kernel.interval import HOUR, parse_utc, utc_text
from zakhira.programme.value import Problem, check_value

START = parse_utc("2025-12-31T19:00:00Z")
HOURS = 31 * 24
"""January 2026 in local time, UTC+05:00: a run of 30 days fits in."""

TRUSTED_OFFICERS = ("comptroller-1", "director-1", "auditor-1")
"""Those whose signatures on a proof pack count, unless the user decides otherwise."""

MIDDAY_HOUR = 13
MIDDAY_HALF_WIDTH_HOURS = 6
EVENING_PEAK = range(17, 22)
WIND_PERIOD_HOURS = 96

_PLACEHOLDER = re.compile(r"@(officer|signer|phrase)((?: [a-z0-9-]+)*)@")


class FolderNotEmpty(InvalidInput):
    """A programme would be written where something is already."""

    code = "ZK-PROGRAMME-111"


class BadPhrase(InvalidInput):
    """The phrase of a drill is no line of printable text."""

    code = "ZK-PROGRAMME-112"


class ScaffoldNotWritten(OutsideFailure):
    """The disk or its permissions do not let the folder be written."""

    code = "ZK-PROGRAMME-113"


def write_scaffold(folder: Path, phrase: str) -> list[Path]:
    """Write a programme into ``folder``, which must be new or empty. Returns the files, programme.toml first.

    The folder is made beside its place and moved there when it is whole, so that nothing half-written is left.

    Raises:
        FolderNotEmpty: something is there already.
        BadPhrase: ``phrase`` is no line of printable text.
        ScaffoldNotWritten: the operating system refuses.
    """
    phrase_row = load_dictionary().table("drill").attribute("phrase")
    assert phrase_row is not None
    checked = check_value(phrase_row, phrase)
    if isinstance(checked, Problem):
        raise BadPhrase(checked.message, "Give a phrase of words, for a drill alone.")
    return write_files(folder, scaffold_files(phrase))


def write_files(folder: Path, contents: Mapping[str, str | bytes]) -> list[Path]:
    """Write the files of a programme into ``folder``, which must be new or empty: all of them or none.

    Raises:
        FolderNotEmpty: something is there already.
        ScaffoldNotWritten: the operating system refuses.
    """
    try:
        if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
            raise FolderNotEmpty(f"{folder} is there already.", "Name a new or an empty folder.")
        _write_whole(folder, contents)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ScaffoldNotWritten(f"{folder} cannot be written: {reason}.", "Look at disk and permissions.") from None
    return [folder / name for name in contents]


def _write_whole(folder: Path, contents: Mapping[str, str | bytes]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.absolute().parent / f".{folder.absolute().name}.partial-{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        for name, content in contents.items():
            path = partial / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.write_text(content, encoding="utf-8")
        if folder.exists():
            _move_into(partial, folder)
        else:
            partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _move_into(partial: Path, folder: Path) -> None:
    """Fill an empty folder that is there, perhaps the one we stand in; the programme file comes last."""
    names = sorted((child.name for child in partial.iterdir()), key=lambda name: name == PROGRAMME_FILE)
    try:
        for name in names:
            (partial / name).rename(folder / name)
    except OSError:
        for name in names:
            shutil.rmtree(folder / name, ignore_errors=True)
            (folder / name).unlink(missing_ok=True)
        raise


def scaffold_files(phrase: str) -> dict[str, str]:
    """The files by name, with the keys that ``phrase`` gives."""
    template = files("zakhira.adapters").joinpath("programme_scaffold.toml").read_text(encoding="utf-8")
    head = "# Public keys of the officers that sign packs, as known from elsewhere: `zakhira verify --trust`.\n"
    keys = "".join(f"{officer} {officer_public_key(phrase, officer)}\n" for officer in TRUSTED_OFFICERS)
    return {
        PROGRAMME_FILE: fill_keys(template, phrase),
        "series/surplus.csv": _surplus(),
        "series/ambient.csv": _ambient(),
        "trust.keys": head + keys,
    }


def fill_keys(template: str, phrase: str) -> str:
    """Put the drill's keys in place of ``@officer ID@``, ``@signer VAULT SIGNER@`` and ``@phrase@``."""

    def key(match: re.Match[str]) -> str:
        names = match[2].split()
        if match[1] == "officer":
            return officer_public_key(phrase, *names)
        if match[1] == "signer":
            return signer_xpub(phrase, *names)
        return json.dumps(phrase, ensure_ascii=False)  # a JSON string of printable characters is a TOML string

    return _PLACEHOLDER.sub(key, template)


def _local_hour(hour: int) -> int:
    return hour % 24


def _hydro_mw(hour: int) -> tuple[float, float]:
    """40 MW of water that flows anyway; up to 20 MW more around 13:00, when rooftops make their own power."""
    midday = 1 - abs(_local_hour(hour) - MIDDAY_HOUR) / MIDDAY_HALF_WIDTH_HOURS
    return 40.0, round(20 * max(0.0, midday), 1)


def _wind_mw(hour: int) -> tuple[float, float]:
    """25 MW of wind, 15 more or less in a wave of four days; 10 MW of idle plant beside it."""
    return round(25 + 15 * math.cos(2 * math.pi * hour / WIND_PERIOD_HOURS), 1), 10.0


def _plant_mw(hour: int) -> tuple[float, float]:
    """40 MW of a plant that must run, 20 MW of its headroom; nothing in the evening peak."""
    return (0.0, 0.0) if _local_hour(hour) in EVENING_PEAK else (40.0, 20.0)


_RULES: Mapping[str, tuple[Callable[[int], tuple[float, float]], tuple[int, int], float]] = {
    "hydro": (_hydro_mw, (1500, 9000), 12.0),
    "wind": (_wind_mw, (500, 8000), 20.0),
    "plant": (_plant_mw, (3000, 11000), 16.0),
}
"""By zone: MW of the two blocks, their costs in PKR/MWh, and the mean temperature in C."""


def _at(hour: int) -> datetime:
    return START + hour * HOUR


def _surplus() -> str:
    lines = ["zone,start_utc,block,surplus_mw,cost_pkr_per_mwh"]
    for zone, (rule, costs, _) in _RULES.items():
        for hour in range(HOURS):
            at = utc_text(_at(hour))
            blocks = zip(rule(hour), costs, strict=True)
            lines += [f"{zone},{at},{number},{mw:g},{cost}" for number, (mw, cost) in enumerate(blocks, 1)]
    return "\n".join(lines) + "\n"


def _ambient() -> str:
    """The mean of the zone, 5 C more at 15:00 and 5 C less at 03:00."""
    lines = ["zone,start_utc,ambient_c"]
    for zone, (_, _, mean_c) in _RULES.items():
        for hour in range(HOURS):
            celsius = mean_c + 5 * math.cos(2 * math.pi * (_local_hour(hour) - 15) / 24)
            lines.append(f"{zone},{utc_text(_at(hour))},{round(celsius, 1):g}")
    return "\n".join(lines) + "\n"
