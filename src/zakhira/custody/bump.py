"""Spends made faster or taken back: replacement (BIP-125), child pays for parent, and the double-spend home."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from zakhira.custody.coin_request import SpendableCoin
from zakhira.custody.fee import (
    MIN_RELAY_SAT_PER_KVB,
    VBYTES_PER_KVB,
    FeeTerms,
    fee_for_weight,
    rate_of,
    written_rate,
)
from zakhira.custody.spend_plan import Funding, HomePlace, SpendPlan, fund_spend, plan_home
from zakhira.custody.spend_refusals import NoSharedInput, PackageRefused, ReplacementRefused, UnusableInput
from zakhira.custody.standardness import transaction_weight, virtual_bytes

MOST_REPLACED = 100
"""BIP-125, rule 5: transactions that a replacement may evict, descendants counted."""
LESS_THAN_FEERATE_RULE = 6
"""Not in BIP-125 and kept by Core and Knots alike: the rate must be above that of each transaction replaced."""
MOST_ANCESTORS = 25
MOST_PACKAGE_VBYTES = 101_000
"""Unconfirmed transactions in a chain, the newest counted, and their size (Core to 30 and Knots, policy.h)."""
MOST_IN_CLUSTER = 64
"""Core from 31: unconfirmed transactions that hang together at all, of the same size in sum (101 kvB)."""
_MOST_ROUNDS = 12
"""A bump's fee depends on its weight and the other way round; each round only raises the rate."""


@dataclass(frozen=True)
class Version:
    """One version of a spend for which a signature exists, whether it was sent or not.

    ``fee_sats`` and ``weight`` are those of the signed transaction, not of an estimate. ``descendants`` are
    transactions in the mempool that spend from it: they would be evicted with it.
    """

    txid: str
    inputs: tuple[str, ...]
    fee_sats: int
    weight: int
    signals_replacement: bool = True
    descendants: int = 0
    descendants_fee_sats: int = 0

    @property
    def rate_sat_per_kvb(self) -> int:
        """What it pays, rounded up."""
        return rate_of(self.fee_sats, self.weight)


@dataclass(frozen=True)
class MempoolRules:
    """What the node says of its mempool (``getmempoolinfo``: incrementalrelayfee, mempoolminfee, fullrbf)."""

    incremental_relay_sat_per_kvb: int = 1_000
    """1 sat/vB to Core 29 and in Knots, 0.1 from Core 30 on: peers may still ask for 1."""
    mempool_min_sat_per_kvb: int = MIN_RELAY_SAT_PER_KVB
    is_full_rbf: bool = True
    """Any transaction may be replaced, signalled or not: the default of Core from 28 on and of Knots."""


@dataclass(frozen=True)
class Breach:
    """A rule that a replacement breaks: 1 to 5 of BIP-125, 6 for the fee rate."""

    rule: int
    message: str


@dataclass(frozen=True)
class Package:
    """The unconfirmed transactions that a child would stand on: its parent and what that still waits for.

    Counts and sizes as ``getmempoolentry`` of the parent tells them. ``descendants`` and ``cluster`` are counts, the
    parent included; a node without clusters tells none (0).
    """

    ancestors: int
    ancestor_fee_sats: int
    ancestor_vbytes: int
    parent_rate_sat_per_kvb: int
    descendants: int = 1
    descendant_vbytes: int = 0
    cluster: int = 0
    cluster_vbytes: int = 0
    descendant_fee_sats: int = 0
    """what the parent and all that spends from it pay together: evicted with it when it is replaced"""


@dataclass(frozen=True)
class ChildPlan:
    """A child that pays for its parents."""

    plan: SpendPlan
    package_rate_sat_per_kvb: int
    """What parents and child pay together, rounded down."""
    needs_package_relay: bool
    """The parent alone is below what the mempool takes: send both by ``submitpackage``."""


def needed_fee_sats(versions: Sequence[Version], weight: int, rules: MempoolRules) -> int:
    """The least fee in satoshi with which a transaction of this weight replaces any one of the versions.

    The versions exclude each other, so one of them is in a mempool: the dearest, with its descendants, counts.
    Rules 3 and 4: its fee and, on top, the incremental relay fee of the replacement's own size. Rule 6: a rate above
    each version's.
    """
    vbytes = virtual_bytes(weight)
    evicted_sats = max((item.fee_sats + item.descendants_fee_sats for item in versions), default=0)
    by_bandwidth = evicted_sats + fee_for_weight(rules.incremental_relay_sat_per_kvb, weight) if versions else 0
    by_rate = max((item.fee_sats * vbytes // virtual_bytes(item.weight) + 1 for item in versions), default=0)
    return max(by_bandwidth, by_rate, fee_for_weight(rules.mempool_min_sat_per_kvb, weight))


def replacement_breaches(
    versions: Sequence[Version],
    plan: SpendPlan,
    rules: MempoolRules,
) -> tuple[Breach, ...]:
    """The rules of replacement that this plan breaks against any of the versions; none where nodes take it.

    Source: BIP-125, and doc/policy/mempool-replacements.md of Bitcoin Core for the sixth.
    """
    found = []
    vbytes = virtual_bytes(plan.weight)
    silent = [item.txid for item in versions if not item.signals_replacement]
    if silent and not rules.is_full_rbf:
        found.append(Breach(1, f"{silent[0]} does not signal that it may be replaced, and the node asks for that"))
    known = {outpoint for item in versions for outpoint in item.inputs}
    fresh = [coin.outpoint for coin in plan.coins if coin.height <= 0 and coin.outpoint not in known]
    if fresh:
        found.append(Breach(2, f"{fresh[0]} is not confirmed and no earlier version spends it"))
    evicted_sats = max(item.fee_sats + item.descendants_fee_sats for item in versions)
    if plan.fee_sats < evicted_sats:
        found.append(Breach(3, f"the fee of {plan.fee_sats} sat is below the {evicted_sats} sat that it evicts"))
    relay_sats = fee_for_weight(rules.incremental_relay_sat_per_kvb, plan.weight)
    if plan.fee_sats - evicted_sats < relay_sats:
        found.append(
            Breach(
                4, f"{plan.fee_sats - evicted_sats} sat more do not pay for {vbytes} vB, which take {relay_sats} sat"
            )
        )
    evicted = max(1 + item.descendants for item in versions)
    if evicted > MOST_REPLACED:
        found.append(Breach(5, f"{evicted} transactions would be evicted, allowed are {MOST_REPLACED}"))
    dearest = max(versions, key=lambda item: item.fee_sats * VBYTES_PER_KVB // virtual_bytes(item.weight))
    if any(plan.fee_sats * virtual_bytes(item.weight) <= item.fee_sats * vbytes for item in versions):
        found.append(
            Breach(LESS_THAN_FEERATE_RULE, f"its rate is not above the {written_rate(dearest.rate_sat_per_kvb)} before")
        )
    return tuple(found)


def require_shared_input(versions: Iterable[Version], inputs: Iterable[str]) -> None:
    """Refuse a transaction that leaves an earlier version valid beside it.

    Raises:
        NoSharedInput: it spends no coin of that version, so both could confirm and the payment be made twice.
    """
    spent = set(inputs)
    for version in versions:
        if spent.isdisjoint(version.inputs):
            raise NoSharedInput(
                f"Version {version.txid} would stay valid: no coin of it is spent again.",
                "Spend at least one of its coins in the new version.",
            )


def require_replaces(versions: Sequence[Version], plan: SpendPlan, rules: MempoolRules) -> None:
    """Refuse a plan that cannot take the place of every earlier version.

    Raises:
        NoSharedInput: an earlier version would stay valid.
        ReplacementRefused: a rule of replacement is broken; all that are broken are named.
    """
    require_shared_input(versions, plan.inputs)
    breaches = replacement_breaches(versions, plan, rules)
    if breaches:
        needed_sats = needed_fee_sats(versions, plan.weight, rules)
        raise ReplacementRefused(
            "Nodes would not take the replacement: "
            + "; ".join(f"{breach.message} (rule {breach.rule})" for breach in breaches)
            + ".",
            f"A fee of at least {needed_sats} sat is needed for this weight.",
            [breach.rule for breach in breaches],
        )


def plan_bump(
    versions: Sequence[Version],
    last: SpendPlan,
    coins: Iterable[SpendableCoin],
    funding: Funding,
    rules: MempoolRules,
    rng: np.random.Generator,
) -> SpendPlan:
    """The same payments at ``funding.terms.rate_sat_per_kvb``, or at the higher rate that replacement asks for.

    All coins of the last version are spent again, so the coins that all versions share are kept. The fee comes out of
    the change; where that is not enough, confirmed coins of the same purpose are added.

    Raises:
        NoSharedInput: the last version itself shares no coin with an earlier one.
        ReplacementRefused: nodes would not take it, whatever the fee (rules 1 and 5).
        FeeAboveCeiling, NotEnoughCoins, TooHeavy: the ceilings or the coins do not allow it.
    """
    require_shared_input(versions, last.inputs)
    kept = {coin.outpoint for coin in last.coins}
    others = [coin for coin in coins if coin.outpoint not in kept and coin.height > 0]
    request = replace(
        funding.request(last.outputs),
        purpose=last.purpose,
        inputs=last.inputs,
        may_add_coins=True,
        may_spend_unconfirmed_change=True,
    )
    rate = funding.terms.rate_sat_per_kvb
    for _ in range(_MOST_ROUNDS):
        terms = replace(funding.terms, rate_sat_per_kvb=rate)
        plan = fund_spend(last.outputs, (*last.coins, *others), replace(request, terms=terms), rng)
        needed_sats = needed_fee_sats(versions, plan.weight, rules)
        if plan.fee_sats >= needed_sats:
            break
        rate = max(rate + 1, rate_of(needed_sats, plan.weight))
    require_replaces(versions, plan, rules)
    return plan


def plan_cancel(
    versions: Sequence[Version],
    coins: Mapping[str, SpendableCoin],
    home: HomePlace,
    terms: FeeTerms,
    rules: MempoolRules,
    name: str,
) -> SpendPlan:
    """A double-spend of the versions' shared coins home, which takes the place of every version once it confirms.

    As few coins as carry the fee: the smallest one that does alone, otherwise the biggest first. It pays at least
    ``terms.rate_sat_per_kvb``, and more where replacement asks for it.

    Raises:
        NoSharedInput: no coin is spent by all versions.
        UnusableInput: a shared coin is no longer unspent: a version has confirmed.
        FeeAboveCeiling, TooLittle: the ceilings or the shared coins do not allow the fee.
        ReplacementRefused: nodes would not take it, whatever the fee (rules 1 and 5).
    """
    shared = set.intersection(*(set(item.inputs) for item in versions)) if versions else set()
    if not shared:
        raise NoSharedInput(
            "No coin is spent by all versions, so no single transaction takes the place of all.",
            "Wait until one confirms.",
        )
    gone = sorted(shared - set(coins))
    if gone:
        raise UnusableInput(f"The coin {gone[0]} is no longer unspent.", "See which version has confirmed.")
    rising = sorted((coins[outpoint] for outpoint in shared), key=lambda coin: (coin.amount_sats, coin.outpoint))
    script_bytes = home.cost.script_bytes

    def priced(some: Sequence[SpendableCoin]) -> int:
        weight = transaction_weight((coin.input_weight for coin in some), (script_bytes,))
        return max(rate_of(needed_fee_sats(versions, weight, rules), weight), terms.rate_sat_per_kvb)

    def carries(some: Sequence[SpendableCoin]) -> bool:
        weight = transaction_weight((coin.input_weight for coin in some), (script_bytes,))
        total_sats = sum(coin.amount_sats for coin in some)
        return total_sats - fee_for_weight(priced(some), weight) >= home.cost.dust_sats

    falling = rising[::-1]
    choices = [*((coin,) for coin in rising), *(falling[:count] for count in range(2, len(falling) + 1))]
    chosen = next((choice for choice in choices if carries(choice)), falling)
    plan = plan_home(chosen, home, replace(terms, rate_sat_per_kvb=priced(chosen)), name)
    require_replaces(versions, plan, rules)
    return plan


def plan_child(
    package: Package, coin: SpendableCoin, home: HomePlace, terms: FeeTerms, rules: MempoolRules, name: str
) -> ChildPlan:
    """A child that spends an unconfirmed coin of ours, change or arrival, so that all pay ``terms``' rate together.

    The ceilings hold for the child alone, since that is the fee that its signers see.

    Raises:
        PackageRefused: the chain would be too long or too large, or its parents already pay the rate.
        FeeAboveCeiling, TooLittle: the ceilings or the coin do not allow the fee.
    """
    weight = transaction_weight((coin.input_weight,), (home.cost.script_bytes,))
    vbytes = virtual_bytes(weight)
    _require_room(package, vbytes)
    rate = terms.rate_sat_per_kvb
    whole_sats = -(-rate * (package.ancestor_vbytes + vbytes) // VBYTES_PER_KVB)
    if package.ancestor_fee_sats * VBYTES_PER_KVB >= rate * package.ancestor_vbytes:
        raise PackageRefused(
            f"The parents already pay {package.ancestor_fee_sats} sat for {package.ancestor_vbytes} vB, which is "
            f"{written_rate(rate)} or more.",
            "A child would not make them faster: name a higher rate, or wait.",
        )
    fee_sats = max(whole_sats - package.ancestor_fee_sats, fee_for_weight(rules.mempool_min_sat_per_kvb, weight))
    plan = plan_home((coin,), home, replace(terms, rate_sat_per_kvb=rate_of(fee_sats, weight)), name)
    paid_sats = package.ancestor_fee_sats + plan.fee_sats
    return ChildPlan(
        plan,
        paid_sats * VBYTES_PER_KVB // (package.ancestor_vbytes + vbytes),
        package.parent_rate_sat_per_kvb < rules.mempool_min_sat_per_kvb,
    )


def _require_room(package: Package, child_vbytes: int) -> None:
    """The child fits into the chains that it joins, under the rules of nodes with and without clusters."""
    counts = (
        ("ancestors", package.ancestors, MOST_ANCESTORS),
        ("descendants", package.descendants, MOST_ANCESTORS),
        ("transactions in its cluster", package.cluster, MOST_IN_CLUSTER),
    )
    for what, count, most in counts:
        if count + 1 > most:
            raise PackageRefused(
                f"With the child there would be {count + 1} {what}, nodes take {most}.", "Wait for a block."
            )
    for size in (package.ancestor_vbytes, package.descendant_vbytes, package.cluster_vbytes):
        if size + child_vbytes > MOST_PACKAGE_VBYTES:
            raise PackageRefused(
                f"With the child's {child_vbytes} vB the package has {size + child_vbytes} vB, nodes take "
                f"{MOST_PACKAGE_VBYTES}.",
                "Wait for a block.",
            )
