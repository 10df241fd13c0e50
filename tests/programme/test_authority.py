"""Authority in the programme file: rules, quorums, windows, statutes, deputies, payees, holidays; and their faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from zakhira.kernel.errors import Fault
from zakhira.kernel.money import parse_amount
from zakhira.programme.faults import Cause
from zakhira.programme.model import Programme
from zakhira.programme.policy import Deputy, Holiday, Payee, Quorum, Rule, Statute, Window
from zakhira.programme.policy_text import BadPolicyText, policy_hash, policy_json, policy_of

Parse = Callable[[str], tuple[Programme | None, list[Fault]]]

AUTHORITY = """
[[deputy]]
officer = "auditor-1"
stands_for = "director-1"
from_day = 2026-02-01
to_day = 2026-02-14

[[payee]]
id = "payroll-bank"
name = "The bank that pays salaries"
address = "bcrt1qpayroll"
listed_at = "2026-01-01T00:00:00Z"

[[holiday]]
day = 2026-03-23
name = "Pakistan Day"

[[rule]]
id = "small-payments"
clause = "Rule 7: up to 1 BTC"
actions = ["spend"]
vaults = ["cold"]
destinations = "listed"
purposes = ["payroll"]
below_amount = "1 BTC"
propose_roles = ["treasury-officer"]
execute_roles = ["auditor"]
delay_hours = 12
from_hour = 9
to_hour = 17
weekdays = ["mon", "tue"]
holidays = "closed"
balance_share = 0.1

[[rule.quorum]]
count = 2
roles = ["comptroller", "director"]

[[rule.window]]
hours = 24
per = "destination"
limit = "2 BTC"
most = 5

[[rule]]
id = "no-recovery"
clause = "Rule 8"
actions = ["spend", "move"]
effect = "refuse"
paths = ["recovery"]

[[statute]]
id = "hr-8957"
citation = "H.R. 8957, introduced 2026-05-21"
status = "bill"
read_on = 2026-11-01
kind = "hold"
years = 20
purposes = ["royalty"]
"""


def test_everything_is_read_as_written(small_text: str, parse: Parse) -> None:
    programme, faults = parse(small_text + AUTHORITY)
    assert faults == []
    assert programme is not None
    policy = programme.policy
    assert policy.rules[-2:] == (
        Rule(
            id="small-payments",
            clause="Rule 7: up to 1 BTC",
            actions=("spend",),
            vaults=("cold",),
            destinations="listed",
            purposes=("payroll",),
            below_amount=parse_amount("1 BTC"),
            propose_roles=("treasury-officer",),
            quorums=(Quorum(2, ("comptroller", "director")),),
            execute_roles=("auditor",),
            delay_hours=12,
            from_hour=9,
            to_hour=17,
            weekdays=("mon", "tue"),
            holidays="closed",
            balance_share=0.1,
            windows=(Window(24, "destination", parse_amount("2 BTC"), most=5),),
        ),
        Rule(id="no-recovery", clause="Rule 8", actions=("spend", "move"), effect="refuse", paths=("recovery",)),
    )
    assert policy.statutes == (
        Statute(
            *("hr-8957", "H.R. 8957, introduced 2026-05-21", "bill", "no", date(2026, 11, 1), "hold"),
            purposes=("royalty",),
            years=20,
        ),
    )
    assert policy.deputies == (Deputy("auditor-1", "director-1", date(2026, 2, 1), date(2026, 2, 14)),)
    listed = datetime(2026, 1, 1, tzinfo=UTC)
    assert policy.payees == (Payee("payroll-bank", "The bank that pays salaries", "bcrt1qpayroll", listed),)
    assert policy.holidays == (Holiday(date(2026, 3, 23), "Pakistan Day"),)
    assert (policy.time_zone, policy.change_lock_hours, policy.listing_hours) == ("Asia/Karachi", 48, 48)


def test_policies_of_its_own_have_several_lines(small_text: str, parse: Parse) -> None:
    """Cedar text of the programme's own is kept as it is written; without any there is none."""
    own = 'forbid(principal, action, resource)\n  when { principal.person == \\"eve\\" };'
    programme, faults = parse(small_text.replace("[policy]", f'[policy]\nauthorization = """\n{own}"""'))
    assert faults == []
    assert programme is not None
    assert programme.policy.authorization == own.replace("\\", "")
    plain, _ = parse(small_text)
    assert plain is not None
    assert plain.policy.authorization == ""
    _, found = parse(small_text.replace("[policy]", '[policy]\nauthorization = "bell \\u0007"'))
    assert [(fault.code, fault.key) for fault in found] == [(Cause.BAD_TEXT.code, "policy.authorization")]


def test_rules_are_no_estimates(small_text: str, parse: Parse, small: Programme) -> None:
    """A limit is decided, not measured: it does not stand among the figures with a tag."""
    programme, _ = parse(small_text + AUTHORITY)
    assert programme is not None
    assert len(programme.assumptions) == len(small.assumptions)


CASES = {
    "band of nothing": (Cause.RULE_BAND, 'below_amount = "1 BTC"', 'below_amount = "0 BTC"', "below_amount"),
    "band upside down": (
        *(Cause.RULE_BAND, 'below_amount = "1 BTC"', 'below_amount = "1 BTC"\nfrom_amount = "2 BTC"'),
        "below_amount",
    ),
    "band of two units": (
        *(Cause.RULE_BAND, 'below_amount = "1 BTC"', 'below_amount = "1 BTC"\nfrom_amount = "2 PKR"'),
        "below_amount",
    ),
    "amount without unit": (Cause.BAD_AMOUNT, '"1 BTC"', '"1"', "below_amount"),
    "amount below nothing": (Cause.BAD_AMOUNT, '"1 BTC"', '"-1 BTC"', "below_amount"),
    "amount as a number": (Cause.WRONG_TYPE, '"1 BTC"', "1", "below_amount"),
    "nobody proposes": (Cause.RULE_WITHOUT_QUORUM, 'propose_roles = ["treasury-officer"]', "", ""),
    "refusing with conditions": (
        *(Cause.CANNOT_APPLY, 'effect = "refuse"', 'effect = "refuse"\nsigners = ["cold-1"]'),
        "signers",
    ),
    "no hour": (Cause.NEVER_OPEN, "to_hour = 17", "to_hour = 9", "to_hour"),
    "window of nothing": (Cause.WINDOW_WITHOUT_LIMIT, 'limit = "2 BTC"\nmost = 5', "", ""),
    "unknown action": (Cause.UNKNOWN_CHOICE, '["spend"]', '["sell"]', "actions"),
    "no action": (Cause.WRONG_TYPE, '["spend"]', "[]", "actions"),
    "unknown day": (Cause.UNKNOWN_CHOICE, '"mon"', '"monday"', "weekdays"),
    "unknown role in a quorum": (Cause.UNKNOWN_REFERENCE, '"comptroller", "director"]\n\n', '"king"]\n\n', "roles"),
    "nobody of a quorum": (Cause.OUT_OF_RANGE, "count = 2", "count = 0", "count"),
    "deputy of oneself": (Cause.DEPUTY_DATES, '= "director-1"', '= "auditor-1"', "stands_for"),
    "deputy for no day": (Cause.DEPUTY_DATES, "to_day = 2026-02-14", "to_day = 2026-01-14", "to_day"),
    "unknown deputy": (Cause.UNKNOWN_REFERENCE, 'officer = "auditor-1"', 'officer = "auditor-9"', "officer"),
    "hold of no years": (Cause.STATUTE_TERMS, "years = 20", "years = 0", "years"),
    "share of nothing": (Cause.STATUTE_TERMS, 'kind = "hold"', 'kind = "share-after-hold"\nshare = 0.1', ""),
    "unknown status": (Cause.UNKNOWN_CHOICE, '"bill"', '"rumour"', "status"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_each_fault_is_found_at_its_place(case: tuple[Cause, str, str, str], small_text: str, parse: Parse) -> None:
    cause, before, after, name = case
    assert AUTHORITY.count(before) >= 1, before
    programme, faults = parse(small_text + AUTHORITY.replace(before, after, 1))
    assert programme is None
    assert [(fault.code, fault.key.rpartition(".")[2] if name else "") for fault in faults] == [(cause.code, name)]
    assert faults[0].line > small_text.count("\n")


def test_one_address_is_listed_once(small_text: str, parse: Parse) -> None:
    payee = AUTHORITY[AUTHORITY.index("[[payee]]") : AUTHORITY.index("[[holiday]]")]
    _, faults = parse(small_text + AUTHORITY + payee.replace("payroll-bank", "other"))
    assert [fault.code for fault in faults] == [Cause.REPEATED_PAYEE.code]


def test_a_policy_survives_being_written_and_read(small_text: str, parse: Parse) -> None:
    programme, _ = parse(small_text + AUTHORITY)
    assert programme is not None
    policy = replace(programme.policy, vaults=())
    assert policy_of(policy_json(policy)) == policy
    assert policy_hash(policy) == policy_hash(programme.policy), "vaults are no part of a version"
    other = replace(policy, listing_hours=0)
    assert policy_hash(other) != policy_hash(policy)


BAD = {
    "text for a number": ("sweep_signers", "3"),
    "text for a list": ("roles", "treasury-officer"),
    "number among texts": ("roles", ["treasury-officer", 1]),
    "vaults": ("vaults", []),
    "unknown field": ("limit", 1),
    "no date": ("holidays", [{"day": "23 March", "name": "Pakistan Day"}]),
    "truth for a number": ("change_lock_hours", True),
    "nothing": ("clause", None),
}


@pytest.mark.parametrize("case", BAD.values(), ids=list(BAD))
def test_what_is_no_policy_is_refused(case: tuple[str, object], small: Programme) -> None:
    told = policy_json(small.policy)
    assert isinstance(told, dict)
    name, value = case
    with pytest.raises(BadPolicyText):
        policy_of({**told, name: value})  # type: ignore[dict-item]  # it shall be wrong
    with pytest.raises(BadPolicyText):
        policy_of({key: value for key, value in told.items() if key != "roles"})
    with pytest.raises(BadPolicyText):
        policy_of([])
