"""Specter Desktop's wallet JSON: ``label``, ``blockheight``, ``descriptor`` and ``devices``.

Source: cryptoadvance/specter-desktop src/cryptoadvance/specter/util/wallet_importer.py and devices/ (read 2026-11): the
descriptor is that of receiving addresses (``/0/*``, "only /0/* derivation is supported"), the devices stand in the
order of its keys, older backups say ``recv_descriptor`` and ``name``. Sparrow's "Specter Desktop" import reads the same
(sparrow, io/SpecterDesktop.java). Specter makes multisig wallets alone: it counts the keys of any other script as one
quorum.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from zakhira.custody.descriptor import RECEIVE
from zakhira.custody.key_register import RegisteredKey
from zakhira.custody.template import SORTEDMULTI
from zakhira.custody.vault_papers.descriptor_forms import (
    Spelling,
    branch_descriptor,
    join_branches,
    respell,
    take_vault,
)
from zakhira.custody.vault_papers.paper import PaperKind, PaperRequest, ReadPaper, Taking
from zakhira.custody.vault_papers.text import label_of, require_text
from zakhira.custody.vault_refusals import UnreadableWalletFile
from zakhira.kernel.canonical import Json

KIND = PaperKind(
    "specter",
    "Specter Desktop's wallet JSON; Sparrow imports it too, with the names of devices.",
    "-specter.json",
    (SORTEDMULTI,),
)
OTHER_DEVICE = "other"
DEVICE_TYPES = (
    *("coldcard", "ledger", "trezor", "bitbox02", "jade", "keystone", "passport", "seedsigner", "keepkey", "cobo"),
    *("specter", "electrum"),
)
"""The device types that Specter knows and that hold a key of their own (devices/*.py, ``device_type``)."""


def device_type(key: RegisteredKey | None) -> str:
    """Specter's word for a registered key's device; ``other`` where it has none."""
    said = f"{key.vendor} {key.device}".casefold().replace(" ", "") if key else ""
    return next((name for name in DEVICE_TYPES if name in said), OTHER_DEVICE)


def write_specter(request: PaperRequest) -> str:
    """The file; ``blockheight`` is where Specter starts to look for coins."""
    vault = request.record.vault
    registered = {key.signer: key for key in request.register}
    wallet = {
        "label": vault.id,
        "blockheight": request.start_height,
        "descriptor": branch_descriptor(vault, RECEIVE),
        "devices": [{"type": device_type(registered.get(key.signer)), "label": key.signer} for key in vault.keys],
    }
    return json.dumps(wallet, indent=2, ensure_ascii=False) + "\n"


def read_specter(found: Mapping[str, Json], taking: Taking) -> ReadPaper:
    """The vault of the file, its keys named as Specter's devices where the register has no name.

    Raises:
        UnreadableWalletFile: it has another form.
        what custody.descriptor raises of the descriptor.
    """
    name = "descriptor" if "descriptor" in found else "recv_descriptor"
    spelling = respell(require_text(found, name), needs_checksum=False)
    devices = found.get("devices", [])
    if not isinstance(devices, list):
        raise UnreadableWalletFile("devices is no list.", "Export the wallet again.")
    labels = [label_of(cast("Mapping[str, Json]", d).get("label") if isinstance(d, Mapping) else d) for d in devices]
    body = join_branches([spelling.body])
    paper = take_vault(KIND.name, Spelling(body, spelling.notes), taking, labels)
    return paper.called(label_of(found.get("label", found.get("name"))))
