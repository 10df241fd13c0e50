"""Notices by mail: over TLS to a real server, with a login; refusals and wrong certificates are failures."""

from __future__ import annotations

import email
import email.policy
from pathlib import Path

import pytest

from receivers import Mailbox, mail_server
from zakhira.adapters.notify.mail import BadMailSettings, Mail, MailFailed, MailSettings
from zakhira.kernel.canonical import Json

NOTICE: dict[str, Json] = {
    "news": "raised", "at": "2026-01-05T12:00:00Z", "since": "2026-01-05T12:00:00Z", "code": "ZK-WATCH-001",
    "severity": "critical", "key": "k", "sentence": "Coins of vault cold are spent.\nBcc: x@example.org", "id": "ab12",
    "facts": {"txid": "00" * 32},
}  # fmt: skip


def settings(port: int, **told: object) -> MailSettings:
    """To a server on this machine."""
    given: dict[str, object] = {
        "name": "board", "host": "127.0.0.1", "port": port, "sender": "watch@example.org",
        "recipients": ("board@example.org", "duty@example.org"),
    }  # fmt: skip
    return MailSettings(**{**given, **told})  # type: ignore[arg-type]  # its own fields


def test_a_notice_is_a_mail_over_tls(tmp_path: Path) -> None:
    """The subject says it in one line whatever the sentence holds; the facts are in the text."""
    mailbox = Mailbox()
    with mail_server(mailbox, tmp_path, ("watch", "pass word")) as (port, context):
        Mail(settings(port, user="watch"), lambda: "pass word", context).send(NOTICE)
    assert mailbox.over_tls == [True]
    told = email.message_from_bytes(mailbox.mails[0], policy=email.policy.default)
    assert told["Subject"].startswith("[CRITICAL] raised: Coins of vault cold are spent. Bcc")
    assert told["Bcc"] is None
    assert told["To"] == "board@example.org, duty@example.org"
    assert "txid: " + "00" * 32 in told.get_content()


def test_a_server_that_refuses_or_is_away(tmp_path: Path) -> None:
    """A full mailbox, a wrong password (which is not repeated), nobody there."""
    mailbox = Mailbox(refuses=True)
    with mail_server(mailbox, tmp_path, ("watch", "right")) as (port, context):
        with pytest.raises(MailFailed, match="did not take"):
            Mail(settings(port, user="watch"), lambda: "right", context).send(NOTICE)
        with pytest.raises(MailFailed, match="login") as caught:
            Mail(settings(port, user="watch"), lambda: "wrong-secret", context).send(NOTICE)
        assert "wrong-secret" not in caught.value.message
    with pytest.raises(MailFailed):
        Mail(settings(port), None, context).send(NOTICE)
    assert mailbox.mails == []


def test_a_server_that_nobody_vouches_for(tmp_path: Path) -> None:
    """A certificate that the machine does not trust: nothing is sent."""
    mailbox = Mailbox()
    with mail_server(mailbox, tmp_path) as (port, _), pytest.raises(MailFailed, match=r"(?i)certificate"):
        Mail(settings(port)).send(NOTICE)
    assert mailbox.mails == []


@pytest.mark.parametrize(
    "told",
    [
        {"sender": "nobody"},
        {"recipients": ()},
        {"recipients": ("a@b\r\nBcc: c@d",)},
        {"security": "none", "host": "mail.example.org"},
        {"security": "ssl3"},
    ],
)
def test_settings_that_cannot_be(told: dict[str, object]) -> None:
    """Refused when they are read."""
    with pytest.raises(BadMailSettings):
        settings(25, **told)
