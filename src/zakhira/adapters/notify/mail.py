"""Notices as mail: one message each, over TLS unless the server is this machine itself."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import parseaddr

from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import InvalidInput
from zakhira.watch.ports import NotDelivered

TIMEOUT_S = 20.0
STARTTLS, TLS, NONE = "starttls", "tls", "none"
SECURITIES = (STARTTLS, TLS, NONE)
"""TLS after a plain greeting (RFC 3207), from the first byte (RFC 8314), or none: to this machine alone."""
_LOCAL = {"127.0.0.1", "::1", "localhost"}
_SUBJECT = 150


class BadMailSettings(InvalidInput):
    """Settings of a mail notifier that cannot be: no address, an unknown security, or none to another machine."""

    code = "ZK-SMTP-001"


class MailFailed(NotDelivered):
    """The mail server did not take a notice."""

    code = "ZK-SMTP-002"


@dataclass(frozen=True)
class MailSettings:
    """Where mail goes out and to whom. ``user`` is empty where the server asks for none."""

    name: str
    host: str
    port: int
    sender: str
    recipients: tuple[str, ...]
    security: str = STARTTLS
    user: str = ""

    def __post_init__(self) -> None:
        """Refuse what could not be sent; raises BadMailSettings."""
        wrong = [address for address in (self.sender, *self.recipients) if not _is_address(address)]
        if wrong or not self.recipients:
            what = f"{wrong[0]!r} is no mail address" if wrong else "nobody is named to send to"
            raise BadMailSettings(f"Of mail notifier {self.name} {what}.", "Write them like watch@example.org.")
        if self.security not in SECURITIES or (self.security == NONE and self.host not in _LOCAL):
            raise BadMailSettings(
                f"Mail notifier {self.name} has the security {self.security!r} to {self.host}.",
                "Use starttls or tls; none is for a mail server on this machine.",
            )


def _is_address(text: str) -> bool:
    return "@" in parseaddr(text)[1] and not any(letter in text for letter in "\r\n")


class Mail:
    """Implements :class:`zakhira.watch.ports.Notifier`. ``password`` is asked for at each sending."""

    def __init__(
        self,
        settings: MailSettings,
        password: Callable[[], str] | None = None,
        context: ssl.SSLContext | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.name = settings.name
        self._settings = settings
        self._password = password
        self._context = context
        self._timeout_s = timeout_s

    def send(self, notice: Mapping[str, Json]) -> None:
        """Hand one message to the server; a recipient that it refuses is a failure."""
        where = f"{self._settings.host}:{self._settings.port}"
        try:
            with self._connected() as server:
                if self._settings.user and self._password is not None:
                    server.login(self._settings.user, self._password())
                refused = server.send_message(_message(self._settings, notice))
        except (OSError, smtplib.SMTPException) as error:
            raise MailFailed(f"The mail server {where} did not take a notice: {_told(error)}.", _REMEDY) from None
        if refused:
            raise MailFailed(f"The mail server {where} refused {', '.join(refused)}.", _REMEDY)

    def _connected(self) -> smtplib.SMTP:
        host, port = self._settings.host, self._settings.port
        if self._settings.security == TLS:
            return smtplib.SMTP_SSL(host, port, timeout=self._timeout_s, context=self._tls())
        server = smtplib.SMTP(host, port, timeout=self._timeout_s)
        if self._settings.security == STARTTLS:
            try:
                server.starttls(context=self._tls())
            except BaseException:
                server.close()
                raise
        return server

    def _tls(self) -> ssl.SSLContext:
        return self._context or ssl.create_default_context()


_REMEDY = "It is tried again by itself; look at the mail server."


def _told(error: Exception) -> str:
    """The cause in one line; of a refused login no more than its number, for the answer may repeat what was sent."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"it refuses the login ({error.smtp_code})"
    return str(error).replace("\n", " ")[:200] or type(error).__name__


def _message(settings: MailSettings, notice: Mapping[str, Json]) -> EmailMessage:
    """The notice for a person: the sentence first, the facts below it."""
    sentence = str(notice["sentence"])
    first = f"[{str(notice['severity']).upper()}] {notice['news']}: {sentence}"
    message = EmailMessage()
    message["Subject"] = "".join(letter if letter.isprintable() else " " for letter in first)[:_SUBJECT]
    message["From"] = settings.sender
    message["To"] = ", ".join(settings.recipients)
    message["Message-ID"] = f"<{notice['id']}@zakhira.watch>"
    lines = [
        sentence,
        "",
        *(f"{name}: {notice[name]}" for name in ("news", "severity", "code", "key", "since", "at", "id")),
        "",
        *_fact_lines(notice["facts"]),
    ]
    message.set_content("\n".join(lines))
    return message


def _fact_lines(facts: Json) -> list[str]:
    return [f"{name}: {value}" for name, value in facts.items()] if isinstance(facts, Mapping) else []
