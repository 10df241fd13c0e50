"""What can go wrong with a hardware signer: one class per cause, and which of HWI's codes means which."""

from __future__ import annotations

from zakhira.kernel.errors import InvalidInput, OutsideFailure, Refused, ZakhiraError


class HwiMissing(OutsideFailure):
    """The package hwi is not installed."""

    code = "ZK-HWI-001"


class UsbLibraryMissing(OutsideFailure):
    """The system's library for USB is not installed."""

    code = "ZK-HWI-002"


class DeviceNotFound(OutsideFailure):
    """No device, or none with the fingerprint that was asked for."""

    code = "ZK-HWI-003"


class DeviceUnreachable(OutsideFailure):
    """The device is there and does not answer, or somebody else uses it (HWI -3, -15)."""

    code = "ZK-HWI-004"


class DeviceNotReady(OutsideFailure):
    """The device is locked, not set up, or waits for a PIN or a passphrase (HWI -6, -12, -18)."""

    code = "ZK-HWI-005"


class NoRightToUsb(OutsideFailure):
    """The user may not open USB devices (HWI -16)."""

    code = "ZK-HWI-006"


class RefusedOnDevice(Refused):
    """Somebody pressed no on the device (HWI -14)."""

    code = "ZK-HWI-007"


class DeviceCannot(Refused):
    """This device, or its firmware, does not do what was asked (HWI -8, -9)."""

    code = "ZK-HWI-008"


class DeviceRejects(Refused):
    """The device does not take what it was given: an unknown multisig, a path, a malformed PSBT (HWI -5, -7)."""

    code = "ZK-HWI-009"


class DeviceFailed(OutsideFailure):
    """The device or HWI failed in a way that HWI has no name for (HWI -13 and the rest)."""

    code = "ZK-HWI-010"


class BeyondHwi(InvalidInput):
    """HWI has no words for what was asked: miniscript, a recovery path, taproot with several keys."""

    code = "ZK-HWI-011"


class DeviceDiffers(Refused):
    """A device showed or returned something else than was derived here: treat it, or its cable, as hostile."""

    code = "ZK-HWI-012"


class NothingSigned(Refused):
    """The device returned the PSBT without a signature of its key on every coin."""

    code = "ZK-HWI-013"


_CAUSES: dict[int, tuple[type[ZakhiraError], str]] = {
    -3: (DeviceUnreachable, "Plug the device in again, and close every other program that uses it."),
    -5: (DeviceRejects, "Have the PSBT built again."),
    -6: (DeviceNotReady, "Enter PIN or passphrase on the device itself; the host is never told."),
    -7: (DeviceRejects, "Register the multisig on the device first, as its manual says."),
    -8: (DeviceCannot, "Use another device, or hand the PSBT over by file or QR."),
    -9: (DeviceCannot, "Use another device, or hand the PSBT over by file or QR."),
    -12: (DeviceNotReady, "Unlock the device."),
    -14: (RefusedOnDevice, "Ask the signer why; nothing was signed."),
    -15: (DeviceUnreachable, "Wait until the device has finished, then repeat."),
    -16: (NoRightToUsb, "Install HWI's udev rules (hwi installudevrules), then plug the device in again."),
    -18: (DeviceNotReady, "Set the device up first."),
}


def error_of(code: int, words: str, device: str) -> ZakhiraError:
    """The error for one of HWI's codes (hwilib/errors.py)."""
    cause, remedy = _CAUSES.get(
        code, (DeviceFailed, "Unplug the device, plug it in and repeat; else use a file or QR.")
    )
    return cause(f"{device}: {words.strip() or 'no reason given'} (HWI {code}).", remedy)
