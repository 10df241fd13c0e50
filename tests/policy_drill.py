"""The treasury's drill under rules: bands, a second person at execution, a delay with a veto, windows and statutes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from treasury_drill import PAYEE, TreasuryDrill, officer, order
from zakhira.flows.spending.deciding import approve, decide
from zakhira.flows.spending.executing import execute
from zakhira.flows.spending.order import SpendOrder
from zakhira.flows.spending.proposing import propose
from zakhira.flows.spending.spend import TreasurySpend
from zakhira.kernel.money import sats
from zakhira.programme.policy import Payee, Quorum, Rule, Statute, Window

LARGE_SATS = 2_000_000
"""From here on the second person and the delay are asked for."""
BOTH = (Quorum(1, ("treasury",)), Quorum(1, ("audit",)))
HOME = Rule(
    "home",
    "Rule 1: coins may always come home",
    ("home",),
    paths=("main", "recovery"),
    propose_roles=("operations",),
    quorums=(Quorum(1, ("treasury", "audit")),),
)
SWEEP = Rule(
    "sweep",
    "Rule 2: between vaults of ours",
    ("move",),
    destinations="own",
    propose_roles=("operations",),
    quorums=(Quorum(1, ("treasury",)),),
)
SMALL = Rule(
    "small",
    "Rule 3: small payments",
    ("spend",),
    below_amount=sats(LARGE_SATS),
    propose_roles=("operations",),
    quorums=BOTH,
)
LARGE = Rule(
    "large",
    "Rule 4: large payments",
    ("spend",),
    from_amount=sats(LARGE_SATS),
    propose_roles=("operations",),
    quorums=BOTH,
    execute_roles=("treasury",),
    delay_hours=2,
    veto_roles=("audit",),
)
RULES = (HOME, SWEEP, SMALL, LARGE)
NOT_SOLD = Statute("eo", "EO 14233, s. 3", "order", "no", date(2026, 1, 1), "not-sold", ("royalty",))
HOLD = Statute("hold", "H.R. 8957, s. 4", "bill", "no", date(2026, 1, 1), "hold", ("royalty",), years=20)


def ruled(drill: TreasuryDrill, *rules: Rule, **told: object) -> TreasuryDrill:
    """The drill under these rules (all four, unless told), and whatever else of the policy is told."""
    policy = replace(drill.parts.policy, rules=rules or RULES, **told)  # type: ignore[arg-type]  # fields of it
    drill.parts = replace(drill.parts, policy=policy)
    return drill


def windowed(*windows: Window, rule: Rule = SMALL) -> Rule:
    """A rule with windows."""
    return replace(rule, windows=windows)


def payee(listed_at: datetime, address: str = PAYEE) -> Payee:
    """An entry of the list."""
    return Payee("contractor", "The contractor", address, listed_at)


def approved(drill: TreasuryDrill, told: SpendOrder) -> TreasurySpend:
    """Proposed by dara, approved by amina and chand, and decided."""
    propose(drill.treasury, told, officer("dara"))
    approve(drill.treasury, told.id, officer("amina"))
    approve(drill.treasury, told.id, officer("chand"))
    return decide(drill.treasury, told.id)


def executed(drill: TreasuryDrill, name: str, amount: str) -> TreasurySpend:
    """Bilal reads the amount in the minute."""
    return execute(drill.treasury, name, officer("bilal"), amount, "minute 14/2026")


def large(name: str = "pay-1", amount_sats: int = 2_500_000) -> SpendOrder:
    """A payment for which everything is asked."""
    return order(name, amount_sats)
