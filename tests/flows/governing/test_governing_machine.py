"""Any sequence of motions, votes, freezes and revocations against a plain oracle that counts roles hour by hour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from custody_drill import OFFICERS
from governing_drill import REASON, begin, key_of
from zakhira.flows.governing.freezing import freeze
from zakhira.flows.governing.motions import approve_motion, propose_thaw, veto_motion
from zakhira.flows.governing.officers import revoke
from zakhira.kernel.errors import Refused, ZakhiraError

ROLES = dict(OFFICERS)
NEEDED = ("treasury", "audit")
LOCK_HOURS, OPEN_HOURS = 48, 48
names = st.sampled_from(sorted(ROLES))
places = st.integers(0, 20)


@dataclass
class Moved:
    """A motion as the oracle knows it."""

    by: str
    hour: int
    under: int
    fee: int
    """0 for a thaw"""
    freezes: frozenset[int] = frozenset()
    approvals: list[tuple[str, int]] = field(default_factory=list)
    vetoed_by: str = ""
    over: bool = False


@dataclass
class Oracle:
    """Officers, hours and roles, and nothing of the program."""

    hour: int = 0
    fees: list[int] = field(default_factory=lambda: [50_000])
    motions: list[Moved] = field(default_factory=list)
    frozen: dict[int, str] = field(default_factory=dict)
    freezes: int = 0
    revoked: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    """those that revoked their own key: not even a no of theirs counts"""

    def complete_at(self, motion: Moved) -> int | None:
        """The hour of the approval with which every needed role had spoken."""
        if motion.by in self.revoked:
            return None
        roles: set[str] = set()
        for name, hour in motion.approvals:
            if name not in self.revoked:
                roles.add(ROLES[name])
            if roles >= set(NEEDED):
                return hour
        return None

    def possible(self, by: str) -> bool:
        """Whether enough people are left beside the proposer."""
        left = {ROLES[name] for name in ROLES if name != by and name not in self.revoked}
        return by not in self.revoked and left >= set(NEEDED)

    def settle(self) -> None:
        """Bring into force what is due, and end what is over."""
        while True:
            due = [
                (done + (LOCK_HOURS if item.fee else 0), number)
                for number, item in enumerate(self.motions)
                if not item.over and (done := self.complete_at(item)) is not None
            ]
            due = [entry for entry in due if entry[0] <= self.hour]
            if not due:
                break
            item = self.motions[min(due)[1]]
            item.over = True
            if item.fee:
                self.fees.append(item.fee)
            self.frozen = {name: by for name, by in self.frozen.items() if item.fee or name not in item.freezes}
            for other in self.motions:
                gone = bool(other.freezes) and not other.freezes & self.frozen.keys()
                other.over = other.over or other.under != len(self.fees) or gone
        for item in self.motions:
            if self.complete_at(item) is None and self.hour >= item.hour + OPEN_HOURS:
                item.over = True

    def propose(self, by: str, fee: int) -> bool:
        """Whether it is taken; the same that is pending already is no refusal."""
        frozen = frozenset() if fee else frozenset(self.frozen)
        if (by, fee, frozen) in [(item.by, item.fee, item.freezes) for item in self.motions if not item.over]:
            return True
        if not self.possible(by) or (fee == self.fees[-1] if fee else not frozen):
            return False
        self.motions.append(Moved(by, self.hour, len(self.fees), fee, frozen))
        return True

    def approve(self, by: str, motion: Moved) -> bool:
        """Whether it is taken; the same again is no refusal."""
        if by in [name for name, _ in motion.approvals]:
            return True
        open_ = not motion.over and self.complete_at(motion) is None
        if by in self.revoked or by == motion.by or not open_ or not self.possible(motion.by):
            return False
        motion.approvals.append((by, self.hour))
        return True

    def veto(self, by: str, motion: Moved) -> bool:
        """Whether it is taken."""
        if motion.vetoed_by == by:
            return True
        if by in self.silent or motion.over:
            return False
        motion.over, motion.vetoed_by = True, by
        return True

    def freeze(self, by: str) -> bool:
        """Whether it is taken."""
        if by not in self.frozen.values():
            if by in self.silent:
                return False
            self.freezes += 1
            self.frozen[self.freezes] = by
        return True

    def revoke(self, by: str, whose: str) -> bool:
        """Whether it is taken."""
        if whose in self.revoked:
            return True
        if by in self.revoked:
            return False
        self.revoked.add(whose)
        if by == whose:
            self.silent.add(whose)
        else:
            self.freezes += 1
            self.frozen[self.freezes] = by
        return True


class GoverningMachine(RuleBasedStateMachine):
    """The use cases over twins beside the oracle; every act takes an hour."""

    def __init__(self) -> None:
        super().__init__()
        self.drill, self.oracle = begin(), Oracle()
        self.hashes: list[str] = []

    def _both(self, taken: Callable[[], bool], act: Callable[[], object]) -> None:
        """The oracle and the program agree on whether the act counts."""
        self._pass(1)
        if taken():
            act()
        else:
            with pytest.raises(ZakhiraError) as found:
                act()
            assert isinstance(found.value, Refused) or found.value.code in {"ZK-FLOWS-130", "ZK-FLOWS-135"}
        self.oracle.settle()

    def _pass(self, hours: int) -> None:
        for _ in range(hours):
            self.oracle.hour += 1
            self.oracle.settle()
        self.drill.now += timedelta(hours=hours)

    def _proposed(self, act: Callable[[], object]) -> None:
        act()
        self.hashes = list(self.drill.state.motions)

    @rule(by=names, fee=st.sampled_from([10_000, 20_000, 50_000]))
    def propose(self, by: str, fee: int) -> None:
        """A change of the fee limit."""

        def act() -> object:
            to = replace(self.drill.state.version.policy, fee_limit_sats=fee)
            return self.drill.propose(to, by)

        self._both(lambda: self.oracle.propose(by, fee), lambda: self._proposed(act))

    @rule(by=names)
    def thaw(self, by: str) -> None:
        """The end of what is frozen."""
        self._both(
            lambda: self.oracle.propose(by, 0),
            lambda: self._proposed(lambda: propose_thaw(self.drill.chamber, REASON, key_of(by))),
        )

    @precondition(lambda self: self.hashes)
    @rule(by=names, place=places)
    def approve(self, by: str, place: int) -> None:
        """A yes to one of the latest motions."""
        number = len(self.hashes) - 1 - place % min(3, len(self.hashes))
        self._both(
            lambda: self.oracle.approve(by, self.oracle.motions[number]),
            lambda: approve_motion(self.drill.chamber, self.hashes[number], key_of(by)),
        )

    @precondition(lambda self: self.hashes)
    @rule(place=places, order=st.permutations(sorted(ROLES)))
    def carry(self, place: int, order: list[str]) -> None:
        """Everybody who can says yes, until the quorum is there."""
        for by in order:
            self.approve(by, place)

    @precondition(lambda self: self.hashes)
    @rule(by=names, place=places)
    def veto(self, by: str, place: int) -> None:
        """A no."""
        number = len(self.hashes) - 1 - place % min(3, len(self.hashes))
        self._both(
            lambda: self.oracle.veto(by, self.oracle.motions[number]),
            lambda: veto_motion(self.drill.chamber, self.hashes[number], REASON, key_of(by)),
        )

    @rule(by=names)
    def freeze(self, by: str) -> None:
        """A stop."""
        self._both(lambda: self.oracle.freeze(by), lambda: freeze(self.drill.chamber, REASON, key_of(by)))

    @precondition(lambda self: len(self.oracle.revoked) < 1 and len(self.hashes) > 1)
    @rule(by=names, whose=names)
    def revoke(self, by: str, whose: str) -> None:
        """The end of a key."""
        self._both(lambda: self.oracle.revoke(by, whose), lambda: revoke(self.drill.chamber, whose, REASON, key_of(by)))

    @precondition(lambda self: self._locked() and len(self.oracle.revoked) < 2)
    @rule(by=names, place=places)
    def revoke_an_approver(self, by: str, place: int) -> None:
        """The key of somebody who said yes to what is in its lock."""
        yes = [name for item in self.oracle.motions if item.fee and not item.over for name, _ in item.approvals]
        self.revoke(by, yes[place % len(yes)])

    @precondition(lambda self: self._locked())
    @rule(fee=st.sampled_from([30_000, 40_000]))
    def race(self, fee: int) -> None:
        """Another change gets its quorum while one is in its lock."""
        self.propose("dara", fee)
        for by in ("bilal", "chand", "amina"):
            self.approve(by, 0)

    @rule(hours=st.sampled_from([1, 11, 24]))
    def wait(self, hours: int) -> None:
        """Time passes."""
        self._pass(hours)

    @precondition(lambda self: self._locked())
    @rule(off=st.sampled_from([-2, -1, 0, 1]))
    def wait_for_the_lock(self, off: int) -> None:
        """Time passes until about the moment at which a change comes into force."""
        self._pass(max(1, self._locked()[0] + LOCK_HOURS + off - self.oracle.hour))

    def _locked(self) -> list[int]:
        done = [self.oracle.complete_at(item) for item in self.oracle.motions if item.fee and not item.over]
        return [hour for hour in done if hour is not None]

    @invariant()
    def they_agree(self) -> None:
        """Versions, freezes and motions are what the oracle counts."""
        state = self.drill.state
        assert [version.policy.fee_limit_sats for version in state.versions] == self.oracle.fees
        assert sorted(item.officer for item in state.freezes.values()) == sorted(self.oracle.frozen.values())
        pending = [record.is_pending for record in state.motions.values()]
        assert pending == [not item.over for item in self.oracle.motions]
        assert not state.faults


TestGoverningMachine = GoverningMachine.TestCase
TestGoverningMachine.settings = settings(max_examples=25, stateful_step_count=30)


class LongGoverningMachine(GoverningMachine):
    """The same, for hours rather than seconds."""


TestLongGoverningMachine = pytest.mark.torture(LongGoverningMachine.TestCase)
TestLongGoverningMachine.settings = settings(max_examples=400, stateful_step_count=60)
