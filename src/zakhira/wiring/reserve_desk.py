"""A reserve opened for work: its books, its node, its programme, and the treasury that the use cases are handed."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from zakhira.adapters.bitcoind.follow import BitcoindFollower
from zakhira.adapters.bitcoind.mempool import BitcoindMempool
from zakhira.adapters.bitcoind.node_view import open_rpc
from zakhira.adapters.postgres.books import PostgresBooks, open_books
from zakhira.adapters.postgres.coin_store import PostgresCoins
from zakhira.adapters.postgres.logins import Logins
from zakhira.adapters.postgres.movements import PostgresMovements
from zakhira.adapters.programme_folder import load_programme_file
from zakhira.adapters.software_signer import utc_now
from zakhira.flows.coin_papers import FEES_ACCOUNT, SUSPENSE_ACCOUNT, UNEXPLAINED_ACCOUNT, vault_account
from zakhira.flows.governing.acting import Chamber
from zakhira.flows.governing.founding import found_policy
from zakhira.flows.governing.vaults import adopt_vaults
from zakhira.flows.policy_authority import PolicyAuthority
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.books_errors import KeyReused
from zakhira.flows.treasury import Treasury, vault_records
from zakhira.kernel.errors import InvalidInput
from zakhira.programme.model import AccountSpec, Programme
from zakhira.wiring.database import given_logins
from zakhira.wiring.own_server import DATABASE, own_server
from zakhira.wiring.reserve_folder import ReserveFolder, ReserveTerms, read_terms
from zakhira.wiring.reserve_node import OpenNode, open_node
from zakhira.wiring.settings import Settings

_SEED_BITS = 53
"""Seeds are whole numbers that JSON carries exactly."""

Clock = Callable[[], datetime]


class ProgrammeOfAnotherChain(InvalidInput):
    """The programme file names another chain than the reserve."""

    code = "ZK-WIRING-025"


class BooksOfAnotherReserve(InvalidInput):
    """The database holds the books of another reserve."""

    code = "ZK-WIRING-036"


RESERVE = "reserve"
"""Kind of the one record that says whose books these are."""


@dataclass(frozen=True)
class Archive:
    """A reserve without its node: what the books say can be read and written.

    ``watcher`` holds the watcher's login where this machine has one; the books have it only in what follows the chain.
    """

    folder: ReserveFolder
    terms: ReserveTerms
    programme: Programme
    books: PostgresBooks
    clock: Clock
    watcher: Logins | None = None


@dataclass(frozen=True)
class Desk:
    """A reserve with its node. ``treasury`` is what the use cases take; each call gives it the time of that moment."""

    archive: Archive
    node: OpenNode
    _parts: Treasury

    @property
    def folder(self) -> ReserveFolder:
        """Where the reserve lies."""
        return self.archive.folder

    @property
    def terms(self) -> ReserveTerms:
        """What ``reserve.toml`` says."""
        return self.archive.terms

    @property
    def programme(self) -> Programme:
        """The programme that the reserve belongs to."""
        return self.archive.programme

    @property
    def treasury(self) -> Treasury:
        """The parts, at this moment."""
        return Treasury(
            books=self._parts.books,
            coins=self._parts.coins,
            node=self._parts.node,
            mempool=self._parts.mempool,
            second=self._parts.second,
            authority=self._parts.authority,
            policy=self._parts.policy,
            chain=self._parts.chain,
            depth=self._parts.depth,
            now=self.archive.clock(),
            seed=secrets.randbits(_SEED_BITS),
        )


@contextlib.contextmanager
def open_archive(
    settings: Settings, folder: Path, *, clock: Clock = utc_now, follows: bool = False
) -> Iterator[Archive]:
    """The reserve's books without a node, for what needs none; ``follows`` gives them the watcher's login.

    Raises:
        NotAReserve, ReserveUnreadable, Faults: the folder or its ``reserve.toml``.
        BooksOfAnotherReserve: the database is not this reserve's.
        ProgrammeOfAnotherChain, and what ``load_programme_file`` raises: the programme.
        DatabaseUnreachable and others: the database.
    """
    place, terms = read_terms(folder)
    programme, _ = load_programme_file(terms.programme)
    if programme.chain != terms.chain:
        raise ProgrammeOfAnotherChain(
            f"{terms.programme} is on the chain {programme.chain}, the reserve on {terms.chain}.",
            f"Mend programme or chain in {place.terms_file}.",
        )
    with own_books(settings, place, terms, programme, clock, follows=follows) as (books, logins):
        yield Archive(place, terms, programme, books, clock, None if logins.watcher is None else logins)


@contextlib.contextmanager
def open_reserve(settings: Settings, folder: Path, *, clock: Clock = utc_now, follows: bool = False) -> Iterator[Desk]:
    """The reserve with its node. Database and private node are started if they do not run, and ended by the last user.

    ``follows``: the command follows the chain all the time; whoever only catches up uses ``reserve_watching``.

    Raises:
        what :func:`open_archive` raises; NodeUnreachable, NodeRefused, WrongChain and others: a node.
    """
    with (
        open_archive(settings, folder, clock=clock, follows=follows) as archive,
        open_node(settings, archive.folder, archive.terms) as node,
        contextlib.ExitStack() as stack,
    ):
        second = archive.terms.second_node
        witness = None
        if second is not None:
            rpc = open_rpc(second.url, second.cookie, chain=archive.terms.chain)
            witness = stack.enter_context(BitcoindFollower(rpc))
        parts = Treasury(
            books=archive.books,
            coins=PostgresCoins(archive.books),
            node=stack.enter_context(BitcoindFollower(node.rpc)),
            mempool=BitcoindMempool(node.rpc),
            second=witness,
            authority=PolicyAuthority(PostgresMovements(archive.books)),
            policy=archive.programme.policy,
            chain=archive.terms.chain,
            depth=archive.terms.depth,
            now=clock(),
            seed=0,
        )
        yield Desk(archive, node, parts)


@contextlib.contextmanager
def own_books(
    settings: Settings,
    folder: ReserveFolder,
    terms: ReserveTerms,
    programme: Programme,
    clock: Clock = utc_now,
    *,
    follows: bool = False,
) -> Iterator[tuple[PostgresBooks, Logins]]:
    """The books of this very reserve, with its accounts; made if they are new. Raises BooksOfAnotherReserve.

    With them the logins that this machine has; the books themselves have the watcher's only if they follow.
    """
    with database_logins(settings, folder) as logins:
        books = open_books(logins if follows else replace(logins, watcher=None))
        try:
            _require_own(books, terms, clock())
            there = tuple(item.vault for item in vault_records(books).values())
            found_policy(books, programme.policy, clock(), there)
            adopt_vaults(Chamber(books, programme.policy, clock()))
            _open_accounts(books, programme)
            yield books, logins
        finally:
            books.close()


@contextlib.contextmanager
def database_logins(settings: Settings, folder: ReserveFolder) -> Iterator[Logins]:
    """The set database, or the reserve's own server: shared by the commands, ended by the one that leaves last."""
    if settings.database_url:
        yield given_logins(settings, settings.database_url)
        return
    with own_server(folder) as own:
        own.server.ensure_database(DATABASE)
        yield own.server.logins(DATABASE, follows=True)


def _require_own(books: PostgresBooks, terms: ReserveTerms, now: datetime) -> None:
    """Mark new books as this reserve's; raises BooksOfAnotherReserve for any other's."""
    body = books.latest(RESERVE, RESERVE)
    if body is None:
        record = Record(RESERVE, RESERVE, {"id": terms.id, "chain": terms.chain})
        with contextlib.suppress(KeyReused):  # somebody else was faster: whose books they are is read again
            books.commit(Write(RESERVE, "desk", "open books", now, records=(record,)))
        body = books.latest(RESERVE, RESERVE)
    if body != {"id": terms.id, "chain": terms.chain}:
        raise BooksOfAnotherReserve(
            "The database holds the books of another reserve.", "Set ZAKHIRA_DATABASE_URL to a database of its own."
        )


def _open_accounts(books: PostgresBooks, programme: Programme) -> None:
    """The accounts of the programme, of custody, and of every vault."""
    known = {account.code for account in programme.accounts}
    ours = [
        AccountSpec(SUSPENSE_ACCOUNT, "BTC", "liability", claim="suspense"),
        AccountSpec(FEES_ACCOUNT, "BTC", "expense"),
        AccountSpec(UNEXPLAINED_ACCOUNT, "BTC", "expense"),
        *(AccountSpec(vault_account(name), "BTC", "asset") for name in vault_records(books)),
    ]
    books.open_accounts((*programme.accounts, *(spec for spec in ours if spec.code not in known)))
