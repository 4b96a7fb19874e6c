"""Sentence-transformers folders: what sentence-transformers makes of them, in both spellings, and clear refusals."""

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import distilbert
from conftest import Maker
from distilbert import CheckpointError, ConfigError, DistilBertError, Embedder
from distilbert.folder.checkpoint import Head
from distilbert.folder.layout import WEIGHTS
from distilbert.folder.sentence import SentenceFolder, read_sentence_folder
from distilbert.folder.transformer_settings import TransformerSettings
from distilbert.pooling import Normalize, Pooling
from distilbert.prompts import Prompts

MODES = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
OLD_FLAGS = {
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "mean": "pooling_mode_mean_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}
NEW = {
    "Transformer": "sentence_transformers.base.modules.transformer.Transformer",
    "Pooling": "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
    "Dense": "sentence_transformers.base.modules.dense.Dense",
    "Normalize": "sentence_transformers.base.modules.normalize.Normalize",
    "Dropout": "sentence_transformers.sentence_transformer.modules.dropout.Dropout",
}
OLD = "sentence_transformers.models"
TEXTS = ["A charming and often affecting journey.", "no", "", "the film , the whole film , and nothing but the film"]


def write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def compose(folder: Path, kinds: dict[str, str]) -> None:
    """modules.json of {path: kind}."""
    write(folder / "modules.json", [
        {"idx": idx, "name": str(idx), "path": path, "type": NEW.get(kind, kind)}
        for idx, (path, kind) in enumerate(kinds.items())
    ])  # fmt: skip


@pytest.fixture
def folder(make_checkpoint: Maker) -> Path:
    """An encoder with mean pooling, in the new spelling."""
    folder = make_checkpoint(Head.NONE, max_position_embeddings=64)
    compose(folder, {"": "Transformer", "1_Pooling": "Pooling"})
    write(folder / "1_Pooling/config.json", {"embedding_dimension": 32, "pooling_mode": "mean", "include_prompt": True})
    return folder


def embed(folder: Path, **options: Any) -> np.ndarray:
    embedder = distilbert.load(folder)
    assert isinstance(embedder, Embedder)
    return embedder(TEXTS, **options)


def in_old_spelling(folder: Path) -> None:
    """Rewrites a folder as versions up to 5 wrote it."""
    modules = json.loads((folder / "modules.json").read_text())
    for each in modules:
        each["type"] = "sentence_transformers.models." + each["type"].rpartition(".")[2]
    write(folder / "modules.json", modules)
    (path,) = folder.glob("*_Pooling/config.json")
    pooling = json.loads(path.read_text())
    modes = pooling["pooling_mode"]
    flags = {flag: mode in ([modes] if isinstance(modes, str) else modes) for mode, flag in OLD_FLAGS.items()}
    old = {"word_embedding_dimension": 32, "include_prompt": pooling["include_prompt"]} | flags
    write(path, old)


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


def test_pooling_that_reads_the_first_row_alone() -> None:
    assert Pooling(("cls",)).first_only
    assert not Pooling(("cls",), include_prompt=False).first_only
    assert not Pooling(("cls", "mean")).first_only


# refusals ---------------------------------------------------------------------------------------------


def refusal(folder: Path) -> str:
    """The one line with which the folder is refused."""
    with pytest.raises(DistilBertError) as caught:
        distilbert.load(folder)
    message = str(caught.value)
    assert str(folder) in message
    assert "\n" not in message
    assert len(message) < 2 * len(str(folder)) + 500
    return message


@pytest.mark.parametrize(
    ("kinds", "reason"),
    [
        ({}, "the first module must be a Transformer"),
        ({"1_Pooling": "Pooling"}, "the first module must be a Transformer"),
        ({"": "Transformer"}, "lists no Pooling"),
        (
            {"": "Transformer", "LayerNorm": f"{OLD}.LayerNorm", "1": "Pooling"},
            "module 'LayerNorm' is not supported, or",
        ),
        ({"": "Transformer", "1_Pooling": "Pooling", "./1_Pooling": "Pooling"}, "module 'Pooling' is not supported"),
        ({"": "Transformer", "1_Pooling": "Pooling", ".": "Transformer"}, "module 'Transformer' is not supported"),
        ({"": "Transformer", "1_Pooling": "mine.Pooling"}, r"module 'mine\.Pooling' is not supported"),
        ({"": "Transformer", "1_Pooling": f"{OLD}.CNN"}, "module 'CNN' is not supported: it is a network of its own"),
        ({"": "Transformer", "1_Pooling": "x\n" * 5000}, r"module 'x\\nx"),
        ({"": f"{OLD}.CLIPModel"}, "module 'CLIPModel' is not supported: it reads images"),
        ({"0_A": "Transformer", "0_B": "Transformer", "1_Pooling": "Pooling"}, "has 2 encoders"),
    ],
)
def test_modules_that_are_not_supported(kinds: dict[str, str], reason: str, folder: Path) -> None:
    compose(folder, kinds)
    assert re.search(rf"modules\.json: {reason}|modules\.json: lists", refusal(folder))


@pytest.mark.parametrize("path", ["..", "../other", "/etc", "1_Pooling/../..", "a/../../b"])
def test_modules_that_point_outside_the_folder(path: str, folder: Path) -> None:
    compose(folder, {"": "Transformer", path: "Pooling"})
    assert f"modules.json: {path!r} points outside the folder" in refusal(folder)


@pytest.mark.parametrize("path", ["nowhere", "a\0b", "x" * 5000, "\ud800"])
def test_modules_that_are_not_there(path: str, folder: Path) -> None:
    compose(folder, {"": "Transformer", path: "Pooling"})
    with pytest.raises(ConfigError, match=r"no such file|cannot be read"):
        distilbert.load(folder)


@pytest.mark.parametrize(
    "content",
    ["", "{", "{}", "5", "null", "[5]", "[null]", "[[]]", '["ab"]', '[{"idx": 0}]', '[{"type": 1, "path": ""}]',
     '[{"type": "Transformer", "path": null}]', "[" * 100_000, '[{"type": "\\ud800", "path": "\\ud800"}]'],
    ids=lambda content: content[:30],
)  # fmt: skip
def test_a_broken_list_of_modules(content: str, folder: Path) -> None:
    (folder / "modules.json").write_text(content)
    assert "modules.json: " in refusal(folder)


SETTINGS = "config_sentence_transformers.json"
BERT_SETTINGS = "sentence_bert_config.json"
WRONG = [
    ("1_Pooling/config.json", "pooling_mode", value) for value in ("median", [], ["mean", "median"], 5, [["mean"]], {})
]
WRONG += [("1_Pooling/config.json", "include_prompt", value) for value in ("false", 0, [])]
WRONG += [(BERT_SETTINGS, "max_seq_length", value) for value in (0, -1, 1.5, "128", True, [])]
WRONG += [(BERT_SETTINGS, "do_lower_case", value) for value in ("false", 1)]
WRONG += [(SETTINGS, "prompts", value) for value in (["a"], "a", {"a": 5}, {"a": ["b"]}, 5)]
WRONG += [(SETTINGS, "default_prompt_name", value) for value in ("other", [], {}, 5, "x" * 5000)]
WRONG += [(SETTINGS, "similarity_fn_name", value) for value in ("sine", [], 5, {"a": "b"})]
WRONG += [(SETTINGS, "truncate_dim", value) for value in (0, -1, 2.5, "3", [])]


@pytest.mark.parametrize(("file", "key", "value"), WRONG, ids=lambda value: str(value)[:30])
def test_a_wrong_setting_is_named_with_file_and_key(file: str, key: str, value: object, folder: Path) -> None:
    write(folder / file, {key: value})
    message = refusal(folder)
    assert message.startswith(f"{folder / file}: {key} ")


def test_a_wrong_flag_of_the_old_spelling(folder: Path) -> None:
    write(folder / "1_Pooling/config.json", {"pooling_mode_cls_token": "false"})
    assert "config.json: pooling_mode_cls_token must be true or false, not 'false'" in refusal(folder)


@pytest.mark.parametrize(
    "file", ["1_Pooling/config.json", "sentence_bert_config.json", SETTINGS, "2_Normalize/config.json"]
)
@pytest.mark.parametrize("content", ["", "[]", "{", "\0"])
def test_broken_settings_are_named(file: str, content: str, folder: Path) -> None:
    compose(folder, {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"})
    (folder / "2_Normalize").mkdir()
    (folder / file).write_text(content)
    assert refusal(folder).startswith(f"{folder / file}: ")


def test_a_normalize_of_other_things(folder: Path) -> None:
    compose(folder, {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"})
    write(folder / "2_Normalize/config.json", {"module_input_name": "token_embeddings"})
    assert "2_Normalize/config.json: module_input_name must be 'sentence_embedding' at this place" in refusal(folder)


@pytest.fixture
def dense(folder: Path) -> Path:
    """The folder with a Dense of 32 -> 3."""
    from safetensors.numpy import save_file

    compose(folder, {"": "Transformer", "1_Pooling": "Pooling", "2_Dense": "Dense"})
    write(folder / "2_Dense/config.json", {"in_features": 32, "out_features": 3})
    arrays = {"linear.weight": np.ones((3, 32), np.float32), "linear.bias": np.zeros(3, np.float32)}
    save_file(arrays, folder / "2_Dense" / WEIGHTS)
    return folder


def test_a_dense_runs(dense: Path) -> None:
    vectors = embed(dense)
    assert vectors.shape == (4, 3)
    assert (np.abs(vectors) <= 1).all()  # Tanh is what is used where nothing is said
    assert distilbert.load(dense).dim == 3


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"in_features": None}, "in_features and out_features must be given"),
        ({"in_features": "32"}, "in_features must be a whole number"),
        ({"out_features": 0}, "out_features must be a whole number"),
        ({"bias": "no"}, "bias must be true or false"),
        ({"use_residual": 1}, "use_residual must be true or false"),
        ({"activation_function": "torch.nn.modules.activation.PReLU"}, "must hold .*activation_function.weight"),
        ({"activation_function": "torch.nn.Threshold"}, "activation_function must be one of torch.nn's CELU"),
        ({"activation_function": "os.system"}, "activation_function must be one of"),
        ({"activation_function": ["a"]}, "activation_function must be text"),
        ({"module_output_name": "token_embeddings"}, "module_output_name must be one of"),
        ({"in_features": 31}, r"must hold .*\(3, 31\)"),
        ({"out_features": 2**31}, r"must hold .*\(2147483648, 32\)"),
        ({"bias": False}, "must hold"),
        ({"use_residual": True}, r"must hold .*residual\.weight"),
    ],
    ids=str,
)
def test_a_dense_that_cannot_be(changes: dict[str, object], reason: str, dense: Path) -> None:
    write(dense / "2_Dense/config.json", {"in_features": 32, "out_features": 3} | changes)
    message = refusal(dense)
    assert "2_Dense" in message
    assert re.search(reason, message)


def test_a_dense_that_does_not_fit_the_pooling(dense: Path) -> None:
    write(dense / "1_Pooling/config.json", {"pooling_mode": ["cls", "mean"]})
    assert "a Dense reads 32 numbers, but is given 64" in refusal(dense)


def test_a_dense_without_weights_or_with_those_of_another_kind(dense: Path) -> None:
    from safetensors.numpy import save_file

    path = dense / "2_Dense" / WEIGHTS
    arrays = {"linear.weight": np.ones((3, 32), np.int64), "linear.bias": np.zeros(3, np.float32)}
    save_file(arrays, path)
    assert "linear.weight is stored as I64" in refusal(dense)
    path.write_bytes(b"\0" * 100)
    assert "not a whole safetensors file" in refusal(dense)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(CheckpointError, match=r"2_Dense: no model\.safetensors; `distilbert convert` makes one from"):
        distilbert.load(dense)


def test_pipes_and_folders_in_place_of_files(folder: Path) -> None:
    os.mkfifo(folder / "sentence_bert_config.json")
    (folder / SETTINGS).mkdir()
    assert embed(folder).shape == (4, 32)  # neither is a file that says something
    (folder / "1_Pooling/config.json").unlink()
    os.mkfifo(folder / "1_Pooling/config.json")
    assert refusal(folder) == f"{folder / '1_Pooling/config.json'}: not a file"
    (folder / "modules.json").unlink()
    (folder / "modules.json").mkdir()
    assert read_sentence_folder(folder) is None
