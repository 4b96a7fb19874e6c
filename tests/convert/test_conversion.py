"""What `convert` does around the weights: heads, layers, files brought along, places, the report."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import distilbert
from conftest import Maker, random_weights, small_config
from distilbert import CheckpointError, ConfigError, DistilBertConfig, Embedder, HubError, InputError
from distilbert.convert import convert, export_onnx, quantize
from distilbert.folder.checkpoint import Head, open_checkpoint, save_checkpoint


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file below a folder: when it was changed, and its bytes."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_layers(make_checkpoint: Maker, tmp_path: Path) -> None:
    source = make_checkpoint(Head.SEQUENCE_CLASSIFICATION, n_layers=4)
    report = convert(source, tmp_path / "out", layers=[0, 3])
    before, after = load_file(source / "model.safetensors"), load_file(tmp_path / "out" / "model.safetensors")
    assert DistilBertConfig.from_file(tmp_path / "out").n_layers == 2
    assert open_checkpoint(tmp_path / "out").head is Head.SEQUENCE_CLASSIFICATION
    for name, array in after.items():
        np.testing.assert_array_equal(array, before[name.replace("layer.1.", "layer.3.")])
    dropped = {weight.source: weight.reason for weight in report.left_out}
    assert len(dropped) == 2 * 16
    assert dropped["distilbert.transformer.layer.2.ffn.lin1.bias"] == "layer 2 was not chosen"
    assert report.notes == (
        "only layers 0, 3: a start for training, not the same model",
        "tokenizer.json is made of all that the tokenizer's files say",
    )


@pytest.mark.parametrize("layers", [[], [4], [-1], [1, 0], [0, 0], [0.0, 1.5], ["0"], [True, 2, 9]])
def test_layers_that_are_not_there(layers: list[int], make_checkpoint: Maker, tmp_path: Path) -> None:
    source = make_checkpoint(n_layers=4)
    with pytest.raises(InputError, match="layers must ascend within 0 to 3"):
        convert(source, tmp_path / "out", layers=layers)
    assert not (tmp_path / "out").exists()


def test_converted_folder_gives_the_same_answers(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    source = make_checkpoint(Head.SEQUENCE_CLASSIFICATION)
    convert(source, tmp_path / "there", to="ot")
    convert(tmp_path / "there", tmp_path / "back")
    before, after = distilbert.load(source), distilbert.load(tmp_path / "back")
    np.testing.assert_array_equal(before.logits(sentences[:20]), after.logits(sentences[:20]))


def test_one_file_with_its_config_beside_it(make_checkpoint: Maker, tmp_path: Path) -> None:
    source = make_checkpoint()
    convert(source, tmp_path / "bin", to="bin")
    (tmp_path / "bin" / "pytorch_model.bin").rename(tmp_path / "bin" / "epoch3.pt")
    with pytest.raises(CheckpointError, match=r"no weights under a name that is looked for; give epoch3\.pt"):
        convert(tmp_path / "bin", tmp_path / "out")
    report = convert(tmp_path / "bin" / "epoch3.pt", tmp_path / "out")
    assert report.source.endswith("epoch3.pt")
    assert (tmp_path / "out" / "vocab.txt").is_file()
    convert(tmp_path / "bin" / "epoch3.pt", tmp_path / "bin" / "beside")  # as `convert epoch3.pt beside` does


def test_head_of_another_task_is_left_out(tmp_path: Path) -> None:
    """As in the published base models: a masked-LM head, and a config that says what is wanted."""
    config = small_config(Head.MASKED_LM)
    weights = random_weights(config, Head.MASKED_LM)
    weights["distilbert.embeddings.position_ids"] = np.arange(128)[None]
    source = tmp_path / "source"
    source.mkdir()
    save_file(weights, source / "model.safetensors")
    (source / "config.json").write_text(json.dumps(config.to_dict() | {"architectures": ["DistilBertModel"]}))
    report = convert(source, tmp_path / "out")
    assert report.model == "DistilBertModel"
    reasons = {weight.source: weight.reason for weight in report.left_out}
    assert reasons["vocab_projector.weight"] == "belongs to the head of another task"
    assert reasons["distilbert.embeddings.position_ids"] == "a buffer, not a weight"
    assert len(reasons) == 7


def test_old_and_new_name_at_once(make_checkpoint: Maker, tmp_path: Path) -> None:
    source = make_checkpoint()
    weights = load_file(source / "model.safetensors")
    weights["distilbert.embeddings.LayerNorm.gamma"] = weights["distilbert.embeddings.LayerNorm.weight"].copy()
    save_file(weights, source / "model.safetensors")
    with pytest.raises(CheckpointError, match="gamma"):
        convert(source, tmp_path / "out")


@pytest.mark.parametrize(
    ("dtype", "expected"), [("float32", np.float32), ("float16", np.float16), ("bfloat16", np.float32)]
)
def test_dtype_is_told_to_transformers(dtype: str, expected: type, make_checkpoint: Maker, tmp_path: Path) -> None:
    source = make_checkpoint()
    values = json.loads((source / "config.json").read_text()) | {"torch_dtype": "float64", "dtype": "float64"}
    (source / "config.json").write_text(json.dumps(values))
    convert(source, tmp_path / "out", dtype=dtype)
    values = json.loads((tmp_path / "out" / "config.json").read_text())
    assert values["torch_dtype"] == values["dtype"] == dtype
    stored = {tensor.dtype for tensor in open_checkpoint(tmp_path / "out").tensors.values()}
    assert stored == {{"float32": "F32", "float16": "F16", "bfloat16": "BF16"}[dtype]}


# sentence-transformers folders ---------------------------------------------------------------------------


@pytest.mark.parametrize("inner", ["", "0_Transformer"])
@pytest.mark.parametrize("new_spelling", [False, True])
def test_sentence_transformers_folder(
    inner: str, new_spelling: bool, make_checkpoint: Maker, tmp_path: Path, sentences: list[str]
) -> None:
    """The modules come along, wherever the encoder lies; a Dense that is pickled becomes safetensors."""
    source = tmp_path / "source"
    source.mkdir()
    (source / inner).parent.mkdir(exist_ok=True)
    encoder = make_checkpoint(Head.NONE)
    if inner:
        encoder.rename(source / inner)
    else:
        source.rmdir()
        encoder.rename(source)
    kinds = {"Transformer": inner, "Pooling": "1_Pooling", "Dense": "2_Dense", "Normalize": "3_Normalize"}
    module = "sentence_transformers.sentence_transformer.modules" if new_spelling else "sentence_transformers.models"
    modules = [
        {"idx": index, "name": str(index), "path": path, "type": f"{module}.{kind}"}
        for index, (kind, path) in enumerate(kinds.items())
    ]
    (source / "modules.json").write_text(json.dumps(modules))
    (source / "config_sentence_transformers.json").write_text(json.dumps({"prompts": {"query": "find: "}}))
    (source / inner / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 100}))
    (source / "1_Pooling").mkdir()
    pooling = {"pooling_mode": "mean"} if new_spelling else {"pooling_mode_mean_tokens": True}
    (source / "1_Pooling" / "config.json").write_text(json.dumps(pooling | {"word_embedding_dimension": 32}))
    (source / "2_Dense").mkdir()
    dense = {"in_features": 32, "out_features": 8, "bias": True}
    (source / "2_Dense" / "config.json").write_text(json.dumps(dense))
    rng = np.random.default_rng(0)
    weights = {
        "linear.weight": rng.normal(0, 1, (8, 32)).astype(np.float32),
        "linear.bias": rng.normal(0, 1, 8).astype(np.float32),
    }
    save_file(weights, source / "2_Dense" / "model.safetensors")
    before = distilbert.load(source)
    assert isinstance(before, Embedder)
    vectors = before(sentences[:10], prompt_name="query")

    _pickle_dense(source / "2_Dense")
    state = snapshot(source)
    report = convert(source, tmp_path / "out")
    assert snapshot(source) == state
    assert "2_Dense/model.safetensors" in report.files
    after = distilbert.load(tmp_path / "out")
    assert isinstance(after, Embedder)
    assert after.model.max_length == 100
    np.testing.assert_array_equal(after(sentences[:10], prompt_name="query"), vectors)


def test_module_that_is_broken(make_checkpoint: Maker, tmp_path: Path) -> None:
    source = make_checkpoint(Head.NONE)
    kinds = {"Transformer": "", "Pooling": "1_Pooling"}
    modules = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for index, (kind, path) in enumerate(kinds.items())
    ]
    (source / "modules.json").write_text(json.dumps(modules))
    (source / "1_Pooling").mkdir()
    (source / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": "guess"}))
    for run in (convert, export_onnx):
        with pytest.raises(ConfigError, match="pooling_mode must be") as caught:
            run(source, tmp_path / "out")
        assert str(source / "1_Pooling" / "config.json") in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_tokenizer_settings_that_are_broken(tmp_path: Path, minilm: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(minilm, source)
    (source / "tokenizer_config.json").write_text("{")
    with pytest.raises(ConfigError, match="not valid JSON") as caught:
        convert(source, tmp_path / "out")
    assert str(source / "tokenizer_config.json") in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def _pickle_dense(folder: Path) -> None:
    """The weights of a module as sentence-transformers kept them before safetensors."""
    from distilbert.convert.formats import FORMATS, read_file

    path = folder / "model.safetensors"
    FORMATS["bin"].write(folder / "pytorch_model.bin", read_file(path), "F32")
    path.unlink()


def test_tokenizer_makes_no_token_types(minilm: Path, tmp_path: Path) -> None:
    """A folded BERT works in Transformers with its own tokenizer, which would give it token types."""
    transformers = pytest.importorskip("transformers")
    convert(minilm, tmp_path / "out")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    assert set(tokenizer("a film", "of note")) == {"input_ids", "attention_mask"}


# places ----------------------------------------------------------------------------------------------------


def test_out_must_be_new_or_empty(make_checkpoint: Maker, tmp_path: Path) -> None:
    source = make_checkpoint()
    state = snapshot(source)
    full = tmp_path / "full"
    full.mkdir()
    (full / "notes.txt").write_text("mine")
    for out in (source, source / "inner", source / ".." / source.name, full, full / "notes.txt"):
        with pytest.raises(InputError, match=r"lies in the source|exists already"):
            convert(source, out)
    for out in (Path("x\0y"), Path("a" * 300)):
        with pytest.raises(InputError, match="no folder can be here"):
            convert(source, out)
    assert (full / "notes.txt").read_text() == "mine"
    assert snapshot(source) == state

    empty = tmp_path / "empty"
    empty.mkdir()
    convert(source, empty)
    convert(source, tmp_path / "new" / "deep")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "full", "model", "new"]
    assert empty.stat().st_mode == source.stat().st_mode
    assert snapshot(source) == state


def test_out_that_cannot_be_written(make_checkpoint: Maker, tmp_path: Path) -> None:
    source = make_checkpoint()
    (tmp_path / "file").write_text("x")
    with pytest.raises((CheckpointError, InputError), match=r"cannot be written|no folder can be here"):
        convert(source, tmp_path / "file" / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "model"]


def test_disk_that_fills_up(make_checkpoint: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(_: int) -> None:
        raise OSError(28, "No space left on device")

    source = make_checkpoint()
    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(CheckpointError, match="No space left on device"):
        convert(source, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_source_that_is_not_one(tmp_path: Path) -> None:
    with pytest.raises(HubError, match="no such folder"):
        convert(tmp_path / "nowhere", tmp_path / "out")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises((ConfigError, CheckpointError), match=r"config\.json|has none of"):
        convert(empty, tmp_path / "out")
    (empty / "config.json").write_text(json.dumps(small_config().to_dict()))
    with pytest.raises(CheckpointError, match=r"has none of model\.safetensors"):
        convert(empty, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_quantised_source(make_checkpoint: Maker, tmp_path: Path) -> None:
    quantize(make_checkpoint(), tmp_path / "int8")
    with pytest.raises(CheckpointError, match="int8 weights, which cannot be turned back; take the float model"):
        convert(tmp_path / "int8", tmp_path / "out")


def test_options_that_are_not_there(make_checkpoint: Maker, tmp_path: Path) -> None:
    source = make_checkpoint()
    with pytest.raises(InputError, match="dtype must be one of float32, float16, bfloat16, not 'int8'"):
        convert(source, tmp_path / "out", dtype="int8")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="to must be one of safetensors, bin, ot, npz, not 'onnx'"):
        convert(source, tmp_path / "out", to="onnx")  # type: ignore[arg-type]


@pytest.mark.slow
def test_killed_at_any_moment(tmp_path: Path) -> None:
    """A conversion that is killed leaves no folder, or the whole of it."""
    config = DistilBertConfig(n_layers=3)
    source = tmp_path / "source"
    save_checkpoint(source, config, random_weights(config, Head.NONE))
    state = snapshot(source)
    program = "import sys; from distilbert.convert import convert; print(flush=True); convert(*sys.argv[1:])"
    seen = set()
    for attempt in range(24):
        out = tmp_path / f"out{attempt}"
        process = subprocess.Popen([sys.executable, "-c", program, source, out], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(attempt * 0.03)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        seen.add(out.exists())
        if out.exists():
            open_checkpoint(out)
    assert seen == {False, True}
    assert snapshot(source) == state


# the report ------------------------------------------------------------------------------------------------


def test_report(make_checkpoint: Maker, tmp_path: Path) -> None:
    source = make_checkpoint(Head.MASKED_LM)
    report = convert(source, tmp_path / "out", dtype="float16")
    text = str(report)
    first = "distilbert.embeddings.word_embeddings.weight"
    assert f"{source} -> {tmp_path / 'out'} (DistilBertForMaskedLM)" in text
    assert any(line.split() == [first, first, "[6000,", "32]", "F32", "->", "F16"] for line in text.splitlines())
    assert len(report.mapped) == len(open_checkpoint(tmp_path / "out").tensors)
    assert report.notes == (
        "tokenizer.json is made of all that the tokenizer's files say",
        "numbers are rounded to float16",
    )
    assert "brought along: tokenizer_config.json, vocab.txt" in text

    report.save(tmp_path / "report.json")
    saved = json.loads((tmp_path / "report.json").read_text())
    assert saved == json.loads(json.dumps(report.to_dict()))
    assert saved["mapped"][0] == {
        "source": first,
        "target": first,
        "shape": [6000, 32],
        "dtype": "F32",
        "stored_as": "F16",
    }
    with pytest.raises(InputError, match="the report cannot be written"):
        report.save(tmp_path / "nowhere" / "report.json")
