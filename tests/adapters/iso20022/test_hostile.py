"""Files that mean harm: entities, document types, encodings, sizes, depth, other messages."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bank_drill import VECTORS, codes
from zakhira.adapters.iso20022 import hostile
from zakhira.adapters.iso20022.codes import HAS_DOCTYPE, NOT_XML, OTHER_MESSAGE, TOO_LARGE
from zakhira.adapters.iso20022.statement import read_statements
from zakhira.flows.ports.bank import BankStatement
from zakhira.kernel.errors import Faults

MAY = (VECTORS / "camt053-v08.xml").read_bytes()
BODY = MAY.partition(b"?>")[2].decode()

LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
BOMB = f'<!DOCTYPE d [<!ENTITY a0 "ha">{LAUGHS}]>'
HOSTILE = {
    "entity bomb": (BOMB + BODY.replace("STM-2026-05", "&a11;"), HAS_DOCTYPE),
    "quadratic": (
        f'<!DOCTYPE d [<!ENTITY q "{"x" * 10**5}">]>' + BODY.replace("STM-2026-05", "&q;" * 2000),
        HAS_DOCTYPE,
    ),
    "file": (
        '<!DOCTYPE d [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + BODY.replace("STM-2026-05", "&f;"),
        HAS_DOCTYPE,
    ),
    "fetch": ('<!DOCTYPE d SYSTEM "http://127.0.0.1:9/x.dtd">' + BODY, HAS_DOCTYPE),
    "unknown entity": (BODY.replace("STM-2026-05", "&nbsp;"), NOT_XML),
    "cut": (BODY[: len(BODY) // 2], NOT_XML),
    "empty": ("", NOT_XML),
    "no xml": ("%PDF-1.7", NOT_XML),
    "two roots": (BODY + BODY, NOT_XML),
    "nul": (BODY.replace("STM", "S\0M"), NOT_XML),
    "deep": (BODY.replace("STM-2026-05", "<a>" * 5000 + "</a>" * 5000), NOT_XML),
    "another message": (BODY.replace("camt.053", "camt.054"), OTHER_MESSAGE),
    "older version": (BODY.replace("053.001.08", "053.001.01"), OTHER_MESSAGE),
    "newer version": (BODY.replace("053.001.08", "053.001.15"), OTHER_MESSAGE),
    "no namespace": (BODY.replace(' xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"', ""), OTHER_MESSAGE),
    "another root": (BODY.replace("BkToCstmrStmt", "BkToCstmrAcctRpt"), OTHER_MESSAGE),
    "html": ("<html><body>503 Service Unavailable</body></html>", OTHER_MESSAGE),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_hostile_file_is_refused_at_once(name: str, encoding: str) -> None:
    """In either encoding, in little time, with one fault that names the file."""
    text, code = HOSTILE[name]
    start = time.perf_counter()
    with pytest.raises(Faults) as caught:
        read_statements("bank.xml", text.encode(encoding))
    assert codes(caught.value.faults) == [code]
    assert caught.value.faults[0].file == "bank.xml"
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        *(("utf-8", "utf-8"), ("utf-8-sig", "UTF-8"), ("utf-16", "utf-16")),
        *(("utf-16-le", "utf-16"), ("utf-16-be", "UTF-16")),
    ],
)
def test_honest_encodings_are_read(encoding: str, declared: str) -> None:
    """With the declaration that belongs to it, the same statement comes out, Urdu names included."""
    mark = "\ufeff" if encoding in {"utf-16-le", "utf-16-be"} else ""
    text = f'{mark}<?xml version="1.0" encoding="{declared}"?>'
    found = read_statements("may.xml", (text + BODY).encode(encoding))
    assert found == read_statements("may.xml", MAY)


@pytest.mark.parametrize("encoding", ["utf-7", "cp037", "utf-32", "iso-2022-jp", "no-such"])
def test_other_encodings_are_refused(encoding: str) -> None:
    """In UTF-7 or EBCDIC a document type could hide from whoever looks for it."""
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + BOMB + BODY
    try:
        content = text.encode(encoding, "xmlcharrefreplace")
    except LookupError:
        content = text.encode()
    with pytest.raises(Faults) as caught:
        read_statements("bank.xml", content)
    assert codes(caught.value.faults) in ([NOT_XML], [HAS_DOCTYPE])


def test_a_plain_file_in_an_encoding_that_is_not_read() -> None:
    """It is well-formed and harmless, and still nobody promised it."""
    content = f'<?xml version="1.0" encoding="koi8-r"?>{BODY}'.encode("ascii", "xmlcharrefreplace")
    with pytest.raises(Faults) as caught:
        read_statements("bank.xml", content)
    assert codes(caught.value.faults) == [NOT_XML]
    assert "koi8-r" in caught.value.faults[0].message


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """By bytes before anything is parsed, and by elements after."""
    with pytest.raises(Faults) as caught:
        read_statements("bank.xml", b" " * (hostile.MAX_BYTES + 1))
    assert codes(caught.value.faults) == [TOO_LARGE]
    monkeypatch.setattr(hostile, "MAX_ELEMENTS", 20)
    with pytest.raises(Faults) as caught:
        read_statements("bank.xml", MAY)
    assert codes(caught.value.faults) == [TOO_LARGE]


def test_comments_and_instructions_change_nothing() -> None:
    """A comment within a number does not cut it: what is read is what a person sees."""
    text = MAY.replace(b">250000.5<", b">2500<!-- x -->00.5<").replace(b"<Stmt>", b"<?run me?><Stmt>", 1)
    assert read_statements("may.xml", text) == read_statements("may.xml", MAY)


def mutated(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    """The bytes with pieces cut out and others put in: ``(place, length, piece)``, places taken round the end."""
    for place, length, piece in changes:
        at = place % len(data)
        data = data[:at] + piece + data[at + length :]
    return data


PIECES = st.one_of(
    st.binary(max_size=4),
    st.sampled_from(
        [b"<", b">", b"</Ntry>", b"<Ntry>", b"&amp;", b"&#0;", b"]]>", b"<![CDATA[", b'"', b"-", b"9" * 30]
    ),
    st.sampled_from(
        [b"\xff\xfe", b"\xef\xbb\xbf", b"<?xml version='1.1'?>", b"<!--", b"-->", b"CRDT", b"DBIT", b"USD"]
    ),
)
CHANGES = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 40), PIECES), min_size=1, max_size=4)


def taken_or_refused(content: bytes) -> None:
    """It is refused with faults that name the file, or what is taken adds up; nothing else can come of it."""
    told: Faults | None = None
    statements: tuple[BankStatement, ...] = ()
    try:
        statements = read_statements("bank.xml", content)
    except Faults as error:
        told = error
    if told is not None:
        assert {fault.file for fault in told.faults} == {"bank.xml"}
    for statement in statements:
        moved = sum(entry.amount.units for entry in statement.entries)
        assert statement.opening.units + moved == statement.closing.units
        for entry in statement.entries:
            assert not entry.lines or sum(line.amount.units for line in entry.lines) == entry.amount.units


@settings(max_examples=100, deadline=None)
@given(CHANGES)
def test_a_damaged_file_is_refused_or_still_adds_up(changes: list[tuple[int, int, bytes]]) -> None:
    """Bytes cut out and put in anywhere."""
    taken_or_refused(mutated(MAY, changes))


@pytest.mark.torture
@settings(max_examples=20_000, deadline=None)
@given(CHANGES)
def test_many_damaged_files_are_refused_or_still_add_up(changes: list[tuple[int, int, bytes]]) -> None:
    """The same, for minutes."""
    taken_or_refused(mutated(MAY, changes))
