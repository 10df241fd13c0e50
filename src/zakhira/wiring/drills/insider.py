"""A drill of betrayal: somebody with the database's own password, and then with a quorum of stolen keys."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import cast

import psycopg
from embit.bip32 import HDKey
from embit.networks import NETWORKS
from embit.psbt import PSBT

from zakhira.adapters.drill_keys import licensee_address
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.server import EmbeddedServer
from zakhira.cli.watch_services import WatchInit, WatchOrder
from zakhira.custody.descriptor import vault_descriptor
from zakhira.flows.arrival_judging import judge_arrivals
from zakhira.flows.following import follow_chain
from zakhira.flows.governing.acting import Chamber, authority_in
from zakhira.flows.officer_words import sign_approval
from zakhira.flows.spending.deciding import take_approval
from zakhira.flows.spending.spend import TREASURY_SPEND
from zakhira.flows.spending.step import load_spend
from zakhira.flows.treasury import policy_in_force
from zakhira.kernel.canonical import Json
from zakhira.kernel.money import SATS_PER_BTC
from zakhira.programme.policy_text import policy_hash
from zakhira.wiring.drills.carrying import free_officer, order_of, propose_by_somebody, quorum_of
from zakhira.wiring.drills.stage import COLD, INTAKE, Stage
from zakhira.wiring.own_server import DATABASE
from zakhira.wiring.watch_service import WatchDesk

AMOUNTS_SATS = (60_000_000, 40_000_000)
PAID_SATS = 20_000_000
_FEE_SATS = 2_000
_OWN_ALL = "ALTER TABLE zakhira.record DISABLE TRIGGER USER"
_OWN_NONE = "ALTER TABLE zakhira.record ENABLE TRIGGER USER"


def insider(stage: Stage) -> None:
    """An administrator of the database edits an instruction, an approval and the policy, then steals three keys."""
    stage.receive(COLD, *AMOUNTS_SATS)
    order = order_of(stage, "edited", COLD, (("", PAID_SATS),), to_vault=INTAKE)
    spend = stage.does(
        "an honest move is proposed",
        "the policy lets it be proposed",
        lambda: propose_by_somebody(stage, order),
        lambda made: f"{made.id}, {made.paid_sats} sat",
    )
    if spend is None:
        return
    _edit_instruction(stage, order.id)
    _forge_approval(stage, order.id)
    _edit_policy(stage)
    stage.books_hold()
    _steal(stage)


def _edit_instruction(stage: Stage, spend_id: str) -> None:
    """Ten times the amount, written straight into the table by its owner."""
    paid, more = str(PAID_SATS), str(PAID_SATS * 10)
    with _edited(stage, TREASURY_SPEND, spend_id, f'"amount_sats": {paid}', f'"amount_sats": {more}'):
        stage.refuses(
            "the administrator writes ten times the amount into the instruction",
            "an instruction that its proposer did not sign is not read",
            lambda: load_spend(stage.treasury, spend_id),
            "ZK-FLOWS-044",
        )
        _breaks_named(stage, "the books are computed anew")


def _forge_approval(stage: Stage, spend_id: str) -> None:
    """The administrator signs for an officer with a key of their own."""
    spend = load_spend(stage.treasury, spend_id)
    policy = policy_in_force(stage.treasury)
    roles = {role for officer in policy.officers for role in (officer.role, *officer.more_roles)}
    name = free_officer(stage, spend, roles)
    other = next(officer.id for officer in policy.officers if officer.id != name)
    at = stage.treasury.now.replace(microsecond=0)
    forged = replace(sign_approval(stage.officer(other), spend.instruction.hash, at, policy_hash(policy)), officer=name)
    stage.refuses(
        f"an approval in the name of {name} is signed by another key",
        "a signature that the officer's key did not make is not taken",
        lambda: take_approval(stage.treasury, spend_id, forged),
        "ZK-FLOWS-046",
    )


def _edit_policy(stage: Stage) -> None:
    """A limit of the first version of the policy is raised in the table."""
    before = policy_in_force(stage.treasury)
    limit = before.fee_limit_sats
    with _edited(stage, "", "", f'"fee_limit_sats": {limit}', f'"fee_limit_sats": {limit}0'):
        stage.finds(
            "the administrator raises a limit of the policy in the table",
            "it is another version, under which no approval that was given counts",
            lambda: _is_other_version(stage, policy_hash(before)),
        )
        _breaks_named(stage, "the books are computed anew")


def _is_other_version(stage: Stage, before: str) -> tuple[bool, str]:
    """As a program that is started now reads it."""
    with contextlib.closing(PostgresBooks(_own_address(stage))) as books:
        now = authority_in(Chamber(books, stage.programme.policy, stage.clock())).version.hash
    return now != before, f"version {now[:16]}... in place of {before[:16]}..."


def _breaks_named(stage: Stage, step: str) -> None:
    def look() -> tuple[bool, str]:
        breaks = stage.treasury.books.breaks()
        return bool(breaks), breaks[0] if breaks else "nothing was found"

    stage.finds(step, "the edited entry is named", look)


def _own_address(stage: Stage) -> str:
    """The database as its owner reaches it."""
    return EmbeddedServer.start(stage.desk.folder.database).ensure_database(DATABASE)


@contextlib.contextmanager
def _edited(stage: Stage, kind: str, record_id: str, before: str, after: str) -> Iterator[None]:
    """Records whose text has ``before`` hold ``after`` inside the block, by the tables' owner; then as they were."""
    where = "body::text LIKE %(like)s AND (%(kind)s = '' OR (kind = %(kind)s AND id = %(id)s))"
    swap = f"UPDATE zakhira.record SET body = replace(body::text, %(before)s, %(after)s)::jsonb WHERE {where}"  # noqa: S608
    told = {"kind": kind, "id": record_id}
    with psycopg.connect(_own_address(stage), autocommit=True) as owner:
        owner.execute(_OWN_ALL)
        owner.execute(swap, {**told, "like": f"%{before}%", "before": before, "after": after})
        try:
            yield
        finally:
            owner.execute(swap, {**told, "like": f"%{after}%", "before": after, "after": before})
            owner.execute(_OWN_NONE)


def _steal(stage: Stage) -> None:
    """A quorum of the cold vault's keys signs outside the coordinator, and the transaction is sent to the node."""
    tower, watch = WatchDesk(stage.settings, stage.clock), stage.desk.folder.root.parent / "watch"
    stage.does(
        "a watchtower is set up with its own copy of policy and vaults, and looks once",
        "it sees nothing wrong with the coins",
        lambda: _look(tower, watch, stage.desk.folder.root),
        lambda seen: f"{len(seen)} notices, none of a coin",
    )
    txid = stage.does(
        "a quorum of stolen keys signs a payment to the thief, past every rule",
        "keys alone can move coins: no program on our side can prevent it",
        lambda: _send_stolen(stage),
        lambda sent: f"{sent[:16]}... is in the mempool",
    )
    stage.finds(
        "the watchtower looks at its node again, without asking the desk",
        "it says that a coin moves against the rules, and names the transaction",
        lambda: _named(_look(tower, watch), str(txid)),
    )
    stage.desk.node.rpc.call("generatetoaddress", [1, stage.nobody])

    def look() -> tuple[bool, str]:
        follow_chain(stage.treasury)
        found = judge_arrivals(stage.treasury).unexplained
        named = [item for item in found if item.spent_by == txid]
        return bool(named), f"{sum(item.amount_sats for item in named)} sat spent by {str(txid)[:16]}..., not ours"

    stage.finds("a block comes", "the desk says too that coins were spent by somebody else", look)


def _look(tower: WatchDesk, watch: Path, reserve: Path | None = None) -> list[str]:
    """What one look of the watchtower tells, as sentences; the watch is made first if a reserve is given."""
    if reserve is not None:
        tower.init(WatchInit(watch, reserve), dry_run=False)
    answer = tower.run(WatchOrder(watch, once=True), lambda _: None, lambda _: None)
    assert answer is not None, "one look has an answer"
    told = cast("list[dict[str, Json]]", answer.facts["told"])
    return [f"{notice['code']} {notice['sentence']}" for notice in told]


def _named(told: list[str], txid: str) -> tuple[bool, str]:
    named = [sentence for sentence in told if txid in sentence or txid[:12] in sentence]
    return bool(named), named[0] if named else f"told: {'; '.join(told) or 'nothing'}"


def _send_stolen(stage: Stage) -> str:
    """The largest coin of the vault, to the thief; signed by embit from the seeds, finished by the node."""
    rpc = stage.desk.node.rpc
    coin = max(stage.treasury.coins.page(COLD), key=lambda item: item.amount_sats)
    txid, _, vout = coin.outpoint.partition(":")
    paid = Decimal(coin.amount_sats - _FEE_SATS) / SATS_PER_BTC
    thief = licensee_address(stage.phrase, "thief")
    bare = rpc.call("createpsbt", [[{"txid": txid, "vout": int(vout)}], [{thief: f"{paid:.8f}"}]])
    ranged = {"desc": vault_descriptor(stage.vault(COLD)), "range": [0, coin.place + 1]}
    psbt = PSBT.from_base64(rpc.call("utxoupdatepsbt", [bare, [ranged]]))
    signers = quorum_of(stage, COLD)
    for name in signers.names:
        root = HDKey.from_seed(stage.seed(signers.owner, name), version=NETWORKS["regtest"]["xprv"])
        psbt.sign_with(root)
    done = rpc.call("finalizepsbt", [psbt.to_string()])
    return str(rpc.call("sendrawtransaction", [done["hex"]]))
