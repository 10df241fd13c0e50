"""A sweep from intake to cold, step by step; each step is in the books before the next begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from zakhira.controls.approval import Approval
from zakhira.controls.engine.decide import decide
from zakhira.controls.engine.decision import Decision, NeedKind
from zakhira.controls.engine.standing import Standing
from zakhira.controls.spend_action import MOVE
from zakhira.controls.spend_state import SpendEvent, SpendState, advance
from zakhira.custody.coin import Address
from zakhira.custody.decoders import decode_psbt
from zakhira.custody.signing import combine_signatures, finalise
from zakhira.custody.spend import HeldCoin, Proposal, build_psbt, choose_coins, locate_coins, plan_sweep
from zakhira.flows.addresses import receiving_address
from zakhira.flows.arrivals import expected_arrivals
from zakhira.flows.coin_papers import OwnTransaction
from zakhira.flows.decision_text import why_not
from zakhira.flows.machinery import Machinery
from zakhira.flows.movement_record import DONE, MOVEMENT, WAITING, MovementRecord, joined_parts, movement_of
from zakhira.flows.officer_words import sign_approval
from zakhira.flows.payments import intake_address, recorded_payments
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.spend_question import Held, Said, spend_question
from zakhira.flows.spends import Spend, recorded_spends
from zakhira.kernel.errors import Refused
from zakhira.kernel.money import Commodity, sats
from zakhira.ledger.entry import Entry, Lot
from zakhira.programme.model import Policy, Programme
from zakhira.programme.policy_text import policy_hash
from zakhira.settlement.entries import sweep_entry

INTAKE_ACCOUNT = "assets:vault:intake"


class SweepNotAllowed(Refused):
    """The policy refuses a sweep."""

    code = "ZK-FLOWS-003"


class NotASweep(Refused):
    """A recorded spend pays elsewhere than a sweep does: the record was forged or damaged."""

    code = "ZK-FLOWS-006"


def sweep_intake(machinery: Machinery, programme: Programme, day: int, now: datetime) -> None:
    """Propose a sweep of the credited coins in intake, if there are any, and carry it to broadcast.

    Safe to repeat: a sweep that was proposed for this day is carried on from its last step.
    """
    sweep_id = f"sweep-{day:04d}"
    spends = {spend.instruction.id: spend for spend in recorded_spends(machinery.books)}
    spend = spends.get(sweep_id) or _propose(machinery, programme, sweep_id, day, len(spends), now)
    if spend is not None:
        carry_on(machinery, programme, spend, now)


def carry_on(machinery: Machinery, programme: Programme, spend: Spend, now: datetime) -> Spend:
    """Take a spend from wherever it is to broadcast.

    Raises:
        NotASweep: the record moves coins elsewhere than from intake to cold.
        SweepNotAllowed, SigningRefused: the policy or a signer says no.
    """
    steps: dict[SpendState, Callable[[Machinery, Programme, Spend, datetime], Spend]] = {
        SpendState.PROPOSED: _approve,
        SpendState.DECIDED: _build,
        SpendState.BUILT: _sign,
        SpendState.SIGNED: _broadcast,
    }
    if spend.state in steps:
        _require_sweep(machinery, programme, spend)
    machinery.set_clock(now)
    while spend.state in steps:
        spend = steps[spend.state](machinery, programme, spend, now)
    return spend


def _require_sweep(machinery: Machinery, programme: Programme, spend: Spend) -> None:
    """Hold a record against what a sweep is, anew: who can write to the database must not be able to direct coins."""
    instruction, policy = spend.instruction, programme.policy
    cold = policy.vault("cold")
    place = spend.destination
    right = (
        instruction.from_vault == policy.vault("intake").id
        and instruction.to_vault == place.vault == cold.id
        and place.index >= 0
        and place == receiving_address(machinery, programme, cold, place.index)
        and [payment.address for payment in instruction.payments] == [place.address]
    )
    if not right:
        paid = ", ".join(payment.address for payment in instruction.payments) or "nobody"
        raise NotASweep(
            f"{instruction.id} in the books moves coins from {instruction.from_vault or 'nowhere'} to {paid}, and a "
            f"sweep moves them from {policy.vault('intake').id} to an address of {cold.id}.",
            "Sign nothing. Somebody has written to the database: find out who, and restore a backup.",
        )


def confirm_sweeps(machinery: Machinery, programme: Programme, now: datetime) -> None:
    """Book every sweep that has its confirmations by now."""
    height, _ = machinery.chain.tip()
    cold = {coin.outpoint: coin for coin in machinery.chain.coins(programme.policy.vault("cold").id)}
    for spend in recorded_spends(machinery.books):
        coin = cold.get(f"{spend.txid}:0")
        if spend.state is not SpendState.BROADCAST or coin is None:
            continue
        if height - coin.height + 1 >= programme.policy.confirmations:
            step = replace(spend, state=advance(spend.state, SpendEvent.TRANSACTION_CONFIRMED), height=coin.height)
            entries = (_entry(machinery, spend, now),)
            _commit(machinery, step, "watcher", now, entries, _gone(machinery, spend))


def _commit(
    machinery: Machinery,
    spend: Spend,
    actor: str,
    now: datetime,
    entries: tuple[Entry, ...] = (),
    records: tuple[Record, ...] = (),
) -> Spend:
    key = f"spend/{spend.instruction.id}/{spend.state.value}"
    machinery.books.commit(Write(key, actor, f"spend {spend.state.value}", now, entries, (spend.record, *records)))
    return spend


def _held(machinery: Machinery, programme: Programme) -> tuple[HeldCoin, ...]:
    """The coins in intake that are credited, each with the address that was reserved for it."""
    credited = {balance.lot.outpoint for balance in machinery.books.lots(INTAKE_ACCOUNT)}
    expected = expected_arrivals(recorded_payments(machinery.books))
    coins = [c for c in machinery.chain.coins(programme.policy.vault("intake").id) if c.outpoint in credited]
    places: list[Address] = []
    for coin in coins:
        announced = expected[coin.script_hex]
        places.append(intake_address(machinery, programme, announced.payment.day, announced.output.licensee))
    return locate_coins(coins, places)


def _propose(
    machinery: Machinery, programme: Programme, sweep_id: str, day: int, number: int, now: datetime
) -> Spend | None:
    policy = programme.policy
    chosen = choose_coins(_held(machinery, programme), policy.vault("intake"), policy)
    if not chosen:
        return None
    destination = receiving_address(machinery, programme, policy.vault("cold"), number)
    proposer = next(officer.id for officer in policy.officers if officer.role == policy.propose_role)
    proposal = Proposal(sweep_id, "sweep intake to cold", proposer, now)
    instruction = plan_sweep(chosen, destination, policy, programme.chain, proposal)
    return _commit(machinery, Spend(instruction, destination, day, SpendState.PROPOSED), proposer, now)


def _approve(machinery: Machinery, programme: Programme, spend: Spend, now: datetime) -> Spend:
    """Ask one officer for each seat that the policy's rule leaves empty, and the policy after each."""
    policy, approvals = programme.policy, list[Approval]()
    decision = _ask(machinery, policy, spend, approvals, now)
    while (need := next((item for item in decision.needs if item.kind is NeedKind.APPROVAL), None)) is not None:
        taken = {spend.instruction.proposed_by, *(approval.officer for approval in approvals)}
        free = (item for item in policy.officers if item.id not in taken)
        officer = next((item.id for item in free if {item.role, *item.more_roles} & set(need.roles)), None)
        if officer is None:
            break
        key = machinery.officers[officer]
        approvals.append(sign_approval(key, spend.instruction.hash, now, policy_hash(policy)))
        decision = _ask(machinery, policy, spend, approvals, now)
    if not decision.allowed:
        raise SweepNotAllowed(
            f"{spend.instruction.id}: {why_not(decision)}", "Change the proposal or the policy's rule for sweeps."
        )
    step = replace(spend, state=advance(spend.state, SpendEvent.APPROVAL_COMPLETED), approvals=tuple(approvals))
    return _commit(machinery, step, "policy", now, records=(_movement(step, now, WAITING),))


def _ask(machinery: Machinery, policy: Policy, spend: Spend, approvals: Sequence[Approval], now: datetime) -> Decision:
    """What the policy says; the destination is an address of cold, derived anew by :func:`_require_sweep`."""
    instruction, place = spend.instruction, spend.destination
    held = machinery.books.balances()[INTAKE_ACCOUNT].units
    waiting = machinery.movements.waiting(Commodity.BTC, scope="vault", key=instruction.from_vault, but=instruction.id)
    known = Held(balance=sats(max(0, held - waiting)))
    question = spend_question(instruction, {place.address: place.vault}, Said(tuple(approvals)), known)
    return decide(policy, Standing(policy_hash(policy)), machinery.movements, question, now)


def _movement(spend: Spend, allowed_at: datetime, state: str) -> Record:
    """What a sweep counts as in rolling windows."""
    instruction = spend.instruction
    return MovementRecord(
        id=instruction.id,
        at=allowed_at,
        action=MOVE,
        commodity=Commodity.BTC,
        vault=instruction.from_vault,
        purpose=instruction.purpose,
        parts=joined_parts((payment.address, payment.amount_sats) for payment in instruction.payments),
        state=state,
    ).record


def _gone(machinery: Machinery, spend: Spend) -> tuple[Record, ...]:
    """The sweep's coins are no longer where they were."""
    body = machinery.books.latest(MOVEMENT, spend.instruction.id)
    return () if body is None else (replace(movement_of(spend.instruction.id, body), state=DONE).record,)


def _build(machinery: Machinery, programme: Programme, spend: Spend, now: datetime) -> Spend:
    """Build the PSBT; both decoders have read it alike when this returns."""
    held = [h for h in _held(machinery, programme) if h.coin.outpoint in spend.instruction.inputs]
    psbt = build_psbt(spend.instruction, held, programme.policy, places=(spend.destination,))
    fee_sats = sum(item.coin.amount_sats for item in held) - sum(p.amount_sats for p in spend.instruction.payments)
    step = replace(spend, state=advance(spend.state, SpendEvent.TRANSACTION_BUILT), psbt=psbt, fee_sats=fee_sats)
    return _commit(machinery, step, "coordinator", now)


def _sign(machinery: Machinery, programme: Programme, spend: Spend, now: datetime) -> Spend:
    """Have ``sweep_signers`` signers look at it and sign, each for itself; combine and finalise."""
    policy, chain = programme.policy, programme.chain
    signers = machinery.signers[spend.instruction.from_vault][: policy.sweep_signers]
    returned = [signer.sign_spend(spend.psbt, spend.instruction, spend.approvals, policy) for signer in signers]
    raw_hex = finalise(combine_signatures(spend.psbt, returned, chain), chain)
    step = replace(
        spend,
        state=advance(advance(spend.state, SpendEvent.HANDED_TO_SIGNERS), SpendEvent.SIGNATURES_COMPLETED),
        signers=tuple(signer.name for signer in signers),
        raw_hex=raw_hex,
    )
    # Known as ours before it is sent: what it makes in cold is change of our own until it lies deep enough.
    instruction = spend.instruction
    txid = decode_psbt(spend.psbt, chain).txid
    own = OwnTransaction(txid, instruction.id, instruction.purpose, instruction.inputs, hold_until=None)
    return _commit(machinery, step, "coordinator", now, records=(own.record,))


def _broadcast(machinery: Machinery, _programme: Programme, spend: Spend, now: datetime) -> Spend:
    txid = machinery.chain.broadcast(spend.raw_hex)
    step = replace(spend, state=advance(spend.state, SpendEvent.TRANSACTION_SENT), txid=txid)
    return _commit(machinery, step, "coordinator", now)


def _entry(machinery: Machinery, spend: Spend, now: datetime) -> Entry:
    inputs = {balance.lot.outpoint: balance for balance in machinery.books.lots(INTAKE_ACCOUNT)}
    spent = [(inputs[outpoint].lot, inputs[outpoint].amount.units) for outpoint in spend.instruction.inputs]
    opened = Lot(f"{spend.txid}:0", f"{spend.instruction.id} from intake")
    return sweep_entry(spend.instruction.id, spent, opened, spend.fee_sats, now)
