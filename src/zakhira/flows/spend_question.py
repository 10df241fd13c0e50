"""A spend as the policy is asked about it; the same at the desk, in a run and on a signer's own machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from zakhira.controls.approval import Approval, Execution, Veto
from zakhira.controls.engine.question import BoundLot, Destination, Holding, Question, Stage
from zakhira.controls.engine.rule_fit import plain_address
from zakhira.controls.spend_action import spend_action
from zakhira.custody.coin import Instruction
from zakhira.kernel.money import Amount, sats


@dataclass(frozen=True)
class Said:
    """What officers have said about a spend."""

    approvals: tuple[Approval, ...] = ()
    vetoes: tuple[Veto, ...] = ()
    execution: Execution | None = None
    seen_at: Mapping[str, datetime] = field(default_factory=dict)
    """when a signature was first recorded (UTC), by the signature; see :class:`Question`"""


@dataclass(frozen=True)
class Held:
    """What is known of the coins: the lots that would move, the vault's balance, and what is held of a purpose."""

    lots: tuple[BoundLot, ...] = ()
    balance: Amount | None = None
    holdings: tuple[Holding, ...] = ()


def spend_question(
    instruction: Instruction,
    own: Mapping[str, str],
    said: Said = Said(),  # it is frozen
    held: Held = Held(),  # it is frozen
    stage: Stage = Stage.EXECUTE,
) -> Question:
    """The question. ``own`` has the vault for each destination that a vault of ours derives, by address."""
    vaults = [own.get(payment.address, "") for payment in instruction.payments]
    return Question(
        action=spend_action(instruction.from_vault, instruction.replaces, vaults),
        id=instruction.id,
        hash=instruction.hash,
        proposer=instruction.proposed_by,
        proposed_at=instruction.proposed_at,
        expires_at=instruction.expires_at,
        amount=sats(sum(payment.amount_sats for payment in instruction.payments)),
        fee_sats=instruction.fee_limit_sats,
        vault=instruction.from_vault,
        path=instruction.path,
        destinations=tuple(
            Destination(plain_address(payment.address), sats(payment.amount_sats), vault)
            for payment, vault in zip(instruction.payments, vaults, strict=True)
        ),
        purpose=instruction.purpose,
        lots=held.lots,
        balance=held.balance,
        holdings=held.holdings,
        approvals=said.approvals,
        vetoes=said.vetoes,
        execution=said.execution,
        seen_at=said.seen_at,
        stage=stage,
    )
