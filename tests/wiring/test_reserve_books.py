"""Whose books they are: a database of the user's own serves one reserve, and an interrupted birth is begun again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from books_bench import shared_template
from conftest import PROJECT
from zakhira.cli.custody_services import ReserveOrder
from zakhira.wiring import reserve_init
from zakhira.wiring.reserve_desk import BooksOfAnotherReserve, ProgrammeOfAnotherChain, open_archive
from zakhira.wiring.reserve_folder import RESERVE_FILE
from zakhira.wiring.reserve_init import init_reserve
from zakhira.wiring.settings import Settings

SMALL = PROJECT / "programmes" / "small"


@pytest.fixture
def settings() -> Iterator[Settings]:
    """A PostgreSQL of the user's own, with a fresh database."""
    template = shared_template()
    name = template.fresh_database()
    yield Settings(database_url=template.server.dsn(name), tools=PROJECT / ".tools")
    template.drop(name)


def order(folder: Path) -> ReserveOrder:
    """A drill's reserve."""
    return ReserveOrder(folder, SMALL, is_drill=True)


def test_a_database_serves_one_reserve(settings: Settings, tmp_path: Path) -> None:
    """The second one is refused before anything of it is written that could be used; the first one works on."""
    init_reserve(settings, order(tmp_path / "first"), dry_run=False)
    assert not (tmp_path / "first" / "database").exists()
    with pytest.raises(BooksOfAnotherReserve):
        init_reserve(settings, order(tmp_path / "second"), dry_run=False)
    assert not (tmp_path / "second" / RESERVE_FILE).exists()
    with open_archive(settings, tmp_path / "first") as archive:
        assert archive.books.breaks() == ()
        assert "liabilities:suspense" in archive.books.balances()


def test_an_interrupted_birth_is_begun_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped before the terms, the same command makes the reserve with the keys that are there."""
    with monkeypatch.context() as broken:
        broken.setattr(reserve_init, "own_books", _stopped)
        with pytest.raises(KeyboardInterrupt):
            init_reserve(settings, order(tmp_path / "r"), dry_run=False)
    key = (tmp_path / "r" / "keys" / "cold-1.key").read_bytes()
    init_reserve(settings, order(tmp_path / "r"), dry_run=False)
    assert (tmp_path / "r" / "keys" / "cold-1.key").read_bytes() == key


def _stopped(*_arguments: object) -> None:
    raise KeyboardInterrupt


def test_a_programme_of_another_chain_is_told(settings: Settings, tmp_path: Path) -> None:
    """The programme file is read at each opening; what it says of the chain must stay what the terms say."""
    init_reserve(settings, order(tmp_path / "r"), dry_run=False)
    terms = tmp_path / "r" / RESERVE_FILE
    other = tmp_path / "other"
    other.mkdir()
    text = (SMALL / "programme.toml").read_text().partition("[drill]")[0]
    (other / "programme.toml").write_text(text.replace('chain = "regtest"', 'chain = "signet"'))
    terms.write_text(terms.read_text().replace(str(SMALL), str(other)))
    with pytest.raises(ProgrammeOfAnotherChain, match="signet"), open_archive(settings, tmp_path / "r"):
        pass
