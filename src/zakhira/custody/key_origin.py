"""An extended public key with its origin, in one spelling: ``[fingerprint/48h/1h/0h/2h]tpub...`` (BIP-32, BIP-380)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from embit.bip32 import HDKey
from embit.networks import NETWORKS

from zakhira.custody.descriptor import EMBIT_ERRORS
from zakhira.custody.refusals import HardenedStep, MalformedKey, PrivateKeyInVault

HARDENED = 2**31
_KEY = re.compile(
    r"\[(?P<fingerprint>[0-9a-fA-F]{8})(?P<path>(?:/\d{1,10}[hH'])*)\](?P<key>[1-9A-HJ-NP-Za-km-z]+)(?P<rest>\S*)"
)
_MAIN = {NETWORKS["main"][name] for name in ("xpub", "ypub", "zpub", "Ypub", "Zpub")}
_TEST = {NETWORKS["test"][name] for name in ("xpub", "ypub", "zpub", "Ypub", "Zpub")}
"""Versions of an extended public key by network: BIP-32, and those of SLIP-132, which also hint at a script."""


@dataclass(frozen=True)
class KeyOrigin:
    """A key taken apart. ``steps`` are BIP-32 child numbers from the master key, ``identity`` names the key alone."""

    fingerprint: str
    steps: tuple[int, ...]
    xpub: str
    depth: int
    child: int
    identity: str
    """public key and chain code in hex: the same key under another origin or spelling has the same identity"""
    is_main: bool

    @property
    def path(self) -> str:
        """``48h/1h/0h/2h``; empty for a master key."""
        return "/".join(f"{step - HARDENED}h" for step in self.steps)

    @property
    def text(self) -> str:
        """The one spelling: lower-case fingerprint, ``h`` for hardened, xpub or tpub."""
        return f"[{'/'.join((self.fingerprint, *([self.path] if self.path else [])))}]{self.xpub}"


def parse_key(text: str) -> KeyOrigin:
    """Read a key with its origin; ``'`` and ``h`` are one, and SLIP-132's Zpub and Vpub become xpub and tpub.

    Raises:
        MalformedKey: it has no origin, does not decode, or something follows it that is not hardened.
        HardenedStep: a hardened step follows it.
        PrivateKeyInVault: it is private; its text is never repeated.
    """
    match = _KEY.fullmatch(text.strip())
    if match is None:
        raise MalformedKey("It is not [fingerprint/path]xpub.", "Export the public key with its origin.")
    if match["key"][1:4] == "prv":
        raise PrivateKeyInVault("It is a private key.", "Take it out at once and treat it as known to others.")
    if match["rest"]:
        kind = HardenedStep if re.search(r"[hH']", match["rest"]) else MalformedKey
        # Only steps of a path are repeated: what else stands there may be part of a private key.
        path = re.match(r"[/\dhH'*<>;]{0,40}", match["rest"])
        raise kind(
            f"{repr(path[0]) if path and path[0] else 'Something'} follows the key.",
            "End the key at its xpub: <0;1>/* is added.",
        )
    try:
        key = HDKey.from_base58(match["key"])
    except EMBIT_ERRORS as error:
        raise MalformedKey(f"It does not decode: {error}.", "Export the key again.") from None
    if key.version not in _MAIN | _TEST:
        raise MalformedKey("It is no extended public key.", "Export it as xpub or tpub.")
    steps = tuple(int(step[:-1]) + HARDENED for step in match["path"].split("/")[1:])
    if any(step >= 2 * HARDENED for step in steps):
        raise MalformedKey("A step of its origin is above 2^31 - 1.", "Export the key again.")
    is_main = key.version in _MAIN
    return KeyOrigin(
        fingerprint=match["fingerprint"].lower(),
        steps=steps,
        xpub=key.to_base58(version=NETWORKS["main" if is_main else "test"]["xpub"]),
        depth=key.depth,
        child=key.child_number,
        identity=(key.sec() + key.chain_code).hex(),
        is_main=is_main,
    )
