"""Spends followed on the chain: confirmed by depth, taken back, overtaken, sent again, expired; and what to tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from zakhira.controls.spend_state import OUT_STATES, SpendEvent, SpendState, advance
from zakhira.flows.agreement import CoinsDiffer, NodesDiffer, NodesNotLevel, NotFollowed
from zakhira.flows.coin_papers import own_transaction
from zakhira.flows.ports.coin_store import FollowedSpan
from zakhira.flows.spending.booking import book, take_back
from zakhira.flows.spending.deciding import expire_spends, require_allowed
from zakhira.flows.spending.maturity import NotMature
from zakhira.flows.spending.policy_refusals import ExecutionMissing, SpendMustWait
from zakhira.flows.spending.refusals import CoinDiffers, NotAccepted, ProposalForged, SpendExpired, SpendNotAllowed
from zakhira.flows.spending.sending import send_version, signed_version
from zakhira.flows.spending.spend import BuiltVersion, Confirmation, TreasurySpend
from zakhira.flows.spending.spend_line import SpendLine, spend_lines
from zakhira.flows.spending.step import Step, begin_step, commit_step, load_spend
from zakhira.flows.treasury import Treasury
from zakhira.kernel.interval import utc_text
from zakhira.ledger.faults import Overdrawn

_WAITING = frozenset({SpendState.PROPOSED, SpendState.DECIDED, SpendState.BUILT})
_CANNOT_BE_SENT = (NotAccepted, NotMature, CoinDiffers, CoinsDiffer, NotFollowed, NodesDiffer, NodesNotLevel)
"""Why a spend is not sent again now, which is told and stops no other spend."""
_NOT_ALLOWED = (SpendNotAllowed, SpendExpired, SpendMustWait, ExecutionMissing)
"""Why the policy does not let a spend be sent again now."""
_NOT_SENT = "Not sent again: "
_OVERTAKEN = frozenset({SpendState.CANCELLED, SpendState.REPLACED})


@dataclass
class SpendsFollowed:
    """What one look at the chain came to, by the ids of spends; ``told`` has what somebody must hear, in sentences."""

    confirmed: list[str] = field(default_factory=list)
    taken_back: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    """cancelled by the double-spend home, or replaced"""
    revived: list[str] = field(default_factory=list)
    sent_again: list[str] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Taken:
    """The transaction in a followed block that spends a coin of a spend."""

    txid: str
    height: int
    block_hash: str
    is_deep: bool


def follow_spends(treasury: Treasury) -> SpendsFollowed:
    """Bring every spend up to the followed chain; safe to stop anywhere and repeat.

    The chain itself must have been followed before (``flows.following.follow_chain``).

    Raises:
        ClockSetBack, SpendsMoved: as for every step.
        NodeUnreachable and others: the node, where something is sent again.
    """
    found = SpendsFollowed()
    span = treasury.coins.span()
    if span is None:
        return found
    lines = spend_lines(treasury.books)
    followed = treasury.coins.followed_hashes(sorted({line.height for line in lines.values() if line.height}))
    gone = [line for line in lines.values() if line.height and followed.get(line.height) != line.block_hash]
    gone.sort(key=lambda line: -line.height)
    _until_none(gone, _heeded(found, lambda line: _lose(treasury, line, found)))
    out = [line for line in spend_lines(treasury.books).values() if line.state in OUT_STATES]
    _until_none(out, _heeded(found, lambda line: _look(treasury, span, line, found)))
    out = [line for line in spend_lines(treasury.books).values() if line.state in OUT_STATES]
    _until_none(out, _heeded(found, lambda line: _care(treasury, line, found)))
    late = [line for line in lines.values() if line.state in _WAITING and treasury.now >= line.expires_at]
    _until_none(late, _heeded(found, lambda line: _expire(treasury, line, found)))
    return found


def _heeded(found: SpendsFollowed, act: Callable[[SpendLine], bool]) -> Callable[[SpendLine], bool]:
    """The act, which for a spend whose record was altered tells of it and leaves it alone: the others go on."""

    def heed(line: SpendLine) -> bool:
        try:
            return act(line)
        except ProposalForged as error:
            told = f"ALARM: {error.message} {error.remedy}"
            if told not in found.told:
                found.told.append(told)
            return True

    return heed


def _expire(treasury: Treasury, line: SpendLine, found: SpendsFollowed) -> bool:
    found.expired += [spend.id for spend in expire_spends(treasury, (line.id,))]
    return True


def _until_none(lines: Iterable[SpendLine], act: Callable[[SpendLine], bool]) -> None:
    """Act on each line, and again on those that wait for another one, until nothing more happens.

    ``act`` says whether the line is done; what depends on another spend's entry waits for it.
    """
    left = list(lines)
    while left:
        waiting = [line for line in left if not act(line)]
        if len(waiting) == len(left):
            return
        left = waiting


def _lose(treasury: Treasury, line: SpendLine, found: SpendsFollowed) -> bool:
    """Take back what a block had done that is gone: an entry, or an end."""
    step = begin_step(treasury)
    spend = load_spend(treasury, line.id)
    confirmation = spend.confirmation
    assert confirmation is not None, "a line with a height has its block"
    if spend.state in _OVERTAKEN:
        after = replace(
            spend, state=advance(spend.state, SpendEvent.COIN_FREED), confirmation=None, ended_by="", note=""
        )
        if any(version.is_signed for version in spend.versions):
            after = replace(after, state=advance(after.state, SpendEvent.SIGNATURES_COMPLETED))
        commit_step(treasury, step, "watcher", "spend revived by a reorganisation", (after,))
        found.revived.append(spend.id)
        found.told.append(f"Spend {spend.id} can confirm again: a reorganisation took away what had ended it.")
        return True
    version = spend.version(confirmation.txid)
    assert version is not None, "a spend is confirmed by a version of its own"
    entry = take_back(spend, book(treasury, spend, version, step.at), step.at)
    after = replace(
        spend,
        state=advance(spend.state, SpendEvent.CONFIRMATION_LOST),
        confirmation=None,
        bookings=spend.bookings + 1,
    )
    try:
        commit_step(treasury, step, "watcher", "spend taken back by a reorganisation", (after,), entries=(entry,))
    except Overdrawn:
        return False  # a spend of its change is booked: that one first
    found.taken_back.append(spend.id)
    found.told.append(f"Spend {spend.id} lost its block {confirmation.height} to a reorganisation.")
    return True


def _look(treasury: Treasury, span: FollowedSpan, line: SpendLine, found: SpendsFollowed) -> bool:
    """See whether a block spends a coin of the spend, and by which transaction."""
    step = begin_step(treasury)
    spend = load_spend(treasury, line.id)
    if spend.state not in OUT_STATES:
        return True
    taken = _taken(treasury, span, spend)
    if taken is None or not taken.is_deep:
        return True
    version = spend.version(taken.txid)
    confirmation = Confirmation(taken.txid, taken.height, taken.block_hash)
    if version is None:
        _end(treasury, step, spend, confirmation, found)
        return True
    booking = book(treasury, spend, version, step.at)
    treasury.books.open_accounts(booking.accounts)
    after = replace(
        spend,
        state=advance(spend.state, SpendEvent.TRANSACTION_CONFIRMED),
        confirmation=confirmation,
        bookings=spend.bookings + 1,
        note="",
    )
    records = [paper.record for paper in booking.papers]
    try:
        commit_step(treasury, step, "watcher", "spend confirmed", (after,), records, (booking.entry,))
    except Overdrawn:
        found.told.append(f"Spend {spend.id} is confirmed, and the ledger does not hold its coins yet.")
        return False
    found.confirmed.append(spend.id)
    return True


def _taken(treasury: Treasury, span: FollowedSpan, spend: TreasurySpend) -> _Taken | None:
    """What a block did to the spend's coins: its own version first, else whoever took a coin."""
    coins = {item.coin.outpoint: item for version in spend.versions for item in version.coins}
    others: list[_Taken] = []
    for outpoint, item in coins.items():
        coin = treasury.coins.coin(outpoint)
        if coin is None:
            lost = _lost_parent(treasury, outpoint) if item.is_unconfirmed else None
            others += [lost] if lost else []
            continue
        if not coin.spent_by:
            continue
        ours = spend.version(coin.spent_by)
        amount_sats = sum(each.coin.amount_sats for each in ours.coins) if ours else coin.amount_sats
        needed = treasury.depth.needed(amount_sats, is_coinbase=False)
        taken = _Taken(coin.spent_by, coin.spent_height, coin.spent_hash, span.height - coin.spent_height + 1 >= needed)
        if ours:
            return taken
        others.append(taken)
    return next((taken for taken in others if taken.is_deep), next(iter(others), None))


def _lost_parent(treasury: Treasury, outpoint: str) -> _Taken | None:
    """Of a child's coin: the block with another version of the parent, so that the coin never comes to be."""
    txid = outpoint.partition(":")[0]
    own = own_transaction(treasury.books, txid)
    parent = load_spend(treasury, own.spend) if own else None
    done = parent.confirmation if parent else None
    return _Taken(done.txid, done.height, done.block_hash, is_deep=True) if done and done.txid != txid else None


def _end(treasury: Treasury, step: Step, spend: TreasurySpend, taken: Confirmation, found: SpendsFollowed) -> None:
    """Another transaction has a coin of the spend: one of ours that takes it home, another of ours, or a stranger's."""
    own = own_transaction(treasury.books, taken.txid)
    other = load_spend(treasury, own.spend) if own else None
    is_home = other is not None and other.instruction.replaces == spend.id
    event = SpendEvent.COIN_SENT_HOME if is_home else SpendEvent.COIN_TAKEN
    by = own.spend if own else taken.txid
    after = replace(spend, state=advance(spend.state, event), confirmation=taken, ended_by=by)
    if own is None:
        after = replace(after, note=f"A coin of it was spent by the foreign transaction {taken.txid}.")
        found.told.append(
            f"ALARM: a coin of spend {spend.id} was spent by transaction {taken.txid}, which is none of ours: "
            "keys are in other hands."
        )
    commit_step(treasury, step, "watcher", f"spend {after.state.value} by {by}", (after,))
    found.ended.append(spend.id)


def _care(treasury: Treasury, line: SpendLine, found: SpendsFollowed) -> bool:
    """Send again what no mempool and no block has, and say what is overdue; then nothing is left to do."""
    if line.state is not SpendState.BROADCAST:
        if treasury.now >= line.expires_at:
            found.told.append(
                f"Spend {line.id} expired at {utc_text(line.expires_at)} and is {line.state.value}: it can still be "
                "sent by whoever holds it. Spend one of its coins home: zakhira spend cancel."
            )
        return True
    step = begin_step(treasury)
    spend = load_spend(treasury, line.id)
    coins: Mapping[str, BuiltVersion] = {outpoint: item for item in spend.versions for outpoint in item.inputs}
    in_blocks = [coin for outpoint in coins if (coin := treasury.coins.coin(outpoint)) and coin.spent_by]
    if in_blocks or any(treasury.mempool.package(version.txid) for version in spend.out):
        _note(treasury, step, spend, "")
        return True
    try:
        require_allowed(treasury, spend, step)
        send_version(treasury, spend, signed_version(spend))
    except _NOT_ALLOWED as error:
        found.told.append(f"Spend {spend.id} is in no mempool and is not sent again: {error.message}")
        _note(treasury, step, spend, f"{_NOT_SENT}{error.message}")
        return True
    except _CANNOT_BE_SENT as error:
        # A reorganisation may have taken a coin, or moved the tip below the block in which a recovery path opens.
        found.told.append(error.message)
        return True
    found.sent_again.append(spend.id)
    _note(treasury, step, spend, "")
    return True


def _note(treasury: Treasury, step: Step, spend: TreasurySpend, note: str) -> None:
    """Keep in its record why a spend is not sent again, once; and drop that when it is past."""
    if note != spend.note and (note or spend.note.startswith(_NOT_SENT)):
        action = "spend not sent again" if note else "spend sent again"
        commit_step(treasury, step, "watcher", action, (replace(spend, note=note),))
