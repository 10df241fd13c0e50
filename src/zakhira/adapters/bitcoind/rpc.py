"""JSON-RPC to a bitcoind: the client library's answers and failures in the port's own terms."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request

from bitcoin_core_rpc import (
    BitcoinCoreRpcClient,
    CookieNotFoundError,
    FetchError,
    HttpError,
    RpcError,
    RPCErrorCode,
)

from zakhira.flows.ports.chain_errors import NodeFailed, NodeRefused, NodeUnreachable
from zakhira.kernel.errors import ZakhiraError

DEFAULT_TIMEOUT_S = 30.0
RESCAN_TIMEOUT_S = 600.0
"""A wallet that is loaded or told a descriptor may read the whole private chain again."""
MAX_ANSWER_BYTES = 256 * 1024 * 1024
"""A block of mainnet with its previous outputs as JSON stays well below this."""

Params = Sequence[Any] | Mapping[str, Any]
Call = tuple[str, Params]
Explain = Callable[[], ZakhiraError | None]
"""Asked when the node does not answer: what happened to it, if anybody knows."""


class KeepAlive:
    """An HTTP transport that keeps one connection open; not for several threads at once.

    Nothing is ever sent twice: a connection that failed is dropped and the failure told. A connection that the node
    closed while it was idle is noticed before it is used.
    """

    def __init__(self) -> None:
        self._connection: http.client.HTTPConnection | None = None

    def __call__(self, request: Request, timeout: float) -> tuple[int, bytes]:
        """Send the request and read the whole answer; status and body."""
        url = urlsplit(request.full_url)
        connection = self._usable(url.hostname or "", url.port, timeout)
        self._connection = None
        headers = {**request.unredirected_hdrs, **request.headers}
        try:
            connection.request("POST", url.path or "/", body=request.data, headers=headers)
            response = connection.getresponse()
            status, body = response.status, response.read(MAX_ANSWER_BYTES)
        except BaseException:
            connection.close()
            raise
        if response.isclosed() and not response.will_close:
            self._connection = connection
        else:
            connection.close()
        return status, body

    def _usable(self, host: str, port: int | None, timeout: float) -> http.client.HTTPConnection:
        kept = self._connection
        if (
            kept is not None
            and kept.sock is not None
            and (kept.host, kept.port) == (host, port)
            and _is_idle(kept.sock)
        ):
            kept.sock.settimeout(timeout)
            return kept
        self.close()
        return http.client.HTTPConnection(host, port, timeout=timeout)

    def close(self) -> None:
        """Close the connection that is kept, if any."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _is_idle(sock: socket.socket) -> bool:
    """Whether nothing waits to be read: an idle connection has only its end to tell."""
    sock.setblocking(False)
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


class Rpc:
    """Calls to one node. Raises NodeUnreachable, NodeRefused or NodeFailed; no message holds a password."""

    def __init__(self, client: BitcoinCoreRpcClient, explain: Explain | None = None) -> None:
        self._client = client
        self._explain = explain
        self._wallets: dict[str, BitcoinCoreRpcClient] = {}

    @classmethod
    def local(
        cls, port: int, cookie: Path, *, timeout_s: float = DEFAULT_TIMEOUT_S, explain: Explain | None = None
    ) -> Rpc:
        """A node on this machine, with its cookie and one connection that is kept open."""
        url = f"http://127.0.0.1:{port}"
        return cls(BitcoinCoreRpcClient(url, cookie_path=cookie, timeout=timeout_s, transport=KeepAlive()), explain)

    @property
    def where(self) -> str:
        """The node's address, without credentials."""
        return self._client.url

    def call(
        self, method: str, params: Params = (), *, wallet: str | None = None, timeout_s: float | None = None
    ) -> Any:  # noqa: ANN401 - JSON
        """The result of one call."""
        try:
            return self._for(wallet).call(method, params, request_timeout=timeout_s, max_body_size=MAX_ANSWER_BYTES)
        except FetchError as error:
            raise self._mapped(error, method) from None

    def batch(self, calls: Sequence[Call], *, wallet: str | None = None) -> list[Any]:
        """The results of several calls that the node does one after the other; the first error raises."""
        answers = self.try_batch(calls, wallet=wallet)
        for answer in answers:
            if isinstance(answer, NodeFailed):
                raise answer
        return answers

    def try_batch(self, calls: Sequence[Call], *, wallet: str | None = None) -> list[Any]:
        """The same, but an error of one call stands in its place as a :class:`NodeFailed`."""
        if not calls:
            return []
        try:
            answers = self._for(wallet).call_batch(calls, max_body_size=MAX_ANSWER_BYTES)
        except FetchError as error:
            raise self._mapped(error, calls[0][0]) from None
        return [
            self._failed(answer, method) if isinstance(answer, RpcError) else answer
            for answer, (method, _) in zip(answers, calls, strict=True)
        ]

    def _for(self, wallet: str | None) -> BitcoinCoreRpcClient:
        if wallet is None:
            return self._client
        if wallet not in self._wallets:
            self._wallets[wallet] = self._client.for_wallet(wallet)
        return self._wallets[wallet]

    def _failed(self, error: RpcError, method: str) -> NodeFailed:
        return NodeFailed(
            f"The node at {self.where} answered {method} with: {error.args[0]} (code {error.code}).",
            "Look into the node's debug.log.",
            error.code,
        )

    def _mapped(self, error: FetchError, method: str) -> ZakhiraError:
        if isinstance(error, RpcError) and error.code != RPCErrorCode.IN_WARMUP:
            return self._failed(error, method)
        if isinstance(error, HttpError) and error.status == HTTPStatus.FORBIDDEN:
            return NodeRefused(
                f"The node at {self.where} does not let this caller use {method}.",
                "Check -rpcallowip and -rpcwhitelist of the node.",
            )
        if isinstance(error, HttpError) and error.status == HTTPStatus.UNAUTHORIZED:
            return NodeRefused(
                f"The node at {self.where} does not accept the user and password, or the cookie ({method}).",
                "Check user and password, or name the cookie file of this very node.",
            )
        if isinstance(error, CookieNotFoundError):
            return self._gone("has no cookie file, so it is not running", method)
        return self._gone(f"did not answer {method}: {error}", method)

    def _gone(self, what: str, method: str) -> ZakhiraError:
        known = self._explain() if self._explain else None
        if known is not None:
            return known
        return NodeUnreachable(
            f"The node at {self.where} {what}.", f"Start it, wait until it is ready, and do {method} again."
        )
