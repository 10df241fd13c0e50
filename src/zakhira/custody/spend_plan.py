"""From payments and chosen coins to planned transactions: one, a batch, or the gathering of small coins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from zakhira.custody.coin import Payment
from zakhira.custody.coin_request import ChangeCost, CoinRequest, SpendableCoin
from zakhira.custody.fee import FeeTerms, fee_for_weight, input_fee, require_fee
from zakhira.custody.least_waste import latest_hold
from zakhira.custody.refusals import TooHeavy, TooLittle
from zakhira.custody.selection import choose_coins
from zakhira.custody.spend import outpoint_order
from zakhira.custody.spend_refusals import BadPayment, FeeAboveCeiling, NotEnoughCoins
from zakhira.custody.standardness import (
    MAX_STANDARD_WEIGHT,
    dust_limit_sats,
    frame_weight,
    output_weight,
    require_relayed,
    transaction_weight,
)

MOST_OUTPUTS = 1_000
"""Payments in one transaction: an estimate (E) of what a signer can still look through on its own screen or page."""
PAYMENT_WEIGHT_SHARE = 2
"""Payments may take one part in so many of a transaction's weight; the rest is left to the coins (E)."""


@dataclass(frozen=True)
class PlannedOutput:
    """A payment with the caller's name for it and its script."""

    id: str
    payment: Payment
    script_hex: str

    @property
    def script_bytes(self) -> int:
        """Length of the script."""
        return len(self.script_hex) // 2


@dataclass(frozen=True)
class HomePlace:
    """An address of the vault, by its script, and what spending a coin there weighs."""

    address: str
    script_hex: str
    input_weight: int

    @property
    def cost(self) -> ChangeCost:
        """What change to this place costs."""
        return ChangeCost(len(self.script_hex) // 2, self.input_weight, dust_limit_sats(self.script_hex))


@dataclass(frozen=True)
class SpendPlan:
    """One transaction as planned: coins in, outputs, change (0: none) and fee; the sums are equal."""

    coins: tuple[SpendableCoin, ...]
    outputs: tuple[PlannedOutput, ...]
    change_sats: int
    fee_sats: int
    weight: int
    purpose: str
    hold_until: date | None
    """Of what comes back, and of what is gathered: the latest hold among the coins."""
    method: str
    """How the coins were chosen."""

    def __post_init__(self) -> None:
        paid_sats = sum(output.payment.amount_sats for output in self.outputs)
        whole_sats = sum(coin.amount_sats for coin in self.coins)
        assert whole_sats == paid_sats + self.change_sats + self.fee_sats, "a plan must balance"
        assert min(self.change_sats, self.fee_sats) >= 0, "a plan spends no more than it has"

    @property
    def inputs(self) -> tuple[str, ...]:
        """The outpoints, sorted by transaction and number (BIP-69)."""
        return tuple(sorted((coin.outpoint for coin in self.coins), key=outpoint_order))


@dataclass(frozen=True)
class Funding:
    """What all transactions of a plan have in common."""

    vault: str
    purpose: str
    change: HomePlace
    terms: FeeTerms
    on: date
    lots: frozenset[str] = frozenset()
    max_weight: int = MAX_STANDARD_WEIGHT
    may_move_held: bool = False
    """For payments to another vault of ours, where the hold goes with the coin."""
    may_spend_unconfirmed_change: bool = False
    data_script_bytes: tuple[int, ...] = ()
    """Length of each output script that holds data and no amount: that of an anchor."""

    def request(self, outputs: Sequence[PlannedOutput]) -> CoinRequest:
        """What coin selection is asked for these payments."""
        return CoinRequest(
            target_sats=sum(output.payment.amount_sats for output in outputs),
            output_script_bytes=(*(output.script_bytes for output in outputs), *self.data_script_bytes),
            change=self.change.cost,
            terms=self.terms,
            on=self.on,
            vault=self.vault,
            purpose=self.purpose,
            lots=self.lots,
            may_move_held=self.may_move_held,
            may_spend_unconfirmed_change=self.may_spend_unconfirmed_change,
            max_weight=self.max_weight,
        )


@dataclass(frozen=True)
class BatchPlan:
    """Transactions that pay all outputs between them, each once. ``waiting`` is what coins did not suffice for yet."""

    plans: tuple[SpendPlan, ...]
    waiting: tuple[PlannedOutput, ...]
    reason: str
    """Why something waits; empty if nothing does."""


@dataclass(frozen=True)
class Gathering:
    """Small coins into one: what it costs now, and what spending them one by one would cost above it later."""

    plan: SpendPlan
    saved_sats: int


def plan_spend(
    outputs: Sequence[PlannedOutput],
    coins: Iterable[SpendableCoin],
    funding: Funding,
    rng: np.random.Generator,
    inputs: tuple[str, ...] = (),
) -> SpendPlan:
    """One transaction that makes these payments; named ``inputs`` are taken exactly, otherwise coins are chosen.

    Raises:
        BadPayment: a payment that nodes do not relay, none at all, or one name twice.
        NotEnoughCoins, MixedPurposes, CoinOnHold, UnusableInput, TooHeavy, FeeAboveCeiling: from coin selection.
    """
    require_payable(outputs)
    return fund_spend(outputs, coins, replace(funding.request(outputs), inputs=inputs), rng)


def plan_batches(
    outputs: Sequence[PlannedOutput],
    coins: Iterable[SpendableCoin],
    funding: Funding,
    rng: np.random.Generator,
    most_outputs: int = MOST_OUTPUTS,
) -> BatchPlan:
    """Payments in standard transactions of about equal length, in their order, each payment in one of them.

    No coin stands in two transactions, so that each can confirm without the others. Where the change of earlier
    transactions is needed for later ones, those payments wait until it is confirmed and are planned anew.

    Raises:
        NotEnoughCoins, TooHeavy, FeeAboveCeiling: not even the first payment can be made.
        BadPayment, MixedPurposes: as for :func:`plan_spend`.
    """
    require_payable(outputs)
    left = {coin.outpoint: coin for coin in coins}
    todo = list(_split(outputs, most_outputs, funding.max_weight // PAYMENT_WEIGHT_SHARE))[::-1]
    plans: list[SpendPlan] = []
    while todo:
        batch = todo.pop()
        try:
            plan = fund_spend(batch, left.values(), funding.request(batch), rng)
        except (TooHeavy, NotEnoughCoins, FeeAboveCeiling) as error:
            if len(batch) > 1:
                todo += [batch[len(batch) // 2 :], batch[: len(batch) // 2]]
                continue
            if not plans:
                raise
            waiting = (*batch, *(output for later in reversed(todo) for output in later))
            return BatchPlan(tuple(plans), waiting, _why_waiting(plans, error.message))
        plans.append(plan)
        for coin in plan.coins:
            del left[coin.outpoint]
    return BatchPlan(tuple(plans), (), "")


def plan_gathering(
    coins: Iterable[SpendableCoin],
    home: HomePlace,
    terms: FeeTerms,
    small_below_sats: int,
    rate_below_sat_per_kvb: int,
    most_inputs: int,
    max_weight: int = MAX_STANDARD_WEIGHT,
) -> tuple[Gathering, ...]:
    """Consolidation in bounded steps while fees are low: nothing at all unless the rate is below the limit.

    Each step takes confirmed coins below ``small_below_sats`` of one vault, one purpose and one hold date, smallest
    first, and makes one coin of them at ``home``. Coins that cost more to spend than they hold stay, and so does a step
    that would not save anything against spending its coins later one by one, or whose fee would be above the limit.
    The hold goes with the coin.
    """
    if terms.rate_sat_per_kvb >= rate_below_sat_per_kvb:
        return ()
    groups: defaultdict[tuple[str, str, str], list[SpendableCoin]] = defaultdict(list)
    for coin in coins:
        is_worth_it = coin.amount_sats > input_fee(terms.rate_sat_per_kvb, coin.input_weight)
        if coin.height > 0 and coin.amount_sats < small_below_sats and is_worth_it:
            groups[coin.vault, coin.purpose, str(coin.lot_hold_until or "")].append(coin)
    steps = []
    for _, group in sorted(groups.items()):
        group.sort(key=lambda coin: (coin.amount_sats, coin.outpoint))
        for step in _steps(group, home, terms, most_inputs, max_weight):
            gathering = _gather(step, home, terms)
            if gathering is not None:
                steps.append(gathering)
    return tuple(steps)


def plan_home(
    coins: Sequence[SpendableCoin],
    home: HomePlace,
    terms: FeeTerms,
    name: str,
    data_script_bytes: tuple[int, ...] = (),
) -> SpendPlan:
    """All of these coins, less the fee, to one place of ours: no change. The hold goes with them.

    ``data_script_bytes`` are the lengths of output scripts beside it that hold data and no amount.

    Raises:
        TooLittle: what is left after the fee is dust.
        TooHeavy, FeeAboveCeiling: the transaction is not standard, or its fee is above a ceiling.
    """
    sizes = (home.cost.script_bytes, *data_script_bytes)
    weight = transaction_weight((coin.input_weight for coin in coins), sizes)
    if weight > MAX_STANDARD_WEIGHT:
        raise TooHeavy(f"{len(coins)} coins weigh {weight}, above {MAX_STANDARD_WEIGHT}.", "Take fewer coins.")
    fee_sats = fee_for_weight(terms.rate_sat_per_kvb, weight)
    require_fee(fee_sats, weight, terms.limits)
    total_sats = sum(coin.amount_sats for coin in coins)
    if total_sats - fee_sats < home.cost.dust_sats:
        raise TooLittle(
            f"{total_sats} sat less a fee of {fee_sats} sat is below the dust limit of {home.cost.dust_sats} sat.",
            "Take more coins, or wait for lower fees.",
        )
    output = PlannedOutput(name, Payment(home.address, total_sats - fee_sats), home.script_hex)
    purposes = {coin.purpose for coin in coins}
    assert len(purposes) == 1, "coins of one purpose are moved together"
    return SpendPlan(tuple(coins), (output,), 0, fee_sats, weight, purposes.pop(), latest_hold(coins), "all")


def require_payable(outputs: Sequence[PlannedOutput]) -> None:
    """Refuse payments that nodes would not relay, none at all, or one name twice.

    Raises:
        BadPayment: as said.
    """
    if not outputs:
        raise BadPayment("Nothing is to be paid.", "Name at least one payment.")
    seen: set[str] = set()
    for output in outputs:
        if output.id in seen:
            raise BadPayment(f"The payment {output.id} stands twice.", "Ask for each payment once.")
        seen.add(output.id)
        require_relayed(f"The payment {output.id}", output.payment.amount_sats, output.script_hex)


def fund_spend(
    outputs: Sequence[PlannedOutput], coins: Iterable[SpendableCoin], request: CoinRequest, rng: np.random.Generator
) -> SpendPlan:
    """These payments with the coins that selection chooses for the request; raises what :func:`choose_coins` raises."""
    chosen = choose_coins(coins, request, rng)
    return SpendPlan(
        coins=chosen.coins,
        outputs=tuple(outputs),
        change_sats=chosen.change_sats,
        fee_sats=chosen.fee_sats,
        weight=chosen.weight,
        purpose=chosen.purpose,
        hold_until=chosen.hold_until,
        method=chosen.method,
    )


def _split(outputs: Sequence[PlannedOutput], most_outputs: int, most_weight: int) -> Iterator[Sequence[PlannedOutput]]:
    """Runs of payments of about equal length, each within both limits."""
    whole_weight = sum(output_weight(output.script_bytes) for output in outputs)
    count = max(-(-len(outputs) // most_outputs), -(-whole_weight // most_weight))
    length = -(-len(outputs) // count)
    batch: list[PlannedOutput] = []
    weight = 0
    for output in outputs:
        extra = output_weight(output.script_bytes)
        if batch and (len(batch) >= length or weight + extra > most_weight):
            yield batch
            batch, weight = [], 0
        batch.append(output)
        weight += extra
    yield batch


def _why_waiting(plans: Sequence[SpendPlan], message: str) -> str:
    back_sats = sum(plan.change_sats for plan in plans)
    return f"{message} {back_sats} sat come back as change of the transactions before: plan again when they confirm."


def _steps(
    group: Sequence[SpendableCoin], home: HomePlace, terms: FeeTerms, most_inputs: int, max_weight: int
) -> Iterator[Sequence[SpendableCoin]]:
    """Runs of coins within the count, the weight and the fee limit; a single coin that is left over stays."""
    frame = frame_weight(most_inputs, (home.cost.script_bytes,))
    step: list[SpendableCoin] = []
    weight = frame
    for coin in group:
        heavier = weight + coin.input_weight
        is_full = heavier > max_weight or fee_for_weight(terms.rate_sat_per_kvb, heavier) > terms.limits.fee_limit_sats
        if step and (len(step) >= most_inputs or is_full):
            yield step
            step, heavier = [], frame + coin.input_weight
        step.append(coin)
        weight = heavier
    yield step


def _gather(step: Sequence[SpendableCoin], home: HomePlace, terms: FeeTerms) -> Gathering | None:
    later_sats = sum(input_fee(terms.long_term_sat_per_kvb, coin.input_weight) for coin in step)
    one_later_sats = home.cost.later_fee_sats(terms)
    if len(step) < 2:  # noqa: PLR2004  # one coin gathers nothing
        return None
    try:
        plan = plan_home(step, home, terms, f"gather {step[0].outpoint}")
    except TooLittle:
        return None
    saved_sats = later_sats - one_later_sats - plan.fee_sats
    return Gathering(plan, saved_sats) if saved_sats > 0 else None
