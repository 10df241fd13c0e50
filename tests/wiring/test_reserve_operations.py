"""Figures and health of a reserve on a real node and a real database: looked at from beside, and by the commands."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
from click.testing import CliRunner, Result
from prometheus_client.parser import text_string_to_metric_families

from books_bench import administrator_of
from conftest import PROJECT
from zakhira.adapters.log.log_file import LogUnwritable
from zakhira.adapters.metrics.sample import ReadyCheck
from zakhira.adapters.metrics.server import CannotListen, MetricsServer
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.software_signer import utc_now
from zakhira.cli.commands import zakhira
from zakhira.cli.custody_services import FollowOrder, ReserveOrder
from zakhira.wiring import lookout as lookout_module
from zakhira.wiring import reserve_operations
from zakhira.wiring.lookout import Lookout
from zakhira.wiring.reserve_desk import Desk, open_reserve
from zakhira.wiring.reserve_follow import follow_reserve
from zakhira.wiring.reserve_init import init_reserve
from zakhira.wiring.reserve_operations import follow_with_instruments
from zakhira.wiring.services import ProgramServices
from zakhira.wiring.settings import Settings

SMALL = PROJECT / "programmes" / "small"
SETTINGS = Settings(tools=PROJECT / ".tools")
PARTS = {"database", "node", "followed chain", "audit chain"}


def nothing(_stage: str, _done: float, _total: float, _note: str) -> None:
    """Progress that nobody looks at."""


@pytest.fixture(scope="module")
def folder(reserves_folder: Path) -> Path:
    """A drill's reserve."""
    made = reserves_folder / "operated"
    init_reserve(SETTINGS, ReserveOrder(made, SMALL, is_drill=True), dry_run=False)
    return made


@pytest.fixture(scope="module")
def desk(folder: Path) -> Iterator[Desk]:
    """The reserve, open: its node and its database stay up while the commands of these tests come and go."""
    with open_reserve(SETTINGS, folder, follows=True) as opened:
        yield opened


@pytest.fixture
def looking(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lookout]:
    """A look from beside, fresh at every question."""
    monkeypatch.setattr(lookout_module, "FRESH_S", -1.0)
    monkeypatch.setattr(lookout_module, "ANSWER_S", 2.0)
    with closing(Lookout(desk.terms, desk.archive.books, desk.node.address, utc_now)) as made:
        yield made


def get(url: str, path: str) -> tuple[int, str]:
    """One request; status and body."""
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def scrape(url: str) -> Mapping[str, float]:
    """The metrics without labels, and those with one by name and label."""
    status, body = get(url, "/metrics")
    assert status == 200
    samples = [sample for family in text_string_to_metric_families(body) for sample in family.samples]
    return {" ".join((sample.name, *sample.labels.values())): sample.value for sample in samples}


def readiness_of(url: str) -> tuple[int, Mapping[str, bool]]:
    """The status, and each part's."""
    status, body = get(url, "/readyz")
    return status, {check["part"]: check["ready"] for check in json.loads(body)["checks"]}


def node_process(desk: Desk) -> psutil.Process:
    """The private node's process."""
    name = str(desk.folder.node)
    found = [p for p in psutil.process_iter(["cmdline"]) if f"-datadir={name}" in (p.info["cmdline"] or ())]
    assert len(found) == 1
    return found[0]


def follow(desk: Desk) -> None:
    """Bring the books to the node's tip."""
    follow_reserve(desk, lambda _answer: None, nothing, once=True)


def test_a_reserve_becomes_ready_by_being_followed_and_a_hanging_node_is_told(desk: Desk, looking: Lookout) -> None:
    """Ready after the first turn; a node that answers nothing any more takes that away, figures stay; then back."""
    follow(desk)
    with MetricsServer(looking.samples, looking.ready, port=0) as server:
        assert readiness_of(server.url) == (200, dict.fromkeys(PARTS, True))
        before = scrape(server.url)
        assert (before["zakhira_node_up followed"], before["zakhira_database_up"]) == (1, 1)
        assert before["zakhira_followed_height_blocks"] == before["zakhira_node_height_blocks followed"]
        process = node_process(desk)
        process.suspend()
        try:
            status, parts = readiness_of(server.url)
            figures = scrape(server.url)
        finally:
            process.resume()
        assert (status, parts["node"], parts["database"]) == (503, False, True)
        assert (figures["zakhira_node_up followed"], figures["zakhira_part_ok node"]) == (0, 0)
        assert figures["zakhira_followed_height_blocks"] == before["zakhira_followed_height_blocks"]
        assert "zakhira_node_height_blocks followed" not in figures
        assert readiness_of(server.url)[0] == 200


def test_books_that_fall_behind_are_not_ready(desk: Desk, looking: Lookout) -> None:
    """Two blocks are in order, a third is not; following makes it good."""
    follow(desk)
    desk.node.rpc.call("generatetodescriptor", [2, "raw(51)"])
    assert all(check.is_ready for check in looking.ready())
    desk.node.rpc.call("generatetodescriptor", [1, "raw(51)"])
    late = {check.part: check for check in looking.ready()}["followed chain"]
    assert not late.is_ready
    assert "3 behind the node" in late.detail
    follow(desk)
    assert all(check.is_ready for check in looking.ready())


def test_a_database_that_is_away_is_a_figure(desk: Desk) -> None:
    """The scrape itself succeeds and says so; readiness is lost."""
    away = PostgresBooks("postgresql://nobody:s3cret@127.0.0.1:1/none")
    with closing(Lookout(desk.terms, away, desk.node.address, utc_now)) as looking:
        figures = {sample.name: sample.value for sample in looking.samples()}
        checks = {check.part: check for check in looking.ready()}
    assert (figures["zakhira_database_up"], figures["zakhira_node_up"]) == (0, 1)
    assert checks["database"] == ReadyCheck(
        "database", is_ready=False, detail=checks["database"].detail, remedy=checks["database"].remedy
    )
    assert checks["database"].detail.startswith("ZK-BOOKS-")
    assert "s3cret" not in str(checks)


def test_a_look_leaves_no_transaction_open_and_mends_its_connection(desk: Desk, looking: Lookout) -> None:
    """Between scrapes the connection is idle and holds nothing; ended by the operator, it is made again."""
    looking.look()
    others = """
        SELECT state, pid FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND datname = current_database()
    """
    with psycopg.connect(administrator_of(desk.folder.root), autocommit=True) as operator:
        rows = operator.execute(others).fetchall()
        assert {state for state, _ in rows} == {"idle"}
        for _, pid in rows:
            operator.execute("SELECT pg_terminate_backend(%s)", (pid,))
    assert {sample.name: sample.value for sample in looking.samples()}["zakhira_database_up"] == 1


def test_readers_at_once_cost_one_look(desk: Desk) -> None:
    """Within a second the same look is told."""
    with closing(Lookout(desk.terms, desk.archive.books, desk.node.address, utc_now)) as looking:
        first, _ = looking.look()
        assert looking.look()[0] is first


def call(*words: str, settings: Settings = SETTINGS) -> Result:
    """A command of the real program."""
    return CliRunner().invoke(zakhira, words, obj=ProgramServices(settings), standalone_mode=False)


def test_health_is_a_table_and_an_exit_code(desk: Desk, folder: Path) -> None:
    """Sign and word for each part; 0 when nothing fails, 1 when something does; the same facts as JSON."""
    follow(desk)
    done = call("reserve", "health", str(folder))
    assert done.exit_code == 0
    assert "✓ ok   node" in done.output
    desk.node.rpc.call("generatetodescriptor", [3, "raw(51)"])
    failed = call("reserve", "health", str(folder))
    assert failed.exit_code == 1
    assert "✗ failing  followed chain" in failed.output
    assert f"zakhira reserve follow {folder}" in " ".join(failed.output.split())
    facts = json.loads(call("reserve", "health", str(folder), "--json").output)
    assert facts["healthy"] is False
    assert {part["part"]: part["state"] for part in facts["parts"]}["node"] == "ok"
    follow(desk)
    assert call("reserve", "health", str(folder / "none")).exit_code == 2


def test_metrics_once_for_a_textfile_collector(desk: Desk, folder: Path, tmp_path: Path) -> None:
    """Printed, or written whole to a file; --dry-run writes nothing; a file that cannot be is a clear error."""
    printed = call("reserve", "metrics", str(folder))
    assert printed.exit_code == 0
    families = {family.name for family in text_string_to_metric_families(printed.stdout)}
    assert {"zakhira_database_up", "zakhira_spends", "zakhira_unsealed_writes"} <= families
    assert "zakhira_follower_turns" not in families
    file = tmp_path / "zakhira.prom"
    assert call("reserve", "metrics", str(folder), "--out", str(file), "--dry-run").stdout.startswith("# HELP")
    assert not file.exists()
    written = call("reserve", "metrics", str(folder), "--out", str(file))
    assert (written.stdout, written.stderr) == ("", f"Written to {file}.\n")
    assert {family.name for family in text_string_to_metric_families(file.read_text())} == families
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    refused = call("reserve", "metrics", str(folder), "--out", str(tmp_path))
    assert (refused.exit_code, "ZK-WIRING-061" in refused.stderr) == (3, True)
    samples = json.loads(call("reserve", "metrics", str(folder), "--json").stdout)["samples"]
    assert {"name": "zakhira_database_up", "kind": "gauge", "labels": {}, "value": 1.0} in samples


def test_a_port_in_use_ends_the_command_before_anything_is_followed(desk: Desk, folder: Path, tmp_path: Path) -> None:
    """With its own code, in the log too."""
    log = tmp_path / "log.jsonl"
    with MetricsServer(list, list, port=0) as taken:
        port = int(taken.url.rpartition(":")[2])
        order = FollowOrder(folder, once=True, metrics_port=port, log=str(log))
        with pytest.raises(CannotListen):
            follow_with_instruments(SETTINGS, order, lambda _answer: None, lambda _text: None, nothing)
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(entry["level"], entry.get("code")) for entry in entries] == [("error", "ZK-METRICS-001")] * 2
    assert {entry["reserve"] for entry in entries} == {desk.terms.id}


def test_commands_are_logged_where_a_setting_says_so(desk: Desk, folder: Path, tmp_path: Path) -> None:
    """How each ended, by which error; without the setting nothing is; a log that cannot be is told before any work."""
    log = tmp_path / "log.jsonl"
    told = Settings(tools=SETTINGS.tools, log=str(log), passphrase="correct horse battery")
    assert call("reserve", "status", str(folder), settings=told).exit_code == 0
    missing = tmp_path / "correct horse battery"
    assert call("reserve", "status", str(missing), settings=told).exit_code == 2
    text = log.read_text()
    entries = [json.loads(line) for line in text.splitlines()]
    assert [(entry["event"], entry.get("exit"), entry.get("code")) for entry in entries] == [
        ("command ended", 0, None),
        ("failed", None, "ZK-WIRING-020"),
        ("command ended", 2, None),
    ]
    assert entries[0]["reserve"] == desk.terms.id
    assert all(entry["command"].endswith("reserve status") for entry in entries)
    assert "battery" not in text
    refused = call("reserve", "status", str(folder), settings=Settings(tools=SETTINGS.tools, log=str(tmp_path)))
    assert (refused.exit_code, "ZK-WIRING-060" in refused.stderr) == (3, True)


def test_a_log_that_nobody_asked_for_may_be_missing(desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the follower's own log cannot be, it is told and the chain is followed; one that was named must be."""

    class Enough(Exception):
        """Somebody stops the command."""

    def stop(*_arguments: object, **_more: object) -> None:
        raise Enough

    notes: list[str] = []
    monkeypatch.setattr(reserve_operations, "FOLLOW_LOG", Path("reserve.toml") / "follow.jsonl")
    monkeypatch.setattr(reserve_operations, "follow_reserve", stop)
    with pytest.raises(Enough):
        follow_with_instruments(SETTINGS, FollowOrder(folder), lambda _answer: None, notes.append, nothing)
    assert notes[0].startswith("ZK-WIRING-060")
    named = FollowOrder(folder, log=str(folder / "reserve.toml" / "x"))
    with pytest.raises(LogUnwritable):
        follow_with_instruments(SETTINGS, named, lambda _answer: None, notes.append, nothing)


@dataclass(frozen=True)
class Follower:
    """``reserve follow`` as a process of its own, and where it serves its metrics."""

    process: subprocess.Popen[str]
    url: str


@pytest.fixture
def follower(desk: Desk, folder: Path) -> Iterator[Follower]:
    """The real command, started as a user starts it."""
    words = [str(Path(sys.executable).with_name("zakhira")), "reserve", "follow", str(folder), "--metrics-port", "0"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    process = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment, cwd=PROJECT
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    assert line.startswith("Metrics are at http://127.0.0.1:"), line + process.stderr.read()
    yield Follower(process, line.split()[3].removesuffix("/metrics,"))
    if process.poll() is None:
        process.kill()
    process.wait()
    process.stderr.close()


def test_the_follower_serves_its_figures_and_writes_its_log(desk: Desk, folder: Path, follower: Follower) -> None:
    """A block comes and is seen in the metrics; Ctrl-C ends it; the log has it all, by default, in the folder."""
    desk.node.rpc.call("generatetodescriptor", [1, "raw(51)"])
    height, _ = desk.treasury.node.tip()
    deadline = time.monotonic() + 60
    while (figures := scrape(follower.url)).get("zakhira_followed_height_blocks") != height:
        assert time.monotonic() < deadline, figures
        time.sleep(0.2)
    assert figures["zakhira_follower_turns_total"] >= 1
    assert 0 <= figures["zakhira_follower_last_turn_age_seconds"] < 60
    assert readiness_of(follower.url)[0] == 200
    follower.process.send_signal(signal.SIGINT)
    assert follower.process.wait(60) == 130
    log = folder / "log" / "follow.jsonl"
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert [entries[0]["event"], entries[-1]["event"]] == ["following", "following ended"]
    assert height in {entry.get("height") for entry in entries}
    assert {(entry["reserve"], entry["command"]) for entry in entries} == {(desk.terms.id, "zakhira reserve follow")}
    assert log.stat().st_mode & 0o077 == 0
