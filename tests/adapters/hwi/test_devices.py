"""Hardware signers through HWI's own interface, with a device of the drill where USB would be."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import hwilib.errors
import pytest
from hwilib.key import ExtendedKey
from hwilib.psbt import PSBT

from adapters.hwi.fake_device import DrilldeviceClient, plugged_in
from custody_drill import CHAIN, COLD, INTAKE, seed_of
from eyes_drill import PLAIN, spend_file
from hostile_drill import TEMPLATES, vault_of
from zakhira.adapters.hwi import devices
from zakhira.adapters.hwi.devices import HwiDevices, require_plain
from zakhira.adapters.hwi.refusals import (
    BeyondHwi,
    DeviceCannot,
    DeviceDiffers,
    DeviceFailed,
    DeviceNotFound,
    DeviceNotReady,
    DeviceRejects,
    DeviceUnreachable,
    HwiMissing,
    NoRightToUsb,
    NothingSigned,
    RefusedOnDevice,
    UsbLibraryMissing,
)
from zakhira.custody.coin import RECOVERY
from zakhira.custody.decoders import decode_psbt
from zakhira.custody.descriptor import derive_address
from zakhira.custody.refusals import (
    DifferentTransaction,
    ForeignSignature,
    InvalidSignature,
    WrongSighash,
)
from zakhira.custody.signing import combine_signatures, finalise, root_fingerprint
from zakhira.custody.template import SORTEDMULTI
from zakhira.kernel.errors import InvalidInput, OutsideFailure, Refused, ZakhiraError

SEED = seed_of(COLD, 1)
MARK = root_fingerprint(SEED)
FILE = spend_file(PLAIN)
USB = HwiDevices(CHAIN)
GENERATOR = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
"""A public key that is in no vault (SEC 2, secp256k1)."""


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[DrilldeviceClient]]:
    """The device of the first cold signer."""
    with plugged_in(SEED, monkeypatch) as client:
        yield client


def test_devices_are_listed_with_their_fingerprints(device: type[DrilldeviceClient]) -> None:
    """One device, and no trouble."""
    (found,) = USB.listed()
    assert (found.kind, found.model, found.fingerprint, found.trouble) == ("drilldevice", "drill_one", MARK, "")


def test_the_key_comes_with_its_origin(device: type[DrilldeviceClient]) -> None:
    """As the vault has it, at the path of BIP-48; the device is closed afterwards."""
    assert USB.key(MARK, devices.multisig_path(CHAIN)) == COLD.keys[0].xpub
    assert USB.key(MARK.upper(), "m/48'/1'/0'/2'") == COLD.keys[0].xpub
    assert device.closed == 2


def test_a_key_of_another_network_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that answers with tpub where xpub was asked for."""
    test_key = ExtendedKey.deserialize(COLD.keys[0].xpub.partition("]")[2])
    with plugged_in(SEED, monkeypatch) as client:
        monkeypatch.setattr(client, "get_pubkey_at_path", lambda _self, _path: test_key)
        with pytest.raises(DeviceDiffers, match="48h/0h/0h/2h on main"):
            HwiDevices("main").key(MARK, devices.multisig_path("main"))


def test_the_device_signs_and_the_quorum_is_reached_with_two_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three devices one after another; their signatures join to a final transaction."""
    signed = []
    for number in (1, 3, 5):
        seed = seed_of(COLD, number)
        with plugged_in(seed, monkeypatch):
            signed.append(USB.sign(root_fingerprint(seed), FILE.psbt, COLD))
    assert all(len(given.signatures) == 1 for given in decode_psbt(signed[0], CHAIN).inputs)
    assert finalise(combine_signatures(FILE.psbt, signed, CHAIN), CHAIN)


def test_an_address_is_shown_and_held_against_ours(device: type[DrilldeviceClient]) -> None:
    """HWI's own parsing of the descriptor gives the device the same address; a device that shows another is named."""
    assert USB.show_address(MARK, COLD, 1, 7) == derive_address(COLD, 1, 7, CHAIN).address
    device.shown = derive_address(INTAKE, 0, 0, CHAIN).address
    with pytest.raises(DeviceDiffers, match="shows"):
        USB.show_address(MARK, COLD, 0, 0)


@pytest.mark.parametrize("template", [name for name in TEMPLATES if name != SORTEDMULTI])
def test_what_hwi_cannot_say_is_refused_before_a_device_is_asked(template: str) -> None:
    """Miniscript and taproot; there is no device here, and none is missed."""
    with pytest.raises(BeyondHwi, match=vault_of(template).template):
        USB.sign(MARK, FILE.psbt, vault_of(template))
    with pytest.raises(BeyondHwi, match=vault_of(template).template):
        USB.show_address(MARK, vault_of(template), 0, 0)
    with pytest.raises(BeyondHwi, match="recovery path"):
        require_plain(COLD, RECOVERY)


def _other_output(psbt: PSBT) -> None:
    psbt.tx.vout[0].nValue -= 1


def _flip(psbt: PSBT) -> None:
    for given in psbt.inputs:
        for public, signature in given.partial_sigs.items():
            given.partial_sigs[public] = signature[:-2] + bytes([signature[-2] ^ 1]) + signature[-1:]


def _narrow(psbt: PSBT) -> None:
    for given in psbt.inputs:
        for public, signature in given.partial_sigs.items():
            given.partial_sigs[public] = signature[:-1] + b"\x02"


def _foreign(psbt: PSBT) -> None:
    for given in psbt.inputs:
        given.partial_sigs = {GENERATOR: next(iter(given.partial_sigs.values()))}


def _nothing(psbt: PSBT) -> None:
    for given in psbt.inputs:
        given.partial_sigs = {}


def _half(psbt: PSBT) -> None:
    psbt.inputs[1].partial_sigs = {}


@pytest.mark.parametrize(
    ("spoil", "refusal"),
    [
        (_other_output, DifferentTransaction),
        (_flip, InvalidSignature),
        (_narrow, WrongSighash),
        (_foreign, ForeignSignature),
        (_nothing, NothingSigned),
        (_half, NothingSigned),
    ],
)
def test_a_device_that_returns_something_else(
    spoil: Callable[[PSBT], None], refusal: type[ZakhiraError], device: type[DrilldeviceClient]
) -> None:
    """Another transaction, a broken signature, one that covers nothing, a foreign key, none, only half."""
    device.spoil = staticmethod(spoil)  # a function on a class would become a method
    with pytest.raises(refusal):
        USB.sign(MARK, FILE.psbt, COLD)
    assert device.closed == 1


@pytest.mark.parametrize(
    ("raised", "refusal", "kind"),
    [
        (hwilib.errors.ActionCanceledError("user said no"), RefusedOnDevice, Refused),
        (hwilib.errors.DeviceNotReadyError("locked"), DeviceNotReady, OutsideFailure),
        (hwilib.errors.NoPasswordError("passphrase"), DeviceNotReady, OutsideFailure),
        (hwilib.errors.DeviceBusyError("busy"), DeviceUnreachable, OutsideFailure),
        (hwilib.errors.DeviceConnectionError("gone"), DeviceUnreachable, OutsideFailure),
        (hwilib.errors.UnavailableActionError("not here"), DeviceCannot, Refused),
        (hwilib.errors.NotImplementedError("not yet"), DeviceCannot, Refused),
        (hwilib.errors.BadArgumentError("unknown multisig"), DeviceRejects, Refused),
        (hwilib.errors.PSBTSerializationError("broken"), DeviceRejects, Refused),
        (hwilib.errors.NeedsRootError("udev"), NoRightToUsb, OutsideFailure),
        (hwilib.errors.DeviceFailureError("failed"), DeviceFailed, OutsideFailure),
        (hwilib.errors.HWWError("not set up", hwilib.errors.DEVICE_NOT_INITIALIZED), DeviceNotReady, OutsideFailure),
        (NotImplementedError("base class"), DeviceFailed, OutsideFailure),
        (OSError("usb pipe"), DeviceFailed, OutsideFailure),
        (AssertionError(""), DeviceFailed, OutsideFailure),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_each_of_hwis_errors_has_one_of_ours(
    raised: Exception, refusal: type[ZakhiraError], kind: type[ZakhiraError], device: type[DrilldeviceClient]
) -> None:
    """While a PSBT is signed; the device is closed, and the message says what the device said."""
    device.raises = raised
    with pytest.raises(refusal, match=MARK) as caught:
        USB.sign(MARK, FILE.psbt, COLD)
    assert isinstance(caught.value, kind)
    assert caught.value.remedy
    assert device.closed == 1


def test_no_device_another_device_and_one_that_is_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is plugged in is named; the trouble of a silent one is told."""
    with plugged_in(seed_of(COLD, 2), monkeypatch), pytest.raises(DeviceNotFound, match="drill_one"):
        USB.sign(MARK, FILE.psbt, COLD)
    trouble = {"error": "Could not open client: locked", "code": hwilib.errors.DEVICE_NOT_READY}
    with plugged_in(SEED, monkeypatch, trouble), pytest.raises(DeviceNotReady, match="locked"):
        USB.sign(MARK, FILE.psbt, COLD)


def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """No libusb, then no hwi at all: exit code 3 and the command that mends it."""
    monkeypatch.setitem(sys.modules, "usb1", None)
    with pytest.raises(UsbLibraryMissing) as usb:
        USB.listed()
    assert "libusb" in usb.value.remedy
    monkeypatch.setitem(sys.modules, "hwilib.commands", None)
    with pytest.raises(HwiMissing) as package:
        USB.listed()
    assert "pip install hwi" in package.value.remedy
    assert isinstance(package.value, OutsideFailure)
    assert issubclass(BeyondHwi, InvalidInput)
