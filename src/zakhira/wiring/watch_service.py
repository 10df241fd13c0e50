"""The watchtower's use cases: a copy is made, the watch runs, is asked, and is fed from files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import cast

from zakhira.adapters.bitcoind.node_view import open_rpc
from zakhira.adapters.postgres.coin_store import PostgresCoins
from zakhira.adapters.postgres.passfiles import Login
from zakhira.adapters.postgres.server import EmbeddedServer
from zakhira.adapters.postgres.watch_source import PostgresSource
from zakhira.adapters.signed_folder import FolderSource, write_signed
from zakhira.adapters.software_signer import utc_now
from zakhira.adapters.watch_store import WatchStore
from zakhira.cli.answer import Answer, Table, Word
from zakhira.cli.watch_services import WatchInit, WatchOrder
from zakhira.custody.vault_state import RETIRED, VaultRecord
from zakhira.flows.governing.acts import authority_of
from zakhira.flows.registered_keys import key_register
from zakhira.flows.reservations import LAST_PLACE
from zakhira.flows.treasury import vault_records
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.interval import utc_text
from zakhira.programme.policy_text import policy_hash
from zakhira.watch.alarm import News, Notice, Raised
from zakhira.watch.state import WatchState
from zakhira.watch.terms import KeyShown, Limits, WatchTerms
from zakhira.wiring.amount_text import counted
from zakhira.wiring.own_server import DATABASE
from zakhira.wiring.reserve_desk import Archive, Clock, open_archive
from zakhira.wiring.reserve_folder import NodeAddress
from zakhira.wiring.reserve_node import open_node
from zakhira.wiring.settings import Settings
from zakhira.wiring.watch_courier import notifiers_of
from zakhira.wiring.watch_folder import (
    STATE_FILE,
    WATCH_FILE,
    WatchSettings,
    read_watch,
    require_new,
    write_watch,
)
from zakhira.wiring.watch_run import keeping, served

_MARKS = {News.RAISED: "ALARM", News.CHANGED: "ALARM changed", News.REPEATED: "ALARM still", News.ENDED: "over"}
_ROWS = 50


class SourceUnclear(InvalidInput):
    """The coordinator's own login to the database would be written into the folder of a watch."""

    code = "ZK-WIRING-095"


class WatchDesk:
    """Implements ``cli.watch_services.WatchServices``."""

    def __init__(self, settings: Settings, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._clock = clock

    def init(self, order: WatchInit, *, dry_run: bool) -> Answer:
        """Make a watch, or renew its copy."""
        before = read_watch(order.folder)[1] if order.renew else None
        if before is None:
            require_new(order.folder)
        with open_archive(self._settings, order.reserve, clock=self._clock) as archive:
            terms = _terms(archive)
            others = sorted(vault_records(archive.books).keys() - {record.vault.id for record in terms.vaults})
            settings = None if order.renew else self._watch_settings(order, archive)
        if not dry_run:
            write_watch(order.folder, settings, terms)
        return _init_answer(order, terms, before, others, dry_run=dry_run)

    def _watch_settings(self, order: WatchInit, archive: Archive) -> WatchSettings:
        chain = archive.terms.chain
        node = NodeAddress(order.node_url, _absolute(order.cookie)) if order.node_url else None
        second = NodeAddress(order.second_url, _absolute(order.second_cookie)) if order.second_url else None
        for address in (node, second):
            if address is not None:
                open_rpc(address.url, address.cookie, chain=chain)
        if node is None:
            with open_node(self._settings, archive.folder, archive.terms) as found:
                node = found.address
        limits = Limits() if chain != "regtest" else replace(Limits(), tip_older_than=Limits().tip_older_than * 0)
        made = WatchSettings(chain, node, second, limits=limits)
        if order.source and Path(order.source).is_dir():
            return replace(made, folder=Path(order.source).absolute())
        if not order.source and self._settings.database_url:
            raise SourceUnclear(
                "The reserve's database is reached with the coordinator's own login, which a watch must not have.",
                "Make a login with the role zakhira_watchtower alone, and give its address with --source.",
            )
        return replace(made, database=order.source or self._database(archive))

    def _database(self, archive: Archive) -> str:
        if self._settings.database_url:
            return self._settings.database_url
        return EmbeddedServer.start(archive.folder.database).dsn(DATABASE, Login.WATCHTOWER)

    def run(self, order: WatchOrder, say: Callable[[Answer], None], note: Callable[[str], None]) -> Answer | None:
        """Watch, once or until a signal comes."""
        settings, terms = read_watch(order.folder)

        told: list[Json] = []

        def tell(notice: Notice) -> None:
            if order.once:
                told.append(notice.as_json())
            else:
                say(_notice_answer(notice))

        with keeping(order.folder, settings, terms, tell, self._clock) as run, served(run, order.metrics_port, note):
            if not order.once:
                note(f"Watching {counted(len(terms.vaults), 'vault')} on {settings.chain}. Stop with Ctrl-C.")
                run.forever()
                return None
            run.once()
            answer = _state_answer(settings, terms, run.state, ())
        return replace(answer, facts={**answer.facts, "told": told})

    def status(self, folder: Path) -> Answer:
        """What a watch knows."""
        settings, terms = read_watch(folder)
        store = WatchStore(folder / STATE_FILE)
        try:
            state = store.load()
            boxes = store.boxes([notifier.name for notifier in notifiers_of(settings)])
        finally:
            store.close()
        rows = tuple((box.notifier, str(box.waiting), str(box.dropped), box.trouble) for box in boxes)
        columns = ("notifier", "waiting", "no room", "last failure")
        tables = (Table("Notices", columns, rows, right=(1, 2)),) if rows else ()
        answer = _state_answer(settings, terms, state, tables)
        notices: list[Json] = [
            {"notifier": box.notifier, "waiting": box.waiting, "dropped": box.dropped, "trouble": box.trouble}
            for box in boxes
        ]
        return replace(answer, facts={**answer.facts, "notices": notices}, word=Word.YES)

    def export(self, reserve: Path, out: Path, *, dry_run: bool) -> Answer:
        """Write what officers signed into a folder."""
        with open_archive(self._settings, reserve, clock=self._clock) as archive:
            source = PostgresSource(self._database(archive))
            try:
                things = source.read()
            finally:
                source.close()
        written = 0 if dry_run else write_signed(out, things)
        if not dry_run:
            FolderSource(out).read()
        verb = "Dry run: would export" if dry_run else "Exported"
        spends, acts = len(things.spends), len(things.acts)
        sentence = f"{verb} {counted(spends, 'spend')} and {counted(acts, 'act')} about the policy to {out}; "
        sentence += f"{counted(written, 'file')} written."
        facts: dict[str, Json] = {
            "dry_run": dry_run,
            "out": os.fspath(out),
            "spends": spends,
            "acts": acts,
            "written": written,
        }
        return Answer((), facts, sentence)


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()


def _terms(archive: Archive) -> WatchTerms:
    """The copy of policy, vaults and keys as the reserve has them now."""
    books = archive.books
    state = authority_of(books, archive.programme.policy, archive.clock())
    policy = state.version.policy
    records = {name: record for name, record in vault_records(books).items() if state.accepts(record.vault)}
    span = PostgresCoins(books).span()
    shown = _shown(archive, records)
    return WatchTerms(
        policy=replace(policy, vaults=()),
        chain=archive.terms.chain,
        vaults=tuple(records.values()),
        start_height=span.first_height if span else 0,
        last_places=_last_places(archive, records),
        keys=tuple(KeyShown(signer, on) for signer, on in sorted(shown.items())),
    )


def _shown(archive: Archive, records: Mapping[str, VaultRecord]) -> dict[str, date | None]:
    """When each key of a vault that is not retired was last shown to work, by the register or by the vault's tests."""
    days: dict[str, list[date]] = {}
    for record in records.values():
        if record.state != RETIRED:
            for signer in record.signers:
                days.setdefault(signer, [])
    proofs = [(proof.signer, proof.on) for record in records.values() for proof in record.test_signed]
    proofs += [(key.signer, key.last_proof_of_life) for key in key_register(archive.books) if key.last_proof_of_life]
    for signer, on in proofs:
        if signer in days:
            days[signer].append(on)
    return {signer: max(found, default=None) for signer, found in days.items()}


def _last_places(archive: Archive, records: Mapping[str, VaultRecord]) -> dict[tuple[str, int], int]:
    found = dict(PostgresCoins(archive.books).last_places())
    for name, body in archive.books.records(LAST_PLACE).items():
        vault, _, branch = name.rpartition("/")
        place = cast("int", cast("Mapping[str, Json]", body)["place"])
        found[vault, int(branch)] = max(found.get((vault, int(branch)), -1), place)
    return {key: place for key, place in found.items() if key[0] in records}


def _init_answer(
    order: WatchInit, terms: WatchTerms, before: WatchTerms | None, others: list[str], *, dry_run: bool
) -> Answer:
    verb = ("Would renew" if dry_run else "Renewed") if before else ("Would make" if dry_run else "Made")
    hashed = policy_hash(terms.policy)
    what = "the copy of the watch" if before else "a watch"
    sentence = (
        f"{verb} {what} in {order.folder}: {counted(len(terms.vaults), 'vault')}, policy {hashed[:12]}. "
        f"Compare that hash with the officers' paper. Next: zakhira watch run {order.folder}"
    )
    if others:
        sentence += f" Left out, for no officers have accepted them: {', '.join(others)}."
    changes = _changes(before, terms) if before else []
    tables = [Table("Changed", ("what", "before", "now"), tuple(changes))] if changes else []
    rows = tuple((record.vault.id, record.state, record.vault.template) for record in terms.vaults)
    tables.append(Table("Watched", ("vault", "state", "template"), rows))
    facts: dict[str, Json] = {
        "dry_run": dry_run,
        "folder": os.fspath(order.folder),
        "policy_hash": hashed,
        "vaults": [record.vault.id for record in terms.vaults],
        "not_accepted": [*others],
        "start_height": terms.start_height,
        "changes": [list(change) for change in changes],
        "files": [os.fspath(order.folder / name) for name in (WATCH_FILE, "copy.json")],
    }
    return Answer(tuple(tables), facts, sentence)


def _changes(before: WatchTerms, after: WatchTerms) -> list[tuple[str, str, str]]:
    found = []
    if policy_hash(before.policy) != policy_hash(after.policy):
        found.append(("policy", policy_hash(before.policy)[:12], policy_hash(after.policy)[:12]))
    old = {record.vault.id: record for record in before.vaults}
    for record in after.vaults:
        known = old.get(record.vault.id)
        if known is None:
            found.append((f"vault {record.vault.id}", "not watched", record.state))
        elif known.vault != record.vault:
            found.append((f"vault {record.vault.id}", "other keys or paths", "as it is now"))
    gone = old.keys() - {record.vault.id for record in after.vaults}
    return found + [(f"vault {name}", "watched", "gone from the books") for name in sorted(gone)]


def _notice_answer(notice: Notice) -> Answer:
    sentence = f"{_MARKS[notice.news]} {notice.alarm.kind.code} ({notice.alarm.kind.severity.value}): "
    return Answer((), notice.as_json(), f"{sentence}{notice.alarm.sentence}")


def _raised_facts(raised: Raised) -> Json:
    return {**raised.alarm.as_json(), "since": utc_text(raised.since), "told_at": utc_text(raised.told_at)}


def _state_answer(settings: WatchSettings, terms: WatchTerms, state: WatchState, tables: tuple[Table, ...]) -> Answer:
    alarms = sorted(state.raised.values(), key=lambda one: (one.alarm.kind.severity.value, one.since))
    held = sum(coin.amount_sats for coin in state.coins.values() if coin.is_unspent)
    count = sum(coin.is_unspent for coin in state.coins.values())
    word = counted(len(alarms), "alarm") if alarms else "No alarm"
    sentence = f"{word} at block {state.height} on {settings.chain}; {counted(count, 'coin')} of the vaults watched."
    rows = tuple(
        (one.alarm.kind.severity.value, one.alarm.kind.code, utc_text(one.since), one.alarm.sentence)
        for one in alarms[:_ROWS]
    )
    shown = (Table("Alarms", ("haste", "code", "since", "what"), rows),) if rows else ()
    facts: dict[str, Json] = {
        "height": state.height,
        "hash": state.blocks.get(state.height, ""),
        "policy_hash": policy_hash(terms.policy),
        "vaults": [record.vault.id for record in terms.vaults],
        "coins": count,
        "amount_sats": held,
        "spends_seen": len(state.spends),
        "looked_at": state.times.get("pool", ""),
        "heartbeat": state.times.get("heartbeat", ""),
        "alarms": [_raised_facts(one) for one in alarms],
    }
    return Answer((*shown, *tables), facts, sentence, Word.NO if alarms else Word.YES)
