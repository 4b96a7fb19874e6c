"""How far each layer's matrices take a model from float32 when these alone are in int8."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..batch import Batch, run_batched
from ..convert.quantizer import Quantizer, matrix_groups
from ..engine.cpus import available_cpus
from ..engine.onnx import OnnxEngine
from ..engine.seam import Engine
from ..folder.checkpoint import Checkpoint, Head, key_table

_TOKENS = 1500  # that layers are compared on
_BATCH_TOKENS = 1024


class Recorder:
    """An engine that keeps the token ids of the first texts that another one runs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.ids: list[np.ndarray] = []
        self._room = _TOKENS

    def run(self, batch: Batch) -> np.ndarray:
        for text in np.split(batch.ids, np.cumsum(batch.lengths)[:-1]):
            if self._room > 0:
                self.ids.append(np.array(text))
                self._room -= len(text)
        return self._engine.run(batch)


@dataclass(frozen=True)
class LayerError:
    """What int8 of some matrices alone does to the last hidden states.

    Attributes:
        matrices: their names in the key table, without `.weight`; none for the embeddings.
        weights: how many numbers they hold, which is what float32 would cost.
        error: 1 - cosine to float32's states, on average over tokens.
    """

    matrices: tuple[str, ...]
    weights: int
    error: float


def layer_errors(quantizer: Quantizer, ids: Sequence[np.ndarray]) -> list[LayerError]:
    """The error of the embeddings, and of each group of matrices beside these, over texts given as token ids."""
    source = quantizer.source
    groups = matrix_groups(source.config.n_layers)
    shapes = key_table(source.config, Head.NONE)
    every = [name for group in groups for name in group]
    exact = _states(source, "float32", ids)
    errors = []
    for alone in ((), *groups):
        close = _states(quantizer.checkpoint(name for name in every if name not in alone), "int8", ids)
        cosines = (exact * close).sum(-1) / (np.linalg.norm(exact, axis=-1) * np.linalg.norm(close, axis=-1) + 1e-12)
        weights = sum(int(np.prod(shapes[f"{name}.weight"])) for name in alone)
        errors.append(LayerError(alone, weights, float(1 - cosines.mean())))
    return errors


def ladder(errors: Sequence[LayerError]) -> list[tuple[str, ...]]:
    """Matrices to leave in float32: none, the quarter of the groups with most error for their size, half, and all."""
    groups = sorted((each for each in errors if each.matrices), key=lambda each: -each.error / each.weights)
    counts = (0, math.ceil(len(groups) / 4), math.ceil(len(groups) / 2), len(groups))
    return [tuple(name for group in groups[:count] for name in group.matrices) for count in sorted({*counts})]


def _states(checkpoint: Checkpoint, precision: str, ids: Sequence[np.ndarray]) -> np.ndarray:
    threads = available_cpus()
    engine = OnnxEngine(checkpoint, Head.NONE, all_rows=True, threads=threads, precision=precision)
    return np.concatenate(run_batched(engine.run, ids, None, _BATCH_TOKENS))
