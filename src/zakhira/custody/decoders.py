"""Bytes that two decoders must read alike before anybody is asked to sign them."""

from __future__ import annotations

from dataclasses import fields

from zakhira.custody.decoded import Decoded, DecodedTransaction
from zakhira.custody.descriptor import EMBIT_ERRORS
from zakhira.custody.read_by_bdk import BDK_ERRORS, psbt_by_bdk, transaction_by_bdk
from zakhira.custody.read_by_embit import parse_psbt, psbt_by_embit, transaction_by_embit
from zakhira.custody.refusals import DecodersDisagree, SigningRefused, Undecodable

_LONGEST = 200
"""How much of a reading that is disputed an error shows."""


def _brief(reading: object) -> str:
    text = repr(reading)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _require_same(by_bdk: object, by_embit: object, what: str) -> None:
    """Hold two readings of one kind against each other, field by field, so that the error names the field."""
    if by_bdk == by_embit:
        return
    for field in fields(by_bdk):  # type: ignore[arg-type]  # both are dataclasses of one type
        one, other = getattr(by_bdk, field.name), getattr(by_embit, field.name)
        if one != other:
            raise DecodersDisagree(
                f"rust-bitcoin reads {field.name} of the {what} as {_brief(one)}, embit as {_brief(other)}.",
                "Sign nothing; keep the bytes and report them.",
            )


def _one_refused(bdk_error: str, embit_error: str) -> SigningRefused:
    """The error for bytes that one decoder or both cannot read."""
    remedy = "Sign nothing; ask for the bytes again."
    if bdk_error and embit_error:
        return Undecodable(f"Neither decoder reads the bytes: {bdk_error}; {embit_error}.", remedy)
    reader, refuser, error = (
        ("embit", "rust-bitcoin", bdk_error) if bdk_error else ("rust-bitcoin", "embit", embit_error)
    )
    return DecodersDisagree(f"{reader} reads the bytes, {refuser} does not: {error}.", remedy)


def decode_psbt(psbt_base64: str, chain: str) -> Decoded:
    """Read a PSBT (version 0, base64) with both decoders.

    Raises:
        DecodersDisagree: one of them reads another thing, or nothing; the message names the field.
        Undecodable: neither can read it.
    """
    bdk_error = embit_error = ""
    by_bdk = by_embit = None
    try:
        by_bdk = psbt_by_bdk(psbt_base64, chain)
    except BDK_ERRORS as error:
        bdk_error = repr(error)
    try:
        by_embit = psbt_by_embit(parse_psbt(psbt_base64), chain)
    except (Undecodable, *EMBIT_ERRORS) as error:
        embit_error = repr(error)
    if by_bdk is None or by_embit is None:
        raise _one_refused(bdk_error, embit_error)
    for number, (one, other) in enumerate(zip(by_bdk.inputs, by_embit.inputs, strict=False)):
        _require_same(one, other, f"PSBT's input {number}")
    for number, (paid, likewise) in enumerate(zip(by_bdk.outputs, by_embit.outputs, strict=False)):
        _require_same(paid, likewise, f"PSBT's output {number}")
    _require_same(by_bdk, by_embit, "PSBT")
    return by_bdk


def decode_transaction(raw_hex: str) -> DecodedTransaction:
    """Read a transaction with both decoders; raises DecodersDisagree or Undecodable."""
    bdk_error = embit_error = ""
    by_bdk = by_embit = None
    try:
        by_bdk = transaction_by_bdk(bytes.fromhex(raw_hex))
    except BDK_ERRORS as error:
        bdk_error = repr(error)
    try:
        by_embit = transaction_by_embit(bytes.fromhex(raw_hex))
    except EMBIT_ERRORS as error:
        embit_error = repr(error)
    if by_bdk is None or by_embit is None:
        raise _one_refused(bdk_error, embit_error)
    _require_same(by_bdk, by_embit, "transaction")
    return by_bdk
