"""A treasury that spends: vaults with judged coins, officers, signers, and a chain that a test drives."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from datetime import datetime

from custody_drill import CHAIN, COLD, INTAKE, PHRASE, make_policy, seed_of
from watch_drill import BLOCK, DEPTH, POOL, START, all_signed, keep_vaults
from zakhira.adapters.drill_keys import officer_key
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.movements import PostgresMovements
from zakhira.custody.coin import Payment
from zakhira.flows.arrival_judging import judge_arrivals
from zakhira.flows.following import follow_chain
from zakhira.flows.policy_authority import PolicyAuthority
from zakhira.flows.ports.books import Books
from zakhira.flows.ports.chain import PrivateChain
from zakhira.flows.ports.chain_pool import pool_address
from zakhira.flows.ports.coin_store import CoinStore
from zakhira.flows.ports.follow import ChainWitness, FollowedNode
from zakhira.flows.ports.mempool import Mempool
from zakhira.flows.reservations import reserve_address
from zakhira.flows.signing_rules import SigningRules
from zakhira.flows.spending.building import build, hand_out
from zakhira.flows.spending.deciding import approve, decide
from zakhira.flows.spending.fees import FeeWish
from zakhira.flows.spending.order import FeeCeilings, PaymentOrder, SpendOrder
from zakhira.flows.spending.proposing import propose
from zakhira.flows.spending.returning import take_signatures
from zakhira.flows.spending.sending import broadcast
from zakhira.flows.spending.spend import TreasurySpend
from zakhira.flows.spending.watching import SpendsFollowed, follow_spends
from zakhira.flows.treasury import Treasury, policy_in_force
from zakhira.kernel.money import sats
from zakhira.programme.model import Vault
from zakhira.simulator.books import SimulatedBooks
from zakhira.simulator.chain import SimulatedChain
from zakhira.simulator.coin_store import SimulatedCoins
from zakhira.simulator.follow import SimulatedFollower
from zakhira.simulator.mempool import SimulatedMempool
from zakhira.simulator.movements import SimulatedMovements
from zakhira.simulator.signer import SimulatedOfficer

POOL_NEEDS_SATS = 100_000_000_000
CLAUSE = "Treasury rules, 4.2"
PAYEE = pool_address("a contractor")
"""Somebody outside the vaults."""
SLOW, FAST, FASTER = (FeeWish(rate_sat_per_kvb=rate) for rate in (2_000, 10_000, 30_000))


def officer(name: str) -> SimulatedOfficer:
    """The officer's key."""
    return SimulatedOfficer(name, officer_key(PHRASE, name).private_bytes_raw())


def order(name: str, *amounts_sats: int, to_vault: str = "", **told: object) -> SpendOrder:
    """An order to pay the contractor from intake."""
    address = "" if to_vault else PAYEE
    return SpendOrder(
        id=name,
        from_vault="intake",
        payments=tuple(PaymentOrder(sats(amount), address) for amount in amounts_sats),
        purpose="works",
        clause=CLAUSE,
        ceilings=FeeCeilings(sats(200_000), 200),
        to_vault=to_vault,
        **told,  # type: ignore[arg-type]  # fields of the order
    )


@dataclass
class TreasuryDrill:
    """A chain with a clock, and a treasury whose coins arrive from the pool."""

    chain: PrivateChain
    parts: Treasury
    now: datetime = START
    arrivals: int = 0
    news: list[SpendsFollowed] = field(default_factory=list)

    @property
    def treasury(self) -> Treasury:
        """The treasury at this moment."""
        return replace(self.parts, now=self.now)

    def begin(self) -> None:
        """Vaults in the books, a funded pool, and the chain followed from here on."""
        keep_vaults(self.parts.books, all_signed(INTAKE), all_signed(COLD))
        self.chain.fund_pools({POOL: POOL_NEEDS_SATS}, self.now)
        follow_chain(self.treasury)

    def mine(self, count: int = 1) -> SpendsFollowed:
        """Mine blocks ten minutes apart and follow them."""
        height, _ = self.chain.tip()
        self.now += count * BLOCK
        self.chain.mine_to(height + count, self.now)
        return self.follow()

    def follow(self) -> SpendsFollowed:
        """Follow the chain, then the spends, then judge what arrived."""
        follow_chain(self.treasury)
        found = follow_spends(self.treasury)
        judge_arrivals(self.treasury)
        self.news.append(found)
        return found

    def receive(self, *amounts_sats: int, vault: str = "intake", purpose: str = "royalty") -> None:
        """Announced coins of these amounts, each at an address of its own, deep enough to spend."""
        payments = []
        for amount in amounts_sats:
            self.arrivals += 1
            made = reserve_address(self.treasury, vault, POOL, purpose, key=f"arrival {self.arrivals}", by="dara")
            payments.append(Payment(made.address.address, amount))
        self.chain.broadcast(self.chain.sign_pool_payment(POOL, payments, 2))
        self.mine(max(DEPTH.confirmations))

    def decided(self, told: SpendOrder) -> TreasurySpend:
        """A proposal of dara's, approved by treasury and audit, and decided."""
        propose(self.treasury, told, officer("dara"))
        return self.approved(told.id)

    def approved(self, name: str) -> TreasurySpend:
        """Both approvals and the decision."""
        approve(self.treasury, name, officer("amina"))
        approve(self.treasury, name, officer("chand"))
        return decide(self.treasury, name)

    def built(self, told: SpendOrder, wish: FeeWish = FAST) -> TreasurySpend:
        """Decided and built."""
        self.decided(told)
        return build(self.treasury, told.id, wish)

    def sign(self, name: str, *numbers: int, vault: Vault = INTAKE) -> TreasurySpend:
        """Hand out the newest version and bring back the signatures of these signers."""
        spend, bytes_ = hand_out(self.treasury, name)
        for number in numbers or range(1, vault.threshold + 1):
            spend = take_signatures(self.treasury, name, self.signed(spend, bytes_.psbt, number, vault))
        return spend

    def signed(self, spend: TreasurySpend, psbt: str, number: int, vault: Vault = INTAKE) -> bytes:
        """What the signer of this number returns."""
        policy = policy_in_force(self.treasury)
        rules = SigningRules(
            f"{vault.id}-{number}", seed_of(vault, number), CHAIN, policy.vaults, lambda: self.now, policy
        )
        return base64.b64decode(rules.sign_spend(psbt, spend.instruction, spend.approvals, policy, spend.execution))

    def sent(self, told: SpendOrder, wish: FeeWish = FAST) -> TreasurySpend:
        """Carried all the way to the mempool."""
        self.built(told, wish)
        self.sign(told.id)
        return broadcast(self.treasury, told.id)

    def reserve_sats(self) -> int:
        """What the ledger says the vaults hold."""
        held = self.parts.books.balances()
        return sum(amount.units for code, amount in held.items() if code.startswith("assets:vault:"))


def make_parts(
    books: Books, coins: CoinStore, node: FollowedNode, mempool: Mempool, second: ChainWitness | None = None
) -> Treasury:
    """The treasury's parts with the quorum of the drill behind the seam."""
    policy = make_policy(fee_limit_sats=500_000)
    movements = PostgresMovements(books) if isinstance(books, PostgresBooks) else SimulatedMovements(books)
    return Treasury(books, coins, node, mempool, second, PolicyAuthority(movements), policy, CHAIN, DEPTH, START, 1)


def twin_treasury() -> TreasuryDrill:
    """A drill of twins alone, begun."""
    books, chain = SimulatedBooks(), SimulatedChain()
    parts = make_parts(books, SimulatedCoins(books), SimulatedFollower(chain), SimulatedMempool(chain))
    drill = TreasuryDrill(chain, parts)
    drill.begin()
    return drill


def twin_chain_of(drill: TreasuryDrill) -> SimulatedChain:
    """The twin behind a drill."""
    assert isinstance(drill.chain, SimulatedChain)
    return drill.chain


def twin_mempool_of(drill: TreasuryDrill) -> SimulatedMempool:
    """The mempool behind a drill."""
    assert isinstance(drill.parts.mempool, SimulatedMempool)
    return drill.parts.mempool
