"""The local executor: processes of this machine, one by one; and Ctrl-C in two steps."""

import multiprocessing
import queue
import signal
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

from .work import start_worker

Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")


class LocalWorkers(Executor):
    """Processes, each a pool of its own: one that dies takes its own call along, and no other's, and is replaced."""

    def __init__(self, workers: int) -> None:
        self.slots = workers
        self._idle: queue.SimpleQueue[ProcessPoolExecutor] = queue.SimpleQueue()
        self._all = {self._new() for _ in range(workers)}
        for pool in self._all:
            self._idle.put(pool)

    def submit(
        self, fn: Callable[Parameters, Value], /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Future[Value]:
        """Waits until a process is idle."""
        pool = self._idle.get()
        try:
            future = pool.submit(fn, *args, **kwargs)
        except RuntimeError:  # it died idle
            pool = self._replaced(pool)
            future = pool.submit(fn, *args, **kwargs)
        future.add_done_callback(lambda _: self._idle.put(self._replaced(pool) if pool._broken else pool))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        for pool in [*self._all]:
            pool.shutdown(wait, cancel_futures=cancel_futures)

    def kill(self) -> None:
        """End all processes at once."""
        for pool in [*self._all]:
            for process in list((pool._processes or {}).values()):
                process.kill()

    def _new(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), start_worker)

    def _replaced(self, pool: ProcessPoolExecutor) -> ProcessPoolExecutor:
        self._all.discard(pool)
        pool.shutdown(wait=False)
        self._all.add(new := self._new())
        return new


class Interrupts:
    """Ctrl-C counted, not raised: the first ends the work after the parts that run, the second ends it at once."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.count, self._tell = 0, tell
        self._before: Any = None

    def __enter__(self) -> "Interrupts":
        with suppress(ValueError):  # not the main thread: nothing is sent there
            self._before = signal.signal(signal.SIGINT, self._interrupted)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _interrupted(self, *_: object) -> None:
        self.count += 1
        if self.count == 1:
            self._tell("stopping after the parts that run; once more stops at once")
