"""Sentence-transformers folders: what sentence-transformers makes of them, in both spellings, and clear refusals."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import distilbert
from conftest import Maker
from distilbert import CheckpointError
from distilbert.folder.checkpoint import Head
from distilbert.folder.layout import WEIGHTS
from distilbert.folder.sentence import SentenceFolder, read_sentence_folder
from distilbert.folder.transformer_settings import TransformerSettings
from distilbert.pooling import Normalize, Pooling
from distilbert.prompts import Prompts
from helpers.json_files import write
from helpers.sentence_folders import MODES, TEXTS, compose, embed, in_old_spelling

# pooling and normalisation by themselves --------------------------------------------------------------


def test_pooling_worked_out_by_hand() -> None:
    hidden = np.array([[1, 2], [3, -4], [5, 6], [0, 8]], np.float32)
    root = np.sqrt(4)
    expected = {
        "cls": [1, 2],
        "max": [5, 8],
        "mean": [9 / 4, 12 / 4],
        "mean_sqrt_len_tokens": [9 / root, 12 / root],
        "weightedmean": [(1 + 6 + 15) / 10, (2 - 8 + 18 + 32) / 10],
        "lasttoken": [0, 8],
    }
    for mode, vector in expected.items():
        np.testing.assert_allclose(Pooling((mode,))(hidden), vector, rtol=1e-6)
    several = Pooling(("mean", "cls"))(hidden)
    np.testing.assert_allclose(several, [9 / 4, 12 / 4, 1, 2])
    # [CLS] and one more token are the prompt's
    without = Pooling(("mean", "cls", "weightedmean"), include_prompt=False)(hidden, 2)
    np.testing.assert_allclose(without, [2.5, 7, 5, 6, 15 / 7, 50 / 7], rtol=1e-6)
    # a text that is cut within its prompt is pooled as a whole
    np.testing.assert_allclose(Pooling(("mean",), include_prompt=False)(hidden, 4), [9 / 4, 12 / 4])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("prompt_length", [0, 1, 3])
def test_pooling_against_sentence_transformers(mode: str, prompt_length: int) -> None:
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("sentence_transformers.sentence_transformer.modules").Pooling
    rng = np.random.default_rng(0)
    lengths = [4, 9, 7]
    hidden = rng.normal(size=(3, 9, 8)).astype(np.float32)
    features = {
        "token_embeddings": torch.from_numpy(hidden),
        "attention_mask": torch.tensor([[int(place < length) for place in range(9)] for length in lengths]),
        "prompt_length": prompt_length,
    }
    expected = theirs(8, mode, include_prompt=False)(features)["sentence_embedding"].numpy()
    ours = [Pooling((mode,), include_prompt=False)(h[:n], prompt_length) for h, n in zip(hidden, lengths, strict=True)]
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


def test_normalize_leaves_zeros() -> None:
    vectors = np.array([[3, 4], [0, 0]], np.float32)
    np.testing.assert_allclose(Normalize()(vectors), [[0.6, 0.8], [0, 0]])


# whole folders against sentence-transformers ----------------------------------------------------------


def stacks(modules: Any, nn: Any) -> dict[str, list[Any]]:
    """Stacks of modules of sentence-transformers that follow a Transformer 32 wide."""
    pooling, dense, normalize, dropout = modules
    return {
        **{mode: [pooling(32, mode)] for mode in MODES},
        "several modes": [pooling(32, ("cls", "max", "weightedmean"))],
        "in another order": [pooling(32, ("weightedmean", "max"))],
        "normalised": [pooling(32, "mean"), normalize()],
        "dense": [pooling(32, "cls"), dense(32, 16)],
        "dense, normalised": [pooling(32, "mean"), dense(32, 48), normalize()],
        "normalised, then dense": [pooling(32, "mean"), normalize(), dense(32, 48)],
        "normalised, dense, normalised": [pooling(32, "mean"), normalize(), dense(32, 8), normalize()],
        "dense without bias": [pooling(32, "mean"), dense(32, 16, bias=False, activation_function=nn.Identity())],
        "dense on several modes": [pooling(32, ("cls", "mean")), dense(64, 16, activation_function=nn.GELU())],
        "two dense": [pooling(32, "mean"), dense(32, 64, activation_function=nn.ReLU()), dense(64, 8)],
        "residual": [pooling(32, "mean"), dense(32, 32, activation_function=nn.SiLU(), use_residual=True)],
        "projected residual": [pooling(32, "mean"), dense(32, 8, activation_function=nn.Mish(), use_residual=True)],
        "dropout": [pooling(32, "mean"), dropout(0.9), dense(32, 16), dropout(0.9), normalize()],
    }


STACKS = list(stacks([lambda *_, **__: None] * 4, type("nn", (), dict.fromkeys(
    ["Identity", "GELU", "ReLU", "SiLU", "Mish"], lambda: None))))  # fmt: skip


@pytest.fixture(scope="module")
def library() -> Any:
    return pytest.importorskip("sentence_transformers")


def save_as(library: Any, folder: Path, layers: list[Any], **options: Any) -> Any:
    """The encoder of `folder` with `layers`, saved by sentence-transformers to folder/"st"; and the model."""
    from sentence_transformers.base.modules import Transformer

    model = library.SentenceTransformer(modules=[Transformer(str(folder)), *layers], device="cpu", **options)
    model.save_pretrained(str(folder / "st"), create_model_card=False)
    return model


@pytest.mark.parametrize(
    ("spelling", "stack"),  # the old spelling knows one order of modes
    [("new", stack) for stack in STACKS] + [("old", stack) for stack in STACKS if stack != "in another order"],
)
def test_folders_that_sentence_transformers_saved(
    library: Any, spelling: str, stack: str, make_checkpoint: Maker
) -> None:
    from sentence_transformers.base.modules import Dense, Normalize
    from sentence_transformers.sentence_transformer.modules import Dropout, Pooling
    from torch import nn

    folder = make_checkpoint(Head.NONE)
    layers = stacks((Pooling, Dense, Normalize, Dropout), nn)[stack]
    expected = save_as(library, folder, layers).encode(TEXTS)
    if spelling == "old":
        in_old_spelling(folder / "st")
    np.testing.assert_allclose(embed(folder / "st"), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("include_prompt", [True, False])
@pytest.mark.parametrize("do_lower_case", [True, False])
@pytest.mark.parametrize("cased", [True, False])
def test_prompts_and_case(
    library: Any, include_prompt: bool, do_lower_case: bool, cased: bool, make_checkpoint: Maker
) -> None:
    from sentence_transformers.sentence_transformer.modules import Pooling

    folder = make_checkpoint(Head.NONE)
    write(folder / "tokenizer_config.json", {"do_lower_case": not cased})
    prompts = {"query": "Find THE film: ", "passage": "", "ΟΔΟΣ": "ΟΔΟΣ and "}
    save_as(library, folder, [Pooling(32, "mean", include_prompt)], prompts=prompts, default_prompt_name="query")
    write(folder / "st" / "sentence_bert_config.json", {"max_seq_length": 128, "do_lower_case": do_lower_case})
    theirs, ours = library.SentenceTransformer(str(folder / "st"), device="cpu"), distilbert.load(folder / "st")
    texts = [*TEXTS, "ΟΔΟΣ İ [MASK] [mask]"]  # a final sigma, a letter that becomes two, a special token
    for options in ({}, {"prompt_name": "passage"}, {"prompt_name": "ΟΔΟΣ"}, {"prompt": "Any OTHER "}):
        expected = theirs.encode(texts, **options)
        np.testing.assert_allclose(ours(texts, **options), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("sentence", "tokenizer"), [(9, None), (9, 7), (7, 9), (None, 9), (1000, None), (None, None)])
def test_the_longest_text(
    library: Any, sentence: int | None, tokenizer: int | None, folder: Path, sentences: list[str]
) -> None:
    if sentence is not None:
        write(folder / "sentence_bert_config.json", {"max_seq_length": sentence})
    if tokenizer is not None:
        write(folder / "tokenizer_config.json", {"do_lower_case": True, "model_max_length": tokenizer})
    ours = distilbert.load(folder)
    expected = {9: 9, 7: 7, None: 64, 1000: 64}[sentence if sentence is not None else tokenizer]
    assert ours.model.max_length == expected
    if sentence == 1000:  # more than there are positions: sentence-transformers fails when it meets a long text
        return
    theirs = library.SentenceTransformer(str(folder), device="cpu")
    assert theirs.max_seq_length == expected
    with pytest.warns(distilbert.LongTextWarning):
        vectors = ours([*sentences[:5], " ".join(sentences[:9])], normalize=False)
    np.testing.assert_allclose(vectors, theirs.encode([*sentences[:5], " ".join(sentences[:9])]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["cosine", "dot", "euclidean", "manhattan", None])
def test_similarity_functions(library: Any, name: str | None, folder: Path, sentences: list[str]) -> None:
    write(folder / "config_sentence_transformers.json", {"similarity_fn_name": name, "prompts": {}})
    theirs, ours = library.SentenceTransformer(str(folder), device="cpu"), distilbert.load(folder)
    vectors = theirs.encode(sentences[:6])
    expected = theirs.similarity(vectors, vectors[:3]).numpy()
    np.testing.assert_allclose(ours.similarity(vectors, vectors[:3]), expected, rtol=1e-4, atol=1e-4)


def test_truncate_dim(library: Any, folder: Path) -> None:
    write(folder / "config_sentence_transformers.json", {"truncate_dim": 5})
    theirs = library.SentenceTransformer(str(folder), device="cpu")
    np.testing.assert_allclose(embed(folder), theirs.encode(TEXTS), rtol=1e-5, atol=1e-5)
    assert embed(folder, truncate_dim=32).shape == (4, 32)


# without the library ----------------------------------------------------------------------------------


def test_what_a_folder_says(folder: Path) -> None:
    compose(folder, {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"})
    write(folder / "sentence_bert_config.json", {"max_seq_length": 33, "do_lower_case": True})
    about = {"prompts": {"a": "A: ", "b": None}, "default_prompt_name": "a", "similarity_fn_name": "dot"}
    write(folder / "config_sentence_transformers.json", about)
    read = read_sentence_folder(folder)
    assert read == SentenceFolder(
        transformer=folder, text=TransformerSettings("feature-extraction", 33, True), similarity="dot",
        prompts=Prompts({"a": "A: ", "b": ""}, "a"),
    )  # fmt: skip


def test_no_modules_and_a_cross_encoders_modules_say_nothing(folder: Path) -> None:
    compose(folder, {"": "Transformer"})
    write(folder / "config_sentence_transformers.json", {"model_type": "CrossEncoder"})
    assert read_sentence_folder(folder) is None
    (folder / "modules.json").unlink()
    (folder / "config_sentence_transformers.json").unlink()
    shutil.rmtree(folder / "1_Pooling")
    assert read_sentence_folder(folder) is None
    vectors = embed(folder)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), 1, rtol=1e-6)


def test_old_and_new_spelling_are_the_same(folder: Path) -> None:
    for modes in (*MODES, ["cls", "mean"], MODES):
        write(folder / "1_Pooling/config.json", {"pooling_mode": modes, "include_prompt": False})
        compose(folder, {"": "Transformer", "1_Pooling": "Pooling"})
        new = read_sentence_folder(folder)
        in_old_spelling(folder)
        assert read_sentence_folder(folder) == new
    # the flags of the oldest versions say less, and mean is what is left
    write(folder / "1_Pooling/config.json", {"word_embedding_dimension": 32})
    read = read_sentence_folder(folder)
    assert read is not None
    assert read.pooling == Pooling(("mean",))


def test_the_encoders_of_the_first_versions(folder: Path) -> None:
    expected = embed(folder)
    in_old_spelling(folder)
    modules = (folder / "modules.json").read_text()
    assert "models.Transformer" in modules
    (folder / "modules.json").write_text(modules.replace("models.Transformer", "models.DistilBERT"))
    np.testing.assert_array_equal(embed(folder), expected)


def test_the_encoder_in_a_folder_of_its_own(folder: Path) -> None:
    """As the first versions wrote it, with the settings under the name of the architecture."""
    expected = embed(folder)
    inner = folder / "0_Transformer"
    inner.mkdir()
    for name in ("config.json", WEIGHTS, "vocab.txt", "tokenizer_config.json"):
        (folder / name).rename(inner / name)
    write(inner / "sentence_distilbert_config.json", {"max_seq_length": 17, "do_lower_case": False})
    compose(folder, {"0_Transformer": "Transformer", "1_Pooling": "Pooling"})
    np.testing.assert_array_equal(embed(folder), expected)
    assert distilbert.load(folder).model.max_length == 17
    (inner / WEIGHTS).rename(inner / "pytorch_model.bin")  # what is converted is the whole folder, not its encoder
    with pytest.raises(
        CheckpointError, match=rf"it has pytorch_model\.bin: `distilbert convert {folder} OUT` makes one"
    ):
        distilbert.load(folder)


def test_pooling_that_reads_the_first_row_alone() -> None:
    assert Pooling(("cls",)).first_only
    assert not Pooling(("cls",), include_prompt=False).first_only
    assert not Pooling(("cls", "mean")).first_only
