"""Heads of the books' own audit chain, as anchors of them: taken along by spends, and held against the chain again."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from zakhira.custody.anchor import Anchor, anchor_of
from zakhira.flows.ports.books import Books
from zakhira.kernel.errors import Refused


class ForeignHead(Refused):
    """An anchor names a head that the books' own audit chain does not have at that position."""

    code = "ZK-FLOWS-100"


class NothingToAnchor(Refused):
    """The audit chain is empty: there is no head to anchor."""

    code = "ZK-FLOWS-102"


def current_head(books: Books) -> Anchor:
    """The anchor of the audit chain as it is now, with all that is committed sealed; raises NothingToAnchor."""
    books.seal()
    head = books.chain_head()
    if head.position == 0:
        raise NothingToAnchor("The audit chain has no entry that could be anchored.", "Write something first.")
    return Anchor(head.position, head.hash)


def hashes_at(books: Books, positions: Collection[int]) -> Mapping[int, str]:
    """The hashes of the chain's entries at these positions, from 1; a position that it does not have is left out."""
    head = books.chain_head()
    if set(positions) <= {head.position}:
        return {head.position: head.hash} if positions else {}
    links = {position: books.sealed(position - 1, 1) for position in positions if 0 < position <= head.position}
    return {position: found[0].seal.hash for position, found in links.items()}


def require_own_head(books: Books, data: str) -> None:
    """Refuse an anchor (data in hex) of another chain, or of none: officers would sign for a head that never was.

    Raises:
        ForeignHead: the books have another hash at that position, or no entry there.
        BadAnchor: the data is no anchor.
    """
    anchor = anchor_of(data)
    own = hashes_at(books, (anchor.position,)).get(anchor.position, "")
    if own != anchor.head_hash:
        raise ForeignHead(
            f"The anchor names the hash {anchor.head_hash} at position {anchor.position}; the audit chain has "
            f"{own or 'no entry'} there.",
            "Sign nothing. Either the anchor is of other books, or these were changed: run zakhira audit verify.",
        )
