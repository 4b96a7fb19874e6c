"""A wrong folder, or a wrong file in it, says what it is and what to do, whoever opens it."""

import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import distilbert
from conftest import Maker
from distilbert import DistilBertError, InputError
from distilbert.convert import convert, export_onnx, quantize
from distilbert.folder.checkpoint import Head
from distilbert.folder.layout import CONFIG, WEIGHTS

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + 64 * "0" + "\nsize 267967963\n"
PAGE = "\ufeff\n<!DOCTYPE HTML><html><head><title>Sign in</title></head></html>"


def message_of(action: Callable[[], object], place: Path) -> str:
    """The message of the error, without the place, which could hold any word."""
    with pytest.raises(DistilBertError) as caught:
        action()
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 600
    return message.replace(str(place), "")


@pytest.mark.parametrize("file", [CONFIG, WEIGHTS, "vocab.txt", "tokenizer_config.json"])
@pytest.mark.parametrize(
    ("content", "what"),
    [
        (POINTER, "a git-lfs pointer, not the file itself; run `git lfs pull`"),
        (PAGE, "an HTML page, not the file itself; download it again"),
        ("Entry not found", "a server's answer that there is no such file"),
        ("Invalid username or password.", "a server's refusal"),
        ('{"error":"Repository is gated"}', "a server's error"),
    ],
)
def test_what_stands_in_place_of_a_file(content: str, what: str, file: str, make_checkpoint: Maker) -> None:
    folder = make_checkpoint()
    (folder / file).write_text(content, encoding="utf-8")
    message = message_of(lambda: distilbert.load(folder), folder)
    assert f"{file}: " in message
    assert what in message


@pytest.mark.parametrize("name", ["pytorch_model.bin", "rust_model.ot", "model.npz", WEIGHTS])
def test_what_stands_in_place_of_weights_to_be_converted(name: str, make_checkpoint: Maker, tmp_path: Path) -> None:
    folder = make_checkpoint()
    (folder / WEIGHTS).unlink()
    (folder / name).write_text(POINTER)
    assert "git-lfs pointer" in message_of(lambda: convert(folder, tmp_path / "out"), folder)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"GGUF\3\0\0\0", "a GGUF file"),
        (b"PK\3\4\0\0\0\0", "a zip archive"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "a gzip archive"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file of Keras"),
        (b"\x80\x02}q\0(X\1\0", "a pickle of PyTorch"),
    ],
)
def test_a_file_of_another_kind_under_the_name_of_safetensors(start: bytes, what: str, make_checkpoint: Maker) -> None:
    folder = make_checkpoint()
    (folder / WEIGHTS).write_bytes(start + bytes(100))
    assert what in message_of(lambda: distilbert.load(folder), folder)


FOLDERS = [
    ([], "an empty folder"),
    (
        ["adapter_config.json", "adapter_model.safetensors"],
        "an adapter of some/base (LoRA, PEFT), not a whole model; merge",
    ),
    (["adapter_model.bin"], "an adapter (LoRA, PEFT)"),
    (["model_head.pkl", "README.md"], "a SetFit model"),
    (["model.Q4_K_M.gguf"], "a GGUF file of llama.cpp"),
    (["onnx/model.onnx"], "an exported ONNX model"),
    (["model_quantized.onnx", "tokenizer.json"], "an exported ONNX model"),
    (["optimizer.pt", "rng_state.pth", "scheduler.pt", "trainer_state.json"], "what a Trainer keeps to resume a run"),
    (["checkpoint-500/config.json", "checkpoint-500/model.safetensors"], "give one of them, such as checkpoint-500"),
    (["checkpoint-500/config.json", "checkpoint-1000/config.json"], "such as checkpoint-1000"),
    (["out/best/config.json", "README.md"], "a folder of model folders; give one of them, such as out/best"),
    (["zero_to_fp32.py", "global_step10/x.pt"], "a checkpoint of DeepSpeed"),
    (["latest", "global_step10/x.pt"], "a checkpoint of DeepSpeed; make one file of it first"),
    (["hparams.yaml", "checkpoints/epoch=1.ckpt"], "a run of PyTorch Lightning; put config.json and tokenizer of the"),
    (
        ["MLmodel", "model/config.json", "components/tokenizer/vocab.txt"],
        "a model of MLflow; give the folder in it that",
    ),
    (["config.pbtxt", "1/model.onnx"], "a repository of Triton"),
    (["saved_model/1/saved_model.pb", "vocab.txt"], "a model saved by TensorFlow or Keras"),
    (["model.weights.h5", "metadata.json"], "a model saved by TensorFlow or Keras"),
    (["coreml/x.mlpackage/y", "vocab.txt"], "a Core ML model"),
    (["openvino/openvino_model.xml", "vocab.txt"], "an OpenVINO model"),
    (["model.safetensors.incomplete", "vocab.txt"], "a download that was not finished; download it again"),
    (["model.pt2"], "a program of torch.export"),
    (["pytorch_model_fsdp_0/__0_0.distcp"], "a checkpoint of FSDP in parts; `accelerate merge-weights` makes one file"),
    (["saved_model.pb", "variables/x"], "a model saved by TensorFlow or Keras"),
    (["model.keras"], "a model saved by TensorFlow or Keras"),
    (["meta.json", "config.cfg", "ner/model"], "a pipeline of spaCy"),
    (["openvino_model.xml", "openvino_model.bin"], "an OpenVINO model"),
    (["model.tar.gz"], "an archive; unpack it"),
    (["tokenizer.json", "tokenizer_config.json"], "a tokenizer without its model"),
    (["vocab.txt"], "a tokenizer without its model"),
    (["model.safetensors", "vocab.txt"], "weights without their config.json"),
    (["dataset_info.json", "train.arrow"], "a data set"),
    (["classifier.joblib"], "a pickle, which is never run"),
    (["models--a--b/refs/main"], "the hub's cache"),
    (["blobs/x", "refs/main", "snapshots/x/y"], "a repository in the hub's cache"),
    (["notes.md", "a\nb", "train.py", "x"], "no model folder: it holds 'a\\nb', notes.md, train.py and 1 more"),
]


@pytest.mark.parametrize(("files", "what"), FOLDERS)
def test_a_folder_that_is_no_model(files: list[str], what: str, tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(b"x")
    if "adapter_config.json" in files:
        (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "some/base"}))
    for action in (lambda: distilbert.load(folder), lambda: convert(folder, tmp_path / "out")):
        assert what in message_of(action, folder)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"base_model_name_or_path": 5}', "[" * 100_000])
def test_an_adapter_that_does_not_name_its_base(content: str, tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(content)
    assert "this is an adapter (LoRA, PEFT)" in message_of(lambda: distilbert.load(tmp_path), tmp_path)


def test_a_file_in_place_of_a_folder(make_checkpoint: Maker, tmp_path: Path) -> None:
    folder = make_checkpoint()
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.add(folder, "model")
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as file:
        file.writestr("config.json", "{}")
    shutil.copy(folder / WEIGHTS, tmp_path / "weights.safetensors")
    for name, what in (
        ("model.tar.gz", "is a file, a gzip archive; unpack it; give the model's folder"),
        ("model.zip", "is a file, a zip archive; unpack it"),
        ("weights.safetensors", "is a file; give the model's folder"),
    ):
        assert what in message_of(lambda name=name: distilbert.load(tmp_path / name), tmp_path / name)  # type: ignore[misc]


@pytest.mark.parametrize("given", [5, None, b"model", {"model": 1}, ["model"]])
def test_what_is_no_path(given: Any, make_checkpoint: Maker, tmp_path: Path) -> None:
    folder, out = make_checkpoint(Head.NONE), tmp_path / "out"
    with pytest.raises(InputError, match="a model is told by its folder or its name on the hub, not"):
        distilbert.load(given)
    with pytest.raises(InputError, match="source must be a path or a name, not"):
        convert(given, out)
    for write in (convert, quantize, export_onnx):
        with pytest.raises(InputError, match="out must be a path, not"):
            write(folder, given)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("model.zip", "model.zip: not a file of weights that can be read here (this is a zip archive; unpack it"),
        ("weights.npy", "weights.npy: not a file of weights that can be read here; known are .safetensors"),
        ("best.ckpt", "config.json: no such file; put that of the model beside best.ckpt"),
    ],
)
def test_a_file_that_is_converted(file: str, message: str, tmp_path: Path) -> None:
    """What kind it is comes first, and then what must lie beside it."""
    (tmp_path / file).write_bytes(b"PK\3\4" if file.endswith(".zip") else b"\x93NUMPY")
    with pytest.raises(DistilBertError) as caught:
        convert(tmp_path / file, tmp_path / "out")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("config.json.txt", CONFIG),
        ("config (1).json", CONFIG),
        ("Config - Copy.json", CONFIG),
        ("config copy.json", CONFIG),
        ("bert-base-uncased-config.json", CONFIG),
        ("generation_config.json", None),
        ("bert-base-uncased-vocab.txt", "vocab.txt"),
        ("vocab(2).txt", "vocab.txt"),
        ("tokenizer.json.txt", "tokenizer.json"),
        ("tokenizer/vocab.txt", "vocab.txt"),
        ("../tokenizer.json", "tokenizer.json"),
    ],
)
def test_names_as_people_and_programs_alter_them(name: str, wanted: str | None, make_checkpoint: Maker) -> None:
    folder = make_checkpoint()
    (folder / ("vocab.txt" if wanted in ("vocab.txt", "tokenizer.json") else CONFIG)).unlink()
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).touch()
    said = f"(there is {name}: " + ("put it" if "/" in name else f"call it {wanted})")
    assert (said in message_of(lambda: distilbert.load(folder), folder)) == (wanted is not None)
