"""Folders that we write, Transformers reads without a missing or unexpected key, and the other way round."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from conftest import Maker, random_weights, small_config  # noqa: E402
from distilbert import CheckpointError, HubError  # noqa: E402
from distilbert.convert import quantize  # noqa: E402
from distilbert.folder.checkpoint import Head, open_checkpoint, save_checkpoint  # noqa: E402
from distilbert.nn import (  # noqa: E402
    DistilBertForMaskedLM,
    DistilBertForQuestionAnswering,
    DistilBertForSequenceClassification,
    DistilBertForTokenClassification,
    DistilBertModel,
    DistilBertModelClassifier,
    DistilBertModelMaskedLM,
)
from distilbert.nn.heads import MODELS  # noqa: E402
from helpers.peers import close, inputs, load_theirs, logits_of  # noqa: E402


def fresh(head: Head, **changes: Any) -> Any:
    torch.manual_seed(0)
    model = MODELS[head](small_config(head, **changes)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)  # biases and norms too
    return model


def same_weights(ours: Any, theirs: Any) -> None:
    a, b = ours.state_dict(), theirs.state_dict()
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("head", Head)
def test_transformers_loads_what_we_save(tmp_path: Path, head: Head) -> None:
    ours = fresh(head)
    ours.save_pretrained(tmp_path / "model")
    theirs = load_theirs(tmp_path / "model", head)
    same_weights(ours, theirs)
    ids, _ = inputs(head)
    with torch.no_grad():
        close(logits_of(ours(ids)), logits_of(theirs(ids)))
    same_weights(MODELS[head].from_pretrained(tmp_path / "model"), ours)


@pytest.mark.parametrize("head", Head)
def test_we_load_what_transformers_saves(tmp_path: Path, head: Head) -> None:
    config = transformers.DistilBertConfig(
        vocab_size=500, dim=32, n_layers=2, n_heads=4, hidden_dim=64, max_position_embeddings=64, problem_type=None
    )
    torch.manual_seed(0)
    theirs = getattr(transformers, head.value)(config).eval()
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    theirs.save_pretrained(tmp_path / "theirs", max_shard_size="50KB")  # in several files
    ours = MODELS[head].from_pretrained(tmp_path / "theirs").eval()
    same_weights(ours, theirs)
    ids = inputs(head)[0] % 500
    with torch.no_grad():
        close(logits_of(ours(ids)), logits_of(theirs(ids)))


@pytest.mark.parametrize("head", Head)
def test_names_are_those_of_transformers(head: Head) -> None:
    theirs = getattr(transformers, head.value)(transformers.DistilBertConfig.from_dict(small_config(head).to_dict()))
    ours = MODELS[head](small_config(head))
    assert {n: p.shape for n, p in ours.state_dict().items()} == {n: p.shape for n, p in theirs.state_dict().items()}
    assert dict(ours.named_buffers()) == {}
    assert {n for n, _ in ours.named_parameters()} == {n for n, _ in theirs.named_parameters()}


def test_the_encoder_loads_from_under_any_head(make_checkpoint: Maker) -> None:
    folder = make_checkpoint(Head.TOKEN_CLASSIFICATION)
    encoder, whole = DistilBertModel.from_pretrained(folder), DistilBertForTokenClassification.from_pretrained(folder)
    same_weights(encoder, whole.distilbert)


def test_a_new_head_is_asked_for_by_name(make_checkpoint: Maker) -> None:
    folder = make_checkpoint(Head.MASKED_LM)
    with pytest.raises(CheckpointError, match=r"is a DistilBertForMaskedLM, not a DistilBertForSeq.*new_head=True"):
        DistilBertForSequenceClassification.from_pretrained(folder)
    config = dataclasses.replace(open_checkpoint(folder).config, labels=("bad", "good", "fair"), dropout=0.3)
    model = DistilBertForSequenceClassification.from_pretrained(folder, config=config, new_head=True)
    assert model.classifier.out_features == 3
    assert model.distilbert.embeddings.dropout.p == 0.3
    same_weights(model.distilbert, DistilBertModel.from_pretrained(folder))
    model.save_pretrained(folder.parent / "new")
    assert open_checkpoint(folder.parent / "new").config.labels == ("bad", "good", "fair")
    assert open_checkpoint(folder.parent / "new").head is Head.SEQUENCE_CLASSIFICATION


def test_a_config_that_does_not_fit_the_weights_is_an_error(make_checkpoint: Maker) -> None:
    folder = make_checkpoint()
    config = dataclasses.replace(open_checkpoint(folder).config, labels=("a", "b", "c"))
    with pytest.raises(
        CheckpointError, match=r"classifier.weight has shape \[2, 32\], but the config asks for \[3, 32\]"
    ):
        DistilBertForSequenceClassification.from_pretrained(folder, config=config)


def test_folders_of_other_formats_name_the_way_out(make_checkpoint: Maker) -> None:
    folder = make_checkpoint()
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="distilbert convert"):
        DistilBertModel.from_pretrained(folder)
    with pytest.raises(HubError, match="no such folder"):
        DistilBertModel.from_pretrained("./nowhere")


@pytest.mark.parametrize("untied", [True, False])
def test_a_projector_of_its_own_wins(tmp_path: Path, untied: bool) -> None:
    config = small_config(Head.MASKED_LM, tie_word_embeddings=not untied)
    weights = random_weights(config, Head.MASKED_LM)
    save_checkpoint(tmp_path / "own", config, weights)
    model = DistilBertForMaskedLM.from_pretrained(tmp_path / "own")
    np.testing.assert_array_equal(model.vocab_projector.weight.detach(), weights["vocab_projector.weight"])
    assert not model.config.tie_word_embeddings  # so that Transformers, too, keeps it
    model.save_pretrained(tmp_path / "again")
    same_weights(model, load_theirs(tmp_path / "again", Head.MASKED_LM))


def test_a_projector_that_is_a_copy_of_the_embeddings_is_tied(tmp_path: Path) -> None:
    config = small_config(Head.MASKED_LM)
    weights = random_weights(config, Head.MASKED_LM)
    weights["vocab_projector.weight"] = weights["distilbert.embeddings.word_embeddings.weight"]
    save_checkpoint(tmp_path / "copy", config, weights)
    model = DistilBertForMaskedLM.from_pretrained(tmp_path / "copy")
    assert model.vocab_projector.weight is model.distilbert.embeddings.word_embeddings.weight
    model.to(torch.float64)
    assert model.vocab_projector.weight is model.distilbert.embeddings.word_embeddings.weight


def test_half_precision_is_saved_as_float32(tmp_path: Path) -> None:
    ours = fresh(Head.SEQUENCE_CLASSIFICATION, dtype="bfloat16").to(torch.bfloat16)
    ours.save_pretrained(tmp_path / "model")
    assert "dtype" not in json.loads((tmp_path / "model" / "config.json").read_text())
    again = DistilBertForSequenceClassification.from_pretrained(tmp_path / "model")
    same_weights(again.to(torch.bfloat16), ours)


def test_saving_is_whole_or_not_at_all(make_checkpoint: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_checkpoint()
    model = DistilBertForSequenceClassification.from_pretrained(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    torch.nn.init.zeros_(model.classifier.weight)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("distilbert.folder.checkpoint.save_file", full)
    with pytest.raises((OSError, CheckpointError), match="No space left"):
        model.save_pretrained(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_int8_weights_are_read_as_what_they_stand_for(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str]
) -> None:
    folder = make_checkpoint()
    quantize(folder, tmp_path / "int8", data=sentences[:2])
    ours, floats = (DistilBertForSequenceClassification.from_pretrained(each) for each in (tmp_path / "int8", folder))
    gaps = {
        name: float((weight - other).abs().max() / other.abs().max().clip(1e-9))
        for (name, weight), other in zip(ours.state_dict().items(), floats.state_dict().values(), strict=True)
    }
    assert max(gaps.values()) < 1 / 100  # half a step of 127, and smoothed columns
    assert gaps["distilbert.embeddings.word_embeddings.weight"] > 0
    ours.save_pretrained(tmp_path / "again")
    assert "quantization_config" not in json.loads((tmp_path / "again" / "config.json").read_text())


def test_a_loaded_model_does_not_hold_its_file(make_checkpoint: Maker) -> None:
    folder = make_checkpoint()
    model = DistilBertForSequenceClassification.from_pretrained(folder)
    stored = (folder / "model.safetensors").read_bytes()
    with torch.no_grad():
        model.classifier.weight.add_(1.0)
    assert (folder / "model.safetensors").read_bytes() == stored


def test_subclasses_load_and_keep_what_they_add(make_checkpoint: Maker) -> None:
    class Scaled(DistilBertForSequenceClassification):
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.scale = torch.nn.Parameter(torch.tensor(2.0))

        def score(self, x: Any) -> Any:
            return self.scale * super().score(x)

    folder = make_checkpoint()
    model, plain = Scaled.from_pretrained(folder), DistilBertForSequenceClassification.from_pretrained(folder)
    ids, mask = inputs()
    with torch.no_grad():
        close(model.eval()(ids, mask).logits, 2 * plain.eval()(ids, mask).logits)
    with pytest.raises(CheckpointError, match="cannot save scale"):
        model.save_pretrained(folder)


def test_the_names_of_the_rust_module_are_aliases() -> None:
    assert DistilBertModelMaskedLM is DistilBertForMaskedLM
    assert DistilBertModelClassifier is DistilBertForSequenceClassification


def test_a_question_answerer_on_another_heads_labels_is_one_to_transformers_too(make_checkpoint: Maker) -> None:
    folder = make_checkpoint(Head.TOKEN_CLASSIFICATION, num_labels=5)
    model = DistilBertForQuestionAnswering.from_pretrained(folder, new_head=True)
    model.save_pretrained(folder.parent / "qa")
    same_weights(model, load_theirs(folder.parent / "qa", Head.QUESTION_ANSWERING))
