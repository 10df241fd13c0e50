"""A policy in words: what a rule is about, whom it asks, and under which conditions."""

from __future__ import annotations

from collections.abc import Iterable

from zakhira.programme.policy import ANY, LISTED, OWN, WEEKDAYS, Quorum, Rule, Statute, Window

_DESTINATIONS = {ANY: "", OWN: "to vaults of ours", LISTED: "to payees of the list"}


def listing(words: Iterable[str], joint: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    told = list(words)
    return f" {joint} ".join(part for part in (", ".join(told[:-1]), *told[-1:]) if part)


def share_text(share: float) -> str:
    """A share in per cent, without zeros that say nothing."""
    return f"{share * 100:.10g}%"


def band_text(rule: Rule) -> str:
    """The band of amounts; empty where any amount fits."""
    if rule.from_amount is None:
        return "" if rule.below_amount is None else f"below {rule.below_amount}"
    if rule.below_amount is None:
        return f"from {rule.from_amount}"
    return f"from {rule.from_amount}, below {rule.below_amount}"


def subject_text(rule: Rule) -> str:
    """What a rule is about: ``spend or move from vault intake (recovery), below 1 BTC, for payroll``."""
    parts = [listing(rule.actions, "or")]
    if rule.vaults:
        parts.append(f"from {listing(rule.vaults, 'or')}")
    if rule.paths != ("main",):
        parts.append(f"by the path {listing(rule.paths, 'or')}")
    if rule.to_vaults:
        parts.append(f"to {listing(rule.to_vaults, 'or')}")
    elif _DESTINATIONS[rule.destinations]:
        parts.append(_DESTINATIONS[rule.destinations])
    if rule.purposes:
        parts.append(f"for {listing(rule.purposes, 'or')}")
    band = band_text(rule)
    return " ".join(parts) + (f", {band}" if band else "")


def quorum_text(quorum: Quorum) -> str:
    """``comptroller``, ``2 of comptroller or director``."""
    roles = listing(quorum.roles, "or")
    return roles if quorum.count == 1 else f"{quorum.count} of {roles}"


def people_text(rule: Rule) -> str:
    """Who proposes, approves and executes."""
    if rule.effect == "refuse":
        return "nobody"
    parts = [f"{listing(rule.propose_roles, 'or') or 'any officer'} proposes"]
    if rule.quorums:
        parts.append(f"{listing(map(quorum_text, rule.quorums))} approve")
    if rule.execute_roles:
        parts.append(f"{listing(rule.execute_roles, 'or')} executes")
    return "; ".join(parts)


def window_text(window: Window) -> str:
    """``at most 5.00000000 BTC a vault in 24 h``."""
    limits = []
    if window.limit is not None:
        limits.append(str(window.limit))
    if window.balance_share:
        limits.append(f"{share_text(window.balance_share)} of the balance")
    if window.most:
        limits.append(f"{window.most} matters")
    scope = "in all" if window.per == "programme" else f"a {window.per}"
    return f"at most {listing(limits)} {scope} in {window.hours} h"


def condition_texts(rule: Rule) -> tuple[str, ...]:
    """Everything else that a rule asks for, a text each; none for a rule that refuses."""
    if rule.effect == "refuse":
        return ()
    told = [window_text(window) for window in rule.windows]
    if rule.balance_share:
        told.append(f"at most {share_text(rule.balance_share)} of the balance")
    if rule.delay_hours:
        veto = f", {listing(rule.veto_roles, 'or')} may say no" if rule.veto_roles else ""
        told.append(f"{rule.delay_hours} h of delay{veto}")
    if (rule.from_hour, rule.to_hour) != (0, 24):
        told.append(f"from {rule.from_hour} to {rule.to_hour} o'clock")
    if rule.weekdays and set(rule.weekdays) != set(WEEKDAYS):
        told.append(f"on {listing(rule.weekdays)}")
    if rule.holidays == "closed":
        told.append("not on holidays")
    if rule.signers:
        told.append(f"signers {listing(rule.signers)} alone")
    return tuple(told)


def rule_sentence(rule: Rule) -> str:
    """A rule as a sentence."""
    if rule.effect == "refuse":
        return f"{subject_text(rule)}: refused."
    return f"{subject_text(rule)}: {'; '.join((people_text(rule), *condition_texts(rule)))}."


def statute_text(statute: Statute) -> str:
    """What a statute does to coins."""
    coins = f"coins for {listing(statute.purposes, 'or')}" if statute.purposes else "all coins"
    if statute.kind == "not-sold":
        return f"{coins}: never spent outside"
    if statute.kind == "hold":
        return f"{coins}: held {statute.years:g} years from each deposit"
    return f"{coins}: at most {share_text(statute.share)} in {statute.window_days} days after the hold"
