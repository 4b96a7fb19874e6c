"""Weights by every name that published files have; one missing, one more, or one of another shape is an error."""

import json

import numpy as np
import pytest

from distilbert import CheckpointError
from distilbert.folder.checkpoint import Head, open_checkpoint
from distilbert.folder.layout import WEIGHTS
from distilbert.folder.weight_names import PREFIX
from helpers.tiny_folders import HEADS, MakeTiny, check_equal, tiny, write, write_weights


@pytest.mark.parametrize("head", HEADS)
def test_base_weights_without_their_prefix(head: Head, make_tiny: MakeTiny) -> None:
    folder, config, weights = make_tiny(head)
    write_weights(folder, config, {name.removeprefix(PREFIX): array for name, array in weights.items()})
    check_equal(folder, weights, head)


def test_old_names_of_layer_norms(make_tiny: MakeTiny) -> None:
    folder, config, weights = make_tiny()
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): array
        for name, array in weights.items()
    }
    assert old.keys() != weights.keys()
    write_weights(folder, config, old)
    check_equal(folder, weights, Head.QUESTION_ANSWERING)


def test_an_old_name_beside_the_new_one(make_tiny: MakeTiny) -> None:
    folder, config, weights = make_tiny()
    write_weights(folder, config, weights | {f"{PREFIX}embeddings.LayerNorm.gamma": np.ones(4, np.float32)})
    with pytest.raises(CheckpointError, match="a weight under its old and its new name"):
        open_checkpoint(folder)


def test_heads_that_were_pruned(make_tiny: MakeTiny) -> None:
    folder, _, weights = make_tiny()
    query = f"{PREFIX}transformer.layer.0.attention.q_lin.weight"
    write_weights(folder, tiny(Head.QUESTION_ANSWERING, pruned_heads={"0": [1]}), weights | {query: weights[query][:2]})
    with pytest.raises(CheckpointError, match=r"asks for \[4, 4\]; its heads were pruned, which is not supported"):
        open_checkpoint(folder)


@pytest.mark.parametrize("prefix", [PREFIX, ""])
def test_the_buffer_of_old_versions_is_no_weight(prefix: str, make_tiny: MakeTiny) -> None:
    folder, _, weights = make_tiny()
    tensors = {prefix + name.removeprefix(PREFIX) if name.startswith(PREFIX) else name: array
               for name, array in weights.items()}  # fmt: skip
    buffer = {f"{prefix}embeddings.position_ids": ("I64", (1, 7), bytes(56))}
    write(folder / WEIGHTS, buffer | {name: ("F32", a.shape, a.tobytes()) for name, a in tensors.items()})
    check_equal(folder, weights, Head.QUESTION_ANSWERING)


@pytest.mark.parametrize("head", HEADS)
def test_each_missing_weight_is_named(head: Head, make_tiny: MakeTiny) -> None:
    folder, config, weights = make_tiny(head, tie_word_embeddings=False)
    for name in weights:
        write_weights(folder, config, {key: array for key, array in weights.items() if key != name})
        with pytest.raises(CheckpointError, match=f"lack .*{name.split('.')[0]}") as caught:
            open_checkpoint(folder)
        # without a single weight of its part, the part itself is named
        assert name in str(caught.value) or f"says {head.value}" in str(caught.value)
        assert str(caught.value).startswith(f"{folder}: ")


@pytest.mark.parametrize(
    "name",
    [f"{PREFIX}embeddings.{name}" for name in ("token_type_embeddings.weight", "", "x\ny", "x" * 10_000, "\u202e")],
)
def test_an_unexpected_weight_is_named_on_one_line(name: str, make_tiny: MakeTiny) -> None:
    folder, config, weights = make_tiny()
    write_weights(folder, config, weights | {name: np.zeros(1, np.float32)})
    with pytest.raises(CheckpointError, match=r"weights hold .*, which a DistilBertForQuestionAnswering") as caught:
        open_checkpoint(folder)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < len(str(folder)) + 300


def test_a_layer_more_or_less_than_the_config_says(make_tiny: MakeTiny) -> None:
    folder, _, weights = make_tiny()
    write_weights(folder, tiny(Head.QUESTION_ANSWERING, n_layers=1), weights)
    with pytest.raises(CheckpointError, match=r"hold distilbert\.transformer\.layer\.1\..* and 13 more"):
        open_checkpoint(folder)
    write_weights(folder, tiny(Head.QUESTION_ANSWERING, n_layers=1024), weights)
    with pytest.raises(CheckpointError, match=r"lack distilbert\.transformer\.layer\.2\.attention\.q_lin\.weight, "):
        open_checkpoint(folder)


@pytest.mark.parametrize("head", HEADS)
def test_each_wrong_shape_is_named(head: Head, make_tiny: MakeTiny) -> None:
    folder, config, weights = make_tiny(head)
    for name, array in weights.items():
        wrong = (
            array[..., np.newaxis] if array.ndim == 1 else array.T if array.shape[0] != array.shape[1] else array[:2]
        )
        write_weights(folder, config, weights | {name: np.ascontiguousarray(wrong)})
        with pytest.raises(CheckpointError, match=rf"{name} has shape \[.*\], but config\.json asks for \[") as caught:
            open_checkpoint(folder)
        assert str(list(array.shape)) in str(caught.value)
        assert str(list(wrong.shape)) in str(caught.value)


def test_huge_sizes_in_the_config_take_no_memory(make_tiny: MakeTiny) -> None:
    folder, config, _ = make_tiny()
    most = 2**31 - 1
    for key in ("vocab_size", "max_position_embeddings", "dim", "hidden_dim"):
        values = config.to_dict() | {key: most}
        (folder / "config.json").write_text(json.dumps(values | {"n_heads": 1}))
        with pytest.raises(CheckpointError, match=f"has shape .* asks for .*{most}"):
            open_checkpoint(folder)
