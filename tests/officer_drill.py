"""Officers' signatures for tests of the controls: keys, and yes, no and execution signed as the real ones are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zakhira.controls.approval import (
    APPROVAL_DOMAIN,
    EXECUTION_DOMAIN,
    REJECTION_DOMAIN,
    Approval,
    Execution,
    Veto,
)
from zakhira.controls.engine.decide import decide
from zakhira.controls.engine.decision import Decision
from zakhira.controls.engine.movement_log import MovementLog
from zakhira.controls.engine.movements import Movements
from zakhira.controls.engine.question import Destination, Question
from zakhira.controls.engine.standing import Standing
from zakhira.kernel.canonical import content_hash
from zakhira.kernel.money import Amount, sats
from zakhira.kernel.signatures import signing_bytes
from zakhira.programme.model import Policy

PROPOSED = datetime(2026, 1, 5, 8, tzinfo=UTC)
"""A Monday."""
EXPIRES = PROPOSED + timedelta(hours=24)
NOW = PROPOSED + timedelta(hours=2)
SAID = PROPOSED + timedelta(hours=1)
HASH = content_hash({"spend": 1})
OTHER_HASH = content_hash({"spend": 2})
PAYEE = "bcrt1qpayee"
Keys = dict[str, Ed25519PrivateKey]


def _signed(key: Ed25519PrivateKey, domain: str, statement: str) -> str:
    return key.sign(signing_bytes(domain, statement)).hex()


def approve(
    keys: Keys, officer: str, of: str = HASH, at: datetime = SAID, policy_hash: str = "", domain: str = APPROVAL_DOMAIN
) -> Approval:
    """An officer's yes."""
    unsigned = Approval(officer, of, "", at, policy_hash)
    return replace(unsigned, signature=_signed(keys[officer], domain, unsigned.statement_hash))


def veto(keys: Keys, officer: str, of: str = HASH, at: datetime = SAID, reason: str = "I was not asked.") -> Veto:
    """An officer's no."""
    unsigned = Veto(officer, of, reason, "", at)
    return replace(unsigned, signature=_signed(keys[officer], REJECTION_DOMAIN, unsigned.statement_hash))


def execute(keys: Keys, officer: str, amount: str, of: str = HASH, at: datetime = SAID) -> Execution:
    """The second person's word."""
    unsigned = Execution(officer, of, amount, "invoice 7", "", at)
    return replace(unsigned, signature=_signed(keys[officer], EXECUTION_DOMAIN, unsigned.statement_hash))


def question(*approvals: Approval, **other: object) -> Question:
    """A spend of 900,000 sat that is good in all that is not named; ``amount`` makes its one destination."""
    amount = other.get("amount", sats(900_000))
    places = (Destination(PAYEE, amount),) if isinstance(amount, Amount) else ()
    given: dict[str, object] = {
        "action": "spend",
        "id": "s1",
        "hash": HASH,
        "proposer": "amina",
        "proposed_at": PROPOSED,
        "expires_at": EXPIRES,
        "amount": amount,
        "fee_sats": 4_000,
        "vault": "cold",
        "destinations": places,
        "approvals": approvals,
    }
    return Question(**{**given, **other})  # type: ignore[arg-type]


def answer(
    policy: Policy,
    *approvals: Approval,
    at: datetime = NOW,
    standing: Standing | None = None,
    movements: Movements | None = None,
    **other: object,
) -> Decision:
    """The decision on :func:`question`."""
    log = MovementLog() if movements is None else movements
    return decide(policy, standing or Standing(), log, question(*approvals, **other), at)


def codes(decision: Decision) -> set[str]:
    """Codes of the reasons."""
    return {reason.code for reason in decision.reasons}


def remarked(decision: Decision) -> set[str]:
    """Codes of the remarks."""
    return {reason.code for reason in decision.remarks}
