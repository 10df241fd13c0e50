"""Two policies in two processes end cases as one process does, and a process that dies costs nothing but time."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta

import pytest

from policy_corpus_reader import CORPUS, read_planted
from policy_draws import AT
from policy_replay import PAYEE, signing
from zakhira.controls.analysis.cases import Case, replay
from zakhira.controls.engine.question import Destination
from zakhira.kernel.money import sats
from zakhira.wiring import two_replays
from zakhira.wiring.two_replays import replay_both

OLD = signing(read_planted(CORPUS / "clean-plain.toml").policy)
NEW = replace(OLD, rules=tuple(replace(rule, windows=()) for rule in OLD.rules))
CASES = [
    Case(
        id=str(number),
        action="spend",
        proposer="treasury-1",
        proposed_at=AT + timedelta(hours=number),
        amount=sats(40_000_000),
        vault="cold",
        destinations=(Destination(PAYEE.address, sats(40_000_000)),),
        approvers=("comptroller-1", "director-1"),
    )
    for number in range(1_200)
]


@pytest.fixture(autouse=True)
def every_case_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second process for few cases, and on a machine with one core."""
    monkeypatch.setattr(two_replays, "WORTH_A_PROCESS", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def test_two_processes_answer_as_one() -> None:
    """The same endings, and words on how far each is."""
    told: dict[str, int] = {}
    reports = (lambda done, _total: told.update(old=done), lambda done, _total: told.update(new=done))
    before, after = replay_both(OLD, NEW, CASES, reports)
    assert before == replay(OLD, CASES)
    assert after == replay(NEW, CASES)
    assert before != after
    assert told == {"old": len(CASES), "new": len(CASES)}


def test_a_process_that_dies_is_made_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before its first word: its cases are replayed here."""

    def die(*_: object) -> None:
        os._exit(9)

    monkeypatch.setattr(two_replays, "_work", die)
    _, after = replay_both(OLD, NEW, CASES, (lambda *_: None, lambda *_: None))
    assert after == replay(NEW, CASES)
