"""``zakhira verify``: a pack, a node and trusted keys, and nothing else."""

from __future__ import annotations

from pathlib import Path

from zakhira.adapters.bip322 import Bip322Verifier
from zakhira.adapters.bitcoind.node_view import connect
from zakhira.adapters.pack_folder import read_pack
from zakhira.kernel.errors import InvalidInput
from zakhira.proofs.node_view import NodeView
from zakhira.proofs.trust import parse_trust
from zakhira.proofs.verdict import Verdict, verify_pack

ENOUGH_SIGNATURES = 2
"""So many trusted officers must have signed, or one where only one is trusted: never one person's word if it can be."""


class TrustUnreadable(InvalidInput):
    """The file of trusted keys cannot be read."""

    code = "ZK-WIRING-004"


def verify_folder(pack: Path, node_url: str, cookie: Path | None, trust: Path) -> Verdict:
    """The verdict on the pack in a folder, with the node at ``node_url`` and the keys of the file ``trust``.

    Raises:
        TrustUnreadable, Faults: the file of keys. PackUnreadable and others: the folder. NodeUnreachable, NodeRefused,
        NodeCannotAnswer: the node.
    """
    try:
        text = trust.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TrustUnreadable(f"{trust} cannot be read: {error}.", "Give the file of keys that you trust.") from None
    files = read_pack(pack)
    return verdict_on(files, connect(node_url, cookie), text, str(trust))


def verdict_on(files: dict[str, bytes], node: NodeView, trust_text: str, trust_file: str) -> Verdict:
    """The verdict on a pack's files."""
    keys = parse_trust(trust_text, trust_file)
    return verify_pack(files, keys, min(ENOUGH_SIGNATURES, len(keys)), node, Bip322Verifier())
