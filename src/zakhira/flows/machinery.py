"""What a run works with: the outside things behind their ports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from zakhira.flows.ports.books import Books
from zakhira.flows.ports.chain import Block, PrivateChain
from zakhira.flows.ports.coin_store import CoinStore
from zakhira.flows.ports.follow import FetchedBlock
from zakhira.flows.ports.movement_store import MovementStore
from zakhira.flows.ports.progress import Progress
from zakhira.flows.ports.proving import MessageProver
from zakhira.flows.ports.signing import OfficerKey, Signer


@dataclass(frozen=True)
class Machinery:
    """The parts of a run. ``signers`` by vault id, ``officers`` by officer id, ``payout_addresses`` by licensee id.

    ``set_clock`` tells the drill's signers the programme's time, against which approvals expire.
    """

    books: Books
    chain: PrivateChain
    signers: Mapping[str, tuple[Signer, ...]]
    officers: Mapping[str, OfficerKey]
    prover: MessageProver
    payout_addresses: Mapping[str, str]
    set_clock: Callable[[datetime], None]
    progress: Progress
    movements: MovementStore
    """sums over what the books say was allowed"""
    coins: CoinStore
    """the followed chain in the books"""
    read_block: Callable[[Block], FetchedBlock]
    """a block's bytes to be looked through; raises UnreadableBlock"""
