"""Conditions of a rule that can never be met together: delays, hours, windows, signers, statutes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from zakhira.controls.analysis.cells import Deciders, Space
from zakhira.controls.analysis.finding import Finding, PolicyCause, Severity, Step
from zakhira.controls.analysis.words import listing
from zakhira.controls.engine.open_hours import opens_at
from zakhira.kernel.money import Commodity
from zakhira.programme.model import Policy, Vault
from zakhira.programme.policy import COIN_ACTIONS, OWN, Rule, Statute

_AFTER = datetime(2020, 1, 1, tzinfo=UTC)
_PAYS_OUT = ("spend", "payout")


def term_findings(policy: Policy, space: Space, deciders: Deciders) -> Iterator[Finding]:
    """What keeps a rule that allows from ever allowing anything."""
    for rule in deciders.rules:
        if rule.effect == "allow":
            for key, message in never_met(policy, rule):
                yield Finding(PolicyCause.NEVER_MET, Severity.FAULT, "rule", rule.id, key, message)
            yield from _against_statutes(policy, rule, space, deciders)


def never_met(policy: Policy, rule: Rule) -> Iterator[tuple[str, str]]:
    """Keys of the rule with why nothing can ever be carried out by it."""
    coins = [action for action in rule.actions if action in COIN_ACTIONS]
    if coins and rule.delay_hours >= policy.approval_hours:
        message = (
            f"Rule {rule.id} delays a {listing(coins, 'or')} by {rule.delay_hours} h, and a proposal waits "
            f"{policy.approval_hours} h at most: it is over before the delay is."
        )
        yield "delay_hours", message
    if opens_at(rule, policy, _after_holidays(policy)) is None:
        yield "to_hour", f"Rule {rule.id} is never open: from {rule.from_hour} to {rule.to_hour} o'clock is no time."
    yield from _windows_below_the_band(rule, is_coins=bool(coins))
    yield from _too_few_signers(policy, rule)


def _after_holidays(policy: Policy) -> datetime:
    last = max((holiday.day for holiday in policy.holidays), default=None)
    return _AFTER if last is None else datetime.combine(last, time(), tzinfo=UTC) + timedelta(days=2)


def _windows_below_the_band(rule: Rule, *, is_coins: bool) -> Iterator[tuple[str, str]]:
    for window in rule.windows:
        if window.limit is None:
            continue
        low = rule.from_amount
        if is_coins and window.limit.commodity is not Commodity.BTC:
            yield "window", f"A window of rule {rule.id} limits {window.limit}, and coins are counted in BTC."
        elif low is None or low.commodity is window.limit.commodity:
            least = 1 if low is None else max(1, low.units)
            if window.limit.units < least:
                what = "any amount" if low is None else f"the {low} from which the rule applies"
                yield "window", f"A window of rule {rule.id} lets {window.limit} pass, which is below {what}."


def _too_few_signers(policy: Policy, rule: Rule) -> Iterator[tuple[str, str]]:
    """No vault of the rule can be signed for by the signers that it names."""
    if not rule.signers:
        return
    short = []
    for vault in policy.vaults:
        if rule.vaults and vault.id not in rule.vaults:
            continue
        for threshold, names in quorums_of(vault, rule):
            able = sorted(set(names) & set(rule.signers))
            if len(able) >= threshold:
                return
            short.append(f"vault {vault.id} asks for {threshold}, and {len(able)} of its signers are named")
    if short:
        yield "signers", f"Nothing that rule {rule.id} allows can be signed: {'; '.join(short)}."


def quorums_of(vault: Vault, rule: Rule) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Threshold and signers of the paths of a vault that a rule is about."""
    paths = rule.paths or ("main",)
    if "main" in paths:
        yield vault.threshold, tuple(key.signer for key in vault.keys)
    if "recovery" in paths and vault.recovery is not None:
        yield vault.recovery.threshold, tuple(key.signer for key in vault.recovery.keys)


def refuses_for_ever(statute: Statute) -> bool:
    """Whether a statute refuses every coin that leaves our vaults, at any time."""
    never = statute.kind == "not-sold" or (statute.kind == "share-after-hold" and statute.share <= 0)
    return never and not statute.purposes


def _against_statutes(policy: Policy, rule: Rule, space: Space, deciders: Deciders) -> Iterator[Finding]:
    pays = [action for action in rule.actions if action in _PAYS_OUT]
    if not pays or rule.destinations == OWN or rule.to_vaults:
        return
    for statute in policy.statutes:
        if not refuses_for_ever(statute):
            continue
        cells = (cell for cell in space.cells(pays[0], rule) if cell.destination != OWN)
        example = next((cell for cell in cells if deciders.decider(cell) is rule), None)
        if example is not None:
            message = (
                f"Rule {rule.id} allows a {example}, and statute {statute.id} ({statute.citation}) refuses every coin "
                f"that leaves our vaults: the rule allows nothing of the kind."
            )
            yield Finding(
                *(PolicyCause.STATUTE_CONTRADICTS, Severity.FAULT, "rule", rule.id, "actions", message),
                steps=(Step(example, rule.id),),
            )
