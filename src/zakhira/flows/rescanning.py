"""The past of a vault that was imported with a history: read from a height on, and taken into the books.

A vault that was created here needs none of this: its addresses were never given out below the followed tip.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import cast

from zakhira.custody.refusals import UnknownVault
from zakhira.custody.vault_state import IN_USE
from zakhira.flows.agreement import NotFollowed
from zakhira.flows.following import (
    Batch,
    Counts,
    Followed,
    Overtaken,
    Walk,
    company_records,
    follow_chain,
    outpoint_bytes,
)
from zakhira.flows.ports.books import Books, Record
from zakhira.flows.ports.coin_events import WatchedCoin, coin_created, coin_spent
from zakhira.flows.ports.coin_store import FollowedSpan
from zakhira.flows.ports.progress import Progress, silent
from zakhira.flows.treasury import Treasury, vault_records
from zakhira.flows.watched_places import WatchedPlaces

RESCAN = "rescan"
"""Kind of the records of pasts that were read; the id is the vault."""
_HASHES = 500


def past_ends(books: Books) -> dict[str, int]:
    """Up to which height the spends of an imported vault are its past, by vault; nobody is asked to explain them."""
    return {vault: cast("dict[str, int]", body)["past_ends"] for vault, body in books.records(RESCAN).items()}


def rescan_vault(treasury: Treasury, vault_id: str, from_height: int, progress: Progress = silent) -> Followed:
    """Read the blocks from a height on for what they did to one vault, and take that into the books.

    Down to the first followed block this is one write: all of the past, or nothing. A past below it means that the
    whole followed chain is taken back and read again from there; a stop in the middle is safe, the next
    ``follow_chain`` goes on, and nothing is judged until it is done. Blocks are looked through again until no further
    places turn out to be in use.

    Raises:
        UnknownVault: there is no such vault.
        NotFollowed: the chain moved on or another watcher was faster; ask again.
        what :func:`zakhira.flows.following.follow_chain` raises.
    """
    record = vault_records(treasury.books).get(vault_id)
    if record is None:
        raise UnknownVault(f"There is no vault {vault_id!r}.", "Create or import it first.")
    follow_chain(treasury, progress)
    counts = Counts()
    walk = Walk(treasury, counts, progress)
    span = treasury.coins.span()
    assert span is not None, "the chain is followed"
    start = min(max(0, from_height), span.height)
    ends = -1 if record.state == IN_USE else span.height
    past = Record(RESCAN, vault_id, {"from": start, "to": span.height, "past_ends": ends})
    try:
        if start < span.first_height:
            walk.step(Batch(records=[past]), "read the past again", start=start, until=span.height)
        else:
            found = _look_through(treasury, WatchedPlaces(treasury, vault_id), start, span, progress)
            walk.step(found.batch(treasury, past), "take in the past")
    except Overtaken:
        raise NotFollowed("Another watcher moved on while the past was read.", "Ask again.") from None
    after = follow_chain(treasury, progress)
    return replace(after, created=after.created + counts.created, spent=after.spent + counts.spent)


@dataclass
class _Found:
    """What the past held; what several passes found is there once."""

    coins: dict[str, WatchedCoin] = field(default_factory=dict)
    spends: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    records: dict[tuple[str, str], Record] = field(default_factory=dict)

    def batch(self, treasury: Treasury, past: Record) -> Batch:
        """The write that takes it in; what is followed already stays as it is."""
        new = [coin for coin in self.coins.values() if treasury.coins.coin(coin.outpoint) is None]
        events = [coin_created(coin) for coin in new]
        events += [coin_spent(c.outpoint, *self.spends[c.outpoint]) for c in new if c.outpoint in self.spends]
        return Batch(events, [past, *self.records.values()])


def _look_through(
    treasury: Treasury, places: WatchedPlaces, start: int, span: FollowedSpan, progress: Progress
) -> _Found:
    """Pass over the blocks until no further places turn out to be in use."""
    found = _Found()
    while True:
        moved_on = False
        for first in range(start, span.height + 1, _HASHES):
            followed = treasury.coins.followed_hashes(range(first, min(first + _HASHES, span.height + 1)))
            hashes = [followed[height] for height in sorted(followed)]
            for height, block in enumerate(treasury.node.blocks(hashes), first):
                finds, known = places.scan(block)
                moved_on |= bool(known)
                records = (*known, *company_records(finds))
                found.records |= {(record.kind, record.id): record for record in records}
                found.coins |= {o.outpoint: places.coin(o, height, block.hash) for o in finds.outputs}
                found.spends |= {s.outpoint: (height, block.hash, s.spent_by) for s in finds.spends}
                places.outpoints |= {outpoint_bytes(output.outpoint) for output in finds.outputs}
                progress("past", height - start + 1, span.height - start + 1, block.hash)
        if not moved_on:
            return found
