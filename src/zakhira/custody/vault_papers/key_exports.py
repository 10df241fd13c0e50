"""Keys as signers and wallets export them, in our one spelling with their origin.

Read are: ``[fingerprint/path]xpub`` lines as pasted from any program, Specter's key lines with Zpub or Vpub (SLIP-132),
Coldcard's multisig export ``ccxp-*.json`` (``p2wsh``, ``p2wsh_deriv``, ``xfp``) and its generic JSON (``bip48_2`` with
``deriv`` and ``xpub``), BSMS key records, and HWI's answers to ``getxpub`` and ``enumerate``.

Sources, read 2026-11: Coldcard/firmware shared/multisig.py (export_multisig_xpubs), shared/export.py and
docs/generic-wallet-export.md; specter-desktop src/cryptoadvance/specter/key.py; HWI 3.2.0 hwilib/commands.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import cast

from zakhira.custody.key_origin import HARDENED, KeyOrigin, parse_key
from zakhira.custody.refusals import WrongNetworkKey
from zakhira.custody.template import TAPROOT
from zakhira.custody.vault_papers.bsms import VERSION
from zakhira.custody.vault_papers.bsms_key import read_key_record
from zakhira.custody.vault_papers.bsms_seal import is_sealed
from zakhira.custody.vault_papers.refusals import DeviceFailed, NoSuitableKey
from zakhira.custody.vault_papers.text import decode_paper, label_of, parse_json, quoted, require_text
from zakhira.custody.vault_refusals import OriginDiffers, UnreadableWalletFile
from zakhira.kernel.canonical import Json

PASTED, COLDCARD, GENERIC, BSMS, HWI = "pasted", "coldcard", "coldcard-generic", "bsms-key", "hwi"
MAX_PASTED_KEYS = 64
_REMEDY = "Export the key again, with its origin."
_PATH = re.compile(r"m?/?(?P<steps>\d{1,10}[hH'](?:/\d{1,10}[hH'])*)?")
_BIP48 = HARDENED + 48
_P2WSH_SCRIPT = HARDENED + 2
_GENERIC_ACCOUNTS = {"wsh": ("bip48_2",), "tr": ("bip48_3", "bip48_2")}
_COLDCARD_FIELDS = {"wsh": ("p2wsh",), "tr": ("p2tr", "p2wsh")}
"""Accounts that fit a script, the first before the others: firmware that knows no taproot has that of P2WSH alone."""
_INSTEAD = "It is the device's account for P2WSH: its export has none for taproot."


@dataclass(frozen=True)
class ExportedKey:
    """A key that was read. ``xpub`` is ``[fingerprint/path]xpub`` in our spelling, ``source`` its form before."""

    xpub: str
    source: str
    label: str = ""
    model: str = ""
    notes: tuple[str, ...] = ()


def _origin_text(fingerprint: str, path: str, xpub: str) -> str:
    """``[fingerprint/path]xpub`` from its parts; raises UnreadableWalletFile."""
    match = _PATH.fullmatch(path.strip())
    if re.fullmatch(r"[0-9a-fA-F]{8}", fingerprint) is None or match is None:
        raise UnreadableWalletFile("The key has no fingerprint of 8 hex digits or no path of hardened steps.", _REMEDY)
    return f"[{'/'.join([fingerprint, *([match['steps']] if match['steps'] else [])])}]{xpub}"


def _exported(text: str, source: str, chain: str, label: str = "", model: str = "") -> ExportedKey:
    """The key in our spelling with what had to be said of it; raises what parse_key raises, and OriginDiffers."""
    origin = parse_key(text)
    if origin.is_main != (chain == "main"):
        raise WrongNetworkKey(
            f"The key is {'an xpub' if origin.is_main else 'a tpub'}; the chain is {chain}.",
            "Export it for this chain.",
        )
    if origin.depth != len(origin.steps) or (origin.steps and origin.child != origin.steps[-1]):
        raise OriginDiffers(
            f"The origin {origin.fingerprint}/{origin.path} is not that of the key, which stands at depth "
            f"{origin.depth}.",
            _REMEDY,
        )
    return ExportedKey(origin.text, source, label, model, (*_notes(text, origin),))


def _notes(text: str, origin: KeyOrigin) -> Iterator[str]:
    version = text[text.index("]") + 1 :].strip()[:4]
    if version not in {"xpub", "tpub"}:
        yield f"It was spelled as {version} (SLIP-132) and is {origin.xpub[:4]} here; it is the same key."
    if version[0] in "yzuv":
        yield f"{version} marks a key for single signatures: make sure that nothing else uses it."
    if version[0] in "YU":
        yield f"{version} marks a key for nested scripts (P2SH-P2WSH); our vaults are native."
    steps = origin.steps
    if steps and steps[0] == _BIP48 and len(steps) == 4 and steps[3] != _P2WSH_SCRIPT:  # noqa: PLR2004  # BIP-48's depth
        yield f"Its path {origin.path} is BIP-48's for another script than P2WSH."


def _from_coldcard(found: Mapping[str, Json], chain: str, script: str) -> ExportedKey:
    """A ``ccxp`` file."""
    name = next((name for name in _COLDCARD_FIELDS[script] if name in found), "")
    if not name:
        fields = " or ".join(_COLDCARD_FIELDS[script])
        raise NoSuitableKey(f"The export has no {fields} key.", "Export the multisig XPUB with a newer firmware.")
    text = _origin_text(require_text(found, "xfp"), require_text(found, f"{name}_deriv"), require_text(found, name))
    key = _exported(text, COLDCARD, chain, model="Coldcard")
    return _with_note(key, _INSTEAD if script == "tr" and name == "p2wsh" else "")


def _with_note(key: ExportedKey, note: str) -> ExportedKey:
    return replace(key, notes=(*key.notes, note)) if note else key


def _from_generic(found: Mapping[str, Json], chain: str, script: str) -> ExportedKey:
    """Coldcard's generic JSON, which other air-gapped signers write too."""
    for name in _GENERIC_ACCOUNTS[script]:
        account = found.get(name)
        if isinstance(account, Mapping):
            path, xpub = require_text(account, "deriv"), require_text(account, "xpub")
            key = _exported(_origin_text(require_text(found, "xfp"), path, xpub), GENERIC, chain)
            return _with_note(key, _INSTEAD if script == "tr" and name == "bip48_2" else "")
    raise NoSuitableKey(
        f"The export has none of {', '.join(_GENERIC_ACCOUNTS[script])}.", "Export the multisig XPUB instead."
    )


def _from_lines(text: str, chain: str) -> Iterator[ExportedKey]:
    """Keys as pasted, one on a line; Specter puts quotes or nothing around them."""
    lines = [line.strip().strip("\"',") for line in text.split("\n")]
    lines = [line for line in lines if line and not line.startswith("#")]
    if len(lines) > MAX_PASTED_KEYS:
        raise UnreadableWalletFile(f"There are {len(lines)} lines; {MAX_PASTED_KEYS} are the limit.", "Paste the keys.")
    for line in lines:
        # Coldcard's own spelling of a fingerprint in Specter's lines: 7c-2c-8e-1b.
        yield _exported(re.sub(r"^\[(\w\w)-(\w\w)-(\w\w)-(\w\w)(?=[/\]])", r"[\1\2\3\4", line), PASTED, chain)


def read_key_export(data: bytes, chain: str, template: str, token: str = "") -> tuple[ExportedKey, ...]:
    """The keys of an export that fit a vault's template on a chain; one, but for pasted lines.

    ``token`` opens an encrypted BSMS key record. An answer of HWI's ``getxpub`` alone does not say whose key it is: see
    :func:`read_hwi_key`.

    Raises:
        UnreadableWalletFile: it is none of the forms.
        NoSuitableKey: it has no key for the template's script.
        DeviceFailed: it is an answer of HWI that lacks the origin, or an error.
        WrongNetworkKey, OriginDiffers, MalformedKey, HardenedStep, PrivateKeyInVault: of the key.
        BadKeyRecord, OtherPaper, BadToken, SealBroken: of a BSMS record.
    """
    text = decode_paper(data)
    script = "tr" if template == TAPROOT else "wsh"
    if text.startswith(VERSION[:4]) or is_sealed(text):
        record = read_key_record(text, token)
        key = _exported(record.key.text, BSMS, chain, record.description)
        unsigned = () if record.is_signed else ("The record is not signed: compare the key on the device's screen.",)
        return (ExportedKey(key.xpub, BSMS, key.label, "", (*key.notes, *unsigned)),)
    if not text.startswith(("{", "[{")):
        return tuple(_from_lines(text, chain))
    found = parse_json(text)
    if not isinstance(found, Mapping):
        raise DeviceFailed("This is HWI's list of devices, without a key.", "Give the answer to getxpub with it.")
    if any(f"{name}_deriv" in found for name in ("p2wsh", "p2tr", "p2sh", "p2sh_p2wsh", "p2wsh_p2sh")):
        return (_from_coldcard(found, chain, script),)
    if any(isinstance(value, Mapping) and "deriv" in value for value in found.values()):
        return (_from_generic(found, chain, script),)
    _require_no_failure(found)
    if "xpub" in found:
        raise DeviceFailed("HWI's getxpub does not say whose key it is.", "Give fingerprint and path with it.")
    raise UnreadableWalletFile("The JSON is no export of keys that is known.", _REMEDY)


def _require_no_failure(answer: Mapping[str, Json]) -> None:
    """HWI answers ``{"error": ..., "code": ...}`` where it failed."""
    if "error" in answer:
        raise DeviceFailed(f"HWI says: {quoted(answer['error'])}.", "See that the device is unlocked, and ask again.")


def read_hwi_devices(data: bytes) -> tuple[tuple[str, str], ...]:
    """Fingerprint and model of each device that HWI's ``enumerate`` found and that is unlocked.

    Raises:
        UnreadableWalletFile: it is no such list.
        DeviceFailed: every device of it reports an error.
    """
    found = parse_json(decode_paper(data))
    if not isinstance(found, list) or not all(isinstance(device, Mapping) for device in found):
        raise UnreadableWalletFile("It is no list of devices.", "Give the answer of hwi enumerate.")
    devices = [cast("Mapping[str, Json]", device) for device in found]
    ready = [device for device in devices if "error" not in device]
    if devices and not ready:
        _require_no_failure(devices[0])
    return tuple((require_text(device, "fingerprint"), label_of(device.get("model"))) for device in ready)


def read_hwi_key(getxpub: bytes, path: str, chain: str, enumerated: bytes, fingerprint: str = "") -> ExportedKey:
    """The key of HWI's ``getxpub`` at a path, with the fingerprint that ``enumerate`` gave its device.

    ``fingerprint`` says which device, where there are several.

    Raises:
        DeviceFailed: an answer is an error, or it is not clear which device it is.
        UnreadableWalletFile: an answer has another form.
        what :func:`read_key_export` raises of the key.
    """
    answer = parse_json(decode_paper(getxpub))
    if not isinstance(answer, Mapping):
        raise UnreadableWalletFile("It is no answer of getxpub.", "Give the answer of hwi getxpub.")
    _require_no_failure(answer)
    devices = [d for d in read_hwi_devices(enumerated) if not fingerprint or d[0].lower() == fingerprint.lower()]
    if len(devices) != 1:
        raise DeviceFailed(
            f"{len(devices)} devices could be meant.", "Connect one, unlock it, or name its fingerprint."
        )
    text = _origin_text(devices[0][0], path, require_text(answer, "xpub"))
    return _exported(text, HWI, chain, model=devices[0][1])
