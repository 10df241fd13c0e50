"""A run that is killed anywhere carries on and ends as if nobody had disturbed it (twenty seeded kills)."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from end_to_end.conftest import (
    RUN_SECONDS,
    Ended,
    FinishedRun,
    clean_environment,
    command,
    kill,
    processes_of,
    run_words,
    zakhira,
)

KILLS = 20
KILLS_PER_FOLDER = 5
POLL_S = 0.05
TARGETS = ("program", "bitcoind", "postgres", "program and bitcoind", "everything")


def victims(run: subprocess.Popen[str], folder: Path, target: str) -> list[psutil.Process]:
    """The processes that are to die."""
    around = processes_of(folder)
    node = [p for p in around if "bitcoind" in " ".join(p.info["cmdline"])]
    database = [p for p in around if p.info["name"] == "postgres"]
    program = [psutil.Process(run.pid)]
    chosen = {
        "program": program,
        "bitcoind": node,
        "postgres": database,
        "program and bitcoind": program + node,
        "everything": program + node + database,
    }
    return [p for p in chosen[target] if p.pid == run.pid or p not in program]


def killed_once(out: Path, target: str, delay_s: float, words: tuple[str, ...] = ()) -> bool:
    """Start the run, kill the target after a while or as soon as it is there, wait; False if the run ended before."""
    with subprocess.Popen(
        command(*(words or run_words(out))),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment({}),
    ) as run:
        try:
            run.wait(delay_s)
        except subprocess.TimeoutExpired:
            dead = victims(run, out, target)
            while not dead and run.poll() is None:
                time.sleep(POLL_S)
                dead = victims(run, out, target)
            kill(dead)
            _, err = run.communicate(timeout=RUN_SECONDS)
            assert run.returncode in {0, 3, -signal.SIGKILL}, err
            return bool(dead)
        assert run.returncode == 0, run.stderr.read() if run.stderr else ""
        return False


def finish(out: Path) -> Ended:
    """Let the run end."""
    return zakhira(*run_words(out))


@pytest.mark.timeout(1500)
def test_twenty_kills_change_nothing(undisturbed: FinishedRun, runs_folder: Path) -> None:
    """SIGKILL of the program, of bitcoind and of PostgreSQL at seeded moments: same totals, no coin moved twice."""
    dice = random.Random(20260206)  # noqa: S311  # seeded on purpose
    to_kill = dice.sample(TARGETS * (KILLS // len(TARGETS)), KILLS)
    attempt, killed = 0, dict.fromkeys(TARGETS, 0)
    while to_kill:
        out = runs_folder / f"killed-{attempt}"
        attempt += 1
        here = 0
        while to_kill and here < KILLS_PER_FOLDER and killed_once(out, to_kill[-1], dice.uniform(0.4, 6.0)):
            here += 1
            killed[to_kill.pop()] += 1
        ended = finish(out)
        assert ended.code == 0, ended.err
        assert ended.facts["fingerprints"] == undisturbed.ended.facts["fingerprints"], f"attempt {attempt}: {killed}"
        assert ended.facts["summary"]["verdict"] == "VERIFIED"
        kill(processes_of(out))
        shutil.rmtree(out, ignore_errors=True)
