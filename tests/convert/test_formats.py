"""Good files of every kind load, and what we write is what others read."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from conftest import DATA, random_weights, small_config
from distilbert import CheckpointError, DistilBertConfig, InputError
from distilbert.convert import convert
from distilbert.convert.formats import FORMATS, WRITTEN, read_file
from distilbert.convert.rounding import encode
from distilbert.folder.checkpoint import Head, open_checkpoint
from distilbert.folder.weights import Weight

PYTORCH = DATA / "pytorch"


def arrays(path: Path) -> dict[str, np.ndarray]:
    """The floating-point tensors of a file."""
    return {name: weight.read() for name, weight in read_file(path).items() if weight.dtype != "I64"}


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


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A masked-LM folder with a projector of its own, in which every weight has numbers that no format rounds."""
    return write(tmp_path / "source", Head.MASKED_LM)


def write(folder: Path, head: Head, **changes: object) -> Path:
    config = small_config(head, vocab_size=50, max_position_embeddings=16, dim=8, hidden_dim=16, **changes)
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    rng = np.random.default_rng(0)
    weights = {
        name: rng.integers(-128, 128, array.shape).astype(np.float32) / 64
        for name, array in random_weights(config, head).items()
    }
    save_file(weights, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("to", WRITTEN)
def test_round_trip_is_exact(to: str, dtype: str, source: Path, tmp_path: Path) -> None:
    if (to, dtype) == ("npz", "bfloat16"):
        with pytest.raises(InputError, match="NumPy has no such type"):
            convert(source, tmp_path / "there", to=to, dtype=dtype)
        assert [path.name for path in tmp_path.iterdir()] == ["source"]
        return
    there = convert(source, tmp_path / "there", to=to, dtype=dtype)
    back = convert(tmp_path / "there", tmp_path / "back")
    assert [w.shape for w in there.mapped] == [w.shape for w in back.mapped]
    assert {w.stored_as for w in there.mapped} == {w.dtype for w in back.mapped}
    before, after = (load_file(folder / "model.safetensors") for folder in (source, tmp_path / "back"))
    assert before.keys() == after.keys()
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array)
    assert DistilBertConfig.from_file(tmp_path / "back") == DistilBertConfig.from_file(tmp_path / "there")


@pytest.mark.parametrize("to", WRITTEN)
@pytest.mark.parametrize("head", list(Head))
def test_every_head_in_every_format(head: Head, to: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "source", head)
    report = convert(folder, tmp_path / "there", to=to)
    assert report.model == head.value
    assert convert(tmp_path / "there", tmp_path / "back").model == head.value
    for name, array in load_file(folder / "model.safetensors").items():
        back = load_file(tmp_path / "back" / "model.safetensors")
        np.testing.assert_array_equal(back[name.removeprefix("distilbert.") if head is Head.NONE else name], array)


@pytest.mark.parametrize("to", ["ot", "npz"])
def test_rust_finds_every_variable(to: str, tmp_path: Path) -> None:
    """rust-bert ties nothing, always puts `distilbert.` first, and wants `tie_weights_` in config.json."""
    folder = write(tmp_path / "base", Head.NONE)
    convert(folder, tmp_path / "base_out", to=to)
    form = FORMATS[to]
    assert all(name.startswith("distilbert.") for name in read_file(tmp_path / "base_out" / form.file))

    folder = write(tmp_path / "tied", Head.MASKED_LM)
    weights = load_file(folder / "model.safetensors")
    del weights["vocab_projector.weight"]
    save_file(weights, folder / "model.safetensors")
    report = convert(folder, tmp_path / "tied_out", to=to)
    found = arrays(tmp_path / "tied_out" / form.file)
    words = "distilbert.embeddings.word_embeddings.weight"
    np.testing.assert_array_equal(found["vocab_projector.weight"], found[words])
    assert [w.source for w in report.mapped if w.target == "vocab_projector.weight"] == [words]
    assert json.loads((tmp_path / "tied_out" / "config.json").read_text())["tie_weights_"] is True


def test_torch_loads_what_we_write(source: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    convert(source, tmp_path / "bin", to="bin", dtype="bfloat16")
    path = tmp_path / "bin" / "pytorch_model.bin"
    expected = load_file(source / "model.safetensors")
    for memory_mapped in (False, True):
        found = torch.load(path, weights_only=True, mmap=memory_mapped)
        assert list(found) == [weight.target for weight in convert(source, tmp_path / f"x{memory_mapped}").mapped]
        for name, tensor in found.items():
            assert tensor.dtype == torch.bfloat16
            np.testing.assert_array_equal(tensor.float().numpy(), expected[name])
    _, told = transformers.DistilBertForMaskedLM.from_pretrained(tmp_path / "bin", output_loading_info=True)
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]


def test_numpy_loads_what_we_write(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "npz", to="npz")
    with np.load(tmp_path / "npz" / "model.npz", allow_pickle=False) as found:
        expected = load_file(source / "model.safetensors")
        assert set(found.files) == set(expected)
        for name in found.files:
            np.testing.assert_array_equal(found[name], expected[name])


def test_same_weights_give_the_same_bytes(source: Path, tmp_path: Path) -> None:
    for to, form in ((to, FORMATS[to]) for to in WRITTEN):
        first, second = tmp_path / f"{to}1", tmp_path / f"{to}2"
        convert(source, first, to=to)
        convert(source, second, to=to)
        assert (first / form.file).read_bytes() == (second / form.file).read_bytes()


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


@pytest.mark.parametrize("to", ["safetensors", "bin"])
def test_shards(to: str, source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "whole", to=to)
    file = FORMATS[to].file
    weights = read_file(tmp_path / "whole" / file)
    names = list(weights)
    shards = tmp_path / "shards"
    shards.mkdir()
    (shards / "config.json").write_bytes((source / "config.json").read_bytes())
    weight_map = {}
    for number, chosen in enumerate((names[:7], names[7:])):
        shard = file.replace(".", f"-0000{number + 1}-of-00002.")
        FORMATS[to].write(shards / shard, {name: weights[name] for name in chosen}, "F32")
        weight_map |= dict.fromkeys(chosen, shard)
    index = shards / f"{file}.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    convert(shards, tmp_path / "joined")
    expected, joined = (load_file(folder / "model.safetensors") for folder in (source, tmp_path / "joined"))
    assert joined.keys() == expected.keys()
    assert all(np.array_equal(joined[name], array) for name, array in expected.items())

    index.write_text(json.dumps({"weight_map": weight_map | {names[0]: "../evil.bin"}}))
    with pytest.raises(CheckpointError, match="points outside the folder"):
        convert(shards, tmp_path / "out")


@pytest.mark.parametrize(
    ("values", "stored_as", "expected"),
    [
        ([1.0, 1.00390625, 1.01171875, -1.01171875], "BF16", [0x3F80, 0x3F80, 0x3F82, 0xBF82]),  # ties go to even
        ([np.nan, 0.0, -0.0, 1e-45], "BF16", [0x7FC0, 0, 0x8000, 0]),
        ([1.0, 65504, -6e-8, 0.1], "F16", np.array([1.0, 65504, -6e-8, 0.1], np.float16).view(np.uint16)),
    ],
)
def test_rounding(values: list[float], stored_as: str, expected: list[int]) -> None:
    weight = Weight("w", (4,), "F32", Path("x"), lambda: np.array(values, np.float32))
    np.testing.assert_array_equal(encode(weight, stored_as).view(np.uint16), expected)


def test_bfloat16_rounds_as_torch() -> None:
    torch = pytest.importorskip("torch")
    bits = np.random.default_rng(0).integers(0, 2**32, 100_000, np.uint32)
    numbers = bits.view(np.float32)
    numbers = numbers[np.abs(numbers) < 3e38]
    ours = encode(Weight("w", numbers.shape, "F32", Path("x"), lambda: numbers), "BF16")
    theirs = torch.from_numpy(numbers.copy()).bfloat16().view(torch.int16).numpy().view(np.uint16)
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("value", "dtype"), [(65520.0, "float16"), (np.inf, "float16"), (3.4e38, "bfloat16")])
def test_number_too_large(value: float, dtype: str, source: Path, tmp_path: Path) -> None:
    weights = load_file(source / "model.safetensors")
    weights["vocab_projector.bias"][3] = value
    save_file(weights, source / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"vocab_projector.bias holds .*, too large for"):
        convert(source, tmp_path / "out", dtype=dtype)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_double_too_large(source: Path, tmp_path: Path) -> None:
    weights: dict[str, np.ndarray] = dict(load_file(source / "model.safetensors"))
    weights["vocab_projector.bias"] = weights["vocab_projector.bias"].astype(np.float64) * 1e300
    save_file(weights, source / "model.safetensors")
    with pytest.raises(CheckpointError, match="too large for float32"):
        convert(source, tmp_path / "out")


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
