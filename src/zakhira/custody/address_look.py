"""Addresses as a hurried eye compares them: what address poisoning counts on."""

from __future__ import annotations

from embit.script import Script

from zakhira.custody.descriptor import EMBIT_ERRORS, embit_network

_LOOK_CHARACTERS = 4
"""People compare the first and last three to five characters [E]."""
_SEGWIT_HEADS = ("bc1", "tb1", "bcrt1")


def address_look(address: str) -> str:
    """First and last characters of an address, behind what all addresses of its kind share."""
    is_segwit = address.lower().startswith(_SEGWIT_HEADS)
    body = address.lower().rpartition("1")[2][1:] if is_segwit else address[1:]
    return f"{body[:_LOOK_CHARACTERS]}...{body[-_LOOK_CHARACTERS:]}"


def script_address(script: bytes, chain: str) -> str | None:
    """The address of a script, or None where it has none; raises UnknownChain."""
    network = embit_network(chain)
    try:
        return str(Script(script).address(network))
    except EMBIT_ERRORS:
        return None
