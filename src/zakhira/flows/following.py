"""The chain followed block by block into the books, exact under reorganisations and safe to stop anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from zakhira.flows.agreement import (
    CoinsDiffer,
    NodesDiffer,
    NodesNotLevel,
    NotFollowed,
    require_agreement,
    require_ready,
)
from zakhira.flows.coin_papers import COIN_PAPER, LOST, own_transaction
from zakhira.flows.ports.backing_records import PROOF_DEPTH, depth_body
from zakhira.flows.ports.books import Books, Record, Write
from zakhira.flows.ports.books_errors import KeyReused
from zakhira.flows.ports.chain_errors import NodeFailed
from zakhira.flows.ports.coin_events import (
    CoinEvent,
    CoinEventKind,
    WatchedCoin,
    block_connected,
    block_disconnected,
    coin_created,
    coin_removed,
    coin_spent,
    coin_unspent,
)
from zakhira.flows.ports.coin_store import FollowedSpan
from zakhira.flows.ports.follow import BlockNotKept, FetchedBlock, Finds
from zakhira.flows.ports.progress import Progress, silent
from zakhira.flows.reservations import reservations
from zakhira.flows.treasury import Treasury
from zakhira.flows.watched_places import WatchedPlaces
from zakhira.kernel.canonical import Json
from zakhira.kernel.money import Commodity

__all__ = [
    "CoinsDiffer",
    "Followed",
    "NodesDiffer",
    "NodesNotLevel",
    "NotFollowed",
    "Sighting",
    "Unconfirmed",
    "follow_chain",
    "require_agreement",
    "unconfirmed",
]

FOLLOWING = "following"
"""Kind of the one record that counts the watcher's steps and tells from where the chain is read (id ``chain``)."""
COIN_REMOVAL = "coin removal"
"""Kind of the records of judged coins that a reorganisation took off the followed chain; the id is the outpoint."""
COMPANY = "company"
"""Kind of the records of what else a transaction that pays us shows (scripts in hex); the id is the txid."""

BATCH_BLOCKS = 200
BATCH_FACTS = 4000
"""Blocks, and events and records, in one write: a write holds memory, and a stop loses it [E]."""
_HASHES = 500
_IDLE_ROUNDS = 3
"""Rounds without a step after which a node whose tip is not on its own chain is called broken."""


@dataclass(frozen=True)
class Followed:
    """What one run of the watcher came to."""

    height: int
    hash: str
    connected: int
    """blocks taken in"""
    disconnected: int
    """blocks taken back"""
    created: int
    """coins that arrived"""
    spent: int
    """coins that were spent"""


@dataclass(frozen=True)
class Sighting:
    """A coin that the mempool would bring: shown, never counted."""

    outpoint: str
    vault: str
    branch: int
    place: int
    amount_sats: int
    script_hex: str


@dataclass(frozen=True)
class Unconfirmed:
    """What came into the mempool for the vaults since the node was last asked through this connection."""

    arrivals: tuple[Sighting, ...]
    unexplained: tuple[tuple[str, str], ...]
    """outpoint of a coin of ours, and the transaction, none of our spends, that would spend it"""


@dataclass(frozen=True)
class FollowingState:
    """Where the watcher stands beside the blocks themselves."""

    step: int = 0
    start: int = -1
    """from where to read while no block is followed; -1: nothing was said"""
    until: int = -1
    """the tip up to which a past is read again; -1: nothing is read again"""

    @property
    def record(self) -> Record:
        """The record of this state."""
        return Record(FOLLOWING, "chain", {"step": self.step, "start": self.start, "until": self.until})


@dataclass
class Counts:
    """What was done so far."""

    connected: int = 0
    disconnected: int = 0
    created: int = 0
    spent: int = 0

    def add(self, events: Sequence[CoinEvent]) -> None:
        """Count what was written."""
        kinds = Counter(event.kind for event in events)
        self.connected += kinds[CoinEventKind.BLOCK_CONNECTED]
        self.disconnected += kinds[CoinEventKind.BLOCK_DISCONNECTED]
        self.created += kinds[CoinEventKind.COIN_CREATED]
        self.spent += kinds[CoinEventKind.COIN_SPENT]


@dataclass
class Batch:
    """What the next step writes."""

    events: list[CoinEvent] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    blocks: int = 0

    @property
    def is_full(self) -> bool:
        """Whether it is time to write."""
        return self.blocks >= BATCH_BLOCKS or len(self.events) + len(self.records) >= BATCH_FACTS


class Overtaken(Exception):
    """Another watcher wrote the step that this one was about to write: read again and go on."""


def following_state(books: Books) -> FollowingState:
    """Where the watcher stands."""
    body = books.latest(FOLLOWING, "chain")
    if body is None:
        return FollowingState()
    told = cast("Mapping[str, int]", body)
    return FollowingState(told["step"], told["start"], told["until"])


def next_step(before: FollowingState) -> tuple[str, Record]:
    """Key and record of a step that sees the chain as it is and changes nothing of it.

    A write that must not cross one of the watcher's takes the step: of the two, the slower is refused with KeyReused.
    """
    after = replace(before, step=before.step + 1)
    return _step_key(after), after.record


def _step_key(after: FollowingState) -> str:
    return f"following/{after.step}"


def follow_chain(treasury: Treasury, progress: Progress = silent, *, start_height: int | None = None) -> Followed:
    """Take the node's new blocks into the books, taking back those that it left; safe to stop anywhere and repeat.

    The first block ever followed is the one at ``start_height``; without it, the node's tip when the first address was
    reserved, which is below any payment to it. What the node reports is followed, also a shorter chain.

    Raises:
        WrongChain, NodeCatchingUp: the node is on another chain, or lacks blocks that it knows of.
        BlockNotKept, UnreadableBlock: the node does not give a block that is needed.
        NodeFailed: the node's tip is not on the chain that it tells.
    """
    require_ready(treasury)
    counts = Counts()
    while True:
        try:
            span = Walk(treasury, counts, progress).follow(start_height)
        except Overtaken:
            continue
        return Followed(span.height, span.hash, counts.connected, counts.disconnected, counts.created, counts.spent)


def unconfirmed(treasury: Treasury) -> Unconfirmed:
    """What came into the mempool for the vaults since this node object was last asked; nothing of it is written."""
    places = watched_with_coins(treasury)
    finds = treasury.node.sightings(places.wanted)
    arrivals = tuple(
        Sighting(output.outpoint, *places.scripts[output.script], output.amount_sats, output.script.hex())
        for output in finds.outputs
    )
    senders = {spend.spent_by for spend in finds.spends}
    foreign = {txid for txid in senders if own_transaction(treasury.books, txid) is None}
    return Unconfirmed(arrivals, tuple((s.outpoint, s.spent_by) for s in finds.spends if s.spent_by in foreign))


def watched_with_coins(treasury: Treasury) -> WatchedPlaces:
    """Everything that is looked for: places of all vaults, and their unspent coins."""
    places = WatchedPlaces(treasury)
    places.outpoints |= {outpoint_bytes(outpoint) for outpoint in treasury.coins.unspent_outpoints()}
    return places


def outpoint_bytes(outpoint: str) -> bytes:
    """``txid:index`` as it stands in an input (36 bytes)."""
    txid, _, index = outpoint.partition(":")
    return bytes.fromhex(txid)[::-1] + int(index).to_bytes(4, "little")


class Walk:
    """One watcher's way along the chain, from what the books said when it began.

    Each write is a numbered step, and the number is its key: two watchers that take the same step write it once, and
    the slower of two that differ is overtaken.
    """

    def __init__(self, treasury: Treasury, counts: Counts, progress: Progress = silent) -> None:
        self._treasury = treasury
        self._counts = counts
        self._progress = progress
        # The step is read before anything that it led to: whoever writes meanwhile takes this step's successor away.
        self.state = following_state(treasury.books)
        self._depth = treasury.books.latest(PROOF_DEPTH, Commodity.BTC.value)
        self._places = watched_with_coins(treasury)

    def follow(self, start_height: int | None = None) -> FollowedSpan:
        """Take back and take in until the books' tip is the node's; raises Overtaken, and as follow_chain says."""
        idle = 0
        while idle < _IDLE_ROUNDS:
            before = self.state.step
            span, (tip_height, tip) = self._treasury.coins.span(), self._treasury.node.tip()
            if span is not None and span.hash == tip and not self._must_go_back(span):
                if self.state.until >= 0:
                    self.step(Batch(), "end reading again", until=-1)
                return span
            fork = self._start(start_height, tip_height) - 1 if span is None else self._fork_height(span)
            if span is not None and fork < span.height:
                self.disconnect(span, fork)
            if span is None or fork >= span.first_height:
                self._connect(fork)  # else nothing is followed any more: the next round begins anew
            idle = idle + 1 if self.state.step == before else 0
        raise NodeFailed(f"The node's tip {tip} is not on the chain that it tells.", "Look into the node's log.")

    def _fork_height(self, span: FollowedSpan) -> int:
        """The last followed height at which the node's best chain is the same; below the first if there is none."""
        if self._must_go_back(span):
            return span.first_height - 1
        upper, reach = span.height, 1
        while upper >= span.first_height:
            lower = max(span.first_height, upper - reach + 1)
            theirs = self._treasury.node.block_hashes(lower, upper)
            ours = self._treasury.coins.followed_hashes(range(lower, upper + 1))
            same = [lower + at for at, found in enumerate(theirs) if ours.get(lower + at) == found]
            if same:
                return max(same)
            upper, reach = lower - 1, 2 * reach
        return span.first_height - 1

    def _must_go_back(self, span: FollowedSpan) -> bool:
        """Whether a past below the first followed block was asked for, and not all blocks were taken back yet."""
        return self.state.until >= 0 and span.first_height > self.state.start

    def disconnect(self, span: FollowedSpan, fork: int) -> None:
        """Take back every followed block above ``fork``, the last one first."""
        start = self.state.start if self.state.until >= 0 else span.first_height
        coins, batch = self._treasury.coins, Batch()
        for height in range(span.height, fork, -1):
            block_hash = coins.followed_hashes([height]).get(height)
            if block_hash is None:
                raise Overtaken
            changes = coins.changes(height)
            batch.events += [coin_unspent(coin) for coin in changes.spent]
            batch.events += [coin_removed(coin) for coin in changes.created]
            batch.events.append(block_disconnected(height, block_hash))
            batch.records += _removals(self._treasury.books, changes.created)
            batch.blocks += 1
            self._places.outpoints |= {outpoint_bytes(coin.outpoint) for coin in changes.spent}
            self._places.outpoints -= {outpoint_bytes(coin.outpoint) for coin in changes.created}
            if batch.is_full or height == fork + 1:
                batch = self.step(batch, "disconnect blocks", start=start)

    def step(self, batch: Batch, action: str, *, start: int | None = None, until: int | None = None) -> Batch:
        """Write the batch as the next step; an empty batch to go on with. Raises Overtaken."""
        state = FollowingState(
            self.state.step + 1,
            self.state.start if start is None else start,
            self.state.until if until is None else until,
        )
        treasury = self._treasury
        # How deep a coin must lie is said with the facts that it is about, and only where it is new.
        rule = Record(PROOF_DEPTH, Commodity.BTC.value, depth_body(treasury.depth))
        is_new = bool(batch.events) and rule.body != self._depth
        records = (state.record, *((rule,) if is_new else ()), *batch.records)
        key = _step_key(state)
        write = Write(key, "watcher", action, treasury.now, records=records, coin_events=tuple(batch.events))
        try:
            treasury.books.commit(write)
        except KeyReused:
            raise Overtaken from None
        self.state, self._depth = state, rule.body if is_new else self._depth
        self._counts.add(batch.events)
        return Batch()

    def _start(self, start_height: int | None, tip_height: int) -> int:
        told = self.state.start
        if told < 0 and start_height is not None:
            told = start_height
        if told < 0:
            reserved = reservations(self._treasury.books).values()
            told = min((item.from_height for item in reserved), default=tip_height)
        return min(told, tip_height)

    def _connect(self, fork: int) -> None:
        """Take in the node's blocks above ``fork`` until its chain ends, or turns out to have changed meanwhile."""
        node = self._treasury.node
        goal, _ = node.tip()
        known = self._treasury.coins.followed_hashes([fork]).get(fork)
        for first in range(fork + 1, goal + 1, _HASHES):
            hashes = node.block_hashes(first, min(first + _HASHES - 1, goal))
            # Whatever these blocks pay was given out before they were mined, so that it is known from here on.
            self._places.refresh(self._treasury)
            batch = Batch()
            try:
                for height, block in enumerate(node.blocks(hashes), first):
                    if known is not None and block.previous_hash != known:
                        break  # the chain changed between two questions
                    self._take_in(batch, height, block)
                    known = block.hash
                    self._progress("blocks", height - fork, goal - fork, block.hash)
                    if batch.is_full:
                        batch = self.step(batch, "connect blocks")
            except BlockNotKept:
                if node.block_hashes(first, first + len(hashes) - 1) == hashes:
                    raise
            if batch.blocks:
                self.step(batch, "connect blocks")
            if not hashes or known != hashes[-1]:
                return

    def _take_in(self, batch: Batch, height: int, block: FetchedBlock) -> None:
        """Events and records of a block; it is looked through again when places further on turn out to be in use."""
        places = self._places
        finds, found = places.scan(block)
        batch.records += found
        batch.events.append(block_connected(height, block.hash, block.previous_hash))
        batch.events += [coin_created(places.coin(output, height, block.hash)) for output in finds.outputs]
        # Spends last: a block may spend what it makes itself.
        batch.events += [coin_spent(spend.outpoint, height, block.hash, spend.spent_by) for spend in finds.spends]
        batch.records += company_records(finds)
        batch.blocks += 1
        places.outpoints |= {outpoint_bytes(output.outpoint) for output in finds.outputs}
        places.outpoints -= {outpoint_bytes(spend.outpoint) for spend in finds.spends}


def company_records(finds: Finds) -> list[Record]:
    """What else transactions that pay us show."""
    return [
        Record(COMPANY, txid, {"scripts": [script.hex() for script in scripts]})
        for txid, scripts in finds.company.items()
        if scripts
    ]


def _removals(books: Books, coins: Sequence[WatchedCoin]) -> list[Record]:
    """Records of those coins that were credited: judging reverses their entries unless they are back by then."""
    outpoints = [coin.outpoint for coin in coins]
    papers = cast("Mapping[str, Mapping[str, Json]]", books.bodies(COIN_PAPER, outpoints)) if coins else {}
    before = cast("Mapping[str, Mapping[str, Json]]", books.bodies(COIN_REMOVAL, outpoints)) if papers else {}
    return [
        Record(
            COIN_REMOVAL,
            coin.outpoint,
            {
                "vault": coin.vault,
                "amount_sats": coin.amount_sats,
                "is_open": True,
                "losses": before[coin.outpoint]["losses"] if coin.outpoint in before else 0,
            },
        )
        for coin in coins
        if coin.outpoint in papers and papers[coin.outpoint]["state"] != LOST
    ]
