"""Sentence-transformers folders that cannot be right: refused with the file, the key and the reason."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

import distilbert
from distilbert import CheckpointError, ConfigError, DistilBertError
from distilbert.folder.layout import WEIGHTS
from distilbert.folder.sentence import read_sentence_folder
from helpers.json_files import write
from helpers.sentence_folders import OLD, compose, embed


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


def test_a_folder_called_otherwise_but_for_capital_letters(folder: Path) -> None:
    compose(folder, {"": "Transformer", "1_pooling": "Pooling"})
    assert "1_pooling/config.json: no such file (there is 1_Pooling: call it 1_pooling)" in refusal(folder)


def test_the_name_of_a_prompt_where_there_are_none(folder: Path) -> None:
    write(folder / SETTINGS, {"default_prompt_name": "find"})
    assert "default_prompt_name must be null, as there is none to choose, not 'find'" in refusal(folder)


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
    with pytest.raises(CheckpointError, match=r"2_Dense: no model\.safetensors; bring it along"):
        distilbert.load(dense)
    (dense / "2_Dense/pytorch_model.bin").touch()
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


WRONG += [("1_Pooling/config.json", "include_prompt", value) for value in ("false", 0, [])]
WRONG += [(BERT_SETTINGS, "max_seq_length", value) for value in (0, -1, 1.5, "128", True, [])]
WRONG += [(BERT_SETTINGS, "do_lower_case", value) for value in ("false", 1)]
WRONG += [(SETTINGS, "prompts", value) for value in (["a"], "a", {"a": 5}, {"a": ["b"]}, 5)]
WRONG += [(SETTINGS, "default_prompt_name", value) for value in ("other", [], {}, 5, "x" * 5000)]
WRONG += [(SETTINGS, "similarity_fn_name", value) for value in ("sine", [], 5, {"a": "b"})]
WRONG += [(SETTINGS, "truncate_dim", value) for value in (0, -1, 2.5, "3", [])]
