"""What bitcoind's ``importdescriptors`` takes, and what its ``listdescriptors`` gives.

Source: Bitcoin Core's RPC help of both calls, releases 28 to 31 (read 2026-11): an array of objects with ``desc``,
``active``, ``range``, ``timestamp`` and ``internal``. Each branch is written as a descriptor of its own, which every
release takes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from zakhira.custody.descriptor import CHANGE, RECEIVE
from zakhira.custody.template import TEMPLATES
from zakhira.custody.vault_papers.descriptor_forms import (
    Spelling,
    branch_descriptor,
    join_branches,
    respell,
    take_vault,
)
from zakhira.custody.vault_papers.paper import PaperKind, PaperRequest, ReadPaper, Taking
from zakhira.custody.vault_papers.text import label_of, require_text
from zakhira.custody.vault_refusals import UnreadableWalletFile, WalletFileDisagrees
from zakhira.kernel.canonical import Json

KIND = PaperKind(
    "bitcoin-core",
    "JSON for bitcoind's importdescriptors (both branches apart, with range and timestamp) and from listdescriptors.",
    "-importdescriptors.json",
    TEMPLATES,
)
MAX_DESCRIPTORS = 64
"""A wallet of bitcoind with its own eight and those of a vault has fewer."""


def write_core_import(request: PaperRequest) -> str:
    """The array; the timestamp is the vault's creation unless an earlier one is given, as a later one hides coins."""
    since = int((request.since or request.record.created_at).timestamp())
    entries = [
        {
            "desc": branch_descriptor(request.record.vault, branch),
            "active": True,
            "internal": branch == CHANGE,
            "range": [0, request.range_end],
            "timestamp": since,
        }
        for branch in (RECEIVE, CHANGE)
    ]
    return json.dumps(entries, indent=2) + "\n"


def read_core_import(found: Json, taking: Taking) -> ReadPaper:
    """The vault of an array for ``importdescriptors`` or of an answer of ``listdescriptors``.

    Raises:
        UnreadableWalletFile, WalletFileDisagrees: it is neither, or receive and change are confused.
        what custody.descriptor raises of the descriptors.
    """
    entries = found["descriptors"] if isinstance(found, Mapping) and "descriptors" in found else found
    objects = [entries] if isinstance(entries, Mapping) else entries
    if not isinstance(objects, list) or not objects or len(objects) > MAX_DESCRIPTORS:
        raise UnreadableWalletFile("It holds no list of descriptors.", "Give the array for importdescriptors.")
    spellings = [_spelling(entry) for entry in objects]
    notes = dict.fromkeys(note for spelling in spellings for note in spelling.notes)
    paper = take_vault(KIND.name, Spelling(join_branches([s.body for s in spellings]), tuple(notes)), taking)
    label = label_of(found.get("wallet_name")) if isinstance(found, Mapping) else ""
    return paper.called(label)


def _spelling(entry: Json) -> Spelling:
    if not isinstance(entry, Mapping):
        raise UnreadableWalletFile("An entry of the list is no object.", "Give the array for importdescriptors.")
    spelling = respell(require_text(entry, "desc"), needs_checksum=True)
    side = "/1/*" if entry.get("internal") is True else "/0/*"
    if "internal" in entry and "/<" not in spelling.body and side not in spelling.body:
        raise WalletFileDisagrees(
            f"A descriptor that is {'' if side == '/1/*' else 'not '}internal derives other addresses.",
            "Receiving and change addresses are confused: do not use this file.",
        )
    return spelling
