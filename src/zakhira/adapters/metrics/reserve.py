"""The metrics of a reserve: their names, and the samples that one look comes to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from zakhira import __version__
from zakhira.adapters.metrics.sample import Metric, Sample
from zakhira.flows.reserve_figures import BooksFigures, Look, NodeFigures
from zakhira.flows.reserve_health import HealthState, reserve_health
from zakhira.kernel.errors import ZakhiraError

_SECONDS_PER_DAY = 86_400
_DEPTHS = ("settled", "pending", "immature")

BUILD = Metric("zakhira_build_info", "Always 1; the version of the program as a label.", labels=("version",))
DATABASE_UP = Metric("zakhira_database_up", "1 if the database answered, else 0.")
NODE_UP = Metric("zakhira_node_up", "1 if the node answered, else 0.", labels=("node",))
CATCHING_UP = Metric("zakhira_node_catching_up", "1 if the node knows of blocks that it does not have, else 0.")
NODE_HEIGHT = Metric("zakhira_node_height_blocks", "Height of the node's best block.", labels=("node",))
FOLLOWED_HEIGHT = Metric("zakhira_followed_height_blocks", "Height of the last block that the books have taken in.")
PART_OK = Metric("zakhira_part_ok", "1 unless `zakhira reserve health` calls the part failing.", labels=("part",))
VAULT_COINS = Metric("zakhira_vault_coins", "Unspent coins, by how deep they lie.", labels=("vault", "depth"))
VAULT_SATS = Metric("zakhira_vault_sats", "Satoshi in unspent coins.", labels=("vault", "depth"))
SPENDS = Metric("zakhira_spends", "Spends by the state that they are in.", labels=("state",))
SUSPENSE_COINS = Metric("zakhira_suspense_coins", "Unspent coins that nobody announced.")
SUSPENSE_SATS = Metric("zakhira_suspense_sats", "Satoshi in coins that nobody announced.")
UNEXPLAINED = Metric("zakhira_unexplained_spends", "Coins of the vaults that a stranger's transaction spent.")
UNEXPLAINED_SATS = Metric("zakhira_unexplained_sats", "Satoshi in coins that a stranger's transaction spent.")
CLAIMS = Metric("zakhira_claims_sats", "Satoshi that are owed, on demand and later.", labels=("claim",))
BACKING = Metric(
    "zakhira_backing_sats", "Satoshi that may stand behind claims, and behind those on demand.", labels=("claim",)
)
DEFICIT = Metric("zakhira_deficit_sats", "Satoshi by which claims are above the coins behind them.")
HALTED = Metric("zakhira_credits_halted", "1 while nothing is credited to claims since a deficit, else 0.")
UNSEALED = Metric("zakhira_unsealed_writes", "Committed writes that are not in the audit chain yet.")
UNSEALED_AGE = Metric("zakhira_unsealed_oldest_age_seconds", "Age of the oldest write that is not sealed; 0 without.")
KEY_AGE = Metric(
    "zakhira_key_proof_of_life_age_seconds",
    "Age of the last proof that the key works, to the day; +Inf if it never was shown.",
    labels=("signer",),
)
RECOVERY = Metric(
    "zakhira_recovery_path_opens_blocks",
    "Blocks until the recovery path of the vault's oldest coin opens; 0 or less: it is open.",
    labels=("vault",),
)
LAST_TURN = Metric("zakhira_follower_last_turn_age_seconds", "Seconds since the follower last finished a turn.")
TURNS = Metric("zakhira_follower_turns_total", "Turns that the follower has finished since it began.", "counter")
ERRORS = Metric("zakhira_errors_total", "Errors that the follower met since it began.", "counter", ("code",))
LOOK = Metric("zakhira_look_duration_seconds", "How long it took to gather these figures.")

RESERVE_METRICS = (
    BUILD,
    DATABASE_UP,
    NODE_UP,
    CATCHING_UP,
    NODE_HEIGHT,
    FOLLOWED_HEIGHT,
    PART_OK,
    VAULT_COINS,
    VAULT_SATS,
    SPENDS,
    SUSPENSE_COINS,
    SUSPENSE_SATS,
    UNEXPLAINED,
    UNEXPLAINED_SATS,
    CLAIMS,
    BACKING,
    DEFICIT,
    HALTED,
    UNSEALED,
    UNSEALED_AGE,
    KEY_AGE,
    RECOVERY,
    LAST_TURN,
    TURNS,
    ERRORS,
    LOOK,
)
"""All of them, in the order in which they are told."""


@dataclass(frozen=True)
class FollowerFigures:
    """How the follower of this process does. ``since_turn_s`` is None before its first turn."""

    turns: int
    since_turn_s: float | None
    errors: Mapping[str, int] = field(default_factory=dict)


def reserve_samples(look: Look, took_s: float, follower: FollowerFigures | None = None) -> tuple[Sample, ...]:
    """The samples of a look that took so long; those of the follower where this process is one."""
    return tuple(_samples(look, took_s, follower))


def _samples(look: Look, took_s: float, follower: FollowerFigures | None) -> Iterator[Sample]:
    yield BUILD.sample(1, version=__version__)
    yield DATABASE_UP.sample(isinstance(look.books, BooksFigures))
    yield from _of_node("followed", look.node)
    if look.second is not None:
        yield from _of_node("second", look.second)
    if isinstance(look.node, NodeFigures):
        yield CATCHING_UP.sample(look.node.is_catching_up)
    for part in reserve_health(look):
        yield PART_OK.sample(part.state is not HealthState.FAILING, part=part.name)
    if isinstance(look.books, BooksFigures):
        yield from _of_books(look, look.books)
    if follower is not None:
        yield TURNS.sample(follower.turns)
        if follower.since_turn_s is not None:
            yield LAST_TURN.sample(follower.since_turn_s)
        for code, count in sorted(follower.errors.items()):
            yield ERRORS.sample(count, code=code)
    yield LOOK.sample(took_s)


def _of_node(node: str, figures: NodeFigures | ZakhiraError) -> Iterator[Sample]:
    yield NODE_UP.sample(isinstance(figures, NodeFigures), node=node)
    if isinstance(figures, NodeFigures):
        yield NODE_HEIGHT.sample(figures.height, node=node)


def _of_books(look: Look, books: BooksFigures) -> Iterator[Sample]:
    if books.span is not None:
        yield FOLLOWED_HEIGHT.sample(books.span.height)
    for status in books.vaults:
        for depth in _DEPTHS:
            held = getattr(status, depth)
            yield VAULT_COINS.sample(held.count, vault=status.vault, depth=depth)
            yield VAULT_SATS.sample(held.sats, vault=status.vault, depth=depth)
    for state, count in books.spends.items():
        yield SPENDS.sample(count, state=state.value)
    yield SUSPENSE_COINS.sample(books.suspense.count)
    yield SUSPENSE_SATS.sample(books.suspense.sats)
    yield UNEXPLAINED.sample(books.unexplained.count)
    yield UNEXPLAINED_SATS.sample(books.unexplained.sats)
    if books.backing is not None:
        yield CLAIMS.sample(books.backing.demand, claim="demand")
        yield CLAIMS.sample(books.backing.term, claim="term")
        yield BACKING.sample(books.backing.available, claim="any")
        yield BACKING.sample(books.backing.available_on_demand, claim="demand")
        yield DEFICIT.sample(books.backing.deficit)
        yield HALTED.sample(books.backing.is_halted)
    oldest = books.unsealed.oldest_at
    yield UNSEALED.sample(books.unsealed.count)
    yield UNSEALED_AGE.sample(max(0.0, (look.at - oldest).total_seconds()) if oldest else 0)
    for signer, days in books.proof_ages_days.items():
        yield KEY_AGE.sample(math.inf if days is None else days * _SECONDS_PER_DAY, signer=signer)
    for vault, blocks in books.recovery_blocks.items():
        yield RECOVERY.sample(blocks, vault=vault)
