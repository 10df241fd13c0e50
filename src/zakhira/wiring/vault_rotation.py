"""``zakhira vault rotate``: a vault retired in favour of its successor, and the spends that move its coins proposed."""

from __future__ import annotations

from collections.abc import Sequence

from zakhira.adapters.software_signer import OfficerKeyFile
from zakhira.cli.answer import Answer, Table
from zakhira.cli.custody_services import Ask, RotateOrder
from zakhira.custody.fee import VBYTES_PER_KVB, FeeLimits
from zakhira.flows.rotation import Rotation, RotationOrder, plan_rotation, rotate
from zakhira.flows.spending.fees import FeeWish, fee_terms
from zakhira.flows.spending.order import FeeCeilings
from zakhira.flows.spending.spend import TreasurySpend
from zakhira.flows.treasury import Treasury, policy_in_force
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.money import sats
from zakhira.wiring.amount_text import btc_text, counted, sats_of
from zakhira.wiring.passphrases import passphrase_for
from zakhira.wiring.reserve_desk import Desk
from zakhira.wiring.settings import Settings

_STEPS_SHOWN = 30


class NoOfficerKey(InvalidInput):
    """A proposal needs the key of the officer who makes it."""

    code = "ZK-WIRING-037"


def rotate_vault(settings: Settings, desk: Desk, order: RotateOrder, ask: Ask, *, dry_run: bool) -> Answer:
    """Retire the vault and propose its moves; with ``dry_run`` nothing is written. Safe to repeat.

    Raises:
        NoOfficerKey: no key file was named, and it is no dry run.
        what ``plan_rotation`` and ``rotate`` raise.
    """
    treasury = desk.treasury
    wanted = _wanted(treasury, order)
    fee_limit_sats = min(wanted.ceilings.fee.units, policy_in_force(treasury).fee_limit_sats)
    limits = FeeLimits(fee_limit_sats, wanted.ceilings.rate_sat_per_vb * VBYTES_PER_KVB)
    plan = plan_rotation(treasury, wanted, fee_terms(treasury, limits, wanted.wish))
    spends: Sequence[TreasurySpend] = ()
    if not dry_run:
        if order.officer_key is None:
            raise NoOfficerKey(
                "A rotation is proposed by an officer, and no key was named.", "Give --key FILE, or --dry-run."
            )
        passphrase = passphrase_for(order.officer_key, settings, ask)
        spends = rotate(treasury, wanted, OfficerKeyFile.open(order.officer_key, passphrase))
    return _answer(order, wanted, plan, spends, dry_run=dry_run)


def _wanted(treasury: Treasury, order: RotateOrder) -> RotationOrder:
    """The order with what the policy says where nothing was told."""
    policy = policy_in_force(treasury)
    return RotationOrder(
        id=order.id or f"rotate-{order.vault}",
        vault=order.vault,
        successor=order.to,
        clause=order.clause or policy.clause,
        ceilings=FeeCeilings(sats(sats_of(order.fee_limit)), order.rate_limit),
        wish=FeeWish(order.target_blocks, order.rate * VBYTES_PER_KVB),
        step_sats=sats_of(order.step) if order.step else 0,
    )


def _answer(
    order: RotateOrder, wanted: RotationOrder, plan: Rotation, spends: Sequence[TreasurySpend], *, dry_run: bool
) -> Answer:
    total = sum(step.total_sats for step in plan.steps)
    rows = tuple(
        (f"{wanted.id}-{number:03d}", step.purpose, str(len(step.outpoints)), btc_text(step.total_sats))
        for number, step in enumerate(plan.steps[:_STEPS_SHOWN], 1)
    )
    notes = [] if dry_run else [f"Officers approve each: zakhira spend approve {order.folder} SPEND"]
    if len(plan.steps) > _STEPS_SHOWN:
        notes.append(f"{len(plan.steps)} in all; --json has them.")
    if plan.waiting_coins:
        notes.append(
            f"{counted(plan.waiting_coins, 'coin')} ({btc_text(plan.waiting_sats)} BTC) cannot move yet: not deep "
            "enough, in suspense, not judged, or part of another spend. Run it again later, with another --id."
        )
    if plan.under_way:
        notes.append(f"Under way from {order.vault} already: {', '.join(plan.under_way[:_STEPS_SHOWN])}.")
    facts: dict[str, Json] = {
        "dry_run": dry_run,
        "vault": order.vault,
        "successor": order.to,
        "was_retired_before": plan.is_begun,
        "steps": [
            {"outpoints": list(step.outpoints), "total_sats": step.total_sats, "purpose": step.purpose}
            for step in plan.steps
        ],
        "total_sats": total,
        "waiting_sats": plan.waiting_sats,
        "waiting_coins": plan.waiting_coins,
        "under_way": list(plan.under_way),
        "proposed": [spend.id for spend in spends],
    }
    verb = "would be retired" if dry_run and not plan.is_begun else "is retired"
    head, what = ("Dry run: ", "would move") if dry_run else ("", "move")
    sentence = (
        f"{head}{order.vault} {verb} in favour of {order.to}; {btc_text(total)} BTC {what} in "
        f"{counted(len(plan.steps), 'step')}, each a spend that officers approve. Late payments are still watched."
    )
    columns = ("spend", "purpose", "coins", "BTC")
    tables = (Table("Steps", columns, rows, right=(2, 3), notes=tuple(notes)),) if rows or notes else ()
    return Answer(tables, facts, sentence)
