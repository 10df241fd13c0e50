"""``zakhira reserve follow|health|metrics``: the follower with its instruments, and one look for whoever asks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from zakhira.adapters.log.journal import Journal
from zakhira.adapters.log.log_file import LogUnwritable
from zakhira.adapters.metrics.exposition import render
from zakhira.adapters.metrics.sample import samples_facts
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.software_signer import utc_now
from zakhira.cli.answer import Answer, Progress, Table, Word
from zakhira.cli.custody_services import FollowOrder, MetricsText
from zakhira.flows.reserve_health import HealthPart, HealthState, reserve_health
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import OutsideFailure, ZakhiraError
from zakhira.kernel.interval import utc_text
from zakhira.wiring.follow_observer import Instruments
from zakhira.wiring.journals import FOLLOW_LOG, guard_node, guard_reserve, open_journal
from zakhira.wiring.lookout import Lookout
from zakhira.wiring.reserve_desk import Desk, open_archive, open_reserve
from zakhira.wiring.reserve_folder import NodeAddress, ReserveFolder, read_terms
from zakhira.wiring.reserve_follow import follow_reserve
from zakhira.wiring.reserve_node import open_node
from zakhira.wiring.run_folder import write_whole
from zakhira.wiring.settings import Settings

MARKS = {HealthState.OK: "✓ ok", HealthState.WARNING: "! warning", HealthState.FAILING: "✗ failing"}
"""State as a sign and a word; the terminal adds the colour."""


class MetricsUnwritable(OutsideFailure):
    """The file for the metrics cannot be written."""

    code = "ZK-WIRING-061"


def follow_with_instruments(
    settings: Settings,
    order: FollowOrder,
    say: Callable[[Answer], None],
    note: Callable[[str], None],
    progress: Progress,
) -> None:
    """Follow the chain with a log and, where a port was named, with metrics served meanwhile.

    Raises:
        LogUnwritable, CannotListen: the instruments that were asked for.
        what ``open_reserve`` and ``follow_reserve`` raise.
    """
    place, terms = read_terms(order.folder)
    journal = _journal(settings, order, place, note).bind(reserve=terms.id, command="zakhira reserve follow")
    guard_reserve(journal, place, terms)
    instruments = Instruments(journal)
    try:
        with open_reserve(settings, order.folder, follows=True) as desk, _served(desk, order, instruments, note):
            guard_node(journal, desk.node.address)  # a private node's cookie is made when it starts
            journal.info("following", chain=terms.chain, once=order.once)
            follow_reserve(desk, say, progress, once=order.once, observer=instruments)
    except ZakhiraError as error:
        instruments.ended(error)
        raise
    except KeyboardInterrupt:
        journal.info("following ended")
        raise


def _journal(settings: Settings, order: FollowOrder, place: ReserveFolder, note: Callable[[str], None]) -> Journal:
    """The log that was asked for, or the follower's own; that one nobody asked for, so that it may be missing."""
    target = order.log or settings.log
    if target or order.once:
        return open_journal(settings, target)
    try:
        return open_journal(settings, str(place.root / FOLLOW_LOG))
    except LogUnwritable as error:
        note(f"{error.code} {error.message} The chain is followed without a log.")
        return open_journal(settings, None)


@contextlib.contextmanager
def _served(desk: Desk, order: FollowOrder, instruments: Instruments, note: Callable[[str], None]) -> Iterator[None]:
    """The metrics over HTTP, where a port was named."""
    if order.metrics_port is None:
        yield
        return
    from zakhira.adapters.metrics.server import MetricsServer

    archive = desk.archive
    lookout = Lookout(archive.terms, archive.books, desk.node.address, archive.clock, instruments.figures)
    with contextlib.closing(lookout):
        server = MetricsServer(lookout.samples, lookout.ready, port=order.metrics_port, host=order.metrics_host)
        with server:
            note(f"Metrics are at {server.url}/metrics, readiness at {server.url}/readyz.")
            yield


@contextlib.contextmanager
def open_lookout(settings: Settings, folder: Path) -> Iterator[Lookout]:
    """A look at a reserve for a command: a database or node that is away is what the look tells, and no error.

    Raises:
        NotAReserve, Faults, BooksOfAnotherReserve and others: what somebody has to mend first.
    """
    place, terms = read_terms(folder)
    with contextlib.ExitStack() as stack:
        books: PostgresBooks | ZakhiraError
        node: NodeAddress | ZakhiraError
        try:
            books = stack.enter_context(open_archive(settings, folder)).books
        except OutsideFailure as error:
            books = error
        try:
            node = stack.enter_context(open_node(settings, place, terms)).address
        except ZakhiraError as error:
            node = error
        yield stack.enter_context(contextlib.closing(Lookout(terms, books, node, utc_now)))


def metrics_text(settings: Settings, folder: Path, out: Path | None, *, dry_run: bool) -> MetricsText:
    """The figures of this moment as text, written to a file where one is named.

    Raises:
        MetricsUnwritable: the file cannot be written.
        what :func:`open_lookout` raises.
    """
    with open_lookout(settings, folder) as lookout:
        samples = lookout.samples()
    text = render(samples)[0].decode()
    facts: dict[str, Json] = {"dry_run": dry_run, "samples": samples_facts(samples)}
    if out is None or dry_run:
        return MetricsText(text, facts)
    try:
        write_whole(out, text)
    except OSError as error:
        raise MetricsUnwritable(
            f"{out} cannot be written: {error.strerror}.", "Name a file in a folder where you may write."
        ) from None
    return MetricsText(text, facts, out)


def health_answer(settings: Settings, folder: Path) -> Answer:
    """Each part with its state and what to do; no if one is failing. Raises what :func:`open_lookout` raises."""
    with open_lookout(settings, folder) as lookout:
        look, _ = lookout.look()
    parts = reserve_health(look)
    rows = tuple((MARKS[part.state], part.name, part.detail) for part in parts)
    notes = tuple(f"{part.name}: {_with_folder(part.remedy, folder)}" for part in parts if part.remedy)
    facts: dict[str, Json] = {
        "at": utc_text(look.at.replace(microsecond=0)),
        "healthy": not _failing(parts),
        "parts": [_facts(part, folder) for part in parts],
    }
    table = Table("Parts", ("state", "part", "how it stands"), rows, notes=notes)
    return Answer((table,), facts, _sentence(parts), Word.NO if _failing(parts) else Word.YES)


def _failing(parts: tuple[HealthPart, ...]) -> list[str]:
    return [part.name for part in parts if part.state is HealthState.FAILING]


def _sentence(parts: tuple[HealthPart, ...]) -> str:
    failing = _failing(parts)
    if failing:
        return f"{', '.join(failing)}: failing."
    warned = [part.name for part in parts if part.state is HealthState.WARNING]
    return f"Everything works; look at: {', '.join(warned)}." if warned else "Everything works."


def _with_folder(remedy: str, folder: Path) -> str:
    return remedy.replace(" DIR", f" {folder}")


def _facts(part: HealthPart, folder: Path) -> Json:
    return {
        "part": part.name,
        "state": part.state.value,
        "detail": part.detail,
        "remedy": _with_folder(part.remedy, folder),
        "is_needed": part.is_needed,
    }
