"""An advisory about a signer: the plan says which vault to leave first and with whose signatures, and that is done."""

from __future__ import annotations

from recovery_drill import DARA, ReserveDrill, rotation
from zakhira.custody.advisory import AT_ONCE, SOON, Advisory, AdvisoryScope, keys_at_risk
from zakhira.custody.firmware import parse_firmware_range
from zakhira.custody.vault_creation import VaultRequest
from zakhira.flows.registered_keys import key_register
from zakhira.flows.rotation import rotate
from zakhira.flows.treasury import vault_records
from zakhira.flows.vaults import vault_record

SCOPE = AdvisoryScope("", parse_firmware_range("<2.0"), "device")
"""A chip that several makers used: keys of early firmware whose randomness came from the device alone."""


def at_risk(reserve: ReserveDrill) -> Advisory:
    """What the advisory means now."""
    records = vault_records(reserve.parts.books)
    held = {name: reserve.held_sats(name) for name in records}
    return keys_at_risk(key_register(reserve.parts.books), tuple(records.values()), SCOPE, held)


def weak_vault(reserve: ReserveDrill, name: str, weak: int, amount_sats: int) -> None:
    """A vault of 3 of 5 whose first keys are weak, of three makers, and a coin in it."""
    signers = reserve.names(name, 5)
    reserve.enrol(signers[:weak], firmware="1.4.0", entropy_source="device")
    reserve.enrol(signers[weak:], first=weak, firmware="3.1.0", entropy_source="device")
    reserve.create(VaultRequest(name, "cold", 3, signers))
    reserve.pay((reserve.address(name), amount_sats))


def test_after_an_advisory_the_vaults_are_left_in_the_order_of_the_plan(reserve: ReserveDrill) -> None:
    """The vault that weak keys alone could empty comes first, though the other holds more; then nothing is at risk.

    Sound keys sign where there are enough of them; where there are not, the plan names the weak ones that must.
    """
    weak_vault(reserve, "deep", 2, 9_000_000)
    weak_vault(reserve, "shelf", 3, 4_000_000)
    advisory = at_risk(reserve)
    assert [(step.vault, step.urgency) for step in advisory.plan] == [("shelf", AT_ONCE), ("deep", SOON)]
    left = []
    for step in advisory.plan:
        kept = [signer for signer in reserve.names(step.vault, 5) if signer not in step.replace]
        assert set(step.move_with) >= set(kept) if len(kept) < 3 else set(step.move_with) <= set(kept)
        successor = f"{step.vault}-next"
        signers = reserve.names(successor, 5)
        reserve.enrol(signers, firmware="3.1.0")
        purpose = vault_record(reserve.parts.books, step.vault).vault.purpose
        reserve.create(VaultRequest(successor, purpose, 3, signers), succeeds=step.vault)
        (spend,) = rotate(
            reserve.treasury, rotation(f"leave-{step.vault}", step.vault, successor, 50_000_000_000), DARA
        )
        assert reserve.carry(spend.id, step.move_with).last.signers == tuple(
            signer for signer in reserve.names(step.vault, 5) if signer in step.move_with
        )
        reserve.settle()
        left.append(step.vault)
        assert [risk.vault for risk in at_risk(reserve).vaults] == [
            step.vault for step in advisory.plan if step.vault not in left
        ]
    after = at_risk(reserve)
    assert (after.vaults, after.plan, len(after.keys)) == ((), (), 5), (
        "the keys stay weak; no vault that holds anything names them"
    )
    reserve.require_tied()
