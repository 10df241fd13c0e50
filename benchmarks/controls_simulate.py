"""How long 100,000 cases take under two policies, as `zakhira policy simulate` replays them: windows fill."""

from __future__ import annotations

import json
import random
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from zakhira.adapters.programme_folder import load_programme_file
from zakhira.controls.analysis.cases import Case, Ending, shifts
from zakhira.controls.engine.question import Destination
from zakhira.kernel.money import sats
from zakhira.programme.model import Policy
from zakhira.programme.policy import Payee
from zakhira.wiring.two_replays import replay_both

ROOT = Path(__file__).resolve().parent.parent
CASES = 100_000
START = datetime(2026, 7, 1, tzinfo=UTC)
DAYS = 365
PAYEES = 40
CREWS = 500
"""Different sets of people among the cases: the office of the programme has ten officers."""
LIMIT_S = 30.0


def programme_policy() -> Policy:
    """The policy of the national programme, with payees on its list."""
    policy = load_programme_file(ROOT / "programmes" / "pakistan-2000mw")[0].policy
    listed = tuple(
        Payee(f"payee-{number}", f"Payee {number}", f"bc1qpayee{number}", START - timedelta(days=30))
        for number in range(PAYEES)
    )
    return replace(policy, payees=listed)


def changed(policy: Policy) -> Policy:
    """The same with every window twice as long and every delay half as long."""
    return replace(
        policy,
        rules=tuple(
            replace(
                rule,
                delay_hours=rule.delay_hours // 2,
                windows=tuple(replace(window, hours=2 * window.hours) for window in rule.windows),
            )
            for rule in policy.rules
        ),
    )


def drawn_cases(policy: Policy, count: int, seed: int = 7) -> list[Case]:
    """A year of spends and moves of every size, most of them approved by the right people."""
    draw = random.Random(seed)  # noqa: S311 - cases, not keys
    roles: dict[str, list[str]] = {}
    for officer in policy.officers:
        for role in (officer.role, *officer.more_roles):
            roles.setdefault(role, []).append(officer.id)
    officers = [officer.id for officer in policy.officers]
    vaults = [vault.id for vault in policy.vaults]
    crews = [_crew(draw, policy, roles, officers) for _ in range(CREWS)]
    cases = []
    for number in range(count):
        at = START + timedelta(seconds=draw.randrange(DAYS * 86_400))
        amount = sats(int(10 ** draw.uniform(4, 10)))
        vault = draw.choice(vaults)
        is_move = draw.random() < 0.3
        place = (
            Destination(f"address-{number}", amount, draw.choice(vaults))
            if is_move
            else Destination(draw.choice(policy.payees).address, amount)
        )
        proposer, approvers, executor = draw.choice(crews)
        cases.append(
            Case(
                id=f"case-{number}",
                action="move" if is_move else "spend",
                proposer=proposer,
                proposed_at=at,
                amount=amount,
                vault=vault,
                destinations=(place,),
                purpose=draw.choice(("wages", "works", "reserve")),
                approvers=approvers,
                executor=executor,
                balance=sats(10**12),
            )
        )
    return cases


def _crew(
    draw: random.Random, policy: Policy, roles: dict[str, list[str]], officers: list[str]
) -> tuple[str, tuple[str, ...], str]:
    """Who proposes, approves and executes, by chance: some crews are enough for every rule, some for none."""
    proposer = draw.choice(roles[policy.propose_role])
    others = [officer for officer in officers if officer != proposer]
    approvers = draw.sample(others, min(len(others), draw.randrange(2, 7)))
    return proposer, tuple(approvers), draw.choice([name for name in others if name not in approvers] or others)


def _quiet(_done: int, _total: int) -> None:
    """Nobody watches."""


def simulate_s(count: int = CASES) -> float:
    """Seconds for ``count`` cases under two policies, and the comparison."""
    policy = programme_policy()
    cases = drawn_cases(policy, count)
    started = time.perf_counter()
    old, new = replay_both(policy, changed(policy), cases, (_quiet, _quiet))
    moved = shifts(cases, old, new)
    seconds = time.perf_counter() - started
    allowed = sum(outcome.ending is Ending.ALLOWED for outcome in old)
    print(f"{count:,} cases, {allowed:,} allowed, {sum(shift.cases for shift in moved):,} changed: {seconds:.1f} s")
    return seconds


if __name__ == "__main__":
    print(json.dumps({"simulate_s": round(simulate_s(), 2), "limit_s": LIMIT_S}))
