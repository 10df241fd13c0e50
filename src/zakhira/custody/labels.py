"""Labels of wallets, as BIP-329 writes them: a JSON object in each line, read strictly, with every fault told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import Fault, Faults, InvalidInput

TYPES = ("tx", "addr", "pubkey", "input", "output", "xpub")
"""BIP-329, section Specification."""

MAX_BYTES = 64 * 1024 * 1024
"""A label takes about 150 bytes: room for 400,000 [E]."""
MAX_LABEL_CHARACTERS = 255
"""BIP-329: what a wallet should at least be able to take."""
_MAX_TOLD = 100
"""Faults that are told at most; a file of another kind would have one in each line."""

_TXID = re.compile(r"[0-9a-f]{64}")
_OUTPOINT = re.compile(r"[0-9a-f]{64}:(?:0|[1-9][0-9]{0,9})")
_PUBKEY = re.compile(r"(?:0[23][0-9a-f]{64}|04[0-9a-f]{128}|[0-9a-f]{64})")
_XPUB = re.compile(r"[a-zA-Z]pub[1-9A-HJ-NP-Za-km-z]{100,112}")
_ADDRESS = re.compile(r"[0-9A-Za-z]{14,100}")
_REFS = {"tx": _TXID, "addr": _ADDRESS, "pubkey": _PUBKEY, "input": _OUTPOINT, "output": _OUTPOINT, "xpub": _XPUB}


class UnreadableLabel(InvalidInput):
    """A line is no JSON object, or the file is no UTF-8."""

    code = "ZK-CUSTODY-150"


class BadLabelField(InvalidInput):
    """A field of a label is missing, stands where it may not, or has another type than BIP-329 says."""

    code = "ZK-CUSTODY-151"


class BadLabelReference(InvalidInput):
    """What a label is about is not of the form that its type needs."""

    code = "ZK-CUSTODY-152"


class LabelRepeated(InvalidInput):
    """Two lines label the same thing differently."""

    code = "ZK-CUSTODY-153"


class TooManyLabels(InvalidInput):
    """A file is larger than any file of labels."""

    code = "ZK-CUSTODY-154"


@dataclass(frozen=True)
class Label:
    """What somebody calls a transaction, an address, a key, an input, an output or an extended key."""

    type: str
    ref: str
    label: str
    origin: str = ""
    """of a transaction: the abbreviated descriptor of the wallet that it belongs to"""
    spendable: bool | None = None
    """of an output: whether the wallet should spend it"""

    @property
    def line(self) -> str:
        """The label as one line."""
        body: dict[str, Json] = {"type": self.type, "ref": self.ref, "label": self.label}
        if self.origin:
            body["origin"] = self.origin
        if self.spendable is not None:
            body["spendable"] = self.spendable
        return json.dumps(body, ensure_ascii=False)


class _Line:
    """Faults of one line, or its label."""

    def __init__(self, file: str, number: int) -> None:
        self._file, self._number = file, number
        self.faults: list[Fault] = []

    def fault(self, kind: type[InvalidInput], key: str, message: str, remedy: str) -> None:
        """Remember a fault."""
        self.faults.append(Fault(self._file, self._number, key, kind.code, message, remedy))

    def read(self, text: str) -> Label | None:
        """The label in a line, or None with faults."""
        body = self._object(text)
        if body is None:
            return None
        kind, ref, label = (self._text(body, name, needed=True) for name in ("type", "ref", "label"))
        origin = self._text(body, "origin", needed=False)
        spendable = body.get("spendable")
        if kind and kind not in _REFS:
            self.fault(BadLabelField, "type", f"{kind[:40]!r} is no type of BIP-329.", f"Use {', '.join(TYPES)}.")
        elif kind and ref and _REFS[kind].fullmatch(ref) is None:
            self.fault(BadLabelReference, "ref", f"{ref[:80]!r} is no {kind}.", "Write it as BIP-329 does.")
        if len(label) > MAX_LABEL_CHARACTERS:
            message = f"the label has {len(label)} characters."
            self.fault(BadLabelField, "label", message, f"Shorten it to {MAX_LABEL_CHARACTERS}.")
        if origin and kind != "tx":
            self.fault(BadLabelField, "origin", f"{kind!r} has an origin.", "Only transactions have one.")
        if spendable is not None and (kind != "output" or not isinstance(spendable, bool)):
            message = f"{str(spendable)[:40]} stands at {kind!r}."
            self.fault(BadLabelField, "spendable", message, "Write true or false, at outputs alone.")
        return None if self.faults else Label(kind, ref, label, origin, cast("bool | None", spendable))

    def _object(self, text: str) -> Mapping[str, Json] | None:
        try:
            body = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            self.fault(UnreadableLabel, "", f"no JSON object: {str(error)[:80]}.", "Export the labels again.")
            return None
        if not isinstance(body, dict):
            self.fault(UnreadableLabel, "", "no JSON object.", "Write one object in each line.")
            return None
        return body

    def _text(self, body: Mapping[str, Json], name: str, *, needed: bool) -> str:
        value = body.get(name, "" if name == "label" or not needed else None)
        if not isinstance(value, str) or not _is_text(value):
            self.fault(BadLabelField, name, "missing, or no text.", f"Give {name} as a text.")
            return ""
        if needed and name != "label" and not value:
            self.fault(BadLabelField, name, "empty.", f"Say the {name}.")
        return value


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is no JSON")


def _is_text(value: str) -> bool:
    """Whether a text can be stored: no lone surrogate, no NUL."""
    try:
        return b"\0" not in value.encode()
    except UnicodeEncodeError:
        return False


def read_labels(data: bytes, file: str = "labels") -> tuple[Label, ...]:
    """The labels of a file, in its order; a label that stands twice alike counts once, empty lines count for nothing.

    Fields that BIP-329 lets wallets add (heights, fees, rates ...) are passed over.

    Raises:
        Faults: everything that is wrong, with its line: codes UnreadableLabel, BadLabelField, BadLabelReference,
            LabelRepeated.
        TooManyLabels: the file is larger than 64 MiB.
    """
    if len(data) > MAX_BYTES:
        raise TooManyLabels(f"{file} has {len(data)} bytes.", f"Split it: {MAX_BYTES} bytes are read at most.")
    found: dict[tuple[str, str], Label] = {}
    faults: list[Fault] = []
    for number, raw in enumerate(data.split(b"\n"), 1):
        line = _Line(file, number)
        label = _read_line(line, raw)
        if label is not None:
            before = found.setdefault((label.type, label.ref), label)
            if before != label:
                message = f"{label.ref} has another label above."
                line.fault(LabelRepeated, "ref", message, "Keep one of the two.")
        faults += line.faults
        if len(faults) >= _MAX_TOLD:
            break
    if faults:
        raise Faults(faults)
    return tuple(found.values())


def _read_line(line: _Line, raw: bytes) -> Label | None:
    try:
        text = raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        line.fault(UnreadableLabel, "", "no UTF-8.", "Export the labels again.")
        return None
    return line.read(text) if text else None


def write_labels(labels: Iterable[Label]) -> bytes:
    """The labels as a file of BIP-329; reading it gives them again."""
    return "".join(f"{label.line}\n" for label in labels).encode()
