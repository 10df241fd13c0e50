"""A vault's papers: what kinds there are, what writing one takes, and what reading one gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from zakhira.custody.key_register import RegisteredKey
from zakhira.custody.vault_state import VaultRecord
from zakhira.programme.model import Vault


@dataclass(frozen=True)
class PaperKind:
    """A format. ``templates`` are those that it can carry, ``suffix`` ends the suggested file name."""

    name: str
    description: str
    suffix: str
    templates: tuple[str, ...]
    can_be_read: bool = True


@dataclass(frozen=True)
class PaperRequest:
    """What a paper is written from: the vault's record, who holds its keys, and where its history starts.

    ``start_height`` is a block below which the vault has no coins (0: not known) and ``since`` a moment before which
    it has none (None: the record's creation); ``range_end`` is the last index that importing programs shall watch;
    ``token`` (hex) encrypts a BSMS record, empty writes it in the clear.
    """

    record: VaultRecord
    register: Sequence[RegisteredKey] = ()
    start_height: int = 0
    since: datetime | None = None
    range_end: int = 999
    token: str = ""


@dataclass(frozen=True)
class PaperFile:
    """A written paper: the name that its file should have, its bytes, and what a person should know about it."""

    kind: str
    name: str
    data: bytes
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Taking:
    """What the reader of a paper knows already: the vault's name and purpose here, the chain, names of signers.

    ``signers`` names signers by key text ``[fingerprint/path]xpub`` (one spelling, as the register has it); a key
    without a name is called by its label in the paper, or else by its fingerprint. ``token`` (hex) opens an encrypted
    BSMS record.
    """

    vault: str
    purpose: str
    chain: str
    signers: Mapping[str, str] = field(default_factory=dict)
    token: str = ""


@dataclass(frozen=True)
class ReadPaper:
    """What a paper says: the vault, its first address as both libraries derive it, and what was converted or missing.

    ``label`` is what the paper calls the vault; it is shown and not relied on.
    """

    kind: str
    vault: Vault
    first_address: str
    notes: tuple[str, ...] = ()
    label: str = ""

    def called(self, label: str) -> ReadPaper:
        """The same with the paper's name of the vault."""
        return replace(self, label=label)
