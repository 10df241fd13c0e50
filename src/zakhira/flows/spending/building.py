"""A decided spend becomes a transaction that two decoders read alike, and goes into other hands only when recorded."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace

from zakhira.controls.spend_state import SpendEvent, SpendState, advance
from zakhira.custody.anchor import data_script_bytes
from zakhira.custody.checks import check_against, vault_named
from zakhira.custody.coin import ChangeOutput, Coin
from zakhira.custody.decoded import Decoded
from zakhira.custody.decoders import decode_psbt, decode_transaction
from zakhira.custody.descriptor import output_script
from zakhira.custody.fee import require_fee
from zakhira.custody.least_waste import latest_hold
from zakhira.custody.psbt_maps import UNSIGNED_TX, read_maps
from zakhira.custody.refusals import TooLittle
from zakhira.custody.spend import build_psbt
from zakhira.custody.spend_plan import Funding, PlannedOutput, SpendPlan, plan_spend
from zakhira.custody.spend_refusals import MixedPurposes, UnusableInput
from zakhira.custody.standardness import transaction_weight
from zakhira.flows.agreement import require_agreement
from zakhira.flows.coin_papers import OwnTransaction
from zakhira.flows.ports.books import Record
from zakhira.flows.ports.mempool import DATA_REFUSALS
from zakhira.flows.reservations import reserve_change
from zakhira.flows.spending.asking import counted
from zakhira.flows.spending.deciding import require_allowed, require_approved
from zakhira.flows.spending.fees import FeeWish, fee_terms, limits_of
from zakhira.flows.spending.maturity import require_open
from zakhira.flows.spending.proposing import change_cost_place
from zakhira.flows.spending.purse import Purse, open_purse, own_ids
from zakhira.flows.spending.refusals import CoinDiffers, NotAccepted
from zakhira.flows.spending.spend import (
    CHILD,
    PAYMENT,
    BuiltVersion,
    SpentCoin,
    TreasurySpend,
    VersionBytes,
    version_bytes,
)
from zakhira.flows.spending.step import begin_step, commit_step, load_spend
from zakhira.flows.spending.unconfirmed import child_coin, parent_raw
from zakhira.flows.treasury import Treasury, policy_in_force
from zakhira.kernel.ids import seeded_rng


def build(treasury: Treasury, spend_id: str, wish: FeeWish = FeeWish()) -> TreasurySpend:  # noqa: B008  # it is frozen
    """Choose coins, build the transaction, have it decoded twice and held against the instruction, and record it.

    A spend that is built and not handed out is built anew. The coins are the spend's own from here on. The policy is
    asked before and after they are chosen: a delay may still run, and the second person may still be missing.

    Raises:
        SpendNotAllowed, SpendExpired: the policy does not allow it, or a statute holds the coins.
        NotFollowed, NodesDiffer, CoinsDiffer and others: the nodes and the books do not agree.
        NotEnoughCoins, CoinsTaken, FeeAboveCeiling and others: coins and fees.
        NotMature: it spends by the recovery path, which is not open for all of its coins.
        SigningRefused: the bytes do something else than the instruction says.
    """
    step = begin_step(treasury)
    spend = load_spend(treasury, spend_id)
    state = advance(spend.state, SpendEvent.TRANSACTION_BUILT)
    require_approved(treasury, spend, step)
    if spend.kind == CHILD:
        coins: tuple[SpentCoin, ...] = (child_coin(treasury, spend.instruction.inputs[0]),)
        plan = exact_plan(treasury, spend, coins)
    elif spend.kind == PAYMENT:
        purse = _purse(treasury, spend)
        plan = _payment_plan(treasury, spend, purse, wish)
        coins = purse.spent(plan.inputs)
    else:
        coins = _purse(treasury, spend).spent(spend.instruction.inputs)
        plan = exact_plan(treasury, spend, coins)
    version, bytes_ = make_version(treasury, spend, plan, coins, number=0)
    built = replace(spend, state=state, versions=(version,))
    asked = require_approved(treasury, built, step)  # now that its lots are known
    built = replace(built, decision=asked.decision)
    records = (*version_records(built, version, bytes_), *counted(treasury, built, asked, step))
    return commit_step(treasury, step, "coordinator", "spend built", (built,), records)[0]


def version_records(spend: TreasurySpend, version: BuiltVersion, bytes_: VersionBytes) -> tuple[Record, ...]:
    """What is recorded with a version: its bytes, and what its outputs will inherit."""
    own = OwnTransaction(version.txid, spend.id, version.purpose, version.lots, version.hold_until)
    return bytes_.record, own.record


def _purse(treasury: Treasury, spend: TreasurySpend) -> Purse:
    instruction = spend.instruction
    purse = open_purse(
        treasury,
        instruction.from_vault,
        instruction.path,
        named=instruction.inputs,
        own=own_ids(spend),
        lots=spend.lots,
    )
    missing = sorted(set(instruction.inputs) - {coin.outpoint for coin in purse.coins})
    if missing:
        raise UnusableInput(
            f"The coin {missing[0]} is not among the usable coins of vault {instruction.from_vault}.",
            "It was spent, is in suspense, or is not judged yet: propose the spend anew.",
        )
    return purse


def payment_outputs(spend: TreasurySpend) -> tuple[PlannedOutput, ...]:
    """The payments of the instruction as planning wants them."""
    return tuple(
        PlannedOutput(f"{spend.id}/{number}", payment, output_script(payment.address, spend.instruction.chain))
        for number, payment in enumerate(spend.instruction.payments)
    )


def funding_for(treasury: Treasury, spend: TreasurySpend, wish: FeeWish) -> Funding:
    """Vault, fee terms and what may be taken, for this spend now."""
    instruction = spend.instruction
    vault = vault_named(policy_in_force(treasury), instruction.from_vault)
    return Funding(
        vault=vault.id,
        purpose=spend.coins_for,
        change=change_cost_place(vault, instruction.path, treasury.chain),
        terms=fee_terms(treasury, limits_of(treasury, instruction), wish),
        on=treasury.now.date(),
        lots=frozenset(spend.lots),
        may_move_held=instruction.to_vault != "",
        data_script_bytes=data_script_bytes(instruction.anchor),
    )


def _payment_plan(treasury: Treasury, spend: TreasurySpend, purse: Purse, wish: FeeWish) -> SpendPlan:
    rng = seeded_rng(treasury.seed, "build", spend.id)
    funding = funding_for(treasury, spend, wish)
    return plan_spend(payment_outputs(spend), purse.coins, funding, rng, spend.instruction.inputs)


def exact_plan(treasury: Treasury, spend: TreasurySpend, coins: Sequence[SpentCoin]) -> SpendPlan:
    """All of the named coins; what the payments leave is the fee, within both ceilings.

    Raises:
        TooLittle: the payments are more than the coins.
        FeeAboveCeiling, MixedPurposes: as their names say.
    """
    outputs = payment_outputs(spend)
    fee_sats = sum(item.coin.amount_sats for item in coins) - spend.paid_sats
    if fee_sats <= 0:
        raise TooLittle(f"The coins hold {-fee_sats} sat less than the payments.", "Propose it anew.")
    sizes = (*(output.script_bytes for output in outputs), *data_script_bytes(spend.instruction.anchor))
    weight = transaction_weight((item.input_weight for item in coins), sizes)
    require_fee(fee_sats, weight, limits_of(treasury, spend.instruction))
    sums: dict[str, int] = {}
    for item in coins:
        sums[item.purpose] = sums.get(item.purpose, 0) + item.coin.amount_sats
    if len(sums) > 1:
        listed = ", ".join(f"{held} sat for {purpose}" for purpose, held in sorted(sums.items()))
        raise MixedPurposes(f"Coins of several purposes: {listed}.", "Move them apart.", sorted(sums.items()))
    chosen = tuple(item.spendable for item in coins)
    return SpendPlan(chosen, outputs, 0, fee_sats, weight, coins[0].purpose, latest_hold(chosen), "named")


def make_version(
    treasury: Treasury, spend: TreasurySpend, plan: SpendPlan, coins: tuple[SpentCoin, ...], number: int
) -> tuple[BuiltVersion, VersionBytes]:
    """A plan as a PSBT that two decoders read alike and that does what the instruction says by the node's own coins."""
    instruction, policy = spend.instruction, policy_in_force(treasury)
    known = node_coins(treasury, coins)
    require_open(treasury.coins, vault_named(policy, instruction.from_vault), instruction, coins)
    change: tuple[ChangeOutput, ...] = ()
    if plan.change_sats:
        place = reserve_change(treasury, instruction.from_vault, spend.id, number)
        change = (ChangeOutput(place, plan.change_sats),)
    held = [replace(item.held, coin=known[item.coin.outpoint]) for item in coins]
    psbt = build_psbt(instruction, held, policy, spend.places, change, previous_transactions(treasury, coins))
    if instruction.anchor:
        _require_data_relayed(treasury, psbt)
    decoded = decode_psbt(psbt, treasury.chain)
    check_against(decoded, instruction, known, policy, treasury.chain)
    version = BuiltVersion(
        txid=decoded.txid,
        coins=coins,
        change=change[0] if change else None,
        fee_sats=plan.fee_sats,
        weight=plan.weight,
        purpose=plan.purpose,
        hold_until=plan.hold_until,
    )
    return version, VersionBytes(decoded.txid, psbt)


def _require_data_relayed(treasury: Treasury, psbt: str) -> None:
    """Refuse an anchor that the node would not relay, before anybody has signed it.

    Nodes look at output scripts before they look at coins and signatures, so the unsigned transaction tells.

    Raises:
        NotAccepted: the node relays no such data (``-datacarrier``, ``-datacarriersize``).
    """
    reason = treasury.mempool.refusal(dict(read_maps(base64.b64decode(psbt)).global_map)[UNSIGNED_TX].hex())
    if reason.startswith(DATA_REFUSALS):
        raise NotAccepted(
            f"The node relays no output with the data of an anchor: {reason}.",
            "Set -datacarriersize=83 on the node, or propose the spend without an anchor.",
        )


def node_coins(treasury: Treasury, coins: Sequence[SpentCoin]) -> Mapping[str, Coin]:
    """The coins as the node's own set of unspent coins has them, once nodes and books agree on tip and coins.

    What an unconfirmed coin of ours holds is read from the transaction that we built and that was signed.

    Raises:
        CoinDiffers: the node has a coin otherwise than the version that was built, or not at all.
        what ``require_agreement`` raises.
    """
    require_agreement(treasury, [item.coin.outpoint for item in coins if not item.is_unconfirmed])
    return {item.coin.outpoint: _node_coin(treasury, item) for item in coins}


def _node_coin(treasury: Treasury, item: SpentCoin) -> Coin:
    outpoint = item.coin.outpoint
    if item.is_unconfirmed:
        txid, _, index = outpoint.partition(":")
        script_hex, amount_sats = decode_transaction(parent_raw(treasury, txid)).outputs[int(index)]
    else:
        found = treasury.node.node_coin(outpoint)
        if found is None:
            raise CoinDiffers(f"The node has no coin {outpoint}.", "It was spent: look what spent it.")
        script_hex, amount_sats = found.script_hex, found.amount_sats
    if (script_hex, amount_sats) != (item.coin.script_hex, item.coin.amount_sats):
        raise CoinDiffers(
            f"The node has {amount_sats} sat at {outpoint}, the books {item.coin.amount_sats} sat.",
            "Sign nothing; one of the two is lying.",
        )
    return item.coin


def previous_transactions(treasury: Treasury, coins: Sequence[SpentCoin]) -> Mapping[str, str]:
    """The whole transactions that made these coins."""
    blocks: dict[str, str] = {}
    found: dict[str, str] = {}
    for item in coins:
        txid = item.coin.outpoint.partition(":")[0]
        if item.is_unconfirmed:
            found[txid] = parent_raw(treasury, txid)
        else:
            blocks[txid] = item.coin.block_hash
    return {**treasury.mempool.raw_transactions(list(blocks), blocks), **found}


def hand_out(treasury: Treasury, spend_id: str) -> tuple[TreasurySpend, VersionBytes]:
    """Record that the newest version goes into other hands, then give its bytes: from then on no word takes it back.

    Raises:
        SpendNotAllowed, SpendExpired: the policy does not allow it now.
        SpendMustWait, ExecutionMissing: its time has not come, or the second person is missing.
        CoinsDiffer, SigningRefused and others: the bytes do not do what the instruction says, by the nodes as of now.
    """
    step = begin_step(treasury)
    spend = load_spend(treasury, spend_id)
    state = advance(spend.state, SpendEvent.HANDED_TO_SIGNERS)
    asked = require_allowed(treasury, spend, step)
    bytes_ = version_bytes(treasury.books, spend.last.txid)
    check_version(treasury, spend, spend.last, bytes_.psbt)
    if spend.last.handed_out and spend.state is not SpendState.BUILT:
        return spend, bytes_
    version = replace(spend.last, handed_out=True)
    after = replace(spend, state=state, versions=(*spend.versions[:-1], version), decision=asked.decision)
    records = counted(treasury, after, asked, step)
    return commit_step(treasury, step, "coordinator", "spend handed out", (after,), records)[0], bytes_


def check_version(treasury: Treasury, spend: TreasurySpend, version: BuiltVersion, psbt: str) -> Decoded:
    """Decode a version's bytes twice and hold them against the instruction by the node's coins, as they are now.

    Raises:
        SigningRefused: one subclass for each difference.
        NotMature: it spends by the recovery path, which is not open for all of its coins.
        what :func:`node_coins` raises.
    """
    policy = policy_in_force(treasury)
    decoded = decode_psbt(psbt, treasury.chain)
    known = node_coins(treasury, version.coins)
    require_open(treasury.coins, vault_named(policy, spend.instruction.from_vault), spend.instruction, version.coins)
    check_against(decoded, spend.instruction, known, policy, treasury.chain)
    return decoded
