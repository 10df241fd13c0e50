"""Answers about authority: motions, versions, a freeze, and officers with their keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import cast

from zakhira.cli.answer import Answer, Table
from zakhira.controls.acts.authority import Authority, MotionRecord, MotionState
from zakhira.controls.acts.motion import SHORT_HASH
from zakhira.controls.acts.motion_check import told_reasons
from zakhira.controls.acts.policy_delta import policy_delta
from zakhira.controls.acts.public_acts import Enrolment, RecordedAct, Revocation, SignedFreeze
from zakhira.flows.governing.freezing import Frozen
from zakhira.flows.governing.officers import OfficerState
from zakhira.flows.spending.spend_line import SpendLine
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import utc_text
from zakhira.programme.model import Policy
from zakhira.wiring.amount_text import btc_text, counted
from zakhira.wiring.motion_show import change_facts, delta_table, motion_changes, motion_tables, visible

_KEY_DIGITS = 16
"""Of a public key in a table; the JSON has it whole."""
_DIFFERS = "The programme file says something else, which is not in force"


def motion_facts(record: MotionRecord) -> dict[str, Json]:
    """A motion for a machine."""
    motion, check = record.motion, record.check
    return {
        "motion": motion.hash,
        "kind": motion.kind,
        "state": record.state.value,
        "proposer": motion.proposer,
        "proposed_at": utc_text(motion.proposed_at),
        "expires_at": utc_text(motion.expires_at),
        "reason": motion.reason,
        "from": motion.policy_hash,
        "to": motion.to_hash,
        "freezes": list(motion.freezes),
        "approvals": [{"officer": item.officer, "at": utc_text(item.at)} for item in record.approvals],
        "vetoes": [{"officer": item.officer, "at": utc_text(item.at), "reason": item.reason} for item in record.vetoes],
        "rule": check.decision.rule if check else "",
        "clause": check.decision.clause if check else "",
        "missing": list(check.decision.missing) if check and record.state is MotionState.OPEN else [],
        "in_force_at": utc_text(check.in_force_at) if check and check.in_force_at else "",
    }


def motion_answer(
    state: Authority, record: MotionRecord, verb: str, officer: str, folder: Path, *, dry_run: bool
) -> Answer:
    """A motion after an officer's word about it, with all that it changes in ``state``, that before the word."""
    done = f"Dry run: motion {record.motion.id} would be {verb}" if dry_run else f"Motion {record.motion.id} is {verb}"
    sentence = f"{done} by {officer}. {_what_next(record, folder)}"
    facts: dict[str, Json] = {"dry_run": dry_run, **whole_motion_facts(state, record)}
    return Answer((*motion_tables(state, record), _motion_table(record)), facts, sentence)


def whole_motion_facts(state: Authority, record: MotionRecord) -> dict[str, Json]:
    """A motion for a machine, with what is signed and all that it changes."""
    motion = record.motion
    changes = change_facts(motion_changes(state, motion))
    return {**motion_facts(record), "changes": changes, "signed": motion.statement}


def _what_next(record: MotionRecord, folder: Path) -> str:
    check = record.check
    if record.state is MotionState.LOCKED and check and check.in_force_at:
        text = f"Its quorum is there: in force from {utc_text(check.in_force_at)}"
        return f"{text}, unless an officer vetoes it: zakhira policy veto {folder} {record.motion.id} --help"
    if record.state is MotionState.OPEN and check:
        command = f"zakhira policy approve {folder} {record.motion.id} --key FILE"
        asked = ", ".join(check.decision.missing)
        needs = f"It needs {asked}" if asked else told_reasons(check.decision)
        return f"{needs}, by {utc_text(record.motion.expires_at)}: {command}"
    return f"It is {record.state.value}."


def _motion_table(record: MotionRecord) -> Table:
    motion, check = record.motion, record.check
    rows = [
        ("motion", motion.hash),
        ("state", record.state.value),
        ("proposed", f"{utc_text(motion.proposed_at)} by {motion.proposer}"),
        ("approved by", ", ".join(item.officer for item in record.approvals) or "-"),
        ("vetoed by", ", ".join(item.officer for item in record.vetoes) or "-"),
        ("rule", f"{check.decision.rule}: {check.decision.clause}" if check else "-"),
        ("in force from", utc_text(check.in_force_at) if check and check.in_force_at else "-"),
    ]
    return Table("", ("", ""), tuple(rows))


def change_answer(state: Authority, record: MotionRecord, folder: Path, *, dry_run: bool) -> Answer:
    """A change that was put forward: what it changes first."""
    delta = motion_changes(state, record.motion)
    verb = "Dry run: would put forward" if dry_run else "Put forward"
    sentence = f"{verb} {counted(len(delta), 'change')} to the policy. {_what_next(record, folder)}"
    facts: dict[str, Json] = {"dry_run": dry_run, **whole_motion_facts(state, record)}
    return Answer((*motion_tables(state, record), _motion_table(record)), facts, sentence)


def freeze_answer(frozen: Frozen, folder: Path, *, dry_run: bool) -> Answer:
    """A stop, and what it cannot stop any more."""
    item = frozen.freeze
    verb = "Dry run: would be frozen" if dry_run else "FROZEN"
    sentence = f"{verb} by {item.officer} at {utc_text(item.at)}: {item.reason}. Receiving goes on."
    if frozen.in_other_hands:
        sentence += (
            f" {counted(len(frozen.in_other_hands), 'spend')} cannot be stopped by this: others hold a transaction."
            " Only a coin of it that is spent home takes it back, after the thaw: zakhira spend cancel --help"
        )
    if not frozen.can_be_thawed:
        sentence += " No rule of the policy thaws: change the policy first, which a freeze does not stop."
    else:
        sentence += f" The end of it: zakhira policy thaw {folder} --key FILE --reason TEXT"
    facts: dict[str, Json] = {
        "dry_run": dry_run,
        "freeze": _freeze_facts(item),
        "in_other_hands": [line.id for line in frozen.in_other_hands],
        "can_be_thawed": frozen.can_be_thawed,
    }
    tables = (_hands_table(frozen.in_other_hands),) if frozen.in_other_hands else ()
    return Answer(tables, facts, sentence)


def _freeze_facts(item: SignedFreeze) -> dict[str, Json]:
    return {
        "freeze": item.statement_hash,
        "officer": item.officer,
        "reason": item.reason,
        "at": utc_text(item.at),
    }


def _hands_table(lines: Sequence[SpendLine]) -> Table:
    rows = tuple((line.id, line.state.value, line.from_vault, btc_text(line.paid_sats)) for line in lines)
    return Table("In other hands already", ("spend", "state", "from", "BTC"), rows, right=(3,))


def authority_facts(state: Authority, file_policy: Policy) -> dict[str, Json]:
    """What the status of a reserve says of authority."""
    return {
        "version": state.version.number,
        "hash": state.version.hash,
        "in_force_since": utc_text(state.version.in_force_since),
        "freezes": [_freeze_facts(item) for item in state.freezes.values()],
        "pending_motions": [motion_facts(record) for record in state.motions.values() if record.is_pending],
        "programme_differs": bool(policy_delta(state.version.policy, file_policy)),
    }


def authority_tables(state: Authority, file_policy: Policy, folder: Path) -> tuple[Table, ...]:
    """What of authority needs attention: a freeze, what is moved, and a programme file that says something else."""
    tables = [_frozen_table(state)] if state.freezes else []
    pending = [record for record in state.motions.values() if record.is_pending]
    if pending:
        tables.append(_motions_table("Motions", pending))
    delta = policy_delta(state.version.policy, file_policy)
    if delta:
        told = delta_table(_DIFFERS, delta)
        tables.append(replace(told, notes=(f"To bring it into force: zakhira policy propose {folder} --help",)))
    return tuple(tables)


def _frozen_table(state: Authority) -> Table:
    rows = tuple((item.officer, utc_text(item.at), visible(item.reason)) for item in state.freezes.values())
    return Table("FROZEN", ("by", "since", "reason"), rows, notes=("Nothing moves until a thaw.",))


def status_answer(state: Authority, file_policy: Policy, lines: Sequence[SpendLine], folder: Path) -> Answer:
    """What is in force, what is moved, what stands still, and what the programme file says otherwise."""
    version = state.version
    delta = policy_delta(version.policy, file_policy)
    facts: dict[str, Json] = {
        "version": version.number,
        "hash": version.hash,
        "in_force_since": utc_text(version.in_force_since),
        "versions": [
            {
                "number": item.number,
                "hash": item.hash,
                "in_force_since": utc_text(item.in_force_since),
                "motion": item.motion,
            }
            for item in state.versions
        ],
        "motions": [
            whole_motion_facts(state, record) if record.is_pending else motion_facts(record)
            for record in state.motions.values()
        ],
        "freezes": [_freeze_facts(item) for item in state.freezes.values()],
        "in_other_hands": [line.id for line in lines],
        "programme_differs": change_facts(delta),
    }
    tables = [_versions_table(state)]
    pending = [record for record in state.motions.values() if record.is_pending]
    if pending:
        tables.append(_motions_table("Motions", pending))
        tables += [table for record in pending for table in motion_tables(state, record)]
    if state.freezes:
        tables.insert(0, _frozen_table(state))
        tables += [_hands_table(lines)] if lines else []
    if delta:
        tables.append(delta_table(_DIFFERS, delta))
    return Answer(tuple(tables), facts, _status_sentence(state, pending, folder, differs=bool(delta)))


def _status_sentence(state: Authority, pending: Sequence[MotionRecord], folder: Path, *, differs: bool) -> str:
    version = state.version
    text = f"Version {version.number} of the policy is in force since {utc_text(version.in_force_since)}"
    text += f"; {counted(len(pending), 'motion')} pending." if pending else "."
    if state.freezes:
        text = f"THE RESERVE IS FROZEN. {text}"
    if differs:
        text += f" To bring the programme file into force: zakhira policy propose {folder} --with PROGRAMME --help"
    return text


def _versions_table(state: Authority) -> Table:
    rows = tuple(
        (str(item.number), item.hash[:_KEY_DIGITS], utc_text(item.in_force_since), item.motion[:SHORT_HASH] or "-")
        for item in state.versions
    )
    return Table("Versions", ("", "hash", "in force since", "by motion"), rows, right=(0,))


def _motions_table(title: str, records: Sequence[MotionRecord]) -> Table:
    rows = tuple(
        (
            record.motion.id,
            record.motion.kind,
            record.state.value,
            ", ".join(item.officer for item in record.approvals) or "-",
            _minute(record.check.in_force_at) if record.check and record.check.in_force_at else "-",
            visible(record.motion.reason),
        )
        for record in records
    )
    return Table(title, ("motion", "kind", "state", "approved by", "in force from", "reason"), rows)


def officers_answer(states: Sequence[OfficerState]) -> Answer:
    """Who the officers are, and how far their keys count."""
    rows = tuple(
        (
            item.id,
            ", ".join((item.officer.role, *item.officer.more_roles)) if item.officer else "(no office yet)",
            item.public_key[:_KEY_DIGITS],
            _proof(item),
            "REVOKED" if item.revoked else "-",
            ", ".join(item.offices) or "-",
        )
        for item in states
    )
    tables = [Table("Officers", ("officer", "role", "key", "proven", "revoked", "same person"), rows)]
    deputies = tuple(
        (deputy.officer, deputy.stands_for, deputy.from_day.isoformat(), deputy.to_day.isoformat())
        for item in states
        for deputy in item.deputies
    )
    if deputies:
        tables.append(Table("Deputies", ("officer", "stands for", "from", "to"), deputies))
    gone = [(item, item.revoked) for item in states if item.revoked]
    if gone:
        ended = tuple((item.id, _minute(told.at), told.by, visible(told.reason)) for item, told in gone)
        tables.append(Table("Revoked keys", ("officer", "since", "by", "reason"), ended))
    named = [item for item in states if item.officer]
    sentence = f"{counted(len(named), 'officer')}" + (f"; {counted(len(gone), 'key')} revoked." if gone else ".")
    return Answer(tuple(tables), {"officers": [_officer_facts(item) for item in states]}, sentence)


def _proof(item: OfficerState) -> str:
    """Since when the key has proven to be held; keys of the first version were handed over with it."""
    if item.enrolled_at:
        return _minute(item.enrolled_at)
    return "founding" if item.officer else "-"


def _minute(at: datetime) -> str:
    """An instant in a narrow column, UTC."""
    return f"{at:%Y-%m-%d %H:%M}"


def _officer_facts(item: OfficerState) -> Json:
    officer = item.officer
    return {
        "officer": item.id,
        "name": officer.name if officer else "",
        "roles": [officer.role, *officer.more_roles] if officer else [],
        "public_key": item.public_key,
        "enrolled_at": utc_text(item.enrolled_at) if item.enrolled_at else "",
        "revoked_at": utc_text(item.revoked.at) if item.revoked else "",
        "revoked_by": item.revoked.by if item.revoked else "",
        "same_person": list(item.offices),
        "deputies": [
            {"officer": deputy.officer, "from": deputy.from_day.isoformat(), "to": deputy.to_day.isoformat()}
            for deputy in item.deputies
        ],
    }


def enrolled_answer(enrolment: Enrolment, state: Authority, *, dry_run: bool) -> Answer:
    """A key that has proven to be held."""
    officer = state.officer(enrolment.officer)
    is_named = officer is not None and officer.public_key.lower() == enrolment.public_key
    use = "The policy in force names it." if is_named else "It counts once a change of the policy names it."
    verb = "Dry run: would enrol" if dry_run else "Enrolled"
    facts: dict[str, Json] = {
        "dry_run": dry_run,
        "officer": enrolment.officer,
        "public_key": enrolment.public_key,
        "at": utc_text(enrolment.at),
    }
    sentence = f"{verb} the key {enrolment.public_key} of {enrolment.officer}. {use}"
    return Answer((), facts, sentence)


def revoked_answer(state: Authority, revocation: Revocation, folder: Path, *, dry_run: bool) -> Answer:
    """A key that counts no more, and the stop that goes with it where another officer says so."""
    stops = revocation.freeze.statement_hash in state.freezes
    verb = "Dry run: would revoke" if dry_run else "Revoked"
    facts: dict[str, Json] = {
        "dry_run": dry_run,
        "officer": revocation.officer,
        "public_key": revocation.public_key,
        "by": revocation.by,
        "reason": revocation.reason,
        "at": utc_text(revocation.at),
        "frozen": stops,
    }
    sentence = (
        f"{verb} the key {revocation.public_key} of {revocation.officer}: it counts nowhere from "
        f"{utc_text(revocation.at)}. Every quorum stays as large as it is; a new key comes by a change of the policy."
    )
    if stops:
        sentence += (
            f" The reserve is FROZEN by the same act, as another officer's key was revoked, and that key can still veto"
            f" and freeze until a change of the policy drops it. Then: zakhira policy thaw {folder} --key FILE"
            " --reason TEXT"
        )
    return Answer((), facts, sentence)


def acts_answer(acts: Sequence[RecordedAct], out: Path, *, dry_run: bool) -> Answer:
    """Acts that were written to a file."""
    verb = "Dry run: would write" if dry_run else "Wrote"
    facts = cast("dict[str, Json]", {"dry_run": dry_run, "acts": len(acts), "file": str(out)})
    return Answer((), facts, f"{verb} {counted(len(acts), 'act')} of authority to {out}.")
