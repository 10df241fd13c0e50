"""Files that mean harm: entities, document types, encodings, sizes, depth, other messages."""

from __future__ import annotations

import time

import pytest

from bank_drill import VECTORS, codes
from zakhira.adapters.iso20022 import hostile
from zakhira.adapters.iso20022.codes import HAS_DOCTYPE, NOT_XML, OTHER_MESSAGE, TOO_LARGE
from zakhira.adapters.iso20022.statement import read_statements
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
