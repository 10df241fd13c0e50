"""Books of a run for reconciliation: they hold metered days, and do not name their programme."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.programme_folder import load_programme
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import InvalidInput
from zakhira.programme.model import Programme
from zakhira.wiring.run_folder import open_run_folder
from zakhira.wiring.run_service import run_books
from zakhira.wiring.settings import Settings


class RunOfAnotherProgramme(InvalidInput):
    """A run's folder is reconciled with no programme, or with another than was run."""

    code = "ZK-WIRING-130"


def is_run(folder: Path) -> bool:
    """Whether a folder is one of ``zakhira run --out``."""
    return (folder / "run.lock").is_file()


@contextmanager
def open_run(settings: Settings, folder: Path, source: Path | None) -> Iterator[tuple[PostgresBooks, Programme]]:
    """The books of the run in ``folder`` and the programme that was run.

    Raises:
        RunOfAnotherProgramme: ``source`` is not that programme, or none was given.
        FolderInUse: the run is going on.
        what ``load_programme`` raises: the programme.
    """
    if source is None:
        raise RunOfAnotherProgramme(f"{folder} holds a run, which does not name its programme.", "Add --programme DIR.")
    programme, _ = load_programme(source)
    with open_run_folder(folder) as place, run_books(settings, place) as (books, _):
        body = cast("Mapping[str, Json] | None", books.latest("run", "run"))
        if body is None or body["digest"] != programme.digest:
            told = "nothing" if body is None else f"{body['programme']} (files {str(body['digest'])[:12]})"
            raise RunOfAnotherProgramme(
                f"{folder} holds a run of {told}, and {source} has the files {programme.digest[:12]}.",
                "Give the programme as it was when it was run.",
            )
        yield books, programme
