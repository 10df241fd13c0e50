"""Sweeps on Ray: the plan of this process to the last bit, whatever the order, and whoever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import astuple, replace
from itertools import count
from pathlib import Path
from types import ModuleType

import numpy as np
import psutil
import pytest

from ray_drill import YEARS, Case, DeadlyYear, DrilledEngine, FaultyYear, LaterYear, SlowYear, as_kind, build_case
from zakhira.adapters import ray_engine as ray_engine_module
from zakhira.adapters.highs import HighsSolver
from zakhira.adapters.ray_cluster import RayMissing, RayNotStarted, in_one_line, ray_cluster
from zakhira.adapters.ray_engine import (
    REPLACEMENTS,
    NoRoomForWorkers,
    RayEngine,
    VersionsDiffer,
    WorkerKeepsDying,
    WorkersNotPossible,
    ray_engine,
    require_same,
)
from zakhira.adapters.ray_worker import SurplusWorker, Values, Versions, place_of_this_process
from zakhira.planning.allocation import Plan
from zakhira.planning.outlook_year import YearOfSurplus, years_of_surplus
from zakhira.planning.plan import plan_allocation
from zakhira.planning.sweep import Engine, LocalEngine, PartTask, Sweep
from zakhira.programme.series import Floats

TESTS = Path(__file__).resolve().parents[1]
Parts = tuple[YearOfSurplus, ...]


@pytest.fixture(scope="module")
def ray() -> Iterator[ModuleType]:
    """A Ray of two processors on this machine, whose workers find what tests bring along."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(TESTS))
        with ray_cluster(2, None) as started:
            yield started


@pytest.fixture(scope="module")
def engine(ray: ModuleType) -> RayEngine:
    """Two workers, which keep both processors."""
    return RayEngine(ray, 2)


@pytest.fixture(scope="module")
def case() -> Case:
    return build_case()


@pytest.fixture(scope="module")
def here(case: Case) -> Plan:
    """The plan of this process."""
    return plan_on(case, LocalEngine())


@pytest.fixture(scope="module")
def parts(case: Case) -> Parts:
    return years_of_surplus(case.problem, case.problem.years[0])


def plan_on(case: Case, engine: Engine) -> Plan:
    return plan_allocation(case.programme, case.series[0], HighsSolver(), request=replace(case.request, engine=engine))


def asked(case: Case, parts: Parts) -> tuple[Floats, list[Floats]]:
    """Some megawatts [class, zone] and the weights of each year's scenarios."""
    power_mw = np.arange(8.0).reshape(4, 2)
    return power_mw, [case.problem.outlook.weights[part.scenarios] for part in parts]


def answers(sweep: Sweep, power_mw: Floats, weights: list[Floats]) -> list[bytes]:
    """Every answer of a sweep, bit for bit."""
    found: list[Floats] = list(sweep.values_usd(power_mw))
    for by_epoch in (True, False):
        found += [each for slopes in sweep.slopes(power_mw, weights, by_epoch=by_epoch) for each in astuple(slopes)]
    found += [each for use in sweep.uses(power_mw, weights) for each in astuple(use)]
    return [each.tobytes() for each in found]


def test_the_case_has_something_to_plan(here: Plan, parts: Parts) -> None:
    """Several classes in both zones, seven years of surplus, three epochs: equality below says something."""
    assert {grant.zone for grant in here.grants} == {"east", "west"}
    assert len({grant.class_id for grant in here.grants}) == 4
    assert len(parts) == YEARS
    assert parts[0].epochs == 3
    assert here.certificate.rounds > 10


def test_the_same_plan(case: Case, here: Plan, engine: RayEngine) -> None:
    """Megawatts, bounds, prices, rounds: every figure of the plan on two workers is that of this process."""
    assert plan_on(case, engine) == here


def test_every_answer_is_the_same_bit_for_bit(case: Case, parts: Parts, engine: RayEngine) -> None:
    """Values, slopes by epoch and in sum, and uses, by year of surplus in their own order."""
    power_mw, weights = asked(case, parts)
    expected = answers(LocalEngine().sweep(parts), power_mw, weights)
    assert answers(engine.sweep(parts), power_mw, weights) == expected
    assert len(set(expected)) > YEARS


def test_weights_for_fewer_years_are_refused(case: Case, parts: Parts, engine: RayEngine) -> None:
    """As in this process: nothing is left out in silence."""
    power_mw, weights = asked(case, parts)
    with pytest.raises(ValueError, match="shorter"):
        engine.sweep(parts).slopes(power_mw, weights[:-1], by_epoch=True)


def test_the_order_of_completion_does_not_matter(case: Case, parts: Parts, engine: RayEngine, tmp_path: Path) -> None:
    """The first year is done after another, seeded delays shuffle the rest; the answers stand in their own order."""
    log = tmp_path / "log"
    power_mw, weights = asked(case, parts)
    expected = answers(LocalEngine().sweep(parts), power_mw, weights)
    kinds = [LaterYear, *[SlowYear] * (YEARS - 1)]
    slow = tuple(as_kind(part, kinds[n], name=n, most_seconds=0.15, log=log) for n, part in enumerate(parts))
    assert answers(engine.sweep(slow), power_mw, weights) == expected
    done = [int(line) for line in log.read_text().splitlines()]
    assert sorted(done) == list(range(YEARS)), "each met once: slopes and uses need no second meeting"
    assert done != sorted(done)


def test_the_same_plan_in_shuffled_order(case: Case, here: Plan, engine: RayEngine, tmp_path: Path) -> None:
    """Delays in every meeting of a plan change nothing in it."""

    def temper(name: int, part: YearOfSurplus) -> YearOfSurplus:
        return as_kind(part, SlowYear, name=name, most_seconds=0.01, log=tmp_path / "log")

    assert plan_on(case, DrilledEngine(engine, temper)) == here


def test_a_worker_killed_in_the_middle_of_a_sweep(case: Case, here: Plan, engine: RayEngine, tmp_path: Path) -> None:
    """A year kills its worker (SIGKILL) at its 3rd, 10th and 11th meeting: the plan is the same."""
    log = tmp_path / "log"
    before = engine.places

    def temper(name: int, part: YearOfSurplus) -> YearOfSurplus:
        if name != 2:
            return part
        return as_kind(part, DeadlyYear, deadly=(3, 10, 11), log=log)

    assert plan_on(case, DrilledEngine(engine, temper)) == here
    assert engine.places[0] != before[0]
    assert engine.places[1] == before[1]


def sigkill(ray: ModuleType, engine: RayEngine, number: int) -> None:
    """Kill a worker's process and wait until it is gone."""
    place = engine.places[number]
    assert place is not None
    process = psutil.Process(place.process)
    process.kill()
    psutil.wait_procs([process], timeout=10)


def ray_kill(ray: ModuleType, engine: RayEngine, number: int) -> None:
    """Kill a worker by Ray's own means."""
    ray.kill(engine._seats[number].actor)


@pytest.mark.parametrize(("kill", "number"), [(sigkill, 1), (ray_kill, 0)])
def test_a_worker_killed_between_the_calls_of_a_look(
    case: Case,
    here: Plan,
    ray: ModuleType,
    engine: RayEngine,
    kill: Callable[[ModuleType, RayEngine, int], None],
    number: int,
) -> None:
    """The slopes at a point are asked of a worker that has not met there: it meets again, and the plan is the same."""
    before, looks = engine.places, count(1)

    def before_slopes() -> None:
        if next(looks) in {2, 9}:
            kill(ray, engine, number)

    assert plan_on(case, DrilledEngine(engine, before_slopes=before_slopes)) == here
    assert next(looks) > 9
    assert engine.places[number] != before[number]
    assert engine.places[1 - number] == before[1 - number]


def test_a_worker_that_dies_every_time(case: Case, parts: Parts, engine: RayEngine, tmp_path: Path) -> None:
    """Once and three more times, then an error that names worker and year; the engine can be used afterwards."""
    log = tmp_path / "log"
    power_mw, weights = asked(case, parts)
    deadly = as_kind(parts[4], DeadlyYear, deadly=tuple(range(1, 100)), log=log)
    with pytest.raises(WorkerKeepsDying, match=r"Worker 1 of 2 \(last: process \d+ on .*the first of them number 5"):
        engine.sweep((*parts[:4], deadly, *parts[5:])).values_usd(power_mw)
    assert len(log.read_text().splitlines()) == 1 + REPLACEMENTS
    expected = answers(LocalEngine().sweep(parts), power_mw, weights)
    assert answers(engine.sweep(parts), power_mw, weights) == expected


def test_an_error_of_our_own_comes_out_as_it_is(parts: Parts, engine: RayEngine) -> None:
    """A defect is no failure of Ray: its own error, and no second try."""
    faulty = as_kind(parts[0], FaultyYear)
    with pytest.raises(ArithmeticError, match=r"^8 figures, and no meeting$"):
        engine.sweep((faulty,)).values_usd(np.zeros((4, 2)))


def test_a_worker_forgets_sweeps_that_are_gone(parts: Parts, ray: ModuleType) -> None:
    """Years are fetched once, kept for the sweeps that live, and dropped with the others."""
    worker, held = SurplusWorker(), [ray.put(parts[0])]
    question = Values(np.ones((4, 2)))
    for sweep in (1, 2):
        answer = worker.answer((sweep, 0), held, question)
        assert isinstance(answer, np.ndarray)
        assert answer.tobytes() == PartTask(parts[0]).values_usd(question.power_mw).tobytes()
    worker.keep(frozenset({2}))
    assert set(worker._tasks) == {(2, 0)}


def test_no_room(ray: ModuleType, engine: RayEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A third worker on two processors that are taken: said, not waited for without end."""
    monkeypatch.setattr(ray_engine_module, "START_SECONDS", 1.0)
    with pytest.raises(NoRoomForWorkers, match=r"0 of 1 workers started in 1 seconds; the cluster has 2 processors"):
        RayEngine(ray, 1)


def test_no_other_user_gets_in(ray: ModuleType, engine: RayEngine) -> None:
    """Every socket of Ray's processes that listens is bound to this machine; nobody else may enter Ray's folder."""
    found = [
        connection.laddr.ip
        for process in psutil.Process().children(recursive=True)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(found) >= 4
    assert {address.removeprefix("::ffff:") for address in found} == {"127.0.0.1"}
    folder = Path(ray.get_runtime_context().get_temp_dir())
    assert any(parent.owner() == folder.owner() and parent.stat().st_mode & 0o077 == 0 for parent in folder.parents)
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_a_cluster_at_an_address(ray: ModuleType) -> None:
    """Another process finds this Ray by its address, and is told that both processors are taken."""
    address = ray.get_runtime_context().gcs_address
    code = (
        "import sys; from zakhira.adapters import ray_engine as r; r.START_SECONDS = 1.0\n"
        "try:\n  r.ray_engine(1, sys.argv[1]).__enter__()\n"
        "except r.NoRoomForWorkers as error: print(error.message)"
    )
    run = subprocess.run([sys.executable, "-c", code, address], capture_output=True, text=True, check=True, timeout=50)
    assert run.stdout == "0 of 1 workers started in 1 seconds; the cluster has 2 processors.\n"


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder with a short path: Ray's sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="zk-") as folder:
        yield Path(folder)


def test_nothing_is_left_behind(short_path: Path) -> None:
    """Ctrl-C, which the whole process group gets, gives the best plan so far. No process stays, and no file of Ray."""
    folders = {"TMPDIR": str(short_path), "HOME": str(short_path / "home"), "PYTHONPATH": str(TESTS)}
    command = [sys.executable, str(TESTS / "ray_run.py"), str(short_path / "log")]
    with subprocess.Popen(
        command, env={**os.environ, **folders}, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        begun = process.stdout.readline()
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) > 4
        os.killpg(process.pid, signal.SIGINT)
        lines = [begun, *process.stdout.read().splitlines()]
        ended = process.wait(30)
    assert begun.startswith("round 1 ")
    assert (ended, lines[-1].split()[0]) == (0, "interrupted")
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    assert [path.name for path in short_path.iterdir()] == ["log"]


def test_missing_ray_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Ray the command says what to install."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(RayMissing, match=r"ray is not installed.* pip install zakhira\[ray\]"), ray_engine(1, "auto"):
        pass


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers(workers: int) -> None:
    """Before anything is started."""
    with pytest.raises(WorkersNotPossible, match=f"^ZK-RAY-003 {workers} workers"), ray_engine(workers):
        pass


def test_nobody_at_the_address() -> None:
    """A wrong address is said at once; Ray alone would try for minutes."""
    began = time.monotonic()
    with pytest.raises(RayNotStarted, match=r"Nobody answers at 127\.0\.0\.1:9: "), ray_engine(1, "127.0.0.1:9"):
        pass
    assert time.monotonic() - began < 10


def test_other_versions_are_refused() -> None:
    """A worker with another numpy may answer otherwise."""
    mine = place_of_this_process().versions
    require_same(Versions(mine.zakhira, mine.python, mine.numpy), mine)
    with pytest.raises(VersionsDiffer, match=r"A worker has zakhira .*, numpy 1\.0; here are zakhira"):
        require_same(replace(mine, numpy="1.0"), mine)


def test_long_messages_keep_both_ends() -> None:
    """Ray's messages name the cause last."""
    text = in_one_line(ValueError("begin\n" + "x" * 1000 + "\nend"))
    assert text.startswith("begin x")
    assert text.endswith("x end")
    assert len(text) < 400
