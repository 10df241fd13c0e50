"""One step of the watchtower: the state and what was seen give the next state and what is to be told. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from zakhira.controls.engine.movement_log import MovementLog
from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.interval import utc_text
from zakhira.watch.alarm import Alarm, AlarmKind, Notice, joined, tell
from zakhira.watch.asking import AuthorityAt, Balance, movements_of, question_of
from zakhira.watch.authority import Acts, acts_of
from zakhira.watch.chain_step import follow, pending_coins
from zakhira.watch.conditions import COORDINATOR_BLOCK, COORDINATOR_DIFFERS, conditions
from zakhira.watch.judging import Case, judge, used_twice, where
from zakhira.watch.kept_words import gone_words
from zakhira.watch.look import Seen
from zakhira.watch.places import Places
from zakhira.watch.reading import Read, acts_seen, read_signed, take_signed, words_of
from zakhira.watch.signed import Keys, forged_signatures
from zakhira.watch.state import SeenSpend, VaultCoin, WatchState
from zakhira.watch.terms import WatchTerms

_ASKED_WITHIN = timedelta(days=7)
"""[E] So long it is told that signatures came after their movement: then somebody has asked (low 1 d, high 30 d)."""


@dataclass(frozen=True)
class Stepped:
    """The next state, and what is to be told; both are kept together or not at all."""

    state: WatchState
    notices: tuple[Notice, ...]


class Watch:
    """Steps by one set of terms. What it remembers between steps only saves reading the same bytes again."""

    def __init__(self, terms: WatchTerms, places: Places) -> None:
        self._terms = terms
        self._places = places
        self._read_of: tuple[Mapping[str, Json], Mapping[str, Json], Read] | None = None
        self._acts_of: tuple[Mapping[str, Json], Acts] | None = None
        self._forged_of: tuple[Read, Keys, tuple[Alarm, ...]] | None = None

    def step(self, state: WatchState, seen: Seen, extra: tuple[Alarm, ...] = ()) -> Stepped:
        """Take in what was seen; the answer follows from the arguments alone.

        ``extra`` are alarms of whoever runs the watch (an outbox that is full).
        """
        before = state
        state = take_signed(state, seen)
        state = _note_times(follow(state, seen, self._places), before, seen)
        acts, read = self._acts(state), self._read(state)
        state = _judged(self._places, state, read, acts)
        keys = acts.authority_at(seen.at).keys
        holding = (
            *_spend_alarms(state, seen.at),
            *used_twice(state.spends.values()),
            *_changed(state, read),
            *self._unverified(read, keys),
            *gone_words(words_of(state), keys),
            *acts.alarms(seen.at),
            *conditions(self._terms, state, seen),
            *extra,
        )
        raised, notices = tell(state.raised, joined(holding, state.raised), seen.at, self._terms.telling)
        return Stepped(replace(state, raised=raised), notices)

    def _acts(self, state: WatchState) -> Acts:
        if self._acts_of is None or self._acts_of[0] is not state.acts:
            self._acts_of = state.acts, acts_of(self._terms, state.acts, acts_seen(state))
        return self._acts_of[1]

    def _read(self, state: WatchState) -> Read:
        known = self._read_of
        if known is None or known[0] is not state.signed or known[1] is not state.vetoes:
            self._read_of = known = state.signed, state.vetoes, read_signed(state.signed, state.vetoes)
        return known[2]

    def _unverified(self, read: Read, keys: Keys) -> tuple[Alarm, ...]:
        if self._forged_of is None or self._forged_of[0] is not read or self._forged_of[1] != keys:
            self._forged_of = read, keys, tuple(_unverified(read, keys))
        return self._forged_of[2]


def _note_times(state: WatchState, before: WatchState, seen: Seen) -> WatchState:
    times = dict(state.times)
    times.setdefault("started", utc_text(seen.at))
    if state.blocks is not before.blocks or "tip" not in times:
        times["tip"] = utc_text(seen.at)
    height, _, block_hash = times.get(COORDINATOR_BLOCK, "-1:").partition(":")
    if state.blocks.get(int(height), block_hash) == block_hash:
        times.pop(COORDINATOR_DIFFERS, None)
    else:
        times.setdefault(COORDINATOR_DIFFERS, utc_text(seen.at))
    return replace(state, times=times) if times != state.times else state


def _judged(places: Places, state: WatchState, read: Read, acts: Acts) -> WatchState:
    """A verdict on every transaction that has none yet, or whose verdict was an alarm and whose grounds are new."""
    grounds = content_hash([read.digest, acts.digest])
    open_ones = [
        spend
        for spend in state.spends.values()
        if not spend.is_gone
        and (not spend.judged_on or (_is_wrong(spend) and spend.judged_on != grounds) or _moved(spend))
    ]
    if not open_ones:
        return state
    spends = dict(state.spends)
    coins = {**state.coins, **pending_coins(state, places)}
    for spend in sorted(open_ones, key=lambda one: (one.height or 1 << 31, one.first_seen, one.txid)):
        case = _case(places, state, coins, spends, read, acts.authority_at)
        spends[spend.txid] = replace(judge(spend, case), judged_on=grounds)
    return replace(state, spends=spends)


def _moved(spend: SeenSpend) -> bool:
    """Whether the sentence of an alarm says another place than where the transaction is now."""
    return any(where(spend) not in alarm.sentence for alarm in spend.alarms)


def _case(
    places: Places,
    state: WatchState,
    coins: Mapping[str, VaultCoin],
    spends: Mapping[str, SeenSpend],
    read: Read,
    authority_at: AuthorityAt,
) -> Case:
    carried: dict[str, tuple[SeenSpend, ...]] = defaultdict(tuple)
    movements = MovementLog()

    def balance_of(vault: str, own: frozenset[str]) -> Balance:
        held = [coin for coin in coins.values() if (coin.height and coin.is_unspent) or coin.outpoint in own]
        return Balance(
            sum(coin.amount_sats for coin in held if coin.vault == vault), sum(coin.amount_sats for coin in held)
        )

    case = Case(places, coins, read.spends, read.said, carried, state.read, movements, authority_at, balance_of)
    for spend in spends.values():
        if not spend.spend_id or spend.is_gone:
            continue
        signed = read.spends.get(spend.spend_id)
        if spend.spend_id not in carried and signed is not None and spend.counted_at is not None:
            question = question_of(signed, {}, Balance(0, 0), case.vault_of, places.chain)
            for movement in movements_of(question, spend.counted_at):
                movements.append(movement)
        carried[spend.spend_id] = (*carried[spend.spend_id], spend)
    return case


def _spend_alarms(state: WatchState, at: datetime) -> Iterator[Alarm]:
    for spend in state.spends.values():
        if not spend.is_gone:
            is_old = at - spend.first_seen > _ASKED_WITHIN
            yield from (alarm for alarm in spend.alarms if not (is_old and alarm.kind is AlarmKind.READ_AFTERWARDS))


def _is_wrong(spend: SeenSpend) -> bool:
    """Whether a rule is broken: what is to be asked of officers alone is no verdict to take again."""
    return any(alarm.kind is not AlarmKind.READ_AFTERWARDS for alarm in spend.alarms)


def _changed(state: WatchState, read: Read) -> Iterator[Alarm]:
    """Instructions that say something else now than when they were carried out."""
    for spend in state.spends.values():
        if not spend.spend_id or spend.is_gone or _is_wrong(spend):
            continue
        now = read.spends.get(spend.spend_id)
        if now is None or now.instruction.hash != spend.instruction_hash:
            said = f"has the hash {now.instruction.hash}" if now else "cannot be read"
            sentence = (
                f"The instruction of spend {spend.spend_id} {said}; carried out by {spend.txid} was "
                f"{spend.instruction_hash}. Rule broken: what officers signed stays as it was signed."
            )
            facts: dict[str, Json] = {"spend": spend.spend_id, "txid": spend.txid}
            yield Alarm(AlarmKind.INSTRUCTION_CHANGED, f"changed:{spend.spend_id}", sentence, facts)


def _unverified(read: Read, keys: Keys) -> Iterator[Alarm]:
    """Instructions whose signatures do not verify, whether or not anything moved."""
    for name, spend in read.said.items():
        forged = forged_signatures(spend, keys)
        if forged:
            sentence = (
                f"Signatures under the instruction of spend {name} do not verify: {'; '.join(forged)}. "
                "Rule broken: what officers signed is what stands in the books."
            )
            facts: dict[str, Json] = {"spend": name, "instruction_hash": spend.instruction.hash}
            yield Alarm(AlarmKind.NOT_GENUINE, f"forged:{name}", sentence, facts)
    for name, fault in read.faults.items():
        sentence = f"What the books say of spend {name} is no signed instruction: {fault}"
        yield Alarm(AlarmKind.NOT_GENUINE, f"forged:{name}", sentence, {"spend": name})
