"""What an officer orders: to whom, how much with its unit, what for, by which authority, until when, at what fee."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from zakhira.controls.approval import PROPOSAL_DOMAIN
from zakhira.controls.engine.people import people_of
from zakhira.controls.engine.rule_fit import rules_of
from zakhira.controls.spend_state import SpendState
from zakhira.custody.checks import sequence_and_locktime, vault_named
from zakhira.custody.coin import MAIN, Address, Instruction, Payment
from zakhira.custody.descriptor import output_script
from zakhira.custody.spend import outpoint_order
from zakhira.custody.standardness import require_relayed
from zakhira.flows.accepted_vaults import require_ours
from zakhira.flows.governing.standing import authority_now
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.reservations import RESERVATION, reservation_of
from zakhira.flows.spending.refusals import AnchorMisplaced, BadOrder, NotProposer
from zakhira.flows.spending.spend import PAYMENT, TreasurySpend
from zakhira.flows.treasury import Treasury, policy_in_force
from zakhira.kernel.money import Amount, Commodity
from zakhira.programme.policy import COIN_ACTIONS


@dataclass(frozen=True)
class PaymentOrder:
    """An amount to an address; to our own vault the address is left empty, and one is reserved."""

    amount: Amount
    address: str = ""


@dataclass(frozen=True)
class FeeCeilings:
    """The most that a spend may pay, absolutely and for each virtual byte."""

    fee: Amount
    rate_sat_per_vb: int


@dataclass(frozen=True)
class SpendOrder:
    """An order to pay, before it has become an instruction."""

    id: str
    from_vault: str
    payments: tuple[PaymentOrder, ...]
    purpose: str
    clause: str
    """the authority cited"""
    ceilings: FeeCeilings
    to_vault: str = ""
    """our own vault that is paid; empty for payments outside"""
    expires_at: datetime | None = None
    """None: as long as the policy lets a proposal wait"""
    inputs: tuple[str, ...] = ()
    """the coins to spend; empty leaves the choice to selection"""
    lots: tuple[str, ...] = ()
    coins_for: str = ""
    """the purpose of the coins that pay; empty: whatever single purpose they have"""
    path: str = MAIN
    anchor: str = ""
    """data (hex) of a head of the audit chain that goes along in one output of 0 sat; empty: none"""


def sats_of(amount: Amount, what: str) -> int:
    """Whole satoshi above 0; raises BadOrder for money and for nothing."""
    if amount.commodity is not Commodity.BTC or amount.units <= 0:
        raise BadOrder(
            f"{what} of {amount} is not an amount of bitcoin above 0.", "Write it like '0.5 BTC' or '500 sat'."
        )
    return amount.units


def require_order(treasury: Treasury, order: SpendOrder) -> None:
    """Refuse an order that lacks something or contradicts itself.

    Raises:
        BadOrder, BadAddress, BadPayment, UnknownVault, NoSuchPath: as their names say.
        VaultNotAccepted, VaultLeft: it pays a vault that is not ours, or no longer.
    """
    blank = [name for name in ("id", "purpose", "clause") if not getattr(order, name).strip()]
    if blank or not order.payments:
        raise BadOrder(
            f"The order has no {' and no '.join(blank) or 'payments'}.", "Say what for, and by what authority."
        )
    vault = vault_named(policy_in_force(treasury), order.from_vault)
    sequence_and_locktime(vault, order.path)
    if order.to_vault:
        vault_named(policy_in_force(treasury), order.to_vault)
        require_ours(treasury.books, authority_now(treasury), order.to_vault)
    scripts = []
    for payment in order.payments:
        amount_sats = sats_of(payment.amount, "A payment")
        if bool(payment.address) == bool(order.to_vault):
            raise BadOrder(
                "A payment to our own vault names no address, and one outside names one.",
                "Give either --to-vault or an address.",
            )
        if payment.address:
            script_hex = output_script(payment.address, treasury.chain)
            require_relayed(f"The payment to {payment.address}", amount_sats, script_hex)
            scripts.append(script_hex)
    for script_hex, body in treasury.books.bodies(RESERVATION, sorted(set(scripts))).items():
        require_ours(treasury.books, authority_now(treasury), reservation_of(script_hex, body).address.vault)


def require_no_anchor(order: SpendOrder, what: str) -> None:
    """Refuse an order with an anchor where none goes along; raises AnchorMisplaced."""
    if order.anchor:
        raise AnchorMisplaced(
            f"{what} carries no anchor of the audit chain.",
            "Let it go along in a payment of one transaction, or see: zakhira audit anchor",
        )


def require_proposer(treasury: Treasury, officer: OfficerKey) -> None:
    """Refuse a key that is not of an officer who proposes by any rule; which rule fits is asked later.

    Raises:
        NotProposer: the key is no officer's, or the officer's roles propose no spend.
    """
    policy = policy_in_force(treasury)
    people, rules = people_of(policy), [rule for rule in rules_of(policy) if set(rule.actions) & set(COIN_ACTIONS)]
    known = people.officers.get(officer.officer)
    is_known = known is not None and known.public_key.lower() == officer.public_key.lower()
    if not is_known or not any(
        people.offices_with(officer.officer, rule.propose_roles, treasury.now) for rule in rules
    ):
        roles = " or ".join(dict.fromkeys(role for rule in rules for role in rule.propose_roles)) or "any officer"
        raise NotProposer(
            f"{officer.officer} does not propose spends by the policy; {roles} does.",
            "Use the key of an officer with that role.",
        )


def instruction_for(
    treasury: Treasury,
    order: SpendOrder,
    proposed_by: str,
    payments: Sequence[Payment],
    *,
    replaces: str = "",
) -> Instruction:
    """The instruction of an order, dated now; the payments carry their addresses."""
    at = treasury.now.replace(microsecond=0)
    expires_at = order.expires_at or at + timedelta(hours=policy_in_force(treasury).approval_hours)
    return Instruction(
        id=order.id,
        chain=treasury.chain,
        from_vault=order.from_vault,
        to_vault=order.to_vault,
        payments=tuple(payments),
        inputs=tuple(sorted(order.inputs, key=outpoint_order)),
        fee_limit_sats=sats_of(order.ceilings.fee, "A fee ceiling"),
        fee_rate_limit_sat_per_vb=order.ceilings.rate_sat_per_vb,
        purpose=order.purpose,
        clause=order.clause,
        proposed_by=proposed_by,
        proposed_at=at,
        expires_at=expires_at.replace(microsecond=0),
        replaces=replaces,
        path=order.path,
        anchor=order.anchor,
    )


def proposed_spend(
    treasury: Treasury,
    order: SpendOrder,
    officer: OfficerKey,
    payments: Sequence[Payment],
    *,
    kind: str = PAYMENT,
    places: tuple[Address, ...] = (),
    replaces: str = "",
) -> TreasurySpend:
    """The proposed spend with its proposer's signature over the hash of the instruction."""
    instruction = instruction_for(treasury, order, officer.officer, payments, replaces=replaces)
    return TreasurySpend(
        instruction=instruction,
        kind=kind,
        proposal_signature=officer.sign(PROPOSAL_DOMAIN, instruction.hash),
        state=SpendState.PROPOSED,
        at=instruction.proposed_at,
        coins_for=order.coins_for,
        lots=order.lots,
        places=places,
    )


def is_same_order(earlier: TreasurySpend, later: TreasurySpend) -> bool:
    """Whether two proposals say the same but for when they were made and until when they last."""

    def essence(spend: TreasurySpend) -> object:
        said = spend.instruction.as_json()
        assert isinstance(said, dict), "an instruction is a mapping"
        rest = {name: value for name, value in said.items() if name not in {"proposed_at", "expires_at"}}
        return rest, spend.kind, spend.coins_for, spend.lots, spend.places

    return essence(earlier) == essence(later)
