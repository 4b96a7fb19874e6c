"""Texts to be searched by meaning: by vectors, with sparse vectors beside them, and reranked."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, cast, get_args, overload

import numpy as np

from .. import __version__
from ..errors import InputError, check_one_of, check_whole
from ..files import is_file
from ..folder.fingerprint import fingerprint
from ..results import Found, Hit, SparseVector
from ..tasks.embedding import Embedder
from ..tasks.inputs import check_strings, listed, several
from ..tasks.late_interaction import LateInteractionEncoder
from ..tasks.reranking import Reranker
from ..tasks.sparse import SparseEncoder
from ..tasks.task import Task
from .binary import BinaryIndex
from .exact import Measure, VectorIndex
from .fusion import reciprocal_rank_fusion
from .kept_vectors import Embed, kept_vectors
from .sparse import SparseIndex

Vectors = Literal["float32", "int8", "binary"]

_CANDIDATES = 50  # texts, at least, that are fused or reranked
_MOST_TOKENS = 256  # of a text's sparse vector
_ENTRY = np.dtype([("token", "<i4"), ("weight", "<f4")])


class TextIndex:
    """Texts to be searched. Queries and texts go through the model's `encode_query` and `encode_document`.

    Args:
        embedder: the model that makes vectors.
        texts: what is searched, an iterable of strings.
        vectors: "float32" and "int8" (a quarter of the memory) are searched exactly; "binary" looks for candidates by
            the signs of vectors, and compares these in int8.
        sparse: a model whose sparse vectors (of each text the 256 heaviest tokens) are searched too; both rankings
            become one by reciprocal rank fusion.
        reranker: a model that orders the best 50, or 5 for each result that is wanted.
        folder: where vectors are kept from one run to the next; only texts that are new there go through a model.

    Attributes:
        texts: the list of all.

    Raises:
        InputError: for anything else than texts, and where int8 or binary vectors cannot stand for the model's.
    """

    def __init__(
        self,
        embedder: Embedder,
        texts: Iterable[str],
        *,
        vectors: Vectors = "float32",
        sparse: SparseEncoder | None = None,
        reranker: Reranker | LateInteractionEncoder | None = None,
        folder: str | Path | None = None,
    ) -> None:
        check_one_of("vectors", vectors, get_args(Vectors))
        self.texts = list(several(texts))
        check_strings(self.texts, 0)
        self._folder = None if folder is None else Path(folder)
        self._embedder = embedder
        self._index = self._vectors(vectors)
        self._sparse, self._sparse_index = sparse, None if sparse is None else self._sparse_vectors(sparse)
        self._reranker = reranker

    def __len__(self) -> int:
        return len(self.texts)

    @overload
    def search(  # type: ignore[overload-overlap]  # a string is an iterable of strings too
        self, queries: str, top_k: int = 10
    ) -> list[Found]: ...
    @overload
    def search(self, queries: Iterable[str], top_k: int = 10) -> list[list[Found]]: ...
    def search(self, queries: str | Iterable[str], top_k: int = 10) -> list[Found] | list[list[Found]]:
        """The `top_k` texts that fit best, best first: a list for one query, a list of lists for several.

        Raises InputError for anything else than texts, and for empty ones.
        """
        check_whole("top_k", top_k)
        given = list(listed(queries))
        check_strings(given, 0)
        if (empty := next((number for number, query in enumerate(given) if not query.strip()), None)) is not None:
            raise InputError(f"query {empty} is empty; give the words to search for")
        count = max(_CANDIDATES, 5 * top_k) if self._sparse or self._reranker else top_k
        rankings = self._index.search(self._embedder.encode_query(given), count) if given else []
        if self._sparse and self._sparse_index:
            others = self._sparse_index.search(self._sparse.encode_query(given), count)
            rankings = [reciprocal_rank_fusion(both, count) for both in zip(rankings, others, strict=True)]
        found = [self._best(query, hits, top_k) for query, hits in zip(given, rankings, strict=True)]
        return found[0] if isinstance(queries, str) else found

    def _best(self, query: str, hits: list[Hit], top_k: int) -> list[Found]:
        if self._reranker:
            ranked = self._reranker(query, [self.texts[hit.index] for hit in hits], top_k=top_k)
            hits = [Hit(hits[document.index].index, document.score) for document in ranked]
        return [Found(hit.index, hit.score, self.texts[hit.index]) for hit in hits[:top_k]]

    def _vectors(self, form: Vectors) -> VectorIndex | BinaryIndex:
        sentence, document = self._embedder.sentence, self._embedder.encode_document
        if form == "float32":
            made = self._kept(self._embedder, form, document.stream, document([]))
            return VectorIndex(made, measure=cast(Measure, sentence.similarity))
        if sentence.similarity != "cosine" and not (sentence.similarity == "dot" and sentence.normalize):
            raise InputError(
                f"{self._embedder.model.folder}: compares vectors by {sentence.similarity!r}, and {form} vectors can "
                "be compared by cosine alone; use float32"
            )
        made = self._kept(
            self._embedder, "int8", lambda texts: document.stream(texts, output="int8"), document([], output="int8")
        )
        return VectorIndex(made) if form == "int8" else BinaryIndex(made)

    def _sparse_vectors(self, encoder: SparseEncoder) -> SparseIndex:
        def entries(texts: Iterable[str]) -> Iterator[np.ndarray]:
            for vector in encoder.encode_document.stream(texts, top_k=_MOST_TOKENS):
                row = np.zeros(_MOST_TOKENS, _ENTRY)
                row["token"][: len(vector.indices)] = vector.indices
                row["weight"][: len(vector.values)] = vector.values
                yield row

        rows = self._kept(encoder, "sparse", entries, np.empty((0, _MOST_TOKENS), _ENTRY))
        counts = (rows["weight"] != 0).sum(-1)
        return SparseIndex(
            SparseVector(row["token"][:count].astype(np.int64), row["weight"][:count])
            for row, count in zip(rows, counts, strict=True)
        )

    def _kept(self, task: Task, form: str, embed: Embed, empty: np.ndarray) -> np.ndarray:
        if self._folder is None:
            made = list(embed(self.texts))
            return np.stack(made) if made else empty
        return kept_vectors(self._folder, _digest(task, form), self.texts, embed, empty)


def _digest(task: Task, form: str) -> str:
    """Of all that decides what a text's vector is: the model's files, how they are run, and this package's version."""
    origin = task.model.origin
    if origin is None:
        raise InputError(f"{task!r} runs a model in memory: vectors can be kept of a model that was loaded")
    files = sorted(path for level in ("*", "*/*") for path in origin.folder.glob(level) if is_file(path))
    names = [path.relative_to(origin.folder).as_posix() for path in files]
    described = json.dumps([names, fingerprint(files), origin.options["precision"], form, __version__])
    return hashlib.sha256(described.encode("utf-8", "surrogatepass")).hexdigest()
