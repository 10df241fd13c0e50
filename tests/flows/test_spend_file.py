"""A spend file: round trips, strictness, and no mutation that lets anything else be signed."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custody.test_hostile_mutations import SPENDS, byte_mutants, field_mutants, what_is_spent
from custody_drill import CHAIN, approve
from eyes_drill import PLAIN, SOON, card_of, edited, spend_file, under, with_checksum
from hostile_drill import TEMPLATES, Spend, anchored_spend, honest_spend, second_version, text_of
from zakhira.custody.anchor import Anchor
from zakhira.custody.decoded import Decoded
from zakhira.custody.decoders import decode_psbt
from zakhira.custody.instruction_text import BadInstruction
from zakhira.custody.psbt_refusals import NotAPsbt, PsbtTooLarge
from zakhira.custody.psbt_version import MAX_PSBT_BYTES, receive_psbt
from zakhira.flows.signer_view import Standing, view_spend
from zakhira.flows.spend_file import (
    MAX_APPROVALS,
    MAX_SPEND_FILE_BYTES,
    NotASpendFile,
    SpendFile,
    SpendFileDamaged,
    SpendFileTooLarge,
    UnknownSpendFileVersion,
    spend_file_bytes,
    spend_file_of,
)
from zakhira.kernel.errors import ZakhiraError

FILE = spend_file(PLAIN)
DATA = spend_file_bytes(FILE)
ANCHORED = anchored_spend("sortedmulti")
WHOLE = (*map(honest_spend, TEMPLATES), *map(anchored_spend, TEMPLATES))
FILES = {spend.instruction.hash: spend_file(spend) for spend in WHOLE}


@pytest.mark.parametrize("file", FILES.values(), ids=lambda file: file.instruction.id)
def test_a_file_is_read_back_as_it_was(file: SpendFile) -> None:
    """Every template, with an anchor and without: the same content, and the same bytes when it is written again."""
    data = spend_file_bytes(file)
    assert spend_file_of(data) == file
    assert spend_file_bytes(spend_file_of(data)) == data
    assert data.isascii()


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"", NotASpendFile),
        (b"{}", NotASpendFile),
        (b"[]", NotASpendFile),
        (b"\xff\xfe", NotASpendFile),
        (b"{" * 100_000, NotASpendFile),
        (b"[" * 900 + b"]" * 900, NotASpendFile),
        (b'{"format":"zakhira-spend"', NotASpendFile),
        (json.dumps(json.loads(DATA)).encode(), NotASpendFile),  # another spelling of the same content
        (DATA + b" ", NotASpendFile),
        (DATA.replace(b"zakhira-spend", b"zakhira-spent"), NotASpendFile),
        (DATA.replace(b'"version":2', b'"version":1'), UnknownSpendFileVersion),
        (DATA.replace(b'"version":2', b'"version":true'), UnknownSpendFileVersion),
        (DATA.replace(b"grid company", b"grad company"), SpendFileDamaged),
        (b" " * (MAX_SPEND_FILE_BYTES + 1), SpendFileTooLarge),
        (b'{"format":"zakhira-spend","version":2,"x":' + b"9" * 6000 + b"}", NotASpendFile),
        (b'{"format":"\\ud800"}', NotASpendFile),
    ],
)
def test_what_is_no_spend_file_is_refused_by_name(data: bytes, refusal: type[ZakhiraError]) -> None:
    """Empty, other JSON, nested, cut, respelled, of another version, damaged, too large."""
    with pytest.raises(refusal):
        spend_file_of(data)


def _set(name: str, value: object) -> Any:  # noqa: ANN401  # one of many changes to plain data
    return lambda body: body.__setitem__(name, value)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (_set("psbt", 5), NotASpendFile),
        (_set("psbt", "text"), NotAPsbt),
        (_set("psbt", base64.b64decode(FILE.psbt).hex()), NotASpendFile),
        (_set("psbt", f"{FILE.psbt}\n"), NotASpendFile),
        (_set("psbt", base64.b64encode(second_version(PLAIN.maps)).decode()), NotASpendFile),
        (_set("proposal_signature", "00"), NotASpendFile),
        (_set("proposal_signature", None), NotASpendFile),
        (_set("approvals", {}), NotASpendFile),
        (_set("approvals", [{}]), NotASpendFile),
        (_set("approvals", json.loads(DATA)["approvals"] * MAX_APPROVALS), NotASpendFile),
        (_set("instruction", []), BadInstruction),
        (_set("note", "x"), NotASpendFile),
        (lambda body: body.pop("psbt"), NotASpendFile),
        (lambda body: body["approvals"][0].update(at="yesterday"), NotASpendFile),
        (lambda body: body["approvals"][0].update(officer=7), NotASpendFile),
        (lambda body: body["instruction"].update(fee_limit_sats=-1), BadInstruction),
        (lambda body: body["instruction"].update(fee_limit_sats=True), BadInstruction),
        (lambda body: body["instruction"].update(fee_limit_sats=1.5), BadInstruction),
        (lambda body: body["instruction"].pop("purpose"), BadInstruction),
    ],
)
def test_fields_of_another_kind_are_refused_by_name(change: Any, refusal: type[ZakhiraError]) -> None:  # noqa: ANN401
    """Each under a checksum that fits: a liar makes a new one."""
    with pytest.raises(refusal):
        spend_file_of(edited(FILE, change))


def test_a_psbt_of_a_hundred_megabytes_is_refused_by_its_size() -> None:
    """The file is refused unread; a PSBT above its own limit inside a file that is not is refused undecoded."""
    with pytest.raises(SpendFileTooLarge):
        spend_file_of(bytes(100_000_000))
    large = "cHNidP8B" + "A" * (4 * MAX_PSBT_BYTES // 3 + 8)
    with pytest.raises(PsbtTooLarge):
        spend_file_of(edited(FILE, _set("psbt", large)))


def _proven(decoded: Decoded, told: Mapping[str, bool]) -> Decoded:
    """The spend without amounts that nothing on this machine proves: a signature over a wrong one is worth nothing."""
    return replace(
        decoded,
        inputs=tuple(
            item if told[item.outpoint] else replace(item, amount_sats=None, previous=None) for item in decoded.inputs
        ),
    )


def _look(data: bytes, spend: Spend = PLAIN) -> bool | None:
    """Whether the bytes would be signed; None if they are no spend file. What would be signed is the honest spend."""
    try:
        file = spend_file_of(data)
    except ZakhiraError:
        return None
    view = view_spend(file, card_of(spend), SOON)
    if view.may_sign:
        assert file.instruction == spend.instruction
        honest, seen = decode_psbt(text_of(spend.maps), CHAIN), decode_psbt(file.psbt, CHAIN)
        told = {item.outpoint: item.is_whole for item in view.inputs}
        assert what_is_spent(_proven(seen, told)) == what_is_spent(_proven(honest, told))
        doubt = [item for item in view.findings if item.standing is Standing.UNKNOWN and "amounts" in item.sentence]
        assert bool(doubt) == (not all(told.values()))
    else:
        assert view.differences[0].code.startswith("ZK-")
    return view.may_sign


@settings(max_examples=300)
@given(
    place=st.integers(0, len(DATA) - 1),
    kind=st.sampled_from(["set", "insert", "delete"]),
    byte=st.binary(min_size=1, max_size=3),
)
def test_no_changed_byte_passes(place: int, kind: str, byte: bytes) -> None:
    """Bytes of the file changed, put in or taken out: no spend file, or nothing to sign."""
    data = bytearray(DATA)
    if kind == "set":
        data[place : place + 1] = byte
    elif kind == "insert":
        data[place:place] = byte
    else:
        del data[place : place + len(byte)]
    assert _look(bytes(data)) is None or bytes(data) == DATA


def _paths(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in plain data."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += _paths(inner, (*path, key))
    return found


SENT = {spend.instruction.hash: (spend, spend_file_bytes(spend_file(spend))) for spend in (PLAIN, ANCHORED)}
PATHS = [(name, path) for name, (_, data) in SENT.items() for path in _paths(json.loads(data)) if path[0] != "checksum"]
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10**12), st.text(max_size=8), st.just([]), st.just({}),
    st.sampled_from(["main", "recovery", "cold", "intake", "regtest", "0" * 64, "0" * 128, PLAIN.stranger.address, "",
                     Anchor(1, "cd" * 32).data]),
)  # fmt: skip


@settings(max_examples=400)
@given(place=st.sampled_from(PATHS), value=VALUES, drop=st.booleans())
def test_no_changed_field_passes(place: tuple[str, tuple[Any, ...]], value: object, drop: bool) -> None:  # noqa: FBT001
    """A field changed or dropped under a new checksum: refused by a code."""
    (spend, data), path = SENT[place[0]], place[1]
    body = json.loads(data)
    inside = body
    for key in path[:-1]:
        inside = inside[key]
    before = inside[path[-1]]
    if drop:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value
    seen = _look(with_checksum(body), spend)
    if seen:
        assert not drop
        assert value == before


MUTANTS = {"bytes": byte_mutants(), "fields": field_mutants()}
SHORT, LONG = 250, 10_000
"""How many mutants ``make test`` and ``make torture`` see."""


def _attempt(kind: str, examples: int) -> set[bool | None]:
    """The officers' words around so many mutated PSBTs; which outcomes there were."""
    outcomes = set()

    @settings(max_examples=examples)
    @given(MUTANTS[kind])
    def attempt(mutant: tuple[int, bytes]) -> None:
        try:
            psbt = receive_psbt(mutant[1]).base64
        except ZakhiraError:
            return
        spend = SPENDS[mutant[0]]
        outcomes.add(_look(spend_file_bytes(replace(spend_file(spend), psbt=psbt)), spend))

    attempt()
    return outcomes


@pytest.mark.parametrize("kind", MUTANTS)
def test_no_changed_psbt_passes(kind: str) -> None:
    """Refused by a code, or the same spend."""
    assert False in _attempt(kind, SHORT)


@pytest.mark.torture
@pytest.mark.parametrize("kind", MUTANTS)
def test_no_changed_psbt_of_many_passes(kind: str) -> None:
    """The same with tens of thousands."""
    assert {True, False} <= _attempt(kind, LONG)


def test_the_honest_file_passes_with_fields_in_another_order() -> None:
    """The properties above are no tautologies: reordered fields of the PSBT change nothing, and are signed."""
    turned = replace(PLAIN.maps, inputs=tuple(entries[::-1] for entries in PLAIN.maps.inputs))
    assert _look(spend_file_bytes(replace(FILE, psbt=text_of(turned))))
    assert _look(DATA)


def test_an_approval_of_a_third_officer_is_no_harm() -> None:
    """Amina, Bilal and Chand: more than the quorum asks for."""
    said = PLAIN.instruction
    more = replace(FILE, approvals=(*FILE.approvals, approve("bilal", said)))
    assert _look(spend_file_bytes(more))
    assert under(PLAIN.maps, said) == PLAIN.maps
