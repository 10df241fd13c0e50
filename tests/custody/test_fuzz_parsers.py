"""Every parser of the custody room under mutated text and bytes: a value that holds, or an error with its code."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custody_drill import CHAIN, COLD, INTAKE, POLICY, make_sweep, seed_of
from hostile_drill import TEMPLATES, honest_spend, text_of, vault_of
from vector_readings import checksummed, load
from zakhira.custody.decoders import decode_psbt, decode_transaction
from zakhira.custody.descriptor import derive_place, read_descriptor, vault_descriptor, vault_of_descriptor
from zakhira.custody.key_origin import parse_key
from zakhira.custody.key_register import parse_register
from zakhira.custody.psbt_maps import read_maps, write_maps
from zakhira.custody.psbt_version import answer_psbt, psbt_bytes, receive_psbt
from zakhira.custody.signing import check_and_sign, combine_signatures, finalise
from zakhira.kernel.errors import InvalidInput, Refused, ZakhiraError
from zakhira.programme.model import Vault, VaultKey

SHORT, LONG = 150, 10_000
"""How many mutants of each parser ``make test`` and ``make torture`` see."""
SWEEP = make_sweep()
SIGNED = [check_and_sign(SWEEP.psbt, SWEEP.instruction, POLICY, CHAIN, seed_of(INTAKE, n)) for n in (1, 2)]
COMBINED = combine_signatures(SWEEP.psbt, SIGNED, CHAIN)
DESCRIPTORS = tuple(vault_descriptor(vault_of(template)) for template in TEMPLATES)
PRIVATE = (
    "xprv9s21ZrQH143K31xYSDQpPDxsXRTUcvj2iNHm5NUtrGiGG5e2DtALGdso3pGz6ssrdK4PFmM8NSpSBHNqPqm55Qn3LqFtT2emdEXVYsCzC2U"
)
TOKENS = (
    *("wsh(", "tr(", "sortedmulti(", "multi_a(", "or_d(", "and_v(", "v:", "older(", "after(", "pk(", "musig(", "raw("),
    *("/*h", "/*'", "/<0;1>/*", "/<2;3>/*", "/<0;1;2>", "/**", "h", "'", "#", "##", "{", "}", "(", ")", ",", "[", "]"),
    *("0", "-1", "65535", "65536", "499999999", "500000000", "2147483648", "99999999999999999999"),
    *("\n", "\0", "é", "[[key]]", "xpub", "@0", PRIVATE),
)


@dataclass(frozen=True)
class Parser:
    """What a parser is called, how it is called, and texts that it takes."""

    name: str
    parse: Callable[[str], object]
    samples: tuple[str, ...]


def _descriptor(text: str) -> None:
    shape = read_descriptor(text)
    vault = vault_of_descriptor(text, "fuzzed", "cold")
    assert vault_descriptor(vault) == text
    assert vault.threshold == shape.threshold
    derive_place(text, 0, 0, CHAIN)


def _key(text: str) -> None:
    assert parse_key(parse_key(text).text).text == parse_key(text).text


def _vault_key(text: str) -> None:
    keys = (VaultKey("fuzzed", text), *vault_of("sortedmulti").keys[1:])
    derive_place(vault_descriptor(Vault("fuzzed", "cold", 2, keys)), 1, 7, CHAIN)


def _psbt(text: str) -> None:
    received = receive_psbt(text.encode())
    answered = answer_psbt(received, received.raw_v0)
    assert psbt_bytes(answered) == psbt_bytes(text.encode())
    assert write_maps(read_maps(received.raw_v0)) == received.raw_v0
    decode_psbt(received.base64, CHAIN)


def _raw_psbt(text: str) -> None:
    decode_psbt(text, CHAIN)


def _returned_psbt(text: str) -> None:
    combine_signatures(SWEEP.psbt, [text], CHAIN)


def _signed_psbt(text: str) -> None:
    finalise(text, CHAIN)


def _register(text: str) -> None:
    assert parse_register(text.encode("utf-8", "surrogatepass"))


def _register_samples() -> tuple[str, ...]:
    record = {
        "signer": "s1", "holder": "Amina", "role": "custodian", "site": "Lahore", "vendor": "v", "device": "d",
        "firmware": "1.2.3", "entropy_source": "dice", "xpub": INTAKE.keys[0].xpub, "last_proof_of_life": "2026-06-01",
    }  # fmt: skip
    toml = "[[key]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in record.items())
    pasted = "".join(f"{name}: {value}\n" for name, value in record.items())
    return toml, json.dumps([record]), pasted


def _second_versions() -> tuple[str, ...]:
    return tuple(case["psbt"] for case in load("370")["valid"])


PARSERS = (
    Parser("descriptor", _descriptor, DESCRIPTORS),
    Parser("key", _key, tuple(key.xpub for key in INTAKE.keys)),
    Parser("vault key", _vault_key, tuple(key.xpub for key in INTAKE.keys)),
    Parser("PSBT", _psbt, (SWEEP.psbt, text_of(honest_spend("recovery").maps), *_second_versions())),
    Parser("PSBT of the decoders", _raw_psbt, (SWEEP.psbt, COMBINED, text_of(honest_spend("taproot").maps))),
    Parser("returned PSBT", _returned_psbt, tuple(SIGNED)),
    Parser("signed PSBT", _signed_psbt, (COMBINED, SIGNED[0])),
    Parser("transaction", decode_transaction, (finalise(COMBINED, CHAIN),)),
    Parser("key register", _register, _register_samples()),
)


def text_mutants(samples: tuple[str, ...]) -> st.SearchStrategy[str]:
    """A sample with a few letters changed, cut, doubled, spliced with another sample, or with tokens put in."""

    @st.composite
    def mutants(draw: st.DrawFn) -> str:
        text = draw(st.sampled_from(samples))
        for _ in range(draw(st.integers(1, 3))):
            place, end = sorted(draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
            near = min(end, place + 6)
            other = draw(st.sampled_from(samples))
            put = {
                "letter": st.sampled_from(string.printable),
                "token": st.sampled_from(TOKENS),
                "nothing": st.just(""),
                "double": st.just(text[place:end] * 2),
                "splice": st.just(other[place:]),
                "any": st.text(max_size=8),
            }
            kind = draw(st.sampled_from(sorted(put)))
            text = text[:place] + draw(put[kind]) + text[end if kind in {"double", "splice"} else near :]
        return text

    return mutants()


def byte_mutants(samples: tuple[str, ...]) -> st.SearchStrategy[str]:
    """A sample in base64 whose bytes are changed, and which is base64 again."""

    @st.composite
    def mutants(draw: st.DrawFn) -> str:
        raw = bytearray(base64.b64decode(draw(st.sampled_from(samples))))
        for _ in range(draw(st.integers(1, 4))):
            place = draw(st.integers(0, max(0, len(raw) - 1)))
            raw[place : place + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
        return base64.b64encode(bytes(raw)).decode()

    return mutants()


def attempt(parser: Parser, examples: int) -> None:
    """Every mutant is taken, or refused by a code with something to say."""
    strategy = text_mutants(parser.samples)
    if "PSBT" in parser.name:
        strategy |= byte_mutants(parser.samples)

    @settings(max_examples=examples)
    @given(strategy)
    def run(text: str) -> None:
        try:
            parser.parse(text)
        except ZakhiraError as error:
            refused = error
        else:
            return
        assert isinstance(refused, InvalidInput | Refused)
        assert refused.code.startswith("ZK-")
        assert refused.message

    run()


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_the_samples_are_taken(parser: Parser) -> None:
    """What is mutated is good to begin with."""
    for sample in parser.samples:
        if (parser.name, sample) != ("signed PSBT", SIGNED[0]):
            parser.parse(sample)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_a_mutant_is_taken_or_refused(parser: Parser) -> None:
    """A few hundred mutants of each: never another exception than ours."""
    attempt(parser, SHORT)


@pytest.mark.torture
@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_a_mutant_of_many_is_taken_or_refused(parser: Parser) -> None:
    """The same with tens of thousands."""
    attempt(parser, LONG)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_a_long_text_is_refused_in_time(parser: Parser) -> None:
    """Texts of one letter, of brackets and of steps: no parser runs away with them."""
    size = 200_000
    steps = "[00000000" + "/1h" * (size // 3) + "]"
    for text in ("a" * size, "(" * size, "wsh(" * (size // 4), "/0" * (size // 2), steps):
        with pytest.raises(ZakhiraError):
            parser.parse(text)


@pytest.mark.parametrize("parser", PARSERS[:3], ids=lambda parser: parser.name)
def test_a_private_key_is_never_repeated(parser: Parser) -> None:
    """No refusal shows a private key that came in by mistake, nor a part of it."""
    body = DESCRIPTORS[0].partition("#")[0].replace(COLD.keys[0].xpub, f"[00000000/48h]{PRIVATE}")
    for text in (PRIVATE, f"[00000000/48h]{PRIVATE}", checksummed(f"wsh(pk({PRIVATE}))"), body, checksummed(body)):
        with pytest.raises(ZakhiraError) as caught:
            parser.parse(text)
        assert PRIVATE[:12] not in str(caught.value)
