"""Names, days and citations of a policy that lead nowhere or say too much."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from zakhira.controls.analysis.faults_terms import quorums_of
from zakhira.controls.analysis.finding import Finding, PolicyCause, Severity
from zakhira.controls.analysis.words import listing
from zakhira.controls.engine.rule_fit import rules_of
from zakhira.programme.model import Policy
from zakhira.programme.policy import LISTED, Rule, Statute

LEAST_LOCK_HOURS = 48
"""Between the quorum for a change of the policy and its force: two days, as custodians do it [E] (facts/custody.md)."""
FIRST_YEAR, LAST_YEAR = 2009, 2200
"""Holidays before Bitcoin's first block, or after two centuries, are slips of the pen."""
_BILL = re.compile(r"\b(?:bill|H\.?\s?R\.?\s?\d+|S\.?\s?\d{2,})\b", re.IGNORECASE)
"""How bills of the United States Congress and of others are cited; laws are cited as acts, codes or public laws."""
_ENACTED = re.compile(r"\b(?:Public Law|Pub\.\s?L)", re.IGNORECASE)
_IN_FORCE = ("law", "order", "regulation")
_PREFIXES = {
    "main": ("bc1", "1", "3"),
    "test": ("tb1", "m", "n", "2"),
    "signet": ("tb1", "m", "n", "2"),
    "regtest": ("bcrt1", "m", "n", "2"),
}
"""First characters of addresses (BIP-173, BIP-350, base58 versions of Bitcoin Core's chainparams)."""


def name_findings(policy: Policy, chain: str) -> Iterator[Finding]:
    """Names that lead nowhere, days and citations. ``chain`` is that of the programme; empty: not known."""
    for rule in rules_of(policy):
        yield from _rule_names(policy, rule)
    yield from _payees(policy, chain)
    yield from _deputies(policy)
    yield from _calendar(policy)
    for statute in policy.statutes:
        yield from _statute(statute)
    if policy.change_lock_hours < LEAST_LOCK_HOURS:
        message = f"A change of the policy is in force {policy.change_lock_hours} h after its quorum."
        yield Finding(PolicyCause.SHORT_LOCK, Severity.WARNING, "policy", "", "change_lock_hours", message)


def zone_findings(policy: Policy) -> Iterator[Finding]:
    """The time zone: nothing else can be looked at without one."""
    try:
        ZoneInfo(policy.time_zone)
    except (KeyError, ValueError, OSError):
        message = f"There is no time zone {policy.time_zone[:40]!r}: days and hours mean nothing."
        yield Finding(PolicyCause.CALENDAR, Severity.FAULT, "policy", "", "time_zone", message)


def _not_there(severity: Severity, table: str, name: str, key: str, message: str) -> Finding:
    return Finding(PolicyCause.NOT_THERE, severity, table, name, key, message)


def _rule_names(policy: Policy, rule: Rule) -> Iterator[Finding]:
    vaults = {vault.id: vault for vault in policy.vaults}
    for key, names in (("vaults", rule.vaults), ("to_vaults", rule.to_vaults)):
        missing = [name for name in names if name not in vaults]
        if missing and vaults:
            message = f"Rule {rule.id} names the vault {listing(missing)}; there are {listing(vaults)}."
            yield _not_there(Severity.WARNING, "rule", rule.id, key, message)
    named = [vaults[name] for name in rule.vaults if name in vaults]
    if rule.paths == ("recovery",) and named and not any(vault.recovery for vault in named):
        message = f"Rule {rule.id} is about recovery paths, and {listing(v.id for v in named)} has none."
        yield _not_there(Severity.FAULT, "rule", rule.id, "paths", message)
    covered = named or list(policy.vaults)
    signers = {name for vault in covered for _, names in quorums_of(vault, rule) for name in names}
    strangers = [name for name in rule.signers if name not in signers]
    if strangers and covered:
        message = f"Rule {rule.id} names {listing(strangers)}, and no vault of the rule has such a signer."
        yield _not_there(Severity.FAULT, "rule", rule.id, "signers", message)
    if rule.destinations == LISTED and not policy.payees:
        message = f"Rule {rule.id} pays payees of the list, and the list is empty."
        yield _not_there(Severity.WARNING, "rule", rule.id, "destinations", message)
    yield from _rule_roles(policy, rule)


def _rule_roles(policy: Policy, rule: Rule) -> Iterator[Finding]:
    held = {role for officer in policy.officers for role in (officer.role, *officer.more_roles)}
    quorum = tuple(role for each in rule.quorums for role in each.roles)
    asked = (
        *(("propose_roles", rule.propose_roles), ("quorum", quorum)),
        *(("execute_roles", rule.execute_roles), ("veto_roles", rule.veto_roles)),
    )
    for key, roles in asked:
        empty = sorted({role for role in roles if role not in held})
        if empty:
            message = f"Rule {rule.id} names the role {listing(empty)}, which nobody holds."
            yield _not_there(Severity.WARNING, "rule", rule.id, key, message)


def _payees(policy: Policy, chain: str) -> Iterator[Finding]:
    prefixes = _PREFIXES.get(chain)
    for payee in policy.payees:
        if prefixes is not None and not payee.address.lower().startswith(prefixes):
            message = f"The address of {payee.id}, {payee.address}, is of another chain than {chain}."
            yield _not_there(Severity.FAULT, "payee", payee.id, "address", message)


def _deputies(policy: Policy) -> Iterator[Finding]:
    known = {officer.id for officer in policy.officers}
    for deputy in policy.deputies:
        for key, name in (("officer", deputy.officer), ("stands_for", deputy.stands_for)):
            if name not in known:
                message = f"There is no officer {name!r}."
                yield _not_there(Severity.FAULT, "deputy", deputy.officer, key, message)


def _calendar(policy: Policy) -> Iterator[Finding]:
    def odd(name: str, key: str, message: str, table: str = "holiday") -> Finding:
        return Finding(PolicyCause.CALENDAR, Severity.WARNING, table, name, key, message)

    days = Counter(holiday.day for holiday in policy.holidays)
    for day, count in days.items():
        if count > 1:
            yield odd(day.isoformat(), "day", f"{day.isoformat()} is a holiday {count} times.")
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            yield odd(day.isoformat(), "day", f"{day.isoformat()} is no day on which anybody will spend.")
    closing = [rule for rule in rules_of(policy) if rule.effect == "allow" and rule.holidays == "closed"]
    if days and not closing:
        yield odd(min(days).isoformat(), "", f"{len(days)} holidays are listed, and no rule is closed on them.")
    if closing and not days:
        rule = closing[0]
        message = f"Rule {rule.id} is closed on holidays, and none is listed."
        yield odd(rule.id, "holidays", message, "rule")


def _statute(statute: Statute) -> Iterator[Finding]:
    cited = _BILL.search(statute.citation)
    if statute.status in _IN_FORCE and cited is not None and not _ENACTED.search(statute.citation):
        message = f"{statute.citation!r} is cited as a bill ({cited[0]}) and applied as {statute.status}."
        yield Finding(PolicyCause.BILL_AS_LAW, Severity.FAULT, "statute", statute.id, "status", message)
    elif statute.status == "bill" and statute.verified == "yes":
        message = f"{statute.citation!r} is a bill: its text can still change, and nothing of it is verified law."
        yield Finding(PolicyCause.BILL_AS_LAW, Severity.WARNING, "statute", statute.id, "verified", message)
    elif statute.status in _IN_FORCE and statute.verified != "yes":
        message = f"{statute.citation!r} is applied as {statute.status}, and nobody has read the text."
        yield Finding(PolicyCause.NOT_READ, Severity.WARNING, "statute", statute.id, "verified", message)
