"""The database killed under load: what was acknowledged is there, nothing is half there, and the books go on."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from kill_drill import KillDrill, Report

POINTS = 20
REPORT = "ZAKHIRA_KILL_REPORT"
"""Where the long test writes its report: a path, in the environment."""


def drill(points: int, seed: int) -> Report:
    """So many points on a fresh database; prints what came out, and nothing of it may be lost."""
    with tempfile.TemporaryDirectory(prefix="zk") as name:
        one = KillDrill(Path(name), seed)
        try:
            report = one.run(points)
        finally:
            one.close()
    sys.stdout.write(f"seed {seed}: {report}\n")
    assert report.acknowledged == report.found > 10 * points, "the load was a load"
    assert (report.lost, report.half, report.heads_lost) == (0, 0, 0)
    assert report.replays > points
    return report


def test_twenty_points() -> None:
    """Three writers with batches, transfers, coins and records; SIGKILL to the server, and to some of the writers."""
    report = drill(POINTS, 1)
    assert report.writers_killed > 0
    assert report.killed_again > 0
    assert report.heads > 0


def test_a_database_that_answers_too_early_is_found_out() -> None:
    """With ``synchronous_commit`` off the server acknowledges what is not on disk yet: the drill must see the loss."""
    with tempfile.TemporaryDirectory(prefix="zk") as name:
        one = KillDrill(Path(name), 2)
        try:
            with psycopg.connect(one.server.dsn(), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET synchronous_commit = off")
                connection.execute("SELECT pg_reload_conf()")
            lost = one.run_unjudged(3)
        finally:
            one.close()
    assert lost > 0


@pytest.mark.torture
@pytest.mark.timeout(1_500)
def test_two_hundred_points() -> None:
    """Ten databases, twenty points each, so that none is so large that checking it takes longer than killing it."""
    total = Report()
    for seed in range(100, 110):
        total.add(drill(POINTS, seed))
    sys.stdout.write(f"all: {total}\n")
    where = os.environ.get(REPORT)
    if where:
        Path(where).write_text(json.dumps(vars(total), indent=2) + "\n")
    assert total.points == 200
