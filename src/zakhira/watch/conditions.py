"""What is wrong now beside the spends: silence, nodes, timelocks, keys, lost confirmations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from zakhira.kernel.interval import utc_text
from zakhira.watch.alarm import Alarm, AlarmKind
from zakhira.watch.look import Seen
from zakhira.watch.state import VaultCoin, WatchState
from zakhira.watch.terms import WatchTerms

COORDINATOR_BLOCK, COORDINATOR_DIFFERS = "coordinator block", "coordinator differs"
"""Names among the state's instants: the block of the last sign of life, and since when it is another than ours."""
HEARTBEAT, HEARTBEAT_SAID = "heartbeat", "heartbeat said"
"""Names among them the last sign of life, at most the moment at which it was read, and what it says of itself."""
_AHEAD = timedelta(minutes=2)
"""[E] What clocks of machines may lie apart before somebody should look (low 10 s, high 10 min)."""
_TOLD = 5
_CATCHES_UP = timedelta(minutes=2)
"""In a reorganisation one of the two is always first."""


def conditions(terms: WatchTerms, state: WatchState, seen: Seen) -> Iterator[Alarm]:
    """Every alarm that holds now and is about no single transaction."""
    yield from _nodes(terms, seen)
    yield from _source(terms, state, seen)
    yield from _timelocks(terms, state)
    yield from _keys(terms, seen.at)
    yield from _lost(state)


def _nodes(terms: WatchTerms, seen: Seen) -> Iterator[Alarm]:
    if seen.node_trouble:
        sentence = f"The watchtower's node does not answer: {seen.node_trouble} Until it does, no movement is seen."
        yield Alarm(AlarmKind.NODE_DOWN, "node down", sentence)
    if seen.second_trouble:
        sentence = f"The second node does not answer: {seen.second_trouble} One node alone is believed until it does."
        yield Alarm(AlarmKind.NODE_DOWN, "second node down", sentence)
    second = seen.second
    if second is None:
        return
    if second.hash_there != second.own_hash_there:
        sentence = (
            f"At height {second.common_height} the second node has block {second.hash_there}, the first "
            f"{second.own_hash_there}. Rule broken: two nodes must agree before a coin counts."
        )
        yield Alarm(AlarmKind.NODES_DIFFER, "nodes differ", sentence)
    behind = abs(second.height - seen.tip_height)
    if behind > terms.limits.behind_blocks:
        which = "second node" if second.height < seen.tip_height else "watchtower's own node"
        sentence = f"The {which} is more than {terms.limits.behind_blocks} blocks behind the other."
        facts = {"own_height": seen.tip_height, "second_height": second.height}
        yield Alarm(AlarmKind.NODE_BEHIND, "node behind", sentence, facts)


def _source(terms: WatchTerms, state: WatchState, seen: Seen) -> Iterator[Alarm]:
    if seen.source_trouble:
        sentence = f"The signed instructions cannot be read: {seen.source_trouble} What was read last is gone by."
        yield Alarm(AlarmKind.SOURCE_UNREADABLE, "source", sentence)
    last = state.time(HEARTBEAT) or state.time("started")
    if last is not None and seen.at - last > terms.limits.silent_after:
        sentence = f"The coordinator has given no sign of life since {utc_text(last)}."
        yield Alarm(AlarmKind.COORDINATOR_SILENT, "coordinator", sentence)
    said = state.time(HEARTBEAT_SAID)
    if said is not None and last is not None and said - last > _AHEAD:
        sentence = (
            "The coordinator's last sign of life is dated in the future: its clock is wrong, or somebody wrote it so "
            "that its silence is not seen. It counts from when it was read."
        )
        yield Alarm(AlarmKind.CLOCK_AHEAD, "clock ahead", sentence, {"said": utc_text(said), "read_at": utc_text(last)})
    since = state.time(COORDINATOR_DIFFERS)
    if since is not None and seen.at - since >= _CATCHES_UP:
        height, _, block_hash = state.times[COORDINATOR_BLOCK].partition(":")
        sentence = (
            f"At height {height} the coordinator follows block {block_hash}, the watchtower's node has "
            f"{state.blocks.get(int(height))}. Rule broken: two nodes must agree before a coin counts."
        )
        yield Alarm(AlarmKind.NODES_DIFFER, "coordinator differs", sentence)
    looked = state.time("tip")
    old = terms.limits.tip_older_than
    if old and looked is not None and not seen.node_trouble and seen.at - looked > old:
        sentence = f"The watchtower's node has had no new block since {utc_text(looked)}."
        yield Alarm(AlarmKind.NODE_BEHIND, "old tip", sentence, {"height": state.height})


def _timelocks(terms: WatchTerms, state: WatchState) -> Iterator[Alarm]:
    near = terms.limits.near_blocks
    held: dict[str, list[VaultCoin]] = {}
    for coin in state.coins.values():
        if coin.is_unspent:
            held.setdefault(coin.vault, []).append(coin)
    for record in terms.vaults:
        coins = held.get(record.vault.id, [])
        recovery = record.vault.recovery
        if recovery is not None:
            opens = sorted(coin.height + recovery.after_blocks for coin in coins)
            near_ones = [height for height in opens if state.height >= height - near]
            # The lock lets a spend into the next block (BIP-68).
            open_ones = [height for height in near_ones if state.height + 1 >= height]
            if near_ones:
                yield _recovery(record.vault.id, near_ones, open_ones)
        if record.vault.held_until_height and coins and state.height >= record.vault.held_until_height - near:
            over = state.height >= record.vault.held_until_height
            sentence = (
                f"The time lock of vault {record.vault.id} {'is over since' if over else 'ends at'} block "
                f"{record.vault.held_until_height}: from then on its quorum alone holds its coins."
            )
            yield Alarm(AlarmKind.HOLD_ENDS, f"hold:{record.vault.id}", sentence)


def _recovery(vault: str, near: list[int], opened: list[int]) -> Alarm:
    if opened:
        state = f"is open for {len(opened)} of its coins since block {opened[0]}"
    else:
        state = f"opens for {len(near)} of its coins soon, for the first at block {near[0]}"
    sentence = f"The recovery path of vault {vault} {state}. Move the coins to a fresh address before: spend refresh."
    return Alarm(AlarmKind.RECOVERY_NEAR, f"recovery:{vault}", sentence, {"opens_at_heights": list(near[:100])})


def _keys(terms: WatchTerms, at: datetime) -> Iterator[Alarm]:
    most = terms.limits.proof_after_days
    late = [key for key in terms.keys if key.on is None or (at.date() - key.on).days > most]
    if late:
        names = ", ".join(f"{key.signer} ({key.on.isoformat() if key.on else 'never'})" for key in late[:_TOLD])
        more = f" and {len(late) - _TOLD} more" if len(late) > _TOLD else ""
        sentence = (
            f"{len(late)} keys were not shown to work for more than {most} days, by the watchtower's copy: "
            f"{names}{more}. Let them test-sign, then renew the copy."
        )
        yield Alarm(AlarmKind.KEY_OVERDUE, "keys", sentence, {"signers": [key.signer for key in late]})


def _lost(state: WatchState) -> Iterator[Alarm]:
    for outpoint, height in state.lost.items():
        sentence = (
            f"A reorganisation took block {height}, which held the vault's coin {outpoint}; it is in no block now. "
            "What rests on it must wait."
        )
        yield Alarm(AlarmKind.CONFIRMATION_LOST, f"lost:{outpoint}", sentence, {"outpoint": outpoint})
