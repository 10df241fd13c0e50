"""What no record of a spend can undo: a no that an officer signed, and what counts in windows until the spend ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import cast

from zakhira.controls.acts.authority import Authority
from zakhira.controls.acts.authority_fold import authority_at
from zakhira.controls.acts.public_acts import RecordedAct, act_of
from zakhira.controls.approval import Veto, veto_is_genuine
from zakhira.controls.spend_state import SpendState, is_over
from zakhira.flows.governing.acts import AUTHORITY_ACT
from zakhira.flows.movement_record import ENDED, MOVEMENT
from zakhira.flows.ports.books import Record, StoredWrite
from zakhira.flows.spending.spend import TREASURY_SPEND, Fields
from zakhira.flows.word_text import veto_of
from zakhira.kernel.canonical import content_hash
from zakhira.kernel.errors import ZakhiraError
from zakhira.kernel.interval import utc_text


def history_breaks(writes: Iterable[StoredWrite]) -> tuple[str, ...]:
    """Spends that went on after a genuine no, and matters that left the windows while their spend had not ended.

    ``writes`` stand by number and may be gone through more than once; every version of a record is looked at, not the
    newest alone. A no is genuine if a key made it that some version of the policy gave to the officer; books without a
    founded policy know no keys.
    """
    vetoes: dict[str, list[Veto]] = {}
    states: dict[str, SpendState] = {}
    breaks: list[str] = []
    keys = _Keys(writes)
    for write in writes:
        for record in write.records:
            if record.kind == TREASURY_SPEND:
                try:
                    states[record.id] = _state_of(record)
                    breaks += _after_no(record, states[record.id], vetoes, keys)
                except (KeyError, TypeError, ValueError, ZakhiraError):
                    breaks.append(f"spend {record.id}: write {write.audit.sequence} has a record of it that is none.")
        breaks += [
            f"movement {record.id}: write {write.audit.sequence} ended it, and its spend is {states[record.id].value}."
            for record in write.records
            if _is_ended(record) and record.id in states and not is_over(states[record.id])
        ]
    return tuple(dict.fromkeys(breaks))


class _Keys:
    """The keys that officers ever had, read when the first no asks for them."""

    def __init__(self, writes: Iterable[StoredWrite]) -> None:
        self._writes = writes
        self._authority: Authority | None = None

    def of(self, officer: str) -> Iterable[str]:
        """Every key that a version of the policy gave to the officer."""
        if self._authority is None:
            acts = _acts(self._writes)
            moments = (*(write.audit.at for write in self._writes), *(recorded.at for recorded in acts))
            self._authority = authority_at(acts, max(moments))
        return self._authority.keys_of(officer)


def _acts(writes: Iterable[StoredWrite]) -> list[RecordedAct]:
    """The acts of authority up to the first that is none: whoever asks for authority is told of that one."""
    bodies = [record.body for write in writes for record in write.records if record.kind == AUTHORITY_ACT]
    acts: list[RecordedAct] = []
    with suppress(ZakhiraError):
        acts.extend(act_of(body) for body in bodies)
    return acts


def _state_of(record: Record) -> SpendState:
    return SpendState(cast("Fields", record.body)["state"])


def _is_ended(record: Record) -> bool:
    return record.kind == MOVEMENT and isinstance(record.body, Mapping) and record.body.get("state") == ENDED


def _after_no(record: Record, state: SpendState, vetoes: dict[str, list[Veto]], keys: _Keys) -> list[str]:
    """What to say of one version of a spend's record; a genuine no of it is added to ``vetoes``."""
    told = cast("Fields", record.body)
    rejection = cast("Fields | None", told["rejection"])
    known = vetoes.setdefault(record.id, [])
    if rejection is not None:
        veto = veto_of(rejection, content_hash(told["instruction"]))
        if veto not in known and any(veto_is_genuine(veto, key) for key in keys.of(veto.officer)):
            known.append(veto)
    if state is SpendState.REFUSED:
        return []
    return [
        f"spend {record.id}: it went on as {state.value} after {veto.officer} said no at {utc_text(veto.at)}."
        for veto in known
    ]
