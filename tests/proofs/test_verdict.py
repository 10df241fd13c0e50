"""A pack verifies whole, and one changed byte anywhere makes it fail by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from proof_drill import HEIGHT, OFFICERS, TRUST, block_hash, failing, good_pack, sign_files, verdict
from zakhira.adapters.bip322 import Bip322Verifier
from zakhira.adapters.drill_keys import officer_public_key
from zakhira.kernel.canonical import canonical_bytes
from zakhira.proofs.statement import PACK_FILES
from zakhira.proofs.verdict import FAILED, RULES, VERIFIED, BadRequirement


def test_a_good_pack_is_verified_and_says_what_came_from_where() -> None:
    """Every check passes, with the real BIP-322 engine; pack, trust and node are each named as sources."""
    found = verdict(messages=Bip322Verifier())
    assert found.word == VERIFIED
    assert [check.id for check in found.checks] == [rule.id for rule in RULES]
    assert {check.source for check in found.checks} == {"pack", "trust", "node"}
    assert (found.height, found.block_hash) == (HEIGHT, block_hash(HEIGHT))
    assert (found.proven_sats, found.claims_sats, found.moved) == (3_500_000, 40_000, {})
    identity = next(check for check in found.checks if check.id == "identity")
    assert identity.detail == "received 3508000 - fees 1000 = intake 7000 + cold 3500000 sat."


def _byte_places() -> list[tuple[str, int]]:
    return [(name, place) for name, data in good_pack().items() for place in range(len(data))]


def test_one_bit_flipped_at_every_byte_fails_and_names_the_file() -> None:
    """At every position of every file one bit is flipped (another bit at each): never verified, the file is named."""
    files = good_pack()
    places = _byte_places()
    assert {name for name, _ in places} == set(PACK_FILES)
    for number, (name, place) in enumerate(places):
        spoilt = bytearray(files[name])
        spoilt[place] ^= 1 << (number % 8)
        found = verdict({**files, name: bytes(spoilt)})
        assert found.word == FAILED, (name, place)
        assert any(name in check.detail for check in found.failed), (name, place)


@pytest.mark.parametrize("name", PACK_FILES)
@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda data: data + b"\n",
        lambda data: b" " + data,
        lambda _data: b"",
        lambda _data: b"\xff\xfe",
        lambda _data: b"[" * 5_000,
        lambda _data: b"[" * 900 + b"]" * 900,
        lambda _data: b"NaN",
        lambda _data: b'"\\ud800"',
        lambda _data: b"1" * 5_000,
        lambda _data: b"null",
        lambda _data: b"{}",
        lambda _data: b"[]",
        lambda _data: b"[null]",
        lambda _data: b"true",
    ],
)
def test_a_file_of_another_form_is_a_verdict_and_never_an_error(name: str, change: Callable[[bytes], bytes]) -> None:
    """Cut, longer, empty, not UTF-8, nested too deeply, NaN, half a surrogate pair: failed, and the file is named."""
    files = good_pack()
    found = verdict({**files, name: change(files[name])})
    assert found.word == FAILED
    assert any(name in check.detail for check in found.failed)


@pytest.mark.parametrize("name", PACK_FILES)
def test_a_missing_file_is_named(name: str) -> None:
    """Each of the six files is missing in turn."""
    files = good_pack()
    del files[name]
    assert failing(verdict(files)) == {"files": f"{name} is missing."}


def test_a_file_that_does_not_belong_is_named() -> None:
    """A seventh file."""
    assert "notes.txt" in failing(verdict({**good_pack(), "notes.txt": b"hello"}))["files"]


def test_a_pack_that_was_signed_by_other_keys_fails() -> None:
    """The same pack, signed anew with keys from another phrase under the same names."""
    found = verdict(sign_files(good_pack(), phrase="another phrase"))
    assert list(failing(found)) == ["signatures"]
    assert "amina" in failing(found)["signatures"]


def test_one_bad_signature_among_several_fails() -> None:
    """Two good signatures are enough, and a third that is wrong still fails the pack."""
    files = sign_files(good_pack(), (*OFFICERS, "dara"))
    trust = {**TRUST, "dara": officer_public_key("another phrase", "dara")}
    assert "dara" in failing(verdict(files, trust=trust))["signatures"]


def test_an_unknown_signer_fails() -> None:
    """Somebody whom the reader does not trust signed beside two who are."""
    assert "dara is not among" in failing(verdict(sign_files(good_pack(), (*OFFICERS, "dara"))))["signatures"]


def test_too_few_signatures_fail_and_none_required_is_an_error() -> None:
    """One signature where two are required; and a requirement of none is refused."""
    found = verdict(sign_files(good_pack(), ("amina",)))
    assert "2 are required" in failing(found)["signatures"]
    assert verdict(sign_files(good_pack(), ("amina",)), required=1).word == VERIFIED
    with pytest.raises(BadRequirement):
        verdict(required=0)


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows[::-1],
        lambda rows: [rows[0], rows[0], rows[1]],
        lambda rows: [{**rows[0], "note": "x"}, rows[1]],
        lambda rows: [{**rows[0], "signature": rows[0]["signature"].upper()}, rows[1]],
        lambda rows: [{**rows[0], "signature": rows[0]["signature"] + " "}, rows[1]],
    ],
)
def test_signatures_have_one_spelling(change: Callable[[Any], Any]) -> None:
    """Another order, a repetition, a further key, upper case or a blank: failed, though every signature is right."""
    files = good_pack()
    spelt = canonical_bytes(change(json.loads(files["signatures.json"])))
    assert list(failing(verdict({**files, "signatures.json": spelt}))) == ["signatures"]
