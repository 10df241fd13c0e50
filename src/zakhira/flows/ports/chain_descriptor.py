"""The two branches of a vault's descriptor, as nodes of every version read them."""

from __future__ import annotations

import re

from embit.descriptor.checksum import add_checksum, checksum

from zakhira.flows.ports.chain_errors import BadDescriptor

_BRANCHES = "<0;1>"
_FORM = re.compile(r"(?P<body>[^#]+)#(?P<check>[a-z0-9]{8})")


def split_branches(descriptor: str) -> tuple[str, str]:
    """The receiving and the change descriptor of one with ``<0;1>``, each with its checksum (BIP-389, BIP-380).

    Nodes before version 29 do not read ``<0;1>`` themselves.

    Raises:
        BadDescriptor: the checksum is missing or wrong, or there are not two branches.
    """
    match = _FORM.fullmatch(descriptor)
    if match is None or checksum(match["body"]) != match["check"]:
        raise BadDescriptor(f"The checksum of {descriptor!r} is missing or wrong.", "Copy the descriptor again, whole.")
    if _BRANCHES not in match["body"]:
        raise BadDescriptor(f"{descriptor!r} has no branches {_BRANCHES}.", "Write each key as xpub/<0;1>/*.")
    receive, change = (str(add_checksum(match["body"].replace(_BRANCHES, branch))) for branch in ("0", "1"))
    return receive, change


def same_spelling(descriptor: str) -> str:
    """The descriptor without checksum and with one spelling of hardened steps, for comparing."""
    return descriptor.partition("#")[0].replace("'", "h")
