"""Planted faults: every one is found, and nothing else; in policies without faults nothing is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy_corpus_reader import corpus, read_planted
from zakhira.controls.analysis.faults import analyse
from zakhira.controls.analysis.finding import PolicyCause

FEWEST_FILES = 25


@pytest.mark.parametrize("path", corpus(), ids=[path.stem for path in corpus()])
def test_what_was_planted_is_found_whole_and_nothing_else(path: Path) -> None:
    planted = read_planted(path)
    found = analyse(planted.policy, "regtest").findings
    told = [f"{item.cause.code} {item.table}.{item.id}" for item in found]
    assert sorted(told) == sorted(planted.finds), "\n".join(f"{item.message} {item.example}" for item in found)
    assert all(item.message and item.todo for item in found)


def test_the_corpus_has_every_cause_that_a_file_can_have() -> None:
    planted = {find.split()[0] for path in corpus() for find in read_planted(path).finds}
    missing = {cause.code for cause in PolicyCause} - planted
    assert missing == {PolicyCause.ONE_PERSON.code}, "the reader of the file refuses a rule without a quorum"
    assert sum(bool(read_planted(path).finds) for path in corpus()) >= FEWEST_FILES
