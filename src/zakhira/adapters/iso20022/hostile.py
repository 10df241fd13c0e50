"""XML from outside, parsed with nothing expanded, nothing fetched and everything bounded."""

from __future__ import annotations

import re
from itertools import islice

from lxml import etree

from zakhira.adapters.iso20022.codes import HAS_DOCTYPE, NOT_XML, OTHER_MESSAGE, TOO_LARGE
from zakhira.kernel.errors import Fault, Faults

MAX_BYTES = 64 * 1024 * 1024
"""The largest bank file: about 60,000 entries with their details; a bank sends more as several files [E]."""
MAX_ELEMENTS = 4_000_000
"""Elements in a file: an element as short as ``<a/>`` costs memory, which the bytes alone do not bound [E]."""

_ENCODINGS = {
    "utf-8",
    "us-ascii",
    "ascii",
    "iso-8859-1",
    "iso-8859-15",
    "windows-1252",
    "utf-16",
    "utf-16le",
    "utf-16be",
}
_DECLARATIONS = tuple(
    word.encode(encoding) for word in ("<!DOCTYPE", "<!ENTITY") for encoding in ("ascii", "utf-16-le", "utf-16-be")
)
_NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:(?P<message>[a-z]{4}\.\d{3})\.\d{3}\.(?P<version>\d{2})")


def parse_message(name: str, content: bytes, message: str, versions: range, root: str) -> etree._Element:
    """The element ``root`` of a message such as ``camt.053`` in one of the ``versions``; ``name`` stands in errors.

    No entity is expanded, no document type accepted, nothing fetched.

    Raises:
        Faults: the file is too large, not XML, declares a document type, or is another message.
    """
    document = _parse(name, content)
    space = etree.QName(document).namespace or ""
    found = _NAMESPACE.fullmatch(space)
    words = f"{message}.001.{versions.start:02d} to .{versions.stop - 1:02d}"
    if found is None or found["message"] != message or int(found["version"]) not in versions:
        told = space.rpartition(":")[2] or f"an element {etree.QName(document).localname} without a namespace"
        raise _refused(name, OTHER_MESSAGE, f"it is {told[:60]}, not {words}.", f"Give a file of {words}.")
    body = document.find(f"{{{space}}}{root}")
    if etree.QName(document).localname != "Document" or body is None:
        raise _refused(name, OTHER_MESSAGE, f"there is no {root} in a Document.", "Ask the bank for the file again.")
    return body


def _parse(name: str, content: bytes) -> etree._Element:
    if len(content) > MAX_BYTES:
        size = f"{len(content):,} bytes are more than {MAX_BYTES:,}."
        raise _refused(name, TOO_LARGE, size, "Ask the bank for several files.")
    if any(word in content for word in _DECLARATIONS):
        raise _refused(name, HAS_DOCTYPE, "it declares a document type or an entity.", "Find out who sent this file.")
    # huge_tree off: libxml2 bounds depth, the length of names and texts, and any expansion.
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        document = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise _refused(
            name, NOT_XML, f"it is not XML: {str(error)[:160]}.", "Ask the bank for the file again."
        ) from None
    info = document.getroottree().docinfo
    if info.doctype or info.internalDTD is not None:
        raise _refused(name, HAS_DOCTYPE, "it declares a document type.", "Find out who sent this file.")
    encoding = (info.encoding or "utf-8").lower()
    if encoding not in _ENCODINGS:
        known = ", ".join(sorted(_ENCODINGS))
        raise _refused(name, NOT_XML, f"its encoding is {encoding[:30]!r}.", f"Ask for UTF-8; read are {known}.")
    if next(islice(document.iter(), MAX_ELEMENTS, None), None) is not None:
        raise _refused(name, TOO_LARGE, f"it has more than {MAX_ELEMENTS:,} elements.", "Ask for several files.")
    return document


def _refused(name: str, code: str, message: str, remedy: str) -> Faults:
    return Faults([Fault(name, 0, "", code, message, remedy)])
