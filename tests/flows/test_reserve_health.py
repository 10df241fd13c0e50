"""The figures of a reserve, told by twins, and the judgement of each part, case by case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from custody_drill import CHAIN, COLD, INTAKE
from treasury_drill import TreasuryDrill, twin_treasury
from watch_drill import DEPTH, all_signed
from zakhira.adapters.metrics.reserve import RESERVE_METRICS, FollowerFigures, reserve_samples
from zakhira.controls.chain.audit import Unsealed
from zakhira.controls.spend_state import SpendState
from zakhira.custody.coin import Payment
from zakhira.custody.descriptor import derive_address
from zakhira.custody.vault_state import record_json
from zakhira.flows.attention import NEAR_BLOCKS, PROOF_OF_LIFE_DAYS
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.chain_errors import NodeUnreachable
from zakhira.flows.ports.coin_store import CoinSum, FollowedSpan, VaultStatus
from zakhira.flows.ports.ledger_books import Backing
from zakhira.flows.reserve_figures import (
    BooksFigures,
    Look,
    NodeFigures,
    books_figures,
    node_figures,
    witness_figures,
)
from zakhira.flows.reserve_health import HealthState, readiness, reserve_health
from zakhira.flows.spending.spend_line import SpendLine
from zakhira.flows.treasury import VAULT
from zakhira.kernel.money import Commodity
from zakhira.programme.model import Recovery
from zakhira.simulator.follow import SimulatedFollower

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
OK, WARNING, FAILING = HealthState.OK, HealthState.WARNING, HealthState.FAILING
TIP = "aa" * 32
NOTHING = CoinSum(0, 0)
BACKING = Backing(
    Commodity.BTC,
    proven=300,
    own_change=0,
    suspense=0,
    encumbered=0,
    held=50,
    outgoing=20,
    demand=200,
    term=50,
    is_halted=False,
)
BOOKS = BooksFigures(
    span=FollowedSpan(0, 100, TIP),
    vaults=(VaultStatus("intake", 100, CoinSum(2, 300), CoinSum(1, 50), NOTHING),),
    spends=dict.fromkeys(SpendState, 0),
    suspense=NOTHING,
    unexplained=NOTHING,
    proof_ages_days={"one": 10, "two": PROOF_OF_LIFE_DAYS},
    recovery_blocks={"cold": NEAR_BLOCKS + 1},
    unsealed=Unsealed(0, None),
    backing=BACKING,
)
NODE = NodeFigures(100, is_catching_up=False, hash_at_followed=TIP)
LOOK = Look(NOW, BOOKS, NODE, NODE)
AWAY = NodeUnreachable("The node is away.", "Start it.")


def states(look: Look) -> Mapping[str, HealthState]:
    """How each part stands."""
    return {part.name: part.state for part in reserve_health(look)}


def with_books(**changes: object) -> Look:
    """The sound look with other figures of the books."""
    return replace(LOOK, books=replace(BOOKS, **changes))  # type: ignore[arg-type]  # fields of the figures


def test_a_sound_reserve_is_ok_in_every_part() -> None:
    """Nothing to do, and ready."""
    assert set(states(LOOK).values()) == {OK}
    assert [part.name for part in readiness(LOOK)] == [
        "database",
        "node",
        "followed chain",
        "second node",
        "audit chain",
    ]
    assert all(not part.remedy for part in reserve_health(LOOK))


CASES: dict[str, tuple[Look, str, HealthState]] = {
    "database away": (replace(LOOK, books=AWAY), "database", FAILING),
    "node away": (replace(LOOK, node=AWAY), "node", FAILING),
    "node away: distance unknown": (replace(LOOK, node=AWAY), "followed chain", FAILING),
    "node catching up": (replace(LOOK, node=replace(NODE, is_catching_up=True)), "node", FAILING),
    "never followed": (with_books(span=None), "followed chain", FAILING),
    "two behind": (replace(LOOK, node=replace(NODE, height=102)), "followed chain", OK),
    "three behind": (replace(LOOK, node=replace(NODE, height=103)), "followed chain", FAILING),
    "another chain": (replace(LOOK, node=replace(NODE, hash_at_followed="bb" * 32)), "followed chain", FAILING),
    "a shorter chain": (replace(LOOK, node=NodeFigures(99, False, "")), "followed chain", FAILING),
    "second away": (replace(LOOK, second=AWAY), "second node", FAILING),
    "second differs": (replace(LOOK, second=replace(NODE, hash_at_followed="bb" * 32)), "second node", FAILING),
    "second is behind": (replace(LOOK, second=NodeFigures(98, False, "")), "second node", OK),
    "just written": (with_books(unsealed=Unsealed(3, NOW - timedelta(seconds=5))), "audit chain", OK),
    "sealer stopped": (with_books(unsealed=Unsealed(3, NOW - timedelta(seconds=5.1))), "audit chain", FAILING),
    "written at an unknown time": (with_books(unsealed=Unsealed(3, None)), "audit chain", WARNING),
    "stolen": (with_books(unexplained=CoinSum(1, 5)), "our coins", FAILING),
    "missing coins": (with_books(backing=replace(BACKING, proven=269, is_halted=True)), "claims", FAILING),
    "missing coins free of holds": (with_books(backing=replace(BACKING, held=81)), "claims", FAILING),
    "halted": (with_books(backing=replace(BACKING, is_halted=True)), "claims", WARNING),
    "nothing owed": (with_books(backing=replace(BACKING, proven=0, demand=0, term=0)), "claims", OK),
    "suspense": (with_books(suspense=CoinSum(1, 5)), "suspense", WARNING),
    "silent key": (with_books(proof_ages_days={"one": PROOF_OF_LIFE_DAYS + 1}), "keys", WARNING),
    "key never shown": (with_books(proof_ages_days={"one": None}), "keys", WARNING),
    "path opens soon": (with_books(recovery_blocks={"cold": NEAR_BLOCKS}), "recovery cold", WARNING),
    "path is open": (with_books(recovery_blocks={"cold": 0}), "recovery cold", WARNING),
}


@pytest.mark.parametrize("case", CASES)
def test_each_trouble_is_told_by_its_part(case: str) -> None:
    """The part, its state, what to do; and readiness is lost by what is needed alone."""
    look, name, state = CASES[case]
    part = next(part for part in reserve_health(look) if part.name == name)
    assert part.state is state
    assert bool(part.remedy) == (state is not OK)
    needed = {"database", "node", "followed chain", "second node", "audit chain"}
    assert part.is_needed == (name in needed)
    failing = [ready.name for ready in readiness(look) if ready.state is FAILING]
    assert (name in failing) == (state is FAILING and name in needed)


def test_a_database_that_is_away_hides_nothing_of_the_node() -> None:
    """What still answers is still told."""
    assert states(replace(LOOK, books=AWAY)) == {"database": FAILING, "node": OK}


def figures_of(drill: TreasuryDrill) -> BooksFigures:
    """What the drill's books say."""
    treasury = drill.treasury
    return books_figures(treasury.books, treasury.coins, DEPTH, drill.now)


def test_figures_are_those_of_the_books() -> None:
    """Coins by depth, a spend by its state, a coin that nobody announced, keys that have never been registered."""
    drill = twin_treasury()
    drill.receive(5_000_000, 40_000_000)
    stranger = derive_address(INTAKE, 0, 5, CHAIN).address
    drill.chain.broadcast(drill.chain.sign_pool_payment("pool-1", [Payment(stranger, 700_000)], 2))
    drill.mine(4)
    line = SpendLine(
        id="rent",
        kind="payment",
        state=SpendState.BROADCAST,
        from_vault="intake",
        paid_sats=1_000_000,
        purpose="works",
        proposed_by="dara",
        expires_at=drill.now,
        replaces="",
        outpoints=(),
        height=0,
        block_hash="",
    )
    drill.parts.books.commit(Write("rent", "dara", "propose spend", drill.now, records=(line.record,)))
    found = figures_of(drill)
    vaults = {status.vault: status for status in found.vaults}
    assert (vaults["intake"].settled.count, vaults["cold"].settled.count) == (3, 0)
    assert found.suspense == CoinSum(1, 700_000)
    assert found.spends[SpendState.BROADCAST] == 1
    assert sum(found.spends.values()) == 1
    assert found.unexplained == NOTHING
    assert set(found.proof_ages_days) == {key.signer for vault in (INTAKE, COLD) for key in vault.keys}
    assert set(found.proof_ages_days.values()) == {None}
    node = node_figures(drill.treasury.node, found.span.height if found.span else None)
    assert states(Look(drill.now, found, node, None))["followed chain"] is OK


def test_a_node_is_asked_for_the_followed_block() -> None:
    """Its own hash at that height; nothing where it has none, and nothing where nothing is followed."""
    drill = twin_treasury()
    node = drill.treasury.node
    height, tip = node.tip()
    assert node_figures(node, height) == NodeFigures(height, is_catching_up=False, hash_at_followed=tip)
    assert witness_figures(node, height + 1).hash_at_followed == ""
    assert node_figures(node, None).hash_at_followed == ""
    assert isinstance(node, SimulatedFollower)
    node.catching_up = True
    assert node_figures(node, height).is_catching_up
    assert not witness_figures(node, height).is_catching_up


def test_a_recovery_path_is_counted_from_the_oldest_coin() -> None:
    """A coin of that age may leave by the path in the block after (BIP-68); a vault without a path has no figure."""
    drill = twin_treasury()
    drill.receive(5_000_000, vault="cold")
    drill.receive(6_000_000, vault="cold")
    assert figures_of(drill).recovery_blocks == {}
    record = all_signed(replace(COLD, recovery=Recovery(2, COLD.keys, after_blocks=1_000)))
    body = Record(VAULT, "cold", record_json(record))
    drill.parts.books.commit(Write("a path", "dara", "keep vault", drill.now, records=(body,)))
    found = figures_of(drill)
    assert found.span is not None
    oldest = min(coin.height for coin in drill.treasury.coins.page("cold"))
    # Its 1,000th confirmation is in block oldest + 999; the block after that may hold the spend.
    assert found.recovery_blocks == {"cold": oldest + 999 - found.span.height}


def test_every_metric_is_told_by_a_look() -> None:
    """A sound look of a follower tells each of them, whole; only what is away is left out."""
    follower = FollowerFigures(5, 1.5, {"ZK-CHAIN-001": 2})
    samples = reserve_samples(LOOK, 0.01, follower)
    assert {sample.name for sample in samples} == {metric.name for metric in RESERVE_METRICS}
    assert len({(sample.name, sample.labels) for sample in samples}) == len(samples)
    values = {(sample.name, *(value for _, value in sample.labels)): sample.value for sample in samples}
    assert values["zakhira_vault_sats", "intake", "settled"] == 300
    assert values["zakhira_key_proof_of_life_age_seconds", "one"] == 864_000
    assert values["zakhira_errors_total", "ZK-CHAIN-001"] == 2
    away = {sample.name: sample.value for sample in reserve_samples(Look(NOW, AWAY, AWAY, None), 0.01)}
    assert (away["zakhira_database_up"], away["zakhira_node_up"]) == (0, 0)
    assert not {"zakhira_vault_sats", "zakhira_node_height_blocks", "zakhira_follower_turns_total"} & set(away)


def test_a_write_of_the_next_instant_has_no_negative_age() -> None:
    """Two clocks: what was written just after the look is new, not old."""
    look = with_books(unsealed=Unsealed(1, NOW + timedelta(seconds=1)))
    values = {sample.name: sample.value for sample in reserve_samples(look, 0.0)}
    assert (values["zakhira_unsealed_writes"], values["zakhira_unsealed_oldest_age_seconds"]) == (1, 0)
