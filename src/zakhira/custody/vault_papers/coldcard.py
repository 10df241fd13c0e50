"""Coldcard's multisig text file: ``Name``, ``Policy``, ``Format``, ``Derivation`` and a line for each key.

Source: Coldcard/firmware shared/multisig.py (``from_file`` and ``render_export``; read 2026-11): lines of
``label: value``, a derivation holds for the keys after it, a name has 1 to 20 ASCII letters, at most 15 keys, xpub of
any SLIP-132 spelling. Sparrow reads the same file (io/ColdcardMultisig.java), as do signers that copied the format. It
knows no other script than sorted multisig.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from zakhira.custody.key_origin import parse_key
from zakhira.custody.refusals import BadVault
from zakhira.custody.template import BRANCHES, SORTEDMULTI, Shape, descriptor_body
from zakhira.custody.vault_papers.descriptor_forms import Spelling, take_vault
from zakhira.custody.vault_papers.paper import PaperKind, PaperRequest, ReadPaper, Taking
from zakhira.custody.vault_papers.text import label_of, quoted
from zakhira.custody.vault_refusals import FormatCannotCarry, UnreadableWalletFile, WalletFileDisagrees

KIND = PaperKind(
    "coldcard",
    "Coldcard's multisig text file (P2WSH); Sparrow and signers that copied the format read it too.",
    "-coldcard.txt",
    (SORTEDMULTI,),
)
MAX_NAME = 20
MAX_SIGNERS = 15
FORMAT = "P2WSH"
_REMEDY = "Export the file again from the device or program."
_FINGERPRINT = re.compile(r"[0-9a-fA-F]{8}")
_POLICY = re.compile(r"(\d{1,2})\s*(?:of|/|,|\s)\s*(\d{1,2})")
_PATH = re.compile(r"m(?:/\d{1,10}[hH'])*")


def write_coldcard(request: PaperRequest) -> str:
    """The file; one derivation line if all keys share it, else one before each key whose path differs."""
    vault = request.record.vault
    if len(vault.keys) > MAX_SIGNERS:
        raise FormatCannotCarry(f"Coldcard takes {MAX_SIGNERS} keys; the vault has {len(vault.keys)}.", "Use bsms.")
    name = re.sub(r"[^ -9;-~]", " ", vault.id)[:MAX_NAME].strip() or "vault"
    lines = [
        "# Coldcard Multisig setup file (created by Zakhira)",
        "#",
        f"Name: {name}",
        f"Policy: {vault.threshold} of {len(vault.keys)}",
        f"Format: {FORMAT}",
    ]
    last = ""
    for origin in (parse_key(key.xpub) for key in vault.keys):
        path = "/".join(["m", *([origin.path.replace("h", "'")] if origin.path else [])])
        if path != last:
            lines += ["", f"Derivation: {path}", ""]
            last = path
        lines.append(f"{origin.fingerprint.upper()}: {origin.xpub}")
    return "\n".join(lines) + "\n"


@dataclass
class _Reading:
    """What the lines so far say."""

    name: str = ""
    policy: tuple[int, int] = (0, 0)
    script: str = ""
    path: str | None = None
    """of the keys that follow; None before the first derivation"""
    keys: list[str] = field(default_factory=list)
    was_slip132: bool = False


def _unreadable(number: int, what: str) -> UnreadableWalletFile:
    return UnreadableWalletFile(f"Line {number} of the file {what}.", _REMEDY)


def _take_line(reading: _Reading, number: int, label: str, value: str) -> None:
    """One ``label: value``; a label that comes twice with another value is an error, but for derivations."""
    match label:
        case "name":
            reading.name = label_of(value)
        case "policy":
            found = _POLICY.fullmatch(value)
            if found is None or reading.policy != (0, 0):
                raise _unreadable(number, f"gives no policy like 3 of 5, or a second one: {quoted(value)}")
            reading.policy = int(found[1]), int(found[2])
        case "format":
            if value.upper() != FORMAT:
                raise FormatCannotCarry(
                    f"The file is of the format {quoted(value)}; our vaults are P2WSH.", "Set up the wallet as P2WSH."
                )
            reading.script = value
        case "derivation":
            if _PATH.fullmatch(value) is None:
                raise _unreadable(number, f"gives no path of hardened steps: {quoted(value)}")
            reading.path = value[1:]
        case _ if _FINGERPRINT.fullmatch(label):
            if reading.path is None:
                raise _unreadable(number, "gives a key before its derivation")
            reading.was_slip132 |= value[:4] not in {"xpub", "tpub"}
            reading.keys.append(parse_key(f"[{label}{reading.path}]{value}").text)
        case _:
            raise _unreadable(number, f"says {quoted(label)}, which the format does not know")


def _lines(text: str) -> list[tuple[int, str, str]]:
    """Number, label and value of each line; Sparrow writes each key's derivation as a remark."""
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if stripped.lower().startswith("# derivation:"):
            stripped = stripped[1:].strip()
        if not stripped or stripped.startswith("#"):
            continue
        label, colon, value = stripped.partition(":")
        if not colon:
            raise _unreadable(number, "is no label: value")
        found.append((number, label.strip().lower(), value.strip()))
    return found


def read_coldcard(text: str, taking: Taking) -> ReadPaper:
    """The vault of the file.

    Raises:
        UnreadableWalletFile, WalletFileDisagrees: a line is of another form, or the count of keys differs.
        FormatCannotCarry: it is of another script than P2WSH.
        what custody.key_origin and custody.descriptor raise of keys and quorums.
    """
    reading = _Reading()
    for number, label, value in _lines(text):
        _take_line(reading, number, label, value)
    threshold, count = reading.policy
    if not reading.script or not reading.keys or count == 0:
        raise UnreadableWalletFile("The file lacks its policy, its format or its keys.", _REMEDY)
    if count != len(reading.keys):
        raise WalletFileDisagrees(f"The policy is of {count} keys and {len(reading.keys)} stand there.", _REMEDY)
    if threshold > count:
        raise BadVault(f"The policy asks for {threshold} of {count} keys.", _REMEDY)
    body = descriptor_body(Shape(SORTEDMULTI, threshold, tuple(reading.keys)))
    notes = ["The file has no checksum: compare the first address with a device that has it."]
    if reading.was_slip132:
        notes.append("Keys in SLIP-132's spelling (Zpub, Vpub ...) were converted to xpub or tpub; they are the same.")
    assert body.count(BRANCHES) == count, "a key without branches"
    return take_vault(KIND.name, Spelling(body, tuple(notes)), taking).called(reading.name)
