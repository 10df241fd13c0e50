"""Keys as devices and wallets export them become one spelling, and what was changed or is odd is said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from embit.bip32 import HDKey
from embit.networks import NETWORKS
from hwilib.key import ExtendedKey

from register_drill import CHAIN, REGISTER
from zakhira.custody.key_origin import parse_key
from zakhira.custody.refusals import MalformedKey, PrivateKeyInVault, WrongNetworkKey
from zakhira.custody.vault_papers.key_exports import ExportedKey, read_hwi_devices, read_hwi_key, read_key_export
from zakhira.custody.vault_papers.refusals import DeviceFailed, NoSuitableKey
from zakhira.custody.vault_refusals import OriginDiffers, UnreadableWalletFile
from zakhira.kernel.errors import ZakhiraError

KEY = REGISTER[0].xpub
XPUB = KEY[KEY.index("]") + 1 :]
VPUB = HDKey.from_base58(XPUB).to_base58(version=NETWORKS["test"]["Zpub"])
PATH = "m/48h/1h/0h/2h"
ROOT = HDKey.from_seed(b"7" * 32)
DEVICES = [
    {"type": "coldcard", "model": "coldcard", "path": "0003:0001", "fingerprint": "ce3dfc2c", "needs_pin_sent": False},
    {"type": "ledger", "model": "ledger_nano_x", "path": "0003:0002", "error": "locked", "code": -12},
]
NESTED = ROOT.derive("m/48h/1h/0h/1h").to_public()


def one(data: Any, template: str = "sortedmulti", chain: str = CHAIN) -> ExportedKey:  # noqa: ANN401  # JSON or text
    text = data if isinstance(data, str) else json.dumps(data)
    (key,) = read_key_export(text.encode(), chain, template)
    return key


CCXP = {"p2wsh_deriv": "m/48'/1'/0'/2'", "p2wsh": VPUB, "p2sh_p2wsh": "x", "account": "0", "xfp": "CE3DFC2C"}
GENERIC = {
    "chain": "XTN", "xfp": "CE3DFC2C", "account": 0, "xpub": "tpub",
    "bip48_2": {"name": "p2wsh", "xfp": "00000001", "deriv": PATH, "xpub": XPUB, "_pub": VPUB},
    "bip44": {"name": "p2pkh", "xfp": "00000002", "deriv": "m/44h/1h/0h", "xpub": "tpub"},
}  # fmt: skip
FORMS: dict[str, Any] = {
    "pasted": KEY,
    "pasted with apostrophes and blanks": f"  [ce3dfc2c/48'/1'/0'/2']{XPUB}  \n",
    "in quotes with a comma": f'"{KEY}",',
    "Specter's line": f"[ce3dfc2c/48h/1h/0h/2h]{VPUB}",
    "Specter's Coldcard fingerprint": KEY.replace("[ce3dfc2c", "[ce-3d-fc-2c"),
    "with a remark": f"# multisig key\n{KEY}\n",
    "Coldcard's ccxp": CCXP,
    "Coldcard's generic JSON": GENERIC,
    "BSMS": f"BSMS 1.0\n00\n{KEY}\nAmina's key",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_is_the_same_key(form: object) -> None:
    """Whoever exported it: one spelling, with its origin."""
    assert one(form).xpub == KEY


def test_several_pasted_keys_come_back_in_their_order() -> None:
    """One on a line."""
    text = "\n".join(key.xpub for key in REGISTER)
    assert [key.xpub for key in read_key_export(text.encode(), CHAIN, "sortedmulti")] == [k.xpub for k in REGISTER]


@pytest.mark.parametrize("form", ["Specter's line", "Coldcard's ccxp"])
def test_a_converted_key_is_said_to_be(form: str) -> None:
    """Vpub became tpub: the same key in another spelling."""
    assert "Vpub (SLIP-132) and is tpub here" in " ".join(one(FORMS[form]).notes)


def test_an_unsigned_record_and_odd_paths_are_said() -> None:
    """What nothing vouches for, what was meant for single signatures, what was meant for another script."""
    assert "not signed" in " ".join(one(FORMS["BSMS"]).notes)
    nested = f"[{ROOT.my_fingerprint.hex()}/48h/1h/0h/1h]"
    for version, word in (("ypub", "single signatures"), ("Ypub", "nested scripts"), ("xpub", "another script")):
        text = nested + NESTED.to_base58(version=NETWORKS["test"][version])
        assert word in " ".join(one(text).notes)


def test_taproot_takes_its_own_account_or_says_that_there_is_none() -> None:
    """Firmware without taproot multisig exports P2WSH alone."""
    own = {
        **GENERIC,
        "bip48_3": {
            "deriv": "m/48h/1h/0h/3h",
            "xpub": ROOT.derive("m/48h/1h/0h/3h").to_public().to_base58(version=NETWORKS["test"]["xpub"]),
        },
    }
    assert parse_key(one(own, "taproot").xpub).path == "48h/1h/0h/3h"
    for form in (GENERIC, CCXP):
        assert "none for taproot" in " ".join(one(form, "taproot").notes)


def test_hwi_s_answers_together_are_a_key() -> None:
    """``getxpub`` gives the key and ``enumerate`` whose it is; a locked device beside it does not disturb."""
    answer = json.dumps({"xpub": XPUB}).encode()
    key = read_hwi_key(answer, PATH, CHAIN, json.dumps(DEVICES).encode())
    assert (key.xpub, key.model) == (KEY, "coldcard")
    two = [DEVICES[0], {**DEVICES[0], "fingerprint": "00000000"}]
    assert read_hwi_key(answer, PATH, CHAIN, json.dumps(two).encode(), "CE3DFC2C").xpub == KEY
    expert = {"xpub": XPUB, **ExtendedKey.deserialize(XPUB).get_printable_dict()}
    assert read_hwi_key(json.dumps(expert).encode(), PATH, CHAIN, json.dumps(DEVICES).encode()).xpub == KEY
    assert read_hwi_devices(json.dumps(DEVICES).encode()) == (("ce3dfc2c", "coldcard"),)
    assert read_hwi_devices(b"[]") == ()


HWI_FAILURES = {
    "an error": ({"error": "Device is locked", "code": -12}, DEVICES, PATH, DeviceFailed),
    "no device": ({"xpub": XPUB}, [], PATH, DeviceFailed),
    "two devices": ({"xpub": XPUB}, [DEVICES[0]] * 2, PATH, DeviceFailed),
    "locked alone": ({"xpub": XPUB}, DEVICES[1:], PATH, DeviceFailed),
    "no list": ({"xpub": XPUB}, {"a": 1}, PATH, UnreadableWalletFile),
    "no key": ({}, DEVICES, PATH, UnreadableWalletFile),
    "a list": ([], DEVICES, PATH, UnreadableWalletFile),
    "another path": ({"xpub": XPUB}, DEVICES, "m/48h/1h/0h", OriginDiffers),
    "a path that is none": ({"xpub": XPUB}, DEVICES, "48/1/0/2", UnreadableWalletFile),
    "a fingerprint that is none": ({"xpub": XPUB}, [{"fingerprint": "master"}], PATH, UnreadableWalletFile),
}


@pytest.mark.parametrize(("answer", "devices", "path", "error"), HWI_FAILURES.values(), ids=HWI_FAILURES)
def test_hwi_s_failures_are_told(answer: object, devices: object, path: str, error: type[ZakhiraError]) -> None:
    """A device that is locked, absent or not clearly one gives no key."""
    with pytest.raises(error):
        read_hwi_key(json.dumps(answer).encode(), path, CHAIN, json.dumps(devices).encode())


BAD_FORMS: dict[str, tuple[Any, type[ZakhiraError]]] = {
    "HWI's getxpub alone": ({"xpub": XPUB}, DeviceFailed),
    "HWI's error": ({"error": "x" * 99, "code": -1}, DeviceFailed),
    "HWI's devices": (DEVICES, DeviceFailed),
    "a bare key": (XPUB, MalformedKey),
    "a private key": (ROOT.to_base58(), PrivateKeyInVault),
    "a key of another chain": (
        KEY.replace(XPUB, HDKey.from_base58(XPUB).to_base58(version=NETWORKS["main"]["xpub"])),
        WrongNetworkKey,
    ),
    "an origin that is not the key's": (KEY.replace("/2h", "/1h"), OriginDiffers),
    "a shorter origin": (KEY.replace("/2h", ""), OriginDiffers),
    "ccxp of nested scripts alone": ({"p2sh_p2wsh_deriv": "m", "p2sh_p2wsh": "U", "xfp": "00000000"}, NoSuitableKey),
    "ccxp without fingerprint": ({**CCXP, "xfp": None}, UnreadableWalletFile),
    "ccxp with a fingerprint that is none": ({**CCXP, "xfp": "coldcard"}, UnreadableWalletFile),
    "generic without multisig": ({name: v for name, v in GENERIC.items() if name != "bip48_2"}, NoSuitableKey),
    "generic with a number": ({**GENERIC, "bip48_2": {"deriv": 48, "xpub": XPUB}}, UnreadableWalletFile),
    "other JSON": ({"hello": "world"}, UnreadableWalletFile),
    "many lines": ("\n".join([KEY] * 65), UnreadableWalletFile),
    "seed words": ("abandon " * 11 + "about", MalformedKey),
}


@pytest.mark.parametrize(("data", "error"), BAD_FORMS.values(), ids=BAD_FORMS)
def test_a_bad_export_is_refused_by_its_code(data: object, error: type[ZakhiraError]) -> None:
    """No origin, another chain, a private key, another account than asked for."""
    with pytest.raises(error) as caught:
        one(data)
    assert "abandon" not in str(caught.value)
    assert ROOT.to_base58()[:12] not in str(caught.value)
