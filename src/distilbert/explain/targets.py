"""What is explained: one number of a model's output, by the same formula for NumPy's arrays and PyTorch's tensors."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..batch import run_batched
from ..calibration import Calibration
from ..encoding import Encoding
from ..errors import InputError
from ..pooling import Pooling
from ..similarity import similarity
from ..tasks.embedding import Embedder
from ..tasks.task import FIRST, Task

Array = Any  # of NumPy, or a tensor of PyTorch
Library = Any  # numpy or torch


@dataclass(frozen=True, eq=False, kw_only=True)
class Target(ABC):
    """One number of what a task's model gives for one encoded text.

    Attributes:
        measure, name: what the number is, and what is explained, for a person.
        task: whose model runs.
        encoding: the text, or the pair, as it is read.
        rows: int64 [K], the tokens whose output the number is made of.
    """

    measure: str
    task: Task
    encoding: Encoding
    name: str
    rows: np.ndarray

    @abstractmethod
    def number(self, output: Array, library: Library) -> Array:
        """The model's output at `rows` [K, …] -> a scalar."""

    def numbers(self, variants: Sequence[np.ndarray]) -> np.ndarray:
        """float64 [n]: the number of each variant of the text's ids [T], in packed batches through the engine."""
        rows = None if self.task.all_rows else [self.rows] * len(variants)
        outputs = run_batched(self.task.model.engine.run, variants, rows, self.task.model.max_batch_tokens)
        wanted = (output[self.rows] if rows is None else output for output in outputs)
        return np.array([self.number(output.astype(np.float64), np) for output in wanted])


@dataclass(frozen=True, eq=False, kw_only=True)
class ClassTarget(Target):
    """A class: its log-odds against all others (softmax) or against its absence (sigmoid); a regression's value.

    Log-odds still change where a probability is near 1: a word that turns 0.9999 into 0.99 counts.
    """

    measure: str = "log-odds"
    index: int
    function: str
    calibration: Calibration

    def number(self, output: Array, library: Library) -> Array:
        logits = output.mean(0)  # of one row, unless the head reads the mean of all
        if self.function == "none":
            return logits[self.index]
        logits = _calibrated(logits, self.calibration, library)
        return logits[self.index] if self.function == "sigmoid" else _log_odds(logits, self.index, library)


@dataclass(frozen=True, eq=False, kw_only=True)
class EntityTarget(Target):
    """An entity: the mean over its tokens of the log-odds of each token's label."""

    measure: str = "log-odds"
    labels: Sequence[int]  # one a row
    calibration: Calibration

    def number(self, output: Array, library: Library) -> Array:
        logits = _calibrated(output, self.calibration, library)
        odds = [_log_odds(row, label, library) for row, label in zip(logits, self.labels, strict=True)]
        return sum(odds) / len(odds)


@dataclass(frozen=True, eq=False, kw_only=True)
class AnswerTarget(Target):
    """An answer: the logarithm of its score, among the places of its context and that of no answer.

    `rows` are these places, [CLS] first; `first` and `last` are the answer's tokens among them.
    """

    measure: str = "log-probability"
    first: int
    last: int

    def number(self, output: Array, library: Library) -> Array:
        starts, ends = output[:, 0], output[:, 1]
        start = starts[self.first] - _log_sum_exp(starts, library)
        return start + ends[self.last] - _log_sum_exp(ends, library)


@dataclass(frozen=True, eq=False, kw_only=True)
class SimilarityTarget(Target):
    """How alike a text and a vector [D] are, by the model's own measure."""

    measure: str = "similarity"
    task: Embedder
    other: np.ndarray
    prompt_length: int

    def numbers(self, variants: Sequence[np.ndarray]) -> np.ndarray:
        vectors = self.task.vectors_of([replace(self.encoding, ids=ids) for ids in variants])
        return similarity(self.task.sentence.similarity, vectors, self.other[None])[:, 0].astype(np.float64)

    def number(self, output: Array, library: Library) -> Array:
        """Of hidden states [T, D]. Raises InputError for a folder whose layers PyTorch does not have here."""
        sentence = self.task.sentence
        if sentence.layers or sentence.token_layers or sentence.truncate_dim:
            raise InputError(
                f"{self.task.model.folder}: has layers behind its encoder; use method='leave-one-out' for it"
            )
        vector = _pooled(output, sentence.pooling, self.prompt_length, library)
        if sentence.normalize:
            vector = vector / library.linalg.norm(vector)
        other = library.asarray(self.other)
        match sentence.similarity:
            case "cosine":
                return vector @ other / (library.linalg.norm(vector) * library.linalg.norm(other))
            case "dot":
                return vector @ other
            case distance:
                return -library.linalg.norm(vector - other, 2 if distance == "euclidean" else 1)


def read_rows(task: Task, encoding: Encoding) -> np.ndarray:
    """The rows that a classifier's logits are made of: [CLS] alone, or all, as its config.json says."""
    return FIRST if task.config.classifier_pooling == "cls" else np.arange(len(encoding))


def _pooled(hidden: Array, pooling: Pooling, prompt_length: int, library: Library) -> Array:
    kept = hidden[0 if pooling.include_prompt or prompt_length >= len(hidden) else prompt_length :]
    parts = []
    for mode in pooling.modes:
        match mode:
            case "cls":
                parts.append(kept[0])
            case "lasttoken":
                parts.append(kept[-1])
            case "max":
                parts.append(library.amax(kept, 0))
            case "mean":
                parts.append(kept.mean(0))
            case "mean_sqrt_len_tokens":
                parts.append(kept.sum(0) / len(kept) ** 0.5)
            case _:
                raise InputError(f"pooling {mode!r} has no gradients here; use method='leave-one-out' for it")
    return library.concatenate(parts)


def _calibrated(logits: Array, calibration: Calibration, library: Library) -> Array:
    scaled = logits / calibration.temperature
    return scaled + library.asarray(calibration.bias) if calibration.bias else scaled


def _log_odds(logits: Array, index: int, library: Library) -> Array:
    others = [other for other in range(len(logits)) if other != index]
    return logits[index] - _log_sum_exp(logits[others], library) if others else logits[index]


def _log_sum_exp(values: Array, library: Library) -> Array:
    top = values.max()
    return top + library.log(library.exp(values - top).sum())
