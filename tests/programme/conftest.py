"""The small programme as text to be changed, and the data dictionary."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zakhira.kernel.errors import Fault
from zakhira.programme.dictionary import Dictionary, parse_dictionary
from zakhira.programme.model import Programme
from zakhira.programme.validation import parse_programme

ROOT = Path(__file__).parent.parent.parent

Parse = Callable[[str], tuple[Programme | None, list[Fault]]]


@pytest.fixture(scope="session")
def dictionary() -> Dictionary:
    return parse_dictionary((ROOT / "src/zakhira/programme/dictionary.csv").read_bytes())


@pytest.fixture(scope="session")
def small_text() -> str:
    return (ROOT / "programmes/small/programme.toml").read_text()


@pytest.fixture(scope="session")
def parse(dictionary: Dictionary) -> Parse:
    """Parse a programme's text as ``p.toml``."""
    return lambda text: parse_programme(text.encode(), "p.toml", dictionary)


@pytest.fixture(scope="session")
def small(parse: Parse, small_text: str) -> Programme:
    programme, faults = parse(small_text)
    assert faults == []
    assert programme is not None
    return programme
