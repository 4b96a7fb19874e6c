"""The same program with the peer and with `distilbert.compat`: equal but for the import, outputs to 1e-5."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compat.snippets import FASTEMBED, SENTENCE_TRANSFORMERS, TRANSFORMERS
from conftest import Maker
from distilbert import BertTokenizer
from distilbert.folder.checkpoint import Head

Folders = Callable[[str], Path]
INFERENCE = {"0": "contradiction", "1": "neutral", "2": "entailment"}
TAGS = {"0": "O", "1": "B-PER", "2": "I-PER", "3": "B-LOC", "4": "I-LOC"}


@pytest.fixture
def folder_of(make_checkpoint: Maker) -> Folders:
    """Small models, one of a kind."""

    def make(kind: str) -> Path:
        if kind == "sequence":
            return make_checkpoint(id2label={"0": "bad", "1": "fair", "2": "good"})
        if kind == "tokens":
            return make_checkpoint(Head.TOKEN_CLASSIFICATION, id2label=TAGS)
        if kind == "mask":
            return make_checkpoint(Head.MASKED_LM)
        if kind == "inference":
            return make_checkpoint(id2label=INFERENCE)
        if kind == "ranker":
            return make_checkpoint(num_labels=1)
        folder = make_checkpoint(Head.NONE)
        return folder if kind == "plain" else make_sentence_folder(folder)

    return make


def make_sentence_folder(folder: Path) -> Path:
    package = "sentence_transformers.models"
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": f"{package}.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{package}.Pooling"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
    (folder / "1_Pooling/config.json").write_text(json.dumps(pooling))
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 64, "do_lower_case": false}')
    prompts = {"prompts": {"query": "query: ", "document": "text: "}, "similarity_fn_name": "cosine"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    return folder


def run(program: str, package: str, names: str, **variables: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(f"from {package} import {names}\n{program}", variables)
    return variables["result"]


def assert_alike(ours: Any, theirs: Any) -> None:
    """The same shape of lists and dictionaries, numbers to 1e-5."""
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs) or set(ours) == set(theirs)
        for key in theirs:
            assert_alike(ours[key], theirs[key])
    elif isinstance(theirs, list | tuple):
        assert isinstance(ours, list | tuple)
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_alike(one, other)
    elif isinstance(theirs, str) or theirs is None:
        assert ours == theirs
    else:
        one, other = np.asarray(ours), np.asarray(theirs)
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_transformers(folder_of: Folders, name: str) -> None:
    pytest.importorskip("transformers")
    kind, program = TRANSFORMERS[name]
    folder = str(folder_of(kind))
    theirs = run(program, "transformers", "pipeline", folder=folder)
    assert_alike(run(program, "distilbert.compat", "pipeline", folder=folder), theirs)


@pytest.mark.parametrize("name", SENTENCE_TRANSFORMERS)
def test_sentence_transformers(folder_of: Folders, name: str) -> None:
    pytest.importorskip("sentence_transformers")
    kind, program = SENTENCE_TRANSFORMERS[name]
    names = ", ".join(name for name in ("CrossEncoder", "SentenceTransformer", "util") if name in program)
    folder = str(folder_of(kind))
    theirs = run(program, "sentence_transformers", names, folder=folder)
    assert_alike(run(program, "distilbert.compat", names, folder=folder), theirs)


OPEN = 'model = TextEmbedding("owner/name", specific_model_path=folder)\n'


def test_fastembed_in_form(folder_of: Folders) -> None:
    """Each program runs, and its vectors are those of the embedder, of length 1."""
    folder = str(folder_of("plain"))
    for name, program in FASTEMBED.items():
        result = run(OPEN + program, "distilbert.compat", "TextEmbedding", folder=folder)
        if isinstance(result, list) and isinstance(result[0], np.ndarray):
            np.testing.assert_allclose(np.linalg.norm(result, axis=-1), 1, rtol=1e-5, err_msg=name)


@pytest.mark.slow
def test_fastembed(folder_of: Folders) -> None:
    fastembed = pytest.importorskip("fastembed", reason="fastembed is not installed")
    from fastembed.common.model_description import ModelSource, PoolingType

    from distilbert.convert import export_onnx

    folder = folder_of("plain")
    exported = folder.with_name("exported")
    export_onnx(folder, exported)
    BertTokenizer.from_folder(folder).save(exported / "tokenizer.json")
    (exported / "special_tokens_map.json").write_text('{"pad_token": "[PAD]", "unk_token": "[UNK]"}')
    about = {"model_max_length": 128, "pad_token": "[PAD]", "do_lower_case": True}
    (exported / "tokenizer_config.json").write_text(json.dumps(about))
    onnx = next(exported.rglob("*.onnx")).relative_to(exported)
    fastembed.TextEmbedding.add_custom_model(
        model="owner/name",
        pooling=PoolingType.MEAN,
        normalization=True,
        sources=ModelSource(hf="owner/name"),
        dim=32,
        model_file=str(onnx),
    )
    for program in FASTEMBED.values():
        theirs = run(OPEN + program, "fastembed", "TextEmbedding", folder=str(exported))
        ours = run(OPEN + program, "distilbert.compat", "TextEmbedding", folder=str(folder))
        assert_alike(ours, theirs)
