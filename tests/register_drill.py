"""A key register for tests: five keys of a cold vault and three of its recovery, spread over people, sites, vendors."""

from __future__ import annotations

from datetime import UTC, date, datetime

from zakhira.adapters.drill_keys import signer_xpub
from zakhira.custody.key_register import RegisteredKey
from zakhira.custody.vault_creation import RecoveryRequest, VaultRequest

PHRASE = "a phrase that anybody may read"
CHAIN = "regtest"
MADE_AT = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
MADE_ON = date(2026, 1, 5)
_PEOPLE = ("Amina", "Bilal", "Chand", "Dara", "Ehsan", "Farah", "Gul", "Hina")
_SITES = ("Islamabad", "Karachi", "Lahore", "Quetta", "Peshawar", "Multan", "Gwadar", "Skardu")
_VENDORS = (("Coinkite", "Coldcard Mk4", "5.4.0"), ("Ledger", "Stax", "1.6.1"), ("Shift", "BitBox02", "9.21.0"))


def registered(number: int) -> RegisteredKey:
    """The key of signer ``cold-1`` to ``cold-5`` or ``heir-1`` to ``heir-3``, counted from 0."""
    name = f"cold-{number + 1}" if number < 5 else f"heir-{number - 4}"
    vendor, device, firmware = _VENDORS[number % 3]
    return RegisteredKey(
        signer=name,
        holder=_PEOPLE[number],
        role="custodian",
        site=_SITES[number],
        vendor=vendor,
        device=device,
        firmware=firmware,
        entropy_source="device and dice",
        xpub=signer_xpub(PHRASE, "cold", name),
    )


REGISTER = tuple(registered(number) for number in range(8))
COLD_SIGNERS = tuple(key.signer for key in REGISTER[:5])
HEIRS = tuple(key.signer for key in REGISTER[5:])
SORTED = VaultRequest("vault-a", "cold", 3, COLD_SIGNERS)
HEIR_RECOVERY = RecoveryRequest(2, HEIRS, 52_560)
SHARED_RECOVERY = RecoveryRequest(2, COLD_SIGNERS[:3], 52_560)
REQUESTS = {
    "sortedmulti": SORTED,
    "decaying": VaultRequest("vault-a", "cold", 3, COLD_SIGNERS, "decaying", HEIR_RECOVERY),
    "decaying-shared": VaultRequest("vault-a", "cold", 3, COLD_SIGNERS, "decaying", SHARED_RECOVERY),
    "held": VaultRequest("vault-a", "cold", 3, COLD_SIGNERS, "held", held_until_height=900_000),
    "taproot": VaultRequest("vault-a", "cold", 3, COLD_SIGNERS, "taproot"),
    "taproot-recovery": VaultRequest("vault-a", "cold", 3, COLD_SIGNERS, "taproot", HEIR_RECOVERY),
}
