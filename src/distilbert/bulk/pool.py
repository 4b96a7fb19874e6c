"""Executors: processes on this machine, one by one, and those of Ray and Dask."""

import multiprocessing
import os
import queue
import signal
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

from ..errors import InputError, MissingExtraError
from .work import start_worker

Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")


class LocalWorkers(Executor):
    """Processes, each a pool of its own: one that dies takes its own call along, and no other's, and is replaced."""

    def __init__(self, workers: int, threads: int) -> None:
        self.workers, self._threads = workers, threads
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
        future.add_done_callback(lambda _: self._idle.put(pool if _is_well(pool) else self._replaced(pool)))
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
        return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), start_worker, (self._threads,))

    def _replaced(self, pool: ProcessPoolExecutor) -> ProcessPoolExecutor:
        self._all.discard(pool)
        pool.shutdown(wait=False)
        self._all.add(new := self._new())
        return new


def _is_well(pool: ProcessPoolExecutor) -> bool:
    return not pool._broken


class RayTasks(Executor):
    """Ray core tasks: Ray says where they run, and runs again what is lost with a node."""

    def __init__(self, address: str, threads: int) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError:
            raise MissingExtraError("ray:// needs Ray, as on the cluster: pip install ray") from None
        self._ray: Any = ray  # its stubs refuse options that are put together
        self._threads = threads
        if not ray.is_initialized():
            ray.init(address=address, log_to_driver=False)

    def submit(
        self, fn: Callable[Parameters, Value], /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Future[Value]:
        options = {"num_cpus": self._threads, "max_retries": 10}
        future: Future[Value] = self._ray.remote(**options)(fn).remote(*args, **kwargs).future()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._ray.shutdown()


def dask_executor(address: str) -> Any:
    """Dask's own executor on a running cluster."""
    try:
        from distributed import Client
    except ImportError:
        raise MissingExtraError("dask:// needs dask.distributed, as on the cluster: pip install distributed") from None
    return Client(address).get_executor(retries=10)


def executor_of(on: str, workers: int, threads: int) -> Executor:
    """The executor that `on` names. Raises MissingExtraError and InputError."""
    if on == "local":
        return LocalWorkers(workers, threads)
    try:
        if on.startswith("ray://"):
            return RayTasks("local" if on == "ray://local" else on, threads)
        executor: Executor = dask_executor(on.replace("dask://", "tcp://"))
        return executor
    except (OSError, ConnectionError) as error:
        raise InputError(f"{on}: no cluster can be reached there ({error})") from None


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
