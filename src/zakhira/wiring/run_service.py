"""``zakhira run``: the parts put together, the run carried through, its pack verified and its report written."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from zakhira.adapters.bip322 import Bip322Prover
from zakhira.adapters.bitcoind.block_scan import RawBlock
from zakhira.adapters.bitcoind.node import BitcoindChain
from zakhira.adapters.bitcoind.process import BitcoindProcess
from zakhira.adapters.bitcoind.program import find_bitcoind
from zakhira.adapters.pack_folder import write_pack
from zakhira.adapters.page.render import render_report
from zakhira.adapters.postgres.books import PostgresBooks, open_books
from zakhira.adapters.postgres.coin_store import PostgresCoins
from zakhira.adapters.postgres.logins import Logins
from zakhira.adapters.postgres.movements import PostgresMovements
from zakhira.adapters.postgres.server import EmbeddedServer
from zakhira.adapters.programme_folder import load_programme
from zakhira.cli.answer import Answer, Progress, ServedNode, Table
from zakhira.flows.machinery import Machinery
from zakhira.flows.proving import prove_cold
from zakhira.flows.run import RunRequest, RunResult, run_chain
from zakhira.flows.world import simulate_world
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import InvalidInput
from zakhira.programme.model import Officer, Programme
from zakhira.proofs.verdict import Verdict
from zakhira.reports.facts import RunFacts
from zakhira.reports.run_report import run_report
from zakhira.reports.summary import run_summary
from zakhira.wiring.database import alone_in, given_logins, server_version
from zakhira.wiring.drill import assemble
from zakhira.wiring.fingerprints import run_fingerprints
from zakhira.wiring.plan_answer import plan_answer
from zakhira.wiring.plan_service import make_plan
from zakhira.wiring.run_facts import Finished, gather_facts
from zakhira.wiring.run_folder import RunFolder, open_run_folder, passphrase_of, write_whole
from zakhira.wiring.settings import Settings
from zakhira.wiring.verify_service import verdict_on

DATABASE = "zakhira"
_ENDINGS = {signal.SIGINT, signal.SIGTERM}


class TooManyDays(InvalidInput):
    """The run would go beyond the programme's horizon."""

    code = "ZK-WIRING-005"


class NoRunHere(InvalidInput):
    """The folder holds no run whose node could be started."""

    code = "ZK-WIRING-006"


@dataclass(frozen=True)
class Parts:
    """The outside of a run: its folder, its node and its books."""

    folder: RunFolder
    node: BitcoindProcess
    books: PostgresBooks
    database_version: str


def run_programme(settings: Settings, source: Path, days: int, seed: int, out: Path, progress: Progress) -> Answer:
    """Run the programme in ``source`` for ``days`` days, or carry on the run that ``out`` holds."""
    programme, series = load_programme(source)
    _require_days(programme, days)
    plan = make_plan(programme, series, progress)
    with open_run_folder(out) as folder, _started(settings, folder, programme) as parts:
        people = assemble(programme, folder.keys, passphrase_of(folder, settings.passphrase))
        chain = BitcoindChain(parts.node.rpc, parts.node.remember_time)
        machinery = Machinery(
            books=parts.books,
            chain=chain,
            signers=people.signers,
            officers=people.officers,
            prover=Bip322Prover(programme.chain),
            payout_addresses=people.payout_addresses,
            set_clock=people.clock.set,
            progress=progress,
            movements=PostgresMovements(parts.books),
            coins=PostgresCoins(parts.books),
            read_block=lambda block: RawBlock(block.hash, bytes.fromhex(block.raw_hex)),
        )
        world = simulate_world(programme, series, plan, days, seed, progress)
        result = run_chain(machinery, RunRequest(programme, plan, world, seed))
        verdict = _prove(machinery, parts, programme, source, result)
        done = Finished(programme, series, plan, seed, world, result, verdict)
        facts = gather_facts(done, parts.books, parts.node.version, source, parts.database_version)
        return _finish(parts, facts, done, progress)


def _require_days(programme: Programme, days: int) -> None:
    left = (programme.horizon.end - programme.run_start).days
    if days > left:
        raise TooManyDays(
            f"{days} days from {programme.run_start:%Y-%m-%d %H:%MZ} go beyond the horizon, which has {left} left.",
            f"Give --days {left} or fewer.",
        )


@contextmanager
def _started(settings: Settings, folder: RunFolder, programme: Programme) -> Iterator[Parts]:
    """Start the database and the node, and stop them at the end, whatever happens in between."""
    program = find_bitcoind(settings.bitcoind, settings.tools)
    with (
        run_books(settings, folder) as (books, version),
        BitcoindProcess.start(program, folder.node, programme.run_start) as node,
    ):
        yield Parts(folder, node, books, version)


@contextmanager
def run_books(settings: Settings, folder: RunFolder) -> Iterator[tuple[PostgresBooks, str]]:
    """The books of a run, and the version of their database; the server runs as long as they are open."""
    server = None if settings.database_url else EmbeddedServer.start(folder.database)
    try:
        logins = _logins(settings, server)
        with alone_in(logins.app):
            books = open_books(logins)
            try:
                yield books, server_version(logins.app)
            finally:
                books.close()
    finally:
        if server is not None:
            server.stop()


def _logins(settings: Settings, server: EmbeddedServer | None) -> Logins:
    if server is None:
        assert settings.database_url is not None, "there is a server of its own otherwise"
        return given_logins(settings, settings.database_url)
    server.ensure_database(DATABASE)
    return server.logins(DATABASE, follows=True)


def _prove(machinery: Machinery, parts: Parts, programme: Programme, source: Path, result: RunResult) -> Verdict:
    """Publish the pack and verify what was published, as anybody would: from its files, by the node's RPC."""
    from zakhira.adapters.bitcoind.node_view import connect
    from zakhira.adapters.pack_folder import read_pack

    signing = pack_signers(programme)
    at = result.calendar.time_of(result.height)
    write_pack(parts.folder.pack, prove_cold(machinery, programme, [officer.id for officer in signing], at))
    text = "\n".join(f"{officer.id} {officer.public_key}" for officer in signing)
    view = connect(parts.node.url, parts.node.cookie)
    return verdict_on(read_pack(parts.folder.pack), view, text, str(source / "programme.toml"))


def pack_signers(programme: Programme) -> list[Officer]:
    """Who signs a pack: the first officer of each role but the one that proposes."""
    policy = programme.policy
    return [
        next(officer for officer in policy.officers if officer.role == role)
        for role in policy.roles
        if role != policy.propose_role and any(officer.role == role for officer in policy.officers)
    ]


def _finish(parts: Parts, facts: RunFacts, done: Finished, progress: Progress) -> Answer:
    """Write the report and the outcome, and say what came of it."""
    progress("drawing the report", 0, 1, "")
    report = run_report(facts)
    write_whole(parts.folder.report, render_report(report))
    progress("drawing the report", 1, 1, "")
    rows = run_summary(facts)
    outcome: dict[str, Json] = {
        "summary": {row.key: row.figure for row in rows},
        "fingerprints": run_fingerprints(done, parts.books),
        "report": str(parts.folder.report),
        "pack": str(parts.folder.pack),
    }
    write_whole(parts.folder.outcome, json.dumps(outcome, ensure_ascii=False, indent=2) + "\n")
    table = Table(
        "From megawatt to proof",
        ("", "value", "unit"),
        tuple((row.label, row.value, row.unit) for row in rows),
        right=(1,),
        notes=(f"Report: {parts.folder.report}", f"Pack:   {parts.folder.pack}", _how_to_verify(parts)),
    )
    return Answer((plan_answer(done.plan, done.programme).tables[0], table), outcome, report.headline)


def _how_to_verify(parts: Parts) -> str:
    return f"To verify it yourself: zakhira node {parts.folder.root}   (in another terminal it says how)"


def serve_node(settings: Settings, out: Path, announce: Callable[[ServedNode], None]) -> None:
    """Start the node of a finished run and keep it up until interrupted."""
    from datetime import UTC, datetime

    folder = RunFolder(out.absolute())
    if not folder.node.is_dir():
        raise NoRunHere(f"{out} holds no run.", "Give the --out folder of a run.")
    program = find_bitcoind(settings.bitcoind, settings.tools)
    with BitcoindProcess.start(program, folder.node, datetime(1970, 1, 2, tzinfo=UTC)) as node:
        announce(ServedNode(out, node.url, node.cookie, folder.pack))
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)
        signal.sigwait(_ENDINGS)
