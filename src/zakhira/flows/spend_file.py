"""A spend as one file: what was decided, by whom, and the PSBT that shall do it. It travels to signers as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from zakhira.controls.approval import Approval, Execution
from zakhira.custody.coin import Instruction
from zakhira.custody.instruction_text import instruction_of
from zakhira.custody.psbt_version import MAX_PSBT_BYTES, receive_psbt
from zakhira.flows.word_text import approval_json, execution_json, execution_of
from zakhira.kernel.canonical import Json, NotCanonical, canonical_bytes, content_hash, parse_canonical
from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.interval import NotUtc, parse_utc

FORMAT, VERSION = "zakhira-spend", 2
MAX_SPEND_FILE_BYTES = 2 * MAX_PSBT_BYTES
"""The largest PSBT in base64 (a third more), and as much again for thousands of payments; asked for before reading."""
MAX_WORDS = 200
"""Of a text that names something."""
MAX_APPROVALS = 64
"""No policy asks for so many; each costs a check of a signature."""

_FIELDS = frozenset(
    {
        "format",
        "version",
        "instruction",
        "proposal_signature",
        "approvals",
        "execution",
        "rule",
        "policy_hash",
        "psbt",
        "checksum",
    }
)
_EXECUTION_FIELDS = frozenset({"officer", "instruction_hash", "amount", "source", "at", "signature"})
_APPROVAL_FIELDS = frozenset({"officer", "instruction_hash", "signature", "at", "policy_hash"})
_REMEDY = "Ask for the spend file again from where it was made."
_SIGNATURE = re.compile(r"[0-9a-f]{128}")
"""Ed25519 (RFC 8032): 64 bytes in hex."""


class NotASpendFile(InvalidInput):
    """Bytes are no spend file: another format, a field missing or strange, or another spelling of the same content."""

    code = "ZK-FLOWS-070"


class SpendFileTooLarge(InvalidInput):
    """A spend file has more bytes than the largest PSBT asks for."""

    code = "ZK-FLOWS-071"


class SpendFileDamaged(InvalidInput):
    """The checksum of a spend file does not fit its content: it was cut, mistyped or edited."""

    code = "ZK-FLOWS-072"


class UnknownSpendFileVersion(InvalidInput):
    """A spend file of a version that this program does not read."""

    code = "ZK-FLOWS-073"


@dataclass(frozen=True)
class SpendFile:
    """What a signer is sent. Nothing in it is believed: signatures are verified, the bytes are decoded twice.

    Instants are kept to the second.
    """

    instruction: Instruction
    proposal_signature: str
    """of the proposer over the instruction's hash, in the domain ``proposal`` (controls.approval); 128 hex digits"""
    approvals: tuple[Approval, ...]
    psbt: str
    """version 0 in base64"""
    execution: Execution | None = None
    """the second person's word, where the rule asks for one"""
    rule: str = ""
    """the rule that let it go, as the desk says; the signer's machine finds it for itself"""
    policy_hash: str = ""
    """the version of the policy that it was let go under, as the desk says"""


def spend_file_bytes(file: SpendFile) -> bytes:
    """The file as canonical JSON (RFC 8785) with a checksum (SHA-256) over everything else in it."""
    body: dict[str, Json] = {
        "format": FORMAT,
        "version": VERSION,
        "instruction": file.instruction.as_json(),
        "proposal_signature": file.proposal_signature,
        "approvals": [approval_json(approval) for approval in file.approvals],
        "execution": execution_json(file.execution),
        "rule": file.rule,
        "policy_hash": file.policy_hash,
        "psbt": file.psbt,
    }
    return canonical_bytes({**body, "checksum": content_hash(body)})


def _signature(value: Json) -> str:
    if not isinstance(value, str) or _SIGNATURE.fullmatch(value) is None:
        raise NotASpendFile("A signature is not 128 hex digits.", _REMEDY)
    return value


def _approval_of(value: Json) -> Approval:
    if not isinstance(value, Mapping) or set(value) != _APPROVAL_FIELDS:
        raise NotASpendFile("An approval has not the fields of one.", _REMEDY)
    texts = {name: value[name] for name in ("officer", "instruction_hash", "at", "policy_hash")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise NotASpendFile("A field of an approval is no text.", _REMEDY)
    try:
        at = parse_utc(str(texts["at"]))
    except NotUtc as error:
        raise NotASpendFile(f"An approval's time will not do: {error.message}", _REMEDY) from None
    officer, matter, version = (str(texts[name]) for name in ("officer", "instruction_hash", "policy_hash"))
    return Approval(officer, matter, _signature(value["signature"]), at, version)


def _text(body: Mapping[str, Json], name: str) -> str:
    value = body[name]
    if not isinstance(value, str) or len(value) > MAX_WORDS:
        raise NotASpendFile(f"The field {name} is no text of up to {MAX_WORDS} characters.", _REMEDY)
    return value


def _execution_of(value: Json) -> Execution | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or set(value) != _EXECUTION_FIELDS:
        raise NotASpendFile("The execution has not the fields of one.", _REMEDY)
    for name in _EXECUTION_FIELDS:
        _text(value, name)
    _signature(value["signature"])
    try:
        return execution_of(value)
    except NotUtc as error:
        raise NotASpendFile(f"The execution's time will not do: {error.message}", _REMEDY) from None


def _psbt_of(value: Json) -> str:
    """The PSBT if it is one of version 0 in base64, in its one spelling; raises what ``receive_psbt`` raises."""
    received = receive_psbt(value.encode("utf-8", "replace")) if isinstance(value, str) else None
    if received is None or received.version != 0 or received.form != "base64" or received.base64 != value:
        raise NotASpendFile("The PSBT of the file is not of version 0 in base64.", _REMEDY)
    return received.base64


def _body_of(data: bytes) -> Mapping[str, Json]:
    """The fields of the file, named as they must be and under a checksum that fits."""
    if len(data) > MAX_SPEND_FILE_BYTES:
        raise SpendFileTooLarge(f"The file has {len(data)} bytes, above {MAX_SPEND_FILE_BYTES}.", _REMEDY)
    try:
        body = parse_canonical(data)
    except (NotCanonical, RecursionError) as error:
        what = error.message if isinstance(error, NotCanonical) else "It is nested too deeply."
        raise NotASpendFile(f"The bytes are no spend file. {what}", _REMEDY) from None
    if not isinstance(body, Mapping) or body.get("format") != FORMAT:
        raise NotASpendFile(f"The file does not call itself {FORMAT}.", _REMEDY)
    if body.get("version") is True or body.get("version") != VERSION:
        raise UnknownSpendFileVersion(
            f"The spend file is of version {body.get('version')!r}, read is {VERSION}.", "Use a newer zakhira."
        )
    if set(body) != _FIELDS:
        strange = ", ".join(sorted(set(body) ^ _FIELDS))
        raise NotASpendFile(f"The file has not the fields of a spend file: {strange}.", _REMEDY)
    if content_hash({name: value for name, value in body.items() if name != "checksum"}) != body["checksum"]:
        raise SpendFileDamaged("The checksum of the spend file does not fit its content.", _REMEDY)
    return body


def spend_file_of(data: bytes) -> SpendFile:
    """The spend file that these bytes are; written again it is the same bytes.

    The checksum finds accidents alone: whoever edits a file makes a new one. What protects are the signatures and the
    decoders.

    Raises:
        NotASpendFile, SpendFileTooLarge, UnknownSpendFileVersion, SpendFileDamaged: as their names say.
        BadInstruction: the instruction is none (custody).
        what ``receive_psbt`` raises of the PSBT.
    """
    body = _body_of(data)
    approvals = body["approvals"]
    if not isinstance(approvals, list) or len(approvals) > MAX_APPROVALS:
        raise NotASpendFile(f"The approvals are no list of at most {MAX_APPROVALS}.", _REMEDY)
    return SpendFile(
        instruction=instruction_of(body["instruction"]),
        proposal_signature=_signature(body["proposal_signature"]),
        approvals=tuple(_approval_of(item) for item in cast("list[Json]", approvals)),
        psbt=_psbt_of(body["psbt"]),
        execution=_execution_of(body["execution"]),
        rule=_text(body, "rule"),
        policy_hash=_text(body, "policy_hash"),
    )
