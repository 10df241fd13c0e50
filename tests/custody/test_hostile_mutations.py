"""Valid PSBTs of every template, mutated at random: what is spent never changes unseen, and no refusal is a crash."""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custody_drill import CHAIN
from hostile_drill import (
    AMOUNTS_SATS,
    FEE_LIMIT_SATS,
    PAID_SATS,
    TEMPLATES,
    Spend,
    anchored_spend,
    honest_spend,
    text_of,
)
from zakhira.custody.checks import check_against
from zakhira.custody.decoded import Decoded
from zakhira.custody.decoders import decode_psbt
from zakhira.custody.psbt_maps import Map, PsbtMaps, write_maps
from zakhira.custody.psbt_version import receive_psbt, to_v2
from zakhira.custody.refusals import SigningRefused

SPENDS = [honest_spend(template, named=named) for template in TEMPLATES for named in (True, False)]
SPENDS += [anchored_spend(template) for template in TEMPLATES]
HONEST = {spend.instruction.hash: decode_psbt(text_of(spend.maps), CHAIN) for spend in SPENDS}
SHORT, LONG = 400, 20_000
"""How many mutants ``make test`` and ``make torture`` see."""


def what_is_spent(decoded: Decoded) -> tuple[object, ...]:
    """What no mutant may change: coins, their amounts, who is paid, and where the change goes.

    The order is free (other bytes than those that were sent are never combined), and so is the fee within its limits.
    """
    inputs = Counter((given.outpoint, given.sequence, given.amount_sats, given.script_hex) for given in decoded.inputs)
    scripts = Counter(output.script_hex for output in decoded.outputs)
    paid = [output.script_hex for output in decoded.outputs if output.amount_sats == PAID_SATS]
    return decoded.version, decoded.locktime, inputs, scripts, paid


def fee_sats(decoded: Decoded) -> int:
    """What is left for the miner of the coins as the drill made them."""
    return sum(AMOUNTS_SATS) - sum(output.amount_sats for output in decoded.outputs)


def survive(spend: Spend, data: bytes) -> bool:
    """Whether the checks let the bytes pass; if so, they spend what the honest ones spend."""
    try:
        decoded = decode_psbt(receive_psbt(data).base64, CHAIN)
        check_against(decoded, spend.instruction, spend.coins, spend.policy, CHAIN)
    except SigningRefused:
        return False
    assert what_is_spent(decoded) == what_is_spent(HONEST[spend.instruction.hash])
    assert 0 <= fee_sats(decoded) <= FEE_LIMIT_SATS
    return True


@st.composite
def byte_mutants(draw: st.DrawFn) -> tuple[int, bytes]:
    """A valid PSBT of version 0 or 2 with up to four bytes changed, put in or cut out, or its end cut off."""
    number = draw(st.integers(0, len(SPENDS) - 1))
    honest = SPENDS[number].maps
    raw = bytearray(write_maps(to_v2(honest) if draw(st.booleans()) else honest))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(raw) - 1))
        kind = draw(st.sampled_from(["set", "flip", "insert", "delete", "copy", "cut"]))
        if kind == "set":
            raw[place] = draw(st.integers(0, 255))
        elif kind == "flip":
            raw[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == "insert":
            raw[place:place] = draw(st.binary(min_size=1, max_size=4))
        elif kind == "delete":
            del raw[place : place + draw(st.integers(1, 4))]
        elif kind == "copy":
            other = draw(st.integers(0, len(raw) - 1))
            raw[place : place + 8] = raw[other : other + 8]
        else:
            del raw[max(place, 5) :]
        if not raw:
            break
    return number, bytes(raw)


def changed_value(value: bytes, draw: st.DrawFn) -> bytes:
    """Another value: a bit flipped, shortened, lengthened, of numbers one more or less, or anything."""
    kind = draw(st.sampled_from(["flip", "shorter", "longer", "step", "any"]))
    if kind == "any" or not value:
        return draw(st.binary(max_size=80))
    place = draw(st.integers(0, len(value) - 1))
    if kind == "flip":
        return value[:place] + bytes([value[place] ^ (1 << draw(st.integers(0, 7)))]) + value[place + 1 :]
    if kind == "shorter":
        return value[:place]
    if kind == "longer":
        return value + draw(st.binary(min_size=1, max_size=4))
    step = draw(st.sampled_from([-1, 1, 1000]))
    return value[:place] + bytes([(value[place] + step) % 256]) + value[place + 1 :]


def changed_map(entries: Map, others: list[Map], draw: st.DrawFn) -> Map:
    """A map with one field changed, dropped, added, renamed, or taken from another map."""
    kind = draw(st.sampled_from(["value", "drop", "add", "rename", "take", "order"]))
    if kind == "order":
        return tuple(draw(st.permutations(list(entries))))
    if kind == "add" or not entries:
        key = bytes([draw(st.integers(0, 0x20) | st.just(0xFC))]) + draw(st.binary(max_size=34))
        return (*entries, (key, draw(st.binary(max_size=80))))
    number = draw(st.integers(0, len(entries) - 1))
    key, value = entries[number]
    if kind == "drop":
        return entries[:number] + entries[number + 1 :]
    if kind == "take":
        source = draw(st.sampled_from(others)) or entries
        taken = draw(st.sampled_from(list(source)))
        return (*(item for item in entries if item[0] != taken[0]), taken)
    if kind == "rename":
        return (*entries[:number], (changed_value(key, draw) or b"\xf0", value), *entries[number + 1 :])
    return (*entries[:number], (key, changed_value(value, draw)), *entries[number + 1 :])


def changed_scopes(scopes: tuple[Map, ...], draw: st.DrawFn) -> tuple[Map, ...]:
    """Maps of inputs or outputs in another order, one twice, or one changed inside."""
    kind = draw(st.sampled_from(["inside", "inside", "inside", "swap", "twice"]))
    if kind == "swap":
        return tuple(draw(st.permutations(list(scopes))))
    number = draw(st.integers(0, len(scopes) - 1))
    if kind == "twice":
        return tuple(scopes[number] for _ in scopes)
    return tuple(
        changed_map(entries, list(scopes), draw) if place == number else entries for place, entries in enumerate(scopes)
    )


@st.composite
def field_mutants(draw: st.DrawFn) -> tuple[int, bytes]:
    """A valid PSBT of version 0 or 2 with up to three fields or whole maps changed; the frame stays well formed."""
    number = draw(st.integers(0, len(SPENDS) - 1))
    honest = SPENDS[number].maps
    maps = to_v2(honest) if draw(st.booleans()) else honest
    for _ in range(draw(st.integers(1, 3))):
        part = draw(st.sampled_from(["global", "inputs", "inputs", "outputs"]))
        if part == "global":
            maps = replace(maps, global_map=changed_map(maps.global_map, [*maps.inputs, *maps.outputs], draw))
        elif part == "inputs":
            maps = replace(maps, inputs=changed_scopes(maps.inputs, draw))
        else:
            maps = replace(maps, outputs=changed_scopes(maps.outputs, draw))
    return number, write_maps(maps)


MUTANTS = {"bytes": byte_mutants(), "fields": field_mutants()}


@pytest.mark.parametrize("kind", MUTANTS)
def test_no_mutant_spends_otherwise(kind: str) -> None:
    """A few hundred mutants: each is refused by a code, or spends exactly what was approved."""
    outcomes = run(kind, SHORT)
    assert False in outcomes


@pytest.mark.torture
@pytest.mark.parametrize("kind", MUTANTS)
def test_no_mutant_of_many_spends_otherwise(kind: str) -> None:
    """The same with tens of thousands of mutants."""
    assert run(kind, LONG) == {True, False}


def run(kind: str, examples: int) -> set[bool]:
    """Try so many mutants; which outcomes there were."""
    outcomes: set[bool] = set()

    @settings(max_examples=examples)
    @given(MUTANTS[kind])
    def attempt(mutant: tuple[int, bytes]) -> None:
        outcomes.add(survive(SPENDS[mutant[0]], mutant[1]))

    attempt()
    return outcomes


def test_a_mutant_that_changes_nothing_passes() -> None:
    """The property is no tautology: reordered fields of the honest PSBT pass, in base64 as well."""
    for spend in SPENDS:
        turned = PsbtMaps(
            0, spend.maps.global_map, tuple(entries[::-1] for entries in spend.maps.inputs), spend.maps.outputs
        )
        assert survive(spend, write_maps(turned))
        assert survive(spend, base64.b64encode(write_maps(to_v2(turned))))
