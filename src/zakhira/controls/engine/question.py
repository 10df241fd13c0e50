"""The one kind of question that the policy answers: who wants to do what with how much, and who has said what to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from zakhira.controls.approval import Approval, Execution, Veto
from zakhira.kernel.money import Amount


class Stage(Enum):
    """For what the answer is wanted; each asks for what the stages before it ask for, and more."""

    PROPOSE = "propose"
    """may it be put forward at all: by this proposer, within limits; quorum and delay may still be missing"""
    EXECUTE = "execute"
    """may it be carried out now: quorum, delay, hours, and the second person where one is asked for"""


@dataclass(frozen=True)
class Destination:
    """Who gets how much. ``vault`` names a vault of ours, else it is empty."""

    address: str
    amount: Amount
    vault: str = ""


@dataclass(frozen=True)
class BoundLot:
    """A lot among the coins that would move: what it is for, since when it is held, and how much of it moves."""

    lot: str
    purpose: str
    deposited_at: datetime
    amount_sats: int


@dataclass(frozen=True)
class Holding:
    """How much is held of one purpose now, over all vaults, without what allowed matters will still take."""

    purpose: str
    amount_sats: int


@dataclass(frozen=True)
class Question:
    """A matter with its context. Everything that the answer depends on is here, in the policy, or in the standing.

    ``hash`` is the hash of the matter (of a spend: of its instruction), which every signature names. ``lots`` is empty
    until coins are chosen; ``balance`` is what the paying vault holds (settled) now, without what allowed matters will
    still take: what left it in a window is added to it, and must not be counted twice. ``holdings`` is asked for by
    statutes about a share alone.
    """

    action: str
    """one of :data:`zakhira.programme.policy.ACTIONS`"""
    id: str
    hash: str
    proposer: str
    proposed_at: datetime
    expires_at: datetime
    amount: Amount | None = None
    """the sum of the destinations; None where the matter moves nothing"""
    fee_sats: int = 0
    """the most that it may cost"""
    vault: str = ""
    path: str = "main"
    destinations: tuple[Destination, ...] = ()
    purpose: str = ""
    lots: tuple[BoundLot, ...] = ()
    balance: Amount | None = None
    holdings: tuple[Holding, ...] = ()
    approvals: tuple[Approval, ...] = ()
    vetoes: tuple[Veto, ...] = ()
    execution: Execution | None = None
    seen_at: Mapping[str, datetime] = field(default_factory=dict)
    """when whoever asks first saw an approval (UTC), by its signature: a delay runs from then, for an officer can date
    a signature back; without an entry its own date counts"""
    stage: Stage = Stage.EXECUTE
