"""What a drill's reserve is given at its birth: key files of officers and signers, and a register of the signers."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zakhira.adapters import drill_keys
from zakhira.adapters.software_signer import create_officer, create_signer
from zakhira.custody.key_register import RegisteredKey, key_record
from zakhira.programme.model import Programme
from zakhira.wiring.drill import DRILL_WORK_FACTOR, NoDrill
from zakhira.wiring.reserve_folder import ReserveFolder
from zakhira.wiring.run_folder import write_whole
from zakhira.wiring.settings import Settings

PASSPHRASE_FILE = "passphrase"  # noqa: S105  # the name of a file
SUCCESSOR = "next"
"""Each vault of a drill has a second set of keys, ``cold-next-1`` ..., so that its rotation can be practised."""
HEIRS = ("heir-1", "heir-2", "heir-3")
"""Keys for the recovery path of vaults that are made with one."""
_VENDORS = (("Drillworks", "Model A", "1.4.0"), ("Exempla", "Model B", "2.0.1"), ("Specimen", "Model C", "0.9.7"))
"""Made-up vendors, so that an advisory can be practised."""


@dataclass(frozen=True)
class DrillSigner:
    """A signer of a drill: the vault that its key is derived for, its name and its file."""

    vault: str
    name: str
    file: Path


def drill_signers(programme: Programme, folder: ReserveFolder) -> tuple[DrillSigner, ...]:
    """The signers of the programme's vaults, a second set for each, and the heirs."""
    found: dict[str, DrillSigner] = {}
    for vault in programme.policy.vaults:
        names = [(vault.id, key.signer) for key in vault.keys]
        names += [(f"{vault.id}-{SUCCESSOR}", f"{vault.id}-{SUCCESSOR}-{n}") for n in range(1, len(vault.keys) + 1)]
        for owner, name in names:
            found.setdefault(name, DrillSigner(owner, name, folder.keys / f"{name}.key"))
    for name in HEIRS:
        found.setdefault(name, DrillSigner("heirs", name, folder.keys / f"{name}.key"))
    return tuple(found.values())


def officer_files(programme: Programme, folder: ReserveFolder) -> dict[str, Path]:
    """The drill's key file of each officer."""
    return {officer.id: folder.keys / f"officer-{officer.id}.key" for officer in programme.policy.officers}


def require_drill(programme: Programme) -> str:
    """The drill's phrase; raises NoDrill."""
    if programme.drill is None or programme.chain != "regtest":
        raise NoDrill(
            f"Programme {programme.id} on {programme.chain} has no [drill].",
            "A drill needs a programme on regtest with a [drill] phrase; `zakhira init` makes one.",
        )
    return programme.drill.phrase


def drill_register(programme: Programme, folder: ReserveFolder) -> tuple[RegisteredKey, ...]:
    """The signers' keys as a register has them, spread over made-up people, sites and vendors; marked as a drill's."""
    phrase = require_drill(programme)
    return tuple(
        RegisteredKey(
            signer=signer.name,
            holder=f"Holder of {signer.name}",
            role="signer",
            site=f"Drill site {number % 5 + 1}",
            vendor=vendor,
            device=device,
            firmware=firmware,
            entropy_source="the drill's phrase",
            xpub=drill_keys.signer_xpub(phrase, signer.vault, signer.name),
            is_drill=True,
        )
        for number, signer in enumerate(drill_signers(programme, folder))
        for vendor, device, firmware in (_VENDORS[number % len(_VENDORS)],)
    )


def _register_text(keys: tuple[RegisteredKey, ...]) -> str:
    lines = ["# The keys of a drill's signers: anybody can derive them, so they are worth nothing."]
    for key in keys:
        lines.append("\n[[key]]")
        lines += [f"{name} = {_value(value)}" for name, value in key_record(key).items() if value != ""]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def make_drill(programme: Programme, folder: ReserveFolder, settings: Settings) -> tuple[Path, ...]:
    """Make the drill's key files and register, as far as they are missing; every file that is there then."""
    phrase = require_drill(programme)
    folder.keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    passphrase = drill_passphrase(folder, settings)
    for signer in drill_signers(programme, folder):
        if not signer.file.exists():
            seed = drill_keys.signer_seed(phrase, signer.vault, signer.name)
            create_signer(signer.file, signer.name, seed, passphrase, work_factor=DRILL_WORK_FACTOR)
    for officer, path in officer_files(programme, folder).items():
        if not path.exists():
            key = drill_keys.officer_key(phrase, officer)
            create_officer(path, officer, key, passphrase, work_factor=DRILL_WORK_FACTOR)
    write_whole(folder.register, _register_text(drill_register(programme, folder)))
    return tuple(_files(programme, folder))


def _files(programme: Programme, folder: ReserveFolder) -> Iterator[Path]:
    yield folder.register
    yield from (signer.file for signer in drill_signers(programme, folder))
    yield from officer_files(programme, folder).values()


def drill_passphrase(folder: ReserveFolder, settings: Settings) -> str:
    """The passphrase of the drill's files: the user's, or one made at its birth and kept beside them (0600)."""
    if settings.passphrase:
        return settings.passphrase
    path = folder.keys / PASSPHRASE_FILE
    if not path.exists():
        draft = folder.keys / f".{PASSPHRASE_FILE}.{os.getpid()}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(24))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    return path.read_text(encoding="utf-8")
