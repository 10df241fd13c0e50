"""Output that no terminal refuses: what an encoding lacks is written in its place with plain characters."""

from __future__ import annotations

import codecs
import io
import json
import os
import sys

_PLAIN = {
    "✓": "+",
    "✗": "x",
    "→": "->",
    "\u2013": "-",
    "\u2014": "-",
    "\u2212": "-",
    "…": "...",
    "\u2018": "'",
    "\u2019": "'",
    "\u201c": '"',
    "\u201d": '"',
    "·": "-",
    "\u00d7": "x",
    "≤": "<=",
    "≥": ">=",
    "±": "+/-",
    "\u00a0": " ",
    "\u2009": " ",
    "\u202f": " ",
}  # fmt: skip
_BOX_LINES = ("\u2500", "\u257f")
_BLOCKS = ("\u2580", "\u259f")
_SURROGATES = ("\udc80", "\udcff")
_HANDLER = "zakhira-plain"


def _plain(character: str) -> str:
    if _BOX_LINES[0] <= character <= _BOX_LINES[1]:
        return "-"
    if _BLOCKS[0] <= character <= _BLOCKS[1]:
        return "#"  # a bar of a picture
    if _SURROGATES[0] <= character <= _SURROGATES[1]:
        return f"\\x{ord(character) - 0xDC00:02x}"  # a byte of a file's name that is no UTF-8
    return _PLAIN.get(character, "?")


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def make_printable() -> None:
    """Let stdout and stderr take any text; one that was closed before the program began swallows what it is given."""
    codecs.register_error(_HANDLER, _replace)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8", errors=_HANDLER))  # noqa: SIM115, PTH123
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def speaks_unicode(stream: object) -> bool:
    """Whether a stream takes every character as it is."""
    encoding = getattr(stream, "encoding", None) or "ascii"
    return codecs.lookup(encoding).name.startswith("utf")


def json_text(value: object) -> str:
    """One JSON document; letters that stdout cannot show are escaped as JSON has it, so that nothing is lost."""
    return json.dumps(value, ensure_ascii=not speaks_unicode(sys.stdout), indent=2)
