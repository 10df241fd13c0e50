"""Scraped over HTTP: the three paths, what is refused, a port in use, and readers who come badly."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from zakhira.adapters.metrics.sample import Metric, ReadyCheck, Sample
from zakhira.adapters.metrics.server import MOST_AT_ONCE, CannotListen, MetricsServer
from zakhira.kernel.errors import OutsideFailure

HEIGHT = Metric("zakhira_followed_height_blocks", "Height.")


@dataclass
class Scripted:
    """What a test lets the server tell."""

    samples: list[Sample] = field(default_factory=lambda: [HEIGHT.sample(7)])
    checks: list[ReadyCheck] = field(default_factory=lambda: [ReadyCheck("node", is_ready=True, detail="answers")])
    error: Exception | None = None
    gate: threading.Event | None = None
    asked: int = 0

    def tell(self) -> Sequence[Sample]:
        """The samples, after the gate is open."""
        self.asked += 1
        if self.gate is not None:
            assert self.gate.wait(20)
        if self.error is not None:
            raise self.error
        return self.samples

    def ready(self) -> Sequence[ReadyCheck]:
        """The checks."""
        if self.error is not None:
            raise self.error
        return self.checks


@pytest.fixture
def told() -> Scripted:
    """What is told."""
    return Scripted()


@pytest.fixture
def server(told: Scripted) -> Iterator[MetricsServer]:
    """A server on a free port of this machine."""
    with MetricsServer(told.tell, told.ready, port=0) as served:
        yield served


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    body: str
    headers: dict[str, str]


def ask(server: MetricsServer, path: str, method: str = "GET", **headers: str) -> Reply:
    """One request."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    reply = Reply(answer.status, answer.read().decode(), {name.lower(): value for name, value in answer.getheaders()})
    connection.close()
    return reply


def port_of(server: MetricsServer) -> int:
    """Its port."""
    return int(urlsplit(server.url).port or 0)


def test_metrics_are_scraped(server: MetricsServer) -> None:
    """By Prometheus' own parser, in the format that the scraper asks for; nobody may keep them."""
    reply = ask(server, "/metrics?x=1")
    families = list(text_string_to_metric_families(reply.body))
    assert [(sample.name, sample.value) for sample in families[0].samples] == [("zakhira_followed_height_blocks", 7.0)]
    assert (reply.status, reply.headers["cache-control"]) == (200, "no-store")
    assert reply.headers["content-type"].startswith("text/plain; version=")
    other = ask(server, "/metrics", Accept="application/openmetrics-text;version=1.0.0")
    assert other.headers["content-type"].startswith("application/openmetrics-text")
    assert other.body.endswith("# EOF\n")


def test_it_is_for_this_machine_alone(server: MetricsServer) -> None:
    """Unless somebody says so: holdings are told without a password."""
    assert urlsplit(server.url).hostname == "127.0.0.1"


def test_alive_and_ready(server: MetricsServer, told: Scripted) -> None:
    """Alive while it answers; ready while no check fails, and each check is told either way."""
    assert (ask(server, "/healthz").status, ask(server, "/healthz").body) == (200, "alive\n")
    assert ask(server, "/readyz").status == 200
    told.checks.append(ReadyCheck("audit chain", is_ready=False, detail="3 not sealed", remedy="Look."))
    reply = ask(server, "/readyz")
    assert reply.status == 503
    facts = json.loads(reply.body)
    assert facts["ready"] is False
    assert facts["checks"][1] == {"part": "audit chain", "ready": False, "detail": "3 not sealed", "remedy": "Look."}


def test_an_error_is_no_figure(server: MetricsServer, told: Scripted) -> None:
    """A scrape that cannot be answered fails, so that Prometheus' own `up` says so; readiness names the error."""
    told.error = OutsideFailure("The database does not answer.", "Start it.")
    assert (ask(server, "/metrics").status, ask(server, "/readyz").status) == (503, 503)
    assert "does not answer" in ask(server, "/metrics").body
    assert json.loads(ask(server, "/readyz").body)["checks"][0]["remedy"] == "Start it."
    assert ask(server, "/healthz").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_refused(server: MetricsServer, told: Scripted, method: str) -> None:
    """405 with what is allowed, and nothing is asked."""
    reply = ask(server, "/metrics", method)
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")
    assert told.asked == 0


def test_head_has_no_body(server: MetricsServer) -> None:
    """Its headers are those of GET."""
    head, whole = ask(server, "/metrics", "HEAD"), ask(server, "/metrics")
    assert (head.status, head.body) == (200, "")
    assert head.headers["content-length"] == whole.headers["content-length"] == str(len(whole.body))


@pytest.mark.parametrize("path", ["/", "/metrics/", "/../metrics", "/Metrics", "/favicon.ico"])
def test_other_paths_are_not_there(server: MetricsServer, path: str) -> None:
    """404, and what there is."""
    reply = ask(server, path)
    assert (reply.status, reply.body) == (404, "There is /metrics, /healthz, /readyz.\n")


def test_a_port_in_use_is_a_clear_error(server: MetricsServer, told: Scripted) -> None:
    """With the address, the reason and what to do; and so are a port that is none and a host of another machine."""
    for host, port, reason in (
        ("127.0.0.1", port_of(server), "already in use"),
        ("127.0.0.1", 99_999, "0-65535"),
        ("192.0.2.1", 0, "assign"),
        ("no such host", 0, ""),
    ):
        with pytest.raises(CannotListen, match="ZK-METRICS-001") as caught:
            MetricsServer(told.tell, told.ready, port=port, host=host)
        assert f"{host}:{port}" in caught.value.message
        assert reason in caught.value.message
        assert "--metrics-port" in caught.value.remedy


def test_a_closed_server_gives_its_port_back(told: Scripted) -> None:
    """The next one on the same port answers, though connections of the first are still dying."""
    with MetricsServer(told.tell, told.ready, port=0) as first:
        port = port_of(first)
        ask(first, "/metrics")
    with MetricsServer(told.tell, told.ready, port=port) as second:
        assert ask(second, "/metrics").status == 200


def test_a_reader_who_says_nothing_or_nonsense_holds_nobody_up(
    server: MetricsServer, told: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    """Open connections, bytes that are no HTTP, and a reader who leaves: others are answered, nothing is written."""
    address = ("127.0.0.1", port_of(server))
    silent = [socket.create_connection(address) for _ in range(3)]
    with socket.create_connection(address) as odd:
        odd.sendall(b"\x16\x03\x01\x00\r\n\r\n")
        assert b"Bad request" in odd.recv(1000)
    with socket.create_connection(address) as gone:
        gone.sendall(b"GET /metrics HTTP/1.1\r\n")
    assert ask(server, "/metrics").status == 200
    for item in silent:
        item.close()
    assert capsys.readouterr() == ("", "")


def test_too_many_readers_are_sent_away_and_life_is_still_told(server: MetricsServer, told: Scripted) -> None:
    """While the database is slow, readers wait up to a number; who comes beyond it is told, and /healthz answers."""
    told.gate = threading.Event()
    replies: list[int] = []
    readers = [
        threading.Thread(target=lambda: replies.append(ask(server, "/metrics").status)) for _ in range(MOST_AT_ONCE)
    ]
    for reader in readers:
        reader.start()
    deadline = time.monotonic() + 20
    while not _is_full(server):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert ask(server, "/metrics").status == 503
    assert ask(server, "/healthz").status == 200
    told.gate.set()
    for reader in readers:
        reader.join()
    assert replies == [200] * MOST_AT_ONCE


def _is_full(server: MetricsServer) -> bool:
    """Whether every place is taken."""
    places = server._server.places
    if places.acquire(blocking=False):
        places.release()
        return False
    return True
