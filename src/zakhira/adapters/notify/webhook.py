"""Notices as HTTP POST of JSON, signed with a shared secret so that the receiver knows who sent them."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ssl
from collections.abc import Callable, Mapping
from urllib.parse import SplitResult, urlsplit

from zakhira.kernel.canonical import Json, canonical_bytes
from zakhira.kernel.errors import InvalidInput
from zakhira.watch.ports import NotDelivered

TIMEOUT_S = 10.0
MIN_SECRET_BYTES = 16
"""128 bits: shorter secrets can be guessed from one signed message."""
SIGNATURE_HEADER = "X-Zakhira-Signature"
"""``sha256=`` and the HMAC-SHA256 of the body under the secret, in hex (RFC 2104)."""
_OK = range(200, 300)
_PORTS = {"http": 80, "https": 443}


class BadWebhook(InvalidInput):
    """The address of a webhook is none, or its secret is too short."""

    code = "ZK-WEBHOOK-001"


class WebhookFailed(NotDelivered):
    """The webhook's server did not take a notice."""

    code = "ZK-WEBHOOK-002"


class Webhook:
    """Implements :class:`zakhira.watch.ports.Notifier`. ``secret`` is asked for at each sending: it can be changed."""

    def __init__(self, name: str, url: str, secret: Callable[[], bytes], timeout_s: float = TIMEOUT_S) -> None:
        self.name = name
        self._url = _parsed(url)
        self._secret = secret
        self._timeout_s = timeout_s

    def send(self, notice: Mapping[str, Json]) -> None:
        """Post it; anything but an answer of the 200s is a failure. No redirection is followed."""
        body = canonical_bytes(notice)
        headers = {"Content-Type": "application/json", SIGNATURE_HEADER: signature_of(self._key(), body)}
        where = f"{self._url.scheme}://{self._url.hostname}:{self._url.port or _PORTS[self._url.scheme]}"
        connection = self._connection()
        try:
            path = self._url.path or "/"
            connection.request("POST", f"{path}?{self._url.query}" if self._url.query else path, body, headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise WebhookFailed(f"The webhook {self.name} at {where} did not answer: {error}.", _REMEDY) from None
        finally:
            connection.close()
        if status not in _OK:
            raise WebhookFailed(f"The webhook {self.name} at {where} answered {status}.", _REMEDY)

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self._timeout_s)
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=context)

    def _key(self) -> bytes:
        try:
            key = self._secret()
        except OSError as error:
            raise WebhookFailed(
                f"The secret of webhook {self.name} cannot be read: {error.strerror}.", "Look at its rights."
            ) from None
        if len(key) < MIN_SECRET_BYTES:
            raise BadWebhook(
                f"The secret of webhook {self.name} has {len(key)} bytes.", f"Use at least {MIN_SECRET_BYTES}."
            )
        return key


_REMEDY = "It is tried again by itself; look at the receiver."


def signature_of(secret: bytes, body: bytes) -> str:
    """What the header carries for this body."""
    return f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}"


def _parsed(url: str) -> SplitResult:
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        split, port = urlsplit(""), None
    if split.scheme not in _PORTS or not split.hostname or split.username is not None or port == 0:
        raise BadWebhook("A webhook's address is not http(s)://HOST[:PORT]/PATH.", "Write it so, without a password.")
    return split
