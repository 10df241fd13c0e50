"""BSMS descriptor records: descriptor, path restrictions and first address, in the clear or sealed (BIP-129, round 2).

A vault whose recovery key is a main key as well stands at other branches for it, which one template of ``/**`` cannot
say; its record carries the descriptor of both branches (BIP-389) and "No path restrictions".
"""

from __future__ import annotations

from zakhira.custody.descriptor import RECEIVE, derive_address, vault_descriptor
from zakhira.custody.template import BRANCHES, TEMPLATES, TWIN_BRANCHES
from zakhira.custody.vault_papers.bsms_seal import is_sealed, parse_token, seal, unseal
from zakhira.custody.vault_papers.descriptor_forms import (
    ANY_BRANCHES,
    Spelling,
    join_branches,
    respell,
    take_vault,
)
from zakhira.custody.vault_papers.paper import PaperKind, PaperRequest, ReadPaper, Taking
from zakhira.custody.vault_papers.refusals import OtherPaper
from zakhira.custody.vault_papers.text import quoted
from zakhira.custody.vault_refusals import UnreadableWalletFile, WalletFileDisagrees

KIND = PaperKind(
    "bsms",
    "BSMS 1.0 descriptor record (BIP-129) with the first address; --token seals it. Sparrow, Nunchuk, Coldcard.",
    ".bsms",
    TEMPLATES,
)
VERSION = "BSMS 1.0"
RESTRICTIONS, NO_RESTRICTIONS = "/0/*,/1/*", "No path restrictions"
_RECORD_LINES = 4
_REMEDY = "Ask the coordinator for the record again."


def write_bsms(request: PaperRequest) -> str:
    """The record, sealed if there is a token; raises BadToken."""
    vault = request.record.vault
    descriptor = vault_descriptor(vault)
    first = derive_address(vault, RECEIVE, 0, request.record.chain).address
    if TWIN_BRANCHES in descriptor:
        record = f"{VERSION}\n{descriptor}\n{NO_RESTRICTIONS}\n{first}"
    else:
        template = descriptor.partition("#")[0].replace(BRANCHES, ANY_BRANCHES)
        record = f"{VERSION}\n{template}\n{RESTRICTIONS}\n{first}"
    return seal(record, parse_token(request.token)) if request.token else record + "\n"


def open_record(text: str, token: str) -> list[str]:
    """The lines of a record, opened if it is sealed.

    Raises:
        BadToken, SealBroken: it is sealed and does not open.
        UnreadableWalletFile: it is of another version, or no record.
    """
    lines = [line.strip() for line in (unseal(text, token) if is_sealed(text) else text).strip().split("\n")]
    if lines[0] != VERSION:
        raise UnreadableWalletFile(f"The record begins with {quoted(lines[0])} and not {VERSION!r}.", _REMEDY)
    return lines


def read_bsms(text: str, taking: Taking) -> ReadPaper:
    """The vault of a record, whose first address must be the one that we derive.

    Raises:
        OtherPaper: it is a signer's key record.
        UnreadableWalletFile, WalletFileDisagrees: it has another form, or another first address than it says.
        BadToken, SealBroken: it is sealed and does not open.
        what custody.descriptor raises of the descriptor.
    """
    lines = open_record(text, taking.token)
    if len(lines) > 2 and lines[2].startswith("["):  # noqa: PLR2004  # the third line of a key record is the key
        raise OtherPaper("This is a signer's key record.", "Read it as a key; a vault needs the descriptor record.")
    if len(lines) != _RECORD_LINES:
        raise UnreadableWalletFile(f"A descriptor record has 4 lines; this one has {len(lines)}.", _REMEDY)
    _, descriptor, restrictions, first = lines
    if restrictions not in {RESTRICTIONS, NO_RESTRICTIONS}:
        raise UnreadableWalletFile(
            f"The path restrictions are {quoted(restrictions)}; {RESTRICTIONS} is read.", _REMEDY
        )
    if ANY_BRANCHES in descriptor and restrictions == NO_RESTRICTIONS:
        raise WalletFileDisagrees("A template of a descriptor stands without its path restrictions.", _REMEDY)
    spelling = respell(descriptor, needs_checksum=False)
    # The first address holds for the checksum that the record may lack: it is compared below.
    paper = take_vault(KIND.name, Spelling(join_branches([spelling.body]), ()), taking)
    if first.lower() != paper.first_address.lower():
        raise WalletFileDisagrees(
            "The first address of the record is not the one that its descriptor derives on this chain.",
            "Somebody changed one of them, or it is for another chain: do not use it.",
        )
    return paper
