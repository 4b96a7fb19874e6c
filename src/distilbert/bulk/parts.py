"""The loop over parts: handed to an executor a few at a time, and again where a worker died with one."""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from functools import partial
from typing import TypeVar

from ..errors import DistilBertError, InputError, error_text
from .clusters import DaskTasks, RayTasks, WorkersDied
from .plan import Plan
from .pool import Interrupts, LocalWorkers
from .progress import Progress
from .work import Counts, Job, part_name, run_part, try_rows

Value = TypeVar("Value")

_MOST_DEATHS = 4
_IN_FLIGHT = 4096  # parts handed at once to an executor of which nothing is known
_ALL_ROWS = 1 << 62
_POLL = 0.2  # seconds between looks for Ctrl-C


def slots_of(executor: Executor, unknown: int) -> int:
    """How many calls can run at once; `unknown` for an executor of which nothing is known."""
    return max(1, executor.slots) if isinstance(executor, LocalWorkers | RayTasks | DaskTasks) else unknown


class Parts:
    """Runs the parts of a plan."""

    def __init__(self, executor: Executor, job: Job, plan: Plan, progress: Progress) -> None:
        self._executor, self._job, self._plan, self._progress = executor, job, plan, progress
        self._interrupts = Interrupts(progress.tell)
        self._deaths: Counter[int] = Counter()
        self._suspects: deque[int] = deque()  # with which too many workers have died
        self._failed: list[str] = []

    def run(self, numbers: Iterable[int]) -> list[str]:
        """Run these parts. What was wrong with those whose rows cannot be read is returned; the others are run.

        Raises KeyboardInterrupt after Ctrl-C, and DistilBertError for what concerns more than one part.
        """
        todo, running = deque(numbers), dict[Future[Counts], int]()
        is_local = isinstance(self._executor, LocalWorkers)
        with self._interrupts as interrupts:
            while running or ((todo or self._suspects) and not interrupts.count):
                most = self._window()
                while todo and len(running) < most and not interrupts.count:
                    number = todo.popleft()
                    running[self._executor.submit(run_part, self._job, self._plan.part(number))] = number
                if interrupts.count and not is_local:  # whose parts all run
                    running = {future: number for future, number in running.items() if not future.cancel()}
                for future in wait(running, _POLL, FIRST_COMPLETED).done:
                    number = running.pop(future)
                    if not self._ended(future.result, number):
                        todo.appendleft(number)
                # a cluster blames a death on all that waited for the same worker: nothing else may run meanwhile
                if self._suspects and not interrupts.count and (is_local or not (todo or running)):
                    number = self._suspects.popleft()
                    self._ended(partial(self._without_killers, number), number)
                if interrupts.count > 1:
                    break
        if interrupts.count:
            raise KeyboardInterrupt
        return self._failed

    def _window(self) -> int:
        """How many parts to hand out; a cluster has some waiting, so that no node is idle."""
        slots = slots_of(self._executor, _IN_FLIGHT)
        return slots if isinstance(self._executor, LocalWorkers) else 2 * slots

    def _ended(self, result: Callable[[], Counts], number: int) -> bool:
        """Whether the part need not be run again with the others."""
        try:
            counts = result()
        except BrokenExecutor as error:
            self._deaths[number] += error.deaths if isinstance(error, WorkersDied) else 1
            if self._deaths[number] < _MOST_DEATHS:
                return False
            self._suspects.append(number)
            return True
        except InputError as error:
            if self._job.errors == "stop":
                raise
            self._failed.append(f"{part_name(number, self._job.form)}: {error}")
            self._progress.tell(self._failed[-1])
            return True
        except OSError as error:
            raise DistilBertError(f"{part_name(number, self._job.form)}: {error_text(error)}") from None
        self._progress.add(counts.rows, counts.errors)
        return True

    def _without_killers(self, number: int) -> Counts:
        """Run a part whose workers died without the rows that end them. Raises InputError for errors "stop"."""
        part = self._plan.part(number)
        place = f"{part_name(number, self._job.form)} ({part.url}, {part.start} to {part.stop})"
        died = f"{place}: {self._deaths[number]} workers died with it"
        if self._job.errors == "stop":
            if isinstance(self._executor, LocalWorkers) or self._survives(number, 0, _ALL_ROWS) is None:
                raise InputError(f"{died}; with errors 'column' the row is looked for")
            return self._result(self._executor.submit(run_part, self._job, part))
        self._progress.tell(f"{died}; looking for the row")
        count = self._survives(number, 0, 0)
        if count is None:
            raise InputError(f"{died}, which it takes to read it, whatever the row")
        bad = dict.fromkeys(self._killers(number, 0, count), "the worker died with this row")
        try:
            return self._result(self._executor.submit(run_part, self._job, part, bad))
        except BrokenExecutor:
            raise InputError(f"{died}, and without the rows that ended them once more") from None

    def _killers(self, number: int, start: int, stop: int) -> list[int]:
        """The rows from `start` to `stop` that end a worker, found by halving."""
        if start == stop or self._survives(number, start, stop) is not None:
            return []
        if stop - start == 1:
            return [start]
        middle = (start + stop) // 2
        return self._killers(number, start, middle) + self._killers(number, middle, stop)

    def _survives(self, number: int, start: int, stop: int) -> int | None:
        """How many rows the part has; None where running those from `start` to `stop` ends two workers in turn."""
        deaths = 0
        while deaths < 2:
            try:
                return self._result(self._executor.submit(try_rows, self._job, self._plan.part(number), start, stop))
            except BrokenExecutor as error:
                deaths += error.deaths if isinstance(error, WorkersDied) else 1
        return None

    def _result(self, future: Future[Value]) -> Value:
        """What the call comes to, unless Ctrl-C says twice not to wait for it."""
        while not wait([future], _POLL).done:
            if self._interrupts.count > 1:
                raise KeyboardInterrupt
        return future.result()
