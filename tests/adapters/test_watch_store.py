"""The watchtower's disk: what is kept comes back, a kill anywhere loses nothing, notices wait until they are taken."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from custody_drill import COLD, NOW
from tower_drill import Tower, make_terms, signed_spend
from watch_walk import NAME, THEFTS, made_chain, walk_in_its_own_process
from zakhira.adapters import watch_store
from zakhira.adapters.watch_store import WatchStore, WatchStoreUnusable
from zakhira.watch.alarm import Alarm, AlarmKind, News, Notice
from zakhira.watch.delivery import LONGEST_WAIT, wait_after

NOTICE = Notice(News.RAISED, Alarm(AlarmKind.NODE_DOWN, "node down", "The node does not answer."), NOW, NOW)


@pytest.fixture
def store(tmp_path: Path) -> WatchStore:
    """An empty one."""
    return WatchStore(tmp_path / "state.sqlite")


def test_a_state_comes_back(store: WatchStore, tmp_path: Path) -> None:
    """Blocks, coins, a theft with its alarms, signed spends, instants: all of it, and what is taken away is gone."""
    tower = Tower(make_terms())
    held = tower.fund(COLD, 5_000_000)
    tower.say(tower.instruction("pay-1", held), "amina")
    tower.node.send(signed_spend(tower.instruction("theirs", held), held))
    tower.look()
    store.save(tower.state, (), (), NOW)
    again = WatchStore(tmp_path / "state.sqlite")
    assert again.load() == tower.state
    assert tower.state.raised
    less = replace(tower.state, raised={}, blocks={1: "ab" * 32})
    again.save(less, (), (), NOW)
    assert WatchStore(tmp_path / "state.sqlite").load() == less


def told_in(folder: Path) -> Counter[str]:
    """How often each theft was told."""
    lines = (folder / "told.jsonl").read_text(encoding="utf-8").splitlines()
    return Counter(json.loads(line)["key"] for line in lines)


def test_killed_anywhere_it_misses_nothing_and_does_not_repeat(tmp_path: Path) -> None:
    """Killed (signal 9) at places spread over all statements and deliveries; the same kill again; then undisturbed."""
    tower = made_chain()

    def run(name: str, kill_at: int) -> tuple[int, int]:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        return walk_in_its_own_process(tower, folder / "state.sqlite", folder / "told.jsonl", kill_at)

    code, places = run("whole", 0)
    assert code == 0
    undisturbed = told_in(tmp_path / "whole")
    assert len(undisturbed) == len(THEFTS)
    assert set(undisturbed.values()) == {1}
    for kill_at in range(1, places, max(1, places // 12)):
        name = f"killed {kill_at}"
        assert run(name, kill_at)[0] == -9
        assert run(name, 0)[0] == 0
        told = told_in(tmp_path / name)
        assert set(told) == set(undisturbed)
        # A kill between a delivery and its note lets that one be delivered again.
        assert sum(told.values()) <= len(THEFTS) + 1
        assert WatchStore(tmp_path / name / "state.sqlite").load().raised.keys() == undisturbed.keys()


def test_a_notice_waits_for_each_notifier_by_itself(store: WatchStore) -> None:
    """Delivered to one, put off for the other, with the trouble kept; an older one holds no younger one up."""
    state = store.load()
    store.save(state, (NOTICE,), ("a", "b"), NOW)
    first, second = store.due("a", NOW), store.due("b", NOW)
    assert first is not None
    assert second is not None
    store.delivered(first)
    store.failed(second, NOW + timedelta(seconds=5), "away")
    assert store.due("a", NOW) is None
    assert store.due("b", NOW) is None
    store.save(state, (NOTICE,), ("b",), NOW)
    younger = store.due("b", NOW)
    assert younger is not None
    assert younger.number > second.number
    later = store.due("b", NOW + timedelta(seconds=5))
    assert later is not None
    assert (later.number, later.tries, later.notice) == (second.number, 1, NOTICE.as_json())
    assert [(box.waiting, box.trouble) for box in store.boxes(("a", "b"))] == [(0, ""), (2, "away")]
    assert store.next_due("b") == NOW
    store.delivered(later)
    store.delivered(younger)
    assert store.next_due("b") is None


def test_a_full_outbox_is_told(store: WatchStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three find room and two do not: counted, and not a word of it is lost in silence."""
    monkeypatch.setattr(watch_store, "MOST_WAITING", 3)
    state = store.load()
    for _ in range(5):
        store.save(state, (NOTICE,), (NAME,), NOW)
    assert [(box.waiting, box.dropped) for box in store.boxes((NAME,))] == [(3, 2)]


def _notices(kind: AlarmKind, count: int, **facts: str) -> list[Notice]:
    alarms = [Alarm(kind, f"{kind.name}:{number}", "Something is wrong.", facts) for number in range(count)]
    return [Notice(News.RAISED, alarm, NOW, NOW) for alarm in alarms]


def test_places_are_kept_for_what_matters_most(store: WatchStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notices fill eight places of ten, what is critical nine, coins that moved the last; these are sent first."""
    monkeypatch.setattr(watch_store, "MOST_WAITING", 10)
    state = store.load()
    floods = [
        _notices(AlarmKind.FROZEN, 20),
        _notices(AlarmKind.NOT_GENUINE, 20),
        _notices(AlarmKind.NO_INSTRUCTION, 1, txid="ab" * 32),
    ]
    for flood in floods:
        store.save(state, flood, (NAME,), NOW)
    assert [(box.waiting, box.dropped) for box in store.boxes((NAME,))] == [(10, 31)]
    codes = []
    while (one := store.due(NAME, NOW)) is not None:
        codes.append(one.notice["code"])
        store.delivered(one)
    assert codes == ["ZK-WATCH-001", "ZK-WATCH-003", *["ZK-WATCH-017"] * 8]


def test_a_file_of_before_is_read(store: WatchStore, tmp_path: Path) -> None:
    """Of version 1, without ranks: what waits is delivered, and what is new is ranked."""
    store.save(store.load(), (NOTICE,), (NAME,), NOW)
    store._db.execute("ALTER TABLE waiting DROP COLUMN rank")
    store._db.execute("PRAGMA user_version = 1")
    store.close()
    again = WatchStore(tmp_path / "state.sqlite")
    again.save(again.load(), _notices(AlarmKind.NO_INSTRUCTION, 1, txid="ab" * 32), (NAME,), NOW)
    for code in ("ZK-WATCH-001", "ZK-WATCH-014"):
        one = again.due(NAME, NOW)
        assert one is not None
        assert one.notice["code"] == code
        again.delivered(one)
    assert again.due(NAME, NOW) is None


def test_a_file_that_is_none(tmp_path: Path) -> None:
    """Damaged, of another version, or in a folder that is not there."""
    (tmp_path / "bad").write_bytes(b"not a database at all, but long enough to be looked at" * 20)
    with pytest.raises(WatchStoreUnusable):
        WatchStore(tmp_path / "bad").load()
    made = WatchStore(tmp_path / "other")
    made._db.execute("PRAGMA user_version = 7")
    made.close()
    with pytest.raises(WatchStoreUnusable, match="version 7"):
        WatchStore(tmp_path / "other")
    with pytest.raises(WatchStoreUnusable):
        WatchStore(tmp_path / "none" / "state")


def test_waits_grow_up_to_an_hour() -> None:
    """5, 10, 20 seconds, and never more than an hour."""
    assert [wait_after(tries).total_seconds() for tries in (1, 2, 3)] == [5, 10, 20]
    assert wait_after(50) == wait_after(500) == LONGEST_WAIT
