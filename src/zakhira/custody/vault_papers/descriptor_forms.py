"""A descriptor in the spellings that other programs use, and back in ours: branches apart, ``/**``, ``'`` and SLIP-132.

Ours is ``.../<0;1>/*`` with ``h`` for hardened steps (BIP-389); bitcoind and Specter write each branch apart; BIP-129
and BIP-388 write ``/**``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from embit.descriptor.checksum import add_checksum

from zakhira.custody.descriptor import (
    CHANGE,
    EMBIT_ERRORS,
    RECEIVE,
    derive_place,
    vault_descriptor,
    vault_of_descriptor,
)
from zakhira.custody.key_origin import parse_key
from zakhira.custody.refusals import MalformedDescriptor
from zakhira.custody.template import BRANCHES, MAX_DESCRIPTOR_CHARACTERS, TWIN_BRANCHES, TWIN_STEP
from zakhira.custody.vault_papers.paper import ReadPaper, Taking
from zakhira.custody.vault_refusals import WalletFileDisagrees
from zakhira.programme.model import Vault

ANY_BRANCHES = "/**"
"""Both branches in a descriptor template (BIP-129, BIP-388)."""
_KEY = re.compile(r"\[[0-9a-fA-F]{8}(?:/\d{1,10}[hH']?)*\][1-9A-HJ-NP-Za-km-z]+")
_SLIP132 = re.compile(r"\][yzuvYZUV]pub")
_BRANCHED = re.compile(r"/<(\d);(\d)>/\*")
_APART = re.compile(r"/([0-3])/\*")


@dataclass(frozen=True)
class Spelling:
    """A descriptor's body in our spelling, without checksum, and what had to be said about it."""

    body: str
    notes: tuple[str, ...]


def checksummed(body: str) -> str:
    """The body with its checksum; raises MalformedDescriptor for letters that no descriptor has."""
    try:
        text: str = add_checksum(body)
    except EMBIT_ERRORS:
        raise MalformedDescriptor("The descriptor holds letters that no descriptor has.", "Copy it again.") from None
    return text


def respell(descriptor: str, *, needs_checksum: bool) -> Spelling:
    """A descriptor of another program in our spelling of keys and branches; a checksum that is there must be right.

    Branches that stand apart stay so: see :func:`join_branches`.

    Raises:
        MalformedDescriptor: it is too long, or its checksum is wrong, or missing where it is needed.
        MalformedKey, PrivateKeyInVault: a key of it cannot be read.
    """
    text = "".join(descriptor.split())
    if len(text) > MAX_DESCRIPTOR_CHARACTERS:
        raise MalformedDescriptor(f"A descriptor has no {len(text)} characters.", "Give the descriptor alone.")
    body, mark, _ = text.partition("#")
    if (mark and checksummed(body) != text) or (needs_checksum and not mark):
        raise MalformedDescriptor("A descriptor's checksum is missing or wrong.", "Copy the descriptor again.")
    notes = []
    if not mark:
        notes.append("The descriptor bore no checksum: compare the first address with the program that it comes from.")
    if _SLIP132.search(body):
        notes.append("Keys in SLIP-132's spelling (Zpub, Vpub ...) were converted to xpub or tpub; they are the same.")
    own = _KEY.sub(lambda match: parse_key(match[0]).text, body.replace(ANY_BRANCHES, BRANCHES))
    return Spelling(own, tuple(notes))


def branch_body(body: str, branch: int) -> str:
    """The body of one branch (0 receives, 1 is change): ``/<0;1>/*`` becomes ``/0/*`` or ``/1/*``."""
    return _BRANCHED.sub(lambda match: f"/{match[1 + branch]}/*", body)


def branch_descriptor(vault: Vault, branch: int) -> str:
    """The vault's descriptor of one branch with its checksum, as ``importdescriptors`` of every bitcoind takes it."""
    return checksummed(branch_body(vault_descriptor(vault).partition("#")[0], branch))


def both_branches(receive_body: str) -> str:
    """The body of both branches from that which receives (``/0/*``, and ``/2/*`` of a key that stands twice)."""

    def both(match: re.Match[str]) -> str:
        return {"0": BRANCHES, str(TWIN_STEP): TWIN_BRANCHES}.get(match[1], match[0])

    return _APART.sub(both, receive_body)


def join_branches(bodies: Sequence[str]) -> str:
    """One body from a descriptor with both branches, from two with one each, or from all three; they must agree.

    Raises:
        WalletFileDisagrees: they are not the branches of one descriptor.
        MalformedDescriptor: there is none, or a single one that does not receive.
    """
    whole = {body for body in bodies if _BRANCHED.search(body)}
    apart = [body for body in bodies if body not in whole]
    pairs = ((body, both_branches(body)) for body in apart)
    joined = whole or {both for body, both in pairs if both != body and branch_body(both, RECEIVE) == body}
    if len(joined) > 1:
        raise WalletFileDisagrees("The file holds descriptors of different vaults.", "Give each its own file.")
    if not joined:
        raise MalformedDescriptor("No descriptor with receiving addresses stands in it.", "Export the wallet again.")
    body = next(iter(joined))
    if not set(apart) <= {branch_body(body, branch) for branch in (RECEIVE, CHANGE)}:
        raise WalletFileDisagrees(
            "The descriptors of receiving and of change addresses are not those of one vault.",
            "Change would go elsewhere: do not use this file.",
        )
    return body


def take_vault(kind: str, spelling: Spelling, taking: Taking, labels: Sequence[str] = ()) -> ReadPaper:
    """The vault of a body in our spelling, with its first address on the chain.

    ``labels`` are the paper's names of the main keys in their order; they are used where the register has none, and
    only if every one is there and they differ.

    Raises:
        UnsupportedDescriptor, MalformedDescriptor and what else custody.descriptor raises of it.
        WrongNetworkKey, UnknownChain: its keys are not of the chain.
    """
    vault = vault_of_descriptor(checksummed(spelling.body), taking.vault, taking.purpose, taking.signers)
    given = tuple(label for label in labels if label)
    known = set(taking.signers.values())
    if len(set(given)) == len(vault.keys) and not known & set(given):
        keys = tuple(
            key if key.xpub in taking.signers else replace(key, signer=label)
            for key, label in zip(vault.keys, given, strict=True)
        )
        vault = replace(vault, keys=keys)
    place = derive_place(vault_descriptor(vault), RECEIVE, 0, taking.chain)
    return ReadPaper(kind, vault, place.address, spelling.notes)
