"""Spends planned as instructions and built as PSBTs of version 0 (BIP-174), inputs and outputs in BIP-69 order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from embit import compact, ec
from embit.psbt import DerivationPath
from embit.script import Script
from embit.transaction import Transaction, TransactionInput, TransactionOutput

from zakhira.custody.checks import SEQUENCE, SIGHASH_ALL, TX_VERSION, check_against, vault_named
from zakhira.custody.coin import Address, Coin, Instruction, Payment
from zakhira.custody.decoded import INSTRUCTION_KEY
from zakhira.custody.decoders import decode_psbt
from zakhira.custody.descriptor import Place, derive_place, vault_descriptor
from zakhira.custody.exact_psbt import ExactPsbt
from zakhira.custody.refusals import BadFeeRate, FeeAboveLimit, ForeignCoin, NothingToSpend, TooHeavy, TooLittle
from zakhira.programme.model import Policy, Vault

DUST_SATS = 330
"""Below this a P2WSH output is not relayed: 3 sat/vB x (43 + 67) vB (Bitcoin Core, policy.cpp, GetDustThreshold)."""
MAX_STANDARD_WEIGHT = 400_000
"""Heavier transactions are not relayed (Bitcoin Core, policy.h, MAX_STANDARD_TX_WEIGHT)."""
SIGNATURE_BYTES = 72
"""The longest low-S DER signature (71) and its sighash byte."""
P2WSH_SCRIPT_BYTES = 34
SEGWIT_SCALE = 4
"""Weight of a byte outside the witness (BIP-141)."""


@dataclass(frozen=True)
class HeldCoin:
    """A coin with the address of the vault that holds it."""

    coin: Coin
    address: Address


@dataclass(frozen=True)
class Proposal:
    """Who proposes a spend, when and what for."""

    id: str
    purpose: str
    proposed_by: str
    proposed_at: datetime


def locate_coins(coins: Iterable[Coin], addresses: Iterable[Address]) -> tuple[HeldCoin, ...]:
    """Each coin with its address, found by script; raises ForeignCoin if an address is not among those given."""
    by_script = {address.script_hex: address for address in addresses}
    held = []
    for coin in coins:
        if coin.script_hex not in by_script:
            raise ForeignCoin(f"Coin {coin.outpoint} is at no address that was handed out.", "Find where it came from.")
        held.append(HeldCoin(coin, by_script[coin.script_hex]))
    return tuple(held)


def outpoint_order(outpoint: str) -> tuple[str, int]:
    """The order of inputs by BIP-69: transaction id as written, then output number."""
    txid, _, vout = outpoint.partition(":")
    return txid, int(vout)


def _compact_size(count: int) -> int:
    return len(compact.to_bytes(count))


def input_weight(threshold: int, keys: int) -> int:
    """Weight of one P2WSH multisig input with signatures of full length (BIP-141).

    4 x (36 outpoint + 1 empty script + 4 sequence) + 1 stack count + 1 empty item + threshold x (1 + 72)
    + length and body of the script ``m <33-byte keys> n CHECKMULTISIG`` (3 + 34 x keys).
    """
    script = 3 + 34 * keys
    return SEGWIT_SCALE * 41 + 1 + 1 + threshold * (1 + SIGNATURE_BYTES) + _compact_size(script) + script


def spend_weight(threshold: int, keys: int, inputs: int, output_script_bytes: Sequence[int]) -> int:
    """Weight of the finalised transaction, at most (see :func:`input_weight`)."""
    outputs = sum(8 + _compact_size(size) + size for size in output_script_bytes)
    frame = 4 + _compact_size(inputs) + _compact_size(len(output_script_bytes)) + outputs + 4
    return SEGWIT_SCALE * frame + 2 + inputs * input_weight(threshold, keys)


def _fee_sats(vault: Vault, inputs: int, output_script_bytes: Sequence[int], policy: Policy) -> int:
    """The policy's fee rate times the transaction's virtual bytes, at most."""
    weight = spend_weight(vault.threshold, len(vault.keys), inputs, output_script_bytes)
    if weight > MAX_STANDARD_WEIGHT:
        raise TooHeavy(f"A spend of {inputs} coins weighs {weight}, above {MAX_STANDARD_WEIGHT}.", "Spend fewer coins.")
    if policy.fee_rate_sat_per_vb < 1:
        raise BadFeeRate(f"A fee rate of {policy.fee_rate_sat_per_vb} sat/vB is not relayed.", "Use at least 1.")
    fee_sats = policy.fee_rate_sat_per_vb * math.ceil(weight / SEGWIT_SCALE)
    if fee_sats > policy.fee_limit_sats:
        raise FeeAboveLimit(
            f"The fee of {fee_sats} sat is above the limit of {policy.fee_limit_sats} sat.", "Spend fewer coins."
        )
    return fee_sats


def _instruction(
    held: Sequence[HeldCoin],
    vaults: tuple[str, str],
    payments: Sequence[Payment],
    fee_sats: int,
    proposal: Proposal,
    policy: Policy,
    chain: str,
) -> Instruction:
    return Instruction(
        id=proposal.id,
        chain=chain,
        from_vault=vaults[0],
        to_vault=vaults[1],
        inputs=tuple(sorted((item.coin.outpoint for item in held), key=outpoint_order)),
        payments=tuple(payments),
        fee_sats=fee_sats,
        purpose=proposal.purpose,
        clause=policy.clause,
        proposed_by=proposal.proposed_by,
        proposed_at=proposal.proposed_at,
        expires_at=proposal.proposed_at + timedelta(hours=policy.approval_hours),
    )


def _require_coins(held: Sequence[HeldCoin], vault: Vault) -> int:
    outpoints = {item.coin.outpoint for item in held}
    if not held or len(outpoints) < len(held):
        raise NothingToSpend("The spend has no coins, or one of them twice.", "Choose each coin once.")
    if any(item.address.vault != vault.id for item in held):
        raise ForeignCoin(f"A coin of another vault than {vault.id} was chosen.", "Choose coins of one vault.")
    return sum(item.coin.amount_sats for item in held)


def choose_coins(held: Iterable[HeldCoin], vault: Vault, policy: Policy) -> tuple[HeldCoin, ...]:
    """The oldest coins that one sweep may move: their sum within ``sweep_limit_sats``, weight and fee within bounds."""
    chosen: list[HeldCoin] = []
    total_sats = 0
    for item in sorted(held, key=lambda item: (item.coin.height, *outpoint_order(item.coin.outpoint))):
        weight = spend_weight(vault.threshold, len(vault.keys), len(chosen) + 1, (P2WSH_SCRIPT_BYTES,))
        fee_sats = policy.fee_rate_sat_per_vb * math.ceil(weight / SEGWIT_SCALE)
        if weight > MAX_STANDARD_WEIGHT or fee_sats > policy.fee_limit_sats:
            break
        if total_sats + item.coin.amount_sats <= policy.sweep_limit_sats:
            chosen.append(item)
            total_sats += item.coin.amount_sats
    return tuple(chosen)


def plan_sweep(
    held: Sequence[HeldCoin], destination: Address, policy: Policy, chain: str, proposal: Proposal
) -> Instruction:
    """All of these coins, less the fee, to one address of a vault: one output and no change.

    The fee is ``fee_rate_sat_per_vb`` times the virtual bytes of :func:`spend_weight`.

    Raises:
        NothingToSpend, ForeignCoin, TooHeavy, FeeAboveLimit, BadFeeRate, TooLittle: as their names say.
    """
    vault = vault_named(policy, held[0].address.vault if held else "")
    total_sats = _require_coins(held, vault)
    fee_sats = _fee_sats(vault, len(held), (P2WSH_SCRIPT_BYTES,), policy)
    if total_sats - fee_sats < DUST_SATS:
        raise TooLittle(f"{total_sats} sat less a fee of {fee_sats} sat is dust.", "Wait for more coins.")
    payment = Payment(destination.address, total_sats - fee_sats)
    return _instruction(held, (vault.id, destination.vault), (payment,), fee_sats, proposal, policy, chain)


def plan_payment(
    held: Sequence[HeldCoin],
    payment: Payment,
    change: Address,
    policy: Policy,
    chain: str,
    proposal: Proposal,
    payment_script_bytes: int = P2WSH_SCRIPT_BYTES,
) -> Instruction:
    """A payment to an address outside the vaults; what is left goes to ``change`` (branch 1), or to the fee if dust.

    Raises what :func:`plan_sweep` raises.
    """
    vault = vault_named(policy, held[0].address.vault if held else "")
    total_sats = _require_coins(held, vault)
    fee_sats = _fee_sats(vault, len(held), (payment_script_bytes, P2WSH_SCRIPT_BYTES), policy)
    rest_sats = total_sats - payment.amount_sats - fee_sats
    if rest_sats < 0 or payment.amount_sats < DUST_SATS:
        raise TooLittle(
            f"{total_sats} sat do not cover {payment.amount_sats} sat and a fee of {fee_sats} sat.", "Add coins."
        )
    if rest_sats < DUST_SATS:
        return _instruction(held, (vault.id, ""), (payment,), fee_sats + rest_sats, proposal, policy, chain)
    payments = (payment, Payment(change.address, rest_sats))
    return _instruction(held, (vault.id, ""), payments, fee_sats, proposal, policy, chain)


def _place_of(address: Address, policy: Policy, chain: str) -> Place:
    descriptor = vault_descriptor(vault_named(policy, address.vault))
    place = derive_place(descriptor, address.branch, address.index, chain)
    if (place.address, place.script_hex) != (address.address, address.script_hex):
        raise ForeignCoin(
            f"{address.address} is not at branch {address.branch}, index {address.index} of {address.vault}.",
            "Derive the address anew.",
        )
    return place


def _derivations(place: Place) -> dict[ec.PublicKey, DerivationPath]:
    return {
        ec.PublicKey.parse(bytes.fromhex(key)): DerivationPath(bytes.fromhex(fingerprint), list(path))
        for key, fingerprint, path in place.origins
    }


def _unsigned(instruction: Instruction, scripts: Mapping[str, str]) -> Transaction:
    """The unsigned transaction: BIP-69 order, version 2, no lock time, replaceable."""
    inputs = sorted(instruction.inputs, key=outpoint_order)
    outputs = sorted((payment.amount_sats, scripts[payment.address]) for payment in instruction.payments)
    return Transaction(
        version=TX_VERSION,
        vin=[
            TransactionInput(bytes.fromhex(txid), vout, sequence=SEQUENCE) for txid, vout in map(outpoint_order, inputs)
        ],
        vout=[TransactionOutput(amount, Script(bytes.fromhex(script))) for amount, script in outputs],
        locktime=0,
    )


def build_psbt(
    instruction: Instruction,
    held: Sequence[HeldCoin],
    policy: Policy,
    places: Iterable[Address] = (),
    outside_scripts: Mapping[str, str] | None = None,
    previous: Mapping[str, str] | None = None,
) -> str:
    """The PSBT (base64) that does what the instruction says, decoded twice and checked before it is returned.

    ``places`` are the vaults' addresses among the outputs (destination and change); ``outside_scripts`` gives the
    script in hex of an address outside the vaults. ``previous`` (transaction id to hex) puts whole previous
    transactions beside the amounts, so that a signer without a node can check them.

    Raises:
        SigningRefused: the instruction cannot be built as it stands; one subclass for each difference.
    """
    chain = instruction.chain
    own = {address.address: _place_of(address, policy, chain) for address in places}
    scripts = {**(outside_scripts or {}), **{name: place.script_hex for name, place in own.items()}}
    by_outpoint = {item.coin.outpoint: item for item in held}
    psbt = ExactPsbt(_unsigned(instruction, scripts))
    psbt.unknown[INSTRUCTION_KEY] = bytes.fromhex(instruction.hash)
    for scope in psbt.inputs:
        item = by_outpoint[f"{scope.txid.hex()}:{scope.vout}"]
        place = _place_of(item.address, policy, chain)
        scope.witness_utxo = TransactionOutput(item.coin.amount_sats, Script(bytes.fromhex(item.coin.script_hex)))
        scope.witness_script = Script(bytes.fromhex(place.witness_script_hex))
        scope.sighash_type = SIGHASH_ALL
        scope.bip32_derivations.update(_derivations(place))
        if previous is not None:
            scope.non_witness_utxo = Transaction.parse(bytes.fromhex(previous[scope.txid.hex()]))
    by_script = {place.script_hex: place for place in own.values()}
    for scope in psbt.outputs:
        place_out = by_script.get(scope.script_pubkey.data.hex())
        if place_out is not None:
            scope.bip32_derivations.update(_derivations(place_out))
    text: str = psbt.to_base64()
    known = {outpoint: item.coin for outpoint, item in by_outpoint.items()}
    check_against(decode_psbt(text, chain), instruction, known, policy, chain)
    return text
