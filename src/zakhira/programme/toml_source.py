"""A TOML file as values with the line of every key: tomllib reads the values, tree-sitter finds the places."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

from zakhira.kernel.errors import Fault
from zakhira.programme.faults import Cause

Path: TypeAlias = tuple[str | int, ...]
"""A place in the file: ``("zone", 2, "loss_share")`` is the key of the third zone."""

MAX_BYTES = 4 * 1024 * 1024
"""A programme file of a whole country is about 30 kB; more than this is some other file."""

_PLACE = re.compile(r" ?\(at (?:line (\d+), column \d+|end of document)\)$")


@dataclass(frozen=True)
class TomlSource:
    """What a file says and where."""

    file: str
    values: Mapping[str, object]
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """The line of the key at ``path``, or of the nearest table around it; 0 if there is none."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return 0


class _Walk:
    """Collects the line of every key of a syntax tree. No recursion: depth is up to whoever wrote the file."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self._lengths: dict[Path, int] = {}
        self._pending: list[tuple[Node, Path]] = []

    def document(self, root: Node) -> None:
        for node in root.named_children:
            if node.type == "pair":
                self._pending.append((node, ()))
            elif node.type in {"table", "table_array_element"}:
                self._table(node)
        while self._pending:
            self._step(*self._pending.pop())

    def _note(self, path: Path, node: Node) -> None:
        self.lines.setdefault(path, node.start_point[0] + 1)

    def _table(self, node: Node) -> None:
        head, *body = [child for child in node.named_children if child.type != "comment"]
        path = self._resolve(_key(head), is_array=node.type == "table_array_element")
        for length in range(1, len(path) + 1):
            self._note(path[:length], node)
        self._pending.extend((child, path) for child in body if child.type == "pair")

    def _resolve(self, keys: tuple[str, ...], *, is_array: bool) -> Path:
        """The path of a table's head: each array of tables on the way is entered at its last element."""
        path: Path = ()
        for position, key in enumerate(keys):
            path = (*path, key)
            if is_array and position == len(keys) - 1:
                self._lengths[path] = self._lengths.get(path, 0) + 1
            if path in self._lengths:
                path = (*path, self._lengths[path] - 1)
        return path

    def _step(self, node: Node, path: Path) -> None:
        if node.type == "pair":
            head, *rest = [child for child in node.named_children if child.type != "comment"]
            for key in _key(head):
                path = (*path, key)
                self._note(path, node)
            self._pending.extend((child, path) for child in rest)
        elif node.type == "inline_table":
            self._pending.extend((child, path) for child in node.named_children)
        elif node.type == "array":
            items = [child for child in node.named_children if child.type != "comment"]
            for index, child in enumerate(items):
                self._note((*path, index), child)
                self._pending.append((child, (*path, index)))


def _key(node: Node) -> tuple[str, ...]:
    if node.type == "dotted_key":
        return tuple(part for child in node.named_children for part in _key(child))
    text = (node.text or b"").decode(errors="replace")
    return tuple(tomllib.loads(f"{text} = 0")) if node.type == "quoted_key" else (text,)


def _syntax_fault(source: bytes, file: str, error: Exception) -> Fault:
    if isinstance(error, UnicodeDecodeError):
        line = source.count(b"\n", 0, error.start) + 1
        return Cause.TOML_SYNTAX.fault(file, line, "", "The text is not UTF-8.", "Save the file as UTF-8.")
    if isinstance(error, RecursionError):
        return Cause.TOML_SYNTAX.fault(file, 0, "", "Values are nested too deep.")
    text = str(error)
    place = _PLACE.search(text)
    last = len(source.splitlines()) or 1
    line = int(place[1]) if place and place[1] else (last if place else 0)
    return Cause.TOML_SYNTAX.fault(file, line, "", f"The file is not TOML: {_PLACE.sub('', text)}.")


def parse_toml(source: bytes, file: str) -> TomlSource | Fault:
    """Read TOML 1.0 with the line of every key; what is no TOML comes back as a fault with its line."""
    if len(source) > MAX_BYTES:
        limit = f"{MAX_BYTES} bytes are the limit"
        return Cause.TOML_SYNTAX.fault(file, 0, "", f"The file has {len(source)} bytes; {limit}.", "Name another file.")
    try:
        values = tomllib.loads(source.decode())
    except (ValueError, RecursionError) as error:  # a huge integer is a ValueError, not a TOMLDecodeError
        return _syntax_fault(source, file, error)
    walk = _Walk()
    walk.document(Parser(Language(tree_sitter_toml.language())).parse(source).root_node)
    return TomlSource(file, values, walk.lines)
