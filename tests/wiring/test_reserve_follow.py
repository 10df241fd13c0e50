"""Following for a long time: a node that is away is waited for, a private one that ended is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import PROJECT
from zakhira.cli.answer import Answer
from zakhira.cli.custody_services import ReserveOrder
from zakhira.flows.following import follow_chain
from zakhira.flows.ports.chain_errors import NodeUnreachable
from zakhira.wiring import reserve_follow
from zakhira.wiring.reserve_desk import Desk, open_reserve
from zakhira.wiring.reserve_follow import follow_reserve
from zakhira.wiring.reserve_init import init_reserve
from zakhira.wiring.settings import Settings

SMALL = PROJECT / "programmes" / "small"


class Enough(Exception):  # a person's Ctrl-C
    """Somebody stops the command."""


@pytest.fixture(scope="module")
def desk(reserves_folder: Path) -> Iterator[Desk]:
    """A drill's reserve, open."""
    settings = Settings(tools=PROJECT / ".tools")
    folder = reserves_folder / "followed"
    init_reserve(settings, ReserveOrder(folder, SMALL, is_drill=True), dry_run=False)
    with open_reserve(settings, folder, follows=True) as opened:
        yield opened


def nothing(_stage: str, _done: float, _total: float, _note: str) -> None:
    """Progress that nobody looks at."""


def test_a_named_node_that_is_away_is_waited_for_and_told_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told when it is away for a second time, then not again; what comes after is followed on."""
    turns = iter([None, *[NodeUnreachable("The node is away.", "")] * 4, None])
    told: list[str] = []

    def follow(*arguments: object) -> object:
        trouble = next(turns, Enough())
        if trouble is not None:
            raise trouble
        return follow_chain(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(reserve_follow, "follow_chain", follow)
    monkeypatch.setattr(reserve_follow, "WAIT_S", 0.01)
    monkeypatch.setattr(reserve_follow, "RETRY_S", 0.0)
    named = replace(desk, node=replace(desk.node, is_private=False))
    with pytest.raises(Enough):
        follow_reserve(named, lambda answer: told.append(answer.sentence), nothing, once=False)
    assert told[0].startswith("At block 0")
    assert [sentence for sentence in told if "away" in sentence] == [
        "Waiting for the node: ZK-CHAIN-001 The node is away."
    ]


def test_a_private_node_that_ended_ends_the_command(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would start it again: the error says so, at once; and with --once any node's absence is an error."""

    def away(*_arguments: object) -> object:
        raise NodeUnreachable("bitcoind was ended.", "Run the same command again.")

    monkeypatch.setattr(reserve_follow, "follow_chain", away)
    for opened, once in ((desk, False), (replace(desk, node=replace(desk.node, is_private=False)), True)):
        with pytest.raises(NodeUnreachable):
            follow_reserve(opened, lambda _answer: None, nothing, once=once)


def test_each_turn_is_plain_facts(desk: Desk) -> None:
    """What --json prints can be read back, whatever happened."""
    told: list[Answer] = []
    follow_reserve(desk, told.append, nothing, once=True)
    facts = json.loads(json.dumps(told[0].facts))
    assert facts["spends"]["confirmed"] == []
    assert facts["height"] == 0
