"""`util`, in the form of sentence-transformers 6: measures, search and groups of vectors."""

# ruff: noqa: ARG001 - how the other library cuts its work and shows it has no effect

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from ..errors import InputError
from ..pooling import Normalize, packed_signs
from ..search.communities import community_detection as groups_of
from ..search.exact import Measure, VectorIndex
from ..search.paraphrases import paraphrase_mining as pairs_of
from ..similarity import similarity
from .sentence_transformer import SentenceTransformer
from .tensors import rows, tensor_where_there_is_torch

__all__ = [
    "community_detection",
    "cos_sim",
    "dot_score",
    "euclidean_sim",
    "manhattan_sim",
    "normalize_embeddings",
    "pairwise_cos_sim",
    "pairwise_dot_score",
    "paraphrase_mining",
    "paraphrase_mining_embeddings",
    "quantize_embeddings",
    "semantic_search",
]

Vectors = Any  # arrays, tensors, or lists of them
Measuring = Callable[[Vectors, Vectors], Any]


def cos_sim(a: Vectors, b: Vectors) -> Any:
    """[A, B], cosines; as all measures here a tensor where torch is there."""
    return tensor_where_there_is_torch(similarity("cosine", rows(a), rows(b)))


def dot_score(a: Vectors, b: Vectors) -> Any:
    """[A, B], dot products."""
    return tensor_where_there_is_torch(similarity("dot", rows(a), rows(b)))


def euclidean_sim(a: Vectors, b: Vectors) -> Any:
    """Negated distances."""
    return tensor_where_there_is_torch(similarity("euclidean", rows(a), rows(b)))


def manhattan_sim(a: Vectors, b: Vectors) -> Any:
    """Negated distances."""
    return tensor_where_there_is_torch(similarity("manhattan", rows(a), rows(b)))


pytorch_cos_sim = cos_sim


def pairwise_cos_sim(a: Vectors, b: Vectors) -> Any:
    """[B], cosines: each vector with its partner."""
    return pairwise_dot_score(Normalize()(rows(a)), Normalize()(rows(b)))


def pairwise_dot_score(a: Vectors, b: Vectors) -> Any:
    """[B], dot products: each vector with its partner."""
    return tensor_where_there_is_torch((rows(a) * rows(b)).sum(-1))


def normalize_embeddings(embeddings: Vectors) -> Any:
    """Vectors of length 1."""
    return tensor_where_there_is_torch(Normalize()(rows(embeddings)))


def semantic_search(
    query_embeddings: Vectors,
    corpus_embeddings: Vectors,
    query_chunk_size: int = 100,
    corpus_chunk_size: int = 500_000,
    top_k: int = 10,
    score_function: Measuring = cos_sim,
) -> list[list[dict[str, Any]]]:
    """For each query the nearest vectors, best first: `corpus_id` and `score`. Chunks are of our own size."""
    index = VectorIndex(rows(corpus_embeddings), measure=_measure(score_function))
    found = index.search(rows(query_embeddings), top_k)
    return [[{"corpus_id": hit.index, "score": hit.score} for hit in hits] for hits in found]


def paraphrase_mining(
    model: SentenceTransformer,
    sentences: list[str],
    show_progress_bar: bool = False,
    batch_size: int = 32,
    query_chunk_size: int = 5000,
    corpus_chunk_size: int = 100_000,
    max_pairs: int = 500_000,
    top_k: int = 100,
    score_function: Measuring = cos_sim,
    truncate_dim: int | None = None,
    prompt_name: str | None = None,
    prompt: str | None = None,
) -> list[list[float | int]]:
    """The pairs of texts that are most alike, best first: [score, place, place]."""
    vectors = model.encode(sentences, prompt_name=prompt_name, prompt=prompt, truncate_dim=truncate_dim)
    return paraphrase_mining_embeddings(vectors, max_pairs=max_pairs, top_k=top_k, score_function=score_function)


def paraphrase_mining_embeddings(
    embeddings: Vectors,
    query_chunk_size: int = 5000,
    corpus_chunk_size: int = 100_000,
    max_pairs: int = 500_000,
    top_k: int = 100,
    score_function: Measuring = cos_sim,
) -> list[list[float | int]]:
    """The same of vectors."""
    found = pairs_of(rows(embeddings), top_k=top_k, max_pairs=max_pairs, measure=_measure(score_function))
    return [[pair.score, pair.first, pair.second] for pair in found]


def community_detection(
    embeddings: Vectors,
    threshold: float = 0.75,
    min_community_size: int = 10,
    batch_size: int = 1024,
    show_progress_bar: bool = False,
) -> list[list[int]]:
    """Groups of vectors that are alike, the largest first; each begins with its centre."""
    return groups_of(rows(embeddings), threshold=threshold, min_community_size=min_community_size)


def quantize_embeddings(embeddings: Vectors, precision: Literal["float32", "binary", "ubinary"]) -> np.ndarray:
    """Signs, eight to a byte. int8 by ranges of the batch is refused: `encode(precision="int8")` needs none."""
    vectors = rows(embeddings)
    if precision == "float32":
        return vectors.astype(np.float32)
    if precision not in ("binary", "ubinary"):
        raise InputError(f"precision must be float32, binary or ubinary, not {precision!r}; encode has int8 and uint8")
    return packed_signs(vectors, signed=precision == "binary")


_MEASURES: dict[Measuring, Measure] = {
    cos_sim: "cosine",
    dot_score: "dot",
    euclidean_sim: "euclidean",
    manhattan_sim: "manhattan",
}


def _measure(score_function: Measuring) -> Measure:
    if score_function not in _MEASURES:
        raise InputError("score_function must be one of util: cos_sim, dot_score, euclidean_sim or manhattan_sim")
    return _MEASURES[score_function]
