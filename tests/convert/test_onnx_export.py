"""The exported file: the engine's numbers, in any runtime, under Optimum's names."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import distilbert
from conftest import Maker, random_weights
from distilbert import Activation, CheckpointError, DistilBertConfig, InputError
from distilbert.batch import Batch
from distilbert.convert import convert, export_onnx
from distilbert.engine.onnx import OnnxEngine
from distilbert.folder.checkpoint import Head, open_checkpoint, save_checkpoint

OUTPUTS = {
    Head.NONE: ["last_hidden_state"],
    Head.MASKED_LM: ["logits"],
    Head.SEQUENCE_CLASSIFICATION: ["logits"],
    Head.TOKEN_CLASSIFICATION: ["logits"],
    Head.QUESTION_ANSWERING: ["start_logits", "end_logits"],
    Head.MULTIPLE_CHOICE: ["logits"],
}
# the graph is what is looked at here: most folders are without a tokenizer, which is told
pytestmark = pytest.mark.filterwarnings("ignore:.*there is no tokenizer:distilbert.TokenizerWarning")

TEXTS = [[2, 5, 9, 3], [2, 7, 3], [2, 11, 12, 13, 14, 15, 3], [2, 3]]


def small(folder: Path, head: Head, **changes: object) -> Path:
    values = {"vocab_size": 40, "max_position_embeddings": 12, "dim": 24, "n_layers": 2, "n_heads": 3, "hidden_dim": 32}
    config = DistilBertConfig.from_dict(values | {"num_labels": 4, "architectures": [head.value]} | changes)
    save_checkpoint(folder, config, random_weights(config, head))
    return folder


def padded(texts: list[list[int]]) -> dict[str, np.ndarray]:
    """ids and mask [B, T]; the padding is a token of its own, so that a wrong mask would show."""
    longest = max(map(len, texts))
    ids = np.array([text + [33] * (longest - len(text)) for text in texts])
    return {"input_ids": ids, "attention_mask": (np.arange(longest) < [[len(text)] for text in texts]).astype(np.int64)}


def run(path: Path, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, feeds)))


def by_the_engine(folder: Path, texts: list[list[int]]) -> list[np.ndarray]:
    """Each text's rows [T_i, …], by the packed graph."""
    checkpoint = open_checkpoint(folder)
    engine = OnnxEngine(checkpoint, checkpoint.head, all_rows=True, threads=1)
    rows = engine.run(Batch.pack([np.array(text) for text in texts]))
    return np.split(rows, np.cumsum([len(text) for text in texts])[:-1])


@pytest.mark.parametrize("head", list(Head))
def test_equals_the_engine(head: Head, tmp_path: Path) -> None:
    folder = small(tmp_path / "source", head)
    path = export_onnx(folder, tmp_path / "out")
    assert path == tmp_path / "out" / "model.onnx"
    feeds = padded(TEXTS)
    if head is Head.MULTIPLE_CHOICE:  # two questions of two choices each
        feeds = {name: array.reshape(2, 2, -1) for name, array in feeds.items()}
    found = run(path, feeds)
    assert list(found) == OUTPUTS[head]
    for index, expected in enumerate(by_the_engine(folder, TEXTS)):
        assert np.ptp(expected) > 0.1
        if head is Head.MULTIPLE_CHOICE:
            ours: np.ndarray = found["logits"].reshape(-1)[index : index + 1]
            expected = expected[0]
        elif head is Head.SEQUENCE_CLASSIFICATION:
            ours, expected = found["logits"][index], expected[0]
        elif head is Head.QUESTION_ANSWERING:
            ours = np.stack([found[name][index, : len(expected)] for name in OUTPUTS[head]], -1)
        else:
            ours = found[OUTPUTS[head][0]][index, : len(expected)]
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("activation", [member.value for member in Activation])
def test_every_activation(activation: str, tmp_path: Path) -> None:
    folder = small(tmp_path / "source", Head.MASKED_LM, activation=activation)
    found = run(export_onnx(folder, tmp_path / "out"), padded(TEXTS))["logits"]
    for index, expected in enumerate(by_the_engine(folder, TEXTS)):
        np.testing.assert_allclose(found[index, : len(expected)], expected, rtol=0, atol=1e-5 * np.ptp(expected))


def test_a_text_alone_and_beside_others(tmp_path: Path) -> None:
    path = export_onnx(small(tmp_path / "source", Head.SEQUENCE_CLASSIFICATION), tmp_path / "out")
    together = run(path, padded(TEXTS))["logits"]
    for index, text in enumerate(TEXTS):
        np.testing.assert_allclose(run(path, padded([text]))["logits"][0], together[index], rtol=0, atol=1e-6)


def test_all_padding_gives_numbers(tmp_path: Path) -> None:
    path = export_onnx(small(tmp_path / "source", Head.NONE), tmp_path / "out")
    feeds = {"input_ids": np.ones((1, 3), np.int64), "attention_mask": np.zeros((1, 3), np.int64)}
    assert np.isfinite(run(path, feeds)["last_hidden_state"]).all()


@pytest.mark.parametrize("head", list(Head))
def test_standard_and_described(head: Head, tmp_path: Path) -> None:
    """The checker's strictest pass, no operator beyond the standard's, and shapes that say what is free."""
    path = export_onnx(small(tmp_path / "source", head), tmp_path / "out")
    onnx.checker.check_model(str(path), full_check=True)
    model = onnx.load(str(path))
    assert {node.domain for node in model.graph.node} == {""}
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]
    choices = ["num_choices"] if head is Head.MULTIPLE_CHOICE else []
    assert shapes(model.graph.input) == {
        name: ["batch_size", *choices, "sequence_length"] for name in ("input_ids", "attention_mask")
    }
    assert (
        shapes(model.graph.output)
        == {
            Head.NONE: {"last_hidden_state": ["batch_size", "sequence_length", 24]},
            Head.MASKED_LM: {"logits": ["batch_size", "sequence_length", 40]},
            Head.SEQUENCE_CLASSIFICATION: {"logits": ["batch_size", 4]},
            Head.TOKEN_CLASSIFICATION: {"logits": ["batch_size", "sequence_length", 4]},
            Head.QUESTION_ANSWERING: {
                "start_logits": ["batch_size", "sequence_length"],
                "end_logits": ["batch_size", "sequence_length"],
            },
            Head.MULTIPLE_CHOICE: {"logits": ["batch_size", "num_choices"]},
        }[head]
    )


def shapes(values: list[onnx.ValueInfoProto]) -> dict[str, list[str | int]]:
    return {
        value.name: [extent.dim_param or extent.dim_value for extent in value.type.tensor_type.shape.dim]
        for value in values
    }


def test_onnx_own_reference_agrees(tmp_path: Path) -> None:
    """Another implementation of the standard, in NumPy."""
    reference = pytest.importorskip("onnx.reference")
    path = export_onnx(small(tmp_path / "source", Head.TOKEN_CLASSIFICATION), tmp_path / "out")
    (theirs,) = reference.ReferenceEvaluator(str(path)).run(None, padded(TEXTS))
    np.testing.assert_allclose(run(path, padded(TEXTS))["logits"], theirs, rtol=0, atol=1e-5)


def test_projector_of_its_own(tmp_path: Path) -> None:
    folder = small(tmp_path / "source", Head.MASKED_LM, tie_word_embeddings=False)
    found = run(export_onnx(folder, tmp_path / "out"), padded(TEXTS))["logits"]
    np.testing.assert_allclose(found[0, :4], by_the_engine(folder, TEXTS)[0], rtol=0, atol=1e-5)


def test_half_precision_weights_are_computed_in_float32(tmp_path: Path) -> None:
    folder = small(tmp_path / "source", Head.NONE)
    convert(folder, tmp_path / "half", dtype="float16")
    found = run(export_onnx(tmp_path / "half", tmp_path / "out"), padded(TEXTS))["last_hidden_state"]
    np.testing.assert_allclose(found[0, :4], by_the_engine(tmp_path / "half", TEXTS)[0], rtol=0, atol=1e-5)


def test_layout(make_checkpoint: Maker, tmp_path: Path) -> None:
    source = make_checkpoint(Head.SEQUENCE_CLASSIFICATION)
    before = {path.name: path.read_bytes() for path in source.iterdir()}
    export_onnx(source, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "config.json",
        "model.onnx",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.txt",
    ]
    assert DistilBertConfig.from_file(tmp_path / "out").architectures == ("DistilBertForSequenceClassification",)
    assert {path.name: path.read_bytes() for path in source.iterdir()} == before


def test_layout_of_transformers_js(make_checkpoint: Maker, tmp_path: Path) -> None:
    folder = make_checkpoint(Head.NONE)
    assert export_onnx(folder, tmp_path / "js", layout="transformers.js") == tmp_path / "js" / "onnx" / "model.onnx"
    export_onnx(folder, tmp_path / "optimum")
    exports = [tmp_path / "js" / "onnx" / "model.onnx", tmp_path / "optimum" / "model.onnx"]
    assert exports[0].read_bytes() == exports[1].read_bytes()
    assert (tmp_path / "js" / "config.json").read_bytes() == (tmp_path / "optimum" / "config.json").read_bytes()
    with pytest.raises(InputError, match="layout must be one of optimum"):
        export_onnx(folder, tmp_path / "other", layout="tfjs")  # type: ignore[arg-type]
    assert not (tmp_path / "other").exists()


def test_refused(make_checkpoint: Maker, tmp_path: Path) -> None:
    source = make_checkpoint()
    with pytest.raises(InputError, match="lies in the source"):
        export_onnx(source, source / "onnx")
    values = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps(values | {"dim": 64}))
    with pytest.raises(CheckpointError, match="has shape"):
        export_onnx(source, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_int8_folder_is_refused(make_checkpoint: Maker, tmp_path: Path) -> None:
    from distilbert.convert import quantize

    quantize(make_checkpoint(), tmp_path / "int8")
    with pytest.raises(CheckpointError, match="holds int8 weights, which cannot be turned back; take the float model"):
        export_onnx(tmp_path / "int8", tmp_path / "out")


def test_real_text(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    source = make_checkpoint(Head.SEQUENCE_CLASSIFICATION)
    classifier = distilbert.load(source)
    ids = [encoding.ids.tolist() for encoding in classifier.tokenizer.encode_batch(sentences[:20])]
    found = run(export_onnx(source, tmp_path / "out"), padded(ids))["logits"]
    np.testing.assert_allclose(found, classifier.logits(sentences[:20]), rtol=0, atol=1e-5)
