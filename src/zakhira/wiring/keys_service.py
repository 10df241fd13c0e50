"""``zakhira keys``: officers' key files, the register of signers' keys, and what an advisory touches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zakhira.adapters.postgres.coin_store import PostgresCoins
from zakhira.adapters.software_signer import OfficerKeyFile, create_officer
from zakhira.cli.answer import Answer, Table
from zakhira.cli.custody_services import Ask, KeyAbout, RegisterOrder
from zakhira.custody.advisory import Advisory, AdvisoryScope, advisory_json, keys_at_risk
from zakhira.custody.firmware import parse_firmware_range
from zakhira.custody.key_register import RegisteredKey, key_record, parse_register
from zakhira.custody.vault_papers.key_exports import read_key_export
from zakhira.flows.registered_keys import KeyChange, key_register, plan_registration, register_keys
from zakhira.flows.treasury import vault_records
from zakhira.flows.vaults import require_name
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import InvalidInput
from zakhira.wiring.amount_text import btc_text, counted
from zakhira.wiring.given_files import read_text
from zakhira.wiring.reserve_desk import Archive, open_archive
from zakhira.wiring.settings import Settings
from zakhira.wiring.signer_files import OutputExists

LEAST_PASSPHRASE = 12
"""Letters of a passphrase that a person makes up: fewer are guessed from a stolen file in spite of scrypt [E]."""


class WeakPassphrase(InvalidInput):
    """A new key file would be sealed with a passphrase that can be guessed."""

    code = "ZK-WIRING-033"


class ManyKeysExported(InvalidInput):
    """A device's export holds several keys where one signer was named."""

    code = "ZK-WIRING-034"


class KeyDesk:
    """Implements ``cli.custody_services.KeyServices``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def officer(self, file: Path, officer: str, ask: Ask, *, dry_run: bool) -> Answer:
        """Make an officer's encrypted key file and tell its public key."""
        require_name(officer, "officer's id")
        if file.exists():
            raise OutputExists(f"{file} exists already.", "Choose another path; a key is never written over.")
        if dry_run:
            facts: dict[str, Json] = {"dry_run": True, "officer": officer, "file": str(file)}
            return Answer((), facts, f"Dry run: would make a key of officer {officer} in {file}.")
        passphrase = self._settings.passphrase or ask()
        if len(passphrase) < LEAST_PASSPHRASE:
            raise WeakPassphrase(
                f"The passphrase has {len(passphrase)} letters.", f"Use at least {LEAST_PASSPHRASE}: five random words."
            )
        create_officer(file, officer, Ed25519PrivateKey.generate(), passphrase)
        public_key = OfficerKeyFile.open(file, passphrase).public_key
        lines = ((f'id = "{officer}"',), (f'public_key = "{public_key}"',))
        notes = ("Tell it to whoever keeps the programme in person, or compare it by telephone.",)
        facts = {"dry_run": False, "officer": officer, "file": str(file), "public_key": public_key}
        table = Table("For the [[officer]] in the programme file", ("",), lines, notes=notes)
        return Answer((table,), facts, f"The key of officer {officer} is in {file}; its public key is {public_key}.")

    def register(self, order: RegisterOrder, *, dry_run: bool) -> Answer:
        """Add keys to the register, or update what is known of them."""
        source = read_text(order.file) if order.pasted is None else order.pasted
        name = str(order.file) if order.pasted is None else "pasted text"
        with open_archive(self._settings, order.folder) as archive:
            keys = _keys(source, name, order.about, archive.terms.chain)
            if dry_run:
                changes = plan_registration(archive.books, keys, archive.terms.chain)
            else:
                changes = register_keys(archive.books, keys, archive.terms.chain, order.by, archive.clock())
        return _changes_answer(changes, dry_run=dry_run)

    def list(self, folder: Path) -> Answer:
        """The register."""
        with open_archive(self._settings, folder) as archive:
            keys = key_register(archive.books)
            vaults = _vaults_of(archive)
        rows = tuple(
            (
                key.signer + (" (drill)" if key.is_drill else ""),
                key.holder,
                key.site,
                f"{key.vendor} {key.device} {key.firmware}",
                ", ".join(vaults.get(key.signer, ())),
                key.last_proof_of_life.isoformat() if key.last_proof_of_life else "never",
            )
            for key in keys
        )
        columns = ("signer", "holder", "site", "device", "vaults", "proof of life")
        facts: dict[str, Json] = {
            "keys": [{**key_record(key), "vaults": list(vaults.get(key.signer, ()))} for key in keys]
        }
        if not keys:
            return Answer((), facts, f"The register of {folder} is empty. Next: zakhira keys register {folder} FILE")
        return Answer((Table("Keys", columns, rows),), facts, f"The register holds {counted(len(keys), 'key')}.")

    def at_risk(self, folder: Path, vendor: str, firmware: str, entropy: str) -> Answer:
        """Which quorums an advisory touches, and how to rotate them."""
        scope = AdvisoryScope(vendor, parse_firmware_range(firmware), entropy)
        with open_archive(self._settings, folder) as archive:
            records = tuple(vault_records(archive.books).values())
            coins, depth = PostgresCoins(archive.books), archive.terms.depth
            held = {}
            for record in records:
                status = coins.status(record.vault.id, depth)
                held[record.vault.id] = status.settled.sats + status.pending.sats + status.immature.sats
            advisory = keys_at_risk(key_register(archive.books), records, scope, held)
        return _advisory_answer(advisory, scope)


def _keys(source: bytes, name: str, about: KeyAbout | None, chain: str) -> tuple[RegisteredKey, ...]:
    """The keys of a register, or the one of a device's export; raises Faults and what the readers raise."""
    if about is None:
        return parse_register(source, name)
    exported = read_key_export(source, chain, "sortedmulti")
    if len(exported) != 1:
        raise ManyKeysExported(
            f"{name} holds {len(exported)} keys, and {about.signer} is one signer.", "Give each key its own signer."
        )
    key = exported[0]
    fields = {
        "signer": about.signer,
        "holder": about.holder,
        "role": about.role,
        "site": about.site,
        "vendor": about.vendor,
        "device": about.device or key.model,
        "firmware": about.firmware,
        "entropy_source": about.entropy_source,
        "xpub": key.xpub,
        "is_drill": "true" if about.is_drill else "false",
    }
    text = "\n".join(f"{field}: {' '.join(value.split())}" for field, value in fields.items())
    return parse_register(text.encode(), name)


def _vaults_of(archive: Archive) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for record in vault_records(archive.books).values():
        for signer in record.signers:
            found[signer] = (*found.get(signer, ()), record.vault.id)
    return found


def _changes_answer(changes: Sequence[KeyChange], *, dry_run: bool) -> Answer:
    rows = tuple((change.key.signer, change.what, ", ".join(change.fields)) for change in changes)
    counts = {what: sum(change.what == what for change in changes) for what in ("added", "updated", "unchanged")}
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    facts: dict[str, Json] = {
        "dry_run": dry_run,
        "changes": [
            {"signer": change.key.signer, "what": change.what, "fields": list(change.fields)} for change in changes
        ],
    }
    table = Table("Keys", ("signer", "what", "fields"), rows)
    return Answer((table,), facts, f"{'Dry run: ' if dry_run else ''}{counted(len(changes), 'key')}: {told}.")


def _advisory_answer(advisory: Advisory, scope: AdvisoryScope) -> Answer:
    facts = advisory_json(advisory)
    if not advisory.keys:
        return Answer((), facts, f"No registered key was made by {scope.vendor} with firmware {scope.firmware.text}.")
    vaults = tuple(
        (
            risk.vault,
            risk.urgency,
            btc_text(risk.held_sats),
            "; ".join(f"{path.path}: {len(path.weak)} weak, needs {path.threshold}" for path in risk.paths),
        )
        for risk in advisory.vaults
    )
    steps = tuple((step.vault, str(n), text) for step in advisory.plan for n, text in enumerate(step.instructions, 1))
    unclear = {key.signer for key in advisory.unclear}
    keys = tuple(
        (
            key.signer + (" (not comparable)" if key.signer in unclear else ""),
            f"{key.vendor} {key.device} {key.firmware}",
            key.entropy_source,
            key.site,
        )
        for key in advisory.keys
    )
    tables = [
        Table("Vaults, the most urgent first", ("vault", "leave it", "BTC", "quorums"), vaults, right=(2,)),
        Table("What to do", ("vault", "", "step"), steps),
        Table("Weak keys", ("signer", "device", "randomness", "site"), keys),
    ]
    if advisory.mixed:
        names = ", ".join(key.signer for key in advisory.mixed)
        tables.append(Table("Named, with a second source of randomness", ("signers",), ((names,),)))
    sentence = f"Weak: {counted(len(advisory.keys), 'key')}, which {counted(len(advisory.vaults), 'vault')} name."
    return Answer(tuple(table for table in tables if table.rows), facts, sentence)
