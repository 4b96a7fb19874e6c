"""What we write in each format is what was given, and what others read."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from distilbert import CheckpointError, DistilBertConfig, InputError
from distilbert.convert import convert
from distilbert.convert.formats import FORMATS, WRITTEN, read_file
from distilbert.convert.rounding import encode
from distilbert.folder.checkpoint import Head
from distilbert.folder.weights import Weight
from helpers.weight_files import arrays, write


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
