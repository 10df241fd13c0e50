"""Fields of a message: text, money, dates and codes out of elements, every fault kept with its line and element."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from lxml import etree

from zakhira.adapters.iso20022.codes import BAD_MONEY, BAD_TIME, MISSING, OTHER_CURRENCY, TOO_LARGE
from zakhira.flows.ports.bank import MONEY_AT_BANKS
from zakhira.kernel.errors import Fault, Faults
from zakhira.kernel.money import MAX_UNITS, Amount, Commodity

MAX_FAULTS = 100
"""Faults that are told of one file; behind them reading stops."""
_CURRENCIES = {commodity.value: commodity for commodity in MONEY_AT_BANKS}
YEARS = range(2009, 2200)
"""Years of a programme: Bitcoin's first block is of 2009."""
_DIGITS = 24
"""Digits of an amount: the standard allows 18, and a leading zero or a plus sign are no fault."""


@dataclass
class Faulty:
    """The faults of one file, in the order in which they are found."""

    file: str
    found: list[Fault] = field(default_factory=list)

    def add(self, at: Field, path: str, code: str, message: str, remedy: str) -> None:
        """Keep a fault at an element; raises Faults when there are too many."""
        key = f"{at.path}/{path}".rstrip("/")
        self.found.append(Fault(self.file, at.line, key, code, message, remedy))
        if len(self.found) > MAX_FAULTS:
            message = f"more than {MAX_FAULTS} faults."
            self.found.append(Fault(self.file, at.line, key, TOO_LARGE, message, "Ask the bank for another file."))
            self.close()

    def close(self) -> None:
        """Raise Faults if there are any."""
        if self.found:
            raise Faults(self.found)


@dataclass(frozen=True)
class Field:
    """An element and where it stands: paths are written as in the standard, ``Stmt[2]/Ntry[7]``."""

    element: etree._Element
    path: str
    faults: Faulty

    @property
    def line(self) -> int:
        """The line in the file, from 1."""
        return int(self.element.sourceline or 0)

    def one(self, path: str) -> Field | None:
        """The first element at a path below, or None."""
        found = self._find(path)
        return None if found is None else Field(found, f"{self.path}/{path}".lstrip("/"), self.faults)

    def _find(self, path: str) -> etree._Element | None:
        return self.element.find(_spaced(path, str(self.element.tag)))

    def every(self, name: str) -> Iterator[Field]:
        """Every child of a name, numbered from 1."""
        for number, found in enumerate(self.element.iterfind(_spaced(name, str(self.element.tag))), 1):
            yield Field(found, f"{self.path}/{name}[{number}]".lstrip("/"), self.faults)

    def text(self, *paths: str) -> str:
        """The text at the first of these paths that has one, without spaces around it; empty where none has."""
        for path in paths:
            found = self._find(path)
            words = "" if found is None else " ".join((found.text or "").split())
            if words:
                return words
        return ""

    def needed(self, path: str) -> str:
        """The text at a path, which must be there: a fault is kept where it is not, and empty returned."""
        words = self.text(path)
        if not words:
            self.fault(path, MISSING, "it is not there, or empty.", "Ask the bank for a complete file.")
        return words

    def fault(self, path: str, code: str, message: str, remedy: str) -> None:
        """Keep a fault of this element, or of one below, which need not be there."""
        below = self.one(path) if path else self
        if below is None:
            self.faults.add(self, path, code, message, remedy)
        else:
            self.faults.add(below, "", code, message, remedy)

    def money(self, path: str = "Amt", commodity: Commodity | None = None) -> Amount | None:
        """The amount at a path with the currency in its attribute, exactly; a fault is kept where it is none.

        An amount in another currency than ``commodity`` is a fault, too.
        """
        found = self.one(path)
        if found is None:
            self.fault(path, MISSING, "there is no amount.", "Ask the bank for a complete file.")
            return None
        code = str(found.element.get("Ccy", ""))
        known = _CURRENCIES.get(code)
        if known is None or commodity not in {None, known}:
            wanted = commodity.value if commodity else " or ".join(_CURRENCIES)
            found.fault("", OTHER_CURRENCY, f"it is in {code[:8]!r}, not in {wanted}.", "Check whose account this is.")
            return None
        return found.units(known)

    def units(self, commodity: Commodity) -> Amount | None:
        """This element's decimal number as an amount; a fault is kept where it is none."""
        words = (self.element.text or "").strip()
        try:
            number = Decimal(words) if _is_decimal(words) else None
        except InvalidOperation:
            number = None
        scaled = None if number is None else number.scaleb(commodity.decimals)
        if scaled is None or scaled != scaled.to_integral_value() or scaled > MAX_UNITS:
            why = f"{words[:40]!r} is no amount with at most {commodity.decimals} decimals."
            self.fault("", BAD_MONEY, why, "Ask the bank what it means.")
            return None
        return Amount(int(scaled), commodity)

    def day(self, path: str) -> date | None:
        """The date at a path that is a date or a time (``Dt`` or ``DtTm`` below it); None where there is none."""
        words = self.text(f"{path}/Dt", f"{path}/DtTm")
        if not words:
            return None
        try:
            told = date.fromisoformat(words[:10])
        except ValueError:
            self.fault(path, BAD_TIME, f"{words[:40]!r} is no date.", "Ask the bank what it means.")
            return None
        if told.year not in YEARS:
            self.fault(path, BAD_TIME, f"the year {told.year} is not possible.", "Ask the bank what it means.")
            return None
        return told

    def instant(self, path: str) -> datetime:
        """The time at a path in UTC; one without an offset is read as UTC. A fault is kept where it is none."""
        words = self.needed(path)
        try:
            told = datetime.fromisoformat(words)
            return (told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            if words:
                self.fault(path, BAD_TIME, f"{words[:40]!r} is no time.", "Ask the bank what it means.")
            return datetime.min.replace(tzinfo=UTC)


@lru_cache(maxsize=1024)
def _spaced(path: str, beside: str) -> str:
    """A path in the namespace of an element's tag."""
    space = beside.rpartition("}")[0]
    return "/".join(f"{space}}}{name}" for name in path.split("/"))


def _is_decimal(words: str) -> bool:
    """Whether it is a decimal of XML Schema that is not negative: no exponent, no grouping, no words."""
    whole, _, part = words.removeprefix("+").partition(".")
    return words.isascii() and 0 < len(whole + part) <= _DIGITS and all(not x or x.isdigit() for x in (whole, part))
