"""The recovery path before and at its block, in both scripts that have one; and the refresh that keeps it shut."""

from __future__ import annotations

import pytest

from recovery_drill import CEILINGS, DARA, RATE, ReserveDrill, move
from treasury_drill import CLAUSE
from zakhira.controls.spend_state import SpendState
from zakhira.custody.checks import vault_named
from zakhira.custody.coin import RECOVERY, Coin
from zakhira.custody.decoders import decode_psbt, decode_transaction
from zakhira.custody.descriptor import derive_address
from zakhira.custody.refusals import KeyOutsideVault
from zakhira.custody.signing import combine_signatures, finalise
from zakhira.custody.spend import HeldCoin, build_psbt
from zakhira.custody.vault_creation import RecoveryRequest, VaultRequest
from zakhira.flows.attention import ageing_coins, refreshes
from zakhira.flows.ports.coin_events import WatchedCoin
from zakhira.flows.spending.building import build, hand_out
from zakhira.flows.spending.maturity import NotMature
from zakhira.flows.spending.order import PaymentOrder, SpendOrder
from zakhira.flows.spending.proposing import propose, propose_moves
from zakhira.flows.spending.returning import take_signatures
from zakhira.flows.spending.sending import broadcast
from zakhira.flows.spending.spend import TreasurySpend, version_bytes
from zakhira.flows.spending.step import load_spend
from zakhira.flows.treasury import policy_in_force
from zakhira.kernel.money import sats

AFTER_BLOCKS = 30
FEE_SATS = {"decaying": 2_000, "taproot": 700}
"""What a payment of a whole coin leaves: near enough to the rate that nothing comes back as change."""
CODE = "ZK-FLOWS-091"


def ageing_vault(reserve: ReserveDrill, template: str, after_blocks: int = AFTER_BLOCKS) -> tuple[str, ...]:
    """A tested vault ``cold``, 3 of 5, with a recovery of 2 of 3 heirs, and a vault for what they bring home."""
    main, heirs, safe = reserve.names("cold", 5), reserve.names("heir", 3), reserve.names("safe", 5)
    reserve.enrol(main)
    reserve.enrol(heirs, first=5)
    reserve.enrol(safe)
    reserve.create(VaultRequest("cold", "cold", 3, main, template, RecoveryRequest(2, heirs, after_blocks)))
    reserve.create(VaultRequest("safe", "cold", 3, safe))
    return heirs


def too_early(reserve: ReserveDrill, spend: TreasurySpend, coin: WatchedCoin, heirs: tuple[str, ...]) -> str:
    """The final transaction of an instruction by the heirs, made without the program's own check of its age."""
    policy = policy_in_force(reserve.treasury)
    vault = vault_named(policy, "cold")
    held = HeldCoin(
        Coin(coin.outpoint, coin.amount_sats, coin.script_hex, coin.height, coin.block_hash),
        derive_address(vault, coin.branch, coin.place, "regtest"),
    )
    psbt = build_psbt(spend.instruction, (held,), policy, spend.places)
    signed = [reserve.answer(spend, psbt, heir) for heir in heirs]
    return finalise(combine_signatures(psbt, signed, "regtest"), "regtest")


@pytest.mark.parametrize("template", ["decaying", "taproot"])
def test_the_recovery_path_opens_in_its_block_and_not_before(reserve: ReserveDrill, template: str) -> None:
    """A block too early our check refuses by its code and the node by BIP-68; a block later the heirs bring it home.

    The officers may decide beforehand, so that the heirs can sign in the block in which the path opens. A main signer
    does not sign on this path, and the younger coin stays where it is.
    """
    heirs = ageing_vault(reserve, template)
    reserve.pay((reserve.address("cold"), 3_000_000))
    reserve.mine(3)
    reserve.pay((reserve.address("cold"), 4_000_000))
    old, young = reserve.parts.coins.page("cold")
    with pytest.raises(NotMature, match=f"in block {old.height + AFTER_BLOCKS}") as caught:
        propose_moves(reserve.treasury, move("home", "cold", "safe", RECOVERY), DARA, RATE)
    assert caught.value.code == CODE

    payment = PaymentOrder(sats(old.amount_sats - FEE_SATS[template]))
    order = SpendOrder(
        "home", "cold", (payment,), "recovery", CLAUSE, CEILINGS, "safe", inputs=(old.outpoint,), path=RECOVERY
    )
    propose(reserve.treasury, order, DARA)
    decided = reserve.approved("home")
    opens = old.height + AFTER_BLOCKS
    reserve.mine(opens - 2 - reserve.chain.tip()[0])
    with pytest.raises(NotMature, match=f"in block {opens}; the next block is {opens - 1}"):
        build(reserve.treasury, "home", RATE)
    raw_hex = too_early(reserve, decided, old, heirs[:2])
    assert reserve.parts.mempool.refusal(raw_hex) == "non-BIP68-final"

    reserve.mine()
    assert reserve.parts.mempool.refusal(raw_hex) == ""
    build(reserve.treasury, "home", RATE)
    spend, bytes_ = hand_out(reserve.treasury, "home")
    with pytest.raises(KeyOutsideVault, match="recovery path"):
        reserve.answer(spend, bytes_.psbt, "cold-1")
    for heir in heirs[1:]:
        spend = take_signatures(reserve.treasury, "home", reserve.answer(spend, bytes_.psbt, heir))
    assert spend.last.signers == heirs[1:]
    broadcast(reserve.treasury, "home")
    final = version_bytes(reserve.parts.books, spend.last.txid)
    assert decode_transaction(final.raw_hex).inputs == ((old.outpoint, AFTER_BLOCKS),)
    assert {given.sequence for given in decode_psbt(final.psbt, "regtest").inputs} == {AFTER_BLOCKS}
    reserve.settle()
    assert load_spend(reserve.treasury, "home").state is SpendState.CONFIRMED
    assert [coin.outpoint for coin in reserve.parts.coins.page("cold")] == [young.outpoint]
    ((_, paper),) = reserve.papers("safe").values()
    assert (paper.purpose, paper.lots) == ("royalty", (old.outpoint,))
    reserve.require_tied()


def test_a_reorganisation_around_the_opening_block_is_waited_for(reserve: ReserveDrill) -> None:
    """The node gives up its tip after the heirs' spend was sent: that is told, nothing stops, and it is sent again."""
    heirs = ageing_vault(reserve, "decaying")
    reserve.pay((reserve.address("cold"), 3_000_000))
    (coin,) = reserve.parts.coins.page("cold")
    reserve.mine(coin.height + AFTER_BLOCKS - 1 - reserve.chain.tip()[0])
    (spend,) = propose_moves(reserve.treasury, move("home", "cold", "safe", RECOVERY), DARA, RATE)
    spend = reserve.carry(spend.id, heirs[:2])
    assert reserve.parts.mempool.package(spend.last.txid) is not None
    assert reserve.ground is not None
    reserve.ground.process.rpc.call("invalidateblock", [reserve.chain.tip()[1]])
    assert reserve.parts.mempool.package(spend.last.txid) is None, "the node has put it out of its mempool"
    told = reserve.follow().told
    assert [f"in block {coin.height + AFTER_BLOCKS}" in text for text in told] == [True]
    assert load_spend(reserve.treasury, spend.id).state is SpendState.BROADCAST
    assert reserve.mine().sent_again == [spend.id]
    reserve.settle()
    assert load_spend(reserve.treasury, spend.id).state is SpendState.CONFIRMED
    reserve.require_tied()


def test_a_move_by_the_heirs_takes_the_coins_that_are_old_enough(reserve: ReserveDrill) -> None:
    """Of three coins two are old enough: they move in one step, and the next day the third."""
    heirs = ageing_vault(reserve, "decaying", 20)
    reserve.pay((reserve.address("cold"), 3_000_000), (reserve.address("cold"), 4_000_000))
    reserve.mine(8)
    reserve.pay((reserve.address("cold"), 5_000_000))
    *_, young = reserve.parts.coins.page("cold")
    reserve.mine(young.height + 20 - 3 - reserve.chain.tip()[0])
    (spend,) = propose_moves(reserve.treasury, move("first", "cold", "safe", RECOVERY), DARA, RATE)
    assert len(spend.instruction.inputs) == 2
    assert young.outpoint not in spend.instruction.inputs
    reserve.carry(spend.id, heirs[:2])
    reserve.settle()
    (spend,) = propose_moves(reserve.treasury, move("second", "cold", "safe", RECOVERY), DARA, RATE)
    assert spend.instruction.inputs == (young.outpoint,)
    reserve.carry(spend.id, heirs[:2])
    reserve.settle()
    assert reserve.papers("cold") == {}
    reserve.require_tied()


def test_a_refresh_makes_old_coins_young(reserve: ReserveDrill) -> None:
    """Coins near the opening of their recovery path are listed with block and days; a move to the vault itself ends it.

    The young coin is left alone; what was refreshed keeps purpose and lots, and cannot be taken by the heirs at the
    block at which it could have been.
    """
    near, after_blocks = 12, 40
    ageing_vault(reserve, "taproot", after_blocks)
    reserve.pay((reserve.address("cold"), 3_000_000), (reserve.address("cold", "donation"), 4_000_000))
    reserve.mine(after_blocks - 14)
    reserve.pay((reserve.address("cold"), 5_000_000))
    first, second, young = reserve.parts.coins.page("cold")
    ageing = ageing_coins(reserve.treasury, near)
    assert {item.coin.outpoint for item in ageing} == {first.outpoint, second.outpoint}
    opens, height = first.height + after_blocks, reserve.chain.tip()[0]
    assert {(item.opens_at_height, item.blocks_left) for item in ageing} == {(opens, opens - 1 - height)}
    assert 0 < ageing[0].days_left < 0.1
    (refresh,) = refreshes(reserve.treasury, ageing)
    assert (refresh.vault, refresh.to_vault, refresh.coins, refresh.total_sats) == ("cold", "cold", 2, 7_000_000)
    assert (refresh.older_than_height, refresh.opens_at_height) == (first.height, opens)

    order = move("refresh", refresh.vault, refresh.to_vault, older_than_height=refresh.older_than_height)
    spends = propose_moves(reserve.treasury, order, DARA, RATE)
    assert len(spends) == 2, "two purposes are not mixed"
    for spend in spends:
        reserve.carry(spend.id, ("cold-2", "cold-3", "cold-5"))
    reserve.settle()
    assert ageing_coins(reserve.treasury, near) == ()
    papers = reserve.papers("cold")
    assert {paper.lots for _, paper in papers.values()} == {(item.outpoint,) for item in (first, second, young)}
    assert sorted(paper.purpose for _, paper in papers.values()) == ["donation", "royalty", "royalty"]
    reserve.mine(max(0, opens - 1 - reserve.chain.tip()[0]))
    with pytest.raises(NotMature):
        propose_moves(reserve.treasury, move("grab", "cold", "safe", RECOVERY), DARA, RATE)
    reserve.require_tied()
