"""Sentence vectors: pooled, finished and compared. What folders say of them is tested in test_sentence_folder.py."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import Maker
from distilbert import Embedder, InputError, LongTextWarning, load
from distilbert.folder.checkpoint import Head
from helpers.hard_text import words
from helpers.spy import Spy

TEXT = "a charming and often affecting journey ."
PROMPTS = {"query": "a question : ", "passage": "a text : "}
ROOM = 128 - 2  # tokens of a text in the small model


def sentence_folder(folder: Path, *modules: str, **settings: object) -> Path:
    """Makes a sentence-transformers folder, in version 6's spelling, of an encoder."""
    package = "sentence_transformers.sentence_transformer.modules"
    kinds = {"": "transformer.Transformer", "1_Pooling": "pooling.Pooling"} | dict.fromkeys(
        modules, "normalize.Normalize"
    )
    listed = [
        {"idx": idx, "name": str(idx), "path": path, "type": f"{package}.{kind}"}
        for idx, (path, kind) in enumerate(kinds.items())
    ]
    (folder / "modules.json").write_text(json.dumps(listed))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text(json.dumps({"embedding_dimension": 32, "pooling_mode": "mean"}))
    (folder / "config_sentence_transformers.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture
def prompted(make_checkpoint: Maker) -> Embedder:
    """Two prompts, one of them for texts that come without; not normalised."""
    folder = sentence_folder(
        make_checkpoint(Head.NONE, name="prompted"),
        prompts=PROMPTS,
        default_prompt_name="passage",
        similarity_fn_name="euclidean",
    )
    return load(folder, "sentence-similarity")


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


# vectors --------------------------------------------------------------------------------------------


def test_one_text_and_several(embedder: Embedder, sentences: list[str]) -> None:
    one = embedder(TEXT)
    assert (one.shape, one.dtype) == ((32,), np.float32)
    several = embedder(sentences[:50])
    assert (several.shape, several.dtype) == ((50, 32), np.float32)
    np.testing.assert_allclose(np.linalg.norm(several, axis=-1), 1, atol=1e-6)
    for place in (0, 7, 49):
        np.testing.assert_allclose(embedder(sentences[place]), several[place], atol=1e-6)
    np.testing.assert_allclose(embedder(sentences[49::-1])[::-1], several, atol=1e-6)
    for same in (iter(sentences[:50]), np.array(sentences[:50]), tuple(sentences[:50])):
        np.testing.assert_array_equal(embedder(same), several)


@pytest.mark.parametrize("output", ["float32", "int8", "uint8", "binary", "ubinary"])
def test_no_texts_give_an_empty_array_of_the_right_kind(embedder: Embedder, output: Any) -> None:
    for width in (None, 24):
        full = embedder([TEXT], output=output, truncate_dim=width)
        empty = embedder([], output=output, truncate_dim=width)
        assert (empty.shape, empty.dtype) == ((0, full.shape[1]), full.dtype)


def test_the_mean_of_the_last_hidden_states(embedder: Embedder, sentences: list[str]) -> None:
    texts = [*sentences[:20], ""]
    states = embedder.logits(texts)
    assert [len(each) for each in states] == [len(embedder.tokenizer.encode(text)) for text in texts]
    expected = np.stack([each.mean(0) for each in states])
    np.testing.assert_allclose(embedder(texts, normalize=False), expected, atol=1e-6)
    np.testing.assert_allclose(embedder(texts), unit(expected), atol=1e-6)
    assert np.linalg.norm(expected, axis=-1).std() > 0.1
    assert [each.shape for each in embedder.logits(TEXT)] == [(len(embedder.tokenizer.encode(TEXT)), 32)]
    assert embedder.logits([]) == []


def test_normalize_is_as_the_folder_says(make_checkpoint: Maker, prompted: Embedder) -> None:
    folder = sentence_folder(make_checkpoint(Head.NONE, name="normalized"), "2_Normalize", prompts=PROMPTS)
    normalized = load(folder, "feature-extraction")
    raw = prompted(TEXT, prompt="")
    assert np.linalg.norm(raw) > 1.5
    np.testing.assert_allclose(normalized(TEXT), unit(raw), atol=1e-6)
    np.testing.assert_allclose(prompted(TEXT, prompt="", normalize=True), unit(raw), atol=1e-6)
    np.testing.assert_allclose(normalized(TEXT, normalize=False), raw, atol=1e-6)


def test_prompts(prompted: Embedder) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"prompt_name": "query"}, PROMPTS["query"]),
        ({"prompt_name": "passage"}, PROMPTS["passage"]),
        ({}, PROMPTS["passage"]),
        ({"prompt": ""}, ""),
        ({"prompt": "to be found : "}, "to be found : "),
    ]
    for options, before in cases:
        expected = prompted(before + TEXT, prompt="")
        np.testing.assert_allclose(prompted(TEXT, **options), expected, atol=1e-6)
        np.testing.assert_allclose(next(prompted.stream([TEXT], **options)), expected, atol=1e-6)
    assert np.abs(prompted(TEXT, prompt_name="query") - prompted(TEXT)).max() > 1e-3


def test_truncate_dim(embedder: Embedder, sentences: list[str]) -> None:
    raw = embedder(sentences[:9], normalize=False)
    np.testing.assert_allclose(embedder(sentences[:9], truncate_dim=8), unit(raw[:, :8]), atol=1e-6)
    np.testing.assert_array_equal(embedder(sentences[:9], truncate_dim=8, normalize=False), raw[:, :8])
    np.testing.assert_array_equal(embedder(sentences[:9], truncate_dim=32, normalize=False), raw)


# number formats -------------------------------------------------------------------------------------


@pytest.mark.parametrize("normalize", [True, False])
def test_int8_keeps_directions_and_depends_on_no_other_text(
    embedder: Embedder, sentences: list[str], normalize: bool
) -> None:
    exact = embedder(sentences[:60], normalize=normalize)
    close = embedder(sentences[:60], normalize=normalize, output="int8")
    assert close.dtype == np.int8
    assert (np.abs(close.astype(int)).max(-1) == 127).all()
    expected = np.rint(127 * exact / np.abs(exact).max(-1, keepdims=True))
    assert np.abs(close - expected).max() <= 1  # a last bit may round either way
    assert (unit(exact) * unit(close.astype(float))).sum(-1).min() > 0.9999
    np.testing.assert_array_equal(embedder(sentences[:60], normalize=normalize, output="uint8"), close + 128.0)
    alone = np.stack([embedder(text, normalize=normalize, output="int8") for text in sentences[:10]])
    assert np.abs(alone - close[:10].astype(int)).max() <= 1


def test_binary_is_packed_as_sentence_transformers_packs_it(embedder: Embedder, sentences: list[str]) -> None:
    util = pytest.importorskip("sentence_transformers.util")
    exact = embedder(sentences[:60])
    for output in ("binary", "ubinary"):
        expected = util.quantize_embeddings(exact, precision=output)
        found = embedder(sentences[:60], output=output)  # type: ignore[call-overload]
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def test_binary_by_hand(embedder: Embedder) -> None:
    signs = embedder(TEXT) > 0
    expected = [sum(2 ** (7 - bit) for bit in range(8) if signs[8 * byte + bit]) for byte in range(4)]
    assert embedder(TEXT, output="ubinary").tolist() == expected
    assert embedder(TEXT, output="binary").tolist() == [byte - 128 for byte in expected]
    assert embedder(TEXT, output="ubinary", truncate_dim=12).tolist() == [expected[0], expected[1] & 0b11110000]


def test_a_vector_of_zeros_stays_one(embedder: Embedder) -> None:
    Spy(embedder).run = lambda batch: np.zeros((len(batch.ids), 32), np.float32)  # type: ignore[method-assign]
    assert not embedder(TEXT).any()
    assert not embedder(TEXT, output="int8").any()


# long texts -----------------------------------------------------------------------------------------


def test_a_cut_text_is_never_silent(embedder: Embedder) -> None:
    fits, long = " ".join(words(ROOM)), " ".join(words(ROOM + 1))
    with warnings.catch_warnings(action="error"):
        whole = embedder([TEXT, fits])
    with pytest.warns(LongTextWarning, match="1 of 3 texts is longer than 128 tokens and was cut; see long_text"):
        cut = embedder([TEXT, fits, long])
    np.testing.assert_allclose(cut, [whole[0], whole[1], whole[1]], atol=1e-6)
    for texts, told in (
        (long, "^the text is longer than 128"),
        ([long, long, fits], "^2 of 3 texts are .* and were cut"),
    ):
        with pytest.warns(LongTextWarning, match=told):
            embedder(texts)
    with pytest.raises(InputError, match="text 2 is longer than the 128 tokens"):
        embedder([TEXT, fits, long], long_text="error")


def test_the_warning_points_at_the_callers_line(embedder: Embedder) -> None:
    with pytest.warns(LongTextWarning) as caught:
        embedder(" ".join(words(200)))
    assert caught[0].filename == __file__


def test_windows_are_the_mean_weighted_by_their_tokens(embedder: Embedder) -> None:
    text = words(2 * ROOM + 40)
    parts = [text[:ROOM], text[ROOM : 2 * ROOM], text[2 * ROOM :]]
    a, b, c = (embedder(" ".join(part), normalize=False) for part in parts)
    expected = (128 * a + 128 * b + 42 * c) / (128 + 128 + 42)
    found = embedder([TEXT, " ".join(text)], long_text="window", normalize=False)
    np.testing.assert_allclose(found[1], expected, atol=1e-6)
    np.testing.assert_allclose(found[0], embedder(TEXT, normalize=False), atol=1e-6)
    np.testing.assert_allclose(embedder(" ".join(text), long_text="window"), unit(expected), atol=1e-6)
    (states,) = embedder.logits(" ".join(text), long_text="window")
    assert states.shape == (298, 32)


# similarity -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", ["cosine", "dot", "euclidean", "manhattan"])
def test_similarity(make_checkpoint: Maker, sentences: list[str], measure: str) -> None:
    folder = sentence_folder(make_checkpoint(Head.NONE), similarity_fn_name=measure)
    embedder = load(folder, "sentence-similarity")
    a, b = embedder(sentences[:3]).astype(float), embedder(sentences[3:8]).astype(float)
    expected = {
        "cosine": unit(a) @ unit(b).T,
        "dot": a @ b.T,
        "euclidean": -np.sqrt(((a[:, None] - b) ** 2).sum(-1)),
        "manhattan": -np.abs(a[:, None] - b).sum(-1),
    }[measure]
    tolerance = 1e-5 * np.abs(expected).max()
    several: Any = embedder.similarity(sentences[:3], sentences[3:8])
    np.testing.assert_allclose(several, expected, atol=tolerance)
    row: Any = embedder.similarity(sentences[0], sentences[3:8])
    assert row.shape == (5,)
    np.testing.assert_allclose(row, expected[0], atol=tolerance)
    column: Any = embedder.similarity(sentences[:3], sentences[3])
    assert column.shape == (3,)
    np.testing.assert_allclose(column, expected[:, 0], atol=tolerance)
    one = embedder.similarity(sentences[0], sentences[3])
    assert isinstance(one, float)
    assert one == pytest.approx(expected[0, 0], abs=tolerance)
    np.testing.assert_allclose(embedder.similarity(embedder(sentences[:3]), sentences[3:8]), several, atol=tolerance)
    np.testing.assert_allclose(embedder.similarity(sentences[0], embedder(sentences[3])), one, atol=tolerance)


def test_similarity_of_many_kinds_of_texts(embedder: Embedder) -> None:
    texts = ["a film", "a war film"]
    expected = embedder.similarity(texts, TEXT)
    for same in (np.array(texts), iter(texts), tuple(texts)):
        np.testing.assert_allclose(embedder.similarity(same, TEXT), expected, atol=1e-6)
    empty: Any = embedder.similarity([], texts)
    assert empty.shape == (0, 2)


def test_vectors_that_cannot_be_compared(embedder: Embedder) -> None:
    with pytest.raises(InputError, match=r"not int8 \[2, 32\]; compare before you quantise"):
        embedder.similarity(embedder([TEXT, TEXT], output="int8"), TEXT)
    with pytest.raises(InputError, match="vectors of 16 and of 32 numbers cannot be compared"):
        embedder.similarity(embedder(TEXT, truncate_dim=16), TEXT)
    with pytest.raises(InputError, match=r"float vectors \[D\] or \[B, D\], not float32 \[1, 1, 32\]"):
        embedder.similarity(embedder([TEXT])[None], TEXT)
    with pytest.raises(InputError, match="give a string or a list of them, not int"):
        embedder.similarity(3, TEXT)  # type: ignore[arg-type]


# what cannot be -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (3, "give a string or a list of them, not int"),
        (None, "not NoneType"),
        (b"bytes", "not bytes"),
        ({"text": "a"}, "not dict"),
        (["a", 3], "text 1 must be a string, not int"),
        (["a", ("a", "b")], "text 1 must be a string, not tuple"),
        ([["a"]], "text 0 must be a string, not list"),
        ([b"a"], "text 0 must be a string, not bytes"),
    ],
)
def test_wrong_texts(embedder: Embedder, texts: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        embedder(texts)
    with pytest.raises(InputError, match=message):
        embedder.similarity(texts, TEXT)


@pytest.mark.parametrize("texts", [["a", 3], ["a", ("a", "b")]])
def test_wrong_texts_for_hidden_states(embedder: Embedder, texts: Any) -> None:
    with pytest.raises(InputError, match="text 1 must be a string, not"):
        embedder.logits(texts)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"truncate_dim": 0}, "truncate_dim must be at least 1, or None, not 0"),
        ({"truncate_dim": 2.0}, "truncate_dim must be a whole number"),
        ({"truncate_dim": 33}, "truncate_dim must be at most 32, the width of the vectors, not 33"),
        ({"output": "float16"}, "output must be 'float32', 'int8', 'uint8', 'binary' or 'ubinary', not 'float16'"),
        ({"long_text": "cut"}, "long_text must be"),
        ({"prompt": 3}, "prompt must be a text"),
    ],
)
def test_wrong_options(embedder: Embedder, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        embedder(TEXT, **options)
    with pytest.raises(InputError, match=message):
        embedder([], **options)
    with pytest.raises(InputError, match=message):
        next(embedder.stream([TEXT], **options))
