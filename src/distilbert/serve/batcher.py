"""Texts of many requests -> packed runs of the engines, one process's cores shared in good order.

A task calls `QueuedEngine.run(batch)` from its request's thread as it would call the engine itself. The
batch's texts join a queue, runs are packed from the texts of all requests, and each caller goes on when
its own texts are done. Nothing is waited for: a run takes what is there, and while it runs more gathers.

Two rules keep short texts quick among long ones:
- A run is cut so that, at the rate measured, it takes no longer than a bound. A long text, one that takes
  longer by itself, has a run of its own, in a second lane beside the first, so that no short text waits
  for it: the two share the cores.
- Within a lane the next run begins with the text whose `arrival + patience * run time` is the least, its own run
  time and that of the texts before it in its call. So a shorter text, or a call of fewer, that arrives later may
  run first, but only for a time in proportion to the other's run: no text waits forever, and whoever sends many
  texts does not have more than a share. The run is filled up with texts of similar length from among those that
  are due next, so that attention's padded view stays small.
"""

import contextvars
import heapq
import itertools
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from queue import SimpleQueue

import numpy as np

from ..batch import Batch
from ..engine.seam import Engine
from .budget import Share
from .errors import Fault, RequestError
from .metrics import Metrics

PATIENCE = 20.0
_FORGET = 0.9  # what is kept of the measured rate at each run
_FIRST_RATE = 1000.0  # tokens a second, until the first run is measured
_SHORT = 64  # tokens: a text no longer than this is a short one, however slow the machine is at the moment
_CHOICE = 4  # a run is chosen from the texts of so many that are due first
_PADDING = 2.0  # as in batch.plan: the padded view of attention, in budgets


@dataclass(eq=False)
class Work:
    """One request: what it came to, and whether it is still wanted.

    Attributes:
        texts, tokens: read by a model, windows and pairs counted each.
        waited, ran: seconds in the queue and in runs, of the slowest text of each call.
        model: the name of the model that was asked.
        share: of the server's memory.
        spent, most: tokens run, and rows of a vocabulary scored, so far; and how many there may be.
    """

    model: str = ""
    texts: int = 0
    tokens: int = 0
    waited: float = 0.0
    ran: float = 0.0
    cancelled: bool = False
    share: Share | None = None
    spent: int = 0
    most: int | None = None
    call: "_Call | None" = None

    def spend(self, tokens: int) -> None:
        """Raises RequestError where the request comes to more than it may."""
        self.spent += tokens
        if self.most is not None and self.spent > self.most:
            raise RequestError(
                Fault.TOO_LARGE,
                f"the request comes to more than the {self.most} tokens of --max-tokens; send less at once",
            )

    def check(self) -> None:
        """Raises RequestError where nobody waits for the answer any more."""
        if self.cancelled:
            raise RequestError(Fault.GONE, "cancelled")


current_work: contextvars.ContextVar[Work] = contextvars.ContextVar("current_work")


@dataclass(eq=False, slots=True)
class _Job:
    """One text in flight, for one or several calls."""

    engine: "QueuedEngine"
    key: tuple[int, bytes, bytes]
    ids: np.ndarray
    rows: np.ndarray | None
    arrived: float
    calls: list["_Call"] = field(default_factory=list)
    started: float = 0.0
    ended: float = 0.0
    result: np.ndarray | None = None
    error: Exception | None = None


class _Call:
    """One call of `run`: its texts, and `done`, which holds something when they are all done."""

    def __init__(self, asked: float) -> None:
        self.asked = asked
        self.jobs: list[_Job] = []
        self.missing = 0
        self.done: SimpleQueue[None] = SimpleQueue()  # an Event is twenty calls more


class _Lane:
    """A queue for each engine and one thread that runs them."""

    def __init__(self, lock: threading.Lock) -> None:
        self.filled = threading.Condition(lock)
        self.queues: dict[QueuedEngine, list[tuple[float, int, _Job]]] = {}


class QueuedEngine:
    """An engine whose texts wait their turn with those of all other requests. Made by `Batcher.wrap`."""

    def __init__(self, batcher: "Batcher", engine: Engine, name: str) -> None:
        self.name = name
        self.engine = engine
        self._batcher = batcher
        self._tokens = self._seconds = 0.0

    @property
    def rate(self) -> float:
        """Tokens a second, as measured over the last runs."""
        return self._tokens / self._seconds if self._seconds else _FIRST_RATE

    def measured(self, tokens: int, seconds: float) -> None:
        self._tokens = _FORGET * self._tokens + tokens
        self._seconds = _FORGET * self._seconds + seconds

    def run(self, batch: Batch) -> np.ndarray:
        """As `Engine.run`. Raises RequestError if the request was cancelled or the server ends."""
        work = current_work.get(None) or Work()
        work.spend(len(batch.ids) + (0 if batch.rows is None else len(batch.rows)))
        call = self._batcher.submit(self, batch, work)
        call.done.get()
        return self._batcher.collect(call, work)


class Batcher:
    """The queue and its two lanes. `max_tokens` and `bound` (seconds) cut the runs."""

    def __init__(self, *, max_tokens: int, bound: float, metrics: Metrics) -> None:
        self.max_tokens = max_tokens
        self.bound = bound
        self._metrics = metrics
        self.queued_texts = self.queued_tokens = 0
        metrics.queue_texts.set_function(lambda: self.queued_texts)
        metrics.queue_tokens.set_function(lambda: self.queued_tokens)
        self._lock = threading.Lock()
        self._closed = False
        self._in_flight: dict[tuple[int, bytes, bytes], _Job] = {}
        self._numbers = itertools.count()
        self._quick, self._long = _Lane(self._lock), _Lane(self._lock)
        self._threads = [
            threading.Thread(target=self._work, args=(lane,), name=f"distilbert-{name}", daemon=True)
            for name, lane in (("quick", self._quick), ("long", self._long))
        ]
        for thread in self._threads:
            thread.start()

    def wrap(self, engine: Engine, name: str) -> QueuedEngine:
        return QueuedEngine(self, engine, name)

    def close(self) -> None:
        """Run what is queued, refuse what comes, and end the threads."""
        with self._lock:
            self._closed = True
            self._quick.filled.notify()
            self._long.filled.notify()
        for thread in self._threads:
            thread.join()

    def budget(self, engine: QueuedEngine) -> int:
        """Tokens that a run may have."""
        return max(1, min(self.max_tokens, int(self.bound * engine.rate)))

    def submit(self, engine: QueuedEngine, batch: Batch, work: Work) -> _Call:
        """Queue the texts of a batch; those that are in flight already are shared."""
        now = time.perf_counter()
        call = _Call(now)
        with self._lock:
            work.check()
            if self._closed:
                raise RequestError(Fault.UNAVAILABLE, "the server is ending")
            short = max(_SHORT, self.budget(engine))
            tokens = 0
            for ids, rows in _texts(batch):
                tokens += len(ids)
                key = (id(engine), ids.tobytes(), b"" if rows is None else rows.tobytes())
                job = self._in_flight.get(key)
                if job is None:
                    job = self._in_flight[key] = _Job(engine, key, ids, rows, now)
                    lane = self._quick if len(ids) <= short else self._long
                    due = now + PATIENCE * tokens / engine.rate
                    heapq.heappush(lane.queues.setdefault(engine, []), (due, next(self._numbers), job))
                    self._count(1, ids)
                    lane.filled.notify()
                else:
                    self._metrics.shared.inc()
                job.calls.append(call)
                call.jobs.append(job)
            call.missing = len(call.jobs)
            work.call = call
        return call

    def collect(self, call: _Call, work: Work) -> np.ndarray:
        """The output rows [K, …] of a call that is done."""
        work.call = None
        work.check()
        outputs = []
        for job in call.jobs:
            if job.error is not None:
                raise job.error
            assert job.result is not None
            outputs.append(job.result)
        slowest = max(call.jobs, key=lambda job: job.ended)
        work.waited += max(0.0, slowest.started - call.asked)
        work.ran += slowest.ended - max(slowest.started, call.asked)
        work.texts += len(call.jobs)
        work.tokens += sum(len(job.ids) for job in call.jobs)
        return np.concatenate(outputs)

    def cancel(self, work: Work) -> None:
        """Give up a request: texts that nobody else wants leave the queue, and its thread goes on at once."""
        with self._lock:
            work.cancelled = True
            if (call := work.call) is None:
                return
            for job in call.jobs:
                job.calls = [other for other in job.calls if other is not call]
                if not job.calls and not job.started:
                    del self._in_flight[job.key]
                    self._count(-1, job.ids)
            call.done.put(None)

    def _count(self, change: int, ids: np.ndarray) -> None:
        """A text has joined the queue (1), or left it (-1); the lock is held."""
        self.queued_texts += change
        self.queued_tokens += change * len(ids)

    def _work(self, lane: _Lane) -> None:
        ran: list[_Job] = []
        while True:
            with self._lock:
                jobs = self._take(lane)
                self._tell(ran)  # not before: their threads all go on in Python, and the next run would wait for it
                while not jobs:
                    if self._closed:
                        return
                    lane.filled.wait()
                    jobs = self._take(lane)
            self._run(jobs, measure=lane is self._quick)
            ran = jobs

    def _take(self, lane: _Lane) -> list[_Job]:
        """The texts of the next run, those that are due first; the lock is held."""
        for engine, queue in list(lane.queues.items()):
            while queue and not queue[0][2].calls:
                heapq.heappop(queue)
            if not queue:
                del lane.queues[engine]  # which may never be asked again
        queues = list(lane.queues.values())
        if not queues:
            return []
        queue = min(queues, key=lambda queue: queue[0][:2])
        budget = self.budget(queue[0][2].engine) if lane is self._quick else 0  # a long text runs alone
        waiting: list[tuple[float, int, _Job]] = []
        tokens = 0
        while queue and (not waiting or tokens < _CHOICE * budget):
            entry = heapq.heappop(queue)
            if entry[2].calls:  # not given up
                waiting.append(entry)
                tokens += len(entry[2].ids)
        first = len(waiting[0][2].ids)
        waiting.sort(key=lambda entry: abs(len(entry[2].ids) - first))  # the first stays the first
        jobs: list[_Job] = []
        tokens = longest = 0
        for entry in waiting:
            length = len(entry[2].ids)
            tokens, longest = tokens + length, max(longest, length)
            if jobs and (tokens > budget or (len(jobs) + 1) * longest > _PADDING * self.max_tokens):
                break
            jobs.append(entry[2])
        for entry in waiting[len(jobs) :]:
            heapq.heappush(queue, entry)
        now = time.perf_counter()
        for job in jobs:
            job.started = now
            self._count(-1, job.ids)
            self._metrics.wait_seconds.observe(now - job.arrived)
        return jobs

    def _run(self, jobs: list[_Job], *, measure: bool) -> None:
        engine = jobs[0].engine
        started = time.perf_counter()
        try:
            rows = [np.arange(len(job.ids)) if job.rows is None else job.rows for job in jobs]
            all_rows = all(job.rows is None for job in jobs)
            batch = Batch.pack([job.ids for job in jobs], None if all_rows else rows)
            outputs = np.split(engine.engine.run(batch), np.cumsum(batch.row_counts)[:-1])
        except Exception as error:  # of any kind: it must reach the callers, and the lane must go on
            if len(jobs) > 1:  # one text must not harm its neighbours
                for job in jobs:
                    self._run([job], measure=False)
                return
            jobs[0].error = error
        else:
            seconds = time.perf_counter() - started
            for job, output in zip(jobs, outputs, strict=True):
                job.result = output
            self._metrics.ran(engine.name, len(jobs), len(batch.ids), seconds)
            if measure:
                engine.measured(len(batch.ids), seconds)
        ended = time.perf_counter()
        for job in jobs:
            job.ended = ended

    def _tell(self, jobs: Iterable[_Job]) -> None:
        """Let those go on whose texts are done; the lock is held."""
        for job in jobs:
            self._in_flight.pop(job.key, None)
            for call in job.calls:
                call.missing -= 1
                if not call.missing:
                    call.done.put(None)


def _texts(batch: Batch) -> Iterable[tuple[np.ndarray, np.ndarray | None]]:
    """Each text's ids [T_i] and, where not all are read, its rows [K_i] (indices into the text)."""
    ids = np.split(batch.ids, batch.starts[1:])
    if batch.rows is None:
        return zip(ids, itertools.repeat(None), strict=False)
    rows = np.split(batch.rows, np.cumsum(batch.row_counts)[:-1])
    return zip(ids, [inside - start for inside, start in zip(rows, batch.starts, strict=True)], strict=True)
