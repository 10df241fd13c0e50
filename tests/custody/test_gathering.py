"""What signers return is held against what was sent out: signatures are verified, the rest is dropped by name."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from embit import ec
from embit.bip32 import HDKey
from embit.util import secp256k1

from custody_drill import CHAIN
from spend_drill import CASES, Case, case_spend, payment_of, seed_for
from zakhira.custody.coin import MAIN, RECOVERY
from zakhira.custody.decoders import decode_psbt, decode_transaction
from zakhira.custody.gathering import gather, without_signatures
from zakhira.custody.psbt_fields import IN_FINAL_WITNESS, IN_PARTIAL_SIG, IN_TAP_SCRIPT_SIG, IN_WITNESS_UTXO, field_name
from zakhira.custody.psbt_maps import (
    UNSIGNED_TX,
    Map,
    PsbtMaps,
    read_maps,
    read_unsigned_tx,
    write_compact,
    write_maps,
    write_unsigned_tx,
)
from zakhira.custody.psbt_refusals import MalformedPsbt, NotAPsbt
from zakhira.custody.refusals import (
    DifferentTransaction,
    ForeignSignature,
    InvalidSignature,
    SigningRefused,
    WrongSighash,
)
from zakhira.custody.signatures import Digests
from zakhira.custody.signer_keys import quorum_of
from zakhira.custody.signing import combine_signatures, finalise, sign_scopes
from zakhira.custody.signing_refusals import NoInputAmount, WrongFinalWitness
from zakhira.kernel.ids import seeded_rng

SPENDS = {case: case_spend(case) for case in CASES}
SENT = {case: spend.build() for case, spend in SPENDS.items()}
SIGNED = {
    case: spend.sign(SENT[case], quorum_of(spend.vault, case.path)[1][: quorum_of(spend.vault, case.path)[0]])
    for case, spend in SPENDS.items()
}
by_name = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
Change = Callable[[PsbtMaps], PsbtMaps]


def changed(psbt: str, change: Change) -> bytes:
    """A PSBT with its maps changed."""
    return write_maps(change(read_maps(base64.b64decode(psbt))))


def is_signature(key: bytes) -> bool:
    """Whether a field of an input is a partial signature."""
    return key[:1] in {IN_PARTIAL_SIG, IN_TAP_SCRIPT_SIG}


def each_signature(change: Callable[[int, bytes, bytes], tuple[bytes, bytes]]) -> Change:
    """Every signature field changed, told its input's number."""

    def apply(maps: PsbtMaps) -> PsbtMaps:
        inputs = tuple(
            tuple(change(number, key, value) if is_signature(key) else (key, value) for key, value in entries)
            for number, entries in enumerate(maps.inputs)
        )
        return replace(maps, inputs=inputs)

    return apply


def with_first_input(change: Callable[[Map], Map]) -> Change:
    """The first input's map changed."""
    return lambda maps: replace(maps, inputs=(change(maps.inputs[0]), *maps.inputs[1:]))


def of_another_input(maps: PsbtMaps) -> PsbtMaps:
    """The first input's signature field holds the signature of the second."""
    second = next(value for key, value in maps.inputs[1] if is_signature(key))
    return with_first_input(lambda entries: tuple((k, second if is_signature(k) else v) for k, v in entries))(maps)


def as_another_key(maps: PsbtMaps) -> PsbtMaps:
    """The first input's signature stands under a key that no script of the vault names."""
    stranger = bytes.fromhex(SPENDS[CASES[0]].change[0].address.script_hex)[2:]

    def renamed(entries: Map) -> Map:
        return tuple(
            (key[:2] + stranger[:31] + key[33:] if is_signature(key) else key, value) for key, value in entries
        )

    return with_first_input(renamed)(maps)


def _flipped(_: int, key: bytes, value: bytes) -> tuple[bytes, bytes]:
    return key, value[:40] + bytes([value[40] ^ 1]) + value[41:]


def _narrowed(_: int, key: bytes, value: bytes) -> tuple[bytes, bytes]:
    """The signature says that it covers no output."""
    return key, (value if len(value) == 64 else value[:-1]) + b"\x02"


def _empty(_: int, key: bytes, _value: bytes) -> tuple[bytes, bytes]:
    return key, b""


def _padded(_: int, key: bytes, value: bytes) -> tuple[bytes, bytes]:
    """DER that is not strict, or a Schnorr signature that spells its default sighash out as ALL."""
    return key, value + b"\x01"


@by_name
@pytest.mark.parametrize(
    ("change", "error"),
    [
        (each_signature(_flipped), InvalidSignature),
        (each_signature(_narrowed), WrongSighash),
        (each_signature(_empty), WrongSighash),
        (each_signature(_padded), (InvalidSignature, WrongSighash)),
        (of_another_input, InvalidSignature),
        (as_another_key, ForeignSignature),
    ],
    ids=["flipped", "narrowed", "empty", "padded", "of another input", "by another key"],
)
def test_a_bad_signature_is_refused(
    case: Case, change: Change, error: type[SigningRefused] | tuple[type[SigningRefused], ...]
) -> None:
    """ECDSA and Schnorr alike: one bad signature and nothing of that answer is taken."""
    with pytest.raises(error):
        gather(SENT[case], [SIGNED[case][0], changed(SIGNED[case][1], change)], CHAIN)


@by_name
def test_a_signature_of_other_amounts_is_refused(case: Case) -> None:
    """A signer that was told another amount has signed nothing that fits (BIP-143, BIP-341)."""

    def lie(maps: PsbtMaps) -> PsbtMaps:
        def one_more(entries: Map) -> Map:
            return tuple(
                (key, (int.from_bytes(value[:8], "little") + 1).to_bytes(8, "little") + value[8:])
                if key == IN_WITNESS_UTXO
                else (key, value)
                for key, value in entries
            )

        return with_first_input(one_more)(maps)

    told = base64.b64encode(changed(SENT[case], lie)).decode()
    key = quorum_of(SPENDS[case].vault, case.path)[1][0]
    signed = sign_scopes(told, decode_psbt(told, CHAIN), seed_for(key), CHAIN)
    with pytest.raises(InvalidSignature):
        gather(SENT[case], [signed], CHAIN)


def _tx(change: Callable[[bytes], bytes]) -> Change:
    def apply(maps: PsbtMaps) -> PsbtMaps:
        globals_ = tuple((k, change(v) if k == UNSIGNED_TX else v) for k, v in maps.global_map)
        return replace(maps, global_map=globals_)

    return apply


def _paid_less(raw: bytes) -> bytes:
    tx = read_unsigned_tx(raw)
    (sats, script), *rest = tx.outputs
    return write_unsigned_tx(replace(tx, outputs=((sats - 1, script), *rest)))


def _later(raw: bytes) -> bytes:
    tx = read_unsigned_tx(raw)
    return write_unsigned_tx(replace(tx, locktime=tx.locktime + 1))


def _final_sequence(raw: bytes) -> bytes:
    tx = read_unsigned_tx(raw)
    return write_unsigned_tx(replace(tx, inputs=(replace(tx.inputs[0], sequence=0xFFFFFFFE), *tx.inputs[1:])))


def _turned(raw: bytes) -> bytes:
    tx = read_unsigned_tx(raw)
    return write_unsigned_tx(replace(tx, outputs=tx.outputs[::-1]))


@by_name
@pytest.mark.parametrize("change", [_paid_less, _later, _final_sequence, _turned])
def test_another_transaction_is_refused_by_both_ids(case: Case, change: Callable[[bytes], bytes]) -> None:
    """A satoshi less, another lock time, another sequence, outputs in another order: the message names both ids."""
    returned = changed(SIGNED[case][0], _tx(change))
    theirs = decode_psbt(base64.b64encode(returned).decode(), CHAIN).txid
    with pytest.raises(DifferentTransaction, match=theirs):
        gather(SENT[case], [returned], CHAIN)


@by_name
def test_what_a_signer_adds_is_dropped_and_named(case: Case) -> None:
    """Fields of every map that a signer adds or changes: the signatures are taken, nothing else, and each has its name.

    What the signer left out is put back without a word, since it is what was sent.
    """

    def add(maps: PsbtMaps) -> PsbtMaps:
        left_out = tuple((k, v) for k, v in maps.inputs[0] if is_signature(k))
        lied = tuple((k, v[:-1] + b"\x00" if k == IN_WITNESS_UTXO else v) for k, v in maps.inputs[1])
        return replace(
            maps,
            global_map=(*maps.global_map, (b"\xfc\x06SPECIM\x01", b"x"), (b"\xf0note", b"hello"), (b"\xfb", bytes(4))),
            inputs=((*left_out, (b"\x0a" + bytes(20), b"preimage"), (b"\x13", bytes(64))), lied, *maps.inputs[2:]),
            outputs=((*maps.outputs[0], (b"\x00", b"\x51")), *maps.outputs[1:]),
        )

    gathered = gather(SENT[case], [changed(SIGNED[case][0], add)], CHAIN)
    assert gathered.dropped == (
        "global PROPRIETARY of 'SPECIM'",
        "global field f06e6f7465",
        "input RIPEMD160",
        "input TAP_KEY_SIG",
        "input WITNESS_UTXO (changed)",
        "output REDEEM_SCRIPT",
    )
    assert gathered.psbt == combine_signatures(SENT[case], [SIGNED[case][0]], CHAIN)


def final_of(case: Case, items_of: Callable[[list[bytes]], list[bytes]] = lambda items: items) -> bytes:
    """The spend as a signer returns it that makes it final at once; ``items_of`` changes the first input's witness."""
    raw_hex = finalise(combine_signatures(SENT[case], SIGNED[case], CHAIN), CHAIN)
    witnesses = [[bytes.fromhex(item) for item in witness] for witness in decode_transaction(raw_hex).witnesses]
    witnesses[0] = items_of(witnesses[0])

    def finish(maps: PsbtMaps) -> PsbtMaps:
        values = [write_compact(len(w)) + b"".join(write_compact(len(i)) + i for i in w) for w in witnesses]
        return replace(maps, inputs=tuple(((IN_FINAL_WITNESS, value),) for value in values))

    return changed(SENT[case], finish)


@by_name
def test_signatures_are_taken_out_of_a_final_psbt(case: Case) -> None:
    """A signer that finalises returns witnesses and no partial signatures: they are found, verified and named."""
    gathered = gather(SENT[case], [final_of(case)], CHAIN)
    assert gathered.dropped == ()
    assert gathered.psbt == combine_signatures(SENT[case], SIGNED[case], CHAIN)


@by_name
def test_a_final_witness_of_something_else_is_refused(case: Case) -> None:
    """Another script, none at all, a signature that verifies for no key, bytes behind the witness."""
    taproot = SPENDS[case].vault.template == "taproot"
    place = -2 if taproot else -1

    def other_script(items: list[bytes]) -> list[bytes]:
        return [*items[:place], items[place] + b"\x51", *items[len(items) + place + 1 :]]

    def other_signature(items: list[bytes]) -> list[bytes]:
        number = next(n for n, item in enumerate(items) if len(item) > 60)
        return [*items[:number], items[number][:30] + bytes(len(items[number]) - 30), *items[number + 1 :]]

    for returned in (final_of(case, other_script), final_of(case, lambda _: [])):
        with pytest.raises(WrongFinalWitness):
            gather(SENT[case], [returned], CHAIN)
    with pytest.raises(InvalidSignature):
        gather(SENT[case], [final_of(case, other_signature)], CHAIN)
    longer = changed(SENT[case], with_first_input(lambda entries: (*entries, (IN_FINAL_WITNESS, b"\x00\x00"))))
    with pytest.raises(MalformedPsbt, match="further bytes"):
        gather(SENT[case], [longer], CHAIN)


def test_a_signature_for_the_other_leaf_is_dropped() -> None:
    """On the main path of taproot a recovery signature is no use: it is named, not taken, and no reason to refuse."""
    spend = SPENDS[Case("taproot_recovery", MAIN)]
    other = payment_of(spend.vault, spend.held, RECOVERY)
    recovery = other.build()
    (signed,) = other.sign(recovery, quorum_of(spend.vault, RECOVERY)[1][:1])
    strays = [
        tuple((k, v) for k, v in entries if is_signature(k)) for entries in read_maps(base64.b64decode(signed)).inputs
    ]

    def add(maps: PsbtMaps) -> PsbtMaps:
        return replace(maps, inputs=tuple((*entries, *more) for entries, more in zip(maps.inputs, strays, strict=True)))

    sent = SENT[Case("taproot_recovery", MAIN)]
    gathered = gather(sent, [changed(sent, add)], CHAIN)
    assert (gathered.psbt, gathered.signed_by, gathered.dropped) == (sent, (), ("input TAP_SCRIPT_SIG",))


def test_of_two_signatures_of_one_key_it_does_not_matter_which_came_first() -> None:
    """A signer answers twice with different nonces: whatever the order, one of the two stays, always the same."""
    case = CASES[0]
    first = SIGNED[case][0]
    decoded = decode_psbt(first, CHAIN)
    root = HDKey.from_seed(seed_for(SPENDS[case].vault.keys[0]))
    digests = Digests(decoded)

    def again(number: int, key: bytes, _: bytes) -> tuple[bytes, bytes]:
        path = next(path for known, _, path in decoded.inputs[number].origins if known == key[1:].hex())
        digest = digests.ecdsa(number)
        other = secp256k1.ecdsa_sign(digest, root.derive(list(path)).key.secret, None, b"\x07" * 32)
        return key, ec.Signature(other).serialize() + b"\x01"

    second = changed(first, each_signature(again))
    assert second != base64.b64decode(first)
    assert gather(SENT[case], [first, second], CHAIN).psbt == gather(SENT[case], [second, first], CHAIN).psbt


@pytest.mark.parametrize("data", [b"", b"no psbt", "cHNidP8=", b"psbt\xff\x00"])
def test_what_is_no_psbt_is_refused_by_name(data: bytes | str) -> None:
    """Nothing, text, a magic alone, an empty map."""
    with pytest.raises((NotAPsbt, SigningRefused)) as caught:
        gather(SENT[CASES[0]], [data], CHAIN)
    assert caught.value.code.startswith("ZK-CUSTODY-08")


@by_name
def test_a_base_that_does_not_say_what_a_coin_holds_takes_no_signature(case: Case) -> None:
    """Without the amount nothing can be verified."""

    def forget(maps: PsbtMaps) -> PsbtMaps:
        return with_first_input(lambda entries: tuple((k, v) for k, v in entries if k != IN_WITNESS_UTXO))(maps)

    base = base64.b64encode(changed(SENT[case], forget)).decode()
    with pytest.raises((NoInputAmount, InvalidSignature, ForeignSignature)):
        gather(base, [SIGNED[case][0]], CHAIN)


def test_names_of_fields() -> None:
    """Known types by the registry's names, proprietary ones by their owner, others in hex, cut where they are long."""
    assert field_name("input", b"\x06" + bytes(33)) == "input BIP32_DERIVATION"
    assert field_name("output", b"\xfc\x03abc\x01") == "output PROPRIETARY of 'abc'"
    assert field_name("global", b"\xfc") == "global field fc"
    assert field_name("global", b"\xee" * 40) == "global field " + "ee" * 16 + "..."


def mangled(raw: bytes, rng: np.random.Generator) -> bytes:
    """Bytes overwritten, cut out or put in at a few places."""
    body = bytearray(raw)
    for _ in range(int(rng.integers(1, 4))):
        place, kind = int(rng.integers(len(body))), int(rng.integers(4))
        if kind < 2:
            body[place] = int(rng.integers(256))
        elif kind == 2:
            del body[place : place + int(rng.integers(1, 40))]
        else:
            body[place:place] = rng.bytes(int(rng.integers(1, 40)))
    return bytes(body)


def _mangle(case: Case, count: int) -> None:
    """Whatever comes back, it is refused by name, or the base has gained nothing but signatures that verify."""
    rng = seeded_rng(count, case.name)
    base = decode_psbt(SENT[case], CHAIN)
    sources = [*(base64.b64decode(text) for text in SIGNED[case]), final_of(case)]
    for number in range(count):
        data = mangled(sources[number % len(sources)], rng)
        try:
            gathered = gather(SENT[case], [data], CHAIN)
        except SigningRefused:
            continue
        taken = decode_psbt(gathered.psbt, CHAIN)
        assert without_signatures(taken) == without_signatures(base)
        assert gather(SENT[case], [gathered.psbt], CHAIN).psbt == gathered.psbt


@by_name
def test_mangled_answers(case: Case) -> None:
    """Fifty of every case, signed and final."""
    _mangle(case, 50)


@pytest.mark.torture
@by_name
def test_many_mangled_answers(case: Case) -> None:
    """Five thousand of every case."""
    _mangle(case, 5_000)
