"""Rules on authority and keys: who may act, and which keys may hold coins."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from zakhira.kernel.errors import Fault
from zakhira.kernel.money import Amount
from zakhira.programme.faults import Cause
from zakhira.programme.record import Reading, Record
from zakhira.programme.value import xpub_networks

MAX_VAULT_KEYS = 15
"""Keys in a script that nodes relay: sortedmulti in P2WSH (Bitcoin Core limits the script to 3,600 bytes; BIP-67)."""


def officer_faults(reading: Reading) -> list[Fault]:
    """Keys held twice, roles held by nobody, and approvals for which there are too few people."""
    return [*_repeated_officer_keys(reading), *_people_faults(reading)]


def _repeated_officer_keys(reading: Reading) -> Iterator[Fault]:
    first: dict[str, Record] = {}
    for officer in reading.all("officer"):
        key = officer.text("public_key")
        if key is None:
            continue
        if key in first:
            message = f"It is the key of {first[key].label} as well."
            yield officer.fault(Cause.REPEATED_OFFICER_KEY, "public_key", message)
        first.setdefault(key, officer)


def _people_faults(reading: Reading) -> Iterator[Fault]:
    policy = reading.one("policy")
    if policy is None or not reading.all("officer"):
        return
    approve, propose = policy.texts("approve_roles"), policy.text("propose_role")
    defined = policy.texts("roles")
    for role in dict.fromkeys((*approve, *([propose] if propose else []))):
        if role not in defined:
            continue  # a reference that does not exist has its own fault
        holders = {officer.text("public_key") for officer in reading.all("officer") if officer.text("role") == role}
        name = "approve_roles" if role in approve else "propose_role"
        needed = approve.count(role) + (role == propose)
        if not holders:
            yield policy.fault(Cause.ROLE_WITHOUT_OFFICER, name, f"No officer holds the role {role!r}.")
        elif len(holders) < needed:
            share = "proposing and approving" if role == propose else "approving"
            message = f"{share.capitalize()} needs {needed} people with the role {role!r}; there is {len(holders)}."
            yield policy.fault(Cause.PERSON_COUNTS_TWICE, name, message)


def authority_faults(reading: Reading) -> list[Fault]:
    """Rules, statutes, deputies and payees that contradict themselves."""
    faults: list[Fault] = []
    for rule in reading.all("rule"):
        faults += _rule_faults(rule)
    for statute in reading.all("statute"):
        faults += _statute_faults(statute)
    for deputy in reading.all("deputy"):
        faults += _deputy_faults(deputy)
    first: dict[str, Record] = {}
    for payee in reading.all("payee"):
        address = payee.text("address") or ""
        if address in first:
            message = f"It is the address of {first[address].label} as well."
            faults.append(payee.fault(Cause.REPEATED_PAYEE, "address", message))
        first.setdefault(address, payee)
    return faults


_CONDITIONS = ("propose_roles", "execute_roles", "veto_roles", "signers", "weekdays")


def _rule_faults(rule: Record) -> Iterator[Fault]:
    yield from _band_faults(rule)
    if rule.text("effect") == "refuse":
        for name in _CONDITIONS:
            if name in rule.values:
                yield rule.fault(Cause.CANNOT_APPLY, name, f"The rule refuses, and {name} says how it allows.")
    else:
        missing = [] if rule.children["rule.quorum"] else ["[[rule.quorum]]"]
        missing += [] if "propose_roles" in rule.values else ["propose_roles"]
        if missing:
            message = f"The rule allows, and has no {' and no '.join(missing)}."
            yield rule.fault(Cause.RULE_WITHOUT_QUORUM, "", message)
    start, end = rule.number("from_hour"), rule.number("to_hour")
    if start is not None and start == end:
        yield rule.fault(Cause.NEVER_OPEN, "to_hour", f"From {start:g} to {end:g} o'clock there is no hour.")
    for window in rule.children["rule.window"]:
        limits = "limit" in window.values or bool(window.number("balance_share")) or bool(window.number("most"))
        if not limits:
            yield window.fault(Cause.WINDOW_WITHOUT_LIMIT, "", "The window has no limit, balance_share or most.")


def _band_faults(rule: Record) -> Iterator[Fault]:
    start, end = rule.values.get("from_amount"), rule.values.get("below_amount")
    if not isinstance(end, Amount):
        return
    if isinstance(start, Amount) and start.commodity is not end.commodity:
        yield rule.fault(Cause.RULE_BAND, "below_amount", f"{end} and {start} are not of one unit.")
    elif end.units <= (start.units if isinstance(start, Amount) else 0):
        message = f"No amount is below {end} and at least {start or 'nothing'}."
        yield rule.fault(Cause.RULE_BAND, "below_amount", message)


def _statute_faults(statute: Record) -> Iterator[Fault]:
    wanted = {"hold": ("years",), "share-after-hold": ("share", "window_days")}.get(statute.text("kind") or "", ())
    for name in wanted:
        if statute.number(name) == 0:
            message = f"A statute of the kind {statute.text('kind')!r} needs {name} above 0."
            yield statute.fault(Cause.STATUTE_TERMS, name if name in statute.values else "", message)


def _deputy_faults(deputy: Record) -> Iterator[Fault]:
    if deputy.text("officer") is not None and deputy.text("officer") == deputy.text("stands_for"):
        yield deputy.fault(Cause.DEPUTY_DATES, "stands_for", f"{deputy.text('officer')} would stand for themselves.")
    start, end = deputy.values.get("from_day"), deputy.values.get("to_day")
    if isinstance(start, date) and isinstance(end, date) and end < start:
        yield deputy.fault(Cause.DEPUTY_DATES, "to_day", f"{end} lies before {start}.")


def vault_faults(reading: Reading) -> list[Fault]:
    """Quorums, repeated keys, purposes, networks and the signers of a sweep."""
    faults = [*_purpose_faults(reading)]
    programme = reading.one("programme")
    chain = programme.text("chain") if programme else None
    for vault in reading.all("vault"):
        faults += _quorum_faults(vault)
        faults += _key_faults(vault, chain)
    faults += _sweep_faults(reading)
    drill = reading.one("drill")
    if drill is not None and chain is not None and chain != "regtest":
        faults.append(drill.fault(Cause.DRILL_ON_REAL_CHAIN, "", f"A drill's keys are public; the chain is {chain!r}."))
    return faults


def _purpose_faults(reading: Reading) -> Iterator[Fault]:
    vaults = reading.all("vault")
    attribute = reading.dictionary.table("vault").attribute("purpose")
    assert attribute is not None
    if any(vault.text("purpose") is None for vault in vaults) or not vaults:
        return
    for purpose in attribute.choices:
        found = [vault for vault in vaults if vault.text("purpose") == purpose]
        if not found:
            yield vaults[-1].fault(Cause.VAULT_PURPOSE, "purpose", f"No vault has the purpose {purpose!r}.")
        for vault in found[1:]:
            message = f"{found[0].label} already has the purpose {purpose!r}."
            yield vault.fault(Cause.VAULT_PURPOSE, "purpose", message)


def _quorum_faults(vault: Record) -> Iterator[Fault]:
    threshold, keys = vault.number("threshold"), vault.children["vault.key"]
    if len(keys) > MAX_VAULT_KEYS:
        yield vault.fault(Cause.TOO_MANY_KEYS, "key", f"The vault has {len(keys)} keys.")
    if threshold is not None and keys and threshold > len(keys):
        message = f"{threshold:g} signatures are asked for and there are {len(keys)} keys."
        yield vault.fault(Cause.QUORUM_TOO_LARGE, "threshold", message)


def _key_faults(vault: Record, chain: str | None) -> Iterator[Fault]:
    first: dict[str, Record] = {}
    for key in vault.children["vault.key"]:
        xpub = key.text("xpub")
        if xpub is None:
            continue
        bare = xpub.rpartition("]")[2]
        if bare in first:
            yield key.fault(Cause.REPEATED_KEY, "xpub", f"It is the key of {first[bare].label} as well.")
        first.setdefault(bare, key)
        networks = xpub_networks(xpub)
        if chain is not None and chain not in networks:
            of = " and ".join(sorted(networks)) or "no known network"
            yield key.fault(Cause.OTHER_NETWORK_KEY, "xpub", f"The key is of {of}; the chain is {chain!r}.")


def _sweep_faults(reading: Reading) -> Iterator[Fault]:
    policy = reading.one("policy")
    signers = policy.number("sweep_signers") if policy else None
    intake = next((vault for vault in reading.all("vault") if vault.text("purpose") == "intake"), None)
    threshold = intake.number("threshold") if intake else None
    if policy is None or signers is None or intake is None or threshold is None:
        return
    keys = len(intake.children["vault.key"])
    if keys and threshold <= keys and not threshold <= signers <= keys:
        message = f"{signers:g} signers; {intake.label} asks for {threshold:g} of its {keys} keys."
        yield policy.fault(Cause.SWEEP_SIGNERS, "sweep_signers", message)
