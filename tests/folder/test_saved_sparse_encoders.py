"""Sparse encoders that sentence-transformers itself saved give its own vectors here, with and without inference."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import distilbert
import distilbert.convert
from distilbert import SparseEncoder
from distilbert.folder.checkpoint import Head
from helpers.json_files import edit
from helpers.saved_by_sentence_transformers import (
    PROMPTS,
    QUERY,
    TEXTS,
    base,
    dense,
    library,
    saved,
    sparse,
    spread,
    torch,
)

pytestmark = pytest.mark.filterwarnings("ignore")  # of the library: what is deprecated there is what is tested here


def same_sparse(folder: Path, theirs: Any) -> SparseEncoder:
    ours = distilbert.load(folder)
    assert isinstance(ours, SparseEncoder)
    for method, ours_of in ((theirs.encode, ours), (theirs.encode_query, ours.encode_query),
                        (theirs.encode_document, ours.encode_document)):  # fmt: skip
        expected = method(TEXTS).to_dense().numpy()
        np.testing.assert_allclose(spread(ours_of(TEXTS), expected.shape[1]), expected, rtol=1e-5, atol=1e-5)
    return ours


# each two of a strategy, an activation and a measure once
SPLADE = [
    (("max", "sum")[(row + column) % 2], activation, measure)
    for row, measure in enumerate(("dot", "cosine", "euclidean", "manhattan"))
    for column, activation in enumerate(("relu", "log1p_relu"))
]


@pytest.mark.parametrize(("strategy", "activation", "measure"), SPLADE)
def test_splade(encoders: dict[Head, str], strategy: str, activation: str, measure: str, tmp_path: Path) -> None:
    modules = [sparse.MLMTransformer(encoders[Head.MASKED_LM]), sparse.SpladePooling(strategy, activation)]
    theirs = saved(library.SparseEncoder, tmp_path, modules=modules, similarity_fn_name=measure, prompts=PROMPTS)
    ours = same_sparse(tmp_path, theirs)
    vectors = theirs.encode(TEXTS).to_dense()  # of sparse tensors it takes euclidean distances to two digits alone
    expected = theirs.similarity(vectors, vectors[:2]).numpy()
    np.testing.assert_allclose(ours.similarity(ours(TEXTS), ours(TEXTS[:2])), expected, rtol=1e-4, atol=1e-4)


def test_the_most_weights_of_a_sparse_vector(encoders: dict[Head, str], tmp_path: Path) -> None:
    modules = [base.Transformer(encoders[Head.MASKED_LM], transformer_task="fill-mask"), sparse.SpladePooling()]
    theirs = saved(library.SparseEncoder, tmp_path, modules=modules, max_active_dims=7)
    ours = same_sparse(tmp_path, theirs)
    assert len(ours(TEXTS[0]).indices) == 7


@pytest.mark.parametrize("default", ["query", "document"])
@pytest.mark.parametrize("mapped", [False, True])
def test_queries_without_inference(
    encoders: dict[Head, str], default: str, mapped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoTokenizer

    path = encoders[Head.MASKED_LM]
    weights = torch.rand(6000)
    weights[weights < 0.1] = 0
    static = sparse.SparseStaticEmbedding(AutoTokenizer.from_pretrained(path), weights)
    routes = {"query": [static], "document": [sparse.MLMTransformer(path), sparse.SpladePooling()]}
    mappings = {("query", "text"): "query", ("document", None): "document"} if mapped else None
    router = base.Router(routes, default_route=default, route_mappings=mappings)
    theirs = saved(library.SparseEncoder, tmp_path, modules=[router], prompts={"query": "the "})
    ours = same_sparse(tmp_path, theirs)
    long = "the film and the story of it " * 30
    assert set(ours.encode_query(long, long_text="window").indices) >= set(ours.encode_query("story").indices)

    def none(*_: object) -> None:
        raise AssertionError("a query runs the model")

    monkeypatch.setattr(ours.model.engine, "run", none)
    assert len(ours.encode_query(QUERY).indices) > 3


@pytest.mark.parametrize("place", ["beside", "root"])
def test_weights_of_queries_in_a_json_file(encoders: dict[Head, str], place: str, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    path = encoders[Head.MASKED_LM]
    pieces = {"story": 1.5, "love": 3, "death": 0.25, "not a piece": 0.5, "[CLS]": 7.0}
    (tmp_path / "idf.json").write_text(json.dumps(pieces))
    static = sparse.SparseStaticEmbedding.from_json(str(tmp_path / "idf.json"), AutoTokenizer.from_pretrained(path))
    routes = {"query": [static], "document": [sparse.MLMTransformer(path), sparse.SpladePooling()]}
    source = tmp_path / "source"
    router = base.Router(routes, default_route="document")
    theirs = saved(library.SparseEncoder, source, modules=[router])
    part = source / "query_0_SparseStaticEmbedding"
    edit(part / "config.json", path="/home/somebody/idf.json")
    (part / "model.safetensors").unlink()
    shutil.copy(tmp_path / "idf.json", (part if place == "beside" else source) / "idf.json")
    distilbert.convert.convert(source, tmp_path / "converted")
    for folder in (source, tmp_path / "converted"):
        ours = distilbert.load(folder)
        assert isinstance(ours, SparseEncoder)
        texts = ["a story of love, and death", "unheard-of Ωmega", ""]
        found = spread(ours.encode_query(texts), ours.config.vocab_size)
        np.testing.assert_array_equal(found, theirs.encode_query(texts).to_dense().numpy())
    for wrong, message in (
        ({"a": "1"}, "must map pieces to numbers"),
        ({"a": 10**400}, "too large"),
        ([], "an object"),
    ):
        for file in source.rglob("idf.json"):
            file.write_text(json.dumps(wrong))
        with pytest.raises(distilbert.ConfigError, match=f"idf.json: .*{message}"):
            distilbert.load(source)
    for file in source.rglob("idf.json"):
        file.unlink()
    with pytest.raises(distilbert.ConfigError, match=r"path names 'idf.json', which is neither beside it nor in"):
        distilbert.load(source)


def test_a_router_goes_along_into_a_new_folder(encoders: dict[Head, str], tmp_path: Path) -> None:
    source, converted, small = tmp_path / "source", tmp_path / "converted", tmp_path / "int8"
    encoder = base.Transformer(encoders[Head.MASKED_LM], transformer_task="fill-mask")
    weight = torch.rand(len(encoder.tokenizer.get_vocab()))
    static = sparse.SparseStaticEmbedding(tokenizer=encoder.tokenizer, weight=weight, frozen=True)
    router = base.Router.for_query_document(query_modules=[static], document_modules=[encoder, sparse.SpladePooling()])
    theirs = saved(library.SparseEncoder, source, modules=[router], prompts={"query": "the "})
    before = distilbert.load(source)
    assert isinstance(before, SparseEncoder)
    distilbert.convert.convert(source, converted)
    same_sparse(converted, theirs)
    distilbert.convert.quantize(source, small, data=TEXTS)
    assert (small / "model.safetensors").exists()
    after = distilbert.load(small)
    assert isinstance(after, SparseEncoder)
    for one, other in zip(before.encode_query(TEXTS), after.encode_query(TEXTS), strict=True):
        np.testing.assert_array_equal(one.indices, other.indices)
        np.testing.assert_array_equal(one.values, other.values)
    size = before.config.vocab_size
    of_float, of_int8 = (spread(each.encode_document(TEXTS), size) for each in (before, after))
    cosines = (of_float * of_int8).sum(1) / np.linalg.norm(of_float, axis=1) / np.linalg.norm(of_int8, axis=1)
    assert cosines.min() > 0.98


def test_modules_with_a_network_of_their_own_are_refused_by_name(encoders: dict[Head, str], tmp_path: Path) -> None:
    auto = sparse.SparseAutoEncoder(input_dim=32, hidden_dim=8, k=2)
    modules = [base.Transformer(encoders[Head.NONE]), dense.Pooling(32), auto]
    saved(library.SparseEncoder, tmp_path, modules=modules)
    with pytest.raises(distilbert.ConfigError, match="module 'SparseAutoEncoder' is not supported: it is a network of"):
        distilbert.load(tmp_path)
