"""A key is gone, or a whole site: who notices, who signs, and where the coins go."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from recovery_drill import CEILINGS, DARA, RATE, ReserveDrill, move, rotation
from treasury_drill import CLAUSE
from zakhira.controls.spend_state import SpendState
from zakhira.custody.coin import RECOVERY
from zakhira.custody.vault_creation import RecoveryRequest, VaultRequest
from zakhira.custody.vault_refusals import ConcentratedQuorum, KeyUsedElsewhere
from zakhira.flows.attention import silent_keys
from zakhira.flows.registered_keys import UPDATED, key_register, register_keys
from zakhira.flows.rotation import rotate
from zakhira.flows.spending.building import build
from zakhira.flows.spending.hastening import propose_home
from zakhira.flows.spending.order import PaymentOrder, SpendOrder
from zakhira.flows.spending.proposing import propose, propose_moves
from zakhira.flows.spending.refusals import CoinsTaken, NotReadyToSend
from zakhira.flows.spending.sending import broadcast
from zakhira.flows.spending.step import load_spend
from zakhira.flows.vaults import create_vault
from zakhira.kernel.errors import Faults
from zakhira.kernel.money import sats

AFTER_BLOCKS = 24
"""Age at which the drill's recovery path opens."""


def code_of(reserve: ReserveDrill, request: VaultRequest) -> set[str]:
    """What speaks against a vault."""
    with pytest.raises(Faults) as caught:
        create_vault(reserve.treasury, request, "dara")
    return {fault.code for fault in caught.value.faults}


def test_a_lost_key_is_seen_and_the_vault_is_left_without_it(reserve: ReserveDrill) -> None:
    """Half a year after the last round of proofs one key is silent; the register says so, and three others move all.

    The successor has no place for a key of the old vault: the one that was lost cannot come back in by mistake.
    """
    old = reserve.names("cold", 5)
    keys = reserve.enrol(old)
    reserve.create(VaultRequest("cold", "cold", 3, old))
    reserve.pay((reserve.address("cold"), 3_000_000), (reserve.address("cold"), 4_000_000))
    reserve.now += timedelta(days=200)
    lost, present = old[3], (old[0], old[1], old[2], old[4])
    reserve.test_sign("cold", present)
    today = reserve.now.date()
    assert [(key.signer, vaults) for key, vaults in silent_keys(reserve.treasury, today)] == [(lost, ("cold",))]
    told = replace(keys[3], role=f"lost, reported {today.isoformat()}")
    (change,) = register_keys(reserve.parts.books, [told], "regtest", "dara", reserve.now)
    assert (change.what, change.fields) == (UPDATED, ("role",))
    assert {key.signer for key in key_register(reserve.parts.books) if key.role.startswith("lost")} == {lost}

    new = reserve.names("next", 5)
    reserve.enrol(new)
    with_lost = VaultRequest("cold-next", "cold", 3, (*new[:3], new[4], lost))
    assert code_of(reserve, with_lost) == {KeyUsedElsewhere.code}
    reserve.create(VaultRequest("cold-next", "cold", 3, new), succeeds="cold")
    (spend,) = rotate(reserve.treasury, rotation("leave-cold", "cold", "cold-next", 50_000_000_000), DARA)
    spend = reserve.carry(spend.id, (present[3], present[1], present[0]))
    assert lost not in spend.last.signers
    reserve.settle()
    assert load_spend(reserve.treasury, spend.id).state is SpendState.CONFIRMED
    assert (reserve.papers("cold"), sum(held for held, _ in reserve.papers("cold-next").values())) == (
        {},
        7_000_000 - spend.last.fee_sats,
    )
    reserve.require_tied()


def test_a_lost_site_with_two_of_five_keys_stops_nobody(reserve: ReserveDrill) -> None:
    """Two keys lay in one city; the three elsewhere are a quorum, and the successor spreads its keys."""
    old, new = reserve.names("cold", 5), reserve.names("next", 5)
    reserve.enrol(old[:3])
    reserve.enrol(old[3:], first=3, site="Karachi, vault 2")
    reserve.create(VaultRequest("cold", "cold", 3, old))
    reserve.pay((reserve.address("cold"), 9_000_000))
    site = [key.signer for key in key_register(reserve.parts.books) if key.site == "Karachi, vault 2"]
    rest = [signer for signer in old if signer not in site]
    assert (len(site), len(rest)) == (2, 3)
    reserve.enrol(new)
    reserve.create(VaultRequest("cold-next", "cold", 3, new), succeeds="cold")
    (spend,) = rotate(reserve.treasury, rotation("leave-cold", "cold", "cold-next"), DARA)
    reserve.carry(spend.id, rest)
    reserve.settle()
    assert reserve.papers("cold") == {}
    reserve.require_tied()


def test_a_quorum_that_one_site_could_complete_is_never_made(reserve: ReserveDrill) -> None:
    """Two of three keys on one site are refused at creation, on the recovery path as well.

    Three of four with two on one site are made, for nobody there could complete them; that its loss would stop them is
    said at once.
    """
    signers = reserve.names("cold", 3)
    reserve.enrol(signers[:1])
    reserve.enrol(signers[1:], first=1, site="Lahore")
    assert code_of(reserve, VaultRequest("cold", "cold", 2, signers)) == {ConcentratedQuorum.code}
    main = reserve.names("main", 5)
    reserve.enrol(main)
    heirs = VaultRequest("cold", "cold", 3, main, "decaying", RecoveryRequest(2, signers, 52_560))
    assert code_of(reserve, heirs) == {ConcentratedQuorum.code}
    four = create_vault(reserve.treasury, VaultRequest("cold", "cold", 3, (*signers[1:], *main[3:])), "dara")
    assert [caution.text for caution in four.cautions if caution.topic == "loss"] == [
        "Fewer than 3 of keys would be left without one site: Lahore."
    ]


def test_a_main_quorum_that_is_gone_leaves_the_recovery_path(reserve: ReserveDrill) -> None:
    """A site with two keys burns down and a third key is lost: a spend in the hands of the two that are left is stuck.

    The books keep its coins for it, so that nothing else takes them by mistake. Once they are old enough, the recovery
    quorum takes one home in that spend's place, which frees the others, and then moves those.
    """
    main, heirs, new = reserve.names("cold", 5), reserve.names("heir", 3), reserve.names("next", 5)
    reserve.enrol(main)
    reserve.enrol(heirs, first=5)
    reserve.enrol(new)
    recovery = RecoveryRequest(2, heirs, AFTER_BLOCKS)
    reserve.create(VaultRequest("cold", "cold", 3, main, "decaying", recovery))
    reserve.create(VaultRequest("cold-next", "cold", 3, new), succeeds="cold")
    reserve.pay(*((reserve.address("cold"), amount_sats) for amount_sats in (3_000_000, 4_000_000, 5_000_000)))

    (stuck,) = rotate(reserve.treasury, rotation("leave-cold", "cold", "cold-next", 50_000_000_000), DARA)
    reserve.approved(stuck.id)
    build(reserve.treasury, stuck.id, RATE)
    stuck = reserve.hand_to(stuck.id, main[:2])
    with pytest.raises(NotReadyToSend, match="cold-1, cold-2"):
        broadcast(reserve.treasury, stuck.id)

    reserve.mine(AFTER_BLOCKS)
    with pytest.raises(CoinsTaken):
        build_another(reserve, stuck.instruction.inputs[0])
    order = SpendOrder("home-1", "", (), "recovery after a loss", CLAUSE, CEILINGS, path=RECOVERY)
    home = propose_home(reserve.treasury, stuck.id, order, DARA, RATE)
    assert (home.instruction.path, home.instruction.to_vault) == (RECOVERY, "cold-next")
    reserve.carry(home.id, heirs[1:])
    reserve.settle()
    assert load_spend(reserve.treasury, stuck.id).state is SpendState.CANCELLED
    (rest,) = propose_moves(reserve.treasury, move("rest", "cold", "cold-next", RECOVERY), DARA, RATE)
    spend = reserve.carry(rest.id, heirs[:2])
    assert spend.last.signers == heirs[:2]
    reserve.settle()
    assert reserve.papers("cold") == {}
    assert len(reserve.papers("cold-next")) == 2
    reserve.require_tied()


def build_another(reserve: ReserveDrill, outpoint: str) -> None:
    """Try to give a coin of a stuck spend to another one."""
    payments = (PaymentOrder(sats(1_000_000)),)
    said = replace(move("other", "cold", "cold-next", RECOVERY).order, inputs=(outpoint,), payments=payments)
    propose(reserve.treasury, said, DARA)
    reserve.approved("other")
    build(reserve.treasury, "other", RATE)
