"""Values and lines of a TOML file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.kernel.errors import Fault
from zakhira.programme.toml_source import MAX_BYTES, TomlSource, parse_toml

TEXT = """\
# a comment
top.level = 1
[programme]
id = "x" # a comment
'quoted key' = 1
"zone" = { value = 1, low = [ # a comment

    2,
    {deep = 3},
  ]}

[[vault]]
id = "a"
[[vault.key]]
signer = "s1"
[[vault.key]]
signer = "s2"
[[vault]]
id = "b"
[[vault.key]]
signer = '''
three'''
xpub = "x"
[a.b]
c = 1
"""


def parsed(text: str) -> TomlSource:
    source = parse_toml(text.encode(), "f.toml")
    assert isinstance(source, TomlSource)
    return source


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("top", "level"), 2),
        (("programme",), 3),
        (("programme", "id"), 4),
        (("programme", "quoted key"), 5),
        (("programme", "zone"), 6),
        (("programme", "zone", "low"), 6),
        (("programme", "zone", "low", 0), 8),
        (("programme", "zone", "low", 1, "deep"), 9),
        (("vault", 0), 12),
        (("vault", 0, "id"), 13),
        (("vault", 0, "key", 0, "signer"), 15),
        (("vault", 0, "key", 1), 16),
        (("vault", 0, "key", 1, "signer"), 17),
        (("vault", 1, "id"), 19),
        (("vault", 1, "key", 0, "signer"), 21),
        (("vault", 1, "key", 0, "xpub"), 23),
        (("a", "b", "c"), 25),
    ],
)
def test_every_key_has_its_line(path: tuple[str | int, ...], line: int) -> None:
    assert parsed(TEXT).lines[path] == line


def test_a_key_that_is_not_there_has_the_line_of_its_table() -> None:
    source = parsed(TEXT)
    assert source.line(("vault", 1, "key", 0, "nothing")) == 20
    assert source.line(("nothing",)) == 0


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        (b"a = 1\nb = \n", 2, "Invalid value"),
        (b"a = 1\na = 2\n[x]\n", 2, "Cannot overwrite a value"),
        (b"a = 1\n[b]\n[b]\n", 3, "twice"),
        (b"a = 1\nb = 'x", 2, "Expected"),
        (b"a = 1\nb = '\xff'\n", 2, "UTF-8"),
        (b"a = " + b"9" * 5000, 0, "digits"),
        (b"a = " + b"[" * 5000, 0, "nested"),
        (b"a" * (MAX_BYTES + 1), 0, "limit"),
    ],
)
def test_what_is_not_toml_is_a_fault_with_its_line(source: bytes, line: int, words: str) -> None:
    fault = parse_toml(source, "f.toml")
    assert isinstance(fault, Fault)
    assert fault.code == "ZK-PROGRAMME-001"
    assert fault.line == line
    assert words in fault.message


@given(st.binary(max_size=200))
def test_no_bytes_raise(source: bytes) -> None:
    assert isinstance(parse_toml(source, "f.toml"), Fault | TomlSource)
