"""The figures of a reserve at a moment: what an instrument shows of its books and of its nodes. Nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from zakhira.controls.chain.audit import Unsealed
from zakhira.controls.spend_state import SpendState
from zakhira.custody.vault_state import RETIRED
from zakhira.flows.coin_papers import COIN_PAPER, SUSPENSE, SUSPENSE_ACCOUNT
from zakhira.flows.ports.backing_store import BackingStore
from zakhira.flows.ports.books import Books
from zakhira.flows.ports.coin_store import CoinStore, CoinSum, Depth, FollowedSpan, VaultStatus
from zakhira.flows.ports.follow import ChainWitness, FollowedNode
from zakhira.flows.ports.ledger_books import Backing
from zakhira.flows.registered_keys import key_register
from zakhira.flows.spending.maturity import opening_height
from zakhira.flows.spending.spend_line import spend_lines
from zakhira.flows.treasury import vault_records
from zakhira.flows.unexplained_spends import unexplained_spends
from zakhira.kernel.errors import ZakhiraError
from zakhira.kernel.money import Commodity


@dataclass(frozen=True)
class BooksFigures:
    """What the books say. ``proof_ages_days`` has each signer of a vault in use, None where a key was never shown."""

    span: FollowedSpan | None
    vaults: tuple[VaultStatus, ...]
    spends: Mapping[SpendState, int]
    suspense: CoinSum
    unexplained: CoinSum
    proof_ages_days: Mapping[str, int | None]
    recovery_blocks: Mapping[str, int]
    """blocks until a coin of the vault may be spent by its recovery path; 0 or less: now"""
    unsealed: Unsealed
    backing: Backing | None = None
    """what stands behind the claims in bitcoin; None where it was not asked for"""


@dataclass(frozen=True)
class NodeFigures:
    """What a node says of its chain. ``hash_at_followed`` is empty where it has no block at the followed height."""

    height: int
    is_catching_up: bool
    hash_at_followed: str


@dataclass(frozen=True)
class Look:
    """One look at a reserve; an error stands where a part did not answer. ``second`` is None where there is none."""

    at: datetime
    books: BooksFigures | ZakhiraError
    node: NodeFigures | ZakhiraError
    second: NodeFigures | ZakhiraError | None


def books_figures(
    books: Books, coins: CoinStore, depth: Depth, now: datetime, backing: BackingStore | None = None
) -> BooksFigures:
    """The figures of the books at ``now`` (UTC). May raise DatabaseUnreachable."""
    records = vault_records(books)
    span = coins.span()
    stolen = unexplained_spends(books)
    states = Counter(line.state for line in spend_lines(books).values())
    known = {key.signer: key.last_proof_of_life for key in key_register(books)}
    signers = sorted({signer for item in records.values() if item.state != RETIRED for signer in item.signers})
    ages = {signer: known.get(signer) for signer in signers}
    return BooksFigures(
        span=span,
        vaults=tuple(coins.status(vault, depth) for vault in records),
        spends={state: states[state] for state in SpendState},
        suspense=_suspense(books, coins, depth, records),
        unexplained=CoinSum(len(stolen), sum(item.amount_sats for item in stolen)),
        proof_ages_days={signer: None if day is None else (now.date() - day).days for signer, day in ages.items()},
        recovery_blocks=_recovery_blocks(books, coins, span),
        unsealed=books.unsealed(),
        backing=None if backing is None else backing.backing(Commodity.BTC),
    )


def _suspense(books: Books, coins: CoinStore, depth: Depth, vaults: Iterable[str]) -> CoinSum:
    """The unspent coins in suspense. Papers are read, which takes long where there are many, only if there are any."""
    balance = books.balances().get(SUSPENSE_ACCOUNT)
    if balance is None or balance.units == 0:
        return CoinSum(0, 0)
    found = [item.amount_sats for vault in vaults for item in coins.papered(vault, COIN_PAPER, (SUSPENSE,), depth)]
    return CoinSum(len(found), sum(found))


def _recovery_blocks(books: Books, coins: CoinStore, span: FollowedSpan | None) -> Mapping[str, int]:
    """By the oldest coin of each vault that has a recovery path: in the block after that many, the path is open."""
    found = {}
    for name, record in vault_records(books).items():
        recovery = record.vault.recovery
        oldest = coins.page(name, limit=1) if recovery is not None and span is not None else ()
        if recovery is not None and span is not None and oldest:
            found[name] = opening_height(oldest[0].height, recovery) - 1 - span.height
    return found


def node_figures(node: FollowedNode, followed_height: int | None) -> NodeFigures:
    """What the followed node says. May raise NodeUnreachable, NodeRefused or NodeFailed."""
    return NodeFigures(node.tip()[0], node.is_catching_up(), _hash_at(node, followed_height))


def witness_figures(node: ChainWitness, followed_height: int | None) -> NodeFigures:
    """What a second node says, which is asked for its chain alone; raises what :func:`node_figures` raises."""
    return NodeFigures(node.tip()[0], is_catching_up=False, hash_at_followed=_hash_at(node, followed_height))


def _hash_at(node: ChainWitness, height: int | None) -> str:
    return "" if height is None else "".join(node.block_hashes(height, height))
