"""Weights that no answer depends on are left unread; one prefix of all names is taken off; the rest is an error."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

import distilbert
from conftest import Maker
from distilbert import CheckpointError, CheckpointWarning
from distilbert.convert import convert
from distilbert.folder.checkpoint import Head, open_checkpoint
from distilbert.folder.layout import CONFIG
from helpers.weight_files import edit_weights

TEXT = "a film ."
Arrays = dict[str, np.ndarray]


@pytest.mark.parametrize(
    "name",
    [
        "loss_fct.weight",
        "criterion.weight",
        "loss.pos_weight",
        "class_weights",
        "log_vars",
        "pooler.dense.weight",
        "distilbert.pooler.dense.weight",
        "lm_head.weight",
        "metrics.accuracy.total",
        "distilbert.embeddings.position_ids",
        "distilbert.embeddings.norm.num_batches_tracked",
        "optimizer.state.0.exp_avg",
        "",
        "x\ny",
    ],
)
def test_what_no_answer_depends_on_is_left_unread(name: str, make_checkpoint: Maker, tmp_path: Path) -> None:
    folder = make_checkpoint()
    wanted = distilbert.load(folder).logits([TEXT])
    edit_weights(folder, lambda arrays: arrays | {name: np.ones(2, np.float32)})
    np.testing.assert_array_equal(distilbert.load(folder).logits([TEXT]), wanted)
    assert open_checkpoint(folder).unread == (name,)
    report = convert(folder, tmp_path / "out")
    assert [left.source for left in report.left_out] == [name]
    np.testing.assert_array_equal(distilbert.load(tmp_path / "out").logits([TEXT]), wanted)


@pytest.mark.parametrize("name", ["loss_fct.weight", "encoder_loss.weight"])
def test_the_same_beside_a_bare_encoder(name: str, make_checkpoint: Maker) -> None:
    folder = make_checkpoint(Head.NONE)
    wanted = distilbert.load(folder)(TEXT)
    edit_weights(folder, lambda arrays: arrays | {name: np.ones(2, np.float32)})
    np.testing.assert_array_equal(distilbert.load(folder)(TEXT), wanted)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("distilbert.embeddings.token_type_embeddings.weight", "distilbert.embeddings.word_embeddings.weight"),
        ("distilbert.transformer.layer.2.attention.q_lin.weight", "distilbert.transformer.layer.1.attention.q_lin"),
        ("distilbert.transformer.layer.0.adapter.down.weight", "distilbert.transformer.layer.0"),
        ("crf.transitions", ""),
        ("prompt_encoder.embedding.weight", ""),
    ],
)
def test_another_architecture_is_an_error_that_names_the_nearest_name(
    name: str, near: str, make_checkpoint: Maker
) -> None:
    folder = edit_weights(make_checkpoint(), lambda arrays: arrays | {name: np.ones(2, np.float32)})
    with pytest.raises(CheckpointError, match=rf"weights hold {name}, which a DistilBertForSeq.* of this config") as e:
        open_checkpoint(folder)
    assert not near or f"(the nearest name is {near}" in str(e.value)


def test_a_missing_weight_names_the_nearest_that_is_there(make_checkpoint: Maker) -> None:
    def rename(arrays: Arrays) -> Arrays:
        return {name.replace("layer.1.attention.q_lin", "layer.1.attention.query"): a for name, a in arrays.items()}

    folder = edit_weights(make_checkpoint(), rename)
    with pytest.raises(
        CheckpointError,
        match=r"lack .*layer\.1\.attention\.q_lin\.\w+, .*nearest name is .*layer\.1\.attention\.query\.",
    ):
        open_checkpoint(folder)


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "model.", "module._orig_mod.", "distilbert.", "net.backbone.", "student."]
)
@pytest.mark.parametrize("head", [Head.SEQUENCE_CLASSIFICATION, Head.MASKED_LM, Head.NONE])
def test_a_prefix_of_all_names_is_taken_off_and_told(
    prefix: str, head: Head, make_checkpoint: Maker, tmp_path: Path
) -> None:
    folder = make_checkpoint(head)
    wanted = [tensor.read() for tensor in open_checkpoint(folder).tensors.values()]
    edit_weights(folder, lambda arrays: {prefix + name: array for name, array in arrays.items()})
    if (prefix, head) == ("distilbert.", Head.NONE):  # as any model with a head names them
        with warnings.catch_warnings(action="error"):
            found = open_checkpoint(folder)
    else:
        with pytest.warns(CheckpointWarning, match=rf"all weights begin with '{prefix}', which was taken off") as told:
            found = open_checkpoint(folder)
        assert len(told) == 1
    for one, other in zip(found.tensors.values(), wanted, strict=True):
        np.testing.assert_array_equal(one.read(), other)
    report = convert(folder, tmp_path / "out")
    assert not report.left_out
    assert any("taken off" in note for note in report.notes) is ((prefix, head) != ("distilbert.", Head.NONE))
    with warnings.catch_warnings(action="error"):
        open_checkpoint(tmp_path / "out")


def test_leftovers_beside_names_with_a_prefix(make_checkpoint: Maker) -> None:
    """Lightning keeps the model under `model.` and metrics and losses beside it."""
    folder = edit_weights(
        make_checkpoint(),
        lambda arrays: {f"model.{name}": a for name, a in arrays.items()} | {"loss.weight": np.ones(2, np.float32)},
    )
    with pytest.warns(CheckpointWarning):
        assert open_checkpoint(folder).unread == ("loss.weight",)


def test_an_encoder_within_a_class_of_its_own_has_no_common_prefix(make_checkpoint: Maker) -> None:
    """Its head may be anything: it must not be taken for ours."""
    folder = edit_weights(
        make_checkpoint(),
        lambda arrays: {name.replace("distilbert.", "encoder."): array for name, array in arrays.items()},
    )
    with pytest.raises(CheckpointError, match=r"weights lack .*the nearest name is encoder\."):
        open_checkpoint(folder)


def test_a_head_under_other_names_is_told(make_checkpoint: Maker) -> None:
    folder = edit_weights(
        make_checkpoint(),
        lambda arrays: {name.replace("classifier.", "score."): array for name, array in arrays.items()},
    )
    with pytest.raises(CheckpointError, match=r"lack classifier, pre_classifier; beside the encoder they hold .*score"):
        open_checkpoint(folder)


@pytest.mark.parametrize("kind", ["distilbert", "bert"])
def test_a_folder_of_stanfords_colbert_is_refused(make_checkpoint: Maker, tmp_path: Path, kind: str) -> None:
    projection = {"linear.weight": np.ones((8, 32), np.float32)}
    folder = edit_weights(make_checkpoint(Head.NONE), lambda arrays: arrays | projection)
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(config | {"model_type": kind}))
    with pytest.raises(CheckpointError, match=r"linear.weight beside an encoder, as Stanford's ColBERT.*PyLate"):
        convert(folder, tmp_path / "out")
    if kind == "distilbert":
        with pytest.raises(CheckpointError, match="Stanford's ColBERT"):
            distilbert.load(folder)
