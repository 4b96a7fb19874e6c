"""Files of weights of Keras, Flax, TensorFlow and PyTorch's exporter give the outputs that these programs gave."""

import random
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import Maker
from distilbert import CheckpointError, MissingExtraError, TokenizerError
from distilbert.batch import Batch
from distilbert.convert import convert, export_onnx
from distilbert.convert.foreign_names import torch_name
from distilbert.convert.formats import read_file
from distilbert.engine.onnx import OnnxEngine
from distilbert.folder.checkpoint import Head, open_checkpoint

FOREIGN = Path(__file__).parents[1] / "golden" / "foreign_weights"
NEEDS = {"keras": "pyfive", "flax": "msgpack", "google": None}


def outputs(folder: Path, ids: np.ndarray) -> dict[str, np.ndarray]:
    """What a converted model makes of ids [B, T], by the names of Transformers' outputs."""
    checkpoint = open_checkpoint(folder)
    texts = checkpoint.head in (Head.SEQUENCE_CLASSIFICATION, Head.MULTIPLE_CHOICE)
    engine = OnnxEngine(checkpoint, checkpoint.head, all_rows=not texts, threads=1)
    rows = [np.zeros(1, np.int64)] * len(ids) if texts else None
    found = engine.run(Batch.pack(list(ids), rows))
    if texts:
        return {"logits": found}
    found = found.reshape(*ids.shape, -1)
    if checkpoint.head is Head.QUESTION_ANSWERING:
        return {"start_logits": found[..., 0], "end_logits": found[..., 1]}
    return {"last_hidden_state" if checkpoint.head is Head.NONE else "logits": found}


@pytest.mark.parametrize("name", sorted(path.name for path in FOREIGN.iterdir()))
def test_outputs_are_those_of_the_program_that_wrote_the_file(name: str, tmp_path: Path) -> None:
    if library := NEEDS[name.partition("-")[0]]:
        pytest.importorskip(library)
    report = convert(FOREIGN / name, tmp_path / "out")
    expected = dict(np.load(FOREIGN / name / "expected.npz"))
    ids = expected.pop("ids")
    assert expected
    found = outputs(tmp_path / "out", ids)
    for output, numbers in expected.items():
        np.testing.assert_allclose(found[output], numbers, atol=1e-5, err_msg=output)
    assert report.model.startswith("DistilBert")


@pytest.mark.filterwarnings("ignore")  # TorchScript is deprecated
@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin", "model.npz", "rust_model.ot"])
@pytest.mark.parametrize("head", ["Model", "ForMaskedLM", "ForSequenceClassification", "ForQuestionAnswering"])
def test_a_model_of_transformers_as_its_programs_keep_it(head: str, file: str, tmp_path: Path) -> None:
    """Saved by Transformers, torch.save, NumPy, and, as tch keeps parameters for rust-bert, torch.jit.save."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    shape = {"vocab_size": 60, "dim": 8, "n_layers": 2, "n_heads": 2, "hidden_dim": 16, "max_position_embeddings": 12}
    model = getattr(transformers, f"DistilBert{head}")(transformers.DistilBertConfig(**shape)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    source = tmp_path / "source"
    model.save_pretrained(source)
    weights = model.state_dict()
    if file != "model.safetensors":
        (source / "model.safetensors").unlink()
    if file == "pytorch_model.bin":
        torch.save(weights, source / file)
    elif file == "model.npz":
        np.savez(source / file, **{name: tensor.numpy() for name, tensor in weights.items()})
    elif file == "rust_model.ot":
        module = torch.nn.Module()
        for name, tensor in weights.items():
            module.register_parameter(name.replace(".", "|"), torch.nn.Parameter(tensor, requires_grad=False))
        torch.jit.save(torch.jit.script(module), str(source / file))
    convert(source, tmp_path / "out")
    ids = np.array([[2, 5, 9, 17, 58, 3], [2, 59, 1, 1, 30, 3]])
    with torch.no_grad():
        expected = model(torch.tensor(ids))
    for output, numbers in outputs(tmp_path / "out", ids).items():
        np.testing.assert_allclose(numbers, expected[output].numpy(), atol=1e-5, err_msg=output)


def test_a_checkpoint_of_google_is_read_by_the_name_of_its_index_and_without_its_optimizer(tmp_path: Path) -> None:
    report = convert(FOREIGN / "google-bert" / "bert_model.ckpt.index", tmp_path / "out")
    assert not any("adam" in weight.source for weight in (*report.mapped, *report.left_out))
    assert any("bert/pooler/dense/kernel" in weight.source for weight in report.left_out)


@pytest.mark.parametrize(("vocabulary", "lower"), [("Paris\nparis\n##s", False), ("paris\n##s", None)])
def test_text_of_googles_models_keeps_its_case_where_the_vocabulary_has_capitals(
    tmp_path: Path, vocabulary: str, lower: bool | None
) -> None:
    source = tmp_path / "source"
    shutil.copytree(FOREIGN / "google-bert", source)
    (source / "vocab.txt").write_text(f"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n{vocabulary}\n")
    report = convert(source, tmp_path / "out")
    settings = tmp_path / "out" / "tokenizer_config.json"
    assert ("false" in settings.read_text() if settings.exists() else None) == (True if lower is False else lower)
    assert any("capital" in note for note in report.notes) == (lower is False)


def test_what_is_wrong_in_a_file_that_was_brought_along_is_told_of_the_source(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(FOREIGN / "google-bert", source)
    (source / "vocab.txt").write_bytes(b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n\xff\n")
    with pytest.raises(TokenizerError) as caught:
        convert(source, tmp_path / "out")
    assert str(caught.value) == f"{source}/vocab.txt: not UTF-8 text; save it as UTF-8"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


@pytest.mark.parametrize("head", Head)
def test_the_weights_of_our_own_export_come_back(make_checkpoint: Maker, tmp_path: Path, head: Head) -> None:
    folder = make_checkpoint(head, num_labels=3)
    export_onnx(folder, tmp_path / "onnx")
    convert(tmp_path / "onnx", tmp_path / "back")
    ids = np.arange(10, 22).reshape(2, 6)
    before, after = outputs(folder, ids), outputs(tmp_path / "back", ids)
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])


@pytest.mark.parametrize("beside", [True, False], ids=["model.onnx", "onnx/model.onnx"])
@pytest.mark.parametrize("head", Head)
def test_the_weights_of_pytorchs_export_come_back(
    make_checkpoint: Maker, tmp_path: Path, head: Head, beside: bool
) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder = make_checkpoint(head)
    place = tmp_path / "onnx" / ("" if beside else "onnx")
    place.mkdir(parents=True)
    shutil.copyfile(folder / "config.json", tmp_path / "onnx" / "config.json")
    model = getattr(transformers, head.value).from_pretrained(folder, attn_implementation="eager").eval()
    torch_export(torch, model, place / "model.onnx", three_axes=head is Head.MULTIPLE_CHOICE)
    convert(tmp_path / "onnx", tmp_path / "back")
    ids = np.arange(10, 22).reshape(2, 6)
    before, after = outputs(folder, ids), outputs(tmp_path / "back", ids)
    for name in before:
        np.testing.assert_allclose(before[name], after[name], atol=1e-6)


def torch_export(torch: Any, model: Any, path: Path, *, three_axes: bool) -> None:
    """As Optimum does it: through TorchScript, constants folded."""
    ids = torch.arange(10, 22).reshape(2, 6)
    ids = ids[None] if three_axes else ids
    model.config.return_dict = False
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (ids, torch.ones_like(ids)), str(path), input_names=["input_ids", "attention_mask"],
            do_constant_folding=True, dynamo=False, opset_version=17,
        )  # fmt: skip


def test_names() -> None:
    assert torch_name(("distilbert", "transformer", "layer_._11", "ffn", "lin1", "kernel")) == (
        "distilbert.transformer.layer.11.ffn.lin1.weight"
    )
    assert torch_name(("bert", "encoder", "layer_3", "output", "LayerNorm", "gamma")) == (
        "bert.encoder.layer.3.output.LayerNorm.weight"
    )
    assert torch_name(("bert", "embeddings", "word_embeddings")) == "bert.embeddings.word_embeddings.weight"
    assert torch_name(("mlm___cls", "predictions", "bias")) == "cls.predictions.bias"
    assert torch_name(("cls", "squad", "output_weights")) == "qa_outputs.weight"


# files nobody vouches for ------------------------------------------------------------------------------


def copied(name: str, place: Path) -> Path:
    """A folder of the golden ones, to be damaged."""
    if library := NEEDS[name.partition("-")[0]]:
        pytest.importorskip(library)
    shutil.copytree(FOREIGN / name, place)
    return next(path for path in place.iterdir() if path.suffix in (".h5", ".msgpack", ".index"))


@pytest.mark.parametrize("name", ["keras-ForMaskedLM", "flax-ForMaskedLM", "google-bert", "onnx"])
@pytest.mark.parametrize("count", [40, pytest.param(4000, marks=pytest.mark.slow)])
def test_damaged_files_are_read_or_refused_in_one_line(
    make_checkpoint: Maker, tmp_path: Path, name: str, count: int
) -> None:
    if name == "onnx":
        small = {"vocab_size": 60, "dim": 8, "n_heads": 2, "n_layers": 1, "hidden_dim": 16}
        export_onnx(make_checkpoint(Head.NONE, **small), tmp_path / "files")
        path = tmp_path / "files" / "model.onnx"
    else:
        path = copied(name, tmp_path / "files")
    whole, refused = path.read_bytes(), 0
    for seed in range(count):
        path.write_bytes(damaged(whole, random.Random(seed)))
        message = complaint(path)
        refused += message is not None
        assert message is None or ("\n" not in message and str(path.parent) in message)
    assert 0 < refused < count


def complaint(path: Path) -> str | None:
    """Why a file, or a weight of it, cannot be read."""
    try:
        for weight in read_file(path).values():
            weight.read()
    except CheckpointError as error:
        return str(error)
    return None


def damaged(content: bytes, rng: random.Random) -> bytes:
    """The bytes cut off, with some taken out, or with some changed."""
    kind, place = rng.random(), rng.randrange(len(content))
    if kind < 0.2:
        return content[:place]
    if kind < 0.4:
        return content[:place] + content[place + rng.randrange(1, 200) :]
    changed = bytearray(content)
    for _ in range(rng.choice([1, 2, 5, 30])):
        changed[rng.randrange(len(content))] = rng.choice([0, 1, 127, 128, 255])
    return bytes(changed)


def test_an_hdf5_file_that_points_elsewhere_is_refused(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    pytest.importorskip("pyfive")
    secret = tmp_path / "secret"
    secret.write_bytes(np.ones((60, 8), "<f4").tobytes())
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["m/weight:0"] = np.ones((60, 8), "<f4")
    for kind in ("link", "storage", "virtual"):
        path = tmp_path / f"{kind}.h5"
        with h5py.File(path, "w") as file:
            file.attrs["layer_names"] = [b"layer"]
            group = file.create_group("layer")
            group.attrs["weight_names"] = [b"m/weight:0"]
            if kind == "link":
                group["m/weight:0"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "m/weight:0")
            elif kind == "storage":
                group.create_dataset("m/weight:0", (60, 8), "<f4", external=[(str(secret), 0, 1920)])
            else:
                layout = h5py.VirtualLayout((60, 8), "<f4")
                layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "m/weight:0", (60, 8))
                group.create_virtual_dataset("m/weight:0", layout)
        assert complaint(path) is not None, kind


def test_a_small_file_does_not_grow(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    pytest.importorskip("pyfive")
    with h5py.File(tmp_path / "tf_model.h5", "w") as file:
        file.attrs["layer_names"] = [b"layer"]
        group = file.create_group("layer")
        group.attrs["weight_names"] = [b"m/weight:0"]
        group.create_dataset("m/weight:0", (100_000, 10_000), "<f4", compression="gzip", chunks=(1000, 1000))
    with pytest.raises(CheckpointError, match="more than the file holds"):
        read_file(tmp_path / "tf_model.h5")


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "sub/secret", "", ".."])
def test_an_onnx_file_reads_nothing_outside_its_folder(make_checkpoint: Maker, tmp_path: Path, location: str) -> None:
    import onnx

    export_onnx(make_checkpoint(Head.NONE), tmp_path / "onnx")
    (tmp_path / "secret").write_bytes(bytes(1 << 20))
    model = onnx.load(str(tmp_path / "onnx" / "model.onnx"))
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name.endswith("word_embeddings.weight"))
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    (tmp_path / "onnx" / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(CheckpointError, match="outside the folder"):
        convert(tmp_path / "onnx", tmp_path / "out")


def test_external_numbers_beside_the_file_are_read(make_checkpoint: Maker, tmp_path: Path) -> None:
    import onnx

    folder = make_checkpoint(Head.NONE)
    export_onnx(folder, tmp_path / "onnx")
    model = onnx.load(str(tmp_path / "onnx" / "model.onnx"))
    onnx.save(model, str(tmp_path / "onnx" / "model.onnx"), save_as_external_data=True, location="model.onnx_data")
    convert(tmp_path / "onnx", tmp_path / "back")
    ids = np.arange(10, 22).reshape(2, 6)
    np.testing.assert_array_equal(*(outputs(place, ids)["last_hidden_state"] for place in (folder, tmp_path / "back")))


@pytest.mark.parametrize("program", ["onnx", "google"])
def test_numbers_beside_a_file_are_no_link_to_any_file(program: str, make_checkpoint: Maker, tmp_path: Path) -> None:
    """They have no form: what of this machine they lead to would be read as weights."""
    import onnx

    source = tmp_path / "source"
    if program == "google":
        shutil.copytree(FOREIGN / "google-bert", source)
        data = source / "bert_model.ckpt.data-00000-of-00001"
    else:
        export_onnx(make_checkpoint(Head.NONE), source)
        data = source / "model.onnx_data"
        model = onnx.load(str(source / "model.onnx"))
        onnx.save(model, str(source / "model.onnx"), save_as_external_data=True, location=data.name)
    shutil.move(data, tmp_path / "secret")
    data.symlink_to(tmp_path / "secret")
    with pytest.raises(CheckpointError, match=f"{data.name}: is a link out of the folder, which is not read"):
        convert(source, tmp_path / "out")
    data.unlink()
    data.symlink_to(data.name)  # to itself
    with pytest.raises(CheckpointError, match=f"{data.name}: must lie beside"):
        convert(source, tmp_path / "out")


def test_quantised_and_foreign_files_say_what_they_are(tmp_path: Path) -> None:
    import onnx
    from onnx import helper

    node = helper.make_node("DynamicQuantizeLinear", ["x"], ["y", "s", "z"])
    value = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None])
    onnx.save(helper.make_model(helper.make_graph([node], "g", [value], [])), str(tmp_path / "model.onnx"))
    with pytest.raises(CheckpointError, match="quantised"):
        read_file(tmp_path / "model.onnx")


@pytest.mark.parametrize(("library", "name"), [("pyfive", "keras-Model"), ("msgpack", "flax-Model")])
def test_a_missing_library_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, name: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=r"distilbert\[convert\]"):
        convert(FOREIGN / name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_several_checkpoints_in_a_folder_must_be_chosen_from(tmp_path: Path) -> None:
    path = copied("google-bert", tmp_path / "files")
    shutil.copyfile(path, path.with_name("model.ckpt-7.index"))
    path.rename(path.with_name("model.ckpt-5.index"))
    with pytest.raises(CheckpointError, match=r"model\.ckpt-5\.index, model\.ckpt-7\.index; give one"):
        convert(tmp_path / "files", tmp_path / "out")
