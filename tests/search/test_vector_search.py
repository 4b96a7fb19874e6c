"""Search among vectors: what sentence-transformers finds, what sorting finds, and what is refused."""

from typing import Any

import numpy as np
import pytest

from distilbert import InputError, SparseVector
from distilbert.search import (
    BinaryIndex,
    Hit,
    Pair,
    SparseIndex,
    VectorIndex,
    community_detection,
    paraphrase_mining,
    reciprocal_rank_fusion,
    semantic_search,
)

MEASURES = ("cosine", "dot", "euclidean", "manhattan")


@pytest.fixture(scope="module")
def corpus() -> np.ndarray:
    """400 vectors in 20 groups, so that some are close; of many lengths."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(20, 48))
    vectors = centres[rng.integers(0, 20, 400)] + 0.4 * rng.normal(size=(400, 48))
    return (vectors * rng.uniform(0.2, 5, (400, 1))).astype(np.float32)


@pytest.fixture(scope="module")
def queries(corpus: np.ndarray) -> np.ndarray:
    return corpus[::40] + np.float32(0.1)


@pytest.mark.parametrize("measure", MEASURES)
def test_search_and_pairs_are_those_of_sentence_transformers(
    measure: Any, corpus: np.ndarray, queries: np.ndarray
) -> None:
    util = pytest.importorskip("sentence_transformers.util")
    function = {
        "cosine": util.cos_sim,
        "dot": util.dot_score,
        "euclidean": util.euclidean_sim,
        "manhattan": util.manhattan_sim,
    }[measure]
    theirs = util.semantic_search(queries, corpus, top_k=7, corpus_chunk_size=150, score_function=function)
    ours = semantic_search(queries, corpus, 7, measure=measure)
    assert [[hit.index for hit in hits] for hits in ours] == [[hit["corpus_id"] for hit in hits] for hits in theirs]
    scores = [[hit["score"] for hit in hits] for hits in theirs]
    inexact = 1e-3 if measure == "euclidean" else 0  # PyTorch computes distances from squares that nearly cancel
    np.testing.assert_allclose([[hit.score for hit in hits] for hits in ours], scores, rtol=1e-5, atol=inexact)

    import torch

    mined = util.paraphrase_mining_embeddings(torch.from_numpy(corpus), top_k=5, max_pairs=300, score_function=function)
    pairs = paraphrase_mining(corpus, top_k=5, max_pairs=300, measure=measure)
    scores = [score for score, _, _ in mined]
    np.testing.assert_allclose([pair.score for pair in pairs], scores, rtol=1e-5, atol=inexact)
    assert {(pair.first, pair.second) for pair in pairs} == {(first, second) for _, first, second in mined}


@pytest.mark.parametrize(("threshold", "least"), [(0.75, 5), (0.6, 10), (0.3, 3), (0.99, 1), (0.75, 500)])
def test_communities_are_those_of_sentence_transformers(threshold: float, least: int, corpus: np.ndarray) -> None:
    util = pytest.importorskip("sentence_transformers.util")
    theirs = util.community_detection(corpus, threshold=threshold, min_community_size=least, batch_size=64)
    ours = community_detection(corpus, threshold=threshold, min_community_size=least)
    assert ours == theirs
    assert bool(ours) == (least < 500)


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", "int8"])
def test_the_best_are_found_across_blocks_and_batches(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distilbert.search.exact._BLOCK", 48 * 5)
    monkeypatch.setattr("distilbert.search.exact._QUERIES", 3)
    rng = np.random.default_rng(1)
    vectors = rng.integers(-127, 128, (500, 48)).astype(kind)
    asked = rng.normal(size=(8, 48)).astype(np.float32)
    wide = vectors.astype(np.float64)
    scores = asked @ (wide / np.linalg.norm(wide, axis=-1, keepdims=True)).T / np.linalg.norm(asked, axis=-1)[:, None]
    best = np.argsort(-scores, axis=-1, kind="stable")[:, :9]
    hits = semantic_search(asked, vectors, 9)
    assert [[hit.index for hit in found] for found in hits] == best.tolist()
    np.testing.assert_allclose(
        [[hit.score for hit in found] for found in hits], np.take_along_axis(scores, best, -1), rtol=1e-5
    )


def test_equal_scores_stay_in_order_and_more_than_all_is_all() -> None:
    index = VectorIndex(np.repeat(np.eye(3, dtype=np.float32), 4, axis=0))
    (hits,) = index.search(np.array([0, 1, 0], np.float32), top_k=100)
    assert [hit.index for hit in hits] == [4, 5, 6, 7, 0, 1, 2, 3, 8, 9, 10, 11]
    assert [hit.index for hit in index.search(np.array([[0, 1, 0]], np.float32), top_k=2)[0]] == [4, 5]
    assert hits[0] == Hit(4, 1.0)


def test_nothing_is_found_where_there_is_nothing() -> None:
    empty, query = np.empty((0, 4), np.float32), np.ones((2, 4), np.float32)
    assert semantic_search(query, empty) == [[], []]
    assert BinaryIndex(empty).search(query) == [[], []]
    assert semantic_search(np.empty((0, 4), np.float32), query) == []
    assert BinaryIndex(query).search(np.empty((0, 4), np.float32)) == []
    assert paraphrase_mining(empty) == community_detection(empty) == []
    assert paraphrase_mining(query[:1]) == []
    assert SparseIndex([]).search(SparseVector(np.array([1]), np.ones(1, np.float32))) == [[]]
    assert reciprocal_rank_fusion([]) == []


def test_a_vector_of_zeros_is_like_nothing() -> None:
    vectors = np.array([[0, 0], [1, 0], [-1, 0]], np.float32)
    for index in (VectorIndex(vectors), BinaryIndex(vectors)):
        (hits,) = index.search(np.array([1, 0], np.float32))
        assert hits == [Hit(1, 1.0), Hit(0, 0.0), Hit(2, -1.0)]
        assert {hit.score for hit in index.search(np.zeros(2, np.float32))[0]} == {0.0}


def test_binary_search_compares_candidates_exactly() -> None:
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(3000, 100)).astype(np.float32)
    asked = vectors[:50] + 0.5 * rng.normal(size=(50, 100)).astype(np.float32)
    exact = semantic_search(asked, vectors, 5)
    everything = BinaryIndex(vectors, oversampling=1000).search(asked, 5)
    assert [[hit.index for hit in hits] for hits in everything] == [[hit.index for hit in hits] for hits in exact]
    np.testing.assert_allclose(
        [[hit.score for hit in hits] for hits in everything], [[hit.score for hit in hits] for hits in exact], rtol=1e-5
    )
    recalls = []
    for oversampling in (1, 10, 200):
        found = BinaryIndex(vectors, oversampling=oversampling).search(asked, 5)
        assert [hits[0].index for hits in found] == list(range(50))
        shared = [len({hit.index for hit in a} & {hit.index for hit in b}) for a, b in zip(found, exact, strict=True)]
        recalls.append(sum(shared) / 250)
    assert recalls[0] < recalls[1] < recalls[2]
    assert recalls[2] > 0.95


def test_candidates_of_a_binary_search_have_the_fewest_unlike_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distilbert.search.binary._BLOCK", 64)
    rng = np.random.default_rng(3)
    for width in (5, 64, 100, 384):
        vectors = rng.normal(size=(777, width)).astype(np.float32)
        query = rng.normal(size=width).astype(np.float32)
        unlike = ((vectors > 0) != (query > 0)).sum(-1)
        index = BinaryIndex(vectors, oversampling=10)
        found = {hit.index for hit in index.search(query, 2)[0]}
        nearest = np.argsort(unlike, kind="stable")[:20]
        scores = vectors[nearest] @ query / np.linalg.norm(vectors[nearest], axis=-1)
        assert found == set(nearest[np.argsort(-scores)[:2]].tolist())


def test_sparse_search_is_the_dot_product() -> None:
    rng = np.random.default_rng(4)
    dense = np.where(rng.random((60, 30)) < 0.2, rng.random((60, 30)), 0).astype(np.float32)
    vectors = [SparseVector(np.flatnonzero(row), row[np.flatnonzero(row)]) for row in dense]
    query = SparseVector(np.array([3, 17, 29, 500]), np.array([1, 2, 0.5, 9], np.float32))
    scores = dense[:, [3, 17, 29]] @ np.array([1, 2, 0.5], np.float32)
    (hits,) = SparseIndex(vectors).search(query, 100)
    assert [hit.index for hit in hits] == [i for i in np.argsort(-scores, kind="stable").tolist() if scores[i] > 0]
    np.testing.assert_allclose([hit.score for hit in hits], np.sort(scores[scores > 0])[::-1], rtol=1e-6)
    assert SparseIndex(vectors).search([query, query], 3) == [hits[:3], hits[:3]]


def test_rankings_are_joined_by_their_ranks_alone() -> None:
    first, second = [Hit(7, 900.0), Hit(3, 1.0)], [Hit(3, 0.2), Hit(5, 0.1)]
    fused = reciprocal_rank_fusion([first, second])
    assert fused == [Hit(3, 1 / 62 + 1 / 61), Hit(7, 1 / 61), Hit(5, 1 / 62)]
    assert [hit.index for hit in reciprocal_rank_fusion([first, second], 1, k=0)] == [3]
    assert [hit.index for hit in reciprocal_rank_fusion([[Hit(9, 1.0)], [Hit(2, 1.0)]])] == [2, 9]


def test_a_pair_is_found_once() -> None:
    vectors = np.array([[1, 0], [0, 1], [1, 0.1], [0.1, 1]], np.float32)
    pairs = paraphrase_mining(vectors, max_pairs=2)
    assert {(pair.first, pair.second) for pair in pairs} == {(0, 2), (1, 3)}
    assert isinstance(pairs[0], Pair)
    assert len(paraphrase_mining(vectors)) == 6


NAN = np.array([[1, 2], [np.nan, 0]], np.float32)
GOOD = np.ones((3, 2), np.float32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: semantic_search(GOOD, NAN), "vector 1 holds NaN, infinity or numbers too large"),
        (lambda: semantic_search(NAN, GOOD), "queries must not hold NaN or infinity"),
        (lambda: BinaryIndex(NAN), "vector 1 holds NaN"),
        (lambda: BinaryIndex(GOOD).search(NAN), "queries must not hold NaN"),
        (lambda: paraphrase_mining(NAN), "vector 1 holds NaN"),
        (lambda: community_detection(NAN), "vector 1 holds NaN"),
        (lambda: semantic_search(np.ones((1, 3), np.float32), GOOD), "queries of 3 numbers .* vectors of 2"),
        (lambda: BinaryIndex(GOOD).search(np.ones(3, np.float32)), "queries of 3 numbers"),
        (lambda: semantic_search(GOOD, GOOD[0]), r"must be \[N, D\] of floats or int8, not float32 \[2\]"),
        (lambda: semantic_search(GOOD, GOOD.astype(np.uint8)), r"not uint8 \[3, 2\]"),
        (lambda: semantic_search(GOOD.astype(np.int8), GOOD), "queries must be .* of floats"),
        (lambda: semantic_search([[1.0, 2.0]], GOOD), "queries must be .* not list"),  # type: ignore[arg-type]
        (lambda: semantic_search(GOOD, [[1.0]]), "NumPy array"),  # type: ignore[arg-type]
        (lambda: semantic_search(GOOD, GOOD, 0), "top_k must be a whole number of at least 1, not 0"),
        (lambda: semantic_search(GOOD, GOOD, 2.0), "top_k must be"),  # type: ignore[arg-type]
        (lambda: VectorIndex(GOOD, measure="l2"), "measure must be one of cosine"),  # type: ignore[arg-type]
        (lambda: VectorIndex(GOOD.astype(np.int8), measure="dot"), "by cosine alone, not by 'dot'"),
        (lambda: BinaryIndex(GOOD, np.zeros((3, 2), np.uint8)), r"bits must be uint8 \[3, D / 8\]"),
        (lambda: BinaryIndex(GOOD, oversampling=0), "oversampling must be"),
        (lambda: community_detection(GOOD, threshold=float("nan")), "threshold must be a cosine"),
        (lambda: community_detection(GOOD, threshold=1.5), "threshold must be a cosine, from -1 to 1, not 1.5"),
        (lambda: community_detection(GOOD, min_community_size=0), "min_community_size must be"),
        (lambda: paraphrase_mining(GOOD, max_pairs=0), "max_pairs must be"),
        (lambda: SparseIndex([GOOD]), "vector 0 must be a SparseVector"),  # type: ignore[list-item]
        (lambda: reciprocal_rank_fusion([], k=-1), "k must be"),
    ],
)
def test_what_cannot_be_searched_is_refused_by_name(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
