"""Which rule decides: the first whose selectors all fit the question."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from zakhira.controls.engine.decision import Reason, Why
from zakhira.controls.engine.question import Destination, Question
from zakhira.kernel.interval import utc_text
from zakhira.kernel.money import Amount, sats
from zakhira.programme.model import Policy
from zakhira.programme.policy import ANY, LISTED, Payee, Quorum, Rule

IMPLIED, IMPLIED_SETTLE, IMPLIED_GOVERN = "implied", "implied-settle", "implied-govern"
"""Ids of the rules that a policy without rules amounts to."""
_MAIN = ("main",)
_BECH32 = ("bc1", "tb1", "bcrt1")


@dataclass(frozen=True)
class Fit:
    """The rule that fits, or None; ``near`` says of payees that kept an earlier rule from fitting."""

    rule: Rule | None
    near: tuple[Reason, ...] = ()


def implied_rule(policy: Policy) -> Rule:
    """The rule for coins that a policy without rules amounts to: its roles, its limit for one sweep, its clause."""
    return Rule(
        id=IMPLIED,
        clause=policy.clause,
        actions=("spend", "move", "home"),
        paths=("main", "recovery"),
        below_amount=sats(policy.sweep_limit_sats + 1),
        propose_roles=(policy.propose_role,),
        quorums=tuple(Quorum(1, (role,)) for role in policy.approve_roles),
    )


def rules_of(policy: Policy) -> tuple[Rule, ...]:
    """The rules in force: the policy's own, or those that its other fields amount to.

    A coin in suspense is given its purpose by the same people whatever it is worth: that moves nothing. They change the
    policy, end a freeze and accept a vault as well, whoever of the officers puts it forward. Where rules are there and
    none is about accepting a vault, those that change the policy are.
    """
    if policy.rules:
        return _with_vaults(policy.rules)
    coins = implied_rule(policy)
    settle = Rule(
        id=IMPLIED_SETTLE,
        clause=coins.clause,
        actions=("settle",),
        paths=coins.paths,
        propose_roles=coins.propose_roles,
        quorums=coins.quorums,
    )
    govern = Rule(
        id=IMPLIED_GOVERN, clause=coins.clause, actions=("policy-change", "thaw", "vault"), quorums=coins.quorums
    )
    return coins, settle, govern


@lru_cache(maxsize=256)
def _with_vaults(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    if any("vault" in rule.actions for rule in rules):
        return rules
    return tuple(
        replace(rule, actions=(*rule.actions, "vault")) if "policy-change" in rule.actions else rule for rule in rules
    )


def rule_named(policy: Policy, rule_id: str) -> Rule | None:
    """The rule with this id, implied ones included."""
    return next((rule for rule in rules_of(policy) if rule.id == rule_id), None)


def first_fit(policy: Policy, question: Question, at: datetime) -> Fit:
    """The first rule whose selectors fit the question at ``at`` (UTC)."""
    near: list[Reason] = []
    for rule in rules_of(policy):
        if not _fits_but_destinations(rule, question):
            continue
        misfits = _destination_misfits(rule, policy, question, at)
        if not misfits:
            return Fit(rule, tuple(near))
        near.extend(reason for reason in misfits if reason is not None)
    return Fit(None, tuple(near))


def rule_fits(rule: Rule, policy: Policy, question: Question, at: datetime) -> bool:
    """Whether all selectors of one rule fit."""
    return _fits_but_destinations(rule, question) and not _destination_misfits(rule, policy, question, at)


def _fits_but_destinations(rule: Rule, question: Question) -> bool:
    return (
        question.action in rule.actions
        and (not rule.vaults or question.vault in rule.vaults)
        and question.path in (rule.paths or _MAIN)
        and (not rule.purposes or question.purpose in rule.purposes)
        and _in_band(rule, question.amount)
    )


def _in_band(rule: Rule, amount: Amount | None) -> bool:
    """A band is one of its own commodity: an amount of another, and no amount at all, lie outside."""
    low, high = rule.from_amount, rule.below_amount
    if low is None and high is None:
        return True
    if amount is None or any(end is not None and end.commodity is not amount.commodity for end in (low, high)):
        return False
    return (low is None or low.units <= amount.units) and (high is None or amount.units < high.units)


def _destination_misfits(rule: Rule, policy: Policy, question: Question, at: datetime) -> list[Reason | None]:
    """What keeps the destinations from fitting; a payee's lack is told in words. No destination fits no list."""
    if rule.to_vaults and not (
        question.destinations and all(place.vault in rule.to_vaults for place in question.destinations)
    ):
        return [None]
    if rule.destinations == ANY:
        return []
    if not question.destinations:
        return [None]
    if rule.destinations == LISTED:
        found = (_unlisted(policy, place, at) for place in question.destinations)
        return [reason for reason in found if reason is not None]
    return [] if all(place.vault for place in question.destinations) else [None]


def _unlisted(policy: Policy, place: Destination, at: datetime) -> Reason | None:
    """Why the destination is no payee to be paid at ``at``; of several entries for it the last listed counts."""
    sought = plain_address(place.address)
    entries = [payee for payee in policy.payees if plain_address(payee.address) == sought]
    if place.vault or not entries:
        what = f"vault {place.vault}" if place.vault else place.address
        return Reason(Why.NOT_LISTED.code, f"{what} is not on the list of payees.")
    payee = max(entries, key=lambda entry: entry.listed_at)
    from_ = usable_from(policy, payee)
    if at >= from_:
        return None
    text = (
        f"Payee {payee.id} was listed at {utc_text(payee.listed_at)} and can be paid from {utc_text(from_)}, "
        f"{policy.listing_hours} hours later."
    )
    return Reason(Why.LISTED_TOO_LATE.code, text)


def usable_from(policy: Policy, payee: Payee) -> datetime:
    """From when the payee can be paid (UTC)."""
    return payee.listed_at + timedelta(hours=policy.listing_hours)


def plain_address(address: str) -> str:
    """The address in one spelling: bech32 may be written in capitals (BIP-173), base58 may not."""
    lower = address.lower()
    return lower if lower.startswith(_BECH32) else address
