"""The parts that custody works with, and the vaults in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from zakhira.custody.vault_state import VaultRecord, record_json, record_of
from zakhira.flows.governing.acts import authority_of
from zakhira.flows.ports.authority import SpendAuthority
from zakhira.flows.ports.books import Books
from zakhira.flows.ports.coin_store import CoinStore, Depth
from zakhira.flows.ports.follow import ChainWitness, FollowedNode
from zakhira.flows.ports.mempool import Mempool
from zakhira.kernel.canonical import Json, content_hash
from zakhira.programme.model import Policy

VAULT = "vault"
"""Kind of the records of vaults; the id is the vault's."""


@dataclass(frozen=True)
class Treasury:
    """What use cases of custody are handed: the books, the followed chain, the node, and who decides.

    ``policy`` is what the programme file says now: the first version of the policy in new books, and otherwise only
    held against them. What is in force says :func:`policy_in_force`, with the vaults of the books.
    ``second`` is another node that must agree before anything moves, where there is one. ``now`` (UTC) and ``seed``
    come from outside, so that every run can be repeated.
    """

    books: Books
    coins: CoinStore
    node: FollowedNode
    mempool: Mempool
    second: ChainWitness | None
    authority: SpendAuthority
    policy: Policy
    chain: str
    depth: Depth
    now: datetime
    seed: int


def vault_records(books: Books) -> Mapping[str, VaultRecord]:
    """Every vault by id, retired ones too, in the order in which they were created."""
    return {name: record_of(cast("Mapping[str, Json]", body)) for name, body in books.records(VAULT).items()}


def next_vault_key(before: VaultRecord) -> str:
    """The key of a vault's next version: two writers who saw the same version cannot both write the next."""
    return f"vault {before.vault.id} after {content_hash(record_json(before))}"


def policy_in_force(treasury: Treasury) -> Policy:
    """The newest version of the policy whose time has come, with the vaults of the books.

    Raises:
        AuthorityForged: an act of authority in the books does not verify.
    """
    policy = authority_of(treasury.books, treasury.policy, treasury.now).version.policy
    return replace(policy, vaults=tuple(item.vault for item in vault_records(treasury.books).values()))
