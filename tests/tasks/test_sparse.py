import json
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Maker
from distilbert import Activation, ConfigError, InputError, LongTextWarning, SparseEncoder, SparseVector, load
from distilbert.folder.checkpoint import Head
from distilbert.tasks import sparse
from helpers.spy import Spy

TEXT = "a charming and often affecting journey ."


def opened(folder: Path, **options: int) -> SparseEncoder:
    task = load(folder, "sparse-encoding", **options)
    assert isinstance(task, SparseEncoder)
    return task


@pytest.fixture
def encoder(make_checkpoint: Maker) -> SparseEncoder:
    return opened(make_checkpoint(Head.MASKED_LM))


def dense(vector: SparseVector, size: int = 6000) -> np.ndarray:
    values = np.zeros(size, np.float32)
    values[vector.indices] = vector.values
    return values


def splade_folder(
    folder: Path, pooling: dict[str, object], *, old: bool = False, settings: dict[str, object] | None = None
) -> Path:
    """Makes a sentence-transformers folder of a checkpoint's, as versions 5 (`old`) and 6 write it."""
    package = "sentence_transformers.sparse_encoder.models"
    kinds = [f"{package}.MLMTransformer", f"{package}.SpladePooling"]
    if not old:
        kinds = [
            "sentence_transformers.base.modules.transformer.Transformer",
            "sentence_transformers.sparse_encoder.modules.splade_pooling.SpladePooling",
        ]
    modules = [
        {"idx": place, "name": str(place), "path": path, "type": kind}
        for place, (path, kind) in enumerate(zip(("", "1_SpladePooling"), kinds, strict=True))
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_SpladePooling").mkdir()
    (folder / "1_SpladePooling" / "config.json").write_text(json.dumps(pooling))
    task = {} if old else {"transformer_task": "fill-mask"}
    (folder / "sentence_bert_config.json").write_text(json.dumps(task | (settings or {})))
    (folder / "config_sentence_transformers.json").write_text('{"model_type": "SparseEncoder"}')
    return folder


@pytest.mark.parametrize(("seed", "activation"), list(enumerate(Activation.__members__)))
def test_equals_sentence_transformers(make_checkpoint: Maker, sentences: list[str], seed: int, activation: str) -> None:
    peers = pytest.importorskip("sentence_transformers")
    tied = seed % 2 == 0
    folder = make_checkpoint(Head.MASKED_LM, seed=seed, activation=activation, tie_word_embeddings=tied)
    model = peers.SparseEncoder(str(folder), device="cpu")
    texts = [*sentences[seed * 10 : seed * 10 + 10], "", TEXT]
    expected = model.encode(texts, convert_to_sparse_tensor=False).numpy()
    encoder = opened(folder)
    vectors = encoder(texts)
    for vector, row in zip(vectors, expected, strict=True):
        np.testing.assert_allclose(dense(vector), row, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        encoder.similarity(texts, texts[:3]), model.similarity(expected, expected[:3]), rtol=1e-5
    )
    for vector, row in zip(encoder(texts, top_k=8), model.encode(texts, max_active_dims=8), strict=True):
        np.testing.assert_allclose(dense(vector), row.to_dense().numpy(), atol=1e-5)
        pieces = dict(model.decode(row))
        assert dict(encoder.tokens(vector)) == pytest.approx(pieces, abs=1e-5)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("strategy", ["max", "sum"])
@pytest.mark.parametrize("activation", ["relu", "log1p_relu"])
def test_folders_of_sentence_transformers(
    make_checkpoint: Maker, sentences: list[str], strategy: str, activation: str, old: bool
) -> None:
    peers = pytest.importorskip("sentence_transformers")
    folder = make_checkpoint(Head.MASKED_LM)
    pooling = {"pooling_strategy": strategy, "activation_function": activation}
    splade_folder(folder, pooling, old=old, settings={"max_seq_length": 20})
    model = peers.SparseEncoder(str(folder), device="cpu")
    expected = model.encode(sentences[:20], convert_to_sparse_tensor=False).numpy()
    encoder = load(folder)  # the folder says that it is for sparse vectors
    assert isinstance(encoder, SparseEncoder)
    with pytest.warns(LongTextWarning, match="texts are longer than 20 tokens"):
        vectors = encoder(sentences[:20])
    for vector, row in zip(vectors, expected, strict=True):
        np.testing.assert_allclose(dense(vector), row, rtol=1e-5, atol=1e-5)


def test_prompts_and_lower_case_of_the_folder(make_checkpoint: Maker) -> None:
    folder = splade_folder(make_checkpoint(Head.MASKED_LM), {}, settings={"do_lower_case": True})
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    prompts = {"prompts": {"query": "query : ", "none": ""}, "default_prompt_name": "query"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    encoder = opened(folder)
    expected = encoder("query : a film", prompt_name="none")
    for vector in (encoder("A Film"), encoder("a film", prompt="Query : "), encoder("a film", prompt_name="query")):
        np.testing.assert_array_equal(vector.indices, expected.indices)
        np.testing.assert_array_equal(vector.values, expected.values)
    with pytest.raises(InputError, match="prompt must be a text"):
        encoder("a film", prompt=3)


@pytest.mark.parametrize(
    ("pooling", "message"),
    [
        ({"pooling_strategy": "mean"}, r"pooling_strategy must be one of .*max.*sum.* not 'mean'"),
        ({"activation_function": "gelu"}, r"activation_function must be one of .*relu.* not 'gelu'"),
    ],
)
def test_poolings_that_are_not_known(make_checkpoint: Maker, pooling: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(splade_folder(make_checkpoint(Head.MASKED_LM), pooling))


@pytest.mark.parametrize("measure", ["dot", "cosine", "euclidean", "manhattan"])
def test_the_similarity_is_that_of_the_folder(make_checkpoint: Maker, sentences: list[str], measure: str) -> None:
    folder = splade_folder(make_checkpoint(Head.MASKED_LM), {})
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"similarity_fn_name": measure}))
    encoder = opened(folder)
    a, b = (dense(encoder(text)) for text in sentences[:2])
    expected = {
        "dot": a @ b,
        "cosine": a @ b / (np.linalg.norm(a) * np.linalg.norm(b)),
        "euclidean": -np.linalg.norm(a - b),
        "manhattan": -np.abs(a - b).sum(),
    }[measure]
    assert encoder.similarity(sentences[0], sentences[1]) == pytest.approx(expected, rel=1e-5)


# vectors --------------------------------------------------------------------------------------------


def test_a_vector_is_the_formula(encoder: SparseEncoder) -> None:
    (logits,) = encoder.logits(TEXT)
    expected = np.log1p(np.maximum(logits, 0)).max(0)
    np.testing.assert_array_equal(dense(encoder(TEXT)), expected)
    assert len(logits) == len(encoder.tokenizer.encode(TEXT))


@settings(max_examples=40)
@given(text=st.text(max_size=40), top_k=st.integers(1, 7000))
def test_any_text_gives_a_vector_with_its_indices_in_order(encoder: SparseEncoder, text: str, top_k: int) -> None:
    vector = encoder(text)
    assert (vector.indices.dtype, vector.values.dtype) == (np.int64, np.float32)
    assert (np.diff(vector.indices) > 0).all()
    assert (vector.values > 0).all()
    best = encoder(text, top_k=top_k)
    assert len(best.values) == min(top_k, len(vector.values))
    assert (np.diff(best.indices) > 0).all()
    assert sorted(best.values) == sorted(vector.values)[-len(best.values) :]
    assert encoder.tokens(best, top_k=3) == encoder.tokens(vector, top_k=3)[: len(best.values)]


def test_tokens(encoder: SparseEncoder) -> None:
    pieces = ["film", "##s", "love"]
    indices = np.array(sorted(encoder.tokenizer.token_id(piece) for piece in pieces))
    vector = SparseVector(indices, np.array([1, 3, 2], np.float32))
    by_id = [encoder.tokenizer.token(int(index)) for index in indices]
    assert encoder.tokens(vector) == [(by_id[1], 3.0), (by_id[2], 2.0), (by_id[0], 1.0)]
    assert encoder.tokens(vector, top_k=1) == [(by_id[1], 3.0)]
    with pytest.raises(InputError, match="top_k"):
        encoder.tokens(vector, top_k=0)


def test_similarity(encoder: SparseEncoder, sentences: list[str]) -> None:
    a, b = encoder(sentences[:3]), encoder(sentences[3:7])
    expected = np.stack([dense(v) for v in a]) @ np.stack([dense(v) for v in b]).T
    np.testing.assert_allclose(encoder.similarity(a, b), expected, rtol=1e-5)
    np.testing.assert_allclose(encoder.similarity(sentences[0], b), expected[0], rtol=1e-5)
    np.testing.assert_allclose(encoder.similarity(a, sentences[3]), expected[:, 0], rtol=1e-5)
    assert encoder.similarity(sentences[0], b[0]) == pytest.approx(expected[0, 0], rel=1e-5)
    assert encoder.similarity([], b).shape == (0, 4)


# batches, memory, long texts ------------------------------------------------------------------------


def test_memory_stays_small_however_long_the_batch(
    encoder: SparseEncoder, sentences: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sparse, "_MOST_LOGITS", 200 * 6000)  # 4.8 MB
    spy = Spy(encoder)
    texts = sentences[:300]  # some 7,000 tokens: 170 MB of logits
    assert sum(len(encoder.tokenizer.encode(text)) for text in texts) > 6000
    tracemalloc.start()
    for vector in encoder.stream(texts, top_k=50):
        assert len(vector.values) == 50
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert spy.most_tokens <= 200
    assert peak < 30e6


def test_long_texts(encoder: SparseEncoder) -> None:
    words = ["film"] * 130 + ["war"] * 100
    parts = [" ".join(words[place : place + 126]) for place in range(0, len(words), 126)]
    with pytest.warns(LongTextWarning, match="1 of 2 texts is longer than 128 tokens and was cut; see long_text"):
        cut = encoder([TEXT, " ".join(words)])[1]
    np.testing.assert_allclose(dense(cut), dense(encoder(parts[0])), atol=1e-6)
    expected = np.maximum(*(dense(encoder(part)) for part in parts))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vectors = encoder([TEXT, " ".join(words), TEXT], long_text="window")
    np.testing.assert_allclose(dense(vectors[1]), expected, atol=1e-6)
    np.testing.assert_allclose(dense(vectors[2]), dense(encoder(TEXT)), atol=1e-6)
    lengths = [len(rows) for rows in encoder.logits([TEXT, " ".join(words)], long_text="window")]
    assert lengths == [len(encoder.tokenizer.encode(TEXT)), 234]
    with pytest.raises(InputError, match="text 1 is longer than the 128 tokens"):
        encoder([TEXT, " ".join(words)], long_text="error")


def test_windows_add_up_where_the_folder_sums(make_checkpoint: Maker) -> None:
    folder = splade_folder(make_checkpoint(Head.MASKED_LM), {"pooling_strategy": "sum"})
    encoder = opened(folder)
    words = ["film"] * 130 + ["war"] * 100
    parts = [" ".join(words[place : place + 126]) for place in range(0, len(words), 126)]
    expected = sum(dense(encoder(part)) for part in parts)
    np.testing.assert_allclose(dense(encoder(" ".join(words), long_text="window")), expected, rtol=1e-5, atol=1e-5)
