"""What wants attention: coins whose recovery path opens soon, keys not seen working; and a vault left in steps."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from custody_drill import COLD, INTAKE, PHRASE
from governing_drill import accept_vault
from watch_drill import WatchDrill, twin_drill
from zakhira.adapters.drill_keys import signer_xpub
from zakhira.custody.key_register import RegisteredKey
from zakhira.flows.arrival_judging import judge_arrivals
from zakhira.flows.attention import ageing_coins, silent_keys
from zakhira.flows.following import follow_chain
from zakhira.flows.registered_keys import register_keys
from zakhira.programme.model import Recovery, Vault, VaultKey

AFTER_BLOCKS = 40
AGEING = replace(INTAKE, template="decaying", recovery=Recovery(2, INTAKE.keys, AFTER_BLOCKS))
NEXT = Vault(
    "intake-next",
    "intake",
    2,
    tuple(VaultKey(f"next-{n}", signer_xpub(PHRASE, "next", f"next-{n}")) for n in (1, 2, 3)),
)
"""A successor of intake."""


def pay(drill: WatchDrill, key: str, *amounts_sats: int) -> None:
    """The pool pays these amounts to an address of intake, in a block."""
    made = drill.reserve(key)
    for amount_sats in amounts_sats:
        drill.pay((made.address.address, amount_sats))
    drill.mine()


def follow(drill: WatchDrill) -> None:
    follow_chain(drill.treasury)
    judge_arrivals(drill.treasury)


def test_coins_are_shown_before_their_recovery_path_opens() -> None:
    """Not while it is far, then with the blocks left, then as open; a vault without a recovery never."""
    drill = twin_drill(AGEING, COLD)
    accept_vault(drill.treasury.books, drill.treasury.policy, drill.now, AGEING.id)
    pay(drill, "first", 1_000_000)
    follow(drill)
    assert ageing_coins(drill.treasury, 20) == ()
    drill.mine(AFTER_BLOCKS - 21)
    pay(drill, "second", 2_000_000)
    follow(drill)
    (coin,) = ageing_coins(drill.treasury, 20)
    assert (coin.coin.amount_sats, coin.blocks_left) == (1_000_000, 19)
    drill.mine(19)
    follow(drill)
    found = ageing_coins(drill.treasury, 20)
    assert [(item.coin.amount_sats, item.blocks_left) for item in found] == [(1_000_000, 0), (2_000_000, 20)]


def test_a_key_of_a_living_vault_that_nobody_saw_working_is_shown() -> None:
    """Half a year after its proof, with its vault; keys in no vault are not."""
    drill = twin_drill(INTAKE)
    treasury, today = drill.treasury, drill.now.date()
    keys = [
        RegisteredKey(key.signer, "A person", "signer", f"Site {n}", "Vendor", "Model", "1.0", "dice", key.xpub, today)
        for n, key in enumerate((*INTAKE.keys, *NEXT.keys))
    ]
    keys[1] = replace(keys[1], last_proof_of_life=None)
    register_keys(treasury.books, keys, "regtest", "dara", drill.now)
    assert [key.signer for key, _ in silent_keys(treasury, today)] == ["intake-2"]
    later = silent_keys(treasury, today + timedelta(days=181))
    assert [(key.signer, vaults) for key, vaults in later] == [(f"intake-{n}", ("intake",)) for n in (1, 2, 3)]
