"""A drill on a real node: pools pay intake, intake is swept to cold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from custody_drill import CHAIN, COLD, INTAKE, POLICY, approve, proposal, seed_of
from zakhira.custody.coin import Address, Coin, Instruction, Payment
from zakhira.custody.descriptor import derive_address, vault_descriptor
from zakhira.custody.signing import check_and_sign, combine_signatures, finalise
from zakhira.custody.spend import HeldCoin, build_psbt, locate_coins, plan_sweep
from zakhira.flows.ports.chain import PrivateChain
from zakhira.flows.signing_rules import SigningRules
from zakhira.programme.model import Vault

POOL = "pool-1"
BLOCK = timedelta(minutes=10)


@dataclass
class Drill:
    """A chain with watched vaults and a clock that moves with its blocks."""

    chain: PrivateChain
    now: datetime

    def mine(self, count: int = 1) -> tuple[int, str]:
        """Mine blocks ten minutes apart; the new tip."""
        height, _ = self.chain.tip()
        self.now += count * BLOCK
        self.chain.mine_to(height + count, self.now)
        return self.chain.tip()

    def begin(self, needs_sats: int) -> None:
        """Fund the pool and watch both vaults."""
        self.chain.fund_pools({POOL: needs_sats}, self.now)
        for vault in (INTAKE, COLD):
            self.chain.watch_vault(vault.id, vault_descriptor(vault), self.now - timedelta(days=30))

    def receive(self, amounts_sats: tuple[int, ...]) -> tuple[HeldCoin, ...]:
        """The pool pays these amounts to the first addresses of intake; the confirmed coins."""
        addresses = [derive_address(INTAKE, 0, number, CHAIN) for number in range(len(amounts_sats))]
        payments = [Payment(a.address, sats) for a, sats in zip(addresses, amounts_sats, strict=True)]
        self.chain.broadcast(self.chain.sign_pool_payment(POOL, payments, 2))
        self.mine()
        return self.held(INTAKE, addresses)

    def held(self, vault: Vault, addresses: list[Address]) -> tuple[HeldCoin, ...]:
        """The vault's coins as the node tells them."""
        return locate_coins(self.chain.coins(vault.id), addresses)

    def confirmed(self, raw_hex: str) -> str:
        """Send the transaction and bury it by one block; its id."""
        txid = self.chain.broadcast(raw_hex)
        self.mine()
        assert self.chain.confirmations(txid) == 1
        return txid

    def sweep(self, held: tuple[HeldCoin, ...], index: int) -> tuple[Instruction, str, Coin]:
        """Sweep coins to a cold address with approvals and two signers; instruction, raw transaction and new coin."""
        destination = derive_address(COLD, 0, index, CHAIN)
        instruction = plan_sweep(held, destination, POLICY, CHAIN, proposal(f"sweep-{index}"))
        psbt = build_psbt(instruction, held, POLICY, (destination,))
        approvals = (approve("amina", instruction), approve("chand", instruction))
        moment = approvals[0].at
        signed = [
            SigningRules(f"intake-{n}", seed_of(INTAKE, n), CHAIN, (INTAKE, COLD), lambda: moment, POLICY).sign_spend(
                psbt, instruction, approvals, POLICY
            )
            for n in (3, 1, 2)
        ]
        raw_hex = finalise(combine_signatures(psbt, signed, CHAIN), CHAIN)
        self.confirmed(raw_hex)
        found = self.held(COLD, [derive_address(COLD, 0, number, CHAIN) for number in range(index + 1)])
        return instruction, raw_hex, next(i.coin for i in found if i.address == destination)


def spend_cold(instruction: Instruction, psbt: str) -> str:
    """Three of five cold signers sign a payment; the raw transaction."""
    signed = [check_and_sign(psbt, instruction, POLICY, CHAIN, seed_of(COLD, n)) for n in (2, 4, 5)]
    return finalise(combine_signatures(psbt, signed, CHAIN), CHAIN)
