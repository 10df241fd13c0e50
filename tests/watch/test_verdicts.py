"""Closer looks at the verdict: signatures one by one, lots, balances, moments, and coins that are not in blocks yet."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import cast

import pytest
from embit.script import Witness
from embit.transaction import Transaction

from custody_drill import CHAIN, COLD, INTAKE
from tower_drill import (
    PAYEE,
    POLICY,
    THIEF,
    Tower,
    approval_json,
    funding,
    make_terms,
    sign,
    sign_move,
    signed_spend,
    spend_with_change,
)
from zakhira.custody.coin import Coin, Payment
from zakhira.custody.decoders import decode_transaction
from zakhira.custody.descriptor import derive_address
from zakhira.custody.spend import HeldCoin
from zakhira.kernel.canonical import Json
from zakhira.programme.policy import Quorum, Rule, Statute
from zakhira.programme.policy_text import policy_hash
from zakhira.watch.alarm import AlarmKind, News

RULE = Rule(
    id="cold-payments",
    clause="Treasury rules, 5",
    actions=("spend", "move"),
    propose_roles=("operations",),
    quorums=(Quorum(1, ("treasury",)), Quorum(1, ("audit",))),
)


@pytest.fixture
def tower() -> Tower:
    """A watch over both vaults that has looked once."""
    made = Tower(make_terms())
    made.look()
    return made


def ruled(**told: object) -> Tower:
    """A watch whose policy has one rule."""
    made = Tower(make_terms(policy=replace(POLICY, rules=(replace(RULE, **told),))))  # type: ignore[arg-type]
    made.look()
    return made


def test_a_signature_that_does_not_cover_everything(tower: Tower) -> None:
    """One signer's signature says ANYONECANPAY: its key cannot be told, and that is an alarm."""
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand")
    transaction = Transaction.parse(bytes.fromhex(signed_spend(instruction, held)))
    items = list(transaction.vin[0].witness.items)
    items[2] = items[2][:-1] + b"\x81"
    transaction.vin[0].witness = Witness(items)
    tower.node.send(transaction.serialize().hex())
    assert tower.news() == [(News.RAISED, AlarmKind.STRANGE_SIGNER)]
    assert "a key that is not told" in tower.raised()[AlarmKind.STRANGE_SIGNER]


def _change_approval(tower: Tower, name: str, change: dict[str, Json]) -> None:
    told = cast("dict[str, Json]", tower.source.spends[name])
    first, second = cast("list[dict[str, Json]]", told["approvals"])
    tower.source.spends[name] = {**told, "approvals": [first, {**second, **change}]}


def test_an_approval_that_another_key_made(tower: Tower) -> None:
    """Everything is genuine but one approval's signature, which dara made in chand's name."""
    instruction = tower.instruction("pay-1", tower.fund(COLD, 5_000_000))
    tower.say(instruction, "amina", "chand")
    forged = cast("dict[str, Json]", approval_json("chand", instruction, tower.now, policy_hash(tower.terms.policy)))
    _change_approval(tower, "pay-1", {"signature": sign("dara", "approval", str(forged["signature"])[:64])})
    assert tower.news() == [(News.RAISED, AlarmKind.NOT_GENUINE)]
    assert "the approval of chand" in tower.raised()[AlarmKind.NOT_GENUINE]


def test_an_approval_of_another_instruction(tower: Tower) -> None:
    """A genuine approval of another spend is laid under this one."""
    held = tower.fund(COLD, 5_000_000)
    instruction, other = tower.instruction("pay-1", held), tower.instruction("pay-2", held, to=THIEF)
    tower.say(instruction, "amina", "chand")
    replayed = approval_json("chand", other, tower.now, policy_hash(tower.terms.policy))
    _change_approval(tower, "pay-1", cast("dict[str, Json]", replayed))
    assert tower.news() == [(News.RAISED, AlarmKind.NOT_GENUINE)]


def test_what_waits_in_the_mempool_since_before_its_end(tower: Tower) -> None:
    """Sent in time while the watch was away, still not mined when it is back after the proposal's time: no alarm."""
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand")
    tower.look()
    tower.node.send(signed_spend(instruction, held))
    tower.restart()
    assert tower.news(3 * 24 * 3600) == []


def test_a_block_that_came_after_the_proposals_end() -> None:
    """The rule has a delay, which was waited for; a slow block and an absent watch are nobody's fault."""
    tower = ruled(delay_hours=2)
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand")
    tower.look()
    tower.node.mine(tower.now + timedelta(days=2), signed_spend(instruction, held))
    tower.restart()
    assert tower.news(3 * 24 * 3600) == []


def test_a_share_of_the_balance() -> None:
    """Half of what the vault holds may go, as the chain has it; all of it may not."""
    tower = ruled(balance_share=0.6)
    held = tower.fund(COLD, 5_000_000, 5_000_000)
    for number, coins in enumerate((held[:1], held), 1):
        instruction = tower.instruction(f"pay-{number}", coins)
        tower.say(instruction, "amina", "chand")
        tower.node.send(signed_spend(instruction, coins))
        assert tower.news() == ([] if number == 1 else [(News.RAISED, AlarmKind.REFUSED_BY_POLICY)])
        tower.node.pool.clear()
        tower.look()


def test_a_lot_keeps_its_day_when_it_moves_between_our_vaults() -> None:
    """Held for a year from its deposit; moved to the other vault a year later and spent from there at once."""
    hold = Statute("hold", "Own rule", "own", "yes", date(2026, 1, 1), "hold", years=1)
    policy = replace(POLICY, rules=(RULE,), statutes=(hold,))
    tower = Tower(make_terms(policy=policy))
    early = tower.fund(INTAKE, 5_000_000)
    instruction = tower.instruction("pay-1", early)
    tower.say(instruction, "amina", "chand")
    tower.node.send(signed_spend(instruction, early, signers=(1, 2)))
    assert tower.news() == [(News.RAISED, AlarmKind.REFUSED_BY_POLICY)]
    assert "Own rule" in tower.raised()[AlarmKind.REFUSED_BY_POLICY]
    tower.node.pool.clear()
    tower.look(400 * 24 * 3600)
    place = derive_address(COLD, 0, 0, CHAIN)
    move = replace(tower.instruction("move-1", early), to_vault="cold", payments=(Payment(place.address, 4_999_000),))
    tower.say(move, "amina", "chand")
    moved = sign_move(move, early, place)
    tower.node.mine(tower.now, moved)
    tower.look()
    assert set(tower.raised()) <= {AlarmKind.KEY_OVERDUE}
    outpoint = f"{decode_transaction(moved).txid}:0"
    coin = HeldCoin(Coin(outpoint, 4_999_000, place.script_hex, 0, ""), place)
    onward = tower.instruction("pay-2", (coin,))
    tower.say(onward, "amina", "chand")
    tower.node.send(signed_spend(onward, (coin,)))
    assert tower.news() == []


def test_two_payments_alike(tower: Tower) -> None:
    """The same salary twice, each approved: each transaction is the one or the other, and none is used twice."""
    held = tower.fund(COLD, 5_000_000, 5_000_000)
    for name in ("pay-1", "pay-2"):
        made = replace(tower.instruction(name, held[:1]), payments=(Payment(PAYEE, 4_999_000),))
        tower.say(made, "amina", "chand")
        last = made
    for coin in held:
        tower.node.send(signed_spend(last, (coin,)))
        assert tower.news() == []
    assert {spend.spend_id for spend in tower.state.spends.values()} == {"pay-1", "pay-2"}


def test_an_honest_child_of_change_that_is_not_in_a_block(tower: Tower) -> None:
    """Change is spent on before it is confirmed, with an instruction of its own."""
    held = tower.fund(INTAKE, 5_000_000)
    parent = replace(tower.instruction("pay-1", held), payments=(Payment(PAYEE, 1_000_000),))
    tower.say(parent, "amina", "chand")
    raw, change = spend_with_change(parent, held, 3_999_000)
    child = tower.instruction("pay-2", (change,))
    tower.say(child, "amina", "chand")
    tower.node.send(raw)
    tower.node.send(signed_spend(child, (change,), signers=(1, 3)))
    assert tower.news() == []
    assert {spend.spend_id for spend in tower.state.spends.values()} == {"pay-1", "pay-2"}


def test_a_coin_further_out_in_the_block_that_uses_up_the_last_place(tower: Tower) -> None:
    """Three places are watched; one block pays the third and the sixth, which is watched because of the third."""
    raws = [funding(derive_address(COLD, 0, index, CHAIN).script_hex, (1_000_000,), index) for index in (2, 5)]
    tower.node.mine(tower.now, raws[1], raws[0])
    tower.look()
    assert sorted(coin.index for coin in tower.state.coins.values()) == [2, 5]


@pytest.mark.parametrize("names", [("pay-1",), ("pay-1", "pay-2")])
@pytest.mark.parametrize("back", ["mempool", "block"])
def test_one_instruction_twice_where_the_first_was_gone_for_a_while(
    tower: Tower, names: tuple[str, ...], back: str
) -> None:
    """A leaves the mempool, B carries the spend out, A comes back: told, unless a second such spend was approved."""
    held = tower.fund(COLD, 5_000_000, 5_000_000)
    for name in names:
        made = replace(tower.instruction(name, held[:1]), payments=(Payment(PAYEE, 4_999_000),))
        tower.say(made, "amina", "chand")
    first, second = (signed_spend(made, (coin,)) for coin in held)
    txid = tower.node.send(first)
    assert tower.news() == []
    del tower.node.pool[txid]
    assert tower.news() == []
    tower.node.send(second)
    assert tower.news() == []
    tower.node.mine(tower.now, second)
    assert tower.news() == []
    if back == "mempool":
        tower.node.send(first)
    else:
        tower.node.mine(tower.now, first)
    tower.look()
    assert set(tower.raised()) == ({AlarmKind.USED_TWICE} if len(names) == 1 else set())
