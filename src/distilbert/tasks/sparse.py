"""Sparse vectors (SPLADE): how much each piece of the vocabulary has to do with a text."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Unpack, overload

import numpy as np

from ..batch import run_each
from ..errors import CheckpointError, InputError
from ..fields import setting
from ..folder.checkpoint import Head
from ..folder.sentence import SentenceFolder, TokenWeights
from ..pooling import SpladePooling
from ..results import SparseVector
from ..similarity import of_shape, sparse_similarity
from ..tokenizer import BertTokenizer
from .inputs import check_strings, listed, several
from .long_text import LongText
from .numbers import largest
from .options import BestKeywords, LongTextKeyword, PromptOptions
from .task import Model, Task

Comparable = str | SparseVector | Iterable[str] | Iterable[SparseVector]

_NO_LIMIT = 1 << 30  # tokens of a text that is looked up
_MOST_LOGITS = 1 << 24  # of a batch, tokens times vocabulary: 64 MB, as one text of 512 tokens has anyway


@dataclass(frozen=True, kw_only=True)
class SparseOptions(PromptOptions):
    """Options of sparse vectors."""

    top_k: int | None = setting(None, least=1, help="keep so many of the largest weights")


class SparseEncoder(Task):
    """Turns texts into sparse vectors. Made by `distilbert.load` from a DistilBertForMaskedLM or a SPLADE folder.

    Attributes:
        pooling: how the logits of a text become its vector; over all tokens, [CLS] and [SEP] included.
        encode_query, encode_document: this model for queries and for documents: with the folder's prompt of
            that name, if there is one, and through the modules that a Router keeps for them. Of a model
            whose queries need no inference a query's vector is looked up: the model does not run.
    """

    task = "sparse-encoding"
    head = Head.MASKED_LM
    all_rows = True
    options = SparseOptions
    makes_vectors = True

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.sentence = sentence = model.sentence or SentenceFolder(model.folder)
        self.pooling = sentence.splade or SpladePooling()
        self._measure = sentence.similarity if sentence.splade else "dot"
        if any(route.token_weights for route in sentence.routes.values()):
            _ = self.encode_query, self.encode_document  # a tokenizer that is not there is found now

    @cached_property
    def encode_query(self) -> "SparseEncoder":
        return self._for_task("query")

    @cached_property
    def encode_document(self) -> "SparseEncoder":
        return self._for_task("document")

    def _for_task(self, task: str) -> "SparseEncoder":
        sentence = self.sentence.route(task)
        model = replace(self.model, origin=None, sentence=sentence)
        return SparseEncoder(looked_up(model, sentence.token_weights) if sentence.token_weights else model)

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a string is an iterable of strings too
        self, texts: str, **options: Unpack[BestKeywords]
    ) -> SparseVector: ...
    @overload
    def __call__(self, texts: Iterable[str], **options: Unpack[BestKeywords]) -> list[SparseVector]: ...
    def __call__(
        self,
        texts: str | Iterable[str],
        *,
        prompt: str | None = SparseOptions.prompt,
        prompt_name: str | None = SparseOptions.prompt_name,
        top_k: int | None = SparseOptions.top_k,
        long_text: LongText = SparseOptions.long_text,
    ) -> SparseVector | list[SparseVector]:
        """One text -> a SparseVector; several -> a list of them, in the same order.

        Args:
            texts: a string or an iterable of strings.
            prompt, prompt_name: what stands before each text, or the name of one of the folder's prompts;
                by default the folder's default one, mostly none.
            top_k: keep so many of the largest weights (`max_active_dims` of sentence-transformers); None for
                as many as the folder says, mostly all.
            long_text: what to do with a text longer than the model reads: "truncate" (with a
                LongTextWarning), "window" (pooled over the tokens of all its windows) or "error".

        Raises:
            InputError: for anything else than texts, and for options outside their range.
        """
        options = SparseOptions(prompt=prompt, prompt_name=prompt_name, top_k=top_k, long_text=long_text)
        vectors = list(self._results(listed(texts), options))
        return vectors[0] if isinstance(texts, str) else vectors

    def stream(self, texts: Iterable[str], **options: Unpack[BestKeywords]) -> Iterator[SparseVector]:
        """The same for a stream of any length, in bounded memory and in order."""
        return self._results(several(texts), SparseOptions(**options))

    def logits(self, texts: str | Iterable[str], **options: Unpack[LongTextKeyword]) -> list[np.ndarray]:
        """The head's raw output, float32 [T_i, V] a text; a list of one for one text.

        Texts in windows give the windows' rows one after the other. All of it is held in memory: 62 MB
        for a text of 512 tokens and BERT's vocabulary.
        """
        if self.sentence.token_weights:
            raise InputError("these vectors are looked up: there are no logits")
        given = list(listed(texts))
        check_strings(given, 0)
        return [np.concatenate(rows) for rows in self._run(self._encode(given, SparseOptions(**options).long_text, 0))]

    def _results(self, texts: Iterable[str], options: SparseOptions) -> Iterator[SparseVector]:
        most = options.top_k or self.sentence.most_weights
        prefix = self.sentence.prompts.text(options.prompt, options.prompt_name)
        for parts in self._encoded(texts, options.long_text, prefix):
            vectors = iter(self._vectors([encoding.ids for encodings in parts for encoding in encodings]))
            for encodings in parts:
                yield _largest(self._merged([next(vectors) for _ in encodings]), most)

    def tokens(self, vector: SparseVector, *, top_k: int | None = None) -> list[tuple[str, float]]:
        """The vector's pieces with their weights, heaviest first."""
        order = largest(vector.values, SparseOptions(top_k=top_k).top_k)
        pieces = [self.tokenizer.decode([index], skip_special_tokens=False) for index in vector.indices[order]]
        return list(zip(pieces, vector.values[order].tolist(), strict=True))

    def similarity(self, a: Comparable, b: Comparable) -> float | np.ndarray:
        """How alike texts, or vectors, are: by the folder's own measure, the dot product where it says nothing.

        One against one is a float, one against several [B], several against several [A, B].
        """
        (left, left_one), (right, right_one) = self._given(a), self._given(b)
        pairs = [[sparse_similarity(self._measure, vector, other) for other in right] for vector in left]
        scores = np.array(pairs, np.float32).reshape(len(left), len(right))
        return of_shape(scores, one_left=left_one, one_right=right_one)

    def _given(self, value: Comparable) -> tuple[list[SparseVector], bool]:
        """The vectors of texts or vectors, and whether it was a single one."""
        one = isinstance(value, str | SparseVector)
        items: list[Any] = [value] if one else list(value)  # type: ignore[arg-type]
        return items if all(isinstance(item, SparseVector) for item in items) else self(items), one

    def _vectors(self, ids: list[np.ndarray]) -> list[SparseVector]:
        """A vector for each of some ids. Only one batch's logits are held at a time, and they are kept few."""
        if self.sentence.token_weights:
            return [self._looked_up(each, self.sentence.token_weights.weights) for each in ids]
        vectors: dict[int, SparseVector] = {}
        budget = max(1, min(self.model.max_batch_tokens, _MOST_LOGITS // self.config.vocab_size))
        for index, logits in run_each(self.model.engine.run, ids, None, budget):
            weights = self.pooling(logits)
            indices = np.flatnonzero(weights)
            vectors[index] = SparseVector(indices, weights[indices])
        return [vectors[index] for index in range(len(ids))]

    def _looked_up(self, ids: np.ndarray, weights: np.ndarray) -> SparseVector:
        pieces = np.unique(self.tokenizer.body(ids))
        pieces = pieces[weights[pieces] != 0]
        return SparseVector(pieces, weights[pieces])

    def _merged(self, windows: list[SparseVector]) -> SparseVector:
        """One vector of a text's windows, as if their tokens had been pooled together."""
        if len(windows) == 1:
            return windows[0]
        weights = np.zeros(1 + max(int(window.indices.max(initial=0)) for window in windows), np.float32)
        for window in windows:
            if self.pooling.strategy == "max":
                weights[window.indices] = np.maximum(weights[window.indices], window.values)
            else:
                weights[window.indices] += window.values
        indices = np.flatnonzero(weights)
        return SparseVector(indices, weights[indices])


def looked_up(model: Model, table: TokenWeights) -> Model:
    """The model with the tokenizer and the length of texts whose weights are looked up; it never runs."""
    tokenizer = BertTokenizer.from_folder(table.tokenizer)
    if tokenizer.last_id >= len(table.weights):
        raise CheckpointError(f"{table.tokenizer}: has {len(table.weights)} weights for {tokenizer.last_id + 1} pieces")
    longest = (tokenizer.max_length or _NO_LIMIT) + tokenizer.special_count  # special tokens are not read
    return replace(model, tokenizer=tokenizer, max_length=longest)


def _largest(vector: SparseVector, top_k: int | None) -> SparseVector:
    if top_k is None or len(vector.values) <= top_k:
        return vector
    kept = np.sort(largest(vector.values, top_k))
    return SparseVector(vector.indices[kept], vector.values[kept])
