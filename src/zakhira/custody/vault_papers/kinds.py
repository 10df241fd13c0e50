"""All kinds of papers: one is written by its name, and a paper that comes in is recognised by its looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from zakhira.custody.vault_papers import (
    bsms,
    coldcard,
    core_import,
    descriptor_paper,
    sparrow,
    specter,
    wallet_policy,
)
from zakhira.custody.vault_papers.bsms_seal import is_sealed
from zakhira.custody.vault_papers.paper import PaperFile, PaperKind, PaperRequest, ReadPaper, Taking
from zakhira.custody.vault_papers.refusals import UnknownPaperKind
from zakhira.custody.vault_papers.text import decode_paper, parse_json, quoted
from zakhira.custody.vault_refusals import FormatCannotCarry, UnreadableWalletFile

_WRITERS: Mapping[str, Callable[[PaperRequest], str]] = {
    descriptor_paper.KIND.name: descriptor_paper.write_descriptor_paper,
    core_import.KIND.name: core_import.write_core_import,
    wallet_policy.KIND.name: wallet_policy.write_wallet_policy,
    bsms.KIND.name: bsms.write_bsms,
    coldcard.KIND.name: coldcard.write_coldcard,
    sparrow.KIND.name: sparrow.write_sparrow,
    specter.KIND.name: specter.write_specter,
}
PAPER_KINDS: Mapping[str, PaperKind] = {
    module.KIND.name: module.KIND
    for module in (descriptor_paper, core_import, wallet_policy, bsms, coldcard, sparrow, specter)
}
"""The kinds by name, in the order in which a person is told of them."""
_WHY_NOT = {
    wallet_policy.KIND.name: "BIP-388 has no words for the bare point that is the internal key of a taproot vault",
    coldcard.KIND.name: "Coldcard's text file knows sorted multisig in P2WSH alone",
    sparrow.KIND.name: "Sparrow would take it for a plain multisig and show addresses that are not the vault's",
    specter.KIND.name: "Specter would take it for a plain multisig and show addresses that are not the vault's",
}


def write_vault_paper(kind: str, request: PaperRequest) -> PaperFile:
    """The vault's paper of a kind, with the name that its file should have.

    Raises:
        UnknownPaperKind: there is no such kind.
        FormatCannotCarry: the format has no words for the vault's template.
        BadToken: the token of a BSMS record is none.
        what custody.descriptor raises of the vault.
    """
    found = PAPER_KINDS.get(kind)
    if found is None:
        raise UnknownPaperKind(f"There is no paper {quoted(kind)}.", f"Use one of {', '.join(PAPER_KINDS)}.")
    vault = request.record.vault
    if vault.template not in found.templates:
        able = [name for name, other in PAPER_KINDS.items() if vault.template in other.templates]
        raise FormatCannotCarry(
            f"{kind} cannot carry the {vault.template} vault {vault.id}: {_WHY_NOT[kind]}.",
            f"Use one of {', '.join(able)}.",
        )
    text = _WRITERS[kind](request)
    suffix = ".dat" if kind == bsms.KIND.name and request.token else found.suffix
    return PaperFile(kind, f"{vault.id}{suffix}", text.encode(), _notes(kind, request))


def _notes(kind: str, request: PaperRequest) -> tuple[str, ...]:
    """What whoever imports the paper should know."""
    if kind == core_import.KIND.name:
        return ("Import it into a wallet without private keys; coins older than its timestamp need a rescan.",)
    if kind == bsms.KIND.name and not request.token:
        return ("Every signer must show the first address of the record before it is used.",)
    if kind in {coldcard.KIND.name, wallet_policy.KIND.name}:
        return ("It bears no checksum: compare the first address on the device's screen.",)
    return ()


def _read_json(text: str, taking: Taking) -> ReadPaper:
    found = parse_json(text)
    if isinstance(found, Mapping):
        if any(name in found for name in wallet_policy.TEMPLATE_NAMES):
            return wallet_policy.read_wallet_policy(found, taking)
        if "descriptor" in found or "recv_descriptor" in found:
            return specter.read_specter(found, taking)
        if "desc" not in found and "descriptors" not in found:
            raise UnreadableWalletFile(
                "The JSON is no paper of a vault that is known.", f"Give one of {', '.join(PAPER_KINDS)}."
            )
    return core_import.read_core_import(found, taking)


def read_vault_paper(data: bytes, taking: Taking) -> ReadPaper:
    """The vault that a paper of any kind describes; nothing is taken over from a paper that is not whole.

    Raises:
        UnreadableWalletFile, WalletFileDisagrees, BadWalletPolicy, OtherPaper: as their names say.
        FormatCannotCarry: it describes what no vault of ours is.
        BadToken, SealBroken: it is sealed and does not open.
        what custody.descriptor and custody.key_origin raise of descriptors and keys.
    """
    text = decode_paper(data)
    if text.startswith("BSMS") or is_sealed(text):
        return bsms.read_bsms(text, taking)
    if text.startswith(("{", "[")):
        return _read_json(text, taking)
    labels = {line.partition(":")[0].strip().lower() for line in text.split("\n") if ":" in line}
    if labels & {"policy", "format", "name"} and "policy" in labels:
        return coldcard.read_coldcard(text, taking)
    if text.startswith("# Receive and change descriptor"):
        return sparrow.read_sparrow(text, taking)
    return descriptor_paper.read_descriptor_paper(text, taking)
