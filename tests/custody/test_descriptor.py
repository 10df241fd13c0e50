"""Vaults become descriptors, and every address is derived by two libraries that must agree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from embit.bip32 import HDKey
from embit.networks import NETWORKS
from hypothesis import given, settings
from hypothesis import strategies as st

from custody_drill import CHAIN, COLD, INTAKE, PHRASE
from zakhira.adapters.drill_keys import signer_seed
from zakhira.custody import descriptor as room
from zakhira.custody.descriptor import derive_address, derive_place, vault_descriptor
from zakhira.custody.refusals import (
    BadPlace,
    BadVault,
    DecodersDisagree,
    HardenedStep,
    MalformedDescriptor,
    MalformedKey,
    PrivateKeyInVault,
    RepeatedKey,
    UnknownChain,
    WrongNetworkKey,
)
from zakhira.kernel.errors import ZakhiraError
from zakhira.programme.model import Vault, VaultKey


def with_key(text: str) -> Vault:
    """The intake vault with another first key."""
    return replace(INTAKE, keys=(VaultKey("intake-1", text), *INTAKE.keys[1:]))


def test_descriptor_names_threshold_keys_branches_and_checksum() -> None:
    """The descriptor is the one that Bitcoin Core takes: m, keys with origin, <0;1>/*, checksum."""
    text = vault_descriptor(COLD)
    assert text.startswith("wsh(sortedmulti(3,[")
    assert text.count("/<0;1>/*") == 5
    assert text[-9] == "#"


@settings(max_examples=25)
@given(branch=st.integers(0, 1), index=st.integers(0, 2**31 - 1))
def test_any_place_derives_alike_and_on_its_own_branch(branch: int, index: int) -> None:
    """Any branch and index gives a regtest P2WSH address that the other branch does not give."""
    here, there = (derive_address(COLD, side, index, CHAIN) for side in (branch, 1 - branch))
    assert here.address.startswith("bcrt1q")
    assert here.script_hex.startswith("0020")
    assert here.address != there.address


def test_order_of_keys_does_not_matter_for_addresses() -> None:
    """By BIP-67 the same keys in another order give the same address."""
    turned = replace(COLD, keys=COLD.keys[::-1])
    assert derive_address(turned, 0, 5, CHAIN).address == derive_address(COLD, 0, 5, CHAIN).address


def test_decoders_that_disagree_stop_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """If one library derived another address, no address is given at all."""
    by_embit, by_bdk = room._parse(vault_descriptor(INTAKE), CHAIN)

    class Liar:
        def derive(self, index: int) -> Any:  # noqa: ANN401
            return by_embit[0].derive(index + 1)

    monkeypatch.setattr(room, "_parse", lambda _text, _chain: ((Liar(), Liar()), by_bdk))
    with pytest.raises(DecodersDisagree, match="derives"):
        derive_place(vault_descriptor(INTAKE), 0, 123_456, CHAIN)


@pytest.mark.parametrize(
    ("branch", "index", "chain", "error"),
    [
        (2, 0, CHAIN, BadPlace),
        (-1, 0, CHAIN, BadPlace),
        (0, -1, CHAIN, BadPlace),
        (0, 2**31, CHAIN, BadPlace),
        (0, 0, "moon", UnknownChain),
        (0, 0, "main", WrongNetworkKey),
    ],
)
def test_places_that_no_address_has(branch: int, index: int, chain: str, error: type[ZakhiraError]) -> None:
    """A branch, index or chain outside what the vault has is refused by its own code."""
    with pytest.raises(error):
        derive_address(INTAKE, branch, index, chain)


ACCOUNT = HDKey.from_seed(signer_seed(PHRASE, "intake", "intake-1")).derive("m/48h/1h/0h/2h")
FIRST = INTAKE.keys[0].xpub
ORIGIN = FIRST[: FIRST.index("]") + 1]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("tpub-without-origin", MalformedKey),
        (FIRST[:-1] + ("1" if FIRST[-1] != "1" else "2"), MalformedKey),
        (FIRST + "/0h", HardenedStep),
        (FIRST + "/0'", HardenedStep),
        (FIRST + "/0", MalformedKey),
        (INTAKE.keys[1].xpub, RepeatedKey),
        (ORIGIN + ACCOUNT.to_public().to_base58(version=NETWORKS["main"]["xpub"]), WrongNetworkKey),
        (ORIGIN + ACCOUNT.to_public().to_base58(version=NETWORKS["main"]["Zpub"]), MalformedKey),
        (ORIGIN + ACCOUNT.to_base58(version=NETWORKS["regtest"]["xprv"]), PrivateKeyInVault),
    ],
)
def test_keys_that_a_vault_may_not_hold(text: str, error: type[ZakhiraError]) -> None:
    """A repeated, hardened, foreign, private or garbled key is refused by its own code, and a private key not shown."""
    with pytest.raises(error) as caught:
        vault_descriptor(with_key(text))
    assert "prv" not in str(caught.value)


def test_the_same_key_under_another_origin_is_still_repeated() -> None:
    """Writing another fingerprint before a key does not make it a second key."""
    second = INTAKE.keys[1].xpub
    with pytest.raises(RepeatedKey):
        vault_descriptor(with_key("[00000000/48h/1h/0h/2h]" + second[second.index("]") + 1 :]))


@pytest.mark.parametrize("threshold", [0, 4])
def test_a_quorum_that_its_keys_cannot_reach(threshold: int) -> None:
    """A threshold of 0 or above the number of keys makes no vault."""
    with pytest.raises(BadVault):
        vault_descriptor(replace(INTAKE, threshold=threshold))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "wsh(multi(2,a,b))#aaaaaaaa",
        vault_descriptor(INTAKE)[:-1] + ("q" if vault_descriptor(INTAKE)[-1] != "q" else "p"),
        vault_descriptor(INTAKE).partition("#")[0],
        vault_descriptor(INTAKE).replace("<0;1>", "<2;3>"),
    ],
)
def test_descriptors_of_another_form_are_refused(text: str) -> None:
    """Only wsh(sortedmulti) with both branches and a right checksum is derived from."""
    with pytest.raises(MalformedDescriptor):
        derive_place(text, 0, 0, CHAIN)
