"""Outputs of our own spends that are not in a block yet: what a child that pays for its parent may spend."""

from __future__ import annotations

from zakhira.custody.checks import vault_named
from zakhira.custody.coin import Address, Coin
from zakhira.custody.decoders import decode_transaction
from zakhira.custody.weight import input_weight
from zakhira.flows.coin_papers import own_transaction
from zakhira.flows.reservations import reservation
from zakhira.flows.spending.refusals import NothingToBump
from zakhira.flows.spending.spend import SpentCoin, TreasurySpend, version_bytes
from zakhira.flows.spending.step import load_spend
from zakhira.flows.treasury import Treasury, policy_in_force


def parent_raw(treasury: Treasury, txid: str) -> str:
    """The signed transaction of ours of this id.

    Raises:
        NothingToBump: it is not ours, or not signed.
    """
    if own_transaction(treasury.books, txid) is None:
        raise NothingToBump(f"Transaction {txid} is none of ours.", "A child spends an output of our own spend.")
    raw_hex = version_bytes(treasury.books, txid).raw_hex
    if not raw_hex:
        raise NothingToBump(f"Transaction {txid} has not its signatures yet.", "Have it signed first.")
    return raw_hex


def own_outputs(treasury: Treasury, spend: TreasurySpend, txid: str) -> tuple[tuple[str, Address, int], ...]:
    """The outputs of a version that pay our vaults: outpoint, place and amount."""
    version = spend.version(txid)
    places = {place.script_hex: place for place in spend.places}
    if version is not None and version.change is not None:
        places[version.change.address.script_hex] = version.change.address
    found = []
    for index, (script_hex, amount_sats) in enumerate(decode_transaction(parent_raw(treasury, txid)).outputs):
        place = places.get(script_hex)
        if place is None and (known := reservation(treasury.books, script_hex)) is not None:
            place = known.address
        if place is not None:
            found.append((f"{txid}:{index}", place, amount_sats))
    return tuple(found)


def child_coin(treasury: Treasury, outpoint: str, path: str = "main") -> SpentCoin:
    """An output of a spend of ours that waits for its block, as a coin that a child spends.

    Raises:
        NothingToBump: it is not an unspent output of ours in the mempool.
    """
    txid, _, _ = outpoint.partition(":")
    own = own_transaction(treasury.books, txid)
    if own is None or treasury.mempool.package(txid) is None:
        raise NothingToBump(f"{outpoint} is no output of ours that waits for a block.", "See: zakhira spend status DIR")
    parent = load_spend(treasury, own.spend)
    for found, place, amount_sats in own_outputs(treasury, parent, txid):
        if found == outpoint:
            vault = vault_named(policy_in_force(treasury), place.vault)
            return SpentCoin(
                Coin(outpoint, amount_sats, place.script_hex, 0, ""),
                place,
                own.purpose,
                own.lots,
                own.hold_until,
                input_weight(vault, path),
                is_unconfirmed=True,
            )
    raise NothingToBump(f"{outpoint} does not pay a vault of ours.", "Name change, or a payment to our own vault.")
