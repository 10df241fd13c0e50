"""Vaults that count as ours: officers decide on each, as on a change of the policy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from zakhira.controls.acts.authority import Authority, MotionRecord
from zakhira.controls.acts.motion import VAULT, Motion
from zakhira.controls.acts.public_acts import Act, Adoption
from zakhira.custody.vault_state import require_usable
from zakhira.flows.governing.acting import Chamber, record_act
from zakhira.flows.governing.acts import AUTHORITY_ACT, act_name, definitions
from zakhira.flows.governing.motions import put_forward
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.treasury import vault_records
from zakhira.flows.vaults import fit_successor, vault_record


def propose_vault(chamber: Chamber, name: str, reason: str, officer: OfficerKey, *, succeeds: str = "") -> MotionRecord:
    """Put forward that a vault of the books counts as ours, and which vault of ours it succeeds, if any.

    Every key of it has test-signed: officers decide on a vault that works.

    Raises:
        NoSuchVault, VaultNotTested, VaultRetired: the vault.
        WrongVaultState, SuccessorUnfit, SuccessionUnfit: what it succeeds.
        NothingChanges: it is accepted already.
        NotAnOfficer, KeyRevoked, BadReason, MotionNotAllowed: as for every motion.
    """
    record = vault_record(chamber.books, name)
    require_usable(record)
    if succeeds:
        fit_successor(chamber.books, succeeds, name)

    def make(before: Authority, at: datetime) -> Motion:
        expires_at = at + timedelta(hours=before.version.policy.approval_hours)
        return Motion(
            VAULT,
            officer.officer,
            at,
            expires_at,
            reason,
            before.version.hash,
            vault=record.vault,
            succeeds=succeeds,
        )

    return put_forward(chamber, officer, make)


def adopt_vaults(chamber: Chamber) -> None:
    """In books whose founding says nothing of vaults, take those that are there for ours; once, and never again.

    Raises:
        AuthorityForged: an act of authority in the books does not verify.
    """
    first = chamber.books.latest(AUTHORITY_ACT, act_name(1))
    founding = first.get("act") if isinstance(first, Mapping) else None
    if first is None or (isinstance(founding, Mapping) and "vaults" in founding):
        return

    def act(before: Authority, _: datetime) -> Act | None:
        there = (item.vault for item in vault_records(chamber.books).values())
        return Adoption(definitions(there)) if before.may_adopt else None

    record_act(chamber, "desk", "vaults adopted", act, whatever_the_clock=True)
