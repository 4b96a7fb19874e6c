"""int8: the numbers of the scheme and the layout of a quantised folder.

Weights are symmetric int8 with one scale for each output channel (for each row of the embeddings).
Activations are quantised when the model runs, with one scale for each token, so that a result does
not depend on the text's batch-mates, and no calibration data are needed. Attention, LayerNorm, biases
and the classifiers' own layers stay in float32.

In a quantised folder config.json has `"quantization_config": {"quant_method": "distilbert-int8",
"version": 1, "bits": 8}`, and in model.safetensors a weight `NAME.weight` is replaced by

    NAME.int8     int8     [in, out] for a linear layer (as the runtime multiplies), [rows, D] for embeddings
    NAME.scale    float32  [out], or [rows]:  weight ≈ int8 · scale
"""

import platform
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from .errors import ConfigError, short_repr

KEY = "quantization_config"
METHOD = "distilbert-int8"
VERSION = 1
_FLOAT_HEADS = ("pre_classifier.", "classifier.", "qa_outputs.")  # a row or two a text: nothing to gain


def scheme(bits: int) -> dict[str, Any]:
    """What config.json says of a quantised folder under `quantization_config`."""
    return {"quant_method": METHOD, "version": VERSION, "bits": bits}


def check_scheme(values: object) -> int:
    """The bits of the weights, 7 or 8. Raises ConfigError for a scheme that this version does not know."""
    if not isinstance(values, Mapping) or values.get("quant_method") != METHOD:
        raise ConfigError(f"{KEY} is {short_repr(values)}; this package runs {METHOD!r} only")
    if values.get("version") != VERSION:
        raise ConfigError(
            f"{KEY} has version {short_repr(values.get('version'))}; this package reads version {VERSION}"
        )
    bits = values.get("bits")
    if type(bits) is not int or bits not in (7, 8) or set(values) != {"quant_method", "version", "bits"}:
        raise ConfigError(f"{KEY} must be like {scheme(8)}, not {short_repr(values)}")
    return bits


def is_quantized(name: str, shape: tuple[int, ...]) -> bool:
    """Whether a weight of the key table is kept in int8."""
    return len(shape) == 2 and not name.startswith(_FLOAT_HEADS)


def is_embedding(name: str) -> bool:
    """Whether rows of this weight are looked up, not multiplied."""
    return name.endswith("embeddings.weight")


def table(floats: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """A key table in float32 -> that of the quantised folder."""
    quantized: dict[str, tuple[int, ...]] = {}
    for name, shape in floats.items():
        if is_quantized(name, shape):
            base = name.removesuffix(".weight")
            quantized[f"{base}.int8"] = shape if is_embedding(name) else shape[::-1]
            quantized[f"{base}.scale"] = shape[:1]
        else:
            quantized[name] = shape
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


def shorten(values: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """8-bit weights as 7-bit ones, for a CPU whose 8-bit products saturate."""
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
