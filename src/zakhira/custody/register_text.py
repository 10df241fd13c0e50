"""A register's text as blocks of fields with the line of each: TOML, JSON or pasted lines."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from zakhira.custody.vault_refusals import BadRegisterField, RegisterUnreadable
from zakhira.kernel.errors import Fault
from zakhira.programme.toml_source import TomlSource, parse_toml

MAX_BYTES = 1024 * 1024
"""A register of a thousand keys has about 400 kB."""
MAX_KEYS = 10_000
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:]|\n')


@dataclass(frozen=True)
class Block:
    """The fields of one key. ``lines`` has the line of each, where the form has lines."""

    file: str
    line: int
    values: Mapping[str, object]
    lines: Mapping[str, int]

    def fault(self, field: str, code: str, message: str, remedy: str) -> Fault:
        """A fault at the field's line, or at the block's."""
        return Fault(self.file, self.lines.get(field, self.line), field, code, message, remedy)


def _unreadable(file: str, line: int, message: str) -> Fault:
    return Fault(file, line, "", RegisterUnreadable.code, message, "Write [[key]] tables, JSON, or name: value lines.")


def read_blocks(source: bytes, file: str) -> tuple[Block, ...] | Fault:
    """Recognise the form by its first letters and read it; what cannot be read comes back as one fault."""
    if len(source) > MAX_BYTES:
        return _unreadable(file, 0, f"The file has {len(source)} bytes; {MAX_BYTES} are the limit.")
    try:
        text = source.decode()
    except UnicodeDecodeError as error:
        return _unreadable(file, source.count(b"\n", 0, error.start) + 1, "The text is not UTF-8.")
    head = next((line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")), "")
    if head.startswith("{") or (head.startswith("[") and not head.startswith("[[")):
        return _json_blocks(text, file)
    if head.startswith("[["):
        return _toml_blocks(source, file)
    return _pasted_blocks(text, file)


def _toml_blocks(source: bytes, file: str) -> tuple[Block, ...] | Fault:
    read = parse_toml(source, file)
    if isinstance(read, Fault):
        return read
    tables = read.values.get("key")
    if set(read.values) != {"key"} or not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        return _unreadable(file, 0, "It holds something else than [[key]] tables.")
    return tuple(_toml_block(read, number, table) for number, table in enumerate(tables))


def _toml_block(read: TomlSource, number: int, table: Mapping[str, object]) -> Block:
    lines = {name: read.line(("key", number, name)) for name in table}
    return Block(read.file, read.line(("key", number)), table, lines)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The object of these pairs; a name that is given twice is a ValueError, where Python would take the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is given twice in one object")
    return found


def _json_blocks(text: str, file: str) -> tuple[Block, ...] | Fault:
    try:
        value = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        return _unreadable(file, error.lineno, f"The file is not JSON: {error.msg}.")
    except (ValueError, RecursionError) as error:  # a huge integer, or nesting that is too deep
        return _unreadable(file, 0, f"The file is not JSON: {error}.")
    items = value["keys"] if isinstance(value, dict) and set(value) == {"keys"} else value
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items) or len(items) > MAX_KEYS:
        return _unreadable(file, 0, 'It is neither a list of keys nor {"keys": [...]}.')
    places = _json_places(text, 2 if isinstance(value, list) else 3)
    return tuple(Block(file, line, item, lines) for item, (line, lines) in zip(items, places, strict=True))


def _json_places(text: str, depth_of_fields: int) -> list[tuple[int, dict[str, int]]]:
    """The line of every object at a depth, and of each of its fields; the text is JSON already."""
    places: list[tuple[int, dict[str, int]]] = []
    depth, line, last, last_line = 0, 1, "", 1
    for match in _TOKEN.finditer(text):
        sign = match[0]
        if sign == "\n":
            line += 1
        elif sign in "{[":
            depth += 1
            if depth == depth_of_fields and sign == "{":
                places.append((line, {}))
        elif sign in "}]":
            depth -= 1
        elif sign == ":" and depth == depth_of_fields and places:
            places[-1][1][str(json.loads(last))] = last_line
        else:
            last, last_line = sign, line
    return places


def _pasted_blocks(text: str, file: str) -> tuple[Block, ...] | Fault:
    blocks: list[Block] = []
    values: dict[str, object] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate((*text.splitlines(), ""), start=1):
        stripped = line.strip()
        if stripped.startswith("#"):
            continue
        if not stripped:
            if values:
                blocks.append(Block(file, min(lines.values()), values, lines))
                values, lines = {}, {}
            continue
        name, colon, value = stripped.partition(":")
        field = _field_name(name)
        if not colon or field in values:
            what = "is given twice in one block" if colon else "is no name: value line"
            return _pasted_fault(file, number, field if colon else "", what)
        values[field], lines[field] = value.strip(), number
    return tuple(blocks)


def _pasted_fault(file: str, line: int, field: str, what: str) -> Fault:
    code = BadRegisterField.code if field else RegisterUnreadable.code
    return Fault(
        file, line, field, code, f"{field[:40] or 'The line'} {what}.", "Leave an empty line between two keys."
    )


def _field_name(name: str) -> str:
    """``Last proof of life`` is ``last_proof_of_life``."""
    return "_".join(name.lower().replace("-", " ").split())
