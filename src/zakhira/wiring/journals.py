"""Which log a command writes, and the secrets that settings and a reserve's files would bring into it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from zakhira.adapters.log.journal import Journal, Write, make_journal, to_file, to_nowhere, to_stderr
from zakhira.adapters.software_signer import utc_now
from zakhira.kernel.errors import ZakhiraError
from zakhira.wiring.reserve_drill import PASSPHRASE_FILE
from zakhira.wiring.reserve_folder import NodeAddress, ReserveFolder, ReserveTerms, read_terms
from zakhira.wiring.settings import Settings

STDERR = "-"
FOLLOW_LOG = Path("log") / "follow.jsonl"
"""Where ``reserve follow`` writes its log in the reserve's folder, unless it is told another place."""
_SECRET_FILE_BYTES = 4_096


def open_journal(settings: Settings, target: str | None) -> Journal:
    """The log at a path, on stderr for ``-``, or none; raises LogUnwritable."""
    journal = make_journal(_writing(target), utc_now)
    journal.guard(settings.passphrase)
    for url in (settings.database_url, settings.database_owner_url, settings.database_watcher_url):
        if url:
            journal.guard(*_password(url))
    return journal


def _writing(target: str | None) -> Write:
    if not target:
        return to_nowhere
    return to_stderr if target == STDERR else to_file(Path(target).expanduser())


def journal_of(journal: Journal, folder: Path | None) -> Journal:
    """The same log with the reserve's id on every entry, and its secrets hidden; unchanged where there is none."""
    if folder is None:
        return journal
    try:
        place, terms = read_terms(folder)
    except ZakhiraError:
        return journal
    guard_reserve(journal, place, terms)
    return journal.bind(reserve=terms.id)


def guard_reserve(journal: Journal, place: ReserveFolder, terms: ReserveTerms) -> None:
    """Hide what opens the reserve's nodes and its drill's keys, as it is now."""
    for node in (terms.node, terms.second_node):
        if node is not None:
            guard_node(journal, node)
    journal.guard(*_read(place.keys / PASSPHRASE_FILE))


def guard_node(journal: Journal, node: NodeAddress) -> None:
    """Hide what opens a node: the password in its address, and the cookie in its file."""
    with suppress(ValueError):
        password = urlsplit(node.url).password
        if password:
            journal.guard(password, unquote(password))
    if node.cookie is not None:
        for text in _read(node.cookie):
            journal.guard(text, text.partition(":")[2])


def _read(path: Path) -> list[str]:
    """What a small file of secrets holds, if it can be read."""
    try:
        with path.open(encoding="utf-8") as file:
            return [file.read(_SECRET_FILE_BYTES).strip()]
    except (OSError, UnicodeDecodeError):
        return []


def _password(dsn: str) -> list[str]:
    try:
        return [str(value) for name, value in conninfo_to_dict(dsn).items() if value and "password" in name]
    except ProgrammingError:
        return [dsn]
