"""A drill for the watcher: vaults of the books, a chain that pays them, and what a plain oracle says of both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import cast

from embit.script import address_to_scriptpubkey

from custody_drill import CHAIN, COLD, INTAKE, make_policy
from zakhira.custody.coin import Address, Payment
from zakhira.custody.descriptor import derive_address
from zakhira.custody.vault_state import ProofOfLife, VaultRecord, record_json, retire
from zakhira.flows.ports.authority import SpendAuthority
from zakhira.flows.ports.books import Books, Record, Write
from zakhira.flows.ports.chain import PrivateChain
from zakhira.flows.ports.coin_events import WatchedCoin
from zakhira.flows.ports.coin_store import CoinStore, Depth
from zakhira.flows.ports.follow import ChainWitness, FollowedNode
from zakhira.flows.ports.mempool import Mempool
from zakhira.flows.reservations import Reservation, reserve_address
from zakhira.flows.treasury import VAULT, Treasury
from zakhira.programme.model import Vault
from zakhira.simulator.books import SimulatedBooks
from zakhira.simulator.chain import SimulatedChain
from zakhira.simulator.coin_store import SimulatedCoins
from zakhira.simulator.follow import SimulatedFollower

START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
POOL = "pool-1"
BLOCK = timedelta(minutes=10)
DEPTH = Depth((0, 10_000_000), (2, 4), 100)
"""Two blocks for small amounts, four from a tenth of a bitcoin on."""


def all_signed(vault: Vault) -> VaultRecord:
    """The record of a vault whose keys have all test-signed."""
    proofs = tuple(ProofOfLife(key.signer, START.date(), "00" * 32) for key in vault.keys)
    return VaultRecord(vault, CHAIN, "dara", START, "tested", proofs)


tested = all_signed
"""The same, by the name of the state; a test's module that imports it would run it as a test."""


def keep_vaults(books: Books, *records: VaultRecord) -> None:
    """Write these records of vaults."""
    for number, record in enumerate(records):
        key = f"vault/{record.vault.id}/{record.state}/{number}"
        body = Record(VAULT, record.vault.id, record_json(record))
        books.commit(Write(key, "dara", "keep vault", START, records=(body,)))


def make_treasury(
    books: Books, coins: CoinStore, node: FollowedNode, second: ChainWitness | None = None, depth: Depth = DEPTH
) -> Treasury:
    """A treasury whose spends nobody asks for here."""
    nobody = cast("SpendAuthority", None)
    no_pool = cast("Mempool", None)
    return Treasury(books, coins, node, no_pool, second, nobody, make_policy(), CHAIN, depth, START, 1)


@dataclass
class WatchDrill:
    """A chain with a clock, and the treasury that watches it."""

    chain: PrivateChain
    treasury: Treasury
    now: datetime = START
    spent: int = 0

    def mine(self, count: int = 1) -> tuple[int, str]:
        """Mine blocks ten minutes apart; the new tip."""
        height, _ = self.chain.tip()
        self.now += count * BLOCK
        self.chain.mine_to(height + count, self.now)
        return self.chain.tip()

    def fund(self, sats: int = 500_000_000_000) -> None:
        """Give the pool something to pay with."""
        self.chain.fund_pools({POOL: sats}, self.now)

    def pay(self, *payments: tuple[str, int], pool: str = POOL) -> str:
        """The pool pays these addresses these amounts; the id of the transaction, which waits to be mined."""
        orders = [Payment(address, sats) for address, sats in payments]
        return self.chain.broadcast(self.chain.sign_pool_payment(pool, orders, 2))

    def reserve(self, key: str, vault: Vault = INTAKE, **told: object) -> Reservation:
        """An address for a royalty of the pool."""
        return reserve_address(self.treasury, vault.id, "pool-1", "royalty", key=key, by="dara", **told)  # type: ignore[arg-type]

    def retire(self, vault: Vault, successor: str) -> None:
        """Retire a vault."""
        keep_vaults(self.treasury.books, retire(replace(all_signed(vault), state="in use"), successor))


def twin_drill(*vaults: Vault, second: bool = False, depth: Depth = DEPTH) -> WatchDrill:
    """A drill of twins alone, its pool funded."""
    books, chain = SimulatedBooks(), SimulatedChain()
    keep_vaults(books, *(all_signed(vault) for vault in vaults or (INTAKE, COLD)))
    node = SimulatedFollower(chain)
    other = SimulatedFollower(chain) if second else None
    drill = WatchDrill(chain, make_treasury(books, SimulatedCoins(books), node, other, depth))
    drill.fund()
    return drill


def twin_chain(drill: WatchDrill) -> SimulatedChain:
    """The twin behind a drill, for reorganisations and lost blocks."""
    assert isinstance(drill.chain, SimulatedChain)
    return drill.chain


def twin_books(drill: WatchDrill) -> SimulatedBooks:
    """The twin of the books behind a drill."""
    assert isinstance(drill.treasury.books, SimulatedBooks)
    return drill.treasury.books


def place(vault: Vault, index: int, branch: int = 0) -> Address:
    """An address of a vault."""
    return derive_address(vault, branch, index, CHAIN)


def script_of(address: str) -> bytes:
    """The script of an address."""
    return bytes(address_to_scriptpubkey(address).data)


def oracle_coins(chain: SimulatedChain, places: dict[bytes, tuple[str, int, int]]) -> dict[str, WatchedCoin]:
    """Every coin of these scripts on the twin's best chain, read block by block without any of our code."""
    coins: dict[str, WatchedCoin] = {}
    for block in chain.state.best:
        for number, transaction in enumerate(block.transactions):
            txid = transaction.txid().hex()
            for spend in transaction.vin:
                outpoint = f"{spend.txid.hex()}:{spend.vout}"
                if outpoint in coins:
                    coins[outpoint] = replace(
                        coins[outpoint], spent_by=txid, spent_height=block.height, spent_hash=block.hash
                    )
            for index, output in enumerate(transaction.vout):
                script = bytes(output.script_pubkey.data)
                if script in places:
                    coins[f"{txid}:{index}"] = WatchedCoin(
                        f"{txid}:{index}",
                        *places[script],
                        output.value,
                        script.hex(),
                        block.height,
                        block.hash,
                        number == 0,
                    )
    return coins
