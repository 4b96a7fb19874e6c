"""Folders that lack a part, or may not be read: what lies there instead, and the next step."""

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import distilbert
from conftest import Maker
from distilbert import CheckpointError, CheckpointWarning, ConfigError, DistilBertError
from distilbert.convert import convert
from distilbert.folder.checkpoint import Head, open_checkpoint
from distilbert.folder.layout import WEIGHTS
from helpers.tiny_folders import MakeTiny


@pytest.mark.parametrize("name", ["pytorch_model.bin", "rust_model.ot", "tf_model.h5", "flax_model.msgpack"])
def test_weights_in_another_format_name_the_command_that_converts_them(name: str, make_tiny: MakeTiny) -> None:
    folder, _, _ = make_tiny()
    (folder / WEIGHTS).rename(folder / name)
    with pytest.raises(CheckpointError, match=rf"no model\.safetensors; it has {name}: `distilbert convert .* OUT`"):
        open_checkpoint(folder)


SHARD = "pytorch_model-00001-of-00002.bin"


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([SHARD], f"it has {SHARD}, one of several; bring along pytorch_model.bin.index.json, which"),
        (
            [SHARD, "pytorch_model.bin.index.json"],
            "it has pytorch_model.bin.index.json: `distilbert convert .*/model OUT`",
        ),
        (["model-00001-of-00002.safetensors"], "it has model-00001-of-00002.safetensors, one of several"),
        (["onnx/model.onnx", "onnx/model_quantized.onnx"], "it has onnx/model.onnx: `distilbert convert .*/model OUT`"),
        (["openvino_model.bin", "openvino_model.xml"], "this is an OpenVINO model"),
        (["adapter_model.bin", "adapter_config.json"], "this is an adapter"),
        (["optimizer.bin", "consolidated.00.pth"], "it has consolidated.00.pth: `distilbert convert .*.pth OUT`"),
        ([], "this is a config.json without weights; bring along model.safetensors"),
    ],
)
def test_what_lies_in_place_of_the_weights(files: list[str], reason: str, make_tiny: MakeTiny) -> None:
    folder, _, _ = make_tiny()
    (folder / WEIGHTS).unlink()
    for name in files:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    with pytest.raises(CheckpointError, match=f"no model.safetensors; {reason}"):
        open_checkpoint(folder)


@pytest.mark.parametrize(
    ("base", "more"),
    [
        ("q_lin.base_layer.weight", "distilbert.transformer.layer.0.attention.q_lin.lora_A.default.weight"),
        ("q_lin.weight", "distilbert.transformer.layer.0.attention.q_lin.lora_A.default.weight"),
        ("q_lin.weight", "qa_outputs.modules_to_save.default.weight"),
    ],
)
def test_an_adapter_that_was_not_merged(base: str, more: str, make_tiny: MakeTiny) -> None:
    folder, _, weights = make_tiny()
    renamed = {name.replace("q_lin.weight", base): array for name, array in weights.items()}
    safetensors.numpy.save_file(renamed | {more: np.zeros((4, 32), np.float32)}, folder / WEIGHTS)
    with pytest.raises(CheckpointError, match=r"an adapter \(LoRA\) that was not merged; call PEFT"):
        open_checkpoint(folder)


def test_no_weights_no_config_and_no_folder(make_tiny: MakeTiny, tmp_path: Path) -> None:
    folder, _, _ = make_tiny()
    (folder / WEIGHTS).unlink()
    for place in (None, "a folder", "a pipe"):
        if place == "a folder":
            (folder / WEIGHTS).mkdir()
        elif place == "a pipe":
            (folder / WEIGHTS).rmdir()
            os.mkfifo(folder / WEIGHTS)
        with pytest.raises(CheckpointError, match=r"no model\.safetensors; this is "):
            open_checkpoint(folder)
    (folder / "config.json").unlink()
    with pytest.raises(ConfigError, match=r"config\.json: no such file"):
        open_checkpoint(folder)
    with pytest.raises(ConfigError, match=r"config\.json: no such file"):
        open_checkpoint(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("config.json", r"config\.json: cannot be read \(Permission denied\)"),
        (WEIGHTS, r"model\.safetensors: cannot be read \(Permission denied\)"),
        ("vocab.txt", r"vocab\.txt: cannot be read \(Permission denied\)"),
        ("tokenizer_config.json", r"tokenizer_config\.json: cannot be read \(Permission denied\)"),
        (".", r"config\.json: cannot be read \(Permission denied\)"),
    ],
)
def test_files_that_may_not_be_read(name: str, reason: str, make_checkpoint: Maker) -> None:
    source = make_checkpoint()
    distilbert.load(source)
    with tempfile.TemporaryDirectory() as place:  # tmp_path lies where only its owner may go
        Path(place).chmod(0o777)
        folder = shutil.copytree(source, Path(place) / "model")
        distilbert.load(folder)
        (folder / name).chmod(0)
        if os.geteuid() == 0:  # for root, permissions do not count
            os.seteuid(65534)
        try:
            with pytest.raises(DistilBertError, match=reason):
                distilbert.load(folder)
            if name != ".":
                with pytest.raises(DistilBertError, match=reason):
                    convert(folder, Path(place) / "out")
        finally:
            os.seteuid(os.getuid())
            (folder / name).chmod(0o777)


def test_a_folder_with_an_unusual_name_runs(make_checkpoint: Maker) -> None:
    plain = distilbert.load(make_checkpoint())
    odd = distilbert.load(make_checkpoint(name="модель 模型 ü #1 'a' \"b\"\n%20"))
    assert odd("a good film") == plain("a good film")


def test_a_path_that_is_no_unicode_is_refused(make_checkpoint: Maker) -> None:
    folder = make_checkpoint()
    with pytest.raises(CheckpointError, match=r"mod\\udcffel.*valid Unicode; rename it") as caught:
        distilbert.load(folder.rename(folder.parent / os.fsdecode(b"mod\xffel")))
    str(caught.value).encode()  # can be printed


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("model_head.pkl", r"model_head\.pkl is the head of a SetFit model, a pickle, and not read"),
        ("adapter_config.json", r"adapter_config\.json is of an adapter \(LoRA, PEFT\), which is not applied"),
    ],
)
def test_what_lies_beside_a_model_and_is_not_read(file: str, message: str, make_checkpoint: Maker) -> None:
    folder = make_checkpoint(Head.NONE)
    (folder / file).write_bytes(b"never read")
    with pytest.warns(CheckpointWarning, match=message):
        distilbert.load(folder)
