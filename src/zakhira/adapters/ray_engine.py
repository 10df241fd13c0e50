"""Ray as the engine of sweeps: workers hold years of surplus; one that dies is replaced, and asked again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeAlias, TypeVar
from weakref import WeakSet

from zakhira.adapters.ray_cluster import in_one_line, ray_cluster
from zakhira.adapters.ray_worker import (
    Place,
    Question,
    Slopes,
    SurplusWorker,
    Use,
    Values,
    Versions,
    place_of_this_process,
)
from zakhira.kernel.errors import InvalidInput, OutsideFailure
from zakhira.planning.outlook_use import YearUse
from zakhira.planning.outlook_year import YearOfSurplus
from zakhira.planning.sweep import PartSlopes
from zakhira.programme.series import Floats

Ref: TypeAlias = Any
"""A ``ray.ObjectRef``. Ray is not there for everybody, so its type cannot be named; it stays inside this file."""
Actor: TypeAlias = Any
"""A handle of a :class:`SurplusWorker`, for the same reason."""
Answer = TypeVar("Answer")

REPLACEMENTS = 3
"""A worker that dies so often in one sweep, once more than that, dies of what it is asked [E]."""
START_SECONDS = 120.0
"""A worker starts in a second, in some on a busy machine; on a cluster without room it never does [E]."""


class WorkersNotPossible(InvalidInput):
    """Not even one worker is asked for."""

    code = "ZK-RAY-003"


class NoRoomForWorkers(OutsideFailure):
    """A cluster does not start as many workers as asked for."""

    code = "ZK-RAY-004"


class VersionsDiffer(OutsideFailure):
    """A worker runs another version, whose answers may be others."""

    code = "ZK-RAY-005"


class WorkerKeepsDying(OutsideFailure):
    """A worker died, and so did each that took its place."""

    code = "ZK-RAY-006"


class RayFailed(OutsideFailure):
    """Ray itself failed while a sweep ran."""

    code = "ZK-RAY-007"


@contextmanager
def ray_engine(workers: int, address: str | None = None) -> Iterator[RayEngine]:
    """An engine of ``workers`` processes, on this machine or on the cluster at ``address``, ended with the block.

    Raises:
        WorkersNotPossible: fewer than one worker.
        RayMissing, RayNotStarted, NoRoomForWorkers, VersionsDiffer: there is no such engine.
    """
    if workers < 1:
        raise WorkersNotPossible(f"{workers} workers cannot sweep anything.", "Ask for at least 1 worker.")
    with ray_cluster(workers, address) as ray:
        yield RayEngine(ray, workers)


@dataclass
class _Seat:
    """A worker and where it runs; ``place`` is that of the one before until it has said so."""

    actor: Actor
    place: Place | None = None


class RayEngine:
    """Fulfils ``planning.sweep.Engine``. Year of surplus number k is asked at worker k modulo their count.

    Answers are the same to the last bit as those of ``LocalEngine`` where processors are of the same kind: each is
    computed by the same code from the same figures, and sums over years of surplus are the caller's.
    """

    def __init__(self, ray: ModuleType, workers: int) -> None:
        self._ray = ray
        self._actor_class = ray.remote(num_cpus=1, max_restarts=0)(SurplusWorker)
        self._sweeps: WeakSet[RaySweep] = WeakSet()
        self._count = 0
        self._seats = [_Seat(self._actor_class.remote()) for _ in range(workers)]
        self._settle(self._seats)

    @property
    def places(self) -> tuple[Place | None, ...]:
        """Where each worker runs."""
        return tuple(seat.place for seat in self._seats)

    def sweep(self, parts: tuple[YearOfSurplus, ...]) -> RaySweep:
        """Take years of surplus over: each goes once to Ray's store. Workers forget those of sweeps that are gone."""
        self._count += 1
        try:
            taken = RaySweep(self, self._count, tuple(self._ray.put(part) for part in parts))
        except self._ray.exceptions.RayError as error:
            raise self._failed(error) from error
        self._sweeps.add(taken)
        alive = frozenset(sweep.number for sweep in self._sweeps)
        for seat in self._seats:
            seat.actor.keep.remote(alive)
        return taken

    def ask(self, sweep: RaySweep, questions: Sequence[Question[Answer]]) -> list[Answer]:
        """Ask every year of surplus its question, all workers at once; the answers stand in the parts' own order.

        A question whose worker died is asked again: answers depend on nothing but the question.

        Raises:
            WorkerKeepsDying: it died with each of its replacements.
            RayFailed, NoRoomForWorkers, VersionsDiffer: Ray or the cluster failed.
        """
        answers: dict[int, Answer] = {}
        todo = list(range(len(questions)))
        for attempt in range(1 + REPLACEMENTS):
            calls = {index: self._call(sweep, index, questions[index]) for index in todo}
            lost = self._collect(calls, answers)
            if not lost:
                return [answers[index] for index in range(len(questions))]
            todo = list(lost)
            if attempt < REPLACEMENTS:
                self._replace(sorted({index % len(self._seats) for index in todo}))
        raise self._keeps_dying(lost)

    def _call(self, sweep: RaySweep, index: int, question: Question[Answer]) -> Ref:
        """Send a question; the reference is wrapped so that Ray does not fetch it each time."""
        actor = self._seats[index % len(self._seats)].actor
        return actor.answer.remote((sweep.number, index), [sweep.held[index]], question)

    def _collect(self, calls: dict[int, Ref], answers: dict[int, Answer]) -> dict[int, Exception]:
        """Wait for every call: its answer, or why its worker is gone.

        An error of our own code comes out as it went in; an interruption calls off what has not begun.
        """
        errors = self._ray.exceptions
        names = ("RayActorError", "WorkerCrashedError", "NodeDiedError", "OutOfMemoryError", "ObjectLostError")
        gone = tuple(getattr(errors, name) for name in names)
        lost: dict[int, Exception] = {}
        try:
            for index, call in calls.items():
                try:
                    answers[index] = self._ray.get(call)
                except gone as error:
                    lost[index] = error
        except errors.RayTaskError as error:
            own = not isinstance(error.cause, errors.RayError)
            raise (error.cause if own else self._failed(error.cause)) from error
        except errors.RayError as error:
            raise self._failed(error) from error
        except KeyboardInterrupt:
            for call in calls.values():
                self._ray.cancel(call)
            raise
        return lost

    def _replace(self, numbers: Sequence[int]) -> None:
        """Put new workers into seats; the old ones are killed in case that they were out of reach and not dead."""
        for number in numbers:
            seat = self._seats[number]
            self._ray.kill(seat.actor, no_restart=True)
            seat.actor = self._actor_class.remote()
        self._settle([self._seats[number] for number in numbers])

    def _settle(self, seats: list[_Seat]) -> None:
        """Wait until workers run; one that died on its way is found when it is asked."""
        errors = self._ray.exceptions
        calls = [seat.actor.place.remote() for seat in seats]
        ready, late = self._ray.wait(calls, num_returns=len(calls), timeout=START_SECONDS)
        if late:
            raise NoRoomForWorkers(
                f"{len(ready)} of {len(calls)} workers started in {START_SECONDS:.0f} seconds; the cluster has"
                f" {self._ray.cluster_resources().get('CPU', 0):.0f} processors.",
                "Ask for fewer --workers, or wait until the cluster has room.",
            )
        for seat, call in zip(seats, calls, strict=True):
            try:
                seat.place = self._ray.get(call)
            except errors.RayActorError:
                continue
            except errors.RayError as error:
                raise self._failed(error) from error
            require_same(seat.place.versions, place_of_this_process().versions)

    def _keeps_dying(self, lost: dict[int, Exception]) -> WorkerKeepsDying:
        first, cause = next(iter(lost.items()))
        number, count = first % len(self._seats), len(self._seats)
        return WorkerKeepsDying(
            f"Worker {number + 1} of {count} (last: {self._seats[number].place}) died {1 + REPLACEMENTS} times"
            f" in one sweep, and {len(lost)} years of surplus have no answer, the first of them number {first + 1}:"
            f" {in_one_line(cause)}",
            "Look for a machine out of memory, ask for fewer --workers, or plan with --engine local.",
        )

    def _failed(self, error: Exception) -> RayFailed:
        return RayFailed(f"Ray failed: {in_one_line(error)}", "Run it again, or plan with --engine local.")


def require_same(there: Versions, here: Versions) -> None:
    """Raise VersionsDiffer unless a worker's versions are those of this process."""
    if there != here:
        raise VersionsDiffer(f"A worker has {there}; here are {here}.", "Install the same on every machine.")


class RaySweep:
    """Fulfils ``planning.sweep.Sweep``; ``held`` are the references of its years of surplus in Ray's store."""

    def __init__(self, engine: RayEngine, number: int, held: tuple[Ref, ...]) -> None:
        self._engine = engine
        self.number = number
        self.held = held

    def values_usd(self, power_mw: Floats) -> list[Floats]:
        """The operating value of each scenario over the horizon [scenario], by year of surplus."""
        return self._engine.ask(self, [Values(power_mw)] * len(self.held))

    def slopes(self, power_mw: Floats, weights: list[Floats], *, by_epoch: bool) -> list[PartSlopes]:
        """What one more MW adds, by year of surplus."""
        each = zip(self.held, weights, strict=True)
        return self._engine.ask(self, [Slopes(power_mw, mine, by_epoch) for _, mine in each])

    def uses(self, power_mw: Floats, weights: list[Floats]) -> list[YearUse]:
        """What is used and mined, by year of surplus."""
        each = zip(self.held, weights, strict=True)
        return self._engine.ask(self, [Use(power_mw, mine) for _, mine in each])
