"""int8: the numbers of the scheme and the layout of a quantised folder.

Weights are symmetric int8 with one scale for each output channel (for each row of the embeddings).
Activations are quantised when the model runs, with one scale for each token, so that a result does
not depend on the text's batch-mates. Attention, LayerNorm, biases and the classifiers' own layers stay
in float32, and so do the matrices of the encoder that the folder says.

In a quantised folder config.json has `quantization_config`, the fields of `Scheme` beside `"quant_method":
"distilbert-int8", "version": 2`; version 1 has `bits` alone. In model.safetensors a weight `NAME.weight` is replaced by

    NAME.int8     int8     [in, out] for a linear layer (as the runtime multiplies), [rows, D] for embeddings
    NAME.scale    float32  [out], or [rows]:  weight ≈ int8 · scale

or, for word embeddings in 4 bits,

    NAME.int4       uint8    [rows, ⌈D / 2⌉]: column j in the lower half of byte j, column j + ⌈D / 2⌉ in the
                             upper half, each plus 8:  weight ≈ (half - 8) · row_scale
    NAME.row_scale  float16  [rows]

Where it is smoothed (Xiao et al. 2022, https://arxiv.org/abs/2211.10438), a layer's int8 matrices that read the same
states share a vector which their input is multiplied by before it is quantised, and their rows were divided by:

    …layer.I.attention.smoothing   float32 [D], of q_lin, k_lin and v_lin
    …layer.I.ffn.smoothing         float32 [D], of lin1
"""

import platform
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from .errors import ConfigError, name_list, short_repr

WORDS = "distilbert.embeddings.word_embeddings.weight"
KEY = "quantization_config"
METHOD = "distilbert-int8"
FLOAT_MODEL = "take the float model that it was quantised from, or the base model that its README.md names"
VERSION = 2
# by the last part of a weight's name
STORED_AS = {"int8": "I8", "int4": "U8", "scale": "F32", "row_scale": "F16", "smoothing": "F32"}
_FLOAT_HEADS = ("pre_classifier.", "classifier.", "qa_outputs.")  # a row or two a text: nothing to gain
_MATRIX = re.compile(r"distilbert\.transformer\.layer\.(\d+)\.(attention\.([qkv]|out)_lin|ffn\.lin[12])")
_LEAST_HALF, _MOST_HALF = 2.0**-24, 65504.0  # of float16
_MOST_NAMES = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """How the weights of a quantised folder are stored.

    Attributes:
        bits: of the matrices' weights, 8 or 7. Embeddings, which are looked up, have 8 in any case.
        word_bits: of the word embeddings, 8 or 4.
        float32: the matrices of the encoder that stay in float32, by their names in the key table without `.weight`;
            of a layer's q_lin, k_lin and v_lin, which read the same numbers, all or none.
        smoothed: whether inputs are multiplied by vectors before they are quantised.
    """

    bits: int = 8
    word_bits: int = 8
    float32: tuple[str, ...] = ()
    smoothed: bool = False

    def to_dict(self) -> dict[str, Any]:
        """What config.json says under `quantization_config`."""
        return {"quant_method": METHOD, "version": VERSION, **asdict(self), "float32": list(self.float32)}


def is_ours(values: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether a `quantization_config` is that of this scheme, not of another program."""
    return isinstance(values, Mapping) and values.get("quant_method") == METHOD


def read_scheme(values: Mapping[str, Any]) -> Scheme:
    """The scheme of a folder. Raises ConfigError for one that this version does not know."""
    version = values.get("version")
    if type(version) is not int or version not in (1, VERSION):
        raise ConfigError(f"{KEY} has version {short_repr(version)}; this package reads versions 1 and {VERSION}")
    wanted = Scheme().to_dict() if version == VERSION else {"quant_method": METHOD, "version": 1, "bits": 8}
    if set(values) != set(wanted):
        raise ConfigError(f"{KEY} must be like {wanted}, not {short_repr(values)}")
    fields = {name: value for name, value in values.items() if name not in ("quant_method", "version")}
    for name, choices in (("bits", (8, 7)), ("word_bits", (8, 4)), ("smoothed", (False, True))):
        value = fields.get(name, choices[0])
        if type(value) is not type(choices[0]) or value not in choices:
            raise ConfigError(f"{KEY}: {name} must be {choices[0]} or {choices[1]}, not {short_repr(value)}")
    fields["float32"] = _read_names(fields.get("float32", []))
    return Scheme(**fields)


def _read_names(names: object) -> tuple[str, ...]:
    if not isinstance(names, list) or len(names) > _MOST_NAMES:
        raise ConfigError(f"{KEY}: float32 must be a list of names of matrices, not {short_repr(names)}")
    for name in names:
        if not isinstance(name, str) or not _MATRIX.fullmatch(name):
            raise ConfigError(f"{KEY}: float32 holds {short_repr(name)}, which is no matrix of the encoder")
    for name in names:
        if name.endswith(("q_lin", "k_lin", "v_lin")):
            lacking = {f"{name[:-5]}{part}_lin" for part in "qkv"} - set(names)
            if lacking:
                raise ConfigError(f"{KEY}: float32 holds {name} and lacks {name_list(sorted(lacking))}")
    return tuple(names)


def smoothing_of(matrix: str) -> str | None:
    """The name of the vector that the input of a matrix is multiplied by where the folder is smoothed."""
    block, _, part = matrix.rpartition(".")
    return f"{block}.smoothing" if part in ("q_lin", "k_lin", "v_lin", "lin1") and _MATRIX.fullmatch(matrix) else None


def is_quantized(name: str, shape: tuple[int, ...]) -> bool:
    """Whether a weight of the key table is kept in int8."""
    return len(shape) == 2 and not name.startswith(_FLOAT_HEADS)


def is_embedding(name: str) -> bool:
    """Whether rows of this weight are looked up, not multiplied."""
    return name.endswith("embeddings.weight")


def table(floats: Mapping[str, tuple[int, ...]], scheme: Scheme = Scheme()) -> dict[str, tuple[int, ...]]:
    """A key table in float32 -> that of the quantised folder. Raises ConfigError for a float32 matrix that it lacks."""
    if absent := [name for name in scheme.float32 if f"{name}.weight" not in floats]:
        raise ConfigError(f"{KEY}: float32 holds {name_list(absent)}, which the model does not have")
    kept = set(scheme.float32)
    quantized: dict[str, tuple[int, ...]] = {}
    for name, shape in floats.items():
        base = name.removesuffix(".weight")
        if not is_quantized(name, shape) or base in kept:
            quantized[name] = shape
            continue
        if name == WORDS and scheme.word_bits == 4:
            quantized[f"{base}.int4"] = (shape[0], -(-shape[1] // 2))
            quantized[f"{base}.row_scale"] = shape[:1]
            continue
        quantized[f"{base}.int8"] = shape if is_embedding(name) else shape[::-1]
        quantized[f"{base}.scale"] = shape[:1]
        if scheme.smoothed and (smoothing := smoothing_of(base)):
            quantized[smoothing] = shape[1:]
    return quantized


def quantize(name: str, weight: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """A float weight [out, in] -> (int8, scale) in the layout above. A channel of zeros has scale 1."""
    most = 2 ** (bits - 1) - 1
    scale = (np.abs(weight).max(-1) / most).astype(np.float32)
    scale[scale == 0] = 1
    values = np.rint(weight / scale[:, None]).astype(np.int8)
    return values if is_embedding(name) else np.ascontiguousarray(values.T), scale


def dequantize(name: str, values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """What the integers of a weight stand for, float32 [out, in]: `quantize`'s inverse but for the rounding."""
    return values * scale[:, None] if is_embedding(name) else np.ascontiguousarray((values * scale).T)


def quantize_rows(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings [rows, D] -> (int4, row_scale) in the layout above; of a few scales a row takes the best."""
    largest = np.abs(weight).max(-1)
    largest[largest == 0] = 1
    unit = weight / largest[:, None]
    best, step = np.full(len(weight), np.inf, np.float32), np.ones(len(weight), np.float32)
    for share in np.linspace(0.5, 1, 11, dtype=np.float32):
        error = np.square(np.rint(unit * (7 / share)).clip(-8, 7) * (share / 7) - unit).sum(-1)
        step, best = np.where(error < best, share / 7, step), np.minimum(error, best)
    scale = (step * largest).clip(_LEAST_HALF, _MOST_HALF).astype(np.float16)
    values = (np.rint(weight / scale[:, None].astype(np.float32)).clip(-8, 7) + 8).astype(np.uint8)
    half = -(-weight.shape[1] // 2)
    upper = np.full((len(weight), half), 8, np.uint8)
    upper[:, : weight.shape[1] - half] = values[:, half:]
    return values[:, :half] | upper << 4, scale


def unpack_rows(packed: np.ndarray, width: int) -> np.ndarray:
    """int4 [rows, ⌈width / 2⌉] -> int8 [rows, width], from -8 to 7."""
    return (np.concatenate([packed & 15, packed >> 4], -1)[:, :width].astype(np.int8) - 8).astype(np.int8)


def shortened(values: np.ndarray, scale: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights of `bits` at most: 8-bit ones become 7-bit ones for a CPU whose 8-bit products saturate."""
    if bits == 8 or -63 <= values.min(initial=0) <= values.max(initial=0) <= 63:
        return values, scale
    return np.rint(values / np.float32(2)).clip(-63, 63).astype(np.int8), scale * np.float32(2)


@cache
def fitting_bits() -> int:
    """8, or 7 on x86 without VNNI: there the sum of two 8-bit products does not fit its 16 bits and saturates."""
    if platform.machine().lower() not in ("x86_64", "amd64", "i686", "x86"):
        return 8
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:  # another system, which does not say
        return 7
    return 8 if re.search(r"\b(avx512_vnni|avx_vnni)\b", flags) else 7
