"""Every reader of papers under mutated texts: a vault that derives, or a refusal with its code and no secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_drill import CARRIED, RECORDS, request_of, taking_of
from register_drill import CHAIN, REGISTER
from zakhira.custody.descriptor import derive_address, vault_descriptor
from zakhira.custody.vault_papers.bsms_key import read_key_record
from zakhira.custody.vault_papers.key_exports import read_hwi_devices, read_hwi_key, read_key_export
from zakhira.custody.vault_papers.kinds import PAPER_KINDS, read_vault_paper, write_vault_paper
from zakhira.kernel.errors import InvalidInput, Refused, ZakhiraError

SHORT, LONG = 150, 10_000
"""How many mutants of each reader ``make test`` and ``make torture`` see."""
TOKEN = "a54044308ceac9b7"
PRIVATE = (
    "tprv8ZgxMBicQKsPd9TeAdPADNnSyH9SSUUbTVeFszDE23Ki6TBB5nCefAdHkK8Fm3qMQR6sHwA56zqRmKmxnHk37JkiFzvncDqoKmPWubu7hDF"
)
TOKENS = (
    *("wsh(", "tr(", "sortedmulti(", "multi_a(", "or_d(", "older(", "after(", "/<0;1>/*", "/<2;3>/*", "/**", "/0/*"),
    *("'", "#", "@0", "@1", "@99", "{", "}", "[", "]", '"', ",", ":", "null", "true", "-1", "65536", "1e999", "\n"),
    *("BSMS 1.0", "No path restrictions", "Policy: 2 of 3", "Format: P2SH", "Derivation: m/45'", "desc", "descriptor"),
    *("\0", "\u00e9", "\ufeff", "\u2028", PRIVATE, PRIVATE[1:], PRIVATE[:60], "[00000000/48h]" + PRIVATE),
)


@dataclass(frozen=True)
class Reader:
    """What a reader is called, how it is called, and texts that it takes."""

    name: str
    read: Callable[[bytes], object]
    samples: tuple[str, ...]


def _paper(data: bytes) -> None:
    paper = read_vault_paper(data, taking_of("decaying", TOKEN))
    assert derive_address(paper.vault, 0, 0, CHAIN).address == paper.first_address
    again = read_vault_paper(vault_descriptor(paper.vault).encode(), taking_of("decaying"))
    assert again.first_address == paper.first_address


def _keys(data: bytes) -> None:
    for template in ("sortedmulti", "taproot"):
        for key in read_key_export(data, CHAIN, template, TOKEN):
            assert read_key_export(key.xpub.encode(), CHAIN, template)[0].xpub == key.xpub


def _record(data: bytes) -> None:
    read_key_record(data.decode("utf-8", "replace"), TOKEN)


def _hwi(data: bytes) -> None:
    read_hwi_devices(data)


def _hwi_key(data: bytes) -> None:
    read_hwi_key(data, "m/48h/1h/0h/2h", CHAIN, b'[{"fingerprint": "ce3dfc2c", "model": "coldcard"}]')


XPUB = REGISTER[0].xpub[REGISTER[0].xpub.index("]") + 1 :]
KEY_FORMS = (
    REGISTER[0].xpub,
    json.dumps({"xfp": "CE3DFC2C", "p2wsh_deriv": "m/48h/1h/0h/2h", "p2wsh": XPUB}),
    json.dumps({"xfp": "CE3DFC2C", "bip48_2": {"deriv": "m/48h/1h/0h/2h", "xpub": XPUB}}),
    f"BSMS 1.0\n00\n{REGISTER[0].xpub}\nkey",
)


def papers_of(kind: str) -> tuple[str, ...]:
    """The papers of a kind, for every template that it carries."""
    found = [write_vault_paper(kind, request_of(name)).data.decode() for name, other in CARRIED if other == kind]
    return (*found, write_vault_paper(kind, request_of("held", TOKEN)).data.decode()) if kind == "bsms" else (*found,)


READERS = (
    *(Reader(kind, _paper, papers_of(kind)) for kind in PAPER_KINDS),
    Reader("key export", _keys, KEY_FORMS),
    Reader("key record", _record, KEY_FORMS[3:]),
    Reader("HWI's devices", _hwi, ('[{"fingerprint": "ce3dfc2c", "model": "m"}, {"error": "x", "code": 1}]',)),
    Reader("HWI's key", _hwi_key, (json.dumps({"xpub": XPUB}),)),
)


@st.composite
def mutants(draw: st.DrawFn, samples: tuple[str, ...]) -> bytes:
    """A sample with letters changed, cut, doubled, spliced, or with tokens put in; sometimes as bad bytes."""
    text = draw(st.sampled_from(samples))
    for _ in range(draw(st.integers(1, 3))):
        place, end = sorted(draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
        kind = draw(st.sampled_from(("letter", "token", "cut", "double", "splice", "near")))
        if kind == "double":
            text = text[:place] + text[place:end] * 2 + text[end:]
        elif kind == "splice":
            text = text[:place] + draw(st.sampled_from(samples))[place:]
        elif kind == "cut":
            text = text[:place] + text[end:]
        elif kind == "near":
            text = text[:place] + draw(st.text(max_size=3)) + text[place + 2 :]
        else:
            put = st.characters(codec="utf-8") if kind == "letter" else st.sampled_from(TOKENS)
            text = text[:place] + draw(put) + text[place + (kind == "letter") :]
    data = text.encode("utf-8", "surrogatepass")
    return data[: draw(st.integers(0, len(data)))] + b"\xff" if draw(st.integers(0, 19)) == 7 else data


def secret_in(message: str) -> bool:
    """Whether eight letters of the secret in a row stand in a message."""
    return any(PRIVATE[at : at + 8] in message for at in range(1, len(PRIVATE) - 8))


def attempt(reader: Reader, examples: int) -> None:
    """Every mutant is taken, or refused by a code with something to say and nothing to hide."""

    @settings(max_examples=examples)
    @given(mutants(reader.samples))
    def run(data: bytes) -> None:
        try:
            reader.read(data)
        except ZakhiraError as error:
            refused = error
        else:
            return
        assert isinstance(refused, InvalidInput | Refused)
        assert refused.code.startswith("ZK-")
        assert refused.message
        assert not secret_in(str(refused))

    run()


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_the_samples_are_taken(reader: Reader) -> None:
    """What is mutated is good to begin with."""
    for sample in reader.samples:
        reader.read(sample.encode())


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_mutant_is_taken_or_refused(reader: Reader) -> None:
    """A few hundred mutants of each: never another exception than ours, never a secret repeated."""
    attempt(reader, SHORT)


@pytest.mark.torture
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_mutant_of_many_is_taken_or_refused(reader: Reader) -> None:
    """The same with ten thousand each."""
    attempt(reader, LONG)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_long_text_is_refused_in_time(reader: Reader) -> None:
    """Texts of one letter, of brackets, of digits and of names: no reader runs away with them."""
    size = 200_000
    for text in (
        "a" * size,
        "0" * size,
        "(" * size,
        "[" * size,
        '{"descriptor": "' + "wsh(" * (size // 4) + '"}',
        "[00000000" + "/1h" * (size // 3) + "]",
        "Policy: 3 of 5\n" + "00000000: x\n" * (size // 12),
        "BSMS 1.0\n" * (size // 9),
        '{"descriptor_template": "' + "@0/**" * (size // 5) + '", "keys_info": ["x"]}',
        "[" + ",".join(["{}"] * (size // 3)) + "]",
    ):
        with pytest.raises(ZakhiraError):
            reader.read(text.encode())


PLACES = (XPUB, RECORDS["held"].vault.keys[1].xpub[25:])
WITH_KEYS = [reader for reader in READERS if any(place in text for place in PLACES for text in reader.samples)]


@pytest.mark.parametrize("reader", WITH_KEYS, ids=lambda reader: reader.name)
def test_a_secret_is_never_repeated(reader: Reader) -> None:
    """A private key in place of a public one, whole, spoiled or cut, in every sample."""
    for sample in reader.samples:
        for secret in (
            PRIVATE,
            PRIVATE[:-1] + "1",
            PRIVATE[:40],
            PRIVATE[-25:] + "\n",
            "0" + PRIVATE[1:],
            PRIVATE.replace("tprv", "xprv"),
        ):
            for place in PLACES:
                if place not in sample:
                    continue
                with pytest.raises(ZakhiraError) as caught:
                    reader.read(sample.replace(place, secret).encode())
                assert not secret_in(str(caught.value))


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_piece_of_a_secret_before_a_paper_is_not_repeated(reader: Reader) -> None:
    """The end of a private key that was pasted before the text (found by the ten thousand mutants)."""
    for sample in reader.samples:
        for piece in (PRIVATE[-25:], PRIVATE[40:60] + "\n", PRIVATE[-12:] + ": "):
            with pytest.raises(ZakhiraError) as caught:
                reader.read((piece + sample).encode())
            assert not secret_in(str(caught.value))
