"""Weights of another kind, known by their names: what can be read is, the rest is refused with the next step."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import distilbert
from conftest import Maker
from distilbert import CheckpointError, CheckpointWarning
from distilbert.convert import convert, quantize
from distilbert.folder.layout import CONFIG
from helpers.json_files import edit
from helpers.weight_files import edit_weights

TEXT = "a charming film ."
MATRIX = "distilbert.transformer.layer.0.attention.q_lin"
Arrays = dict[str, np.ndarray]


# what programs that quantise store for one matrix
QUANTIZED: dict[str, dict[str, np.ndarray]] = {
    "bitsandbytes, 8 bits": {
        "weight": np.zeros((32, 32), np.int8),
        "SCB": np.ones(32, np.float32),
        "weight_format": np.zeros((), np.uint8),
    },
    "bitsandbytes, 4 bits": {
        "weight": np.zeros((512, 1), np.uint8),
        "weight.absmax": np.ones(16, np.float32),
        "weight.quant_state.bitsandbytes__nf4": np.zeros(90, np.uint8),
    },
    "GPTQ": {"qweight": np.zeros((4, 32), np.int32), "qzeros": np.zeros((1, 4), np.int32)},
    "8-bit floats": {"weight": np.zeros((32, 32), np.uint8), "weight_scale": np.ones(1, np.float32)},
    "Quanto": {"weight._data": np.zeros((32, 32), np.int8), "weight._scale": np.ones((32, 1), np.float32)},
}


@pytest.mark.parametrize("kind", QUANTIZED)
@pytest.mark.parametrize("stated", [True, False])
def test_weights_that_another_program_quantised(kind: str, stated: bool, make_checkpoint: Maker) -> None:
    folder = make_checkpoint()
    stored = {f"{MATRIX}.{part}": array for part, array in QUANTIZED[kind].items()}
    edit_weights(folder, lambda arrays: {n: a for n, a in arrays.items() if n != f"{MATRIX}.weight"} | stored)
    program = "'their-method'" if stated else "another program"
    if stated:
        edit(folder / CONFIG, quantization_config={"quant_method": "their-method", "bits": 4})
    for action in (lambda: distilbert.load(folder), lambda: convert(folder, folder.with_name("out"))):
        with pytest.raises(CheckpointError) as caught:
            action()
        message = str(caught.value)
        assert f"quantised by {program}" in message
        assert "take the model that they were made from, or save it in float" in message
        assert "\n" not in message
    assert not folder.with_name("out").exists()


# by programs whose names are not known here: what config.json says is what tells
UNKNOWN = {
    "EETQ": (["weight_scales"], []),
    "torchao": (["weight:qdata", "weight:scale"], ["weight"]),
    "HQQ": (["W_q", "scale", "zero", "nbits"], ["weight"]),
    "AQLM": (["codes", "codebooks", "scales"], ["weight"]),
    "VPTQ": (["centroids.weight", "indices"], ["weight"]),
    "SpQR": (["dense_weights", "row_offsets"], ["weight"]),
    "Quark": (["weight_quantizer.scale"], []),
}


@pytest.mark.parametrize(("stored", "left_out"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_weights_that_a_program_quantised_which_the_config_alone_names(
    stored: list[str], left_out: list[str], make_checkpoint: Maker
) -> None:
    folder = make_checkpoint()
    gone = [f"{MATRIX}.{part}" for part in left_out]
    added = {f"{MATRIX}.{part}": np.ones(2, np.float32) for part in stored}
    edit_weights(folder, lambda arrays: {name: array for name, array in arrays.items() if name not in gone} | added)
    edit(folder / CONFIG, quantization_config={"quant_method": "their-method"})
    with pytest.raises(CheckpointError, match="weights were quantised by 'their-method'"):
        distilbert.load(folder)


@pytest.mark.parametrize(
    ("stored", "left_out", "what"),
    [
        (["weight_orig", "weight_mask"], True, "masks or norms beside them"),
        (["weight_g", "weight_v"], True, "masks or norms beside them"),
        (
            ["parametrizations.weight.original0", "parametrizations.weight.original1"],
            True,
            "masks or norms beside them",
        ),
        (["mask_scores"], False, "masks or norms beside them"),
        (
            ["weight_fake_quant.scale", "weight_fake_quant.zero_point"],
            False,
            "weights were quantised by another program",
        ),
    ],
)
def test_matrices_that_are_made_of_others_at_each_call(
    stored: list[str], left_out: bool, what: str, make_checkpoint: Maker
) -> None:
    """torch's pruning, weight norm and parametrisation, movement pruning, and training for quantisation."""
    folder = make_checkpoint()
    added = {f"{MATRIX}.{part}": np.ones((32, 32), np.float32) for part in stored}
    gone = f"{MATRIX}.weight" if left_out else ""
    edit_weights(folder, lambda arrays: {name: array for name, array in arrays.items() if name != gone} | added)
    with pytest.raises(CheckpointError, match=what):
        distilbert.load(folder)


@pytest.mark.parametrize(
    "value", [{"quant_method": "bitsandbytes", "load_in_4bit": True}, {"bits": 4}, {}, "int8", None]
)
def test_a_quantization_that_was_undone_and_is_still_in_the_config(
    value: object, make_checkpoint: Maker, tmp_path: Path
) -> None:
    folder = make_checkpoint()
    expected = distilbert.load(folder)(TEXT)
    edit(folder / CONFIG, quantization_config=value)
    if value is None:
        assert distilbert.load(folder)(TEXT) == expected
        return
    with pytest.warns(CheckpointWarning, match="quantization_config of config.json is another program's"):
        assert distilbert.load(folder)(TEXT) == expected
    assert any("is another program's" in note for note in convert(folder, tmp_path / "out").notes)
    assert "quantization_config" not in json.loads((tmp_path / "out" / CONFIG).read_text())
    assert distilbert.load(tmp_path / "out")(TEXT) == expected
    with pytest.warns(CheckpointWarning, match="another program's"):
        quantize(folder, tmp_path / "int8", data=[TEXT])
    distilbert.load(tmp_path / "int8")


def tensorflow(arrays: Arrays) -> Arrays:
    """As Transformers' classes for TensorFlow name and lay out weights."""
    stored = {}
    for name, array in arrays.items():
        *modules, last = name.split(".")
        if "orm" in modules[-1]:
            last = {"weight": "gamma", "bias": "beta"}[last]
        elif modules[-1] == "position_embeddings":
            last = "embeddings"
        elif last == "weight" and modules[-1] != "word_embeddings":
            last, array = "kernel", np.ascontiguousarray(array.T)
        stored["/".join([*modules, f"{last}:0"]).replace("/layer/", "/layer_._")] = array
    return stored


def flax(arrays: Arrays) -> Arrays:
    """As those for Flax do."""
    stored = {}
    for name, array in arrays.items():
        *modules, last = name.split(".")
        if last == "weight" and "orm" in modules[-1]:
            last = "scale"
        elif last == "weight" and modules[-1].endswith("embeddings"):
            last = "embedding"
        elif last == "weight":
            last, array = "kernel", np.ascontiguousarray(array.T)
        stored[".".join([*modules, last])] = array
    return stored


@pytest.mark.parametrize("names", [tensorflow, flax])
def test_safetensors_that_another_framework_saved(
    names: Callable[[Arrays], Arrays], make_checkpoint: Maker, tmp_path: Path
) -> None:
    folder = make_checkpoint()
    expected = distilbert.load(folder)(TEXT)
    edit_weights(folder, names)
    with pytest.raises(CheckpointError, match=r"names of TensorFlow or Flax, which `distilbert convert .* OUT` reads"):
        distilbert.load(folder)
    convert(folder, tmp_path / "out")
    assert distilbert.load(tmp_path / "out")(TEXT) == expected


def test_two_encoders_in_one_file(make_checkpoint: Maker) -> None:
    folder = make_checkpoint()
    edit_weights(
        folder,
        lambda arrays: {
            f"{side}.{name}": array.copy() for side in ("query", "passage") for name, array in arrays.items()
        },
    )
    with pytest.raises(CheckpointError, match=r"several encoders \(passage\.distilbert\., query\.distilbert\.\)"):
        distilbert.load(folder)
