"""``zakhira reserve status``: what the vaults hold, how fresh that is, and what wants somebody's attention."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import cast

from zakhira.cli.answer import Answer, Table
from zakhira.controls.acts.authority import Authority
from zakhira.custody.vault_state import VaultRecord
from zakhira.flows.attention import AgeingCoin, Refresh, ageing_coins, is_under_way, refreshes, silent_keys
from zakhira.flows.coin_papers import SUSPENSE_ACCOUNT
from zakhira.flows.governing.standing import authority_now
from zakhira.flows.ports.coin_store import VaultStatus
from zakhira.flows.spending.spend_line import SpendLine, spend_lines
from zakhira.flows.treasury import Treasury, vault_records
from zakhira.flows.unexplained_spends import unexplained_spends
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import utc_text
from zakhira.wiring.amount_text import btc_text, counted
from zakhira.wiring.backing_answer import with_backing
from zakhira.wiring.governing_answers import authority_facts, authority_tables
from zakhira.wiring.reserve_desk import Desk

_ROWS = 20
"""Rows of a table of things to attend to; the JSON has them all."""
_REFRESHES_SHOWN = 5
_MINUTES_PER_HOUR = 60
_HOURS_SHOWN = 3


def reserve_status(desk: Desk) -> Answer:
    """The status as tables and facts."""
    treasury = desk.treasury
    records = vault_records(treasury.books)
    states = {name: treasury.coins.status(name, treasury.depth) for name in records}
    chain = _chain_facts(desk, treasury)
    spends = [line for line in spend_lines(treasury.books).values() if is_under_way(line)]
    suspense = treasury.books.balances().get(SUSPENSE_ACCOUNT)
    suspense_sats = abs(suspense.units) if suspense else 0
    ageing = ageing_coins(treasury)
    needed = refreshes(treasury, ageing)
    silent = silent_keys(treasury, treasury.now.date())
    stolen = unexplained_spends(treasury.books)
    authority = authority_now(treasury)
    facts: dict[str, Json] = {
        "chain": chain,
        "authority": authority_facts(authority, treasury.policy),
        "vaults": [
            {**_vault_facts(records[name], status), "is_accepted": authority.accepts(records[name].vault)}
            for name, status in states.items()
        ],
        "spends": [_spend_facts(line) for line in spends],
        "suspense_sats": suspense_sats,
        "unexplained_spends": [
            {"outpoint": item.outpoint, "vault": item.vault, "amount_sats": item.amount_sats, "spent_by": item.spent_by}
            for item in stolen
        ],
        "ageing_coins": [_ageing_facts(item) for item in ageing],
        "refreshes": [_refresh_facts(item) for item in needed],
        "keys_without_proof_of_life": [
            {
                "signer": key.signer,
                "vaults": list(vaults),
                "last": key.last_proof_of_life.isoformat() if key.last_proof_of_life else "",
            }
            for key, vaults in silent
        ],
    }
    tables = [
        _vault_table(records, states, chain, authority),
        *authority_tables(authority, treasury.policy, desk.folder.root),
    ]
    if stolen:
        lost = tuple((item.vault, btc_text(item.amount_sats), item.outpoint, item.spent_by) for item in stolen)
        warning = ("No spend of ours is this transaction: keys are in other hands. Stop everything and call.",)
        tables.insert(0, _cut("SPENT BY SOMEBODY ELSE", ("vault", "BTC", "coin", "by"), lost, (1,), warning))
    if spends:
        tables.append(_spend_table(spends))
    if ageing:
        tables.append(_ageing_table(desk, ageing, needed))
    if silent:
        rows = tuple(
            (key.signer, ", ".join(vaults), key.last_proof_of_life.isoformat() if key.last_proof_of_life else "never")
            for key, vaults in silent
        )
        remedy = (f"Let them test-sign: zakhira vault test-sign {desk.folder.root} VAULT --out FILE",)
        tables.append(_cut("Keys without a recent proof of life", ("signer", "vault", "last"), rows, (), remedy))
    frozen = "FROZEN: nothing moves until a thaw. " if authority.freezes else ""
    answer = Answer(tuple(tables), facts, frozen + _sentence(states, suspense_sats, chain))
    return with_backing(answer, desk.archive.books)


def _sentence(states: Mapping[str, VaultStatus], suspense_sats: int, chain: Mapping[str, Json]) -> str:
    settled = sum(state.settled.sats for state in states.values())
    waiting = sum(state.pending.sats + state.immature.sats for state in states.values())
    followed = chain["followed_height"]
    if followed is None:
        return "The chain was not followed yet. Next: zakhira reserve follow DIR --once"
    text = f"{btc_text(settled)} BTC settled and {btc_text(waiting)} BTC waiting in {counted(len(states), 'vault')}"
    text += f" at block {followed}"
    if suspense_sats:
        text += f"; of these {btc_text(suspense_sats)} BTC are in suspense: nobody announced them"
    behind = cast("int", chain["tip_height"]) - cast("int", followed)
    return text + (f". The books are {counted(behind, 'block')} behind the node." if behind else ".")


def _chain_facts(desk: Desk, treasury: Treasury) -> dict[str, Json]:
    height, tip = treasury.node.tip()
    span = treasury.coins.span()
    seconds = int(desk.node.rpc.call("getblockheader", [tip])["time"])
    tip_at = datetime.fromtimestamp(seconds, UTC)
    facts: dict[str, Json] = {
        "name": treasury.chain,
        "tip_height": height,
        "tip_hash": tip,
        "tip_at": utc_text(tip_at),
        "tip_age_minutes": int((treasury.now - tip_at).total_seconds() // _MINUTES_PER_HOUR),
        "followed_height": span.height if span else None,
        "followed_hash": span.hash if span else "",
        "second_node": None,
    }
    if treasury.second is not None:
        other_height, other = treasury.second.tip()
        facts["second_node"] = {"tip_height": other_height, "tip_hash": other, "agrees": other == tip}
    return facts


def _age(minutes: int) -> str:
    if minutes < _HOURS_SHOWN * _MINUTES_PER_HOUR:
        return f"{minutes} minutes"
    return f"{minutes // _MINUTES_PER_HOUR} hours"


def _vault_table(
    records: Mapping[str, VaultRecord],
    states: Mapping[str, VaultStatus],
    chain: Mapping[str, Json],
    authority: Authority,
) -> Table:
    rows = tuple(
        (
            name,
            records[name].vault.purpose,
            records[name].state
            + (" (drill)" if records[name].vault.is_drill else "")
            + ("" if authority.accepts(records[name].vault) else ", not accepted"),
            btc_text(state.settled.sats),
            btc_text(state.pending.sats),
            btc_text(state.immature.sats),
            str(state.settled.count + state.pending.count + state.immature.count),
        )
        for name, state in states.items()
    )
    notes = [
        f"Node: block {chain['tip_height']} of {chain['name']}, {_age(cast('int', chain['tip_age_minutes']))} old.",
    ]
    second = cast("Mapping[str, Json] | None", chain["second_node"])
    if second is not None:
        word = "the same block" if second["agrees"] else "ANOTHER block: nothing may move until they agree"
        notes.append(f"Second node: block {second['tip_height']}, {word}.")
    columns = ("vault", "purpose", "state", "settled\nBTC", "pending\nBTC", "immature\nBTC", "coins")
    return Table("Vaults", columns, rows, right=(3, 4, 5, 6), notes=tuple(notes))


def _cut(
    title: str,
    columns: tuple[str, ...],
    rows: tuple[tuple[str, ...], ...],
    right: tuple[int, ...],
    notes: tuple[str, ...],
) -> Table:
    """A table of the first rows, which says how many there are in all."""
    more = (f"{len(rows)} in all; --json has them.",) if len(rows) > _ROWS else ()
    return Table(title, columns, rows[:_ROWS], right=right, notes=(*notes, *more))


def _spend_table(spends: list[SpendLine]) -> Table:
    rows = tuple(
        (line.id, line.state.value, line.from_vault, btc_text(line.paid_sats), line.purpose, utc_text(line.expires_at))
        for line in spends
    )
    columns = ("spend", "state", "from", "BTC", "purpose", "expires")
    return _cut("Spends under way", columns, rows, (3,), ())


def _ageing_table(desk: Desk, ageing: tuple[AgeingCoin, ...], needed: tuple[Refresh, ...]) -> Table:
    rows = tuple(
        (
            item.coin.vault,
            f"{item.coin.outpoint[:16]}...{item.coin.outpoint[-4:]}",
            btc_text(item.coin.amount_sats),
            f"{item.opens_at_height:,}",
            "open now" if item.blocks_left <= 0 else f"{item.blocks_left:,}",
            f"{item.days_left:.1f}",
            f"{item.recovery.threshold} of {len(item.recovery.keys)}",
        )
        for item in ageing
    )
    columns = ("vault", "coin", "BTC", "opens in\nblock", "blocks\nleft", "days\nleft", "recovery\nkeys")
    notes = ["A refresh, a spend of the vault to itself, resets the age (ten minutes a block [E]):"]
    for refresh in needed[:_REFRESHES_SHOWN]:
        name = f"refresh-{refresh.vault}-{refresh.opens_at_height}"
        notes.append(f"zakhira spend move {desk.folder.root} {name} --from {refresh.vault} --to {refresh.to_vault}")
        notes.append(f"    --older-than {refresh.older_than_height} --key OFFICER")
    return _cut("Coins whose recovery path nears maturity", columns, rows, (2, 3, 4, 5), tuple(notes))


def _vault_facts(record: VaultRecord, status: VaultStatus) -> dict[str, Json]:
    return {
        "vault": record.vault.id,
        "purpose": record.vault.purpose,
        "state": record.state,
        "is_drill": record.vault.is_drill,
        "successor": record.successor,
        **dict(_sums(status)),
    }


def _sums(status: VaultStatus) -> Iterator[tuple[str, Json]]:
    for name in ("settled", "pending", "immature"):
        part = getattr(status, name)
        yield f"{name}_sats", part.sats
        yield f"{name}_coins", part.count


def _spend_facts(line: SpendLine) -> Json:
    return {
        "id": line.id,
        "state": line.state.value,
        "from_vault": line.from_vault,
        "paid_sats": line.paid_sats,
        "purpose": line.purpose,
        "proposed_by": line.proposed_by,
        "expires_at": utc_text(line.expires_at),
    }


def _ageing_facts(item: AgeingCoin) -> Json:
    return {
        "vault": item.coin.vault,
        "outpoint": item.coin.outpoint,
        "amount_sats": item.coin.amount_sats,
        "opens_at_height": item.opens_at_height,
        "blocks_left": item.blocks_left,
        "days_left": round(item.days_left, 1),
        "is_open": item.blocks_left <= 0,
    }


def _refresh_facts(item: Refresh) -> Json:
    return {
        "vault": item.vault,
        "to_vault": item.to_vault,
        "older_than_height": item.older_than_height,
        "coins": item.coins,
        "total_sats": item.total_sats,
        "opens_at_height": item.opens_at_height,
    }
