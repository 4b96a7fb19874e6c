"""A candidate in a process of its own: a runtime whose threads spin would starve its neighbours' in the same one."""

import multiprocessing
import os
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from candidates import Opener

SIZES = (1, 8, 16, 32)


class Process:
    """Opens a candidate in a process that does nothing between the questions.

    Attributes:
        threads: how many it may use.
        about: what its engine is, for this package.
    """

    def __init__(self, opener: Opener, folder: Path, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_answer, args=(theirs, opener, folder, threads), daemon=True)
        self.process.start()
        theirs.close()
        self.about: str = self._received()

    def logits(self, texts: list[str], size: int = 1) -> np.ndarray:
        return self._ask(True, texts, size)

    def seconds(self, texts: list[str], size: int = 1) -> float:
        return self._ask(False, texts, size)

    def best_size(self, texts: list[str]) -> int:
        """The batch size at which it is fastest, of two tries each."""
        return min(SIZES, key=lambda size: min(self.seconds(texts, size) for _ in range(3)))

    def end(self) -> None:
        self.pipe.send(None)
        self.process.join()

    def _ask(self, outputs: bool, texts: list[str], size: int) -> object:
        self.pipe.send((outputs, texts, size))
        return self._received()

    def _received(self) -> object:
        try:
            answer = self.pipe.recv()
        except EOFError:
            raise SystemExit("a candidate's process ended: see what it wrote above") from None
        return answer


def _answer(pipe: Connection, opener: Opener, folder: Path, threads: int) -> None:
    for name in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = str(threads)
    started = time.perf_counter()
    candidate = opener(folder, threads)
    engine = getattr(getattr(getattr(candidate, "task", None), "model", None), "engine", None)
    reason = f"{engine.reason}; " if engine else ""
    pipe.send(f"{reason}opened in {time.perf_counter() - started:.2f} s")
    while job := pipe.recv():
        outputs, texts, size = job
        started = time.perf_counter()
        logits = candidate.logits(texts, size)
        pipe.send(logits if outputs else time.perf_counter() - started)
