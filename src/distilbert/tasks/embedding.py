"""Sentence embeddings: pooled hidden states, as the folder says, in several number formats."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, Unpack

import numpy as np

from ..encoding import Encoding
from ..errors import InputError
from ..fields import setting
from ..folder.checkpoint import Head
from ..folder.sentence import SentenceFolder
from ..pooling import Normalize, WordWeights, packed_signs
from ..similarity import of_shape, similarity
from .inputs import check_strings, listed, several
from .long_text import LongText
from .numbers import weighted_mean
from .options import LongTextKeyword, PromptKeywords, PromptOptions
from .task import FIRST, Model, Task

Output = Literal["float32", "int8", "uint8", "binary", "ubinary"]
Vectors = np.ndarray


@dataclass(frozen=True, kw_only=True)
class EmbedderOptions(PromptOptions):
    """Options of embeddings."""

    normalize: bool | None = setting(None, help="vectors of length 1", unset="as the model says")
    truncate_dim: int | None = setting(
        None, least=1, help="keep the first so many numbers of a vector", unset="as the model says", metavar="D"
    )
    output: Output = setting("float32", help="number format of the vectors")


class _Keywords(PromptKeywords, total=False):
    """The same as keywords, for type checkers."""

    normalize: bool | None
    truncate_dim: int | None
    output: Output


class Embedder(Task):
    """Turns texts into vectors. Made by `distilbert.load` from a DistilBertModel or a sentence-transformers folder.

    Attributes:
        sentence: what the folder says of pooling, layers, prompts and similarity.
        dim: width of a vector before it is truncated.
        encode_query, encode_document: this model for queries and for documents: with the folder's prompt of
            that name, if there is one, and through the modules that a Router keeps for them.
    """

    task = "feature-extraction"
    head = Head.NONE
    all_rows = True
    options = EmbedderOptions
    makes_vectors = True
    pools = True

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.sentence = model.sentence or SentenceFolder(model.folder)
        self.dim = self.sentence.width(self.config.dim)

    @cached_property
    def encode_query(self) -> "Embedder":
        return Embedder(replace(self.model, origin=None, sentence=self.sentence.route("query")))

    @cached_property
    def encode_document(self) -> "Embedder":
        return Embedder(replace(self.model, origin=None, sentence=self.sentence.route("document")))

    def __call__(
        self,
        texts: str | Iterable[str],
        *,
        prompt: str | None = EmbedderOptions.prompt,
        prompt_name: str | None = EmbedderOptions.prompt_name,
        normalize: bool | None = EmbedderOptions.normalize,
        truncate_dim: int | None = EmbedderOptions.truncate_dim,
        output: Output = EmbedderOptions.output,
        long_text: LongText = EmbedderOptions.long_text,
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
        options = EmbedderOptions(
            prompt=prompt,
            prompt_name=prompt_name,
            normalize=normalize,
            truncate_dim=truncate_dim,
            output=output,
            long_text=long_text,
        )
        vectors = list(self._results(listed(texts), options))
        if isinstance(texts, str):
            return vectors[0]
        return np.stack(vectors) if vectors else self._finish(np.empty((0, self.dim), np.float32), options)

    def stream(self, texts: Iterable[str], **options: Unpack[_Keywords]) -> Iterator[Vectors]:
        """One vector [D] a text, for a stream of any length, in bounded memory and in order."""
        return self._results(several(texts), EmbedderOptions(**options))

    def logits(self, texts: str | Iterable[str], **options: Unpack[LongTextKeyword]) -> list[np.ndarray]:
        """The last hidden states, float32 [T_i, D] a text ([K_i, D] with only the rows that pooling reads).

        A list of one for one text. Texts in windows give the windows' states one after the other.
        """
        long_text = EmbedderOptions(**options).long_text
        states = []
        for start, chunk in self._chunks(listed(texts)):
            check_strings(chunk, start)
            states += [np.concatenate(rows) for rows in self._hidden(self._encode(chunk, long_text, start))]
        return states

    def vectors_of(self, encodings: Sequence[Encoding]) -> Vectors:
        """float32 [B, D], as a call gives them, of texts that are encoded already, each with the default prompt."""
        prefix = self.sentence.prompts.text()
        return self._finish(self._pooled([[encoding] for encoding in encodings], prefix), EmbedderOptions())

    def _results(self, texts: Iterable[str], options: EmbedderOptions) -> Iterator[Vectors]:
        if options.truncate_dim is not None and options.truncate_dim > self.dim:
            raise InputError(
                f"truncate_dim must be at most {self.dim}, the width of the vectors, not {options.truncate_dim}"
            )
        prefix = self.sentence.prompts.text(options.prompt, options.prompt_name)
        for parts in self._encoded(texts, options.long_text, prefix):
            yield from self._finish(self._pooled(parts, prefix), options)

    def similarity(self, a: str | Iterable[str] | Vectors, b: str | Iterable[str] | Vectors) -> float | np.ndarray:
        """How alike texts (or float vectors) are, by the folder's own measure; cosine where it says nothing.

        One against one is a float, one against several [B], several against several [A, B]. Distances
        (euclidean, manhattan) are negated, so that more is always more alike.
        """
        left, right = self._vectors(a), self._vectors(b)
        if left.shape[-1] != right.shape[-1]:
            raise InputError(f"vectors of {left.shape[-1]} and of {right.shape[-1]} numbers cannot be compared")
        scores = similarity(self.sentence.similarity, np.atleast_2d(left), np.atleast_2d(right))
        return of_shape(scores, one_left=left.ndim == 1, one_right=right.ndim == 1)

    def _vectors(self, given: str | Iterable[str] | Vectors) -> Vectors:
        """Float vectors as they are, [D] or [B, D]; those of texts otherwise."""
        if not isinstance(given, np.ndarray) or given.dtype.kind not in "iufb":
            return self(given)
        if given.dtype.kind != "f" or given.ndim not in (1, 2):
            shape = f"{given.dtype} {list(given.shape)}"
            raise InputError(f"give texts or float vectors [D] or [B, D], not {shape}; compare before you quantise")
        return given

    def _pooled(self, parts: list[list[Encoding]], prefix: str) -> Vectors:
        """Vectors [B, D] before normalisation."""
        skip = len(self.tokenizer.encode(prefix)) - self.tokenizer.closing_count if prefix else 0
        pooled = []
        for encodings, states in zip(parts, self._hidden(parts), strict=True):
            # only the first window begins with the prompt
            vectors = [
                self._pooled_text(rows, encoding.ids, 0 if place else skip)
                for place, (rows, encoding) in enumerate(zip(states, encodings, strict=True))
            ]
            pooled.append(weighted_mean(vectors, [len(encoding) for encoding in encodings]))
        result = np.stack(pooled)
        for layer in self.sentence.layers:
            result = layer(result)
        return result

    def _pooled_text(self, hidden: np.ndarray, ids: np.ndarray, prompt_length: int) -> np.ndarray:
        total = None
        for layer in self.sentence.token_layers:
            if isinstance(layer, WordWeights):
                weights = layer.of(ids)
                hidden, total = hidden * weights[: len(hidden), None], float(weights.sum())
            else:
                hidden = layer(hidden)
        return self.sentence.pooling(hidden, prompt_length, total)

    def _hidden(self, parts: list[list[Encoding]]) -> list[list[np.ndarray]]:
        return self._run(parts, (lambda _: FIRST) if self.sentence.first_only else None)

    def _finish(self, vectors: Vectors, options: EmbedderOptions) -> Vectors:
        """Cut, normalised and in the number format that is wanted."""
        output = options.output
        vectors = vectors[:, : options.truncate_dim or self.sentence.truncate_dim]
        if self.sentence.normalize if options.normalize is None else options.normalize:
            vectors = Normalize()(vectors)
        if output in ("int8", "uint8"):
            scaled = vectors / np.maximum(np.abs(vectors).max(-1, keepdims=True), 1e-12)
            levels = np.rint(127 * scaled)
            return levels.astype(np.int8) if output == "int8" else (levels + 128).astype(np.uint8)
        if output in ("binary", "ubinary"):
            return packed_signs(vectors, signed=output == "binary")
        return vectors
