"""Whatever the bytes are, the decoders give one reading or a refusal, never a crash."""

from __future__ import annotations

import base64
import contextlib

import numpy as np
import pytest

from custody_drill import CHAIN, INTAKE, POLICY, make_sweep, seed_of
from zakhira.adapters.bip322 import Bip322Prover
from zakhira.custody.decoders import decode_psbt, decode_transaction
from zakhira.custody.descriptor import derive_address, vault_descriptor
from zakhira.custody.message import sign_message
from zakhira.custody.refusals import SigningRefused, Undecodable
from zakhira.custody.signing import check_and_sign, combine_signatures, finalise
from zakhira.kernel.ids import seeded_rng

SWEEP = make_sweep()
SIGNED = [check_and_sign(SWEEP.psbt, SWEEP.instruction, POLICY, CHAIN, seed_of(INTAKE, n)) for n in (1, 2)]
COMBINED = combine_signatures(SWEEP.psbt, SIGNED, CHAIN)
MESSAGE = Bip322Prover(CHAIN).message_psbt(
    vault_descriptor(INTAKE), derive_address(INTAKE, 0, 0, CHAIN).address, "challenge"
)


def mangle(data: bytes, rng: np.random.Generator) -> bytes:
    """Overwrite, cut out, insert or truncate at a few random places."""
    body = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        if not body:
            break
        place = int(rng.integers(len(body)))
        kind = int(rng.integers(10))
        if kind < 6:
            body[place] = int(rng.integers(256))
        elif kind < 8:
            del body[place : place + int(rng.integers(1, 5))]
        elif kind < 9:
            body[place:place] = rng.bytes(int(rng.integers(1, 5)))
        else:
            body = body[: max(1, place)]
    return bytes(body)


def _gather(text: str) -> None:
    combine_signatures(SWEEP.psbt, [text], CHAIN)


def _finish(text: str) -> None:
    finalise(text, CHAIN)


def _sign_as_message(text: str) -> None:
    sign_message(text, (INTAKE,), CHAIN, seed_of(INTAKE, 1))


@pytest.mark.parametrize("seed", range(8))
def test_mangled_psbts_are_read_or_refused(seed: int) -> None:
    """Mangled PSBTs of every stage through decoder, signer, gatherer and finaliser: what is refused is refused by name.

    What a signer still signs is the approved transaction.
    """
    rng = seeded_rng(seed, "mangled")
    sources = [base64.b64decode(text) for text in (SWEEP.psbt, SIGNED[0], COMBINED, MESSAGE)]
    for number in range(40):
        text = base64.b64encode(mangle(sources[number % len(sources)], rng)).decode()
        for act in (_gather, _finish, _sign_as_message):
            with contextlib.suppress(SigningRefused):
                act(text)
        try:
            signed = check_and_sign(text, SWEEP.instruction, POLICY, CHAIN, seed_of(INTAKE, 3))
        except SigningRefused:
            continue
        assert decode_psbt(signed, CHAIN).txid == decode_psbt(SWEEP.psbt, CHAIN).txid


def test_an_assertion_inside_a_decoder_is_a_refusal() -> None:
    """A taproot key of the wrong length trips an assertion in embit and an error in rust-bitcoin: no crash."""
    raw = base64.b64decode(SWEEP.psbt)
    assert raw.endswith(b"\x00")
    spoilt = base64.b64encode(raw[:-1] + b"\x01\x05\x03abc" + b"\x00").decode()
    with pytest.raises(Undecodable):
        decode_psbt(spoilt, CHAIN)


def test_mangled_transactions_are_read_alike_or_refused() -> None:
    """Raw transactions, mangled: both decoders agree, or the bytes are refused."""
    rng = seeded_rng(1, "mangled transactions")
    raw = bytes.fromhex(finalise(COMBINED, CHAIN))
    read = 0
    for _ in range(300):
        try:
            decode_transaction(mangle(raw, rng).hex())
            read += 1
        except SigningRefused:
            continue
    assert 0 < read < 300
