"""Heads of the audit chain anchored: along with a payment, by a spend of their own, and read back from the chain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from custody_drill import COLD
from treasury_drill import (
    FAST,
    FASTER,
    SLOW,
    TreasuryDrill,
    officer,
    order,
    twin_chain_of,
    twin_mempool_of,
    twin_treasury,
)
from zakhira.controls.chain import audit
from zakhira.controls.chain.audit_evidence import Evidence
from zakhira.controls.spend_state import SpendState
from zakhira.custody.anchor import ANCHOR_SCRIPT_BYTES, Anchor, anchor_in, anchor_of
from zakhira.custody.decoders import decode_transaction
from zakhira.custody.fee import rate_of
from zakhira.flows.agreement import NotFollowed
from zakhira.flows.anchoring import (
    NoCoinForAnchor,
    WrongTransaction,
    anchors,
    as_evidence,
    propose_anchor,
    with_head,
)
from zakhira.flows.chain_heads import ForeignHead, NothingToAnchor, current_head
from zakhira.flows.governing.standing import standing_of
from zakhira.flows.officer_words import sign_approval
from zakhira.flows.spending.building import build
from zakhira.flows.spending.deciding import approve, take_approval
from zakhira.flows.spending.hastening import bump, propose_child, propose_home
from zakhira.flows.spending.order import SpendOrder
from zakhira.flows.spending.proposing import MoveOrder, propose, propose_batches, propose_moves
from zakhira.flows.spending.refusals import AnchorMisplaced, NotAccepted, NotProposer, SpendIdTaken
from zakhira.flows.spending.sending import broadcast
from zakhira.flows.spending.spend import TREASURY_SPEND, TreasurySpend, version_bytes
from zakhira.flows.spending.spend_line import SPEND_LINE
from zakhira.flows.spending.step import load_spend
from zakhira.flows.treasury import Treasury
from zakhira.kernel.canonical import Json
from zakhira.simulator.books import SimulatedBooks
from zakhira.simulator.mempool import SimulatedMempool

DARA = officer("dara")


@pytest.fixture
def drill() -> TreasuryDrill:
    """Three coins in intake: 0.05, 0.03 and 0.02 BTC."""
    made = twin_treasury()
    made.receive(5_000_000, 3_000_000, 2_000_000)
    return made


def anchored(drill: TreasuryDrill, told: SpendOrder) -> TreasurySpend:
    """A payment along with the head of the chain, carried to the mempool."""
    spend = drill.sent(with_head(drill.treasury, told), SLOW)
    assert spend.state is SpendState.BROADCAST
    return spend


def carried(drill: TreasuryDrill, txid: str) -> list[tuple[Anchor, int]]:
    """The anchors of a version of ours, with what their outputs hold."""
    outputs = decode_transaction(version_bytes(drill.parts.books, txid).raw_hex).outputs
    return [(anchor, amount) for script, amount in outputs if (anchor := anchor_in(script)) is not None]


def require_whole(drill: TreasuryDrill) -> None:
    """The books verify, and ledger and chain hold the same."""
    assert drill.parts.books.breaks() == ()
    vaults = ("intake", "cold")
    on_chain = sum(coin.amount_sats for vault in vaults for coin in drill.parts.coins.page(vault, limit=1000))
    assert drill.reserve_sats() == on_chain


def test_a_payment_takes_the_head_along(drill: TreasuryDrill) -> None:
    """The head at proposal is signed by officers, paid for by weight, mined, and read back from the chain."""
    head = current_head(drill.parts.books)
    spend = anchored(drill, order("pay-1", 1_000_000))
    assert spend.instruction.anchor == head.data
    assert carried(drill, spend.last.txid) == [(head, 0)]
    assert rate_of(spend.last.fee_sats, spend.last.weight) >= 2_000
    assert anchors(drill.treasury) == ()
    drill.mine()
    assert anchors(drill.treasury) == ()
    height, block_hash = drill.chain.tip()
    mined_at = drill.now
    drill.mine(3)
    (found,) = anchors(drill.treasury)
    assert (found.txid, found.height, found.block_hash) == (spend.last.txid, height, block_hash)
    assert (found.anchor, found.block_time, found.confirmations) == (head, mined_at, 4)
    assert as_evidence((found,)) == (audit.Anchor(head.position, head.head_hash, height, mined_at),)
    assert drill.parts.books.breaks(Evidence(anchors=as_evidence((found,)))) == ()
    other = audit.Anchor(head.position, "cd" * 32, height, mined_at)
    assert any("rewritten" in told for told in drill.parts.books.breaks(Evidence(anchors=(other,))))
    assert drill.parts.books.sealed(found.anchor.position - 1, 1)[0].seal.hash == found.anchor.head_hash
    assert drill.parts.books.balances()["expenses:spends:works"].units == 1_000_000
    require_whole(drill)


def test_the_anchor_is_paid_for(drill: TreasuryDrill) -> None:
    """The same payment weighs 4 x (8 + 1 + 46) more with an anchor, and its fee grows by as much as that costs."""
    plain = drill.built(order("pay-1", 1_000_000), FAST)
    with_it = drill.built(with_head(drill.treasury, order("pay-2", 1_000_000)), FAST)
    assert len(plain.last.coins) == len(with_it.last.coins) == 1
    assert with_it.last.weight - plain.last.weight == 4 * (8 + 1 + ANCHOR_SCRIPT_BYTES)
    assert with_it.last.fee_sats - plain.last.fee_sats in range(540, 561)


def test_a_dearer_version_keeps_the_anchor(drill: TreasuryDrill) -> None:
    """The version that takes the place of the first one carries the same head, and it is listed once."""
    first = anchored(drill, order("pay-1", 1_000_000))
    second = bump(drill.treasury, "pay-1", FASTER)
    drill.sign("pay-1", 2, 3)
    broadcast(drill.treasury, "pay-1")
    head = anchor_of(first.instruction.anchor)
    assert carried(drill, second.last.txid) == [(head, 0)]
    drill.mine(4)
    assert [(found.txid, found.anchor) for found in anchors(drill.treasury)] == [(second.last.txid, head)]
    require_whole(drill)


def test_a_node_that_relays_no_data_stops_it_before_anybody_signs(drill: TreasuryDrill) -> None:
    """The refusal comes with the building; the same payment without an anchor is built, and so is the anchor later."""
    mempool = twin_mempool_of(drill)
    mempool.data_script_limit = ANCHOR_SCRIPT_BYTES - 1
    drill.decided(with_head(drill.treasury, order("pay-1", 1_000_000)))
    with pytest.raises(NotAccepted, match="scriptpubkey"):
        build(drill.treasury, "pay-1", FAST)
    assert load_spend(drill.treasury, "pay-1").state is SpendState.DECIDED
    assert drill.built(order("pay-2", 1_000_000)).state is SpendState.BUILT
    mempool.data_script_limit += 1
    assert build(drill.treasury, "pay-1", FAST).state is SpendState.BUILT


def test_a_spend_home_and_a_child_carry_none(drill: TreasuryDrill) -> None:
    """What takes a spend back or hastens it carries no anchor, not even where somebody asks for one."""
    spend = anchored(drill, order("pay-1", 1_000_000))
    asked = replace(order("other-1", 1), anchor=spend.instruction.anchor)
    with pytest.raises(AnchorMisplaced):
        propose_home(drill.treasury, "pay-1", asked, DARA, FASTER)
    with pytest.raises(AnchorMisplaced):
        propose_child(drill.treasury, "pay-1", asked, DARA, FASTER)
    child = propose_child(drill.treasury, "pay-1", order("child-1", 1), DARA, FAST)
    home = propose_home(drill.treasury, "pay-1", order("home-1", 1), DARA, FASTER)
    assert (home.instruction.anchor, child.instruction.anchor) == ("", "")


def test_batches_and_moves_carry_none(drill: TreasuryDrill) -> None:
    """An anchor goes with one transaction: many at once are refused by name."""
    told = with_head(drill.treasury, order("many", 1_000_000))
    with pytest.raises(AnchorMisplaced):
        propose_batches(drill.treasury, told, DARA, FAST)
    with pytest.raises(AnchorMisplaced):
        propose_moves(drill.treasury, MoveOrder("many", "intake", "cold", 10**9, told), DARA, FAST)


def test_a_spend_of_its_own_moves_the_smallest_coin_to_its_own_vault(drill: TreasuryDrill) -> None:
    """One coin in, the same coin less the fee and the anchor out: nothing leaves the vault but the fee."""
    head = current_head(drill.parts.books)
    spend = propose_anchor(drill.treasury, order("anchor-1", 1), DARA, SLOW)
    assert (spend.instruction.from_vault, spend.instruction.to_vault) == ("intake", "intake")
    assert spend.instruction.anchor == head.data
    assert propose_anchor(drill.treasury, order("anchor-1", 1), DARA, SLOW) == spend
    drill.approved("anchor-1")
    built = build(drill.treasury, "anchor-1")
    assert [item.coin.amount_sats for item in built.last.coins] == [2_000_000]
    assert built.last.change is None
    drill.sign("anchor-1")
    broadcast(drill.treasury, "anchor-1")
    assert drill.mine(4).confirmed == ["anchor-1"]
    (found,) = anchors(drill.treasury)
    assert (found.txid, found.anchor) == (built.last.txid, head)
    assert drill.reserve_sats() == 10_000_000 - built.last.fee_sats
    assert rate_of(built.last.fee_sats, built.last.weight) == 2_000
    require_whole(drill)


def test_heads_are_listed_by_position_and_each_once(drill: TreasuryDrill) -> None:
    """Two anchors of the chain as it grew, and a second one of the first head: the first block of each counts."""
    told = with_head(drill.treasury, order("pay-1", 1_000_000))
    drill.sent(told, SLOW)
    drill.mine(4)
    again = replace(told, id="pay-2")
    drill.sent(again, SLOW)
    drill.mine(4)
    later = anchored(drill, order("pay-3", 500_000))
    drill.mine(4)
    found = anchors(drill.treasury)
    assert [item.anchor.data for item in found] == [told.anchor, later.instruction.anchor]
    assert found[0].txid == load_spend(drill.treasury, "pay-1").last.txid
    assert found[0].anchor.position < found[1].anchor.position


def test_the_same_order_again_keeps_its_head(drill: TreasuryDrill) -> None:
    """The chain has grown by the proposal itself: the second asking gives the proposal that is there."""
    told = order("pay-1", 1_000_000)
    first = propose(drill.treasury, with_head(drill.treasury, told), DARA)
    assert current_head(drill.parts.books).data != first.instruction.anchor
    assert propose(drill.treasury, with_head(drill.treasury, told), DARA) == first
    propose(drill.treasury, order("pay-2", 1_000_000), DARA)
    assert with_head(drill.treasury, order("pay-2", 1_000_000)).anchor == ""
    with pytest.raises(SpendIdTaken):
        propose(drill.treasury, told, DARA)


def test_a_head_of_other_books_is_neither_proposed_nor_approved(drill: TreasuryDrill) -> None:
    """A hash that the chain does not have there, and a position that it does not have at all."""
    head = current_head(drill.parts.books)
    for foreign in (Anchor(head.position, "cd" * 32), Anchor(head.position + 1_000, head.head_hash)):
        with pytest.raises(ForeignHead):
            propose(drill.treasury, replace(order("pay-1", 1_000_000), anchor=foreign.data), DARA)
    earlier = drill.parts.books.sealed(2, 1)[0].seal
    fine = replace(order("pay-2", 1_000_000), anchor=Anchor(3, earlier.hash).data)
    assert propose(drill.treasury, fine, DARA).state is SpendState.PROPOSED


class ForgetfulBooks:
    """Books whose audit chain is another one than it was."""

    def __init__(self, books: SimulatedBooks) -> None:
        self._books = books

    def __getattr__(self, name: str) -> object:
        return getattr(self._books, name)

    def sealed(self, after: int, limit: int) -> object:
        """The writes as they are, under other hashes."""
        found = self._books.sealed(after, limit)
        return tuple(replace(one, seal=replace(one.seal, hash="cd" * 32)) for one in found)


def test_an_officer_does_not_approve_a_head_that_is_gone(drill: TreasuryDrill) -> None:
    """Between proposal and approval the chain was rewritten: the approval, made here or elsewhere, is not taken."""
    spend = propose(drill.treasury, with_head(drill.treasury, order("pay-1", 1_000_000)), DARA)
    assert isinstance(drill.parts.books, SimulatedBooks)
    rewritten = replace(drill.treasury, books=ForgetfulBooks(drill.parts.books))  # type: ignore[arg-type]  # by name
    with pytest.raises(ForeignHead):
        approve(rewritten, "pay-1", officer("amina"))
    given = sign_approval(officer("amina"), spend.instruction.hash, spend.at, standing_of(drill.treasury).policy_hash)
    with pytest.raises(ForeignHead):
        take_approval(rewritten, "pay-1", given)
    assert approve(drill.treasury, "pay-1", officer("amina")).approvals


def test_who_may_not_propose_anchors_nothing(drill: TreasuryDrill) -> None:
    """The anchor's own spend takes the proposer's role like any other."""
    with pytest.raises(NotProposer):
        propose_anchor(drill.treasury, order("anchor-1", 1), officer("amina"), SLOW)


def test_a_vault_whose_coins_are_too_small() -> None:
    """A coin that would be dust afterwards, or cost more to spend than it holds, is not taken."""
    drill = twin_treasury()
    drill.receive(700)
    with pytest.raises(NoCoinForAnchor):
        propose_anchor(drill.treasury, order("anchor-1", 1), DARA, SLOW)
    with pytest.raises(NoCoinForAnchor):
        propose_anchor(drill.treasury, replace(order("anchor-1", 1), from_vault=COLD.id), DARA, SLOW)


def test_an_empty_chain_has_no_head() -> None:
    """Books without a write: there is nothing to anchor."""
    with pytest.raises(NothingToAnchor):
        current_head(SimulatedBooks())


class Redirecting(SimulatedMempool):
    """A node that gives another transaction than the one that is asked for."""

    def raw_transactions(self, txids: Sequence[str], blocks: Mapping[str, str]) -> Mapping[str, str]:
        """Those of the first id for all."""
        found = super().raw_transactions(txids, blocks)
        return dict.fromkeys(found, found[min(found)])


def test_a_node_that_lies_about_a_transaction_is_named(drill: TreasuryDrill) -> None:
    """An anchor is believed from bytes that hash to the transaction alone."""
    for name in ("pay-1", "pay-2"):
        anchored(drill, order(name, 500_000))
        drill.mine(4)
    lied = replace(drill.treasury, mempool=Redirecting(twin_chain_of(drill)))
    with pytest.raises(WrongTransaction):
        anchors(lied)


class WithoutSpends:
    """Books from which every record of a spend has vanished."""

    def __init__(self, books: SimulatedBooks) -> None:
        self._books = books

    def __getattr__(self, name: str) -> object:
        return getattr(self._books, name)

    def records(self, kind: str) -> Mapping[str, Json]:
        return {} if kind in {TREASURY_SPEND, SPEND_LINE} else self._books.records(kind)

    def latest(self, kind: str, record_id: str) -> Json | None:
        return None if kind in {TREASURY_SPEND, SPEND_LINE} else self._books.latest(kind, record_id)


def _without_spends(drill: TreasuryDrill) -> Treasury:
    assert isinstance(drill.parts.books, SimulatedBooks)
    return replace(drill.treasury, books=WithoutSpends(drill.parts.books))  # type: ignore[arg-type]  # by name


def _unchanged(drill: TreasuryDrill) -> Treasury:
    return drill.treasury


@pytest.mark.parametrize("seen", [_unchanged, _without_spends])
def test_who_hides_a_spend_hides_no_anchor(drill: TreasuryDrill, seen: Callable[[TreasuryDrill], Treasury]) -> None:
    """The chain itself is asked which transactions spent coins of ours: our word about spends is not needed."""
    spend = anchored(drill, order("pay-1", 1_000_000))
    drill.mine(4)
    assert [found.txid for found in anchors(seen(drill))] == [spend.last.txid]


def test_a_reorganisation_takes_an_anchor_back(drill: TreasuryDrill) -> None:
    """While the node's best chain is not the followed one nothing is told; afterwards only what is in it."""
    anchored(drill, order("pay-1", 1_000_000))
    drill.mine(4)
    assert len(anchors(drill.treasury)) == 1
    twin_chain_of(drill).reorganise(4)
    with pytest.raises(NotFollowed):
        anchors(drill.treasury)
    drill.follow()
    assert anchors(drill.treasury) == ()
