"""Spends planned as instructions and built as PSBTs of version 0 (BIP-174), inputs and outputs in BIP-69 order."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from embit.script import Witness
from embit.transaction import Transaction

from zakhira.custody.anchor import anchor_script
from zakhira.custody.checks import TX_VERSION, check_against, sequence_and_locktime, vault_named
from zakhira.custody.coin import Address, ChangeOutput, Coin, Instruction, Payment
from zakhira.custody.decoded import INSTRUCTION_KEY
from zakhira.custody.decoders import decode_psbt
from zakhira.custody.descriptor import EMBIT_ERRORS, Place, derive_place, output_script, vault_descriptor
from zakhira.custody.psbt_fields import input_fields, output_fields
from zakhira.custody.psbt_maps import UNSIGNED_TX, PsbtMaps, UnsignedInput, UnsignedTx, write_maps, write_unsigned_tx
from zakhira.custody.refusals import BadFeeRate, FeeAboveLimit, ForeignCoin, NothingToSpend, TooHeavy, TooLittle
from zakhira.custody.signing_refusals import NoPreviousTransaction
from zakhira.custody.standardness import MAX_STANDARD_WEIGHT
from zakhira.custody.weight import SEGWIT_SCALE, VAULT_SCRIPT_BYTES, spend_weight
from zakhira.programme.model import Policy, Vault

DUST_SATS = 330
"""Below this a P2WSH output is not relayed: 3 sat/vB x (43 + 67) vB (Bitcoin Core, policy.cpp, GetDustThreshold)."""


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


def _fee_sats(vault: Vault, inputs: int, output_script_bytes: Sequence[int], policy: Policy) -> int:
    """The policy's fee rate times the transaction's virtual bytes, at most."""
    weight = spend_weight(vault, inputs, output_script_bytes)
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
    payment: Payment,
    fee: tuple[int, int],
    proposal: Proposal,
    policy: Policy,
    chain: str,
) -> Instruction:
    """The instruction for these coins; ``fee`` is its limit in sats and in sats per virtual byte."""
    return Instruction(
        id=proposal.id,
        chain=chain,
        from_vault=vaults[0],
        to_vault=vaults[1],
        payments=(payment,),
        inputs=tuple(sorted((item.coin.outpoint for item in held), key=outpoint_order)),
        fee_limit_sats=fee[0],
        fee_rate_limit_sat_per_vb=fee[1],
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
        weight = spend_weight(vault, len(chosen) + 1, (VAULT_SCRIPT_BYTES,))
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
    fee_sats = _fee_sats(vault, len(held), (VAULT_SCRIPT_BYTES,), policy)
    if total_sats - fee_sats < DUST_SATS:
        raise TooLittle(f"{total_sats} sat less a fee of {fee_sats} sat is dust.", "Wait for more coins.")
    payment = Payment(destination.address, total_sats - fee_sats)
    fee = (fee_sats, policy.fee_rate_sat_per_vb)
    return _instruction(held, (vault.id, destination.vault), payment, fee, proposal, policy, chain)


def plan_payment(
    held: Sequence[HeldCoin],
    payment: Payment,
    change: Address,
    policy: Policy,
    chain: str,
    proposal: Proposal,
) -> tuple[Instruction, tuple[ChangeOutput, ...]]:
    """A payment to an address outside the vaults, with what is left as change at ``change`` (branch 1).

    Change that would be dust goes to the fee: then there is none.

    Raises what :func:`plan_sweep` raises.
    """
    vault = vault_named(policy, held[0].address.vault if held else "")
    total_sats = _require_coins(held, vault)
    sizes = (len(output_script(payment.address, chain)) // 2, VAULT_SCRIPT_BYTES)
    fee_sats = _fee_sats(vault, len(held), sizes, policy)
    rest_sats = total_sats - payment.amount_sats - fee_sats
    if rest_sats < 0 or payment.amount_sats < DUST_SATS:
        raise TooLittle(
            f"{total_sats} sat do not cover {payment.amount_sats} sat and a fee of {fee_sats} sat.", "Add coins."
        )
    vaults, fee = (vault.id, ""), (fee_sats, policy.fee_rate_sat_per_vb)
    if rest_sats >= DUST_SATS:
        returned = ChangeOutput(change, rest_sats)
        return _instruction(held, vaults, payment, fee, proposal, policy, chain), (returned,)
    fee_sats += rest_sats
    vsize = math.ceil(spend_weight(vault, len(held), sizes[:1]) / SEGWIT_SCALE)
    fee = (fee_sats, math.ceil(fee_sats / vsize))
    return _instruction(held, vaults, payment, fee, proposal, policy, chain), ()


def _place_of(address: Address, policy: Policy, chain: str) -> Place:
    descriptor = vault_descriptor(vault_named(policy, address.vault))
    place = derive_place(descriptor, address.branch, address.index, chain)
    if (place.address, place.script_hex) != (address.address, address.script_hex):
        raise ForeignCoin(
            f"{address.address} is not at branch {address.branch}, index {address.index} of {address.vault}.",
            "Derive the address anew.",
        )
    return place


def _unsigned(held: Iterable[HeldCoin], outputs: Iterable[tuple[int, str]], sequence: int, locktime: int) -> UnsignedTx:
    """The unsigned transaction, version 2, in BIP-69 order; ``outputs`` are amounts (sats) and scripts (hex)."""
    inputs = sorted(outpoint_order(item.coin.outpoint) for item in held)
    return UnsignedTx(
        TX_VERSION,
        tuple(UnsignedInput(bytes.fromhex(txid)[::-1], vout, sequence) for txid, vout in inputs),
        tuple((amount_sats, bytes.fromhex(script)) for amount_sats, script in sorted(outputs)),
        locktime,
    )


def _without_witnesses(previous: Mapping[str, str], txids: Iterable[str]) -> dict[str, bytes]:
    """Whole previous transactions as a PSBT carries them: their ids do not cover the witnesses (BIP-144)."""
    bare = {}
    for txid in set(txids):
        if txid not in previous:
            raise NoPreviousTransaction(f"The previous transaction {txid} was not given.", "Ask the node for it.")
        try:
            tx = Transaction.parse(bytes.fromhex(previous[txid]))
        except EMBIT_ERRORS as error:
            raise NoPreviousTransaction(f"{txid} is no transaction: {error!r}.", "Ask the node for it.") from None
        for given in tx.vin:
            given.witness = Witness([])
        bare[txid] = bytes(tx.serialize())
    return bare


def build_psbt(
    instruction: Instruction,
    held: Sequence[HeldCoin],
    policy: Policy,
    places: Iterable[Address] = (),
    change: Sequence[ChangeOutput] = (),
    previous: Mapping[str, str] | None = None,
) -> str:
    """The PSBT (base64) that does what the instruction says, decoded twice and checked before it is returned.

    ``held`` are the coins that it spends: those that the instruction names, or those that coin selection chose where
    it names none. ``places`` are the vaults' addresses among the payments, ``change`` is what comes back. ``previous``
    (transaction id to hex) puts whole previous transactions beside the amounts, so that a signer without a node can
    check them. An anchor that the instruction carries becomes an output of 0 sat.

    In taproot the leaf of the instruction's path alone is shown to signers.

    Raises:
        SigningRefused: the instruction cannot be built as it stands; one subclass for each difference.
        NoPreviousTransaction: ``previous`` is given and lacks one.
    """
    chain, vault = instruction.chain, vault_named(policy, instruction.from_vault)
    named = frozenset(instruction.inputs) or frozenset(item.coin.outpoint for item in held)
    by_outpoint = {item.coin.outpoint: item for item in held if item.coin.outpoint in named}
    own = [_place_of(address, policy, chain) for address in (*places, *(item.address for item in change))]
    outputs = [(payment.amount_sats, output_script(payment.address, chain)) for payment in instruction.payments]
    outputs += [(item.amount_sats, item.address.script_hex) for item in change]
    if instruction.anchor:
        outputs.append((0, anchor_script(instruction.anchor)))
    tx = _unsigned(by_outpoint.values(), outputs, *sequence_and_locktime(vault, instruction.path))
    outpoints = [(given.txid[::-1].hex(), given.vout) for given in tx.inputs]
    whole = {} if previous is None else _without_witnesses(previous, (txid for txid, _ in outpoints))
    inputs = []
    for txid, vout in outpoints:
        item = by_outpoint[f"{txid}:{vout}"]
        inputs.append(
            input_fields(_place_of(item.address, policy, chain), item.coin, instruction.path, whole.get(txid))
        )
    by_script = {place.script_hex: output_fields(place) for place in own}
    global_map = ((UNSIGNED_TX, write_unsigned_tx(tx)), (INSTRUCTION_KEY, bytes.fromhex(instruction.hash)))
    ours = tuple(by_script.get(script.hex(), ()) for _, script in tx.outputs)
    text = base64.b64encode(write_maps(PsbtMaps(0, global_map, tuple(inputs), ours))).decode()
    known = {outpoint: item.coin for outpoint, item in by_outpoint.items()}
    check_against(decode_psbt(text, chain), instruction, known, policy, chain)
    return text
