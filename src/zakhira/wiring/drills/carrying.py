"""A spend carried through by the people whom the programme's own policy asks for, step by step."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from zakhira.adapters.software_signer import OfficerKeyFile
from zakhira.controls.engine.decision import NeedKind
from zakhira.controls.engine.people import people_of
from zakhira.controls.engine.rule_fit import rules_of
from zakhira.custody.coin import MAIN
from zakhira.flows.signing_rules import SigningRules
from zakhira.flows.spending.building import build, hand_out
from zakhira.flows.spending.deciding import approve, decide
from zakhira.flows.spending.executing import execute
from zakhira.flows.spending.fees import FeeWish
from zakhira.flows.spending.order import FeeCeilings, PaymentOrder, SpendOrder
from zakhira.flows.spending.proposing import propose
from zakhira.flows.spending.returning import take_signatures
from zakhira.flows.spending.sending import broadcast
from zakhira.flows.spending.spend import TreasurySpend
from zakhira.flows.treasury import policy_in_force
from zakhira.kernel.errors import Refused
from zakhira.kernel.money import sats
from zakhira.wiring.drills.passing import NobodyMay
from zakhira.wiring.drills.stage import Stage

Value = TypeVar("Value")

RATE = FeeWish(rate_sat_per_kvb=3_000)
RATE_LIMIT_SAT_PER_VB = 100
SOURCE = "drill order"
MOST_ROUNDS = 40
"""More needs than any policy of a drill asks for."""


@dataclass(frozen=True)
class Signers:
    """Who signs, and what the drill derives their keys for."""

    owner: str
    names: tuple[str, ...]


def order_of(
    stage: Stage,
    name: str,
    vault: str,
    payments: Sequence[tuple[str, int]] = (),
    *,
    to_vault: str = "",
    inputs: Sequence[str] = (),
    path: str = MAIN,
    purpose: str = "drill",
) -> SpendOrder:
    """An order as an officer would write it: payments as (address, sat), with no address to a vault of ours."""
    policy = policy_in_force(stage.treasury)
    return SpendOrder(
        id=name,
        from_vault=vault,
        payments=tuple(PaymentOrder(sats(amount_sats), address) for address, amount_sats in payments),
        purpose=purpose,
        clause=f"Drill under the policy of {stage.programme.name}",
        ceilings=FeeCeilings(sats(policy.fee_limit_sats), RATE_LIMIT_SAT_PER_VB),
        to_vault=to_vault,
        inputs=tuple(inputs),
        path=path,
    )


def proposers(stage: Stage) -> tuple[str, ...]:
    """Officers who could propose something by some rule, in the policy's order."""
    policy = policy_in_force(stage.treasury)
    roles = {role for rule in rules_of(policy) for role in rule.propose_roles}
    people = people_of(policy)
    at = stage.clock()
    return tuple(officer.id for officer in policy.officers if roles & set(people.roles_at(officer.id, at)))


def by_somebody(stage: Stage, what: str, act: Callable[[OfficerKeyFile], Value]) -> Value:
    """The act by the first officer whom the policy lets do it.

    Raises:
        NobodyMay: the policy lets none; the last refusal stands in the message.
    """
    last = "no officer proposes anything."
    for name in proposers(stage):
        try:
            return act(stage.officer(name))
        except Refused as error:
            last = f"{error.code} {error.message}"
    raise NobodyMay(f"No officer may propose {what}: {last}", "Look at the rules with: zakhira policy show")


def propose_by_somebody(stage: Stage, order: SpendOrder) -> TreasurySpend:
    """The proposal by the first officer whom the policy lets propose it; raises NobodyMay."""
    return by_somebody(stage, order.id, lambda officer: propose(stage.treasury, order, officer))


def allow(stage: Stage, spend_id: str) -> TreasurySpend:
    """Give a proposal what the policy says is missing, and wait as long as it asks for, until it is allowed.

    Raises:
        NobodyMay: nobody is left who could give it.
        SpendNotAllowed and others: it is refused.
    """
    for _ in range(MOST_ROUNDS):
        spend = decide(stage.treasury, spend_id)
        decision = spend.decision
        assert decision is not None, "a decision was just taken"
        if decision.allowed:
            return spend
        need = decision.needs[0]
        if need.kind is NeedKind.TIME and need.until is not None:
            stage.clock.move_to(need.until)
        elif need.kind is NeedKind.EXECUTION:
            _execute(stage, spend, need.roles)
        else:
            _approve(stage, spend, need.roles)
    raise NobodyMay(f"Spend {spend_id} is still not allowed after {MOST_ROUNDS} steps.", "Look at its decision.")


def free_officer(stage: Stage, spend: TreasurySpend, roles: Iterable[str]) -> str:
    """An officer with one of the roles who has said nothing to the spend yet; raises NobodyMay."""
    policy = policy_in_force(stage.treasury)
    people = people_of(policy)
    spent = {
        people.persons.get(name) for name in (spend.instruction.proposed_by, *(a.officer for a in spend.approvals))
    }
    wanted = set(roles)
    for officer in policy.officers:
        if people.persons[officer.id] not in spent and wanted & set(people.roles_at(officer.id, stage.clock())):
            return officer.id
    raise NobodyMay(
        f"Nobody with the role {' or '.join(sorted(wanted))} is left for {spend.id}.", "Name more officers."
    )


def _approve(stage: Stage, spend: TreasurySpend, roles: Iterable[str]) -> None:
    approve(stage.treasury, spend.id, stage.officer(free_officer(stage, spend, roles)))


def _execute(stage: Stage, spend: TreasurySpend, roles: Iterable[str]) -> None:
    officer = stage.officer(free_officer(stage, spend, roles))
    execute(stage.treasury, spend.id, officer, str(sats(spend.paid_sats)), SOURCE)


def sign_with(stage: Stage, spend_id: str, signers: Signers) -> TreasurySpend:
    """Hand the newest version out, and take back what these signers' devices sign."""
    spend, bytes_ = hand_out(stage.treasury, spend_id)
    for name in signers.names:
        spend = take_signatures(stage.treasury, spend_id, signed_by(stage, spend, bytes_.psbt, signers.owner, name))
    return spend


def signed_by(stage: Stage, spend: TreasurySpend, psbt: str, owner: str, name: str) -> bytes:
    """What a signer's device returns, after it has decoded and checked for itself."""
    policy = policy_in_force(stage.treasury)
    rules = SigningRules(name, stage.seed(owner, name), stage.treasury.chain, policy.vaults, stage.clock, policy)
    return base64.b64decode(rules.sign_spend(psbt, spend.instruction, spend.approvals, policy))


def carry(stage: Stage, order: SpendOrder, signers: Signers) -> TreasurySpend:
    """An order from proposal to a sent transaction."""
    propose_by_somebody(stage, order)
    return carry_proposed(stage, order.id, signers)


def carry_proposed(stage: Stage, spend_id: str, signers: Signers) -> TreasurySpend:
    """A proposal that is there already, allowed, built, signed and sent."""
    allow(stage, spend_id)
    build(stage.treasury, spend_id, RATE)
    sign_with(stage, spend_id, signers)
    return broadcast(stage.treasury, spend_id)


def quorum_of(stage: Stage, vault: str, without: Iterable[str] = ()) -> Signers:
    """As many signers of a vault's main path as its quorum needs, none of them among ``without``."""
    found = stage.vault(vault)
    gone = set(without)
    names = tuple(key.signer for key in found.keys if key.signer not in gone)[: found.threshold]
    return Signers(stage.owners[vault], names)
