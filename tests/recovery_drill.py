"""A reserve on a real node and a real database whose vaults come from a register: what procedures are tried on."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path

from books_bench import shared_template
from custody_drill import CHAIN, PHRASE
from governing_drill import accept_vault
from treasury_drill import CLAUSE, POOL_NEEDS_SATS, TreasuryDrill, make_parts, officer
from watch_drill import DEPTH, POOL, START
from zakhira.adapters.bitcoind.follow import BitcoindFollower
from zakhira.adapters.bitcoind.mempool import BitcoindMempool
from zakhira.adapters.bitcoind.node import BitcoindChain
from zakhira.adapters.bitcoind.process import BitcoindProcess
from zakhira.adapters.bitcoind.vaults import to_sats
from zakhira.adapters.drill_keys import signer_seed, signer_xpub
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.coin_store import PostgresCoins
from zakhira.custody.coin import MAIN, RECOVERY, Payment
from zakhira.custody.descriptor import vault_descriptor
from zakhira.custody.key_register import RegisteredKey
from zakhira.custody.message import sign_message
from zakhira.custody.vault_creation import VaultRequest
from zakhira.flows.coin_papers import COIN_PAPER, CoinPaper, paper_of
from zakhira.flows.following import follow_chain
from zakhira.flows.registered_keys import register_keys
from zakhira.flows.reservations import Reservation, reserve_address
from zakhira.flows.rotation import RotationOrder
from zakhira.flows.signing_rules import SigningRules
from zakhira.flows.spending.building import build, hand_out
from zakhira.flows.spending.fees import FeeWish
from zakhira.flows.spending.order import FeeCeilings, SpendOrder
from zakhira.flows.spending.proposing import MoveOrder
from zakhira.flows.spending.returning import take_signatures
from zakhira.flows.spending.sending import broadcast
from zakhira.flows.spending.spend import TreasurySpend
from zakhira.flows.treasury import policy_in_force, vault_records
from zakhira.flows.vaults import create_vault, issue_challenge, plan_challenge, record_test_signing
from zakhira.kernel.money import sats
from zakhira.programme.model import Vault

DARA = officer("dara")
CEILINGS = FeeCeilings(sats(200_000), 100)
RATE = FeeWish(rate_sat_per_kvb=3_000)
STEP_SATS = 6_000_000
SITES = ("Islamabad", "Karachi", "Lahore", "Quetta", "Peshawar", "Multan", "Gwadar", "Skardu")
PEOPLE = ("Amina", "Bilal", "Chand", "Dara", "Ehsan", "Farah", "Gul", "Hina")
VENDORS = (("Exempla", "Model B", "5.4.0"), ("Sampler", "Card", "1.6.1"), ("Paradigm", "Box", "9.21.0"))
_SCANNED_PLACES = 300
_TAGS = count(1)


@dataclass
class Ground:
    """One private node for all procedures, its pool funded, and its clock."""

    process: BitcoindProcess
    now: datetime

    @property
    def chain(self) -> BitcoindChain:
        """A connection of its own, as after a restart."""
        return BitcoindChain(self.process.rpc, self.process.remember_time)


@contextmanager
def open_ground(program: Path, folder: Path) -> Iterator[Ground]:
    """The node, up until the end of the block."""
    with BitcoindProcess.start(program, folder, START) as process:
        ground = Ground(process, START)
        ground.chain.fund_pools({POOL: POOL_NEEDS_SATS}, START)
        yield ground


def key_of(tag: str, signer: str, number: int) -> RegisteredKey:
    """The key of a signer in the register; person, site and vendor go by its number."""
    vendor, device, firmware = VENDORS[number % len(VENDORS)]
    return RegisteredKey(
        signer, PEOPLE[number], "custodian", SITES[number], vendor, device, firmware, "device and dice",
        signer_xpub(PHRASE, tag, signer),
    )  # fmt: skip


@dataclass
class ReserveDrill(TreasuryDrill):
    """A treasury over PostgreSQL and bitcoind; ``tag`` makes its keys, so that no two reserves of a chain share one."""

    ground: Ground | None = None
    database: str = ""
    tag: str = ""

    def reopen(self) -> None:
        """As after the end of the program: new connections, nothing remembered."""
        assert self.ground is not None, "a reserve stands on a node"
        if isinstance(self.parts.books, PostgresBooks):
            self.parts.books.close()
        books = PostgresBooks(shared_template().server.dsn(self.database))
        rpc = self.ground.process.rpc
        self.chain = self.ground.chain
        self.parts = make_parts(books, PostgresCoins(books), BitcoindFollower(rpc), BitcoindMempool(rpc))

    def names(self, kind: str, number: int) -> tuple[str, ...]:
        """Names of so many signers of a kind: ``cold-1`` and so on."""
        return tuple(f"{kind}-{at}" for at in range(1, number + 1))

    def enrol(self, signers: Sequence[str], first: int = 0, **told: object) -> tuple[RegisteredKey, ...]:
        """Register the keys of these signers; ``told`` overrides what the register says of each."""
        keys = tuple(
            replace(key_of(self.tag, signer, (first + at) % len(SITES)), **told)  # type: ignore[arg-type]  # its fields
            for at, signer in enumerate(signers)
        )
        register_keys(self.parts.books, keys, CHAIN, "dara", self.now)
        return keys

    def seed(self, signer: str) -> bytes:
        """The seed of a signer's device."""
        return signer_seed(PHRASE, self.tag, signer)

    def create(self, request: VaultRequest, succeeds: str = "") -> Vault:
        """A vault of the register, test-signed by every key of every path, and accepted by officers."""
        vault = create_vault(self.treasury, request, "dara").vault
        self.test_sign(vault.id, [key.signer for key in vault.keys])
        if vault.recovery is not None:
            self.test_sign(vault.id, [key.signer for key in vault.recovery.keys], RECOVERY)
        accept_vault(self.parts.books, self.parts.policy, self.now, vault.id, succeeds)
        return vault

    def test_sign(self, name: str, signers: Iterable[str], path: str = MAIN) -> None:
        """These signers sign a fresh challenge."""
        treasury = self.treasury
        challenge, psbt = plan_challenge(treasury, name, path)
        issue_challenge(treasury, challenge, "dara")
        vault = vault_records(treasury.books)[name].vault
        for signer in signers:
            record_test_signing(treasury, name, sign_message(psbt, (vault,), CHAIN, self.seed(signer)), "dara")

    def address(self, vault: str, purpose: str = "royalty", hold_until: date | None = None) -> Reservation:
        """An address of a vault for the pool, of which a payment is expected."""
        self.arrivals += 1
        key = f"arrival {self.arrivals}"
        return reserve_address(self.treasury, vault, POOL, purpose, key=key, by="dara", hold_until=hold_until)

    def pay(self, *paid: tuple[Reservation, int]) -> None:
        """The pool pays these in one transaction, and it is buried deep enough."""
        payments = [Payment(place.address.address, amount_sats) for place, amount_sats in paid]
        self.chain.broadcast(self.chain.sign_pool_payment(POOL, payments, 2))
        self.mine(max(DEPTH.confirmations))

    def hand_to(self, name: str, signers: Iterable[str]) -> TreasurySpend:
        """Hand the newest version out to these signers and take back what they sign."""
        spend, bytes_ = hand_out(self.treasury, name)
        for signer in signers:
            spend = take_signatures(self.treasury, name, self.answer(spend, bytes_.psbt, signer))
        return spend

    def answer(self, spend: TreasurySpend, psbt: str, signer: str) -> bytes:
        """What a signer's device returns."""
        policy = policy_in_force(self.treasury)
        rules = SigningRules(signer, self.seed(signer), CHAIN, policy.vaults, lambda: self.now, policy)
        return base64.b64decode(rules.sign_spend(psbt, spend.instruction, spend.approvals, policy, spend.execution))

    def carry(self, name: str, signers: Iterable[str]) -> TreasurySpend:
        """A proposal approved, built, signed by these and sent."""
        self.approved(name)
        build(self.treasury, name, RATE)
        self.hand_to(name, signers)
        return broadcast(self.treasury, name)

    def settle(self) -> None:
        """Bury what was sent."""
        self.mine(max(DEPTH.confirmations))

    def papers(self, vault: str) -> Mapping[str, tuple[int, CoinPaper]]:
        """The unspent coins of a vault: what each holds, and its paper."""
        coins = {coin.outpoint: coin for coin in self.parts.coins.page(vault, limit=1_000)}
        bodies = self.parts.books.bodies(COIN_PAPER, sorted(coins))
        return {outpoint: (coins[outpoint].amount_sats, paper_of(outpoint, body)) for outpoint, body in bodies.items()}

    def held_sats(self, vault: str) -> int:
        """What the followed chain says that a vault holds."""
        return sum(coin.amount_sats for coin in self.parts.coins.page(vault, limit=1_000))

    def node_sats(self) -> int:
        """What the node's own set of coins holds for the descriptors of all vaults, retired ones too."""
        wanted = [
            {"desc": vault_descriptor(record.vault), "range": _SCANNED_PLACES}
            for record in vault_records(self.parts.books).values()
        ]
        assert self.ground is not None, "a reserve stands on a node"
        total: Decimal = self.ground.process.rpc.call("scantxoutset", ["start", wanted])["total_amount"]
        return to_sats(total)

    def require_tied(self) -> None:
        """The books verify, and ledger, followed chain and node's coin set hold the same."""
        assert self.parts.books.breaks() == ()
        followed = sum(self.held_sats(name) for name in vault_records(self.parts.books))
        assert self.reserve_sats() == followed == self.node_sats()


def rotation(name: str, vault: str, successor: str, step_sats: int = STEP_SATS) -> RotationOrder:
    """A rotation in steps of this size."""
    return RotationOrder(name, vault, successor, CLAUSE, CEILINGS, RATE, step_sats)


def move(name: str, vault: str, to_vault: str, path: str = MAIN, older_than_height: int = 0) -> MoveOrder:
    """A move of all coins of a vault, or of the old ones."""
    said = SpendOrder(name, vault, (), "recovery drill", CLAUSE, CEILINGS, to_vault, path=path)
    return MoveOrder(name, vault, to_vault, 50_000_000_000, said, older_than_height)


@contextmanager
def open_reserve(ground: Ground) -> Iterator[ReserveDrill]:
    """A reserve without vaults in a fresh database; the chain is followed from here on."""
    template = shared_template()
    name = template.fresh_database()
    books = PostgresBooks(template.server.dsn(name))
    rpc = ground.process.rpc
    parts = make_parts(books, PostgresCoins(books), BitcoindFollower(rpc), BitcoindMempool(rpc))
    drill = ReserveDrill(ground.chain, parts, ground.now, ground=ground, database=name, tag=f"reserve-{next(_TAGS)}")
    follow_chain(drill.treasury)
    try:
        yield drill
    finally:
        ground.now = drill.now
        assert isinstance(drill.parts.books, PostgresBooks)
        drill.parts.books.close()
        template.drop(name)
