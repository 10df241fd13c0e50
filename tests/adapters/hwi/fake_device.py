"""A hardware signer at HWI's own interface: a module with ``enumerate`` and a client class, as hwilib's devices have.

It signs with the keys of a seed over what HWI's own PSBT class holds, so that HWI's parsing, its writing and its calls
are the real ones; only USB is not there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import hwilib.commands
import pytest
from embit import ec
from embit.bip32 import HDKey
from embit.networks import NETWORKS
from embit.script import Script, p2wsh
from embit.transaction import SIGHASH, Transaction
from hwilib.common import AddressType, Chain
from hwilib.descriptor import MultisigDescriptor
from hwilib.hwwclient import HardwareWalletClient
from hwilib.key import ExtendedKey
from hwilib.psbt import PSBT

KIND = "drilldevice"


class DrilldeviceClient(HardwareWalletClient):
    """HWI's client of one drill device. ``spoil`` changes the PSBT that is returned; ``raises`` is thrown first."""

    seed = b""
    spoil: Callable[[PSBT], None] | None = None
    raises: Exception | None = None
    shown = ""
    closed = 0

    def __init__(self, path: str, password: str | None, expert: bool, chain: Chain = Chain.MAIN) -> None:  # noqa: FBT001
        super().__init__(path, password, expert, chain)
        assert password is None, "no passphrase is ever sent to a device"
        network = NETWORKS["main" if chain is Chain.MAIN else "regtest"]
        self._root = HDKey.from_seed(type(self).seed, version=network["xprv"])
        self._public = network["xpub"]

    def _fail(self) -> None:
        failure = type(self).raises
        if failure is not None:
            raise failure

    def get_master_fingerprint(self) -> bytes:
        """As a device tells it."""
        return bytes(self._root.my_fingerprint)

    def get_pubkey_at_path(self, bip32_path: str) -> ExtendedKey:
        """The public key of a path."""
        self._fail()
        key = self._root.derive(bip32_path).to_public()
        return ExtendedKey.deserialize(key.to_base58(version=self._public))

    def sign_tx(self, psbt: PSBT) -> PSBT:
        """ECDSA over every input of this seed (BIP-143)."""
        self._fail()
        tx = Transaction.parse(psbt.tx.serialize_without_witness())
        own = self.get_master_fingerprint()
        for number, given in enumerate(psbt.inputs):
            for public, origin in given.hd_keypaths.items():
                if origin.fingerprint == own:
                    key = self._root.derive(list(origin.path)).key
                    assert key.get_public_key() == ec.PublicKey.parse(public)
                    script = Script(given.witness_script)
                    assert given.witness_utxo is not None
                    digest = tx.sighash_segwit(number, script, given.witness_utxo.nValue, sighash=SIGHASH.ALL)
                    given.partial_sigs[public] = key.sign(digest).serialize() + b"\x01"
        spoil = type(self).spoil
        if spoil is not None:
            spoil(psbt)
        return psbt

    def display_multisig_address(self, addr_type: AddressType, multisig: MultisigDescriptor) -> str:
        """The address by HWI's own expansion of the descriptor, or what the device pretends."""
        self._fail()
        assert addr_type is AddressType.WIT
        assert multisig.is_sorted
        witness_script = multisig.expand(0).output_script
        return type(self).shown or str(p2wsh(Script(witness_script)).address(NETWORKS["regtest"]))

    def can_sign_taproot(self) -> bool:
        """No."""
        return False

    def close(self) -> None:
        """Counted."""
        type(self).closed += 1


@contextmanager
def plugged_in(
    seed: bytes, monkeypatch: pytest.MonkeyPatch, trouble: dict[str, Any] | None = None
) -> Iterator[type[DrilldeviceClient]]:
    """One device with this seed is on USB, beside HWI's own (of which there are none)."""

    class Client(DrilldeviceClient):
        pass

    Client.seed = seed

    def listed(
        password: str | None = None,
        expert: bool = False,  # noqa: FBT001, FBT002  # as HWI has it
        chain: Chain = Chain.MAIN,
        allow_emulators: bool = False,  # noqa: FBT001, FBT002
    ) -> list[dict[str, Any]]:
        row: dict[str, Any] = {"type": KIND, "model": "drill_one", "label": None, "path": "usb:1"}
        row |= {"needs_pin_sent": False, "needs_passphrase_sent": False}
        if trouble:
            return [row | trouble]
        return [row | {"fingerprint": Client("usb:1", None, False, chain).get_master_fingerprint().hex()}]

    module = ModuleType(f"hwilib.devices.{KIND}")
    module.__dict__.update({"DrilldeviceClient": Client, "enumerate": listed})
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(hwilib.commands, "all_devs", [KIND])
    yield Client
