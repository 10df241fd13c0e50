"""Authority as data: rules, quorums, windows, statutes, deputies and payees, as the programme file states them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from zakhira.kernel.money import Amount

ACTIONS = (
    "spend",
    "move",
    "home",
    "payout",
    "settle",
    "policy-change",
    "thaw",
    "vault",
    "licence",
    "set-point",
)
"""What a rule can be about. ``spend`` pays somebody outside, ``move`` pays a vault of ours, ``home`` takes the coins of
our own pending spend back to the vault that it came from, ``settle`` gives a coin in suspense its purpose, ``vault``
accepts a vault as ours: what no rule names of it, the rules for ``policy-change`` decide."""
COIN_ACTIONS = ("spend", "move", "home")
"""Those that a transaction of a vault carries out."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WINDOW_SCOPES = ("vault", "destination", "purpose", "programme")
"""What a window sums over: the vault that pays, each destination, the purpose, or everything."""
OWN, LISTED, ANY = "own", "listed", "any"
"""Destinations of a rule: vaults of ours, payees of the list whose delay is over, or whoever."""


@dataclass(frozen=True)
class Quorum:
    """``count`` officers, each of whom holds one of ``roles``. One person never counts twice over all of a rule."""

    count: int
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Window:
    """A rolling window that ends now: what was allowed in it, with what is asked, stays within the limits.

    Matters count whose action is one of the rule's, whichever rule allowed them: a sweep uses up no payments.
    """

    hours: int
    per: str = "vault"
    """one of :data:`WINDOW_SCOPES`"""
    limit: Amount | None = None
    balance_share: float = 0.0
    """at most this share of what the vault holds now together with what left it in the window; 0: no such limit"""
    most: int = 0
    """at most so many; 0: no such limit"""


@dataclass(frozen=True)
class Rule:
    """One rule. The first whose selectors all fit decides; what no rule fits is refused.

    Empty selectors fit everything, but for ``paths``: a recovery path is covered only by a rule that names it.
    """

    id: str
    clause: str
    actions: tuple[str, ...]
    effect: str = "allow"
    """``allow`` (under the conditions below) or ``refuse``"""
    vaults: tuple[str, ...] = ()
    """the vaults that pay"""
    paths: tuple[str, ...] = ("main",)
    destinations: str = ANY
    to_vaults: tuple[str, ...] = ()
    """of moves: the vaults that are paid"""
    purposes: tuple[str, ...] = ()
    from_amount: Amount | None = None
    """this much and more"""
    below_amount: Amount | None = None
    """less than this"""
    propose_roles: tuple[str, ...] = ()
    """empty: any officer"""
    quorums: tuple[Quorum, ...] = ()
    """who approves; the proposer is never among them"""
    execute_roles: tuple[str, ...] = ()
    """who enters amount and unit again from the source document before signers are asked, neither the proposer nor one
    of the approvers; empty: nobody has to"""
    delay_hours: int = 0
    """between the last approval that was needed and the moment from which it may be carried out"""
    veto_roles: tuple[str, ...] = ()
    """who may stop it until signers hold it; empty: any officer"""
    from_hour: int = 0
    to_hour: int = 24
    """hours of the programme's local day in which it may be carried out; a span may run over midnight and belongs
    to the day on which it begins; equal hours are no time at all"""
    weekdays: tuple[str, ...] = ()
    """empty: every day"""
    holidays: str = "open"
    """``open``, or ``closed`` on the days of the policy's list"""
    balance_share: float = 0.0
    """one spend takes at most this share of what the vault holds; 0: no such limit"""
    signers: tuple[str, ...] = ()
    """signers of the path who may sign; empty: any"""
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True)
class Statute:
    """What a law, an order or a bill says of lots, applied whatever the rules say.

    ``not-sold`` refuses every spend outside; ``hold`` refuses it until ``years`` after the deposit of each lot;
    ``share-after-hold`` lets at most ``share`` of what is bound leave in ``window_days`` once the hold is over.
    A move between our own vaults is no sale.
    """

    id: str
    citation: str
    status: str
    """``law``, ``order``, ``regulation``, ``bill`` or ``own``"""
    verified: str
    """``yes`` once a person has read the text, else ``no``"""
    read_on: date
    kind: str
    """``not-sold``, ``hold`` or ``share-after-hold``"""
    purposes: tuple[str, ...] = ()
    """purposes of the coins that it binds; empty: all"""
    years: float = 0.0
    share: float = 0.0
    window_days: int = 0


@dataclass(frozen=True)
class Deputy:
    """An officer who holds another's role from one local day to another, both included."""

    officer: str
    stands_for: str
    from_day: date
    to_day: date


@dataclass(frozen=True)
class Payee:
    """A destination on the list, to be used once ``listing_hours`` of the policy have passed since ``listed_at``."""

    id: str
    name: str
    address: str
    listed_at: datetime


@dataclass(frozen=True)
class Holiday:
    """A local day on which rules with ``holidays = "closed"`` allow nothing."""

    day: date
    name: str
