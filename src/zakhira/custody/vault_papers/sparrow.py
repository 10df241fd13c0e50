"""Sparrow's "Output Descriptor" file: the descriptor of both branches and of each, under remarks.

Source: sparrowwallet/sparrow io/Descriptor.java and sparrowwallet/drongo OutputDescriptor.java (read 2026-11):
paragraphs between empty lines, ``#`` begins a remark, the first paragraph is read. Sparrow finds a quorum by the first
``multi(`` of the text, whatever stands around it: it would take a vault with a recovery path or a hold for a plain
multisig and show addresses that are not the vault's. Such vaults are therefore not written for it. "Specter Desktop",
"BSMS" and "Coldcard Multisig" are further papers that its Import Wallet reads.
"""

from __future__ import annotations

from zakhira.custody.descriptor import CHANGE, RECEIVE, vault_descriptor
from zakhira.custody.template import SORTEDMULTI
from zakhira.custody.vault_papers.descriptor_forms import branch_descriptor
from zakhira.custody.vault_papers.descriptor_paper import read_descriptor_paper
from zakhira.custody.vault_papers.paper import PaperKind, PaperRequest, ReadPaper, Taking

KIND = PaperKind(
    "sparrow",
    "Sparrow's output descriptor file, for Import Wallet > Output Descriptor; multisig alone.",
    "-sparrow.txt",
    (SORTEDMULTI,),
)


def write_sparrow(request: PaperRequest) -> str:
    """The file with its three descriptors."""
    vault = request.record.vault
    return (
        f"# Receive and change descriptor (BIP389):\n{vault_descriptor(vault)}\n\n\n"
        f"# Receive descriptor (Bitcoin Core):\n{branch_descriptor(vault, RECEIVE)}\n\n"
        f"# Change descriptor (Bitcoin Core):\n{branch_descriptor(vault, CHANGE)}\n"
    )


def read_sparrow(text: str, taking: Taking) -> ReadPaper:
    """The vault of the file; all its descriptors must be of one vault. Raises as the plain descriptor's reader does."""
    return read_descriptor_paper(text, taking, KIND.name)
