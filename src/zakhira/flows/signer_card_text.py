"""A signer card's text, read with every fault at its line: tables, names, words, whole numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from zakhira.kernel.errors import Fault, InvalidInput
from zakhira.programme.toml_source import Path, TomlSource, parse_toml

MAX_CARD_BYTES = 1024 * 1024
"""A card of a hundred vaults of sixteen keys has about 250 kB."""
MAX_TEXT = 200
"""A field says a name or a rule; a longer text was pasted by mistake."""
MAX_DESCRIPTOR_TEXT = 12_000
"""Two quorums of sixteen keys with their checksum have fewer than 6,000 characters."""
MAX_WHOLE = 2**53 - 1
"""The largest whole number that every reader of JSON keeps exactly."""
PUBLIC_KEY = re.compile(r"[0-9a-f]{64}")
"""Ed25519 (RFC 8032): 32 bytes in hex."""


class CardUnreadable(InvalidInput):
    """A text is no signer card: too large, not UTF-8, not TOML, or of another format or version."""

    code = "ZK-FLOWS-074"


class BadCardField(InvalidInput):
    """A field of a signer card is missing, unknown, or not what it should be."""

    code = "ZK-FLOWS-075"


class CardContradiction(InvalidInput):
    """Fields of a signer card do not go together: a role that nobody holds, a key or a name that is given twice."""

    code = "ZK-FLOWS-076"


@dataclass(frozen=True)
class CardTable:
    """A table of the card. Reading a field notes what is wrong with it and goes on with an empty value."""

    source: TomlSource
    path: Path
    values: Mapping[str, object]
    faults: list[Fault]

    def fault(self, key: str, message: str, remedy: str, code: str = BadCardField.code) -> None:
        """Note what is wrong with a field of this table."""
        line = self.source.line((*self.path, key) if key else self.path)
        self.faults.append(Fault(self.source.file, line, key, code, message, remedy))

    def require_names(self, names: Iterable[str], optional: Iterable[str] = ()) -> None:
        """Note every field that is missing and every one that the table does not have."""
        needed = set(names)
        for name in sorted(needed - set(self.values)):
            self.fault(name, f"{name} is missing.", "Ask for the card again.")
        for name in sorted(set(self.values) - needed - set(optional)):
            self.fault(name, f"{name[:40]!r} is no field.", "Remove it or mend its name.")

    def text(self, name: str, limit: int = MAX_TEXT) -> str:
        """A text of at most ``limit`` printable characters; empty if it is something else."""
        value = self.values.get(name, "")
        if not isinstance(value, str) or len(value) > limit or not value.isprintable() or value != value.strip():
            self.fault(name, f"{name} is no line of at most {limit} characters.", "Write it in quotes.")
            return ""
        if name in self.values and not value:
            self.fault(name, f"{name} is empty.", "Write what is meant.")
        return value

    def whole(self, name: str, least: int) -> int:
        """A whole number from ``least``; 0 if it is something else."""
        value = self.values.get(name, least)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= MAX_WHOLE:
            self.fault(name, f"{name} is no whole number from {least}.", "Write digits alone.")
            return 0
        return value

    def flag(self, name: str) -> bool:
        """True or false; false where nothing is said."""
        value = self.values.get(name, False)
        if not isinstance(value, bool):
            self.fault(name, f"{name} is neither true nor false.", "Write one of them.")
            return False
        return value

    def words(self, name: str) -> tuple[str, ...]:
        """A list of names."""
        value = self.values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(w, str) and w and len(w) <= MAX_TEXT for w in value):
            self.fault(name, f"{name} is no list of names.", 'Write it like ["treasury", "audit"].')
            return ()
        return tuple(value)

    def table(self, name: str) -> CardTable:
        """A table inside; an empty one where there is none."""
        value = self.values.get(name, {})
        if not isinstance(value, dict):
            self.fault(name, f"{name} is no table.", f"Write [{name}].")
            value = {}
        return CardTable(self.source, (*self.path, name), value, self.faults)

    def tables(self, name: str) -> tuple[CardTable, ...]:
        """An array of tables."""
        value = self.values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.fault(name, f"{name} is no array of tables.", f"Write [[{name}]].")
            return ()
        return tuple(
            CardTable(self.source, (*self.path, name, number), item, self.faults) for number, item in enumerate(value)
        )


def read_table(source: bytes, file: str) -> CardTable | Fault:
    """The outermost table of a card; what cannot be read comes back as one fault."""
    if len(source) > MAX_CARD_BYTES:
        message = f"The file has {len(source)} bytes; {MAX_CARD_BYTES} are the limit."
        return Fault(file, 0, "", CardUnreadable.code, message, "Give the signer card.")
    read = parse_toml(source, file)
    if isinstance(read, Fault):
        return Fault(file, read.line, "", CardUnreadable.code, read.message, "Give the signer card as it was made.")
    return CardTable(read, (), read.values, [])


def note_repeats(tables: Iterable[CardTable], name: str, spelled: Callable[[str], str] = str) -> None:
    """Note a value of one field that a table before has as well."""
    seen: set[str] = set()
    for table in tables:
        value = table.values.get(name)
        if not isinstance(value, str):
            continue
        if spelled(value) in seen:
            table.fault(name, f"{name} {value[:70]!r} is given twice.", "Give each its own.", CardContradiction.code)
        seen.add(spelled(value))
