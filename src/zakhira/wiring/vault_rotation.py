"""``zakhira vault rotate``: a vault retired in favour of its successor, and the steps in which its coins move."""

from __future__ import annotations

from zakhira.cli.custody_services import RotateOrder
from zakhira.cli.services import Answer, Table
from zakhira.flows.rotation import Rotation, plan_rotation
from zakhira.flows.vaults import retire_vault
from zakhira.kernel.canonical import Json
from zakhira.wiring.amount_text import btc_text, counted, sats_of
from zakhira.wiring.reserve_desk import Desk

_STEPS_SHOWN = 30


def rotate_vault(desk: Desk, order: RotateOrder, *, dry_run: bool) -> Answer:
    """Retire the vault and show its steps; with ``dry_run`` nothing is written.

    Safe to repeat: a vault that was retired in favour of the same successor is only asked for what is left in it.
    """
    treasury = desk.treasury
    step_sats = sats_of(order.step) if order.step else 0
    plan = plan_rotation(treasury, order.vault, order.to, step_sats)
    if not dry_run and not plan.is_begun:
        retire_vault(treasury, order.vault, order.to, order.by)
    return _answer(order, plan, dry_run=dry_run)


def _answer(order: RotateOrder, plan: Rotation, *, dry_run: bool) -> Answer:
    total = sum(step.total_sats for step in plan.steps)
    rows = tuple(
        (str(number), step.purpose, str(len(step.outpoints)), btc_text(step.total_sats))
        for number, step in enumerate(plan.steps[:_STEPS_SHOWN], 1)
    )
    notes = [f"Propose each: zakhira spend propose {order.folder} -h"]
    if len(plan.steps) > _STEPS_SHOWN:
        notes.append(f"{len(plan.steps)} in all; --json has them.")
    if plan.waiting_coins:
        notes.append(
            f"{counted(plan.waiting_coins, 'coin')} ({btc_text(plan.waiting_sats)} BTC) cannot move yet: not deep "
            "enough, in suspense or not judged. Run the same command again later."
        )
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
    }
    verb = "is retired" if plan.is_begun or not dry_run else "would be retired"
    head = "Dry run: " if dry_run else ""
    sentence = (
        f"{head}{order.vault} {verb} in favour of {order.to}; {btc_text(total)} BTC move in "
        f"{counted(len(plan.steps), 'step')}, each a spend that officers approve. Late payments are still watched."
    )
    tables = (
        (Table("Steps", ("", "purpose", "coins", "BTC"), rows, right=(0, 2, 3), notes=tuple(notes)),) if rows else ()
    )
    return Answer(tables, facts, sentence)
