"""The key register is read from three forms, with every fault at its line and field."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from datetime import date

import pytest
from embit.bip32 import HDKey
from embit.networks import NETWORKS
from hypothesis import given
from hypothesis import strategies as st

from custody_drill import COLD, PHRASE
from zakhira.adapters.drill_keys import signer_seed
from zakhira.custody.key_origin import parse_key
from zakhira.custody.key_register import (
    RegisteredKey,
    key_from_record,
    key_record,
    parse_register,
    stale_keys,
    with_proof_of_life,
)
from zakhira.kernel.errors import Faults

KEYS = tuple(
    RegisteredKey(
        signer=key.signer,
        holder=f"Holder {number}",
        role="custodian",
        site=f"site {number}",
        vendor=f"vendor {number}",
        device="model T",
        firmware=f"{number}.4.1",
        entropy_source="device and dice",
        xpub=key.xpub,
        last_proof_of_life=date(2026, 6, number + 1) if number else None,
        is_drill=True,
    )
    for number, key in enumerate(COLD.keys)
)


def as_toml(keys: tuple[RegisteredKey, ...] = KEYS) -> str:
    """The register as a person would write it."""
    blocks = []
    for key in keys:
        lines = [f"{name} = {json.dumps(value)}" for name, value in key_record(key).items() if value != ""]
        blocks.append("\n".join(["[[key]]", *lines]))
    return "\n\n".join(blocks).replace('"2026-06-02"', "2026-06-02")


def as_pasted(keys: tuple[RegisteredKey, ...] = KEYS) -> str:
    """The register as lines in a message."""
    blocks = [
        "\n".join(f"{name.replace('_', ' ').title()}: {v}" for name, v in key_record(key).items()) for key in keys
    ]
    return "# keys\n" + "\n\n".join(blocks)


def faults_of(text: str) -> list[tuple[int, str, str]]:
    """Line, field and code of every fault."""
    with pytest.raises(Faults) as caught:
        parse_register(text.encode(), "keys.toml")
    return [(fault.line, fault.key, fault.code) for fault in caught.value.faults]


@pytest.mark.parametrize(
    "text",
    [
        as_toml(),
        as_pasted(),
        json.dumps([key_record(key) for key in KEYS], indent=1),
        json.dumps({"keys": [key_record(key) for key in KEYS]}),
    ],
)
def test_three_forms_say_the_same(text: str) -> None:
    """TOML, JSON (a list or under ``keys``) and pasted lines give equal keys."""
    assert parse_register(text.encode()) == KEYS


printable = st.text(st.characters(blacklist_categories=("C", "Z")), min_size=1, max_size=30)


@given(
    texts=st.lists(printable, min_size=7, max_size=7),
    day=st.none() | st.dates(),
    is_drill=st.booleans(),
)
def test_a_record_comes_back_as_the_same_key(texts: list[str], day: date | None, is_drill: bool) -> None:  # noqa: FBT001
    """Whatever the names are, the books give the key back."""
    names = ("holder", "role", "site", "vendor", "device", "firmware", "entropy_source")
    key = replace(KEYS[0], **dict(zip(names, texts, strict=True)), last_proof_of_life=day, is_drill=is_drill)
    assert key_from_record(key_record(key)) == key


def test_every_fault_is_told_with_its_line() -> None:
    """A missing holder, an unknown field, a wrong date and a repeated key are told together."""
    lines = as_toml().splitlines()
    lines[2] = 'holder = ""'
    lines[4] = 'sight = "Karachi"'
    text = "\n".join(lines).replace("2026-06-02", '"June"')
    text = text.replace(json.dumps(KEYS[4].xpub), json.dumps(KEYS[3].xpub))
    found = faults_of(text)
    assert (3, "holder", "ZK-CUSTODY-091") in found
    assert (5, "sight", "ZK-CUSTODY-091") in found
    assert (1, "site", "ZK-CUSTODY-091") in found
    assert [item[1:] for item in found if item[0] > 5] == [
        ("last_proof_of_life", "ZK-CUSTODY-091"),
        ("xpub", "ZK-CUSTODY-092"),
    ]


def test_faults_in_json_and_pasted_text_have_lines_too() -> None:
    """The line of the field, counted in the file as it stands."""
    text = json.dumps([key_record(key) for key in KEYS], indent=1)
    broken = text.replace('"holder": "Holder 1"', '"holder": 7')
    line = next(number for number, row in enumerate(broken.splitlines(), 1) if '"holder": 7' in row)
    assert faults_of(broken) == [(line, "holder", "ZK-CUSTODY-091")]
    broken = as_pasted().replace("Holder: Holder 1", "Holder:")
    line = next(number for number, row in enumerate(broken.splitlines(), 1) if row == "Holder:")
    assert faults_of(broken) == [(line, "holder", "ZK-CUSTODY-091")]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 0),
        ("[[key]]\nsigner = ", 2),
        ("[[keys]]\nsigner = 'a'", 0),
        ('[{"signer": "a"}', 1),
        ('[{"signer": "a", "signer": "b"}]', 0),
        ('{"keys": [], "keys": []}', 0),
        ('{"keys": [1]}', 0),
        ("[" * 100_000, 1),
        ("signer cold-1", 1),
        ("signer: a\nsigner: b", 2),
    ],
)
def test_what_is_no_register(text: str, line: int) -> None:
    """Another text is refused at its line, never half read."""
    assert [fault[0] for fault in faults_of(text)] == [line]


def test_bytes_that_are_no_text() -> None:
    """Not UTF-8, and too long."""
    for source in (b"\n\xff", b"x" * 2_000_000):
        with pytest.raises(Faults):
            parse_register(source)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_register_or_faults(source: bytes) -> None:
    """Nothing else than Faults comes out."""
    with contextlib.suppress(Faults):
        assert parse_register(source)


ACCOUNT = HDKey.from_seed(signer_seed(PHRASE, "cold", "cold-1")).derive("m/48h/1h/0h/2h")
TEXT = KEYS[0].xpub
ORIGIN = TEXT[: TEXT.index("]") + 1]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (TEXT.replace("48h", "47h").replace("2h]", "3h]"), "ZK-CUSTODY-093"),
        (TEXT.replace("/2h]", "]"), "ZK-CUSTODY-093"),
        (TEXT.partition("]")[2], "ZK-CUSTODY-005"),
        (TEXT + "/0h", "ZK-CUSTODY-003"),
        (TEXT + "/0", "ZK-CUSTODY-005"),
        (TEXT.replace("/2h]", "/2147483648h]"), "ZK-CUSTODY-005"),
        (TEXT[:-1] + ("1" if TEXT[-1] != "1" else "2"), "ZK-CUSTODY-005"),
        (ORIGIN + ACCOUNT.to_base58(version=NETWORKS["regtest"]["xprv"]), "ZK-CUSTODY-006"),
    ],
)
def test_keys_that_the_register_does_not_take(text: str, code: str) -> None:
    """A key without its origin, with another, followed by steps, damaged or private; a private key is not repeated."""
    source = json.dumps([key_record(replace(KEYS[0], xpub=text))]).encode()
    with pytest.raises(Faults) as caught:
        parse_register(source)
    assert [fault.code for fault in caught.value.faults] == [code]
    assert "prv" not in str(caught.value)


def test_spellings_of_one_key_are_one_key() -> None:
    """Apostrophes, capitals and SLIP-132's Vpub give the text that descriptors hold."""
    slip = ORIGIN + ACCOUNT.to_public().to_base58(version=NETWORKS["test"]["Zpub"])
    for text in (TEXT.replace("h", "'").upper().partition("]")[0] + "]" + TEXT.partition("]")[2], slip, f" {TEXT}\n"):
        assert parse_key(text).text == TEXT


def test_proof_of_life_only_moves_forward() -> None:
    """A later day renews it, an earlier one does not; what is old or never was shown is listed."""
    key = KEYS[1]
    assert with_proof_of_life(key, date(2026, 7, 1)).last_proof_of_life == date(2026, 7, 1)
    assert with_proof_of_life(key, date(2026, 1, 1)) == key
    assert stale_keys(KEYS, date(2026, 12, 1), 180) == KEYS[:3]
