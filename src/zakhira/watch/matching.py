"""Which approved instruction a transaction carries out, if any; and what is different from the nearest one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from zakhira.custody.checks import check_against
from zakhira.custody.coin import Coin, Instruction
from zakhira.custody.decoded import Decoded
from zakhira.custody.descriptor import output_script
from zakhira.kernel.errors import ZakhiraError
from zakhira.programme.model import Policy
from zakhira.watch.signed import SignedSpend
from zakhira.watch.state import VaultCoin

Paid = Counter[tuple[str, int]]


@dataclass(frozen=True)
class Match:
    """The instruction whose payments the transaction makes, and why it is not it after all."""

    spend: SignedSpend
    difference: ZakhiraError | None = None


def find_match(
    decoded: Decoded,
    coins: Mapping[str, VaultCoin],
    spends: Iterable[SignedSpend],
    policy: Policy,
    chain: str,
    used: frozenset[str],
) -> Match | None:
    """The instruction that the transaction carries out exactly, or the nearest, or None if none pays the same.

    ``used`` names spends that another transaction has carried out already: they are taken last.
    """
    vaults = {coin.vault for coin in coins.values()}
    paid = Counter((output.script_hex, output.amount_sats) for output in decoded.outputs)
    scripts = {output.script_hex for output in decoded.outputs}
    nearest: Match | None = None
    exact: Match | None = None
    for spend in spends:
        instruction = spend.instruction
        if instruction.from_vault not in vaults or not _shares_payee(instruction, scripts, chain):
            continue
        difference = _difference(decoded, coins, instruction, policy, chain)
        if difference is None:
            exact = exact if exact and spend.instruction.id in used else Match(spend)
        elif nearest is None or _pays_all(instruction, paid, chain):
            nearest = Match(spend, difference)
    return exact or nearest


@lru_cache(maxsize=65_536)
def script_of(address: str, chain: str) -> str:
    """The script of an address; empty where it is none of the chain: nothing ever pays that."""
    try:
        return output_script(address, chain)
    except ZakhiraError:
        return ""


def _shares_payee(instruction: Instruction, scripts: set[str], chain: str) -> bool:
    """Whether an output goes to one of its payees: most instructions are left out by the first look."""
    return any(script_of(payment.address, chain) in scripts for payment in instruction.payments)


def _pays_all(instruction: Instruction, paid: Paid, chain: str) -> bool:
    wanted = Counter((script_of(payment.address, chain), payment.amount_sats) for payment in instruction.payments)
    return wanted <= paid


def _difference(
    decoded: Decoded, coins: Mapping[str, VaultCoin], instruction: Instruction, policy: Policy, chain: str
) -> ZakhiraError | None:
    known = {
        coin.outpoint: Coin(coin.outpoint, coin.amount_sats, coin.script_hex, coin.height, coin.block_hash)
        for coin in coins.values()
    }
    told = replace(decoded, instruction_hash=instruction.hash)
    try:
        check_against(told, instruction, known, policy, chain)
    except ZakhiraError as error:
        return error
    return None
