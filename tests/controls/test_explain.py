"""A decision in sentences that a person can act upon."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from officer_drill import PAYEE, PROPOSED, SAID, Keys, answer, approve, question, veto
from zakhira.controls.engine.explain import explain
from zakhira.controls.engine.question import BoundLot, Destination
from zakhira.controls.engine.standing import Freeze, Standing
from zakhira.kernel.money import sats
from zakhira.programme.model import Policy
from zakhira.programme.policy import Quorum, Rule, Statute

RULE = Rule(
    "small",
    "Rule 4",
    ("spend", "policy-change"),
    propose_roles=("treasury",),
    quorums=(Quorum(1, ("comptroller",)), Quorum(1, ("governor", "auditor"))),
    delay_hours=12,
)


def test_what_is_missing_until_when(policy: Policy, keys: Keys) -> None:
    """Roles first, then time."""
    ruled = replace(policy, rules=(RULE,))
    asked = question(purpose="payroll")
    decision = answer(ruled, purpose="payroll")
    assert explain(decision, asked, ruled) == (
        f"The spend s1 of 0.00900000 BTC from vault cold to {PAYEE} for payroll is not allowed yet by rule small "
        "(Rule 4): approval by comptroller, governor or auditor is missing; it waits for 12 hours after the last "
        "approval."
    )
    both = (approve(keys, "sana"), approve(keys, "noor"))
    waiting = answer(ruled, *both)
    assert explain(waiting, question(), ruled).endswith("it waits for the delay until 2026-01-05T21:00:00Z.")
    over = answer(ruled, *both, at=SAID + timedelta(hours=12))
    assert explain(over, question(), ruled).endswith(f"to {PAYEE} is allowed by rule small (Rule 4).")


def test_why_it_is_refused(policy: Policy, keys: Keys) -> None:
    """By nobody's rule, by a rule with an officer's no, by a statute, by a freeze."""
    ruled = replace(policy, rules=(RULE,))
    asked = question(path="recovery")
    assert explain(answer(ruled, path="recovery"), asked, ruled) == (
        f"The spend s1 of 0.00900000 BTC from vault cold by the recovery path to {PAYEE} is refused by the policy, "
        "which refuses what no rule allows. No rule of the policy fits: spend 0.00900000 BTC from vault cold on the "
        "recovery path."
    )
    vetoed = answer(ruled, vetoes=(veto(keys, "omar"),))
    assert "is refused by rule small (Rule 4). omar said no" in explain(vetoed, question(), ruled)
    statute = Statute("eo", "EO 14233", "order", "yes", date(2026, 11, 1), "not-sold")
    held = replace(ruled, statutes=(statute,))
    lots = (BoundLot("lot-1", "forfeited", PROPOSED, 1),)
    assert "is refused by statute eo (EO 14233). EO 14233 (order): lot lot-1 is not sold." in explain(
        answer(held, lots=lots), question(), held
    )
    frozen = answer(ruled, standing=Standing(freeze=Freeze("omar", "a drill", SAID)))
    assert "is refused because the reserve is frozen by omar at 2026-01-05T09:00:00Z: a drill." in explain(
        frozen, question(), ruled
    )


def test_remarks_and_many_destinations(policy: Policy, keys: Keys) -> None:
    """What does not count is said; more than two destinations are counted; what moves nothing has no amount."""
    ruled = replace(policy, rules=(replace(RULE, delay_hours=0),))
    told = explain(answer(ruled, approve(keys, "bilal")), question(), ruled)
    assert told.endswith("is missing. bilal may not approve this: no policy permits it.")
    three = tuple(Destination(f"bcrt1q{n}", sats(1)) for n in range(3))
    assert "to 3 destinations is" in explain(answer(ruled), question(destinations=three), ruled)
    vault = (Destination("bcrt1qhot", sats(900_000), vault="hot"),)
    assert "to vault hot is" in explain(answer(ruled), question(destinations=vault), ruled)
    change = question(action="policy-change", amount=None, vault="")
    decision = answer(ruled, action="policy-change", amount=None, vault="")
    assert explain(decision, change, ruled).startswith(
        "The policy change s1 is not allowed yet by rule small (Rule 4):"
    )
    assert decision.policy_hash == ""
