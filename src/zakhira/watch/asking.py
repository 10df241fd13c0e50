"""The question that a transaction puts to the policy, made from the chain and the signatures alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from zakhira.controls.engine.decide import decide
from zakhira.controls.engine.decision import Decision
from zakhira.controls.engine.movements import Movement, Movements
from zakhira.controls.engine.question import BoundLot, Destination, Holding, Question
from zakhira.controls.engine.rule_fit import plain_address
from zakhira.controls.engine.standing import Standing
from zakhira.controls.spend_action import spend_action
from zakhira.kernel.money import Commodity, sats
from zakhira.programme.model import Policy
from zakhira.watch.matching import script_of
from zakhira.watch.signed import Keys, SignedSpend
from zakhira.watch.state import VaultCoin


@dataclass(frozen=True)
class Authority:
    """The watchtower's own copy of the policy (with vaults), and the standing, at a moment."""

    policy: Policy
    standing: Standing
    keys: Keys
    """of officers, of every version until then"""


AuthorityAt = Callable[[datetime], Authority]


@dataclass(frozen=True)
class Balance:
    """What the paying vault holds in blocks, with the coins that are asked about, and what all vaults hold."""

    vault_sats: int
    all_sats: int


def question_of(
    spend: SignedSpend,
    coins: Mapping[str, VaultCoin],
    balance: Balance,
    vault_of: Callable[[str], str],
    chain: str,
    dates: Mapping[str, datetime] | None = None,
) -> Question:
    """The question of a spend whose coins are chosen. ``vault_of`` names the vault of a script, or is empty.

    ``dates`` says from when its signatures count, where that is not their own date.

    The chain does not tell what a coin was paid for, so that lots carry no purpose here. The desk builds its own
    question (flows.spend_question); the watch shares no step with it on purpose.
    """
    instruction = spend.instruction
    vaults = [vault_of(script_of(payment.address, chain)) for payment in instruction.payments]
    lots = tuple(
        BoundLot(lot.outpoint, "", lot.deposited_at, coin.amount_sats // len(coin.lots))
        for coin in coins.values()
        for lot in coin.lots
    )
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
        lots=lots,
        balance=sats(balance.vault_sats),
        holdings=(Holding("", balance.all_sats),),
        approvals=spend.approvals,
        vetoes=spend.vetoes,
        execution=spend.execution,
        seen_at=dates or {},
    )


def movements_of(question: Question, at: datetime) -> tuple[Movement, ...]:
    """What a matter that was carried out counts in rolling windows: one movement for each destination."""
    return tuple(
        Movement(
            question.id,
            at,
            question.action,
            Commodity.BTC,
            place.amount.units,
            question.vault,
            place.address,
            question.purpose,
            ("",),
        )
        for place in question.destinations
    )


def answer(
    question: Question,
    authority_at: AuthorityAt,
    movements: Movements,
    latest: datetime,
    earlier: tuple[datetime, ...],
) -> Decision:
    """The policy's answer at ``latest``, when the transaction was surely there; it may have been sent at ``earlier``.

    A transaction that was not seen as it came (the watch was down) may have been sent when it was still in time: it is
    only wrong if it was wrong at each of these moments, too. A freeze and a revocation of before ``latest`` bind at
    them as well: the transaction was not seen before them.
    """
    now = authority_at(latest)
    first = decide(now.policy, now.standing, movements, question, latest)
    if first.allowed:
        return first
    for at in earlier:
        again = _ask_before(question, authority_at, movements, at, now.standing)
        untils = [need.until for need in again.needs if need.until is not None and at < need.until <= latest]
        if not again.allowed and untils:
            again = _ask_before(question, authority_at, movements, max(untils), now.standing)
        if again.allowed:
            return again
    return first


def _ask_before(
    question: Question, authority_at: AuthorityAt, movements: Movements, at: datetime, later: Standing
) -> Decision:
    then = authority_at(at)
    standing = replace(
        then.standing,
        freeze=then.standing.freeze or later.freeze,
        revoked={key: min(moment, at) for key, moment in {**later.revoked, **then.standing.revoked}.items()},
    )
    return decide(then.policy, standing, movements, question, at)
