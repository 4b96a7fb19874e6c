"""Late interaction (ColBERT): a vector for each token of queries and documents, compared token by token."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import tee
from operator import attrgetter
from typing import Unpack

import numpy as np

from ..batch import run_batched
from ..errors import CheckpointError, ConfigError, InputError
from ..folder.checkpoint import Head
from ..folder.sentence import SentenceFolder
from ..folder.token_vectors import TokenVectors
from ..pooling import Normalize
from ..prompts import Prompts
from ..results import Ranked
from ..similarity import max_similarity
from .inputs import check_strings, checked_seconds, first_and_seconds, listed, several
from .long_text import CutTexts, LongText
from .options import BestKeywords, LongTextKeyword, PromptKeywords, PromptOptions
from .reranking import RerankerOptions, best_first
from .task import Model, Task

Vectors = np.ndarray

_NAMES = ("query", "document")


class LateInteractionEncoder(Task):
    """Turns queries and documents into one vector a token, and ranks documents by them. Made by `distilbert.load`.

    The score of a document is, for each vector of the query, the best dot product with one of the
    document's vectors, summed (the mean, where the folder says "meanmaxsim"): Khattab and Zaharia 2020,
    arXiv 2004.12832. Documents can be encoded once and kept.

    Attributes:
        dim: width of a vector.
    """

    task = "late-interaction"
    head = Head.NONE
    all_rows = True
    options = RerankerOptions
    makes_vectors = True

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        sentence = model.sentence
        vectors = None if sentence is None else sentence.token_vectors
        if sentence is None or vectors is None:
            raise CheckpointError(
                f"{model.folder}: says nothing of late interaction; "
                "sentence-transformers' MultiVectorEncoder and PyLate write folders that do"
            )
        for prefix in vectors.prefixes:
            self.tokenizer.keep_whole(prefix)
        self.sentence = sentence
        self.dim = vectors.width(self.config.dim)
        self._queries = _Side(model, sentence, vectors, "query")
        self._documents = _Side(model, sentence, vectors, "document")

    def encode_query(self, texts: str | Iterable[str], **options: Unpack[PromptKeywords]) -> Vectors | list[Vectors]:
        """One query -> float32 [T, D]; several -> a list of them, in the same order.

        Args:
            texts: a string or an iterable of strings.
            prompt, prompt_name: what stands before each text, or the name of one of the folder's prompts;
                by default the one called "query".
            long_text: what to do with a text longer than the model reads: "truncate" (with a
                LongTextWarning), "window" (the vectors of all its windows) or "error".

        Raises:
            InputError: for anything else than texts, and for options outside their range.
        """
        return self._queries.encode(texts, PromptOptions(**options))

    def encode_document(self, texts: str | Iterable[str], **options: Unpack[PromptKeywords]) -> Vectors | list[Vectors]:
        """The same for documents; the prompt is by default the one called "document"."""
        return self._documents.encode(texts, PromptOptions(**options))

    def tokens(self, text: str, *, is_query: bool) -> list[str]:
        """What the vectors of `encode_query`, or of `encode_document`, belong to: a piece of the vocabulary each."""
        return (self._queries if is_query else self._documents).tokens(text, PromptOptions())

    def score(self, query: str | Vectors, document: str | Vectors) -> float:
        """How well a document fits a query; each a text, or its vectors [T, D]."""
        q = self.encode_query(query) if isinstance(query, str) else query
        d = self.encode_document(document) if isinstance(document, str) else document
        for name, vectors in (("query", q), ("document", d)):
            if not isinstance(vectors, np.ndarray) or vectors.ndim != 2 or vectors.shape[1] != self.dim:
                raise InputError(f"{name} must be a string or its vectors [T, {self.dim}]")
        return self._similarity(q, d)  # type: ignore[arg-type]  # checked just before

    def __call__(
        self,
        query: str,
        documents: Iterable[str],
        *,
        top_k: int | None = RerankerOptions.top_k,
        prompt: str | None = RerankerOptions.prompt,
        prompt_name: str | None = RerankerOptions.prompt_name,
        long_text: LongText = RerankerOptions.long_text,
    ) -> list[Ranked]:
        """The documents, best first; equally good ones stay in the order given.

        Args:
            query: what they are compared with.
            documents: an iterable of strings; with `top_k` it may be of any length, in bounded memory.
            top_k: only so many of the best.
            prompt, prompt_name: what stands before the query, or the name of one of the folder's prompts;
                by default the one called "query".
            long_text: what to do with a text longer than the model reads: "truncate" (of a document marked
                in the result), "window" (the vectors of all its windows) or "error".

        Raises:
            InputError: for anything else than texts, and for options outside their range.
        """
        options = RerankerOptions(top_k=top_k, prompt=prompt, prompt_name=prompt_name, long_text=long_text)
        return self._ranked(query, documents, options)

    rank = __call__

    def stream(
        self, queries: Iterable[tuple[str, Iterable[str]]], **options: Unpack[BestKeywords]
    ) -> Iterator[list[Ranked]]:
        """The same for a stream of `(query, documents)` of any length, in order."""
        checked = RerankerOptions(**options)
        given = enumerate(several(queries, "tuples (query, documents)"))
        return (self._ranked(*first_and_seconds(group, index, _NAMES), checked, index) for index, group in given)

    def logits(self, texts: str | Iterable[str], **options: Unpack[LongTextKeyword]) -> list[np.ndarray]:
        """The last hidden states of texts as documents, without a prompt, float32 [T_i, D] a text."""
        given = list(listed(texts))
        check_strings(given, 0)
        side, long_text = self._documents, PromptOptions(**options).long_text
        return [np.concatenate(rows) for rows in side._run(side._encode(given, long_text, 0))]

    def _ranked(self, query: str, documents: Iterable[str], options: RerankerOptions, number: int = 0) -> list[Ranked]:
        read, texts = tee(checked_seconds(query, documents, number, _NAMES))
        ((asked, _),) = self._queries.stream([query], options, name=lambda _: f"query {number}")
        of_documents = self._documents.stream(
            read, PromptOptions(long_text=options.long_text), name=lambda part: f"document {part} of query {number}"
        )
        found = (
            Ranked(index, self._similarity(asked, vectors), text, cut)
            for index, (text, (vectors, cut)) in enumerate(zip(texts, of_documents, strict=True))
        )
        return best_first(found, options.top_k, attrgetter("score"))

    def _similarity(self, query: Vectors, document: Vectors) -> float:
        return max_similarity(query, document, mean=self.sentence.similarity == "meanmaxsim")


class _Side(Task):
    """The texts of one side, queries or documents: how long they are, what fills them up, which tokens count."""

    task = "late-interaction"
    head = Head.NONE
    all_rows = True

    def __init__(self, model: Model, sentence: SentenceFolder, vectors: TokenVectors, side: str) -> None:
        self.prompts: Prompts = sentence.prompts.of_task(side)
        text, positions = sentence.text, model.config.max_position_embeddings
        longest = (text.query_length if side == "query" else text.document_length) or model.max_length
        self._expansion = text.expansion if side == "query" else None
        if self._expansion:
            length, token = self._expansion.length, self._expansion.token
            if length > positions:
                raise ConfigError(f"{model.folder}: queries are to have {length} tokens of {positions}")
            longest = length if self._expansion.cuts else max(longest, length)
            self._filler = model.tokenizer.mask_token_id if token is None else model.tokenizer.token_id(token)
            if self._filler is None:
                raise ConfigError(f"{model.folder}: the tokenizer lacks {token or 'a mask'}, which fills queries up")
        super().__init__(replace(model, max_length=min(longest, positions)))
        self._layers = (*vectors.layers, *([Normalize()] if side in vectors.normalized_tasks else []))
        self._scores_expansion = vectors.scores_expansion or bool(self._expansion and self._expansion.attend)
        ids = [self.tokenizer.token_id(word) for word in vectors.skipped if side in vectors.skipped_tasks]
        self._skipped = np.array([index for index in ids if index is not None], np.int64)
        self._kept = vectors.kept_ids if side == "document" else None

    def encode(self, texts: str | Iterable[str], options: PromptOptions) -> Vectors | list[Vectors]:
        found = list(self.stream(listed(texts), options))
        cut_texts = CutTexts(f"{self.model.max_length} tokens")
        cut_texts.count([cut for _, cut in found])
        cut_texts.warn()
        return found[0][0] if isinstance(texts, str) else [vectors for vectors, _ in found]

    def stream(
        self, texts: Iterable[str], options: PromptOptions, name: Callable[[int], str] = "text {}".format
    ) -> Iterator[tuple[Vectors, bool]]:
        """The vectors [T, D] of each text, and whether it was cut; `name` is what a text is called in messages."""
        prefix = self.prompts.text(options.prompt, options.prompt_name)
        for start, chunk in self._chunks(texts):
            check_strings(chunk, start)
            parts = self._encode([prefix + text for text in chunk], options.long_text, start, name)
            vectors = iter(self._vectors([encoding.ids for encodings in parts for encoding in encodings]))
            for encodings in parts:
                read = np.concatenate([next(vectors) for _ in encodings])
                yield read, encodings[0].truncated

    def _vectors(self, ids: list[np.ndarray]) -> list[Vectors]:
        lengths = [len(each) for each in ids]
        filled = [self._filled(each) for each in ids]
        attend_all = self._expansion is None or self._expansion.attend
        states = run_batched(
            self.model.engine.run, filled, None, self.model.max_batch_tokens, None if attend_all else lengths
        )
        return [self._counted(*each) for each in zip(states, filled, lengths, strict=True)]

    def tokens(self, text: str, options: PromptOptions) -> list[str]:
        """The pieces that the vectors of a text belong to."""
        prefix = self.prompts.text(options.prompt, options.prompt_name)
        (encodings,) = self._encode([prefix + text], options.long_text, 0)
        filled = [(self._filled(encoding.ids), len(encoding)) for encoding in encodings]
        return [self.tokenizer.token(index) for ids, length in filled for index in ids[self._counting(ids, length)]]

    def _counted(self, states: np.ndarray, ids: np.ndarray, length: int) -> Vectors:
        """The vectors of the tokens that count."""
        vectors = states[self._counting(ids, length)]
        for layer in self._layers:
            vectors = layer(vectors)
        return vectors

    def _counting(self, ids: np.ndarray, length: int) -> np.ndarray:
        """bool [T]: which tokens count; `length` of the ids are the text's own."""
        counts = ~np.isin(ids, self._skipped)
        if not self._scores_expansion:
            counts[length:] = False
        if self._kept is not None:
            counts &= np.isin(ids, self._kept)
        return counts

    def _filled(self, ids: np.ndarray) -> np.ndarray:
        missing = self._expansion.length - len(ids) if self._expansion else 0
        return ids if missing <= 0 else np.concatenate([ids, np.full(missing, self._filler, np.int64)])
