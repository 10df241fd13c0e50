"""Labels of BIP-329: its vectors, strict reading with every fault told, and writing that is read again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zakhira.custody import labels as room
from zakhira.custody.labels import Label, TooManyLabels, read_labels, write_labels
from zakhira.kernel.errors import Faults

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "bip329.json").read_text(encoding="utf-8"))
TXID = "f91d0a8a78462bc59398f2c5d7a84fcff491c26ba54c4833478b202796c8aafd"


def test_vectors_of_the_bip() -> None:
    """The BIP's own lines are read, and written they say the same."""
    lines = VECTORS["lines"]
    found = read_labels("\n".join(lines).encode())
    assert [label.type for label in found] == ["tx", "addr", "pubkey", "input", "output", "xpub", "tx"]
    assert found[0] == Label("tx", TXID, "Transaction", "wpkh([d34db33f/84'/0'/0'])")
    assert found[4].spendable is False
    assert [json.loads(line) for line in write_labels(found).decode().splitlines()] == [json.loads(s) for s in lines]


def test_what_wallets_add() -> None:
    """Empty lines, a line's end of Windows, fields of later versions and a label said twice are no fault."""
    line = f'{{"type":"tx","ref":"{TXID}","label":"rent","height":900000,"time":"2026-01-01T00:00:00Z","fee":120}}'
    assert read_labels(f"{line}\r\n\n{line}\n".encode()) == (Label("tx", TXID, "rent"),)
    assert read_labels(b"") == ()
    assert read_labels(f'{{"type":"tx","ref":"{TXID}"}}'.encode()) == (Label("tx", TXID, ""),)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"not json", "ZK-CUSTODY-150"),
        (b"[]", "ZK-CUSTODY-150"),
        (b"\xff\xfe", "ZK-CUSTODY-150"),
        (b"[" * 100_000, "ZK-CUSTODY-150"),
        (b'{"type":"tx","type":"addr"}', "ZK-CUSTODY-150"),
        (b'{"type":"tx","ref":NaN}', "ZK-CUSTODY-150"),
        (b'{"ref":"x"}', "ZK-CUSTODY-151"),
        (b'{"type":"coin","ref":"x"}', "ZK-CUSTODY-151"),
        (b'{"type":5,"ref":"x"}', "ZK-CUSTODY-151"),
        (b'{"type":"tx"}', "ZK-CUSTODY-151"),
        (f'{{"type":"tx","ref":"{TXID}","label":7}}'.encode(), "ZK-CUSTODY-151"),
        (f'{{"type":"tx","ref":"{TXID}","label":"\\ud800"}}'.encode(), "ZK-CUSTODY-151"),
        (f'{{"type":"tx","ref":"{TXID}","label":"\\u0000"}}'.encode(), "ZK-CUSTODY-151"),
        (f'{{"type":"tx","ref":"{TXID}","label":"{"x" * 256}"}}'.encode(), "ZK-CUSTODY-151"),
        (f'{{"type":"tx","ref":"{TXID}","spendable":true}}'.encode(), "ZK-CUSTODY-151"),
        (f'{{"type":"output","ref":"{TXID}:0","spendable":"no"}}'.encode(), "ZK-CUSTODY-151"),
        (f'{{"type":"output","ref":"{TXID}:0","origin":"wpkh()"}}'.encode(), "ZK-CUSTODY-151"),
        (f'{{"type":"output","ref":"{TXID}"}}'.encode(), "ZK-CUSTODY-152"),
        (f'{{"type":"output","ref":"{TXID}:01"}}'.encode(), "ZK-CUSTODY-152"),
        (f'{{"type":"tx","ref":"{TXID.upper()}"}}'.encode(), "ZK-CUSTODY-152"),
        (b'{"type":"pubkey","ref":"05"}', "ZK-CUSTODY-152"),
        (b'{"type":"xpub","ref":"xprv"}', "ZK-CUSTODY-152"),
    ],
)
def test_faults_have_their_code_and_line(line: bytes, code: str) -> None:
    """Each fault by its code, with the line that it stands in."""
    good = f'{{"type":"tx","ref":"{TXID}","label":"rent"}}'.encode()
    with pytest.raises(Faults) as caught:
        read_labels(good + b"\n" + line, "mine.jsonl")
    assert {(fault.code, fault.line, fault.file) for fault in caught.value.faults} == {(code, 2, "mine.jsonl")}


def test_all_faults_are_told_together() -> None:
    """Faults of several lines come at once, up to a hundred."""
    with pytest.raises(Faults) as caught:
        read_labels(b"x\n\n[]\n")
    assert [fault.line for fault in caught.value.faults] == [1, 3]
    with pytest.raises(Faults) as caught:
        read_labels(b"x\n" * 5000)
    assert len(caught.value.faults) == 100


def test_two_labels_for_one_thing() -> None:
    """Which of the two is meant is not guessed."""
    lines = "\n".join(f'{{"type":"tx","ref":"{TXID}","label":"{word}"}}' for word in ("rent", "fee"))
    with pytest.raises(Faults, match="ZK-CUSTODY-153"):
        read_labels(lines.encode())


def test_a_file_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file beyond all files of labels is not read at all."""
    monkeypatch.setattr(room, "MAX_BYTES", 10)
    with pytest.raises(TooManyLabels):
        read_labels(b"x" * 11)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=255)
HEX = st.binary(min_size=32, max_size=32).map(bytes.hex)
OUTPOINTS = st.builds("{}:{}".format, HEX, st.integers(0, 2**32 - 1))
LABELS = st.one_of(
    st.builds(Label, st.just("tx"), HEX, TEXT, TEXT),
    st.builds(Label, st.just("output"), OUTPOINTS, TEXT, st.just(""), st.sampled_from([None, True, False])),
    st.builds(Label, st.just("input"), OUTPOINTS, TEXT),
    st.builds(Label, st.just("pubkey"), HEX, TEXT),
)


@settings(max_examples=150)
@given(st.lists(LABELS, max_size=8, unique_by=lambda label: (label.type, label.ref)))
def test_written_labels_are_read_again(labels: list[Label]) -> None:
    """Whatever the words are, also with line ends, quotes and all of Unicode in them."""
    assert read_labels(write_labels(labels)) == tuple(labels)


@settings(max_examples=300)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=100).map(lambda t: t.encode("utf-8", "surrogatepass"))))
def test_any_bytes(data: bytes) -> None:
    """Whatever the bytes are: labels, or faults with their codes."""
    try:
        read_labels(data)
    except Faults as error:
        codes = {fault.code for fault in error.faults}
        if not codes <= {f"ZK-CUSTODY-15{number}" for number in range(5)}:
            raise
