"""Devices on this machine's USB: which there are, their keys, an address shown on one, a PSBT signed by one (HWI)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

from zakhira.adapters.hwi.refusals import (
    BeyondHwi,
    DeviceDiffers,
    DeviceNotFound,
    HwiMissing,
    NothingSigned,
    UsbLibraryMissing,
    error_of,
)
from zakhira.custody.coin import MAIN
from zakhira.custody.decoded import Decoded
from zakhira.custody.decoders import decode_psbt
from zakhira.custody.descriptor import derive_address, vault_descriptor
from zakhira.custody.key_origin import parse_key
from zakhira.custody.signing import combine_signatures
from zakhira.custody.template import BRANCHES, SORTEDMULTI
from zakhira.programme.model import Vault

if TYPE_CHECKING:
    from hwilib.common import Chain
    from hwilib.hwwclient import HardwareWalletClient

_CHAINS = {"main": "MAIN", "test": "TEST", "signet": "SIGNET", "regtest": "REGTEST"}
_NO_REASON = -13
"""HWI's code for an error that it does not know."""
MULTISIG_PATHS = {"main": "m/48h/0h/0h/2h", "test": "m/48h/1h/0h/2h"}
"""BIP-48: account 0, script type P2WSH, on the main network and on every other."""
T = TypeVar("T")


@dataclass(frozen=True)
class Device:
    """A device as HWI lists it. ``fingerprint`` is empty and ``trouble`` says why where it could not be asked."""

    kind: str
    model: str
    path: str
    fingerprint: str
    trouble: str
    code: int
    """HWI's code of the trouble; 0 without any"""


def multisig_path(chain: str) -> str:
    """Where the account key of a multisig stands (BIP-48)."""
    return MULTISIG_PATHS["main" if chain == "main" else "test"]


def require_plain(vault: Vault, path: str = MAIN) -> None:
    """Nothing, if HWI has words for the vault.

    Raises:
        BeyondHwi: it is not ``wsh(sortedmulti(...))``, or its recovery path is meant.
    """
    if vault.template != SORTEDMULTI or path != MAIN:
        what = f"the {path} path of a vault of template {vault.template}"
        raise BeyondHwi(
            f"HWI signs for plain multisig alone, not for {what} ({vault.id}).",
            "Hand the PSBT to the device by file or QR.",
        )


def _library() -> ModuleType:
    """HWI's commands, with what they need from the system.

    Raises:
        HwiMissing, UsbLibraryMissing: as their names say.
    """
    try:
        import hwilib.commands
    except ImportError as error:
        raise HwiMissing(f"HWI cannot be loaded: {error}.", "Install it: pip install hwi") from None
    try:
        import usb1  # type: ignore[import-untyped]  # noqa: F401  # HWI loads it in the middle of listing devices
    except (ImportError, OSError) as error:
        raise UsbLibraryMissing(
            f"The library for USB cannot be loaded: {str(error)[:80]}.", "Install it: apt install libusb-1.0-0"
        ) from None
    return hwilib.commands


def _asked(act: Callable[[], T], device: str) -> T:
    """What HWI answers. Every failure of a device's own library comes back through HWI's door, as its tool has it.

    Raises:
        ZakhiraError: one of zakhira.adapters.hwi.refusals.
    """
    from hwilib.errors import handle_errors

    trouble: dict[str, object] = {}
    found: list[T] = []
    with handle_errors(result=trouble):
        found.append(act())
    if not found:
        code = trouble.get("code", _NO_REASON)
        raise error_of(code if isinstance(code, int) else _NO_REASON, str(trouble.get("error", "")), device)
    return found[0]


def _text(answer: object, name: str, device: str) -> str:
    value = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(value, str):
        raise DeviceDiffers(f"{device} answered without {name}.", "Unplug the device and repeat.")
    return value


class HwiDevices:
    """The devices of one chain. No PIN and no passphrase is ever sent: they are entered on the device."""

    def __init__(self, chain: str) -> None:
        self._chain = chain

    def _chain_of_hwi(self) -> Chain:
        from hwilib.common import Chain

        return Chain[_CHAINS[self._chain]]

    def listed(self) -> tuple[Device, ...]:
        """Every device that is plugged in, those that cannot be asked with their trouble.

        Raises:
            HwiMissing, UsbLibraryMissing: as their names say.
        """
        commands = _library()
        chain = self._chain_of_hwi()
        rows = _asked(lambda: commands.enumerate(password=None, expert=False, chain=chain), "USB")
        return tuple(
            Device(
                str(row.get("type", "")),
                str(row.get("model", "")),
                str(row.get("path", "")),
                str(row.get("fingerprint") or ""),
                str(row.get("error", "")),
                int(row.get("code", 0)),
            )
            for row in rows
        )

    @contextmanager
    def _client(self, fingerprint: str) -> Iterator[HardwareWalletClient]:
        """The device with this fingerprint, closed afterwards."""
        from hwilib.errors import handle_errors

        devices = self.listed()
        device = next((device for device in devices if device.fingerprint == fingerprint.lower()), None)
        if device is None:
            silent = next((device for device in devices if device.trouble), None)
            if silent is not None:
                raise error_of(silent.code, silent.trouble, silent.model)
            seen = ", ".join(f"{device.model} {device.fingerprint}" for device in devices) or "none"
            raise DeviceNotFound(
                f"No device has the fingerprint {fingerprint}; plugged in: {seen}.", "Plug it in and unlock it."
            )
        commands, chain = _library(), self._chain_of_hwi()
        client = _asked(lambda: commands.get_client(device.kind, device.path, None, False, chain), device.model)
        if client is None:
            raise DeviceNotFound(f"{device.model} cannot be opened.", "Plug it in again.")
        try:
            yield client
        finally:
            with handle_errors():  # what cannot be closed must not hide what happened before
                client.close()

    def key(self, fingerprint: str, path: str) -> str:
        """The extended public key at a path with its origin, ``[fingerprint/48h/1h/0h/2h]tpub...``.

        Raises:
            DeviceDiffers: the key is of another network, or stands at another depth than the path says.
            MalformedKey and the others of ``parse_key``; those of HWI.
        """
        commands = _library()
        with self._client(fingerprint) as client:
            xpub = _text(_asked(lambda: commands.getxpub(client, path), fingerprint), "xpub", fingerprint)
        steps = path.removeprefix("m").replace("'", "h")
        key = parse_key(f"[{fingerprint.lower()}{steps}]{xpub}")
        if key.is_main != (self._chain == "main") or key.depth != len(key.steps) or key.child != key.steps[-1]:
            raise DeviceDiffers(
                f"The key of {fingerprint} is not the one at {path} on {self._chain}.",
                "Choose the chain on the device.",
            )
        return key.text

    def show_address(self, fingerprint: str, vault: Vault, branch: int, index: int) -> str:
        """Show an address of a vault on the device; the same is derived here and must be the one that it shows.

        Raises:
            BeyondHwi: HWI has no words for the vault.
            DeviceDiffers: the device shows another address.
        """
        require_plain(vault)
        commands, ours = _library(), derive_address(vault, branch, index, self._chain).address
        body = vault_descriptor(vault).partition("#")[0].replace(BRANCHES, f"/{branch}/{index}")
        with self._client(fingerprint) as client:
            answer = _asked(lambda: commands.displayaddress(client, desc=body), fingerprint)
        shown = _text(answer, "address", fingerprint)
        if shown != ours:
            raise DeviceDiffers(f"The device shows {shown}, derived here was {ours}.", "Use neither; report both.")
        return ours

    def sign(self, fingerprint: str, psbt: str, vault: Vault) -> str:
        """The PSBT (base64, version 0) with the device's signatures, each verified; nothing else is taken over.

        The caller has looked at what the bytes do; the device shows it once more on its own screen.

        Raises:
            BeyondHwi: HWI has no words for the vault.
            NothingSigned: a coin lacks the device's signature afterwards.
            DifferentTransaction, InvalidSignature and others (custody): the device returned something else.
        """
        require_plain(vault)
        commands = _library()
        with self._client(fingerprint) as client:
            answer = _asked(lambda: commands.signtx(client, psbt), fingerprint)
        signed = combine_signatures(psbt, [_text(answer, "psbt", fingerprint)], self._chain)
        _require_signed(decode_psbt(signed, self._chain), fingerprint.lower())
        return signed


def _require_signed(decoded: Decoded, fingerprint: str) -> None:
    for given in decoded.inputs:
        own = {key for key, mark, _ in given.origins if mark == fingerprint}
        if not own & {key for key, _ in given.signatures}:
            raise NothingSigned(
                f"Device {fingerprint} put no signature on {given.outpoint}.", "Is it a signer of this vault?"
            )
