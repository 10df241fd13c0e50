"""Too few people move no coin, whatever they try; enough people can. Against a plain count and trying everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import combinations, permutations, product
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from officer_drill import PROPOSED, approve, execute, question, veto
from zakhira.adapters.drill_keys import officer_key, officer_public_key
from zakhira.controls.approval import Approval, Execution, Veto
from zakhira.controls.engine.decide import decide
from zakhira.controls.engine.decision import Decision
from zakhira.controls.engine.movement_log import MovementLog
from zakhira.controls.engine.question import Question
from zakhira.controls.engine.standing import Standing
from zakhira.kernel.canonical import content_hash
from zakhira.programme.model import Officer, Policy
from zakhira.programme.policy import Deputy, Quorum, Rule

PHRASE = "a machine of officers"
ROLES = ("treasury", "comptroller", "governor")
NAMES = ("ali", "bea", "cyr", "dua", "eve", "fay")
OFFICES = (
    ("treasury",),
    ("treasury", "governor"),
    ("comptroller",),
    ("comptroller", "treasury"),
    ("governor",),
    ("governor", "comptroller"),
)
KEYS = {name: officer_key(PHRASE, name) for name in NAMES}
PUBLIC = {name: officer_public_key(PHRASE, name) for name in NAMES}
VERSION = "v1"
BASE = Policy(
    roles=ROLES,
    officers=(),
    vaults=(),
    propose_role="treasury",
    approve_roles=(),
    sweep_signers=1,
    sweep_every_days=1,
    sweep_limit_sats=1,
    fee_limit_sats=10_000,
    fee_rate_sat_per_vb=1,
    confirmations=1,
    approval_hours=72,
    community_share=0.0,
    clause="",
)
AMOUNT = "0.009 BTC"


@dataclass
class Matter:
    """A proposal with what was signed about it, genuine or not."""

    question: Question
    yes: tuple[Approval, ...] = ()
    no: tuple[Veto, ...] = ()
    word: Execution | None = None

    @property
    def asked(self) -> Question:
        """The whole question."""
        return replace(self.question, approvals=self.yes, vetoes=self.no, execution=self.word)


@dataclass(frozen=True)
class Plan:
    """A policy in the plainest words, for counting."""

    proposing: frozenset[str]
    seats: tuple[frozenset[str], ...]
    executing: frozenset[str]
    offices: dict[str, frozenset[str]]
    """officer to roles"""
    persons: dict[str, str]
    stands_for: dict[str, str]
    """deputies, on all days of the machine"""

    @property
    def minimum(self) -> int:
        """Persons whom the rule asks for: one proposes, one sits in each seat, one executes."""
        return 1 + len(self.seats) + bool(self.executing)

    def acting(self, officer: str) -> list[str]:
        """Offices that an officer can act through."""
        return [officer, *([self.stands_for[officer]] if officer in self.stands_for else [])]

    def works(self, proposer: str, approvers: set[str], executor: str | None) -> bool:
        """Whether this very proposer, these approvers and this executor carry it out."""
        said = {self.persons[name] for name in approvers}
        if self.persons[proposer] in said:
            return False
        if self.executing and (executor is None or self.persons[executor] in said | {self.persons[proposer]}):
            return False
        words = (executor,) if self.executing and executor is not None else ()
        return any(
            self._works((proposer, *sitting, *words), said)
            for sitting in permutations(sorted(approvers), len(self.seats))
            if len({self.persons[name] for name in sitting}) == len(sitting)
        )

    def can(self, officers: frozenset[str]) -> bool:
        """Whether these officers, and nobody else, could carry it out: every order of them is tried."""
        return any(self._works(order) for order in self._orders(officers))

    def _orders(self, officers: frozenset[str]) -> Iterator[tuple[str, ...]]:
        for chosen in combinations(sorted(officers), self.minimum):
            if len({self.persons[officer] for officer in chosen}) == self.minimum:
                yield from permutations(chosen)

    def _works(self, order: tuple[str, ...], said: set[str] | frozenset[str] = frozenset()) -> bool:
        proposer, approvers = order[0], order[1 : 1 + len(self.seats)]
        if not any(self.offices[office] & self.proposing for office in self.acting(proposer)):
            return False
        if not self._sit(approvers, frozenset({self.persons[proposer]}), frozenset()):
            return False
        return not self.executing or self._executes(order, said)

    def _sit(self, approvers: tuple[str, ...], acted: frozenset[str], used: frozenset[str]) -> bool:
        if not approvers:
            return True
        officer, seat = approvers[0], self.seats[len(self.seats) - len(approvers)]
        return any(
            self._sit(approvers[1:], acted, used | {office})
            for office in self.acting(officer)
            if office not in used
            and self.offices[office] & seat
            and (office == officer or self.persons[office] not in acted)
        )

    def _executes(self, order: tuple[str, ...], said: set[str] | frozenset[str]) -> bool:
        acted = {self.persons[officer] for officer in order[:-1]} | said
        return any(
            self.offices[office] & self.executing
            for office in self.acting(order[-1])
            if office == order[-1] or self.persons[office] not in acted
        )


def made(
    seats: list[set[str]],
    executing: tuple[str, ...],
    roles: list[tuple[str, ...]],
    deputies: dict[str, str],
    delay: int,
    *,
    double: bool,
) -> tuple[Plan, Policy]:
    """A policy, and the same in plain words."""
    held = dict(zip(NAMES, roles, strict=True))
    persons = {name: name for name in NAMES} | ({"fay": "ali"} if double else {})
    stands = {officer: other for officer, other in deputies.items() if officer != other}
    plan = Plan(
        frozenset({"treasury"}),
        tuple(frozenset(seat) for seat in seats),
        frozenset(executing),
        {name: frozenset(found) for name, found in held.items()},
        persons,
        stands,
    )
    spend = Rule(
        "r",
        "Rule 1",
        ("spend",),
        propose_roles=("treasury",),
        quorums=tuple(Quorum(1, tuple(sorted(seat))) for seat in seats),
        execute_roles=executing,
        delay_hours=delay,
    )
    days = (PROPOSED.date() - timedelta(days=1), PROPOSED.date() + timedelta(days=30))
    officers = (Officer(name, name, held[name][0], PUBLIC[name], held[name][1:], persons[name]) for name in NAMES)
    policy = replace(
        BASE,
        rules=(spend,),
        officers=tuple(officers),
        deputies=tuple(Deputy(officer, other, *days) for officer, other in stands.items()),
    )
    return plan, policy


SEATS = st.lists(st.sets(st.sampled_from(ROLES), min_size=1), min_size=1, max_size=2)
EXECUTING = st.sampled_from([(), (), ("governor",), ("comptroller", "governor")])
DEPUTIES = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(NAMES), max_size=2)


class AuthorityMachine(RuleBasedStateMachine):
    """A few officers propose, approve, execute, forge, replay, wait and try to carry out."""

    matters = Bundle("matters")

    @initialize(
        seats=SEATS,
        executing=EXECUTING,
        roles=st.permutations(OFFICES),
        double=st.booleans(),
        deputies=DEPUTIES,
        delay=st.sampled_from([0, 5]),
        absent=st.sets(st.sampled_from(NAMES), max_size=2),
        few=st.sampled_from([False, False, True]),
    )
    def begin(
        self,
        seats: list[set[str]],
        executing: tuple[str, ...],
        roles: list[tuple[str, ...]],
        double: bool,  # noqa: FBT001 - hypothesis names its arguments
        deputies: dict[str, str],
        delay: int,
        absent: set[str],
        few: bool,  # noqa: FBT001
    ) -> None:
        """Draw a policy, and who works together: in every other run fewer persons than it asks for."""
        self.plan, self.policy = made(seats, executing, roles, deputies, delay, double=double)
        persons = self.plan.persons
        people = sorted({persons[name] for name in NAMES if name not in absent})
        if few:
            people = people[: self.plan.minimum - 1]
        self.together = sorted(name for name in NAMES if persons[name] in people)
        self.now = PROPOSED
        self.moved: list[Matter] = []
        self.count = 0
        self.revoked: dict[str, datetime] = {}

    def _officer(self, pick: int) -> str:
        return self.together[pick % len(self.together)]

    @rule(target=matters, pick=st.integers(0, 5), proper=st.sampled_from([True, True, False]))
    def propose(self, pick: int, proper: bool) -> Matter:  # noqa: FBT001
        """One of them puts a spend forward, most often one who may."""
        may = [name for name in self.together if "treasury" in self.plan.offices[name]]
        proposer = may[pick % len(may)] if proper and may else self._officer(pick)
        self.count += 1
        return Matter(
            question(
                id=f"s{self.count}",
                hash=content_hash({"spend": self.count}),
                proposer=proposer,
                proposed_at=self.now,
                expires_at=self.now + timedelta(hours=72),
            )
        )

    @rule(matter=matters, pick=st.integers(0, 5), version=st.sampled_from([VERSION, VERSION, "v0"]))
    def say_yes(self, matter: Matter, pick: int, version: str) -> None:
        """One of them approves, now and then what an older version allowed."""
        given = approve(KEYS, self._officer(pick), of=matter.question.hash, at=self.now, policy_hash=version)
        matter.yes = (*matter.yes, given)
        self._try(matter)

    @rule(matter=matters, pick=st.integers(0, 5), name=st.sampled_from(NAMES), move=st.integers(-3, 3))
    def forge(self, matter: Matter, pick: int, name: str, move: int) -> None:
        """A yes in another's name, or of another hour, with the signature of one of them."""
        given = approve(KEYS, self._officer(pick), of=matter.question.hash, at=self.now, policy_hash=VERSION)
        forged = replace(given, officer=name, at=given.at + timedelta(hours=move))
        if forged != given:
            matter.yes = (*matter.yes, forged)

    @rule(matter=matters, pick=st.integers(0, 5))
    def forge_everybody(self, matter: Matter, pick: int) -> None:
        """One of them signs for all the others, and executes in the name of the last."""
        by, hash_ = self._officer(pick), matter.question.hash
        own = approve(KEYS, by, of=hash_, at=self.now, policy_hash=VERSION)
        names = [name for name in NAMES if self.plan.persons[name] != self.plan.persons[matter.question.proposer]]
        word = execute(KEYS, by, AMOUNT, of=hash_, at=self.now)
        last = names.pop() if self.plan.executing else ""
        matter.word = replace(word, officer=last) if last else None
        matter.yes, matter.no = tuple(replace(own, officer=name) for name in names), ()
        self._try(matter)

    @rule(matter=matters, other=matters)
    def replay(self, matter: Matter, other: Matter) -> None:
        """What was said to one matter is put under another, with that one's hash written over it."""
        if matter is not other:
            taken = tuple(replace(given, instruction_hash=matter.question.hash) for given in other.yes[:1])
            matter.yes = (*matter.yes, *taken)
        self._try(matter)

    @rule(matter=matters, pick=st.integers(0, 5), amount=st.sampled_from([AMOUNT, AMOUNT, "9 BTC"]))
    def say_word(self, matter: Matter, pick: int, amount: str) -> None:
        """One of them executes, and reads the right amount more often than not."""
        matter.word = execute(KEYS, self._officer(pick), amount, of=matter.question.hash, at=self.now)
        self._try(matter)

    @rule(matter=matters, pick=st.integers(0, 5))
    def say_no(self, matter: Matter, pick: int) -> None:
        """One of them is against it."""
        matter.no = (veto(KEYS, self._officer(pick), of=matter.question.hash, at=self.now),)

    @rule(matter=matters, but=st.sets(st.integers(0, 5), max_size=2))
    def say_all_that_they_can(self, matter: Matter, but: set[int]) -> None:
        """Everybody but a few says yes, the last one executes instead where that is asked for; then they try."""
        at, hash_, persons = self.now, matter.question.hash, self.plan.persons
        silent = {self._officer(pick) for pick in but}
        speaking = [
            name for name in self.together if name not in silent and persons[name] != persons[matter.question.proposer]
        ]
        matter.no, matter.word = (), None
        if self.plan.executing and speaking:
            last = speaking.pop()
            speaking = [name for name in speaking if persons[name] != persons[last]]
            matter.word = execute(KEYS, last, AMOUNT, of=hash_, at=at)
        matter.yes = tuple(approve(KEYS, name, of=hash_, at=at, policy_hash=VERSION) for name in speaking)
        self._try(matter)

    @rule(matter=matters)
    def start_over(self, matter: Matter) -> None:
        """What was said is taken away."""
        matter.yes, matter.no, matter.word = (), (), None

    @rule(hours=st.sampled_from([1, 5, 30]))
    def wait(self, hours: int) -> None:
        """Time goes on."""
        self.now += timedelta(hours=hours)

    @rule(pick=st.integers(0, 5), sure=st.integers(0, 3))
    def revoke(self, pick: int, sure: int) -> None:
        """The key of one of them is revoked, now and then."""
        if sure == 0:
            self.revoked.setdefault(PUBLIC[self._officer(pick)], self.now)

    @rule(matter=matters, seed=st.randoms(use_true_random=False))
    def carry_out(self, matter: Matter, seed: Random) -> None:
        """They try; the answer is the same in whatever order the yes's are given."""
        asked, decision = matter.asked, self._try(matter)
        shuffled = list(asked.approvals)
        seed.shuffle(shuffled)
        assert self._ask(replace(asked, approvals=tuple(shuffled))) == decision

    def _try(self, matter: Matter) -> Decision:
        """Whoever moved a coin was able to, all signatures were by them, and nobody said no."""
        asked = matter.asked
        decision = self._ask(asked)
        if decision.allowed:
            self.moved.append(matter)
            signed = {asked.proposer, *(given.officer for given in asked.approvals)}
            if asked.execution is not None:
                signed.add(asked.execution.officer)
            assert signed <= set(self.together)
            assert self.plan.can(frozenset(signed)), signed
            assert not asked.vetoes
            assert self.plan.persons[asked.proposer] not in {
                self.plan.persons[given.officer] for given in asked.approvals
            }
        return decision

    def _ask(self, asked: Question) -> Decision:
        standing = Standing(policy_hash=VERSION, revoked=self.revoked)
        return decide(self.policy, standing, MovementLog(), asked, self.now)

    @precondition(lambda self: hasattr(self, "plan"))
    @invariant()
    def too_few_people_move_no_coin(self) -> None:
        """Fewer persons than the policy's own minimum have moved nothing."""
        people = {self.plan.persons[name] for name in self.together}
        assert len(people) >= self.plan.minimum or not self.moved

    def teardown(self) -> None:
        """Enough people of the right roles, working properly, can: otherwise a machine that refuses all would pass."""
        if hasattr(self, "plan") and not self.revoked:
            self._work_properly(frozenset(self.together))

    def _work_properly(self, officers: frozenset[str]) -> None:
        allowed = False
        for order in self.plan._orders(officers):
            hash_ = content_hash({"proper": order})
            at = self.now
            matter = Matter(
                question(hash=hash_, proposer=order[0], proposed_at=at, expires_at=at + timedelta(hours=72))
            )
            approvers = order[1 : 1 + len(self.plan.seats)]
            matter.yes = tuple(approve(KEYS, name, of=hash_, at=at, policy_hash=VERSION) for name in approvers)
            if self.plan.executing:
                matter.word = execute(KEYS, order[-1], AMOUNT, of=hash_, at=at)
            self.now += timedelta(hours=5)
            allowed = allowed or self._ask(matter.asked).allowed
            self.now = at
            if allowed:
                break
        in_days = self.now < PROPOSED + timedelta(days=25)
        assert allowed == self.plan.can(officers) or not in_days


@settings(max_examples=12, deadline=None)
@given(
    seats=SEATS,
    executing=EXECUTING,
    roles=st.permutations(OFFICES),
    double=st.booleans(),
    deputies=DEPUTIES,
    proposers=st.sets(st.sampled_from(NAMES), min_size=2, max_size=2),
)
def test_who_may_agrees_with_trying_everything(
    seats: list[set[str]],
    executing: tuple[str, ...],
    roles: list[tuple[str, ...]],
    double: bool,  # noqa: FBT001
    deputies: dict[str, str],
    proposers: set[str],
) -> None:
    """All people in all parts: the engine says yes exactly where somebody who tries every seating does."""
    plan, policy = made(seats, executing, roles, deputies, 0, double=double)
    yes = {name: approve(KEYS, name, at=PROPOSED) for name in NAMES}
    words = {name: execute(KEYS, name, AMOUNT, at=PROPOSED) for name in NAMES} if executing else {}
    groups = [set(group) for size in (1, 2) for group in combinations(NAMES, size)] + [{"ali", "bea", "cyr"}]
    for proposer, approvers in product(sorted(proposers), groups):
        for executor in (None, *words):
            matter = question(
                *(yes[name] for name in sorted(approvers)),
                proposer=proposer,
                execution=None if executor is None else words[executor],
            )
            decision = decide(policy, Standing(), MovementLog(), matter, PROPOSED)
            assert decision.allowed == plan.works(proposer, approvers, executor), decision


TestAuthority = AuthorityMachine.TestCase
TestAuthority.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
