"""Every action by every role in every state, against a table: who proposes, who approves, and what the state does."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from officer_drill import EXPIRES, NOW, SAID, Keys, answer, approve, codes, execute, remarked, veto
from zakhira.adapters.drill_keys import officer_key, officer_public_key
from zakhira.controls.approval import Approval, Veto
from zakhira.controls.engine.decision import Verdict, Why
from zakhira.controls.engine.question import Destination
from zakhira.controls.engine.standing import Freeze, Standing
from zakhira.kernel.money import sats
from zakhira.programme.model import Officer, Policy
from zakhira.programme.policy import ACTIONS, COIN_ACTIONS, Deputy, Holiday, Quorum, Rule

PHRASE = "a walk over authority"
ROLES = ("treasury", "comptroller", "governor", "auditor")
PEOPLE = {f"{role}-{number}": role for role in ROLES for number in (1, 2)}
PROPOSES = {
    "spend": "treasury",
    "move": "treasury",
    "home": "treasury",
    "payout": "comptroller",
    "settle": "treasury",
    "policy-change": "governor",
    "thaw": "comptroller",
    "vault": "auditor",
    "licence": "auditor",
    "set-point": "treasury",
}
APPROVES = {
    "spend": "governor",
    "move": "comptroller",
    "home": "auditor",
    "payout": "governor",
    "settle": "comptroller",
    "policy-change": "comptroller",
    "thaw": "governor",
    "vault": "comptroller",
    "licence": "comptroller",
    "set-point": "governor",
}
EXECUTES = {"payout": "auditor"}
"""Elsewhere nobody has to."""
PLAIN = Rule("", "", ())
NORMAL = Standing()
TODAY = date(2026, 1, 5)
TOMORROW = TODAY + timedelta(days=1)


@dataclass(frozen=True)
class Case:
    """What a state changes."""

    verdict: Verdict
    code: Why | None = None
    """of a reason where it is refused, else of a remark"""
    standing: Standing = NORMAL
    at: datetime = NOW
    rule: Rule = PLAIN
    """conditions that the rule of the action takes over from this one"""
    deputy: tuple[date, date] | None = None
    revoke: str = ""
    """``proposer`` or ``approver``"""
    revoked_at: datetime = NOW
    vetoed: bool = False
    silent: bool = False
    version: str = ""
    holidays: tuple[Holiday, ...] = ()
    but: dict[str, Verdict] = field(default_factory=dict)
    """actions of which the answer is another"""


STATES = {
    "open": Case(Verdict.ALLOWED),
    "frozen": Case(
        *(Verdict.REFUSED, Why.FROZEN, Standing(freeze=Freeze("auditor-1", "a drill", SAID))),
        but={"thaw": Verdict.ALLOWED},
    ),
    "proposer revoked": Case(Verdict.REFUSED, Why.REVOKED, revoke="proposer"),
    "approver revoked since": Case(Verdict.NEEDS, Why.REVOKED, revoke="approver"),
    "approver revoked before": Case(Verdict.REFUSED, Why.REVOKED, revoke="approver", revoked_at=SAID),
    "revoked from tomorrow": Case(Verdict.ALLOWED, revoke="approver", revoked_at=NOW + timedelta(days=1)),
    "expired": Case(Verdict.REFUSED, Why.EXPIRED, at=EXPIRES),
    "vetoed": Case(Verdict.REFUSED, Why.VETOED, vetoed=True),
    "nobody has approved": Case(Verdict.NEEDS, silent=True),
    "a deputy on its days": Case(Verdict.ALLOWED, deputy=(TODAY, TODAY)),
    "a deputy out of its days": Case(Verdict.NEEDS, deputy=(TOMORROW, TOMORROW)),
    "another version in force": Case(Verdict.NEEDS, Why.OTHER_POLICY, Standing(policy_hash="v2"), version="v1"),
    "the delay runs": Case(Verdict.NEEDS, rule=replace(PLAIN, delay_hours=2)),
    "the delay is over": Case(Verdict.ALLOWED, rule=replace(PLAIN, delay_hours=1)),
    "before hours": Case(Verdict.NEEDS, rule=replace(PLAIN, from_hour=11, to_hour=17)),
    "another weekday": Case(Verdict.NEEDS, rule=replace(PLAIN, weekdays=("tue",))),
    "a holiday": Case(Verdict.NEEDS, rule=replace(PLAIN, holidays="closed"), holidays=(Holiday(TODAY, "a day"),)),
    "a refusing rule": Case(Verdict.REFUSED, Why.RULE_REFUSES, rule=replace(PLAIN, effect="refuse")),
}


@cache
def keys() -> Keys:
    """Keys of two officers for each role."""
    return {name: officer_key(PHRASE, name) for name in PEOPLE}


@cache
def _public(name: str) -> str:
    return officer_public_key(PHRASE, name)


def rule_of(action: str, case: Case) -> Rule:
    """The rule of an action, with the conditions of the state."""
    return replace(
        case.rule,
        id=action,
        clause=f"Rule of {action}",
        actions=(action,),
        propose_roles=(PROPOSES[action],),
        quorums=(Quorum(1, (APPROVES[action],)),),
        execute_roles=(EXECUTES[action],) if action in EXECUTES else (),
    )


@cache
def yes(officer: str, version: str) -> Approval:
    """An approval."""
    return approve(keys(), officer, policy_hash=version)


@cache
def no() -> Veto:
    """A no of the auditor's."""
    return veto(keys(), "auditor-1")


def ask(policy: Policy, action: str, proposer: str, approver: str, case: Case) -> tuple[Verdict, set[str]]:
    """The verdict, with the codes of reasons and remarks."""
    officers = tuple(Officer(name, name, role, _public(name)) for name, role in PEOPLE.items())
    deputies = (Deputy(approver, f"{APPROVES[action]}-1", *case.deputy),) if case.deputy else ()
    there = replace(
        policy,
        officers=officers,
        rules=tuple(rule_of(each, case) for each in ACTIONS),
        deputies=deputies,
        holidays=case.holidays,
    )
    revoked = {_public(proposer if case.revoke == "proposer" else approver): case.revoked_at} if case.revoke else {}
    amount = sats(900_000)
    coins = action in COIN_ACTIONS or action == "payout"
    vault = "" if action in {"spend", "payout"} else "cold"
    word = execute(keys(), f"{EXECUTES[action]}-2", "0.009 BTC") if action in EXECUTES else None
    decision = answer(
        there,
        *(() if case.silent else (yes(approver, case.version),)),
        at=case.at,
        standing=replace(case.standing, revoked=revoked),
        action=action,
        proposer=proposer,
        amount=amount if coins else None,
        destinations=(Destination("bcrt1qx", amount, vault),) if coins else (),
        vetoes=(no(),) if case.vetoed else (),
        execution=word,
    )
    return decision.verdict, codes(decision) | remarked(decision)


def expected(action: str, proposer: str, approver: str, case: Case) -> Verdict:
    """The lowest of what the state says, the proposer's role and the approver's."""
    found = [case.but.get(action, case.verdict)]
    if PEOPLE[proposer] != PROPOSES[action]:
        found.append(Verdict.REFUSED)
    on_its_days = case.deputy == (TODAY, TODAY)
    if not on_its_days and PEOPLE[approver] != APPROVES[action]:
        found.append(Verdict.NEEDS)
    if case.deputy and PEOPLE[approver] == APPROVES[action]:
        found = [Verdict.ALLOWED if verdict is Verdict.NEEDS else verdict for verdict in found]
    word_counts = case.revoke != "approver" or case.revoked_at > NOW
    if action in EXECUTES and approver == f"{EXECUTES[action]}-2" and word_counts and not case.silent:
        found.append(Verdict.REFUSED)
    return min(found)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("action", ACTIONS)
def test_every_role_in_every_state(policy: Policy, action: str, state: str) -> None:
    """Each role proposes and each approves, in each state, for each action."""
    case = STATES[state]
    for proposing in ROLES:
        for approving in ROLES:
            proposer, approver = f"{proposing}-1", f"{approving}-2"
            verdict, seen = ask(policy, action, proposer, approver, case)
            assert verdict is expected(action, proposer, approver, case), (proposer, approver, seen)
            by_role = proposing == PROPOSES[action] and approving == APPROVES[action]
            if case.code is not None and by_role and action not in case.but:
                assert case.code.code in seen


def test_the_keys_of_the_walk_are_real() -> None:
    """Signatures are made and verified, not assumed."""
    assert all(isinstance(key, Ed25519PrivateKey) for key in keys().values())
