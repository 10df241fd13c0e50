"""What a log entry may hold: plain values, and no secret in any of them, however deep it lies or what it is called."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import Enum
from pathlib import PurePath
from urllib.parse import quote, quote_plus

from zakhira.adapters.log.secrets_in_text import HIDDEN, SECRET_NAME, hide, hide_keys
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import ZakhiraError

LEAST_KNOWN = 4
"""A known secret of fewer characters would take half of every word away; such a one protects nothing [E]."""
MAX_TEXT = 2_000
"""Characters of one text. It is cut after the secrets are out: a secret cut in two would not be recognised."""
MAX_READ = 16_384
"""Characters that are looked through; what is longer is no message and is not shown at all."""
MAX_DEPTH = 6
MAX_ITEMS = 100
LEAST_BYTES = 16
"""So many numbers below 256 in a row may be a seed of 128 bits or more."""
_MAX_BYTE = 255
MAX_PIECE = 64
"""A piece of a secret is a word or a few; longer texts are looked through by themselves."""
_OUR_OWN = frozenset({"time", "level"})
_MAX_INTEGER = 2**63
"""Whole numbers beyond this are no amounts, heights or times: they may be keys."""


class Scrubber:
    """Takes secrets out: those it has been told, and everything that has a secret's form or name."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: list[str] = []
        for secret in secrets:
            self.guard(secret)

    def guard(self, secret: str) -> None:
        """From now on this very text is hidden wherever it stands, quoted and encoded as it may be."""
        forms = {form for form in (secret, secret.strip()) if len(form) >= LEAST_KNOWN}
        for form in [*forms]:
            forms |= {quote(form, safe=""), quote_plus(form), repr(form)[1:-1], json.dumps(form)[1:-1]}
            forms |= {json.dumps(form, ensure_ascii=False)[1:-1], form.encode("utf-8", "replace").hex()}
            forms.add(base64.b64encode(form.encode("utf-8", "replace")).decode().rstrip("="))
        self._known = sorted({*self._known, *forms}, key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text without secrets, at most ``MAX_TEXT`` characters of it."""
        if len(text) > MAX_READ:
            return f"[{len(text)} characters]"
        for secret in self._known:
            text = text.replace(secret, HIDDEN)
        shown = hide(text)
        return shown if len(shown) <= MAX_TEXT else shown[:MAX_TEXT] + "..."

    def value(self, value: object, depth: int = 0) -> Json:
        """The value as plain data without secrets. What is no plain data is told by its type's name alone."""
        told = value.value if isinstance(value, Enum) else value
        if isinstance(told, bool | int | float) or told is None:
            return _number(told)
        if isinstance(told, str | PurePath):
            return self.text(str(told))
        if isinstance(told, date):  # or a datetime
            return told.isoformat()
        if isinstance(told, ZakhiraError):
            return {"code": told.code, "message": self.text(told.message)}
        return self._collection(told, depth)

    def _collection(self, value: object, depth: int) -> Json:
        if depth >= MAX_DEPTH:
            return "..."
        if isinstance(value, Mapping):
            return self.fields(value, depth + 1)
        if isinstance(value, list | tuple | set | frozenset):
            items = [*value][:MAX_ITEMS]
            if _is_bytes(items):
                return HIDDEN
            in_pieces = _is_secret_in_pieces(items)
            return [HIDDEN if in_pieces and isinstance(item, str) else self.value(item, depth + 1) for item in items]
        return f"<{type(value).__name__}>"

    def fields(self, fields: Mapping[object, object], depth: int = 0) -> dict[str, Json]:
        """Named values; one whose name says that it is a secret is hidden whatever it is."""
        items = [*fields.items()][:MAX_ITEMS]
        in_pieces = _is_secret_in_pieces([value for name, value in items if name not in _OUR_OWN])
        shown: dict[str, Json] = {}
        for name, value in items:
            told = str(name) if isinstance(name, str | int) else f"<{type(name).__name__}>"
            is_secret = SECRET_NAME.search(told) is not None and value is not None and not isinstance(value, bool)
            is_secret = is_secret or (in_pieces and isinstance(value, str) and name not in _OUR_OWN)
            shown[self.text(told)] = HIDDEN if is_secret else self.value(value, depth)
        return shown

    def holds_secret(self, line: str) -> bool:
        """Whether a finished line still shows what was told, or a key by its form."""
        return any(secret in line for secret in self._known) or hide_keys(line) != line


def _is_secret_in_pieces(values: Sequence[object]) -> bool:
    """Whether texts that hide nothing one by one are a secret together: a mnemonic, a word in each."""
    pieces = (value for value in values if isinstance(value, str) and len(value) <= MAX_PIECE)
    words = " ".join(piece for piece in pieces if hide_keys(piece) == piece)
    return hide_keys(words) != words


def _is_bytes(values: Sequence[object]) -> bool:
    """Whether these numbers may be the bytes of a key."""
    numbers = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
    return len(numbers) == len(values) >= LEAST_BYTES and all(0 <= number <= _MAX_BYTE for number in numbers)


def _number(value: float | None) -> Json:
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is not None and abs(value) >= _MAX_INTEGER:
        return HIDDEN
    return value
