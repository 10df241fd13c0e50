"""When a vault's recovery path opens for a coin: before that block nothing is built or signed on it (BIP-68)."""

from __future__ import annotations

from collections.abc import Iterable

from zakhira.custody.coin import RECOVERY, Instruction
from zakhira.custody.refusals import NoSuchPath
from zakhira.flows.ports.coin_store import CoinStore
from zakhira.flows.spending.spend import SpentCoin
from zakhira.kernel.errors import Refused
from zakhira.programme.model import Recovery, Vault


class NotMature(Refused):
    """A coin is too young for the recovery path; a transaction that spends it would be held for a block to come."""

    code = "ZK-FLOWS-091"


def opening_height(coin_height: int, recovery: Recovery) -> int:
    """The first block that may hold a spend of the coin by the recovery path.

    A coin in block ``h`` may be spent in block ``h + older`` (BIP-68: the spending block lies so many above).
    """
    return coin_height + recovery.after_blocks


def is_open(vault: Vault, path: str, coin_height: int, tip_height: int) -> bool:
    """Whether the next block may hold a spend of a confirmed coin by this path; always by the main path."""
    recovery = vault.recovery
    return path != RECOVERY or recovery is None or opening_height(coin_height, recovery) <= tip_height + 1


def require_open(coins: CoinStore, vault: Vault, instruction: Instruction, spent: Iterable[SpentCoin]) -> None:
    """Nothing, if the next block may hold a spend of all these coins by the instruction's path.

    A signed transaction never expires: one that is signed months too early would lie about until its block comes, and
    only the main quorum could take it back, by moving the coins.

    Raises:
        NotMature: one of the coins is too young; the message has the block from which it is not.
        NoSuchPath: the vault has no recovery path, and the instruction names it.
    """
    if instruction.path != RECOVERY:
        return
    if vault.recovery is None:
        raise NoSuchPath(f"Vault {vault.id} has no recovery path.", "Name the main path.")
    span = coins.span()
    tip_height = span.height if span else -1
    for item in spent:
        # As the books have it now: a reorganisation may have moved the coin since the version was built.
        found = coins.coin(item.coin.outpoint)
        coin_height = tip_height + 1 if found is None or item.is_unconfirmed else found.height
        if not is_open(vault, RECOVERY, coin_height, tip_height):
            raise not_mature(vault, item.coin.outpoint, coin_height, tip_height)


def not_mature(vault: Vault, outpoint: str, coin_height: int, tip_height: int) -> NotMature:
    """The refusal of a coin that is too young."""
    assert vault.recovery is not None, "only a vault with a recovery path has coins that are too young for it"
    opens = opening_height(coin_height, vault.recovery)
    return NotMature(
        f"The recovery path of vault {vault.id} opens for coin {outpoint} in block {opens}; the next block is "
        f"{tip_height + 1}.",
        "Wait for that block, or let the main quorum sign.",
    )
