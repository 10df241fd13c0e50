"""Coins and the typed instruction that moves them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

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
class Instruction:
    """What a spend shall do, in types: this is what officers sign and what decoded bytes are held against."""

    id: str
    chain: str
    from_vault: str
    to_vault: str
    inputs: tuple[str, ...]
    """outpoints, sorted"""
    payments: tuple[Payment, ...]
    fee_sats: int
    purpose: str
    clause: str
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime

    def as_json(self) -> Json:
        """Plain data for the canonical encoding; amounts stay integers."""
        return {
            "id": self.id,
            "chain": self.chain,
            "from_vault": self.from_vault,
            "to_vault": self.to_vault,
            "inputs": list(self.inputs),
            "payments": [{"address": p.address, "amount_sats": p.amount_sats} for p in self.payments],
            "fee_sats": self.fee_sats,
            "purpose": self.purpose,
            "clause": self.clause,
            "proposed_by": self.proposed_by,
            "proposed_at": utc_text(self.proposed_at),
            "expires_at": utc_text(self.expires_at),
        }

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical encoding: what an officer's signature covers."""
        return content_hash(self.as_json())
