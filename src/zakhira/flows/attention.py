"""What a reserve's people should look at: spends under way, coins whose recovery path opens, keys not seen working."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from zakhira.controls.spend_state import SpendState, is_over
from zakhira.custody.key_register import RegisteredKey, stale_keys
from zakhira.custody.vault_state import RETIRED
from zakhira.flows.ports.coin_events import WatchedCoin
from zakhira.flows.registered_keys import key_register
from zakhira.flows.spending.maturity import opening_height
from zakhira.flows.spending.spend_line import SpendLine
from zakhira.flows.treasury import Treasury, vault_records
from zakhira.programme.model import Recovery

NEAR_BLOCKS = 4_320
"""A month of blocks before a recovery path opens its coins are shown: officers and signers need weeks [E]."""
BLOCKS_PER_DAY = 144
PROOF_OF_LIFE_DAYS = 180
"""A key that nobody has seen working for half a year is shown (low 90, high 365) [E]."""
_PAGE = 1_000
MOST_SHOWN = 100_000
"""So many coins at most are gathered: what is shown is the oldest."""


@dataclass(frozen=True)
class AgeingCoin:
    """A coin that the recovery quorum may spend in ``blocks_left`` blocks; at 0 or below it may now."""

    coin: WatchedCoin
    recovery: Recovery
    blocks_left: int

    @property
    def opens_at_height(self) -> int:
        """The first block that may hold a spend of it by the recovery path."""
        return opening_height(self.coin.height, self.recovery)

    @property
    def days_left(self) -> float:
        """The same in days, at ten minutes a block [E]."""
        return max(0, self.blocks_left) / BLOCKS_PER_DAY


@dataclass(frozen=True)
class Refresh:
    """What makes the ageing coins of a vault young again: a move to itself, or to its successor once it is retired.

    ``older_than_height`` is the block up to which coins are taken, as ``propose_moves`` wants it.
    """

    vault: str
    to_vault: str
    older_than_height: int
    total_sats: int
    coins: int
    opens_at_height: int
    """the first block in which the recovery quorum may take one of them"""


def is_under_way(line: SpendLine) -> bool:
    """Whether a spend is neither confirmed nor over: somebody still has to do something, or to wait."""
    return line.state is not SpendState.CONFIRMED and not is_over(line.state)


def ageing_coins(treasury: Treasury, within_blocks: int = NEAR_BLOCKS) -> tuple[AgeingCoin, ...]:
    """Unspent coins of vaults with a recovery path that opens within so many blocks, by vault, the oldest first.

    A coin of age ``after_blocks`` may be spent by the recovery path in the block after that (BIP-68). A refresh, a
    spend of the coin to its own vault, starts its age anew.
    """
    span = treasury.coins.span()
    if span is None:
        return ()
    found: list[AgeingCoin] = []
    for record in vault_records(treasury.books).values():
        recovery = record.vault.recovery
        if recovery is not None:
            last = span.height + within_blocks + 1 - recovery.after_blocks
            for coin in _coins_up_to(treasury, record.vault.id, last):
                found.append(AgeingCoin(coin, recovery, opening_height(coin.height, recovery) - 1 - span.height))
                if len(found) == MOST_SHOWN:
                    return tuple(found)
    return tuple(found)


def refreshes(treasury: Treasury, ageing: Iterable[AgeingCoin]) -> tuple[Refresh, ...]:
    """The refresh that each vault of these coins needs, the one that opens first before the others."""
    by_vault: dict[str, list[AgeingCoin]] = {}
    for item in ageing:
        by_vault.setdefault(item.coin.vault, []).append(item)
    records = vault_records(treasury.books)
    found = [
        Refresh(
            vault,
            records[vault].successor if records[vault].state == RETIRED else vault,
            max(item.coin.height for item in items),
            sum(item.coin.amount_sats for item in items),
            len(items),
            min(item.opens_at_height for item in items),
        )
        for vault, items in by_vault.items()
    ]
    return tuple(sorted(found, key=lambda refresh: (refresh.opens_at_height, refresh.vault)))


def _coins_up_to(treasury: Treasury, vault: str, last_height: int) -> Iterator[WatchedCoin]:
    """Unspent coins of a vault up to a height, the oldest first."""
    after = (-1, "")
    while page := treasury.coins.page(vault, after, _PAGE):
        for coin in page:
            if coin.height > last_height:
                return
            yield coin
        after = (page[-1].height, page[-1].outpoint)


def silent_keys(
    treasury: Treasury, today: date, max_age_days: int = PROOF_OF_LIFE_DAYS
) -> tuple[tuple[RegisteredKey, tuple[str, ...]], ...]:
    """Keys of vaults that are not retired which were not shown to work for so long, with the vaults that name them."""
    vaults: dict[str, list[str]] = {}
    for record in vault_records(treasury.books).values():
        if record.state != RETIRED:
            for signer in record.signers:
                vaults.setdefault(signer, []).append(record.vault.id)
    stale = stale_keys(key_register(treasury.books), today, max_age_days)
    return tuple((key, tuple(vaults[key.signer])) for key in stale if key.signer in vaults)
