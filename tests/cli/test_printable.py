"""No terminal, pipe or encoding turns a result into a crash."""

from __future__ import annotations

import io
import json
import sys

import pytest

from zakhira.cli.printable import json_text, make_printable

HELD = "✓ ذخیرہ → 1\u202f000 MW ─ \udcff"


def narrow(encoding: str) -> tuple[io.BytesIO, io.TextIOWrapper]:
    """A stream of an encoding that lacks most letters."""
    raw = io.BytesIO()
    return raw, io.TextIOWrapper(raw, encoding=encoding)


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", b"+ ????? -> 1 000 MW - \\xff"),
        ("latin-1", b"+ ????? -> 1 000 MW - \\xff"),
        ("utf-8", "✓ ذخیرہ → 1\u202f000 MW ─ \\xff".encode()),
    ],
)
def test_what_an_encoding_lacks_is_written_plainly(
    monkeypatch: pytest.MonkeyPatch, encoding: str, shown: bytes
) -> None:
    """Marks, arrows and thin spaces have plain stand-ins; a file name's stray byte is shown as such."""
    raw, stream = narrow(encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    make_printable()
    print(HELD, end="", flush=True)  # noqa: T201 - what is printed is what is tested
    assert raw.getvalue() == shown


def test_a_closed_stdout_swallows_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """``zakhira check p >&-`` has no stdout at all."""
    monkeypatch.setattr(sys, "stdout", None)
    make_printable()
    print(HELD, flush=True)  # noqa: T201
    sys.stdout.close()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_loses_nothing_in_any_encoding(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    """What a terminal cannot show is escaped as JSON has it, so a reader gets the same text."""
    raw, stream = narrow(encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    print(json_text({"name": "ذخیرہ"}), flush=True)  # noqa: T201
    assert json.loads(raw.getvalue().decode(encoding)) == {"name": "ذخیرہ"}
