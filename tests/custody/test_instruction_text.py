"""Instructions read back: the same hash, or a refusal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from custody_drill import make_sweep
from hostile_drill import ANCHOR
from zakhira.custody.instruction_text import BadInstruction, instruction_of
from zakhira.kernel.canonical import Json

TOLD = make_sweep().instruction


def test_it_comes_back_with_the_same_hash() -> None:
    """Written, sent as JSON and read again, an instruction is the one that was signed."""
    assert instruction_of(json.loads(json.dumps(TOLD.as_json()))) == TOLD


def test_one_with_an_anchor_comes_back_with_the_same_hash() -> None:
    """Both forms are read; the one without an anchor says nothing of it, so that old hashes stay what they were."""
    anchored = replace(TOLD, anchor=ANCHOR.data)
    assert instruction_of(json.loads(json.dumps(anchored.as_json()))) == anchored
    assert anchored.hash != TOLD.hash
    assert "anchor" not in cast("Mapping[str, Json]", TOLD.as_json())
    assert TOLD.hash == "f6571c6e498f8c89ac9703097c2a9a7a340cac79bb89aacc154ffd1260979871"


@pytest.mark.parametrize(
    "value", ["", "00", None, 5, ANCHOR.data.upper(), ANCHOR.data + "00", ANCHOR.data[:-16] + "0" * 16]
)
def test_an_anchor_that_is_none_is_refused(value: Any) -> None:  # noqa: ANN401
    """An empty anchor is not written at all, and data of any other form is no instruction."""
    body = {**cast("Mapping[str, Json]", TOLD.as_json()), "anchor": value}
    with pytest.raises(BadInstruction):
        instruction_of(body)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fee_limit_sats", 1.5),
        ("fee_limit_sats", True),
        ("fee_limit_sats", -1),
        ("fee_limit_sats", "100"),
        ("payments", {}),
        ("payments", [{"address": "x"}]),
        ("payments", [{"address": 1, "amount_sats": 1}]),
        ("payments", ["x"]),
        ("inputs", [1]),
        ("inputs", None),
        ("id", 1),
        ("proposed_at", "yesterday"),
        ("expires_at", 5),
    ],
)
def test_another_type_is_refused(name: str, value: Any) -> None:  # noqa: ANN401
    """Nothing is converted: an amount as text, a flag for a number or a time in words is no instruction."""
    body = {**cast("Mapping[str, Json]", TOLD.as_json()), name: value}
    with pytest.raises(BadInstruction):
        instruction_of(body)


@pytest.mark.parametrize("body", [None, [], "x", {}, {"id": "x"}])
def test_another_shape_is_refused(body: Json) -> None:
    """A field more or less, or no object at all."""
    with pytest.raises(BadInstruction):
        instruction_of(body)
    with pytest.raises(BadInstruction):
        instruction_of({**cast("Mapping[str, Json]", TOLD.as_json()), "note": "x"})
