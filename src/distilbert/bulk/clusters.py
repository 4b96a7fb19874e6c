"""Executors of clusters: Ray core tasks and Dask's futures, which run again what is lost with a node."""

import os
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from functools import cache
from typing import Any, ParamSpec, TypeVar

from ..errors import DistilBertError, InputError, error_text, import_extra, translated
from .pool import LocalWorkers

Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")

_RETRIES = 3  # of Ray; Dask's scheduler has a setting for it, which is 3, too


class WorkersDied(BrokenExecutor):
    """Several workers died with one call: a cluster tells only after it has tried again."""

    deaths = 1 + _RETRIES


class RayTasks(Executor):
    """Ray core tasks, on a cluster that is running or, for "local", on one of this machine that is started for them."""

    def __init__(self, address: str, threads: int) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        self._ray = import_extra("ray", "ray:// needs Ray, as on the cluster: pip install ray")
        self._threads = threads
        self._started = not self._ray.is_initialized()
        if self._started:
            self._ray.init(address=address, log_to_driver=False)
        self._task = cache(self._ray.remote(num_cpus=threads, max_retries=_RETRIES))  # each is sent once

    @property
    def slots(self) -> int:
        """How many calls can run at once: nodes come and go."""
        return int(self._ray.cluster_resources().get("CPU", 0)) // self._threads

    def submit(
        self, fn: Callable[Parameters, Value], /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Future[Value]:
        return _passed_on(self._task(fn).remote(*args, **kwargs).future(), self._meaning)

    def _meaning(self, error: BaseException) -> BaseException:
        known = self._ray.exceptions
        if isinstance(error, known.RayTaskError):
            cause: BaseException = error.cause
            return cause
        if isinstance(error, known.WorkerCrashedError | known.NodeDiedError | known.OutOfMemoryError):
            return WorkersDied()
        return DistilBertError(f"Ray: {error_text(error)}") if isinstance(error, known.RayError) else error

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if self._started:
            self._ray.shutdown()


class DaskTasks(Executor):
    """Dask's futures on a cluster that is running."""

    def __init__(self, address: str) -> None:
        why = "dask:// needs dask.distributed, as on the cluster: pip install distributed"
        distributed = import_extra("distributed", why)
        self._killed = distributed.KilledWorker
        self._client: Any = distributed.Client(address)
        self._executor: Executor = self._client.get_executor()

    @property
    def slots(self) -> int:
        """How many calls can run at once: workers come and go."""
        return sum(self._client.nthreads().values())

    def submit(
        self, fn: Callable[Parameters, Value], /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Future[Value]:
        return _passed_on(self._executor.submit(fn, *args, **kwargs), self._meaning)

    def _meaning(self, error: BaseException) -> BaseException:
        return WorkersDied() if isinstance(error, self._killed) else error

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._executor.shutdown(wait=not cancel_futures)
        self._client.close()


def _passed_on(there: "Future[Value]", meaning: Callable[[BaseException], BaseException]) -> "Future[Value]":
    """A future that ends as that of a cluster does, with the error that its error stands for."""
    here: Future[Value] = Future()
    here.set_running_or_notify_cancel()

    def ended(future: "Future[Value]") -> None:
        try:
            error = future.exception()
        except CancelledError:
            error = DistilBertError("the cluster is gone, or has cancelled the part")
        if error is None:
            here.set_result(future.result())
        else:
            here.set_exception(meaning(error))

    there.add_done_callback(ended)
    return here


def executor_of(on: str, workers: int, threads: int) -> LocalWorkers | RayTasks | DaskTasks:
    """The executor that `on` names. Raises MissingExtraError and InputError."""
    if on == "local":
        return LocalWorkers(workers)
    with translated(OSError, InputError, f"{on}: no cluster can be reached there"):
        if on.startswith("ray://"):
            return RayTasks(on.removeprefix("ray://") if on in ("ray://local", "ray://auto") else on, threads)
        return DaskTasks(on.replace("dask://", "tcp://"))
