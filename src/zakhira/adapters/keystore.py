"""Secrets kept encrypted in files of their own: scrypt (RFC 7914) and AES-256-GCM (NIST SP 800-38D)."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from zakhira.kernel.canonical import Json, NotCanonical, canonical_bytes, parse_canonical
from zakhira.kernel.errors import InvalidInput, OutsideFailure, Refused

FORMAT = "zakhira-keystore/1"
DEFAULT_WORK_FACTOR = 2**15
"""scrypt's N; with r = 8 it takes 32 MiB and about 0.1 s (RFC 7914; OWASP's table for password storage, 2023)."""
MIN_WORK_FACTOR = 2
MAX_WORK_FACTOR = 2**20
"""A file may not ask for more than 1 GiB of memory."""
BLOCK_SIZE, PARALLEL = 8, 1
SALT_BYTES, NONCE_BYTES, KEY_BYTES = 16, 12, 32
MAX_FILE_BYTES = 64 * 1024

Kind = Literal["signer", "officer"]
RandomBytes = Callable[[int], bytes]


class KeystoreExists(InvalidInput):
    """A file is there already, and a key is never written over."""

    code = "ZK-KEYSTORE-001"


class KeystoreUnreadable(OutsideFailure):
    """The file cannot be read or written."""

    code = "ZK-KEYSTORE-002"


class KeystoreMalformed(InvalidInput):
    """The file is not a keystore of this format."""

    code = "ZK-KEYSTORE-003"


class WrongPassphrase(Refused):
    """The passphrase does not open the file, or the file was changed."""

    code = "ZK-KEYSTORE-004"


class KeystoreExposed(Refused):
    """Others than the owner may read the file."""

    code = "ZK-KEYSTORE-005"


class WrongKeystoreKind(InvalidInput):
    """A signer's file was given for an officer's, or the other way round."""

    code = "ZK-KEYSTORE-006"


@dataclass(frozen=True)
class Keystore:
    """An opened keystore."""

    kind: Kind
    name: str
    secret: bytes

    def __repr__(self) -> str:
        """Without the secret, so that no log or traceback shows it."""
        return f"Keystore(kind={self.kind!r}, name={self.name!r})"


def _derive(passphrase: str, salt: bytes, work_factor: int) -> bytes:
    kdf = Scrypt(salt=salt, length=KEY_BYTES, n=work_factor, r=BLOCK_SIZE, p=PARALLEL)
    return kdf.derive(passphrase.encode())


def _header(kind: str, name: str, work_factor: int, salt: bytes) -> dict[str, Json]:
    """What stands in the clear and is authenticated with the secret."""
    kdf: dict[str, Json] = {"name": "scrypt", "n": work_factor, "r": BLOCK_SIZE, "p": PARALLEL, "salt": salt.hex()}
    return {"format": FORMAT, "kind": kind, "name": name, "kdf": kdf}


def _write_new(path: Path, data: bytes) -> None:
    """Write the file whole or not at all, readable by its owner alone, and never over another."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        finally:
            draft.unlink()
    except FileExistsError:
        raise KeystoreExists(f"{path} exists already.", "Choose another path; a key is never written over.") from None
    except OSError as error:
        raise KeystoreUnreadable(f"{path} cannot be written: {error.strerror}.", "Check the folder and disk.") from None


def create_keystore(
    path: Path,
    kind: Kind,
    name: str,
    secret: bytes,
    passphrase: str,
    *,
    work_factor: int = DEFAULT_WORK_FACTOR,
    random_bytes: RandomBytes = os.urandom,
) -> None:
    """Encrypt a secret into a new file with mode 0600.

    Raises:
        KeystoreExists, KeystoreUnreadable: as their names say; nothing half-written is left.
    """
    salt, nonce = random_bytes(SALT_BYTES), random_bytes(NONCE_BYTES)
    header = _header(kind, name, work_factor, salt)
    sealed = AESGCM(_derive(passphrase, salt, work_factor)).encrypt(nonce, secret, canonical_bytes(header))
    _write_new(path, canonical_bytes({**header, "nonce": nonce.hex(), "ciphertext": sealed.hex()}))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            if stat.S_IMODE(state.st_mode) & 0o077:
                raise KeystoreExposed(f"{path} can be read by others.", f"Run: chmod 600 {path}")
            return file.read(MAX_FILE_BYTES)
    except OSError as error:
        raise KeystoreUnreadable(f"{path} cannot be read: {error.strerror}.", "Check the path.") from None


def _parse(path: Path, data: bytes) -> tuple[dict[str, Json], bytes, bytes]:
    """Header, nonce and ciphertext."""
    remedy = "Restore the file from its backup."
    try:
        body = parse_canonical(data)
    except NotCanonical as error:
        raise KeystoreMalformed(f"{path} is not a keystore: {error.message}", remedy) from None
    try:
        assert isinstance(body, dict)
        kdf = body["kdf"]
        assert isinstance(kdf, dict)
        header = _header(body["kind"], body["name"], kdf["n"], bytes.fromhex(kdf["salt"]))
        nonce, sealed = bytes.fromhex(body["nonce"]), bytes.fromhex(body["ciphertext"])
        known = canonical_bytes({**header, "nonce": nonce.hex(), "ciphertext": sealed.hex()}) == data
    except (AssertionError, KeyError, TypeError, ValueError, NotCanonical):
        known = False
    factor = kdf["n"] if known else 0
    if (
        not known
        or type(factor) is not int
        or not MIN_WORK_FACTOR <= factor <= MAX_WORK_FACTOR
        or factor & (factor - 1)
    ):
        raise KeystoreMalformed(f"{path} is not a keystore of format {FORMAT}.", remedy)
    return header, nonce, sealed


def open_keystore(path: Path, kind: Kind, passphrase: str) -> Keystore:
    """Decrypt a keystore.

    Raises:
        WrongPassphrase, WrongKeystoreKind, KeystoreExposed, KeystoreMalformed, KeystoreUnreadable: as their names say.
    """
    header, nonce, sealed = _parse(path, _read(path))
    if header["kind"] != kind:
        raise WrongKeystoreKind(f"{path} belongs to a {header['kind']}, not to a {kind}.", "Give the right file.")
    kdf = header["kdf"]
    assert isinstance(kdf, dict)
    key = _derive(passphrase, bytes.fromhex(kdf["salt"]), kdf["n"])
    try:
        secret = AESGCM(key).decrypt(nonce, sealed, canonical_bytes(header))
    except InvalidTag:
        raise WrongPassphrase(
            f"The passphrase does not open {path}, or the file was changed.", "Try again, or restore its backup."
        ) from None
    return Keystore(kind, str(header["name"]), secret)
