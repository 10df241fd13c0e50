"""What an analysis of a policy finds: the cause, where, and an example that anybody can follow."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from zakhira.controls.analysis.cells import Cell


class Severity(Enum):
    """Whether a policy may be used with it."""

    FAULT = "fault"
    WARNING = "warning"


class PolicyCause(Enum):
    """Every cause with its code's number, what it means, and what to do unless the finding knows better."""

    NEVER_DECIDES = (80, "a rule that never decides", "Put it before the rules that cover it, or remove it.")
    OVERLAP = (81, "two rules overlap and answer differently", "Say in one of them which of the two is meant.")
    TOO_FEW_PEOPLE = (82, "a quorum larger than the people who hold its roles", "Add officers or lower the quorum.")
    NEVER_MET = (83, "conditions that can never be met together", "Change one of the conditions.")
    SPLITS = (84, "a limit that several small matters pass together", "Add [[rule.window]] with a limit below it.")
    LAXER_VAULT = (85, "fewer people by way of another vault", "Ask as many of moves into that vault.")
    RECOVERY_UNCOVERED = (86, "a recovery path that no rule covers", 'Add a rule with paths = ["recovery"].')
    RECOVERY_LAXER = (87, "a recovery path that asks fewer people than the main path", "Ask as many of it.")
    AUTHORITY_LAXER = (
        88,
        "fewer people change the policy, thaw or accept a vault than spend the most",
        "Ask as many of it as of the most spend.",
    )
    ONE_PERSON = (89, "one person can do it alone", "Add [[rule.quorum]].")
    ONE_ROLE = (90, "people of one role can do all of it", "Ask for another role in the quorum.")
    NOT_COVERED = (91, "a vault or an action that no rule allows", "Add a rule, or leave it if it is meant.")
    CALENDAR = (92, "days or hours that make no sense", "Mend them.")
    NOT_THERE = (93, "something is named that is not there", "Name something that is there.")
    STATUTE_CONTRADICTS = (94, "a rule allows what a statute refuses", "Refuse it in the rule, or look at the statute.")
    BILL_AS_LAW = (95, "a bill is applied as if it were verified law", 'Write status = "bill" and verified = "no".')
    DOUBLE_OFFICE = (96, "one person who would count twice", "Write person = with the same id in both offices.")
    DEPUTY_LEAVES_TOO_FEW = (97, "a deputyship that leaves too few people", "Name another deputy.")
    NOT_READ = (98, "a statute whose text no person has read", 'Have it read, then write verified = "yes".')
    SHORT_LOCK = (99, "a change of the policy that is in force too soon", "Write change_lock_hours = 48 or more.")

    @property
    def code(self) -> str:
        """The stable code."""
        return f"ZK-CONTROLS-{self.value[0]:03d}"

    @property
    def meaning(self) -> str:
        """What is wrong, in general."""
        return self.value[1]

    @property
    def remedy(self) -> str:
        """What to do, unless the finding knows better."""
        return self.value[2]


@dataclass(frozen=True)
class Step:
    """One matter of an example: what is asked, who takes part, and the rule that allows it."""

    cell: Cell
    rule: str
    proposer: str = ""
    approvers: tuple[str, ...] = ()
    executor: str = ""
    """empty: nobody has to"""
    times: int = 1
    """how often, one after the other; where the cell leaves it open, to others or for other purposes each time"""

    @property
    def officers(self) -> tuple[str, ...]:
        """Everybody who takes part."""
        return tuple(name for name in (self.proposer, *self.approvers, self.executor) if name)

    def __str__(self) -> str:
        told = f"{self.cell}" if self.times == 1 else f"{self.times:,} times a {self.cell}"
        told += f" (rule {self.rule})"
        if not self.proposer:
            return told
        told += f": {self.proposer} proposes"
        if self.approvers:
            told += f", {' and '.join(self.approvers)} approve"
        return told + (f", {self.executor} executes" if self.executor else "")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. ``table`` and ``id`` name the record of the programme file, ``key`` the key in it."""

    cause: PolicyCause
    severity: Severity
    table: str
    id: str
    key: str
    message: str
    steps: tuple[Step, ...] = ()
    """the example: for a way that needs too few people, what they do one after the other"""
    people: tuple[str, ...] = ()
    """the officers of the example; one person each"""
    remedy: str = ""

    @property
    def todo(self) -> str:
        """What to do."""
        return self.remedy or self.cause.remedy

    @property
    def example(self) -> str:
        """The example in words; empty where the message says all."""
        return ("; then " if self.people else "; ").join(map(str, self.steps))


@dataclass(frozen=True)
class Analysis:
    """All findings, faults first, and what was not looked at because it would take too long."""

    findings: tuple[Finding, ...]
    bounds: tuple[str, ...] = ()

    @property
    def faults(self) -> tuple[Finding, ...]:
        """Those with which a policy should not be used."""
        return tuple(item for item in self.findings if item.severity is Severity.FAULT)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Those that somebody may have meant."""
        return tuple(item for item in self.findings if item.severity is Severity.WARNING)
