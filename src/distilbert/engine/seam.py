"""The seam between tasks and engines: one method, packed batch in, output rows out. It never sees text."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..batch import Batch
from ..config import DistilBertConfig
from ..errors import CheckpointError, InputError
from ..folder.fingerprint import OpenFiles


class Engine(Protocol):
    """Runs one model with one head."""

    def run(self, batch: Batch) -> np.ndarray:
        """The head's output float32 [K, …] for the K rows that the batch reads, in order."""
        ...


@dataclass(eq=False)
class CpuEngine(ABC):
    """An engine on the CPU, and why it is this one.

    Attributes:
        name: "onnx" or "native".
        reason: why it was chosen, for a person.
        precision: of the matrix products, "float32" or "int8".
        threads: how many work on a batch: never more than the cores that the process may use.
        files: those of the weights, which must stay as they are.
    """

    name: str
    reason: str
    precision: str
    threads: int
    files: OpenFiles

    @abstractmethod
    def run(self, batch: Batch) -> np.ndarray:
        """See `Engine`."""


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
