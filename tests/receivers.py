"""Receivers of notices for tests: a real HTTP server and a real mail server, which can be away or refuse."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Inbox:
    """What a webhook's server got; ``status`` is what it answers."""

    url: str = ""
    status: int = 200
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def notices(self) -> list[dict[str, Any]]:
        """The bodies as JSON."""
        return [json.loads(body) for body in self.bodies]


@contextmanager
def webhook_server(inbox: Inbox, port: int = 0) -> Iterator[int]:
    """A server that keeps what is posted, up until the end of the block; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if inbox.status == 200:
                inbox.bodies.append(body)
                inbox.headers.append(dict(self.headers))
            self.send_response(inbox.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", port), Handler)
    inbox.url = f"http://127.0.0.1:{server.server_port}/alarms?team=duty"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Mailbox:
    """What a mail server got; with ``refuses`` it takes nothing."""

    mails: list[bytes] = field(default_factory=list)
    over_tls: list[bool] = field(default_factory=list)
    refuses: bool = False

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        """Keep it."""
        del server
        if self.refuses:
            return "452 Insufficient system storage"
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        self.over_tls.append(session.ssl is not None)
        return "250 OK"


def free_port() -> int:
    """A port that nobody has at this moment: the mail server's starter connects to the number that it was given."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "server.pem", folder / "server.key"
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


@contextmanager
def mail_server(
    mailbox: Mailbox, folder: Path, login: tuple[str, str] = ("", "")
) -> Iterator[tuple[int, ssl.SSLContext]]:
    """A mail server that asks for STARTTLS, and a login where one is given; its port, and who trusts it."""
    certificate_file, key_file = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)

    def check(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:  # noqa: ANN401
        return AuthResult(success=(data.login.decode(), data.password.decode()) == login, handled=False)

    asked: dict[str, Any] = {"authenticator": check, "auth_required": True} if login[0] else {}
    port = free_port()
    controller = Controller(mailbox, "127.0.0.1", port, tls_context=context, require_starttls=True, **asked)
    controller.start()
    try:
        yield port, ssl.create_default_context(cafile=str(certificate_file))
    finally:
        controller.stop()
