"""A file of cases, CSV or JSON, read whole: every bad row is told with its line before anything is simulated."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from zakhira.controls.analysis.cases import Case
from zakhira.controls.engine.question import BoundLot, Destination
from zakhira.kernel.errors import Fault, Faults, InvalidInput, OutsideFailure
from zakhira.kernel.money import Amount, BadAmount, Commodity, parse_amount
from zakhira.programme.policy import ACTIONS

CASE_COLUMN = "ZK-WIRING-072"
"""A column of a file of cases that is missing, or that nobody knows."""
CASE_CELL = "ZK-WIRING-073"
"""A cell of a file of cases that cannot be read."""

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

REQUIRED = ("action", "proposer", "at")
COLUMNS = (
    *("id", *REQUIRED, "amount", "vault", "path", "destination", "purpose", "approvers", "approved_at"),
    *("executor", "executed_at", "fee", "balance", "lot_purpose", "deposited_at"),
)
"""Every column; all but the required ones may be left out, or empty."""
PATHS = ("main", "recovery")
OWN_VAULT = "vault:"
"""In front of a destination that is a vault of ours."""
MAX_BYTES = 512 * 1024 * 1024
"""A million cases are about 200 MB; more than this is some other file."""
Value = TypeVar("Value")


class NoCases(InvalidInput):
    """A file of cases holds none, or is neither CSV nor JSON."""

    code = "ZK-WIRING-074"


class CasesUnreadable(OutsideFailure):
    """A file of cases is not there, or cannot be read."""

    code = "ZK-WIRING-075"


def read_cases(path: Path) -> list[Case]:
    """The cases of a CSV file with a header, or of a JSON file with a list of objects of the same names.

    Raises:
        CasesUnreadable, NoCases: the file as a whole.
        Faults: every column and cell that is wrong, with its line (of JSON: the number of the case).
    """
    data = _read(path)
    rows = _json_rows(path, data) if path.suffix.lower() == ".json" else _csv_rows(path, data)
    reading = _Reading(str(path))
    cases = [case for number, row in rows if (case := reading.case(number, row)) is not None]
    if reading.faults:
        raise Faults(reading.faults)
    if not cases:
        raise NoCases(f"{path} holds no case.", f"Give a header with {', '.join(REQUIRED)} and a row for each case.")
    return cases


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CasesUnreadable(f"{path} cannot be read: {error.strerror}.", "Look at its name and rights.") from None
    if len(data) > MAX_BYTES:
        raise NoCases(f"{path} has more than {MAX_BYTES} bytes.", "Split it.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NoCases(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from None


def _csv_rows(path: Path, data: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    reader = csv.reader(io.StringIO(data, newline=""), strict=True)
    try:
        yield from _rows(path, reader)
    except csv.Error as error:
        raise NoCases(f"{path} line {reader.line_num} is no CSV: {error}.", "Mend its quotes.") from None


def _rows(path: Path, reader: CsvReader) -> Iterator[tuple[int, Mapping[str, str]]]:
    header = [name.strip() for name in next(reader, [])]
    faults = _header_faults(path, header)
    if faults:
        raise Faults(faults)
    for cells in reader:
        if any(cells):
            padded = [*cells, *[""] * (len(header) - len(cells))]
            yield reader.line_num, {**dict(zip(header, padded, strict=False)), **_beyond(header, cells)}


def _beyond(header: list[str], cells: list[str]) -> Mapping[str, str]:
    """Cells behind the last column, which nobody has named."""
    return {"": ",".join(cells[len(header) :])} if len(cells) > len(header) else {}


def _header_faults(path: Path, header: list[str]) -> list[Fault]:
    known = f"Use {', '.join(COLUMNS)}."
    faults = [
        Fault(str(path), 1, name, CASE_COLUMN, f"There is no column {name[:40]!r} in a file of cases.", known)
        for name in header
        if name not in COLUMNS
    ]
    faults += [
        Fault(str(path), 1, name, CASE_COLUMN, f"The column {name!r} stands there twice.", "Keep one of them.")
        for name in dict.fromkeys(header)
        if header.count(name) > 1
    ]
    missing = [name for name in REQUIRED if name not in header]
    return faults + [
        Fault(str(path), 1, name, CASE_COLUMN, f"The column {name!r} is missing.", known) for name in missing
    ]


def _json_rows(path: Path, data: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        rows = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NoCases(f"{path} is no JSON: {error}.", "Give a list of objects.") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise NoCases(f"{path} is no list of objects.", 'Write it like [{"action": "spend", "at": "...", ...}].')
    faults = _header_faults(path, list(dict.fromkeys((*REQUIRED, *(name for row in rows for name in row)))))
    if faults:
        raise Faults(faults)
    for number, row in enumerate(rows, 1):
        yield number, {name: _text(value) for name, value in row.items()}


def _text(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(map(str, value))
    return "" if value is None else str(value)


@dataclass
class _Reading:
    file: str
    faults: list[Fault] = field(default_factory=list)
    _row: Mapping[str, str] = field(default_factory=dict)
    _line: int = 0

    def case(self, line: int, row: Mapping[str, str]) -> Case | None:
        """The case of a row; None where it has a fault."""
        self._row, self._line = row, line
        before = len(self.faults)
        if "" in row:
            self._refuse("", f"There are cells behind the last column: {row[''][:40]!r}.", "Quote cells with commas.")
        amount = self._optional("amount", parse_amount)
        destinations, total = self._destinations(amount)
        at = self._needed("at", _instant)
        case = Case(
            id=self._cell("id") or f"case {line}",
            action=self._chosen("action", ACTIONS, ""),
            proposer=self._cell("proposer") or self._absent("proposer"),
            proposed_at=at or datetime.max.replace(tzinfo=UTC),
            amount=amount or total,
            vault=self._cell("vault"),
            path=self._chosen("path", PATHS, "main"),
            destinations=destinations,
            purpose=self._cell("purpose"),
            approvers=tuple(self._cell("approvers").replace(";", " ").split()),
            approved_at=self._optional("approved_at", _instant),
            executor=self._cell("executor"),
            executed_at=self._optional("executed_at", _instant),
            fee_sats=self._sats("fee"),
            balance=self._optional("balance", parse_amount),
            lots=self._lots(amount or total),
        )
        return case if len(self.faults) == before else None

    def _cell(self, name: str) -> str:
        return self._row.get(name, "").strip()

    def _refuse(self, key: str, message: str, remedy: str) -> None:
        self.faults.append(Fault(self.file, self._line, key, CASE_CELL, message, remedy))

    def _absent(self, name: str) -> str:
        self._refuse(name, f"The case has no {name}.", "Fill the cell.")
        return ""

    def _chosen(self, name: str, words: tuple[str, ...], default: str) -> str:
        word = self._cell(name) or default
        if word not in words:
            self._refuse(name, f"{word[:40]!r} is no {name}.", f"Use one of {', '.join(words)}.")
        return word

    def _optional(self, name: str, read: Callable[[str], Value]) -> Value | None:
        text = self._cell(name)
        if not text:
            return None
        try:
            return read(text)
        except InvalidInput as error:
            self._refuse(name, error.message, error.remedy)
            return None

    def _needed(self, name: str, read: Callable[[str], Value]) -> Value | None:
        if not self._cell(name):
            self._absent(name)
        return self._optional(name, read)

    def _sats(self, name: str) -> int:
        amount = self._optional(name, parse_amount)
        if amount is not None and amount.commodity is not Commodity.BTC:
            self._refuse(name, f"{amount} is no {name} in bitcoin.", "Give BTC or sat.")
        return amount.units if amount else 0

    def _destinations(self, amount: Amount | None) -> tuple[tuple[Destination, ...], Amount | None]:
        """``ADDRESS``, ``vault:NAME``, or several with their amounts: ``ADDRESS=0.5 BTC; vault:NAME=1 BTC``."""
        texts = [text.strip() for text in self._cell("destination").split(";") if text.strip()]
        places = []
        for text in texts:
            address, _, part = text.partition("=")
            try:
                its = parse_amount(part) if part else amount if len(texts) == 1 else None
            except BadAmount as error:
                self._refuse("destination", error.message, error.remedy)
                continue
            if its is None:
                what = f"{address[:80]!r} gets no amount."
                self._refuse("destination", what, "Give amount, or write ADDRESS=0.5 BTC for each.")
                continue
            name = address.strip()
            places.append(Destination(name, its, name.removeprefix(OWN_VAULT) if name.startswith(OWN_VAULT) else ""))
        total = None
        if amount is None and places and len({place.amount.commodity for place in places}) == 1:
            total = Amount(sum(place.amount.units for place in places), places[0].amount.commodity)
        return tuple(places), total

    def _lots(self, amount: Amount | None) -> tuple[BoundLot, ...]:
        deposited_at = self._optional("deposited_at", _instant)
        purpose = self._cell("lot_purpose")
        if deposited_at is None or amount is None:
            if purpose and not self._cell("deposited_at"):
                self._refuse("deposited_at", "A lot's purpose without its deposit says nothing.", "Fill the cell.")
            return ()
        return (BoundLot(f"lot of {self._line}", purpose, deposited_at, amount.units),)


def _instant(text: str) -> datetime:
    """An ISO 8601 instant with its offset, in UTC. Raises InvalidInput."""
    remedy = "Write it like 2026-01-01T00:00:00Z."
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{text[:40]!r} is no instant.", remedy) from None
    if read.utcoffset() is None:
        raise InvalidInput(f"{text[:40]!r} has no offset from UTC.", remedy)
    try:
        return read if read.utcoffset() == timedelta(0) else read.astimezone(UTC)
    except OverflowError:
        raise InvalidInput(f"{text[:40]!r} is no instant.", remedy) from None
