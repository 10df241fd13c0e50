"""Notices by HTTP: signed, taken by a real server, and refused loudly when it is away or says no."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pytest

from receivers import Inbox, webhook_server
from zakhira.adapters.notify.webhook import SIGNATURE_HEADER, BadWebhook, Webhook, WebhookFailed
from zakhira.kernel.canonical import Json

SECRET = b"a secret of thirty-two bytes, no"
NOTICE: dict[str, Json] = {"id": "1", "sentence": "Coins move: ذخیرہ", "facts": {"height": 7}}


def test_a_notice_arrives_with_its_signature() -> None:
    """The receiver recomputes the HMAC over the very bytes."""
    inbox = Inbox()
    with webhook_server(inbox):
        Webhook("duty", inbox.url, lambda: SECRET).send(NOTICE)
    assert inbox.notices == [NOTICE]
    wanted = "sha256=" + hmac.new(SECRET, inbox.bodies[0], hashlib.sha256).hexdigest()
    assert inbox.headers[0][SIGNATURE_HEADER] == wanted


@pytest.mark.parametrize("status", [301, 404, 500])
def test_any_other_answer_is_a_failure(status: int) -> None:
    """No redirection is followed: it could lead anywhere."""
    inbox = Inbox(status=status)
    with webhook_server(inbox), pytest.raises(WebhookFailed, match=str(status)):
        Webhook("duty", inbox.url, lambda: SECRET).send(NOTICE)


def test_nobody_listens(tmp_path: Path) -> None:
    """A port that nobody has, and a secret that is not there: both are failures that are tried again."""
    inbox = Inbox()
    with webhook_server(inbox):
        pass
    with pytest.raises(WebhookFailed, match="did not answer"):
        Webhook("duty", inbox.url, lambda: SECRET).send(NOTICE)
    with pytest.raises(WebhookFailed, match="secret"):
        Webhook("duty", inbox.url, (tmp_path / "none").read_bytes).send(NOTICE)


@pytest.mark.parametrize(
    "url", ["", "ftp://host/x", "http://", "http://user:pw@host/x", "http://host:0/", "http://h:x/"]
)
def test_an_address_that_is_none(url: str) -> None:
    """Refused when the watch starts, not at the first alarm."""
    with pytest.raises(BadWebhook):
        Webhook("duty", url, lambda: SECRET)


def test_a_short_secret_is_refused() -> None:
    """Seven bytes can be guessed."""
    inbox = Inbox()
    with webhook_server(inbox), pytest.raises(BadWebhook, match="7 bytes"):
        Webhook("duty", inbox.url, lambda: b"seven77").send(NOTICE)
