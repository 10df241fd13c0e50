"""A stolen quorum: three keys sign outside the coordinator, the coins move, and the watchtower says so at once.

The reserve is a drill's on a real regtest node; the watchtower is a process of its own with its own connection to the
node, its own copy of the policy, and read access to signed instructions alone.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest

from books_bench import administrator_of
from watch_process import OFFICERS, Reserve, WatchProcess, by_instruction, largest, look_ahead_less, open_drill, stolen
from zakhira.flows.ports.chain_pool import pool_address
from zakhira.kernel.money import sats

THIEF, PAYEE = pool_address("a thief"), pool_address("a contractor")
WITHIN_S = 5.0
"""[E] two for the mempool, and what a machine with two busy cores takes to hear of it"""
KEYS = ("cold-1", "cold-3", "cold-5")


@dataclass(frozen=True)
class Scene:
    """A reserve whose cold vault (3 of 5) holds coins, and a watch over it."""

    reserve: Reserve
    watch: Path

    def send(self, raw: str) -> float:
        """Hand a transaction to the node as anybody can; the moment."""
        self.reserve.desk.node.rpc.call("sendrawtransaction", [raw])
        return time.monotonic()


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """Coins of half a bitcoin and a little more each, so that each spend has its own."""
    with tempfile.TemporaryDirectory(prefix="zakhira-stolen-", ignore_cleanup_errors=True) as name:
        root = Path(name)
        root.chmod(0o755)  # the database's own user passes through when the tests run as root
        with open_drill(root / "reserve") as reserve:
            reserve.fund("cold", *(50_000_000 + 100_000 * number for number in range(5)))
            made = reserve.type("watch", "init", str(root / "watch"), "--reserve", str(reserve.folder))
            assert made["vaults"] == ["cold"]
            look_ahead_less(root / "watch")
            yield Scene(reserve, root / "watch")


def test_an_honest_spend_and_its_dearer_version_are_no_alarm(scene: Scene) -> None:
    """Proposed, approved by two, signed by three, sent, bumped, confirmed: the watch says nothing."""
    reserve = scene.reserve
    with WatchProcess(scene.watch) as watch:
        watch.await_first_look()
        reserve.propose("pay-1", "cold", PAYEE, 10_000_000)
        reserve.approve("pay-1", *OFFICERS)
        first = reserve.carry("pay-1", "cold-1", "cold-2", "cold-3")
        watch.await_spend(scene.watch, first)
        second = reserve.carry("pay-1", "cold-2", "cold-3", "cold-4", dearer=True)
        watch.await_spend(scene.watch, second)
        reserve.mine(3)
        watch.await_height(scene.watch, reserve.desk.treasury.node.tip()[0])
        assert watch.codes() == []
        assert watch.stop() == 130
    facts = reserve.type("watch", "status", str(scene.watch))
    assert facts["spends_seen"] == 2
    assert facts["alarms"] == []
    assert facts["heartbeat"]


def test_three_stolen_keys(scene: Scene) -> None:
    """No instruction at all: said within seconds in the mempool, and once more in the block after a kill."""
    reserve = scene.reserve
    with WatchProcess(scene.watch) as watch:
        watch.await_first_look()
        raw, sats_paid = stolen(reserve, "cold", KEYS, THIEF)
        sent = scene.send(raw)
        told = watch.wait_for("ZK-WATCH-001")
        assert told["heard"] - sent < WITHIN_S
        assert "Rule broken: no coin of a vault moves without an approved instruction" in told["sentence"]
        assert all(name in told["sentence"] for name in (*KEYS, THIEF, str(sats(sats_paid))))
        watch.kill()
    reserve.mine()
    with WatchProcess(scene.watch) as watch:
        told = watch.wait_for("ZK-WATCH-001", "changed")
        assert "in block" in told["sentence"]
        assert watch.codes() == [("changed", "ZK-WATCH-001")]
    facts = reserve.type("watch", "run", str(scene.watch), "--once", exit_code=1)
    assert [alarm["code"] for alarm in facts["alarms"]] == ["ZK-WATCH-001"]


def test_an_instruction_that_too_few_approved(scene: Scene) -> None:
    """The instruction stands in the books with one approval of two; the thieves carry it out to the satoshi."""
    reserve = scene.reserve
    with WatchProcess(scene.watch) as watch:
        watch.await_first_look()
        reserve.propose("pay-2", "cold", THIEF, largest(reserve, "cold") - 2_000)
        reserve.approve("pay-2", "comptroller-1")
        sent = scene.send(by_instruction(reserve, "pay-2", KEYS))
        told = watch.wait_for("ZK-WATCH-002")
        assert told["heard"] - sent < WITHIN_S
        assert "missing: director" in told["sentence"]
        assert "Rule broken: rule" in told["sentence"]
        assert told["facts"]["spend"] == "pay-2"
        reserve.mine()


def test_an_instruction_that_was_edited_in_the_database(scene: Scene) -> None:
    """Approved by both for the payee; the owner of the database writes the thief's address in, and the coins go."""
    reserve = scene.reserve
    with WatchProcess(scene.watch) as watch:
        watch.await_first_look()
        reserve.propose("pay-3", "cold", PAYEE, largest(reserve, "cold") - 2_000)
        reserve.approve("pay-3", *OFFICERS)
        with psycopg.connect(administrator_of(reserve.folder), autocommit=True) as owner:
            owner.execute("ALTER TABLE zakhira.record DISABLE TRIGGER USER")
            owner.execute(
                "UPDATE zakhira.record SET body = jsonb_set(body, '{instruction,payments,0,address}', "
                "to_jsonb(%s::text)) WHERE kind = 'treasury spend' AND id = 'pay-3'",
                (THIEF,),
            )
            owner.execute("ALTER TABLE zakhira.record ENABLE TRIGGER USER")
        told = watch.wait_for("ZK-WATCH-003")
        assert "pay-3" in told["sentence"]
        scene.send(by_instruction(reserve, "pay-3", KEYS))
        told = watch.wait_for("ZK-WATCH-002")
        assert "pay-3" in told["sentence"]


def test_a_watch_that_is_fed_from_a_folder_and_a_copy_that_is_renewed(scene: Scene, tmp_path: Path) -> None:
    """Exported files in place of the database, with their own verdict; a renewed copy says what is new."""
    reserve, signed, tower = scene.reserve, tmp_path / "signed", tmp_path / "tower"
    folder = str(reserve.folder)
    dry = reserve.type("watch", "export", folder, "--out", str(signed), "--dry-run")
    assert dry["dry_run"]
    assert not signed.exists()
    told = reserve.type("watch", "export", folder, "--out", str(signed))
    assert (told["spends"], told["written"]) == (3, 5)
    assert reserve.type("watch", "export", folder, "--out", str(signed))["written"] == 0
    words = ("watch", "init", str(tower), "--reserve", folder, "--source", str(signed))
    by_login = replace(reserve, settings=replace(reserve.settings, database_url=reserve.desk.archive.books.logins.app))
    assert by_login.type(*words[:-2], exit_code=2)["error"]["code"] == "ZK-WIRING-095"
    assert reserve.type(*words, "--dry-run")["dry_run"]
    assert not tower.exists()
    reserve.type(*words)
    assert reserve.type(*words, exit_code=2)["error"]["code"] == "ZK-WIRING-091"
    look_ahead_less(tower)
    facts = reserve.type("watch", "run", str(tower), "--once", exit_code=1)
    by_database = reserve.type("watch", "run", str(scene.watch), "--once", exit_code=1)
    assert {alarm["key"] for alarm in facts["alarms"]} == {alarm["key"] for alarm in by_database["alarms"]}
    # The version that was replaced in the mempool was seen by the watch that looked then alone.
    assert facts["spends_seen"] == by_database["spends_seen"] - 1
    reserve.fund("intake", 20_000_000)
    renewed = reserve.type("watch", "init", str(tower), "--reserve", folder, "--renew")
    assert renewed["changes"] == [["vault intake", "not watched", "in use"]]
    assert reserve.type("watch", "status", str(tower))["vaults"] == ["cold", "intake"]
