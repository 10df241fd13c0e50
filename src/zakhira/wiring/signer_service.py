"""A signer's machine at work: it looks for itself, asks, and signs or hands on. No database, no network, no reserve."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

from zakhira.adapters.plots.spend_flow import framed_spend
from zakhira.adapters.qr.frames import Protocol, make_frames, write_frames
from zakhira.adapters.qr.message import Kind, Message
from zakhira.adapters.software_signer import SoftwareSigner, utc_now
from zakhira.cli.answer import Answer, Table
from zakhira.cli.custody_services import Ask
from zakhira.cli.signer_services import Confirm, Knowledge, Look, SignOrder
from zakhira.custody.checks import vault_named
from zakhira.custody.psbt_maps import V2, read_maps, write_maps
from zakhira.custody.psbt_version import to_v2
from zakhira.flows.signer_card import (
    SignerCard,
    card_fingerprint,
    card_of_policy,
    card_text,
    policy_of_card,
    read_card,
    read_officers,
    with_descriptors,
)
from zakhira.flows.signer_card_text import MAX_CARD_BYTES
from zakhira.flows.signer_view import SignerView, require_signable, view_spend
from zakhira.flows.signing_rules import Clock
from zakhira.flows.spend_file import SpendFile
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import InvalidInput, Refused
from zakhira.wiring.passphrases import passphrase_for
from zakhira.wiring.settings import Settings
from zakhira.wiring.signer_answer import picture_of_view, view_answer, view_facts
from zakhira.wiring.signer_files import read_limited, read_spend, write_new


class NoVaultForCard(InvalidInput):
    """A reserve without a vault has no card: there is nothing to sign for."""

    code = "ZK-WIRING-043"


class NotConfirmed(Refused):
    """Nobody said yes to what was shown, or nobody could be asked."""

    code = "ZK-WIRING-044"


def read_knowledge(known: Knowledge, from_vault: str) -> SignerCard:
    """The card, or what a file of descriptors and one of officers make; ``from_vault`` names a lone descriptor.

    Raises:
        FileUnreadable, Faults: a file cannot be read, or everything that is wrong in it.
    """
    if known.card is not None:
        return read_card(read_limited(known.card, MAX_CARD_BYTES), str(known.card))
    assert known.officers is not None, "the door has asked for both files"
    assert known.descriptor is not None, "the door has asked for both files"
    officers = read_officers(read_limited(known.officers, MAX_CARD_BYTES), str(known.officers))
    text = read_limited(known.descriptor, MAX_CARD_BYTES)
    return with_descriptors(officers, text, str(known.descriptor), from_vault)


def _as_version(raw_v0: bytes, version: int) -> bytes:
    """A PSBT of version 0 as the device wants it (BIP-174, BIP-370)."""
    return write_maps(to_v2(read_maps(raw_v0))) if version == V2 else raw_v0


class SignerDesk:
    """Implements ``cli.signer_services.SignerServices``. ``clock`` (UTC) is this machine's own."""

    def __init__(self, settings: Settings, clock: Clock = utc_now) -> None:
        self._settings, self._clock = settings, clock

    def card(self, folder: Path, out: Path) -> Answer:
        """Write the card of a reserve for its signers; raises NoVaultForCard and what opening a reserve raises."""
        from zakhira.flows.governing.acts import authority_of
        from zakhira.flows.treasury import vault_records
        from zakhira.wiring.reserve_desk import open_archive

        with open_archive(self._settings, folder) as archive:
            state = authority_of(archive.books, archive.programme.policy, archive.clock())
            policy, every = state.version.policy, [item.vault for item in vault_records(archive.books).values()]
            vaults = tuple(vault for vault in every if state.accepts(vault))
            left_out = [vault.id for vault in every if not state.accepts(vault)]
            chain = archive.terms.chain
        if not vaults:
            raise NoVaultForCard(
                f"{folder} has no vault of ours yet.", "Create one, and accept it: zakhira vault accept --help"
            )
        card = card_of_policy(replace(policy, vaults=vaults), chain)
        write_new(out, card_text(card).encode())
        fingerprint = card_fingerprint(card)
        rows = tuple((vault.id, vault.purpose, vault.template) for vault in vaults)
        table = Table("Vaults on the card", ("vault", "purpose", "template"), rows)
        sentence = (
            f"The card is in {out}. Its fingerprint is {fingerprint}: bring the card by hand, and read the fingerprint "
            "out by telephone."
        )
        if left_out:
            sentence += f" Left out, for no officers have accepted them: {', '.join(left_out)}."
        facts: dict[str, Json] = {"card": str(out), "fingerprint": fingerprint, "chain": chain, "left_out": [*left_out]}
        return Answer((table,), facts, sentence)

    def _looked(self, look: Look) -> tuple[SpendFile, SignerCard, SignerView]:
        spend = read_spend(look.files)
        card = read_knowledge(look.knowledge, spend.instruction.from_vault)
        return spend, card, view_spend(spend, card, self._clock())

    def show(self, look: Look) -> Answer:
        """What a spend does, as this machine decodes it."""
        _, card, view = self._looked(look)
        answer = view_answer(view, card, every_output=look.every_output)
        picture = picture_of_view(view)
        if look.picture is not None and picture is not None:
            write_new(look.picture, framed_spend(picture).encode())
        return answer

    def sign(self, order: SignOrder, confirm: Confirm, ask: Ask) -> Answer:
        """Look, ask, and sign with a key file or a device, or hand the checked PSBT on.

        Raises:
            NothingToSign: something disagrees; it was shown before.
            NotConfirmed: nobody said yes.
            SigningRefused, the errors of key files and of devices, OutputExists, OutputUnwritable.
        """
        spend, card, view = self._looked(order.look)
        shown = view_answer(view, card, every_output=order.look.every_output)
        if order.device and view.may_sign:
            from zakhira.adapters.hwi.devices import require_plain

            vault = vault_named(policy_of_card(card), spend.instruction.from_vault)
            require_plain(vault, spend.instruction.path)
        agreed = confirm(shown)
        require_signable(view)
        if not agreed:
            raise NotConfirmed(
                "Nothing was signed: nobody said yes.", "Repeat at a terminal, or with --yes in a drill."
            )
        psbt, by = self._signed(order, spend, card, ask)
        return self._written(order, psbt, by, view, card)

    def _signed(self, order: SignOrder, spend: SpendFile, card: SignerCard, ask: Ask) -> tuple[str, str]:
        """The PSBT in base64, and who signed it; nobody where it is handed on to a device."""
        policy = policy_of_card(card)
        if order.key is not None:
            passphrase = passphrase_for(order.key, self._settings, ask)
            signer = SoftwareSigner.open(
                order.key,
                passphrase,
                card.chain,
                card.vaults,
                self._clock,
                policy,
                is_policy_whole=card.policy is not None,
            )
            signed = signer.sign_spend(spend.psbt, spend.instruction, spend.approvals, policy, spend.execution)
            return signed, signer.name
        if order.device:
            from zakhira.adapters.hwi.devices import HwiDevices

            vault = vault_named(policy, spend.instruction.from_vault)
            return HwiDevices(card.chain).sign(order.device, spend.psbt, vault), order.device
        return spend.psbt, ""

    def _written(self, order: SignOrder, psbt: str, by: str, view: SignerView, card: SignerCard) -> Answer:
        raw, rows = _as_version(base64.b64decode(psbt), order.psbt_version), []
        if order.out is not None:
            write_new(order.out, raw)
            rows.append((str(order.out), f"PSBT, version {order.psbt_version}"))
        if order.qr is not None:
            protocol: Protocol = "ur" if order.protocol == "ur" else "bbqr"
            frames = make_frames(Message(Kind.PSBT, raw), protocol, f"PSBT of spend {view.instruction.id}")
            written = write_frames(frames, order.qr)
            rows.append((str(written[0]), f"{len(written) - 1} codes as one animation"))
        facts = {**view_facts(view, card), "signed_by": by, "psbt": psbt, "written": [row[0] for row in rows]}
        sentence = (
            f"Signed by {by}. Send it back: zakhira spend combine"
            if by
            else "Checked and not signed: let the device sign it, and compare what its own screen shows."
        )
        return Answer((Table("Written", ("file", "what"), tuple(rows)),), facts, sentence)
