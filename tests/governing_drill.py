"""A chamber of officers: amina, bilal (treasury), chand (audit), dara (operations), with a clock that a test sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from custody_drill import PHRASE, make_policy
from zakhira.adapters.drill_keys import officer_key
from zakhira.controls.acts.authority import Authority, MotionRecord
from zakhira.controls.analysis.finding import Severity
from zakhira.flows.governing.acting import Chamber, authority_in
from zakhira.flows.governing.founding import found_policy
from zakhira.flows.governing.motions import approve_motion, propose_change
from zakhira.flows.governing.vaults import propose_vault
from zakhira.flows.ports.books import Books
from zakhira.programme.model import Policy
from zakhira.simulator.books import SimulatedBooks
from zakhira.simulator.signer import SimulatedOfficer

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
REASON = "letter 12 of the board"
LOCK = timedelta(hours=48)


def key_of(name: str) -> SimulatedOfficer:
    """The officer's key of the drill."""
    return SimulatedOfficer(name, officer_key(PHRASE, name).private_bytes_raw())


def other_key_of(name: str) -> SimulatedOfficer:
    """Another key that the same officer could get."""
    return SimulatedOfficer(name, officer_key(f"{PHRASE}, a second time", name).private_bytes_raw())


@dataclass
class GoverningDrill:
    """Books with a founded policy."""

    books: Books
    policy: Policy
    now: datetime = START

    @property
    def chamber(self) -> Chamber:
        """The chamber at this moment."""
        return Chamber(self.books, self.policy, self.now)

    @property
    def state(self) -> Authority:
        """The authority at this moment."""
        return authority_in(self.chamber)

    def wait(self, **told: float) -> None:
        """Let time pass."""
        self.now += timedelta(**told)

    def change(self, edit: Callable[[Policy], Policy], by: str = "dara") -> MotionRecord:
        """Put a change of the policy in force forward."""
        self.wait(minutes=1)
        return self.propose(edit(self.state.version.policy), by)

    def propose(self, to: Policy, by: str = "dara") -> MotionRecord:
        """Put this policy forward, whatever analysis finds in so small a one."""
        return propose_change(self.chamber, to, REASON, key_of(by), despite=Severity.FAULT)

    def approve(self, record: MotionRecord, *names: str) -> MotionRecord:
        """Approvals, a minute apart."""
        for name in names:
            self.wait(minutes=1)
            record = approve_motion(self.chamber, record.motion.hash, key_of(name))
        return record

    def changed(self, edit: Callable[[Policy], Policy]) -> MotionRecord:
        """Put forward, approved, and in force."""
        record = self.approve(self.change(edit), "amina", "chand")
        self.now += LOCK
        return self.state.motions[record.motion.hash]


def accept_vault(books: Books, policy: Policy, now: datetime, name: str, succeeds: str = "") -> MotionRecord:
    """Dara puts a vault of the books forward, amina and chand approve: it counts as ours from now on."""
    chamber = Chamber(books, policy, now)
    record = propose_vault(chamber, name, REASON, key_of("dara"), succeeds=succeeds)
    for officer in ("amina", "chand"):
        record = approve_motion(chamber, record.motion.hash, key_of(officer))
    return record


def begin(books: Books | None = None, policy: Policy | None = None) -> GoverningDrill:
    """A drill whose first version is founded."""
    drill = GoverningDrill(SimulatedBooks() if books is None else books, policy or make_policy())
    found_policy(drill.books, drill.policy, drill.now)
    return drill


def with_fee_limit(fee_limit_sats: int) -> Callable[[Policy], Policy]:
    """A small change."""
    return lambda policy: replace(policy, fee_limit_sats=fee_limit_sats)
