"""Good files of every kind load, and what we write is what others read."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import DATA
from distilbert import CheckpointError
from distilbert.convert import convert
from distilbert.convert.formats import read_file
from distilbert.folder.checkpoint import open_checkpoint
from helpers.weight_files import arrays

PYTORCH = DATA / "pytorch"


@pytest.mark.parametrize("name", ["zip.bin", "legacy.bin"])
def test_file_of_torch_save(name: str) -> None:
    found = read_file(PYTORCH / name)
    assert {key: (weight.shape, weight.dtype) for key, weight in found.items()} == {
        "0.weight": ((2, 3), "F32"),
        "0.bias": ((2,), "BF16"),
        "half": ((4,), "F16"),
        "double": ((3,), "F64"),
        "transposed": ((2, 3), "F32"),
        "slice": ((3,), "F32"),
        "tied": ((2, 3), "F32"),
        "scalar": ((), "F32"),
        "ids": ((5,), "I64"),
    }
    expected = {
        "0.weight": [[0, 1, 2], [3, 4, 5]],
        "0.bias": [1.5, -2],
        "half": [0, 1, 2, 3],
        "double": [0, 1, 2],
        "transposed": [[0, 2, 4], [1, 3, 5]],
        "slice": [4, 5, 6],
        "tied": [[0, 1, 2], [3, 4, 5]],
        "scalar": 7,
    }
    for key, values in expected.items():
        array = found[key].read()
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, values)


def test_file_of_tch() -> None:
    found = read_file(PYTORCH / "tch.ot")
    assert {key: weight.dtype for key, weight in found.items()} == {
        "distilbert.embeddings.word_embeddings.weight": "F32",
        "classifier.bias": "F16",
        "plain": "BF16",
    }
    np.testing.assert_array_equal(found["distilbert.embeddings.word_embeddings.weight"].read(), [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(found["plain"].read(), [0, 1, 2, 3])


def test_big_endian(tmp_path: Path) -> None:
    """The same archive as a machine of the other byte order would write it."""
    path = tmp_path / "big.bin"
    sizes = {"0": 4, "1": 2, "2": 2, "3": 8, "4": 4, "5": 4, "6": 4, "7": 8}  # bytes a number, by storage
    with zipfile.ZipFile(PYTORCH / "zip.bin") as little, zipfile.ZipFile(path, "w") as big:
        for info in little.infolist():
            data = little.read(info)
            folder, _, key = info.filename.rpartition("/")
            if folder.endswith("/data"):
                data = np.frombuffer(data, f"u{sizes[key]}").byteswap().tobytes()
            big.writestr(info.filename, b"big" if key == "byteorder" else data)
    expected = arrays(PYTORCH / "zip.bin")
    found = arrays(path)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("legacy", [False, True])
def test_every_kind_of_tensor_that_torch_saves(legacy: bool, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    flat = torch.randn(100)
    tensors = {
        "parameter": torch.nn.Parameter(torch.randn(3, 4)),
        "transposed": torch.randn(5, 3).T,
        "permuted": torch.randn(2, 3, 4).permute(2, 0, 1),
        "every_other": flat[10:50:2],
        "one_storage": flat[50:62].view(3, 4),
        "empty": torch.empty(0, 4),
        "scalar": torch.tensor(3.5),
        "half": torch.randn(7).half(),
        "bfloat16": torch.randn(7).bfloat16(),
        "double": torch.randn(7).double(),
        "with_grad": torch.randn(2, requires_grad=True),
    }
    path = tmp_path / "x.bin"
    torch.save(tensors, path, _use_new_zipfile_serialization=not legacy)
    found = arrays(path)
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(found[name], tensor.detach().float().numpy())


@pytest.mark.filterwarnings("ignore")  # TorchScript is deprecated, and tracing says what it cannot follow
def test_file_of_torch_jit_save(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Sequential(torch.nn.LayerNorm(4)))
    for name, scripted in (
        ("traced", torch.jit.trace(module, torch.zeros(1, 3))),
        ("scripted", torch.jit.script(module)),
    ):
        path = tmp_path / f"{name}.ot"
        torch.jit.save(scripted, str(path))
        found = arrays(path)
        assert found.keys() == module.state_dict().keys()
        for key, tensor in module.state_dict().items():
            np.testing.assert_array_equal(found[key], tensor.numpy())


def test_npz_compressed_fortran_and_big_endian(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    expected = {
        "fortran": np.asfortranarray(np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)),
        "big": np.arange(5, dtype=">f4"),
        "half": np.arange(5, dtype=np.float16),
        "double": np.arange(5, dtype=np.float64),
        "ids": np.arange(5),
    }
    np.savez_compressed(path, **expected)
    found = read_file(path)
    assert {name: weight.dtype for name, weight in found.items()} == {
        "fortran": "F32",
        "big": "F32",
        "half": "F16",
        "double": "F64",
        "ids": "I64",
    }
    for name, array in expected.items():
        if name != "ids":
            np.testing.assert_array_equal(found[name].read(), array)
    with pytest.raises(CheckpointError, match="ids is stored as I64"):
        found["ids"].read()


def test_unknown_suffix(tmp_path: Path) -> None:
    path = tmp_path / "weights.tar"
    path.write_bytes(b"x")
    with pytest.raises(CheckpointError, match=r"known are .safetensors, .*\.h5, \.msgpack, \.onnx, \.index"):
        read_file(path)


@pytest.mark.parametrize("name", ["last.ckpt", "model.fp16.safetensors", "epoch=3.pt", "onnx/model_quantized.onnx"])
def test_weights_under_another_name_are_named(name: str, source: Path, tmp_path: Path) -> None:
    (source / "onnx").mkdir()
    (source / "model.safetensors").rename(source / name)
    (source / "optimizer.pt").touch()
    with pytest.raises(CheckpointError, match=rf"source: no weights under a name .*; give {name}$"):
        convert(source, tmp_path / "out")
    if "onnx" not in name:
        with pytest.raises(CheckpointError, match=rf"no model.safetensors; it has '?{name}'?"):
            open_checkpoint(source)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "rust_model.ot", "tf_model.h5", "model.npz"])
def test_safetensors_under_the_name_of_another_format(name: str, source: Path, tmp_path: Path) -> None:
    (source / "model.safetensors").rename(source / name)
    with pytest.raises(CheckpointError, match=f"{name}: this is a safetensors file; call it model.safetensors"):
        convert(source, tmp_path / "out")


def test_npz_that_lies(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, a=np.array([{}], object))
    with pytest.raises(CheckpointError, match="Python objects"):
        read_file(path)

    buffer = io.BytesIO()
    np.save(buffer, np.zeros(6, np.float32))
    longest = buffer.getvalue().replace(b"(6,), }" + b" " * 50, b"(" + b"9" * 51 + b",), }")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", longest)
    with pytest.raises(CheckpointError, match="'a' says ") as raised:
        read_file(path)
    assert len(str(raised.value).replace(str(path), "")) < 150

    np.savez_compressed(path, a=np.zeros(10_000_000, np.float32))
    with pytest.raises(CheckpointError, match="100-fold"):
        read_file(path)

    buffer = io.BytesIO()
    np.save(buffer, np.zeros(6, np.float32))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", buffer.getvalue().replace(b"(6,)", b"(9,)"))
    with pytest.raises(CheckpointError, match=r"'a' says \(9,\) of float32, but has 24 bytes"):
        read_file(path)

    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.pkl", b"x")
    with pytest.raises(CheckpointError, match=r"'a\.pkl' is not an array"):
        read_file(path)

    path.write_bytes(b"not a zip")
    with pytest.raises(CheckpointError, match=r"not a whole \.npz file"):
        read_file(path)


def test_npz_with_a_flipped_bit(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, a=np.arange(1000, dtype=np.float32))
    data = bytearray(path.read_bytes())
    data[2000] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="'a' cannot be read"):
        read_file(path)["a"].read()


@pytest.mark.parametrize("wrapper", ["state_dict", "model_state_dict", "model", "module", "weights"])
def test_a_training_checkpoint_holds_the_model_in_an_entry(wrapper: str, make_checkpoint: Any, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    folder = make_checkpoint()
    from safetensors.torch import load_file

    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    optimizer = {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 0.1, "params": [0, 1]}]}
    torch.save({"epoch": 3, wrapper: weights | {"steps": 7}, "optimizer": optimizer}, folder / "pytorch_model.bin")
    report = convert(folder, tmp_path / "out")
    assert {mapped.source for mapped in report.mapped} == weights.keys()
    beside = {note for note in report.notes if "not read" in note}
    assert f"a training checkpoint: its weights are those under '{wrapper}'" in report.notes
    assert beside == {"beside them, not read: 'epoch', 'optimizer'", "not read, since no tensors: 'steps'"}


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_of_pickle(protocol: int, legacy: bool, make_checkpoint: Any, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    folder = make_checkpoint()
    weights = load_file(folder / "model.safetensors")
    path = tmp_path / "x.bin"
    torch.save(weights, path, pickle_protocol=protocol, _use_new_zipfile_serialization=not legacy)
    found = read_file(path)
    assert found.keys() == weights.keys()
    for name, tensor in weights.items():
        np.testing.assert_array_equal(found[name].read(), tensor.numpy())


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("file", ["last.ckpt", "best.pth.tar", "model.pt"])
def test_settings_beside_the_weights(file: str, protocol: int, make_checkpoint: Any, tmp_path: Path) -> None:
    """What trainers keep beside the weights: of settings, dates, places and numbers of many classes nothing is made."""
    torch = pytest.importorskip("torch")
    import argparse
    import collections
    import datetime
    import decimal
    import uuid

    from safetensors.torch import load_file

    folder = make_checkpoint()
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    parameter = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.AdamW([parameter])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=10)
    checkpoint = {
        "epoch": 3,
        "args": argparse.Namespace(lr=np.float64(0.1), out=Path("runs"), layers=(1, 2), seed=np.int64(3)),
        "state_dict": collections.OrderedDict({f"model.{name}": tensor for name, tensor in weights.items()}),
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [schedule.state_dict()],
        "counts": collections.defaultdict(int, a=1),
        "counter": collections.Counter("abc"),
        "losses": collections.deque([0.5], maxlen=3),
        "history": np.arange(3.0),
        "random": {"numpy": np.random.RandomState(0).get_state(), "torch": torch.get_rng_state()},
        "when": [datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), datetime.timedelta(1), datetime.date(2020, 1, 1)],
        "device": torch.device("cpu"),
        "dtype": torch.float16,
        "shape": torch.zeros(2, 3).shape,
        "version": torch.__version__,
        "others": [{1, 2}, frozenset({3}), b"abc", 1j, decimal.Decimal("0.1"), uuid.uuid4(), range(3), 2**40, None],
        "keyed": {0.5: 1, None: 2},
    }
    torch.save(checkpoint, folder / file, pickle_protocol=protocol)
    report = convert(folder / file, tmp_path / "out")
    assert {mapped.source for mapped in report.mapped} == {f"model.{name}" for name in weights}
    assert any("'args', 'optimizer_states'" in note for note in report.notes)
    for name, array in load_file(tmp_path / "out" / "model.safetensors").items():
        torch.testing.assert_close(array, weights[name])
