"""The modules that sentence-transformers puts behind an encoder, in NumPy: hidden states -> a text's vector."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .errors import InputError


@dataclass(frozen=True)
class Pooling:
    """Hidden states of a text [T, D] -> one vector [modes · D].

    Attributes:
        modes: of cls, max, mean, mean_sqrt_len_tokens, weightedmean, lasttoken; several are concatenated.
        include_prompt: whether the prompt's tokens are pooled too.
    """

    modes: tuple[str, ...] = ("mean",)
    include_prompt: bool = True

    @property
    def first_only(self) -> bool:
        """Whether the first token is all that is read."""
        return self.modes == ("cls",) and self.include_prompt

    def __call__(self, hidden: np.ndarray, prompt_length: int = 0, total: float | None = None) -> np.ndarray:
        """`prompt_length` counts the first tokens, [CLS] included, that belong to the prompt.

        `total` is what a mean divides by where the states were weighed: the sum of the weights, of the prompt's too.
        """
        skip = 0 if self.include_prompt or prompt_length >= len(hidden) else prompt_length
        return np.concatenate([_pool(mode, hidden, skip, total) for mode in self.modes])


def _pool(mode: str, hidden: np.ndarray, skip: int, total: float | None) -> np.ndarray:
    kept = hidden[skip:]
    divisor = np.float32(len(kept) if total is None else max(total, 1e-9))
    match mode:
        case "cls":
            return kept[0]
        case "lasttoken":
            return kept[-1]
        case "max":
            return np.asarray(kept.max(0))
        case "mean":
            return np.asarray(kept.sum(0) / divisor)
        case "mean_sqrt_len_tokens":
            return np.asarray(kept.sum(0) / np.sqrt(divisor))
        case _:  # weightedmean: a token's weight is its place in the text
            weights = np.arange(skip + 1, len(hidden) + 1, dtype=np.float32)
            return np.asarray(weights @ kept / (weights.sum() if total is None else divisor))


@dataclass(frozen=True)
class SpladePooling:
    """Logits of a text over the vocabulary [T, V] -> one vector [V], none of it below 0.

    The weight of a piece is the maximum (or the sum) over tokens of log(1 + relu(logit)), special
    tokens included: Formal et al. 2021, arXiv 2109.10086 (the sum: arXiv 2107.05720).

    Attributes:
        strategy: "max" or "sum".
        logarithms: how many times log(1 + x) is taken; 2 in "log1p_relu" (arXiv 2504.14839).
    """

    strategy: str = "max"
    logarithms: int = 1

    def __call__(self, logits: np.ndarray) -> np.ndarray:
        # both functions rise, so that the maximum may be taken first: the work is on [V], not on [T, V]
        weights = np.maximum(logits.max(0) if self.strategy == "max" else logits, 0)
        for _ in range(self.logarithms):
            weights = np.log1p(weights)
        return weights if self.strategy == "max" else weights.sum(0)


@dataclass(frozen=True, eq=False)
class Dense:
    """A linear layer [B, in] -> [B, out], with an activation and perhaps a residual."""

    weight: np.ndarray
    bias: np.ndarray | None
    activation: Callable[[np.ndarray], np.ndarray]
    residual: np.ndarray | None = None
    adds_input: bool = False

    @property
    def width(self) -> int:
        """How many numbers come out: half of the weight's rows where the activation gates one half by the other."""
        return int(self.activation(np.zeros((1, len(self.weight)), np.float32)).shape[-1])

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        out = vectors @ self.weight.T
        out = self.activation(out if self.bias is None else out + self.bias)
        if self.adds_input:
            out = out + (vectors if self.residual is None else vectors @ self.residual.T)
        return out


@dataclass(frozen=True, eq=False)
class LayerNorm:
    """Vectors [B, D] to mean 0 and variance 1, then scaled and shifted number by number; epsilon is torch.nn's."""

    weight: np.ndarray
    bias: np.ndarray

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        centred = vectors - vectors.mean(-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + np.float32(1e-5))
        return np.asarray(centred / deviation * self.weight + self.bias)


@dataclass(frozen=True)
class Normalize:
    """Vectors to length 1; a vector of zeros stays."""

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


Layer = Dense | LayerNorm | Normalize


@dataclass(frozen=True, eq=False)
class WordWeights:
    """A weight for each token, float32 [V], such as how rare it is, which its state is multiplied by."""

    weights: np.ndarray

    def of(self, ids: np.ndarray) -> np.ndarray:
        """The weights [T] of a text's tokens. Raises InputError for a token that has none."""
        if ids.max(initial=0) >= len(self.weights):
            raise InputError(f"token id {ids.max()} has no weight: WordWeights lists {len(self.weights)} words")
        return np.asarray(self.weights[ids])


TokenLayer = Layer | WordWeights


def packed_signs(vectors: np.ndarray, *, signed: bool) -> np.ndarray:
    """The signs of vectors [B, D], eight to a byte: uint8 [B, D / 8], or less 128 as int8."""
    bits = np.packbits(vectors > 0, axis=-1)
    return (bits.astype(np.int16) - 128).astype(np.int8) if signed else bits
