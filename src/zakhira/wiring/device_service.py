"""Hardware signers on this machine's USB."""

from __future__ import annotations

from zakhira.adapters.hwi.devices import HwiDevices, multisig_path
from zakhira.cli.answer import Answer, Table, Word
from zakhira.cli.signer_services import Knowledge
from zakhira.custody.checks import vault_named
from zakhira.flows.signer_card import policy_of_card
from zakhira.kernel.canonical import Json
from zakhira.wiring.signer_service import read_knowledge


class DeviceDesk:
    """Implements ``cli.signer_services.DeviceServices``; raises the errors of zakhira.adapters.hwi."""

    def list(self, chain: str) -> Answer:
        """The devices that are plugged in; no where there is none."""
        devices = HwiDevices(chain).listed()
        rows = tuple((item.model, item.fingerprint or "not told", item.path, item.trouble) for item in devices)
        facts: list[Json] = [
            {"model": item.model, "fingerprint": item.fingerprint, "path": item.path, "trouble": item.trouble}
            for item in devices
        ]
        table = Table("Devices", ("model", "fingerprint", "path", "trouble"), rows)
        if not devices:
            return Answer((), {"devices": facts}, "No device is plugged in.", Word.NO)
        return Answer((table,), {"devices": facts}, f"{len(devices)} plugged in.")

    def key(self, fingerprint: str, chain: str, path: str) -> Answer:
        """A device's extended public key with its origin."""
        key = HwiDevices(chain).key(fingerprint, path or multisig_path(chain))
        return Answer((), {"key": key, "chain": chain}, key)

    def show_address(self, fingerprint: str, knowledge: Knowledge, vault: str, branch: int, index: int) -> Answer:
        """Show an address of a vault on a device; it must be the one that is derived here."""
        card = read_knowledge(knowledge, vault)
        named = vault_named(policy_of_card(card), vault)
        address = HwiDevices(card.chain).show_address(fingerprint, named, branch, index)
        sentence = f"{address}: derived here, and shown by device {fingerprint}. Compare it with the device's screen."
        return Answer((), {"address": address, "vault": vault, "branch": branch, "index": index}, sentence)
