"""The people and devices of a drill: key files made from the programme's phrase, opened with a passphrase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from zakhira.adapters import drill_keys
from zakhira.adapters.software_signer import OfficerKeyFile, SoftwareSigner, create_officer, create_signer
from zakhira.flows.ports.signing import OfficerKey, Signer
from zakhira.kernel.errors import InvalidInput
from zakhira.programme.model import Programme

DRILL_WORK_FACTOR = 2**12
"""scrypt's cost for the keys of a drill, whose phrase anybody may read: low, so that a run starts at once."""


class NoDrill(InvalidInput):
    """The programme has no drill, so there are no keys that a program could sign with."""

    code = "ZK-WIRING-003"


class ProgrammeClock:
    """The programme's time, as the drill's signers see it."""

    def __init__(self) -> None:
        self._now = datetime(1970, 1, 1, tzinfo=UTC)

    def set(self, now: datetime) -> None:
        """Move the clock."""
        self._now = now

    def __call__(self) -> datetime:
        """The time."""
        return self._now


@dataclass(frozen=True)
class Cast:
    """Who takes part: signers by vault id, officers by id, and where licensees are paid."""

    signers: Mapping[str, tuple[Signer, ...]]
    officers: Mapping[str, OfficerKey]
    payout_addresses: Mapping[str, str]
    clock: ProgrammeClock


def assemble(programme: Programme, folder: Path, passphrase: str) -> Cast:
    """Make the key files that are missing and open them all.

    Raises:
        NoDrill: the programme has no phrase; its signers are devices, which a run cannot drive.
        WrongPassphrase: the passphrase does not open a file that is there.
    """
    if programme.drill is None:
        raise NoDrill(
            f"Programme {programme.id} has no [drill].", "A run signs by itself on regtest only: add a [drill] phrase."
        )
    folder.mkdir(mode=0o700, exist_ok=True)
    phrase, clock = programme.drill.phrase, ProgrammeClock()
    for vault in programme.policy.vaults:
        for key in vault.keys:
            path = folder / f"{vault.id}-{key.signer}.key"
            if not path.exists():
                seed = drill_keys.signer_seed(phrase, vault.id, key.signer)
                create_signer(path, key.signer, seed, passphrase, work_factor=DRILL_WORK_FACTOR)
    for officer in programme.policy.officers:
        path = folder / f"officer-{officer.id}.key"
        if not path.exists():
            private = drill_keys.officer_key(phrase, officer.id)
            create_officer(path, officer.id, private, passphrase, work_factor=DRILL_WORK_FACTOR)
    return Cast(
        _signers(programme, folder, passphrase, clock),
        {o.id: OfficerKeyFile.open(folder / f"officer-{o.id}.key", passphrase) for o in programme.policy.officers},
        {item.id: drill_keys.licensee_address(phrase, item.id) for item in programme.licensees},
        clock,
    )


def _signers(
    programme: Programme, folder: Path, passphrase: str, clock: ProgrammeClock
) -> Mapping[str, tuple[Signer, ...]]:
    policy = programme.policy
    return {
        vault.id: tuple(
            SoftwareSigner.open(
                folder / f"{vault.id}-{key.signer}.key", passphrase, programme.chain, policy.vaults, clock, policy
            )
            for key in vault.keys
        )
        for vault in policy.vaults
    }
