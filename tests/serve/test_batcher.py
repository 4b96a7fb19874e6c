"""Runs are packed, bounded and ordered; every caller gets its own rows."""

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

pytest.importorskip("fastapi")

from distilbert.batch import Batch
from distilbert.serve.batcher import Batcher, QueuedEngine, Work, current_work
from distilbert.serve.errors import RequestError
from distilbert.serve.metrics import Metrics
from helpers.live import until
from helpers.patience import PATIENCE


class Fake:
    """An engine whose rows tell the token and its text's sum; it runs when it is let."""

    def __init__(self) -> None:
        self.runs: list[list[list[int]]] = []
        self.gate = threading.Event()
        self.gate.set()

    def run(self, batch: Batch) -> np.ndarray:
        texts = np.split(batch.ids, batch.starts[1:])
        self.runs.append([text.tolist() for text in texts])
        assert self.gate.wait(PATIENCE)
        if (batch.ids == 13).any():
            raise ZeroDivisionError("unlucky")
        sums = np.repeat([text.sum() for text in texts], batch.lengths)
        rows = np.stack([batch.ids, sums], -1).astype(np.float32)
        return rows if batch.rows is None else rows[batch.rows]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def batcher(metrics: Metrics) -> Iterator[Batcher]:
    batcher = Batcher(max_tokens=100, bound=0.1, metrics=metrics)
    yield batcher
    batcher.close()


def queued(batcher: Batcher, rate: float = 105.0) -> tuple[QueuedEngine, Fake]:
    """An engine measured at `rate` tokens a second: at a bound of 0.1 s and 105, runs of 10 tokens."""
    fake = Fake()
    engine = batcher.wrap(fake, "fake")
    engine.measured(1_000_000, 1_000_000 / rate)
    return engine, fake


def batch(*texts: list[int], rows: list[list[int]] | None = None) -> Batch:
    return Batch.pack(
        [np.array(text) for text in texts], None if rows is None else [np.array(of_text, np.int64) for of_text in rows]
    )


def call(engine: QueuedEngine, *texts: list[int], work: Work | None = None) -> "Future":
    return Future(lambda: engine.run(batch(*texts)), work)


class Future:
    """A call in a thread of its own, as a request's is; `started` when its texts are queued."""

    def __init__(self, function: Callable[[], np.ndarray], work: Work | None = None) -> None:
        self.work = work or Work()
        self.value: np.ndarray | Exception | None = None
        self.function = function
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        until(lambda: self.work.call is not None or self.value is not None)

    def _run(self) -> None:
        current_work.set(self.work)
        try:
            self.value = self.function()
        except Exception as error:
            self.value = error

    def result(self) -> np.ndarray:
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        if isinstance(self.value, Exception):
            raise self.value
        assert self.value is not None
        return self.value


def held(engine: QueuedEngine, fake: Fake) -> Future:
    """A run under way that does not end until the gate opens."""
    fake.gate.clear()
    first = call(engine, [99])
    until(lambda: [[99]] in fake.runs)
    return first


def test_rows_are_those_of_the_engine(batcher: Batcher) -> None:
    engine, fake = queued(batcher)
    given = batch([1, 2, 3], [4], [5, 6], rows=[[0, 2], [0], [1]])
    np.testing.assert_array_equal(engine.run(given), fake.run(given))
    whole = batch([1, 2, 3], [4], [5, 6])
    np.testing.assert_array_equal(engine.run(whole), fake.run(whole))


def test_texts_of_several_calls_share_a_run(batcher: Batcher) -> None:
    engine, fake = queued(batcher)
    first = held(engine, fake)
    calls = [call(engine, [n, n]) for n in (1, 2, 3)]
    fake.gate.set()
    for n, each in zip((1, 2, 3), calls, strict=True):
        np.testing.assert_array_equal(each.result(), [[n, 2 * n]] * 2)
    first.result()
    assert fake.runs == [[[99]], [[1, 1], [2, 2], [3, 3]]]


def test_runs_are_cut_by_the_measured_rate(batcher: Batcher) -> None:
    engine, fake = queued(batcher)
    first = held(engine, fake)
    several = call(engine, *([n] * 4 for n in range(1, 6)))  # 20 tokens, 10 a run
    fake.gate.set()
    several.result(), first.result()
    assert [len(run) for run in fake.runs[1:]] == [2, 2, 1]


def test_runs_are_cut_by_the_token_budget(batcher: Batcher) -> None:
    engine, fake = queued(batcher, rate=1e6)
    engine.run(batch(*([n] * 30 for n in range(1, 6))))
    assert max(sum(map(len, run)) for run in fake.runs) == 90


def test_a_slow_engine_gets_shorter_runs(batcher: Batcher) -> None:
    engine, _ = queued(batcher)
    assert batcher.budget(engine) == 10
    for _ in range(200):
        engine.measured(10, 1.0)
    assert batcher.budget(engine) == 1


def test_a_long_text_runs_alone_and_beside_short_ones(batcher: Batcher) -> None:
    engine, fake = queued(batcher)
    fake.gate.clear()
    long = call(engine, [7] * 65, [8] * 65)  # over the bound, each
    until(lambda: fake.runs == [[[7] * 65]])
    short = call(engine, [1])
    until(lambda: [[1]] in fake.runs)  # while the long one is under way
    fake.gate.set()
    short.result(), long.result()
    assert sorted(map(len, fake.runs)) == [1, 1, 1]


def test_a_short_text_stays_one_on_a_slow_machine(batcher: Batcher) -> None:
    engine, fake = queued(batcher, rate=1.0)  # each token is over the bound
    fake.gate.clear()
    long = call(engine, [7] * 65)
    until(lambda: fake.runs == [[[7] * 65]])
    short = call(engine, [1] * 64, [2] * 64)
    until(lambda: [[1] * 64] in fake.runs)  # not behind the long one
    fake.gate.set()
    short.result(), long.result()
    assert [len(run) for run in fake.runs] == [1, 1, 1]


def test_shorter_texts_pass_but_nothing_waits_forever(batcher: Batcher) -> None:
    engine, fake = queued(batcher)
    first = held(engine, fake)
    early = call(engine, [5] * 10)  # 0.1 s by itself: texts that come within 20 times that may pass
    late = [call(engine, [n] * 5) for n in (1, 2)]
    fake.gate.set()
    for each in (first, early, *late):
        each.result()
    assert fake.runs[1:] == [[[1] * 5, [2] * 5], [[5] * 10]]
    # and one that has waited longer than that goes first
    fake.runs.clear()
    first = held(engine, fake)
    early = call(engine, [5] * 2)  # 0.02 s by itself: 0.4 s
    time.sleep(0.5)
    late = [call(engine, [n]) for n in range(20, 29)]
    fake.gate.set()
    for each in (first, early, *late):
        each.result()
    assert fake.runs[1][0] == [5] * 2


def test_a_call_of_many_texts_lets_others_pass(batcher: Batcher) -> None:
    engine, fake = queued(batcher)
    first = held(engine, fake)
    many = call(engine, *([n, n] for n in range(20, 50)))  # six runs
    one = call(engine, [1, 1])
    fake.gate.set()
    one.result(), many.result(), first.result()
    assert [[1, 1] in run for run in fake.runs].index(True) < 5


def test_a_run_is_filled_with_texts_of_like_length(batcher: Batcher) -> None:
    engine, fake = queued(batcher)
    first = held(engine, fake)
    early = call(engine, [1] * 4)
    time.sleep(0.5)  # longer than it lets texts of two tokens pass
    late = [call(engine, [n] * length) for n, length in ((2, 2), (3, 2), (4, 4), (5, 2))]
    fake.gate.set()
    for each in (first, early, *late):
        each.result()
    assert fake.runs[1:] == [[[1] * 4, [4] * 4, [2] * 2], [[3] * 2, [5] * 2]]


def test_identical_texts_in_flight_are_computed_once(batcher: Batcher, metrics: Metrics) -> None:
    engine, fake = queued(batcher)
    first = held(engine, fake)
    calls = [call(engine, [1, 2], [3]) for _ in range(3)]
    other_rows = Future(lambda: engine.run(batch([1, 2], rows=[[1]])))
    fake.gate.set()
    for each in calls:
        np.testing.assert_array_equal(each.result(), [[1, 3], [2, 3], [3, 3]])
    np.testing.assert_array_equal(other_rows.result(), [[2, 3]])
    first.result()
    texts = [tuple(text) for run in fake.runs for text in run]
    assert texts.count((3,)) == 1
    assert texts.count((1, 2)) == 2  # all rows, and one
    assert metrics.shared._value.get() == 4
    engine.run(batch([3]))
    assert sum(run.count([3]) for run in fake.runs) == 2, "only what is in flight is shared"


def test_a_failing_text_harms_no_neighbour(batcher: Batcher) -> None:
    engine, fake = queued(batcher)
    first = held(engine, fake)
    good, bad, other = call(engine, [1]), call(engine, [13]), call(engine, [2])
    fake.gate.set()
    np.testing.assert_array_equal(good.result(), [[1, 1]])
    np.testing.assert_array_equal(other.result(), [[2, 2]])
    with pytest.raises(ZeroDivisionError):
        bad.result()
    first.result()
    np.testing.assert_array_equal(engine.run(batch([3])), [[3, 3]])  # the lane goes on


def test_a_cancelled_call_frees_its_place(batcher: Batcher, metrics: Metrics) -> None:
    engine, fake = queued(batcher)
    first = held(engine, fake)
    kept, gone = call(engine, [1], [2]), call(engine, [2], [3])
    assert batcher.queued_texts == 3
    batcher.cancel(gone.work)
    with pytest.raises(RequestError, match="cancelled"):
        gone.result()  # at once: the run is still held
    assert batcher.queued_texts == 2
    assert batcher.queued_tokens == 2
    fake.gate.set()
    first.result()
    np.testing.assert_array_equal(kept.result(), [[1, 1], [2, 2]])
    assert [3] not in [text for run in fake.runs for text in run]
    with pytest.raises(RequestError, match="cancelled"):  # what it asks for next is refused
        call(engine, [4], work=gone.work).result()
    assert batcher.queued_texts == 0


def test_a_cancelled_text_can_be_asked_for_again(batcher: Batcher) -> None:
    engine, fake = queued(batcher)
    first = held(engine, fake)
    gone = call(engine, [5])
    batcher.cancel(gone.work)
    again = call(engine, [5])
    fake.gate.set()
    np.testing.assert_array_equal(again.result(), [[5, 5]])
    first.result(), gone.thread.join()


def test_engines_take_turns(batcher: Batcher) -> None:
    (one, fake_one), (two, fake_two) = queued(batcher), queued(batcher)
    np.testing.assert_array_equal(one.run(batch([1])), two.run(batch([1])))
    assert fake_one.runs == fake_two.runs == [[[1]]], "the same text of another model is another text"


def test_closing_runs_what_is_queued_and_refuses_more(metrics: Metrics) -> None:
    batcher = Batcher(max_tokens=100, bound=0.1, metrics=metrics)
    engine, fake = queued(batcher)
    first = held(engine, fake)
    waiting = call(engine, [1])
    closing = threading.Thread(target=batcher.close)
    closing.start()
    time.sleep(0.05)
    fake.gate.set()
    np.testing.assert_array_equal(waiting.result(), [[1, 1]])
    first.result(), closing.join(PATIENCE)
    with pytest.raises(RequestError, match="ending"):
        engine.run(batch([2]))


def test_work_counts_what_a_request_came_to(batcher: Batcher) -> None:
    engine, fake = queued(batcher)
    first = held(engine, fake)
    second = call(engine, [1, 2], [3])
    time.sleep(0.1)
    fake.gate.set()
    second.result(), first.result()
    assert (second.work.texts, second.work.tokens) == (2, 3)
    assert second.work.waited > 0.09
    assert 0 <= second.work.ran < 0.09


@pytest.mark.slow
def test_many_threads_get_their_own_rows(batcher: Batcher) -> None:
    engine, _ = queued(batcher, rate=1e6)
    wrong = []

    def ask(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(200):
            texts = [rng.integers(20, 10_000, rng.integers(1, 30)) for _ in range(rng.integers(1, 6))]
            rows = engine.run(Batch.pack(texts))
            sums = np.concatenate([np.full(len(text), text.sum()) for text in texts])
            if not np.array_equal(rows, np.stack([np.concatenate(texts), sums], -1)):
                wrong.append(texts)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
