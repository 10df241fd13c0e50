"""The text of a paper, read strictly: size, encoding, JSON without repeated names, and no private key, ever."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import cast

from zakhira.custody.refusals import PrivateKeyInVault
from zakhira.custody.vault_refusals import UnreadableWalletFile
from zakhira.kernel.canonical import Json

MAX_PAPER_BYTES = 256 * 1024
"""A descriptor of two quorums of fifteen keys has 5 kB; an export with every account of a device 10 kB."""
_PRIVATE = re.compile(r"(?<![1-9A-HJ-NP-Za-km-z]{2})prv[1-9A-HJ-NP-Za-km-z]{8}")
"""The beginning of an extended private key, a spoiled one too: inside a public key more letters stand before."""
_SHOWN = 32
"""A value of more letters is not repeated in a message: it may be part of a key or of seed words."""

_KEY_LIKE = re.compile(r"(?![a-z]{8})[A-Za-z0-9]{8}")
"""Eight letters and digits in a row that are not a plain word: they may be a piece of a key."""


def quoted(value: object) -> str:
    """A value as a message may show it: short and without any sign of a private key, or only its length."""
    text = value if isinstance(value, str) else type(value).__name__
    is_kept = len(text) > _SHOWN or "prv" in text or _KEY_LIKE.search(text)
    return f"a text of {len(text)} letters" if is_kept else repr(text)


def decode_paper(data: bytes) -> str:
    """The text of a paper, line ends made one, without the byte order mark that some programs put first.

    Raises:
        UnreadableWalletFile: it is too long, empty or not UTF-8.
        PrivateKeyInVault: it holds an extended private key; the key is not repeated.
    """
    if len(data) > MAX_PAPER_BYTES:
        raise UnreadableWalletFile(
            f"The file has {len(data)} bytes; {MAX_PAPER_BYTES} are the limit.",
            "Give the file that describes the vault.",
        )
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n").strip()
    except UnicodeDecodeError:
        raise UnreadableWalletFile("The file is not UTF-8 text.", "Give the file as it was exported.") from None
    if not text:
        raise UnreadableWalletFile("The file is empty.", "Give the file as it was exported.")
    if _PRIVATE.search(text):
        raise PrivateKeyInVault(
            "The file holds a private key.", "Destroy the file, and treat the key as known to others."
        )
    return text


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is given twice in one object")
    return found


def parse_json(text: str) -> Json:
    """The value of a JSON text; a name given twice is an error, where Python would take the last.

    Raises:
        UnreadableWalletFile: it is not JSON; the text is not repeated.
    """
    try:
        return cast("Json", json.loads(text, object_pairs_hook=_once))
    except json.JSONDecodeError as error:
        reason = f"line {error.lineno}: {error.msg}"
    except ValueError as error:
        reason = "a name is given twice in one object" if "twice" in str(error) else "a number is too long"
    except RecursionError:
        reason = "it nests too deep"
    raise UnreadableWalletFile(f"The file is not JSON: {reason}.", "Give the file as it was exported.")


def require_text(found: Mapping[str, Json], name: str) -> str:
    """A member that must be a non-empty text; raises UnreadableWalletFile."""
    value = found.get(name)
    if not isinstance(value, str) or not value.strip():
        what = "is missing or empty" if value is None or value == "" else "is no text"
        raise UnreadableWalletFile(f"{name} {what}.", "Give the file as it was exported.")
    return value.strip()


def label_of(value: object) -> str:
    """A name that somebody else gave, if it is one: printable and at most 60 letters; empty otherwise."""
    text = " ".join(value.split()) if isinstance(value, str) else ""
    return text if text.isprintable() and len(text) <= 60 and "prv" not in text else ""  # noqa: PLR2004
