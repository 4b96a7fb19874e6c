"""Sentence embeddings: pooled hidden states, as the folder says, in several number formats."""

import warnings
from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np

from ..batch import in_chunks
from ..errors import InputError, LongTextWarning
from ..folder.checkpoint import Head
from ..folder.sentence import SentenceFolder
from ..pooling import Normalize
from ..tokenizer import Encoding
from .task import (
    FIRST,
    LongText,
    Model,
    Task,
    characters,
    check_count,
    check_long_text,
    check_strings,
    listed,
    several,
    weighted_mean,
)

Output = Literal["float32", "int8", "uint8", "binary", "ubinary"]
Vectors = np.ndarray


class Embedder(Task):
    """Turns texts into vectors. Made by `distilbert.load` from a DistilBertModel or a sentence-transformers folder.

    Attributes:
        sentence: what the folder says of pooling, layers, prompts and similarity.
        dim: width of a vector before it is truncated.
    """

    task = "feature-extraction"
    head = Head.NONE
    all_rows = True

    def __init__(self, model: Model, sentence: SentenceFolder) -> None:
        super().__init__(model)
        self.sentence = sentence
        self.dim = sentence.width(self.config.dim)

    def __call__(
        self,
        texts: str | Iterable[str],
        *,
        prompt: str | None = None,
        prompt_name: str | None = None,
        normalize: bool | None = None,
        truncate_dim: int | None = None,
        output: Output = "float32",
        long_text: LongText = "truncate",
    ) -> Vectors:
        """One text -> [D]; several -> [B, D], in the same order.

        Args:
            texts: a string or an iterable of strings.
            prompt, prompt_name: what stands before each text, or the name of one of the folder's prompts;
                by default the folder's default one, mostly none.
            normalize: vectors of length 1; by default as the folder says.
            truncate_dim: keep the first so many numbers (for models trained to allow it), then normalise;
                by default as the folder says.
            output: "float32"; "int8" and "uint8" scale each vector by its own largest number, which
                leaves cosines as they are and depends on no other text; "binary" and "ubinary" keep the
                signs, eight to a byte, as sentence-transformers packs them.
            long_text: what to do with a text longer than the model reads: "truncate" (with a
                LongTextWarning), "window" (the mean of its windows, weighted by their tokens) or "error".

        Raises:
            InputError: for anything else than texts, and for options outside their range.
        """
        vectors = list(
            self.stream(
                listed(texts),
                prompt=prompt,
                prompt_name=prompt_name,
                normalize=normalize,
                truncate_dim=truncate_dim,
                output=output,
                long_text=long_text,
            )
        )
        if isinstance(texts, str):
            return vectors[0]
        return (
            np.stack(vectors)
            if vectors
            else self._finish(np.empty((0, self.dim), np.float32), False, truncate_dim, output)
        )

    def stream(
        self,
        texts: Iterable[str],
        *,
        prompt: str | None = None,
        prompt_name: str | None = None,
        normalize: bool | None = None,
        truncate_dim: int | None = None,
        output: Output = "float32",
        long_text: LongText = "truncate",
    ) -> Iterator[Vectors]:
        """One vector [D] a text, for a stream of any length, in bounded memory and in order."""
        check_long_text(long_text)
        check_count("truncate_dim", truncate_dim)
        if truncate_dim is not None and truncate_dim > self.dim:
            raise InputError(f"truncate_dim must be at most {self.dim}, the width of the vectors, not {truncate_dim}")
        if output not in ("float32", "int8", "uint8", "binary", "ubinary"):
            raise InputError(f'output must be "float32", "int8", "uint8", "binary" or "ubinary", not {output!r}')
        prefix = self.sentence.prompts.text(prompt, prompt_name)
        if normalize is None:
            normalize = self.sentence.normalize
        start = cut = 0
        for chunk in in_chunks(several(texts), characters, self._chunk_characters):
            vectors, truncated = self._embed(chunk, prefix, long_text, start)
            start += len(chunk)
            cut += truncated
            yield from self._finish(vectors, normalize, truncate_dim, output)
        if cut:
            limit = self.model.max_length
            message = f"{cut} of {start} texts are longer than {limit} tokens and were cut; see long_text"
            warnings.warn(message, LongTextWarning, stacklevel=3)

    def logits(self, texts: str | Iterable[str], *, long_text: LongText = "truncate") -> list[np.ndarray]:
        """The last hidden states, float32 [T_i, D] a text ([K_i, D] with only the rows that pooling reads).

        A list of one for one text. Texts in windows give the windows' states one after the other.
        """
        check_long_text(long_text)
        states = []
        start = 0
        for chunk in in_chunks(listed(texts), characters, self._chunk_characters):
            check_strings(chunk, start)
            read = self._encode(chunk, long_text, start)
            start += len(chunk)
            rows = iter(self._hidden([encoding for encodings in read for encoding in encodings]))
            states += [np.concatenate([next(rows) for _ in encodings]) for encodings in read]
        return states

    def similarity(self, a: str | Iterable[str] | Vectors, b: str | Iterable[str] | Vectors) -> float | np.ndarray:
        """How alike texts (or float vectors) are, by the folder's own measure; cosine where it says nothing.

        One against one is a float, one against several [B], several against several [A, B]. Distances
        (euclidean, manhattan) are negated, so that more is always more alike.
        """
        left, right = self._vectors(a), self._vectors(b)
        if left.shape[-1] != right.shape[-1]:
            raise InputError(f"vectors of {left.shape[-1]} and of {right.shape[-1]} numbers cannot be compared")
        scores = _similarity(self.sentence.similarity, np.atleast_2d(left), np.atleast_2d(right))
        if left.ndim == 1:
            scores = scores[0]
        if right.ndim == 1:
            scores = scores[..., 0]
        return float(scores) if scores.ndim == 0 else scores

    def _vectors(self, given: str | Iterable[str] | Vectors) -> Vectors:
        """Float vectors as they are, [D] or [B, D]; those of texts otherwise."""
        if not isinstance(given, np.ndarray) or given.dtype.kind not in "iufb":
            return self(given)
        if given.dtype.kind != "f" or given.ndim not in (1, 2):
            shape = f"{given.dtype} {list(given.shape)}"
            raise InputError(f"give texts or float vectors [D] or [B, D], not {shape}; compare before you quantise")
        return given

    def _embed(self, texts: list[str], prefix: str, long_text: LongText, start: int) -> tuple[Vectors, int]:
        """Vectors [B, D] before normalisation, and how many texts were cut."""
        check_strings(texts, start)
        read = self._encode([prefix + text for text in texts], long_text, start)
        skip = len(self.tokenizer.encode(prefix)) - self.tokenizer.closing_count if prefix else 0
        rows = iter(self._hidden([encoding for encodings in read for encoding in encodings]))
        pooled = []
        for encodings in read:
            # only the first window begins with the prompt
            parts = [self.sentence.pooling(next(rows), 0 if place else skip) for place in range(len(encodings))]
            pooled.append(weighted_mean(parts, encodings))
        vectors = np.stack(pooled)
        for layer in self.sentence.layers:
            vectors = layer(vectors)
        return vectors, sum(encodings[0].truncated for encodings in read)

    def _hidden(self, encodings: list[Encoding]) -> list[np.ndarray]:
        first_only = self.sentence.pooling.first_only
        return self._run(encodings, [FIRST] * len(encodings) if first_only else None)

    def _finish(self, vectors: Vectors, normalize: bool, truncate_dim: int | None, output: Output) -> Vectors:
        vectors = vectors[:, : truncate_dim or self.sentence.truncate_dim]
        if normalize:
            vectors = Normalize()(vectors)
        if output in ("int8", "uint8"):
            scaled = vectors / np.maximum(np.abs(vectors).max(-1, keepdims=True), 1e-12)
            levels = np.rint(127 * scaled)
            return levels.astype(np.int8) if output == "int8" else (levels + 128).astype(np.uint8)
        if output in ("binary", "ubinary"):
            bits = np.packbits(vectors > 0, axis=-1)
            return bits if output == "ubinary" else (bits.astype(np.int16) - 128).astype(np.int8)
        return vectors


def _similarity(measure: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if measure == "cosine":
        return np.asarray(Normalize()(a) @ Normalize()(b).T)
    if measure == "dot":
        return np.asarray(a @ b.T)
    order = 2 if measure == "euclidean" else 1
    return np.stack([-np.linalg.norm(b - row, ord=order, axis=-1) for row in a])
