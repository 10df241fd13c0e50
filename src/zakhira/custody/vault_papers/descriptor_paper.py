"""The plain paper: the vault's descriptor with its checksum on one line (BIP-380, BIP-389)."""

from __future__ import annotations

import re

from zakhira.custody.descriptor import vault_descriptor
from zakhira.custody.template import TEMPLATES
from zakhira.custody.vault_papers.descriptor_forms import Spelling, join_branches, respell, take_vault
from zakhira.custody.vault_papers.paper import PaperKind, PaperRequest, ReadPaper, Taking

KIND = PaperKind(
    "descriptor",
    "The descriptor with its checksum, one line of text: bitcoind, Liana, Nunchuk, Coldcard's EDGE firmware, BDK.",
    ".txt",
    TEMPLATES,
)

_BEGINS = re.compile(r"(?:wsh|tr|sh|wpkh|pkh)\(")


def write_descriptor_paper(request: PaperRequest) -> str:
    """The descriptor and a line end."""
    return vault_descriptor(request.record.vault) + "\n"


def descriptor_lines(text: str) -> list[str]:
    """The descriptors of a text without its remarks; one that a program wrapped over several lines is one again."""
    found: list[str] = []
    for line in (line.strip() for line in text.split("\n")):
        if not line or line.startswith("#"):
            continue
        if _BEGINS.match(line) or not found:
            found.append(line)
        else:
            found[-1] += line
    return found


def read_descriptor_paper(text: str, taking: Taking, kind: str = KIND.name) -> ReadPaper:
    """A descriptor with both branches, or one for each, each with its checksum.

    Raises:
        MalformedDescriptor, UnsupportedDescriptor, WalletFileDisagrees and what custody.descriptor raises.
    """
    spellings = [respell(line, needs_checksum=True) for line in descriptor_lines(text)]
    notes = dict.fromkeys(note for spelling in spellings for note in spelling.notes)
    return take_vault(kind, Spelling(join_branches([s.body for s in spellings]), tuple(notes)), taking)
