"""What every check of a verification works on, and how a check says no."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import Refused
from zakhira.proofs.node_view import MessageVerifier, NodeView
from zakhira.proofs.reading import HASH, MAX_INDEX, SIGNATURE, Malformed, integer, parse_file, record, rows, text
from zakhira.proofs.statement import (
    COINS_FILE,
    LEDGER_FILE,
    LISTED_FILES,
    MANIFEST_FILE,
    PACK_FILES,
    PACK_FORMAT,
    PROOFS_FILE,
    SIGNATURES_FILE,
    STATEMENT_FILE,
    ControlProof,
    LedgerExtract,
    PackCoin,
    Statement,
    read_coins,
    read_ledger,
    read_proofs,
    read_statement,
)


class CheckFails(Refused):
    """A check of a pack says no; its message becomes the check's detail."""

    code = "ZK-PROOFS-007"


class CheckImpossible(Refused):
    """A check cannot be made here; its message says what would be needed."""

    code = "ZK-PROOFS-008"


@dataclass(frozen=True)
class Pack:
    """A pack whose files were all read."""

    statement: Statement
    coins: tuple[PackCoin, ...]
    proofs: tuple[ControlProof, ...]
    ledger: LedgerExtract


@dataclass
class Case:
    """One verification: the files, what the reader trusts, the reader's node, and what was found on the way."""

    files: Mapping[str, bytes]
    trust: Mapping[str, str]
    required_signatures: int
    node: NodeView
    messages: MessageVerifier
    read: Pack | None = None
    moved: dict[str, int] = field(default_factory=dict)
    """outpoint to the height at which it was spent, after the pack's block"""

    @property
    def pack(self) -> Pack:
        """The pack; checks that need it run only after it was read."""
        assert self.read is not None
        return self.read


Test = Callable[[Case], str]
"""Returns the detail of a check that passed; raises CheckFails, CheckImpossible or Malformed."""


@dataclass(frozen=True)
class Rule:
    """One check: its id, what it says in plain words, where the facts come from, and what must have passed before."""

    id: str
    words: str
    source: str
    needs: tuple[str, ...]
    test: Test


def check_names(case: Case) -> str:
    """Exactly the six files are there."""
    lacking = sorted(set(PACK_FILES) - set(case.files))
    extra = sorted(set(case.files) - set(PACK_FILES))
    if lacking or extra:
        told = [f"{name} is missing" for name in lacking] + [f"{name} does not belong to a pack" for name in extra]
        raise CheckFails("; ".join(told) + ".")
    return f"{len(PACK_FILES)} files."


def _manifest(files: Mapping[str, bytes]) -> Mapping[str, tuple[str, int]]:
    """File to SHA-256 and length; raises Malformed."""
    body = record(parse_file(MANIFEST_FILE, files[MANIFEST_FILE]), MANIFEST_FILE, ("format", "files"))
    if body["format"] != PACK_FORMAT:
        raise Malformed(f"{MANIFEST_FILE}: the format is not {PACK_FORMAT}.", "Use the version that made the pack.")
    listed = record(body["files"], f"{MANIFEST_FILE} files", LISTED_FILES)
    told = {}
    for name in LISTED_FILES:
        where = f"{MANIFEST_FILE} {name}"
        row = record(listed[name], where, ("sha256", "length"))
        told[name] = (text(row["sha256"], where, HASH), integer(row["length"], where, 0, MAX_INDEX))
    return told


def check_hashes(case: Case) -> str:
    """Every listed file is the one that the manifest lists."""
    wrong = []
    for name, (digest, length) in _manifest(case.files).items():
        data = case.files[name]
        if len(data) != length:
            wrong.append(f"{name} has {len(data)} bytes, {MANIFEST_FILE} says {length}")
        if hashlib.sha256(data).hexdigest() != digest:
            wrong.append(f"{name} has not the SHA-256 that {MANIFEST_FILE} gives")
    if wrong:
        raise CheckFails("; ".join(wrong) + ".")
    return f"{len(LISTED_FILES)} files."


def check_shape(case: Case) -> str:
    """Every file is canonical JSON of the known form; the pack is kept for later checks."""
    faults = []
    values: dict[str, Json] = {}
    for name in LISTED_FILES:
        try:
            values[name] = parse_file(name, case.files[name])
        except Malformed as error:
            faults.append(error.message)
    if faults:
        raise CheckFails(" ".join(faults))
    case.read = Pack(
        read_statement(values[STATEMENT_FILE]),
        read_coins(values[COINS_FILE]),
        read_proofs(values[PROOFS_FILE]),
        read_ledger(values[LEDGER_FILE]),
    )
    return f"{len(case.read.coins)} coins, {len(case.read.ledger.entries)} entries of the ledger."


def read_signatures(files: Mapping[str, bytes]) -> tuple[tuple[str, str], ...]:
    """Officer and signature, sorted by officer and each officer once; raises Malformed."""

    def read(value: Json, where: str) -> tuple[str, str]:
        row = record(value, where, ("officer", "signature"))
        return text(row["officer"], f"{where} officer"), text(row["signature"], f"{where} signature", SIGNATURE)

    found = rows(parse_file(SIGNATURES_FILE, files[SIGNATURES_FILE]), SIGNATURES_FILE, read)
    officers = [officer for officer, _ in found]
    if officers != sorted(set(officers)):
        raise Malformed(f"{SIGNATURES_FILE}: officers are repeated or not in order.", "Fetch the pack again.")
    return found
