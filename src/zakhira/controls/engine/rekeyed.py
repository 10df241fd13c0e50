"""The second person at execution: another person, in the right role, who reads the same amount from the source."""

from __future__ import annotations

from decimal import Decimal

from zakhira.controls.approval import Execution
from zakhira.controls.engine.decision import Need, NeedKind, Why
from zakhira.controls.engine.evidence import Findings, Setting
from zakhira.controls.engine.turnout import Turnout
from zakhira.kernel.money import Amount, BadAmount, parse_amount
from zakhira.programme.policy import Rule


def check_execution(
    setting: Setting, rule: Rule, turnout: Turnout, given: Execution | None, findings: Findings
) -> tuple[Need, ...]:
    """Hold the second person's word against the matter; what is still needed, if nobody has spoken.

    The executing officer is neither the proposer nor one of those who said yes, and acts through no office of theirs.
    An amount that was entered is compared even where the rule asks for no second person.
    """
    if given is None:
        if not rule.execute_roles:
            return ()
        words = f"execution by {' or '.join(rule.execute_roles)}"
        return (Need(NeedKind.EXECUTION, words, rule.execute_roles),)
    text = amount_difference(given.amount, setting.question.amount)
    if text:
        findings.against(Why.REKEYED_OTHERWISE, f"{given.officer} entered {given.amount!r} at execution: {text}")
    if rule.execute_roles:
        _check_executor(setting, rule, turnout, given, findings)
    return ()


def _check_executor(setting: Setting, rule: Rule, turnout: Turnout, given: Execution, findings: Findings) -> None:
    persons = setting.people.persons
    acted = turnout.approvers | {setting.proposer}
    if persons[given.officer] in acted:
        what = "proposed" if persons[given.officer] == setting.proposer else "approved"
        text = f"{given.officer} {what}, and cannot be the second person at execution."
        findings.against(Why.EXECUTOR, text)
        return
    through = setting.people.offices_with(given.officer, rule.execute_roles, given.at)
    if not any(office == given.officer or persons[office] not in acted for office in through):
        roles = " or ".join(rule.execute_roles)
        findings.against(Why.EXECUTOR, f"{given.officer} does not hold the role {roles} for executing this.")


def amount_difference(entered: str, amount: Amount | None) -> str:
    """What is wrong with the amount that was entered, in words; empty if it is exactly the matter's.

    A matter without an amount wants nothing entered.
    """
    if amount is None:
        return "" if entered.strip() == "" else "the matter has no amount."
    try:
        read = parse_amount(entered)
    except BadAmount as error:
        return f"{error.message} The matter says {amount}."
    if read == amount:
        return ""
    if read.commodity is not amount.commodity:
        return f"that is {read.commodity.value}, and the matter says {amount}: another unit."
    return f"the matter says {amount}{_ratio(read.units, amount.units)}."


def _ratio(read: int, said: int) -> str:
    """`` (1,000 times as much)`` where one is a whole multiple of the other."""
    if read <= 0 or said <= 0:
        return ""
    if read % said == 0:
        return f", and that is {read // said:,} times as much"
    if said % read == 0:
        return f", and that is one part in {said // read:,} of it"
    if read > said:
        return f", and that is {Decimal(read) / Decimal(said):.3g} times as much"
    return ""
