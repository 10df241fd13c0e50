"""Coins and the typed instruction that moves them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from zakhira.custody.anchor import anchor_of
from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.interval import utc_text


@dataclass(frozen=True)
class Address:
    """An address of a vault, derived twice and found equal. ``branch`` 0 receives, 1 is change."""

    vault: str
    branch: int
    index: int
    address: str
    script_hex: str


@dataclass(frozen=True)
class Coin:
    """An unspent output that a vault holds, as the node tells it."""

    outpoint: str
    """``txid:vout``"""
    amount_sats: int
    script_hex: str
    height: int
    block_hash: str


@dataclass(frozen=True)
class Payment:
    """A destination and what it gets."""

    address: str
    amount_sats: int


@dataclass(frozen=True)
class ChangeOutput:
    """What comes back to the paying vault, and where (branch 1)."""

    address: Address
    amount_sats: int


MAIN, RECOVERY = "main", "recovery"
"""The paths of a vault: its quorum, and the second quorum that may spend coins of a certain age."""


@dataclass(frozen=True)
class Instruction:
    """What a spend shall do, in types: this is what officers sign and what decoded bytes are held against."""

    id: str
    chain: str
    from_vault: str
    to_vault: str
    """the vault that is paid, or empty for a payment outside the vaults"""
    payments: tuple[Payment, ...]
    """what is paid; change is not among them"""
    inputs: tuple[str, ...]
    """the coins that the proposer names, as sorted outpoints; empty leaves the choice to coin selection"""
    fee_limit_sats: int
    fee_rate_limit_sat_per_vb: int
    purpose: str
    clause: str
    """the authority cited"""
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime
    replaces: str = ""
    """id of the spend whose coin this one spends home"""
    path: str = MAIN
    """``main`` or ``recovery``: by which quorum of the vault the coins move"""
    change_outputs_limit: int = 1
    """how many outputs may come back to the paying vault: 1 unless it splits its coins"""
    anchor: str = ""
    """hex of exactly the data that one OP_RETURN output of 0 sat pushes (``custody.anchor``), or empty for none"""

    def __post_init__(self) -> None:
        """Refuse data that is no anchor: an instruction carries nothing else; raises BadAnchor."""
        if self.anchor:
            anchor_of(self.anchor)

    def as_json(self) -> Json:
        """Plain data for the canonical encoding; amounts stay integers.

        ``anchor`` stands in it only where there is one, so that instructions without one keep their hashes.
        """
        said: dict[str, Json] = {
            "id": self.id,
            "chain": self.chain,
            "from_vault": self.from_vault,
            "to_vault": self.to_vault,
            "payments": [{"address": p.address, "amount_sats": p.amount_sats} for p in self.payments],
            "inputs": list(self.inputs),
            "fee_limit_sats": self.fee_limit_sats,
            "fee_rate_limit_sat_per_vb": self.fee_rate_limit_sat_per_vb,
            "purpose": self.purpose,
            "clause": self.clause,
            "proposed_by": self.proposed_by,
            "proposed_at": utc_text(self.proposed_at),
            "expires_at": utc_text(self.expires_at),
            "replaces": self.replaces,
            "path": self.path,
            "change_outputs_limit": self.change_outputs_limit,
        }
        return {**said, "anchor": self.anchor} if self.anchor else said

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical encoding: what an officer's signature covers."""
        return content_hash(self.as_json())
