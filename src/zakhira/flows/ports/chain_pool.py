"""The arithmetic of pools on a private chain: what the node's adapter and its twin must do alike."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from embit.base import EmbitError
from embit.ec import PrivateKey
from embit.networks import NETWORKS
from embit.script import Script, address_to_scriptpubkey, p2wpkh
from embit.transaction import Transaction, TransactionInput, TransactionOutput

from zakhira.custody.coin import Payment
from zakhira.flows.ports.chain_errors import BadPayment, PoolShort, PoolsUnfundable
from zakhira.kernel.money import SATS_PER_BTC

HALVING_BLOCKS = 150
"""Regtest halves its subsidy each 150 blocks (Bitcoin Core, kernel/chainparams.cpp)."""
MATURITY_BLOCKS = 100
"""A coinbase may be spent in the 100th block after its own (consensus/consensus.h)."""
FIRST_SUBSIDY_SATS = 50 * SATS_PER_BTC
FUNDING_LIMIT_HEIGHT = 10 * HALVING_BLOCKS
"""After ten halvings 99.9% of regtest's 15,000 BTC is issued; further blocks would not fund anybody."""
DUST_SATS = 546
"""Below this some kind of output is dust at the default relay fee (Bitcoin Core, policy/policy.cpp)."""
FUNDING_BLOCK_SECONDS = 60
"""Time between the blocks that fund the pools, before programme time starts [E]."""

_REGTEST = NETWORKS["regtest"]
_SEQUENCE_RBF = 0xFFFFFFFD
_INPUT_BASE_BYTES = 41
_INPUT_WITNESS_BYTES = 107
"""Count, signature of 71 bytes (low R, with its sighash byte), key of 33, each with its length (BIP-141, BIP-143)."""
_ONE_BYTE_COUNTS = 0xFD
"""Counts below this take one byte, larger ones three (compact size)."""


@dataclass(frozen=True)
class PoolCoin:
    """An output that a pool may spend now: mature, or unconfirmed change of its own."""

    outpoint: str
    amount_sats: int
    confirmed: bool


def subsidy_sats(height: int) -> int:
    """The subsidy of regtest's block at ``height`` in satoshi."""
    return FIRST_SUBSIDY_SATS >> (height // HALVING_BLOCKS)


def funding_plan(needs_sats: Mapping[str, int]) -> tuple[str, ...]:
    """Which pool each block from height 1 is mined to; the blocks that let the last one mature go to nobody ("").

    The same needs give the same plan, whatever their order. Pools that need nothing get nothing; if no pool needs
    anything there is no plan.

    Raises:
        PoolsUnfundable: more is needed than the chain issues up to ``FUNDING_LIMIT_HEIGHT``.
    """
    plan: list[str] = []
    for pool in sorted(needs_sats):
        held = 0
        while held < needs_sats[pool]:
            if len(plan) == FUNDING_LIMIT_HEIGHT:
                raise PoolsUnfundable(
                    f"The pools need {sum(needs_sats.values())} sat; the private chain issues less than "
                    f"{2 * HALVING_BLOCKS * FIRST_SUBSIDY_SATS} sat in all.",
                    "Run fewer days, or a smaller programme.",
                )
            plan.append(pool)
            held += subsidy_sats(len(plan))
    return (*plan, *([""] * MATURITY_BLOCKS if plan else []))


def pool_key(pool: str) -> PrivateKey:
    """The one key of a pool on the private chain. Anybody can compute it: these coins are worth nothing."""
    return PrivateKey(hashlib.sha256(f"zakhira private chain\x1fpool\x1f{pool}".encode()).digest(), network=_REGTEST)


def pool_address(pool: str) -> str:
    """Where a pool's coinbases and its change go."""
    return cast("str", p2wpkh(pool_key(pool).get_public_key()).address(_REGTEST))


def nobody_address() -> str:
    """Where ordinary blocks pay: a key hash that no key is known for."""
    program = hashlib.sha256(b"zakhira private chain\x1fnobody").digest()[:20]
    return cast("str", Script(b"\x00\x14" + program).address(_REGTEST))


def _size_vb(input_count: int, output_scripts: Sequence[bytes]) -> int:
    outputs = sum(8 + 1 + len(script) for script in output_scripts)
    counts = sum(1 if count < _ONE_BYTE_COUNTS else 3 for count in (input_count, len(output_scripts)))
    stripped = 4 + counts + input_count * _INPUT_BASE_BYTES + outputs + 4
    weight = 4 * stripped + 2 + input_count * _INPUT_WITNESS_BYTES
    return -(-weight // 4)


def _outputs(payments: Sequence[Payment]) -> list[TransactionOutput]:
    outputs = []
    for payment in payments:
        if payment.amount_sats < DUST_SATS:
            raise BadPayment(
                f"{payment.amount_sats} sat to {payment.address} is below {DUST_SATS} sat, which nodes call dust.",
                "Pay more, or later.",
            )
        try:
            script = address_to_scriptpubkey(payment.address)
        except (EmbitError, ValueError, KeyError) as error:
            raise BadPayment(f"{payment.address!r} is no address: {error}.", "Check the payout address.") from None
        outputs.append(TransactionOutput(payment.amount_sats, script))
    if not outputs:
        raise BadPayment("A pool payment without outputs.", "Give at least one payment.")
    return outputs


def build_pool_payment(
    pool: str, payments: Sequence[Payment], coins: Sequence[PoolCoin], fee_rate_sat_per_vb: int
) -> Transaction:
    """An unsigned transaction with exactly these outputs and, last, the change to the pool's own address.

    Confirmed coins come before unconfirmed ones, larger before smaller, then by outpoint, so that the same wallet gives
    the same transaction. The fee is ``fee_rate_sat_per_vb`` for each virtual byte of the signed transaction; change
    below dust goes to the fee.

    Raises:
        BadPayment: an output is none.
        PoolShort: the coins do not suffice.
    """
    outputs = _outputs(payments)
    scripts = [bytes(output.script_pubkey.data) for output in outputs]
    change_script = p2wpkh(pool_key(pool).get_public_key())
    owed, held = sum(output.value for output in outputs), 0
    chosen: list[PoolCoin] = []
    for coin in sorted(coins, key=lambda c: (not c.confirmed, -c.amount_sats, c.outpoint)):
        chosen.append(coin)
        held += coin.amount_sats
        fee = fee_rate_sat_per_vb * _size_vb(len(chosen), scripts)
        if held >= owed + fee:
            break
    else:
        raise PoolShort(
            f"Pool {pool} holds {held} sat and is to pay {owed} sat and a fee.", "Fund the pools with more."
        )
    change = held - owed - fee_rate_sat_per_vb * _size_vb(len(chosen), [*scripts, bytes(change_script.data)])
    if change >= DUST_SATS:
        outputs.append(TransactionOutput(change, change_script))
    inputs = [
        TransactionInput(bytes.fromhex(txid), int(vout), sequence=_SEQUENCE_RBF)
        for txid, vout in (coin.outpoint.split(":") for coin in chosen)
    ]
    return Transaction(version=2, vin=inputs, vout=outputs, locktime=0)
