"""A PSBT handed to rust-bitcoin in one copy (BIP-174)."""

from __future__ import annotations

import ctypes
from typing import Any

import bdkpython


def bdk_psbt(psbt_base64: str) -> Any:  # noqa: ANN401  # bdkpython ships no types
    """rust-bitcoin's PSBT of this text; raises what ``bdkpython.Psbt`` raises.

    The constructor of bdkpython 3.1.1 copies the text byte by byte in Python, which takes longer than all the rest of
    its reading (0.3 s of a payout's 0.8 MB). Here the same call gets the same buffer, filled at once. Where another
    release is built otherwise, the constructor is used.
    """
    ffi = bdkpython.bdk
    try:
        builder = ffi._UniffiRustBufferBuilder()  # noqa: SLF001
        call, fault = ffi._uniffi_rust_call_with_error, ffi._UniffiFfiConverterTypePsbtParseError  # noqa: SLF001
        construct, instance = (
            ffi._UniffiLib.uniffi_bdkffi_fn_constructor_psbt_new,  # noqa: SLF001
            bdkpython.Psbt._uniffi_make_instance,  # noqa: SLF001
        )
        reserve, finish = builder._reserve, builder.finalize  # noqa: SLF001
    except AttributeError:
        return bdkpython.Psbt(psbt_base64)
    data = psbt_base64.encode()
    with reserve(len(data)):
        ctypes.memmove(builder.rbuf.data, data, len(data))
    return instance(call(fault, construct, finish()))
