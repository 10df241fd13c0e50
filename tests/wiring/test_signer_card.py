"""The card of a real reserve: what its books and programme say, in one file for signers."""

from __future__ import annotations

from pathlib import Path

import pytest

from zakhira.cli.custody_services import RegisterOrder, ReserveOrder, VaultOrder
from zakhira.flows.signer_card import card_fingerprint, read_card
from zakhira.wiring.services import ProgramServices
from zakhira.wiring.settings import Settings
from zakhira.wiring.signer_files import OutputExists
from zakhira.wiring.signer_service import NoVaultForCard

SMALL = Path(__file__).resolve().parents[2] / "programmes" / "small"


def test_the_card_is_that_of_the_vaults_in_the_books(tmp_path: Path) -> None:
    """No vault, no card; each further vault makes another card; an old one is not written over."""
    program, folder = ProgramServices(Settings()), tmp_path / "reserve"
    program.reserves.init(ReserveOrder(folder, SMALL, is_drill=True), dry_run=False)
    register = folder / "keys" / "register.toml"
    program.keys.register(RegisterOrder(folder, register, None, "desk"), dry_run=False)
    with pytest.raises(NoVaultForCard):
        program.signers.card(folder, tmp_path / "none.toml")
    fingerprints = []
    for number, (vault, kind) in enumerate((("cold", "cold"), ("reserve", "heir"))):
        names = tuple(f"{kind}-{key}" for key in range(1, 4))
        order = VaultOrder(folder, vault, "cold", 2, names, "sortedmulti", "desk", is_drill=True)
        program.vaults.create(order, dry_run=False)
        out = tmp_path / f"card-{number}.toml"
        answer = program.signers.card(folder, out)
        card = read_card(out.read_bytes(), str(out))
        assert answer.facts["fingerprint"] == card_fingerprint(card)
        assert [item.id for item in card.vaults] == ["cold", "reserve"][: number + 1]
        assert all(item.is_drill for item in card.vaults)
        assert [key.signer for key in card.vaults[number].keys] == list(names)
        assert card.chain == "regtest"
        fingerprints.append(card_fingerprint(card))
    assert len(set(fingerprints)) == 2
    with pytest.raises(OutputExists):
        program.signers.card(folder, tmp_path / "card-0.toml")
