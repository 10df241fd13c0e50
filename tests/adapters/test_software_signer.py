"""Keys at rest: encrypted, private to their owner, written whole, and never shown."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custody_drill import CHAIN, COLD, INTAKE, PHRASE, seed_of
from zakhira.adapters.drill_keys import officer_key
from zakhira.adapters.keystore import (
    KeystoreExists,
    KeystoreExposed,
    KeystoreMalformed,
    KeystoreUnreadable,
    WrongKeystoreKind,
    WrongPassphrase,
    create_keystore,
    open_keystore,
)
from zakhira.adapters.software_signer import OfficerKeyFile, SoftwareSigner, create_officer, create_signer
from zakhira.kernel.canonical import canonical_bytes

SEED = seed_of(INTAKE, 1)
LIGHT = 2**4


def make(path: Path, passphrase: str = "right") -> Path:
    """A signer's file."""
    create_signer(path, "intake-1", SEED, passphrase, work_factor=LIGHT)
    return path


def test_the_file_opens_with_its_passphrase_alone(tmp_path: Path) -> None:
    """Right passphrase: the signer; wrong one: a clear no."""
    path = make(tmp_path / "a.key")
    assert SoftwareSigner.open(path, "right", CHAIN, (INTAKE, COLD)).name == "intake-1"
    with pytest.raises(WrongPassphrase, match="does not open"):
        SoftwareSigner.open(path, "wrong", CHAIN, (INTAKE, COLD))


def test_the_file_is_private_and_holds_no_secret_in_the_clear(tmp_path: Path) -> None:
    """Mode 0600, no draft left beside it, and neither seed nor passphrase in its bytes."""
    path = make(tmp_path / "a.key")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.key"]
    assert SEED.hex() not in path.read_text()
    assert SEED not in path.read_bytes()


def test_two_files_of_one_seed_differ(tmp_path: Path) -> None:
    """Salt and nonce are fresh each time."""
    assert make(tmp_path / "a").read_bytes() != make(tmp_path / "b").read_bytes()


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    """The second creation is refused and the first file stays as it was."""
    path = make(tmp_path / "a.key")
    before = path.read_bytes()
    with pytest.raises(KeystoreExists):
        make(path)
    assert path.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.key"]


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """Mode 0640 is told, with the command that mends it."""
    path = make(tmp_path / "a.key")
    path.chmod(0o640)
    with pytest.raises(KeystoreExposed, match="chmod 600"):
        open_keystore(path, "signer", "right")


def test_a_missing_file_and_a_missing_folder(tmp_path: Path) -> None:
    """Reading and writing where nothing is."""
    with pytest.raises(KeystoreUnreadable):
        open_keystore(tmp_path / "none", "signer", "right")
    with pytest.raises(KeystoreUnreadable):
        make(tmp_path / "none" / "a.key")


def test_an_officers_file_is_no_signers_file(tmp_path: Path) -> None:
    """The kind is checked before the passphrase is tried."""
    create_officer(tmp_path / "o", "amina", officer_key(PHRASE, "amina"), "right", work_factor=LIGHT)
    assert OfficerKeyFile.open(tmp_path / "o", "right").officer == "amina"
    with pytest.raises(WrongKeystoreKind):
        open_keystore(tmp_path / "o", "signer", "right")
    with pytest.raises(WrongKeystoreKind):
        OfficerKeyFile.open(make(tmp_path / "s"), "right")


def _kdf(key: str, value: object) -> Any:  # noqa: ANN401
    return lambda body: {**body, "kdf": {**body["kdf"], key: value}}


@pytest.mark.parametrize(
    "change",
    [
        lambda _body: [],
        lambda _body: {},
        lambda body: {**body, "note": "x"},
        lambda body: {**body, "format": "zakhira-keystore/2"},
        lambda body: {**body, "nonce": "zz"},
        lambda body: {**body, "kdf": "scrypt"},
        _kdf("n", 3),
        _kdf("n", 1),
        _kdf("n", 2**30),
        _kdf("n", "16"),
        _kdf("r", 9),
        _kdf("salt", 5),
    ],
)
def test_a_file_of_another_form_is_malformed(tmp_path: Path, change: Any) -> None:  # noqa: ANN401
    """Other keys, another format, a work factor that would take all memory: told before any passphrase is tried."""
    path = make(tmp_path / "a.key")
    path.write_bytes(canonical_bytes(change(json.loads(path.read_bytes()))))
    with pytest.raises(KeystoreMalformed):
        open_keystore(path, "signer", "right")


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_changed_byte_never_opens(tmp_path_factory: pytest.TempPathFactory, place: int, bit: int) -> None:
    """Header, salt, nonce and ciphertext are all covered."""
    path = make(tmp_path_factory.mktemp("keys") / "a.key")
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= 1 << bit
    path.write_bytes(bytes(data))
    with pytest.raises((KeystoreMalformed, WrongPassphrase, WrongKeystoreKind)):
        open_keystore(path, "signer", "right")


def test_an_opened_keystore_does_not_show_its_secret(tmp_path: Path) -> None:
    """Neither the keystore nor the signer's rules print the seed."""
    opened = open_keystore(make(tmp_path / "a.key"), "signer", "right")
    assert opened.secret == SEED
    assert repr(SEED) not in repr(opened)


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full while the draft is written: no file, no draft."""

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeystoreUnreadable, match="No space"):
        create_keystore(tmp_path / "a", "signer", "x", b"s", "p", work_factor=LIGHT)
    assert sorted(path.name for path in tmp_path.iterdir()) == []
