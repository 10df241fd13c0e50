"""The card of a real reserve: what its books and programme say, in one file for signers."""

from __future__ import annotations

from pathlib import Path

import pytest

from zakhira.cli.custody_services import AcceptOrder, ChallengeOrder, RegisterOrder, ReserveOrder, VaultOrder
from zakhira.cli.governing_services import WordOrder
from zakhira.flows.signer_card import card_fingerprint, read_card
from zakhira.wiring.services import ProgramServices
from zakhira.wiring.settings import Settings
from zakhira.wiring.signer_files import OutputExists
from zakhira.wiring.signer_service import NoVaultForCard

COLD, HEIRS = tuple(f"cold-{at}" for at in range(1, 6)), tuple(f"heir-{at}" for at in range(1, 4))
SMALL = Path(__file__).resolve().parents[2] / "programmes" / "small"


def no_passphrase() -> str:
    raise AssertionError("the drill's own passphrase lies beside the keys")


def test_the_card_is_that_of_the_vaults_in_the_books(tmp_path: Path) -> None:
    """No vault, no card; each further vault of ours makes another card; an old one is not written over.

    The programme's own vault is on it at once, another one once officers have accepted it.
    """
    program, folder = ProgramServices(Settings()), tmp_path / "reserve"
    program.reserves.init(ReserveOrder(folder, SMALL, is_drill=True), dry_run=False)
    register = folder / "keys" / "register.toml"
    program.keys.register(RegisterOrder(folder, register, None, "desk"), dry_run=False)
    with pytest.raises(NoVaultForCard):
        program.signers.card(folder, tmp_path / "none.toml")
    create(program, folder, "cold", 3, COLD)
    first = card_at(program, folder, tmp_path / "card-0.toml", ("cold",))
    create(program, folder, "reserve", 2, HEIRS)
    out = tmp_path / "card-1.toml"
    assert program.signers.card(folder, out).facts["left_out"] == ["reserve"]
    assert card_fingerprint(read_card(out.read_bytes(), str(out))) == first
    accept(program, folder, "reserve", HEIRS)
    assert card_at(program, folder, tmp_path / "card-2.toml", ("cold", "reserve")) != first
    with pytest.raises(OutputExists):
        program.signers.card(folder, tmp_path / "card-0.toml")


def create(program: ProgramServices, folder: Path, vault: str, threshold: int, names: tuple[str, ...]) -> None:
    order = VaultOrder(folder, vault, "cold", threshold, names, "sortedmulti", "desk", is_drill=True)
    program.vaults.create(order, dry_run=False)


def card_at(program: ProgramServices, folder: Path, out: Path, vaults: tuple[str, ...]) -> str:
    """The fingerprint of a card of these vaults."""
    answer = program.signers.card(folder, out)
    card = read_card(out.read_bytes(), str(out))
    assert answer.facts["fingerprint"] == card_fingerprint(card)
    assert tuple(item.id for item in card.vaults) == vaults
    assert all(item.is_drill for item in card.vaults)
    assert card.chain == "regtest"
    return card_fingerprint(card)


def accept(program: ProgramServices, folder: Path, vault: str, signers: tuple[str, ...]) -> None:
    """Every key test-signs, one officer puts the vault forward, and the others approve."""
    keys = folder / "keys"
    files = tuple(keys / f"{name}.key" for name in signers)
    program.vaults.test_sign(
        ChallengeOrder(folder, vault, "desk", "main", None, (), files), no_passphrase, dry_run=False
    )
    order = AcceptOrder(folder, vault, keys / "officer-treasury-1.key", "minutes 7")
    motion = str(program.vaults.accept(order, no_passphrase, dry_run=False).facts["motion"])
    for name in ("comptroller-1", "director-1", "auditor-1"):
        word = WordOrder(folder, keys / f"officer-{name}.key", motion)
        program.governing.approve(word, no_passphrase, dry_run=False)
