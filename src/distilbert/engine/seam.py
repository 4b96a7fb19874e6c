"""The seam between tasks and engines: one method, packed batch in, output rows out. It never sees text."""

import os
import weakref
from abc import ABC, abstractmethod
from typing import ClassVar, Protocol

import numpy as np

from ..batch import Batch
from ..config import DistilBertConfig
from ..errors import CheckpointError, InputError
from ..folder.checkpoint import Checkpoint, Head
from ..folder.fingerprint import OpenFiles
from .cpus import available_cpus


class Engine(Protocol):
    """Runs one model with one head."""

    def run(self, batch: Batch) -> np.ndarray:
        """The head's output float32 [K, …] for the K rows that the batch reads, in order."""
        ...


class CpuEngine(ABC):
    """An engine on the CPU. Several threads may use it at once, and processes forked from this one.

    Attributes:
        name: "onnx" or "native".
        reason: why it was chosen, for a person.
        precision: of the matrix products, "float32" or "int8".
        threads: how many work on a batch: never more than the cores that the process may use.
        files: those of the weights, which must stay as they are.
    """

    name: ClassVar[str]

    def __init__(
        self,
        checkpoint: Checkpoint,
        head: Head,
        *,
        all_rows: bool,
        threads: int,
        precision: str = "float32",
        reason: str = "",
    ) -> None:
        self.files = OpenFiles(checkpoint.weights_files)
        self.reason, self.precision, self.threads = reason, precision, min(threads, available_cpus())
        self._checkpoint, self._head, self._all_rows = checkpoint, head, all_rows
        self._open()
        _engines.add(self)

    def run(self, batch: Batch) -> np.ndarray:
        """See `Engine`."""
        check_batch(batch, self._checkpoint.config)
        self.files.check()
        if batch.rows is None and not self._all_rows:
            raise ValueError("this engine was opened for chosen rows, and the batch chooses none")
        return check_rows(self._output(batch), self._checkpoint.folder)

    @abstractmethod
    def _open(self) -> None:
        """Make what runs."""

    @abstractmethod
    def _output(self, batch: Batch) -> np.ndarray:
        """What `run` gives, of a batch that was checked."""

    @abstractmethod
    def _leave(self) -> None:
        """In a forked process, where its threads are not."""


_engines: weakref.WeakSet[CpuEngine] = weakref.WeakSet()


def _leave_all() -> None:
    for engine in list(_engines):
        engine._leave()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_leave_all)


def check_batch(batch: Batch, config: DistilBertConfig) -> None:
    """Raise InputError for a text or a token id that the model cannot read."""
    if batch.longest > config.max_position_embeddings:
        raise InputError(f"a text has {batch.longest} tokens; the model reads {config.max_position_embeddings} at most")
    if batch.ids.min() < 0 or batch.ids.max() >= config.vocab_size:
        worst = batch.ids.min() if batch.ids.min() < 0 else batch.ids.max()
        raise InputError(f"token id {worst} is outside the model's vocabulary of {config.vocab_size}")


def check_rows(rows: np.ndarray, place: object) -> np.ndarray:
    """The output rows of a model. Raises CheckpointError where they are no numbers, naming where the model lies."""
    if rows.size and not rows.max() < np.inf:  # of a NaN, too; minus infinity may forbid a piece of the vocabulary
        raise CheckpointError(f"{place}: the model's output is NaN or infinite; its weights are damaged")
    return rows
