"""The watch as it runs, on a real node: signed files, receivers that are away, figures, one keeper at a time."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conftest import RegtestNode
from custody_drill import CHAIN, COLD, NOW
from node_drill import Drill
from receivers import Inbox, webhook_server
from tower_drill import POLICY, THIEF, Tower, make_terms, signed_spend
from zakhira.adapters.bitcoind.process import BitcoindProcess
from zakhira.adapters.signed_folder import FolderSource, write_signed
from zakhira.custody.coin import Payment
from zakhira.custody.descriptor import derive_address
from zakhira.custody.spend import HeldCoin
from zakhira.watch.alarm import Notice, Telling
from zakhira.watch.ports import Heartbeat, SignedThings, SourceUnreadable
from zakhira.watch.terms import Limits
from zakhira.wiring.reserve_folder import NodeAddress
from zakhira.wiring.watch_courier import Courier, notifiers_of
from zakhira.wiring.watch_folder import WatchSettings, WebhookSettings
from zakhira.wiring.watch_run import WatchBusy, WatchRun, keeping, served

SECRET = "a secret of more than sixteen bytes"


def utc_now() -> datetime:
    """The machine's time."""
    return datetime.now(UTC)


def settings_for(process: BitcoindProcess, root: Path, *hooks: WebhookSettings) -> WatchSettings:
    """A watch over this node that reads a folder."""
    limits = Limits(tip_older_than=timedelta(0))
    node = NodeAddress(process.url, process.cookie)
    return WatchSettings(
        CHAIN, node, folder=root / "signed", look_ahead=3, limits=limits, telling=Telling(), webhooks=hooks
    )


@contextmanager
def running(root: Path, settings: WatchSettings, told: list[Notice]) -> Iterator[WatchRun]:
    """The run over a folder."""
    root.mkdir(exist_ok=True)
    terms = replace(make_terms(COLD), keys=(), limits=settings.limits, telling=settings.telling)
    with keeping(root, settings, terms, told.append, utc_now) as run:
        yield run


@pytest.fixture
def held(regtest_node: RegtestNode) -> tuple[HeldCoin, ...]:
    """Two coins of the cold vault on the node."""
    drill = Drill(regtest_node.chain, regtest_node.now)
    drill.begin(1_000_000_000)
    places = [derive_address(COLD, 0, number, CHAIN) for number in range(2)]
    payments = [Payment(place.address, 5_000_000) for place in places]
    regtest_node.chain.broadcast(regtest_node.chain.sign_pool_payment("pool-1", payments, 2))
    drill.mine()
    return drill.held(COLD, places)


def codes(told: list[Notice]) -> list[str]:
    """Codes of what was told."""
    return [notice.alarm.kind.code for notice in told]


def test_a_theft_is_told_to_a_receiver_that_was_away(
    regtest_node: RegtestNode, held: tuple[HeldCoin, ...], tmp_path: Path
) -> None:
    """The webhook is down when the coins move and while the watch is restarted; the notice comes when it is up."""
    inbox, told = Inbox(), list[Notice]()
    with webhook_server(inbox) as port:
        pass
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")
    hook = WebhookSettings("duty", inbox.url, tmp_path / "secret")
    settings = settings_for(regtest_node.process, tmp_path, hook)
    write_signed(tmp_path / "signed", SignedThings(heartbeat=Heartbeat(utc_now(), 1, "00" * 32)))
    root = tmp_path / "watch"
    with running(root, settings, told) as run:
        run.once()
        assert codes(told) == []
        theirs = Tower(make_terms(COLD)).instruction("theirs", held[:1], to=THIEF)
        regtest_node.rpc.call("sendrawtransaction", [signed_spend(theirs, held[:1], policy=POLICY)])
        run.once()
        assert codes(told) == ["ZK-WATCH-001"]
        assert [(box.waiting, box.dropped) for box in run._store.boxes(["duty"])] == [(1, 0)]
        assert "did not answer" in run._store.boxes(["duty"])[0].trouble
    with running(root, settings, told) as run, webhook_server(inbox, port):
        courier = Courier(root / "state.sqlite", notifiers_of(settings), lambda: utc_now() + timedelta(minutes=1))
        courier.wake()
        for _ in range(200):
            if inbox.bodies:
                break
            run.turn()
        courier.close()
    assert [notice["code"] for notice in inbox.notices] == ["ZK-WATCH-001"]
    assert codes(told) == ["ZK-WATCH-001"]


def test_a_node_that_is_restarted_and_figures(
    regtest_node: RegtestNode, held: tuple[HeldCoin, ...], tmp_path: Path
) -> None:
    """Down: told, and not ready. Metrics say so, over HTTP; another process cannot keep the same watch."""
    told: list[Notice] = []
    assert held
    write_signed(tmp_path / "signed", SignedThings(heartbeat=Heartbeat(utc_now(), 1, "00" * 32)))
    settings = settings_for(regtest_node.process, tmp_path)
    notes: list[str] = []
    with running(tmp_path / "watch", settings, told) as run, served(run, 0, notes.append):
        url = notes[0].removeprefix("Metrics: ")
        assert not all(check.is_ready for check in run.ready())
        run.once()
        assert all(check.is_ready for check in run.ready())
        with pytest.raises(WatchBusy), running(tmp_path / "watch", settings, told):
            pass
        regtest_node.process.stop()
        run.turn()
        assert codes(told) == ["ZK-WATCH-014"]
        assert not all(check.is_ready for check in run.ready())
        text = urllib.request.urlopen(url, timeout=10).read().decode()  # noqa: S310 - our own server
    assert 'zakhira_watch_alarm{code="ZK-WATCH-014",key="node down"} 1.0' in text
    assert 'zakhira_watch_alarms{severity="critical"} 1.0' in text
    assert f"zakhira_watch_height_blocks {float(run.state.height)}" in text


def test_a_folder_of_signed_files(tmp_path: Path) -> None:
    """Written once, again only what changed; read the same; damaged files and a missing folder are told."""
    things = SignedThings(
        {"pay/1": {"a": 1}, "pay-2": {"b": None}}, {"00000001": {"c": 2}}, Heartbeat(NOW, 7, "ab" * 32)
    )
    folder = tmp_path / "signed"
    assert write_signed(folder, things) == 4
    assert write_signed(folder, things) == 0
    source = FolderSource(folder)
    assert source.read() == things
    assert write_signed(folder, replace(things, spends={**things.spends, "pay-2": {"b": 3}})) == 1
    assert source.read().spends["pay-2"] == {"b": 3}
    (folder / "cut.json").write_text('{"format": "zakhira-spend", "ver', encoding="utf-8")
    (folder / "heartbeat.json").write_text("{}", encoding="utf-8")
    assert source.read().spends["cut.json"] is None
    assert source.read().heartbeat is None
    with pytest.raises(SourceUnreadable):
        FolderSource(tmp_path / "none").read()
