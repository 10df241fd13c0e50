"""Spend files and cards of the drill: what a signer's machine is given, and what a liar makes of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from custody_drill import CHAIN, NOW, PHRASE, approve
from hostile_drill import Spend, honest_spend, text_of, tx_of, with_tx
from zakhira.adapters.drill_keys import officer_key
from zakhira.controls.approval import PROPOSAL_DOMAIN
from zakhira.controls.engine.rule_fit import IMPLIED
from zakhira.custody.coin import Instruction
from zakhira.custody.decoded import INSTRUCTION_KEY
from zakhira.custody.psbt_maps import PsbtMaps
from zakhira.flows.signer_card import SignerCard, card_of_policy
from zakhira.flows.spend_file import SpendFile, spend_file_bytes
from zakhira.kernel.canonical import canonical_bytes, content_hash
from zakhira.kernel.signatures import signing_bytes
from zakhira.programme.policy_text import policy_hash

SOON = NOW + timedelta(hours=2)
"""When the signer looks: after the approvals, before the end."""


def proposal_signature(instruction: Instruction, officer: str = "dara") -> str:
    """The proposer's signature."""
    key = officer_key(PHRASE, officer)
    return key.sign(signing_bytes(PROPOSAL_DOMAIN, instruction.hash)).hex()


def spend_file(spend: Spend, maps: PsbtMaps | None = None) -> SpendFile:
    """An honest spend as it travels, or its officers' words around other bytes."""
    said = spend.instruction
    approvals = tuple(approve(name, said, policy=spend.policy) for name in ("amina", "chand"))
    return SpendFile(
        said,
        proposal_signature(said),
        approvals,
        text_of(maps or spend.maps),
        rule=IMPLIED,
        policy_hash=policy_hash(spend.policy),
    )


def card_of(spend: Spend) -> SignerCard:
    """The card that the spend's signers hold."""
    return card_of_policy(spend.policy, CHAIN)


def shifted(spend: Spend, at: datetime) -> Spend:
    """The same spend proposed two hours before ``at``, for a machine whose clock is the real one."""
    moved = at.replace(microsecond=0) - timedelta(hours=2)
    said = replace(spend.instruction, proposed_at=moved, expires_at=moved + timedelta(hours=48))
    return replace(spend, instruction=said, maps=under(spend.maps, said))


def under(maps: PsbtMaps, instruction: Instruction) -> PsbtMaps:
    """The bytes carry the hash of this instruction."""
    value = bytes.fromhex(instruction.hash)
    return replace(maps, global_map=tuple((k, value if k == INSTRUCTION_KEY else v) for k, v in maps.global_map))


def paying(maps: PsbtMaps, number: int, script_hex: str) -> PsbtMaps:
    """The bytes pay the same amount elsewhere."""
    tx = tx_of(maps)
    amount_sats = tx.outputs[number][0]
    outputs = tuple((amount_sats, bytes.fromhex(script_hex)) if n == number else o for n, o in enumerate(tx.outputs))
    return with_tx(maps, replace(tx, outputs=outputs))


def edited(file: SpendFile, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The file's bytes with its plain data changed, and a checksum that fits again, as a liar would make them."""
    body: dict[str, Any] = json.loads(spend_file_bytes(file))
    body.pop("checksum")
    change(body)
    return with_checksum(body)


def with_checksum(body: Mapping[str, Any]) -> bytes:
    """Plain data as canonical bytes under a checksum of its own."""
    plain = {name: value for name, value in body.items() if name != "checksum"}
    return canonical_bytes({**plain, "checksum": content_hash(plain)})


def raw_psbt(file: SpendFile) -> bytes:
    """The PSBT in binary."""
    return base64.b64decode(file.psbt)


PLAIN = honest_spend("sortedmulti")
