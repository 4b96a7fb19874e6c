"""How far each layer's matrices take a model from float32 when these alone are in int8."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from ..batch import run_batched
from ..engine.cpus import available_cpus
from ..engine.onnx import OnnxEngine
from ..folder.checkpoint import Checkpoint, Head, key_table
from .quantizer import Quantizer, matrix_groups

TOKENS = 1500  # that layers are compared on
_BATCH_TOKENS = 1024


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


def first_texts(ids: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    """As many of the texts, given as token ids, as layers are compared on."""
    starts = accumulate(map(len, ids), initial=0)
    return ids[: sum(start < TOKENS for start in starts)]


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


def costliest(errors: Iterable[LayerError]) -> list[LayerError]:
    """The groups of matrices, those with most error for their size first."""
    return sorted((each for each in errors if each.matrices), key=lambda each: -each.error / each.weights)


def _states(checkpoint: Checkpoint, precision: str, ids: Sequence[np.ndarray]) -> np.ndarray:
    threads = available_cpus()
    engine = OnnxEngine(checkpoint, Head.NONE, all_rows=True, threads=threads, precision=precision)
    return np.concatenate(run_batched(engine.run, ids, None, _BATCH_TOKENS))
