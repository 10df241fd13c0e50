"""A policy with six officers whose private keys the tests hold."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zakhira.adapters.drill_keys import officer_key, officer_public_key
from zakhira.programme.model import Officer, Policy

PHRASE = "tests of the controls"
ROLES = {
    "amina": "treasury",
    "bilal": "treasury",
    "sana": "comptroller",
    "tariq": "comptroller",
    "noor": "governor",
    "omar": "auditor",
}


@pytest.fixture(scope="session")
def keys() -> dict[str, Ed25519PrivateKey]:
    """The officers' private keys."""
    return {officer: officer_key(PHRASE, officer) for officer in ROLES}


@pytest.fixture(scope="session")
def policy() -> Policy:
    """Treasury proposes; a comptroller and a governor approve."""
    officers = tuple(Officer(id_, id_.title(), role, officer_public_key(PHRASE, id_)) for id_, role in ROLES.items())
    return Policy(
        roles=tuple(dict.fromkeys(ROLES.values())),
        officers=officers,
        vaults=(),
        propose_role="treasury",
        approve_roles=("comptroller", "governor"),
        sweep_signers=3,
        sweep_every_days=7,
        sweep_limit_sats=1_000_000,
        fee_limit_sats=5_000,
        fee_rate_sat_per_vb=2,
        confirmations=6,
        approval_hours=24,
        community_share=0.05,
        clause="4.2: the intake vault is swept to the cold vault",
    )
