"""A programme folder on disk: programme.toml and its series files, read once and validated."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from zakhira.adapters.drill_keys import officer_public_key, signer_xpub
from zakhira.adapters.series_file import read_series_columns
from zakhira.kernel.errors import Fault, Faults, InvalidInput, OutsideFailure
from zakhira.programme.dictionary import Dictionary, parse_dictionary
from zakhira.programme.faults import Cause
from zakhira.programme.model import Programme
from zakhira.programme.series import Series
from zakhira.programme.series_check import check_series
from zakhira.programme.series_columns import SeriesColumns
from zakhira.programme.toml_source import Path as KeyPath
from zakhira.programme.toml_source import TomlSource, parse_toml
from zakhira.programme.validation import parse_programme

PROGRAMME_FILE = "programme.toml"


class FolderMissing(InvalidInput):
    """The programme folder does not exist, or is a file."""

    code = "ZK-PROGRAMME-101"


class ProgrammeFileMissing(InvalidInput):
    """The folder holds no programme.toml."""

    code = "ZK-PROGRAMME-102"


class FileUnreadable(OutsideFailure):
    """The operating system refuses to read a file that is there."""

    code = "ZK-PROGRAMME-103"


def load_dictionary() -> Dictionary:
    """The data dictionary that ships with the program."""
    return parse_dictionary(files("zakhira.programme").joinpath("dictionary.csv").read_bytes())


def load_programme_file(folder: Path) -> tuple[Programme, bytes]:
    """Read and validate programme.toml alone, whatever its series are. Returns the file's bytes as well.

    Raises:
        FolderMissing, ProgrammeFileMissing, FileUnreadable: it is not there, or cannot be read.
        Faults: with every fault found in it.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise FolderMissing(f"{folder} {what}.", "Name a programme folder, or make one with `zakhira init`.")
    path = folder / PROGRAMME_FILE
    source = _read(path)
    if source is None:
        raise ProgrammeFileMissing(f"{folder} holds no {PROGRAMME_FILE}.", "Make one with `zakhira init`.")
    programme, faults = parse_programme(source, str(path), load_dictionary())
    if programme is None or faults:
        raise Faults(faults)
    return programme, source


def load_programme(folder: Path) -> tuple[Programme, Series]:
    """Read and validate a programme folder. Each file is read once, so that what is checked is what is used.

    Raises:
        FolderMissing: there is no such folder.
        ProgrammeFileMissing: it holds no programme.toml.
        FileUnreadable: a file is there and cannot be read.
        Faults: with every fault found, in the programme file or, if that is sound, in the series and the drill's keys.
    """
    programme, source = load_programme_file(folder)
    path, dictionary = folder / PROGRAMME_FILE, load_dictionary()
    faults: list[Fault] = []
    names = {"surplus": programme.surplus_file, "ambient": programme.temperature_file}
    contents = {key: _read(folder / name) for key, name in names.items()}
    place = _Place(str(path), source)
    faults += _missing_series(place, {key: names[key] for key, content in contents.items() if content is None})
    years = [(year.file, _read(folder / year.file)) for year in programme.surplus_years]
    faults += _missing_years(place, programme, [content is None for _, content in years])
    columns: dict[str, SeriesColumns] = {}
    for key, content in contents.items():
        if content is not None:
            found = read_series_columns(content, str(folder / names[key]))
            if isinstance(found, Fault):
                faults.append(found)
            else:
                columns[key] = found
    series = None
    zones = tuple(zone.id for zone in programme.zones)
    if len(columns) == len(names):
        series, more = check_series(columns["surplus"], columns["ambient"], zones, programme.horizon, dictionary)
        faults += more
    faults += _drill_faults(place, programme)
    if faults or series is None:
        raise Faults(faults)
    read = [(PROGRAMME_FILE, source), *((names[key], content) for key, content in contents.items()), *years]
    return replace(programme, digest=digest_of((name, content or b"") for name, content in read)), series


def read_parts(folder: Path, programme: Programme) -> tuple[tuple[str, bytes], ...]:
    """Every file that the digest covers, by name, in its order; empty where one has gone since it was loaded."""
    years = (year.file for year in programme.surplus_years)
    names = (PROGRAMME_FILE, programme.surplus_file, programme.temperature_file, *years)
    return tuple((name, _read(folder / name) or b"") for name in names)


def digest_of(parts: Iterable[tuple[str, bytes]]) -> str:
    """SHA-256 over names, lengths and contents, in this order: no two sets of files share the bytes that are hashed."""
    state = hashlib.sha256()
    for name, content in parts:
        state.update(f"{len(name.encode())}:{name}:{len(content)}:".encode())
        state.update(content)
    return state.hexdigest()


def _read(path: Path) -> bytes | None:
    """The file's bytes; None if it is not there.

    Raises:
        FileUnreadable: it is there and cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise FileUnreadable(f"{path} cannot be read: {reason}.", "Look at the file and its permissions.") from None


class _Place:
    """Finds lines in the programme file for faults that are found after its validation."""

    def __init__(self, file: str, source: bytes) -> None:
        self._file = file
        self._source = source
        self._parsed: TomlSource | None = None

    def fault(self, cause: Cause, path: KeyPath, key: str, message: str, remedy: str = "") -> Fault:
        if self._parsed is None:
            parsed = parse_toml(self._source, self._file)
            assert isinstance(parsed, TomlSource), "the file was parsed before"
            self._parsed = parsed
        return cause.fault(self._file, self._parsed.line(path), key, message, remedy)


def _missing_series(place: _Place, missing: dict[str, str]) -> Iterator[Fault]:
    for key, name in missing.items():
        message = f"There is no file {name!r} in the programme's folder."
        yield place.fault(Cause.SERIES_MISSING, ("series", key), f"series.{key}", message)


def _missing_years(place: _Place, programme: Programme, missing: list[bool]) -> Iterator[Fault]:
    for index, (year, gone) in enumerate(zip(programme.surplus_years, missing, strict=True)):
        if gone:
            message = f"There is no file {year.file!r} in the programme's folder."
            path, key = ("surplus_year", index, "file"), f"surplus_year.{year.id}.file"
            yield place.fault(Cause.SERIES_MISSING, path, key, message)


def _drill_faults(place: _Place, programme: Programme) -> Iterator[Fault]:
    """A drill can only be run with the keys that its phrase gives."""
    if programme.drill is None:
        return
    phrase = programme.drill.phrase
    for index, officer in enumerate(programme.policy.officers):
        wanted = officer_public_key(phrase, officer.id)
        if officer.public_key != wanted:
            path, key = ("officer", index, "public_key"), f"officer.{officer.id}.public_key"
            yield place.fault(Cause.DRILL_KEY_DIFFERS, path, key, *_differs(wanted))
    for index, vault in enumerate(programme.policy.vaults):
        for number, vault_key in enumerate(vault.keys):
            wanted = signer_xpub(phrase, vault.id, vault_key.signer)
            if vault_key.xpub != wanted:
                place_of_key = ("vault", index, "key", number, "xpub")
                key = f"vault.{vault.id}.key.{vault_key.signer}.xpub"
                yield place.fault(Cause.DRILL_KEY_DIFFERS, place_of_key, key, *_differs(wanted))


def _differs(wanted: str) -> tuple[str, str]:
    return "The drill's phrase gives another key.", f"Write {wanted} or remove [drill]."
