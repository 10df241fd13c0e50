"""``/metrics``, ``/healthz`` and ``/readyz`` over HTTP, for Prometheus and whatever starts and watches processes.

The server runs in threads of its own and asks two callables: one for samples, one for readiness. It answers while
they are slow or fail, and tells so.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Self, TypeVar

from zakhira.adapters.metrics.exposition import render
from zakhira.adapters.metrics.sample import Readiness, ReadyCheck, Samples
from zakhira.kernel.errors import OutsideFailure, ZakhiraError

LOCALHOST = "127.0.0.1"
"""What the vaults hold is told without a password: nobody outside this machine may ask unless somebody says so."""
REQUEST_TIMEOUT_S = 10.0
"""A reader that sends or takes nothing for so long is left: Prometheus' own scrape timeout is 10 s by default."""
MOST_AT_ONCE = 16
"""Readers that are answered at the same time; who comes beyond that is told to come again."""
STOP_LOOK_S = 0.1
"""How often the server looks whether it shall stop."""
METRICS, ALIVE, READY = "/metrics", "/healthz", "/readyz"
_JSON = "application/json; charset=utf-8"
_PLAIN = "text/plain; charset=utf-8"

Value = TypeVar("Value")


class CannotListen(OutsideFailure):
    """The address for the metrics cannot be used: the port is taken, or the host is none of this machine's."""

    code = "ZK-METRICS-001"


class MetricsServer:
    """Serves until it is closed. ``port`` 0 takes any that is free."""

    def __init__(self, samples: Samples, readiness: Readiness, *, port: int, host: str = LOCALHOST) -> None:
        self._answers = _Answers(samples, readiness)
        try:
            self._server = _Server(host, port, self._answers)
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise CannotListen(
                f"Metrics cannot be served on {host}:{port}: {reason}.",
                "Choose another port with --metrics-port, or 0 for any that is free.",
            ) from None
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(STOP_LOOK_S,), name="metrics", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it answers."""
        host, port = self._server.server_address[:2]
        name = host.decode() if isinstance(host, bytes | bytearray) else host
        return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"

    def __enter__(self) -> Self:
        """Use it in a ``with`` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Stop answering and give the port back."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Answers:
    """What each path answers. The callables are asked one at a time, whatever number of readers there is."""

    def __init__(self, samples: Samples, readiness: Readiness) -> None:
        self._samples, self._readiness = samples, readiness
        self._turn = threading.Lock()
        self.paths: dict[str, Callable[[str], tuple[HTTPStatus, bytes, str]]] = {
            METRICS: self._metrics,
            ALIVE: self._alive,
            READY: self._ready,
        }

    def _ask(self, question: Callable[[], Value]) -> Value | ZakhiraError:
        with self._turn:
            try:
                return question()
            except ZakhiraError as error:
                return error

    def _metrics(self, accept: str) -> tuple[HTTPStatus, bytes, str]:
        found = self._ask(self._samples)
        if isinstance(found, ZakhiraError):
            return HTTPStatus.SERVICE_UNAVAILABLE, f"{found.code} {found.message}\n".encode(), _PLAIN
        text, content_type = render(found, accept)
        return HTTPStatus.OK, text, content_type

    def _alive(self, _accept: str) -> tuple[HTTPStatus, bytes, str]:
        return HTTPStatus.OK, b"alive\n", _PLAIN

    def _ready(self, _accept: str) -> tuple[HTTPStatus, bytes, str]:
        found = self._ask(self._readiness)
        if isinstance(found, ZakhiraError):
            found = (ReadyCheck("readiness", is_ready=False, detail=found.message, remedy=found.remedy),)
        is_ready = all(check.is_ready for check in found)
        checks = [
            {"part": check.part, "ready": check.is_ready, "detail": check.detail, "remedy": check.remedy}
            for check in found
        ]
        body = json.dumps({"ready": is_ready, "checks": checks}, ensure_ascii=False, indent=2) + "\n"
        return HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE, body.encode(), _JSON


class _Server(ThreadingHTTPServer):
    """The socket. A port that another process listens on is an error, never shared."""

    allow_reuse_port = False
    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, answers: _Answers) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.answers = answers
        self.places = threading.BoundedSemaphore(MOST_AT_ONCE)
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind; the library's own way asks a name server for this machine's name, which may take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the library's own types
        """A reader who left in the middle is no news; anything else is our own fault and is shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """GET and HEAD of the three paths; everything else is told what there is."""

    server_version, sys_version = "zakhira", ""
    protocol_version = "HTTP/1.1"
    timeout = REQUEST_TIMEOUT_S
    server: _Server

    def do_GET(self) -> None:
        """Answer with the body."""
        self._answer()

    def do_HEAD(self) -> None:
        """Answer without the body."""
        self._answer()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the library refuses: a method that has no ``do_``, or a request that is none."""
        status = HTTPStatus(code)
        if status is HTTPStatus.NOT_IMPLEMENTED:
            status, message = HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD are answered."
        self._send(status, f"{message or explain or status.phrase}\n".encode(), _PLAIN)

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        found = self.server.answers.paths.get(path)
        if found is None:
            self._send(HTTPStatus.NOT_FOUND, f"There is {', '.join(self.server.answers.paths)}.\n".encode(), _PLAIN)
        elif path == ALIVE:
            self._send(*found(""))
        elif self.server.places.acquire(blocking=False):
            try:
                self._send(*found(self.headers.get("Accept", "")))
            finally:
                self.server.places.release()
        else:
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, b"Too many readers at once: come again.\n", _PLAIN)

    def _send(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        # One request for each connection: a body that was sent with a refused method is never read as the next one.
        self.send_header("Connection", "close")
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        """Scrapes are no news."""
