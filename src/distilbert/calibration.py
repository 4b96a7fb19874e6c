"""Calibration: what is done to a head's logits so that its scores are how often it is right.

`distilbert calibrate` fits it and writes it into config.json, where only this package reads it:

    "calibration": {"temperature": 1.4, "bias": [0.1, -0.1]}

The logits that scores are made of are logits / temperature + bias; without biases the order of the labels stays. The
head itself is as it was: its raw logits, and all that other programs make of the folder, do not change.

Guo et al. 2017, https://arxiv.org/abs/1706.04599 (temperature; with biases it lies between that and vector scaling).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import ConfigError, short_repr

KEY = "calibration"


@dataclass(frozen=True)
class Calibration:
    """How logits become those that scores are made of.

    Attributes:
        temperature: they are divided by it: above 1 where the model is too sure of itself.
        bias: what is added then, one number a label; empty for none.
    """

    temperature: float = 1.0
    bias: tuple[float, ...] = ()

    def __call__(self, logits: np.ndarray) -> np.ndarray:
        """Logits [..., labels] of any floating-point type -> the same, calibrated."""
        if self == Calibration():
            return logits
        scaled: np.ndarray = logits / logits.dtype.type(self.temperature)
        return scaled + np.array(self.bias, logits.dtype) if self.bias else scaled

    def __str__(self) -> str:
        bias = f", bias {', '.join(f'{number:+.3f}' for number in self.bias)}" if self.bias else ""
        return f"temperature {self.temperature:.3f}{bias}"

    def to_dict(self) -> dict[str, Any]:
        """What config.json has."""
        return {"temperature": self.temperature} | ({"bias": list(self.bias)} if self.bias else {})


def read_calibration(values: object, labels: int) -> Calibration:
    """What config.json says of a head with so many labels; None is nothing. Raises ConfigError for what cannot be."""
    if values is None:
        return Calibration()
    given = dict(values) if isinstance(values, Mapping) else {}
    temperature, bias = given.pop("temperature", None), given.pop("bias", [])
    if (
        given
        or not _is_number(temperature)
        or temperature <= 0
        or not isinstance(bias, list)
        or len(bias) not in (0, labels)
        or not all(map(_is_number, bias))
    ):
        raise ConfigError(
            f"{KEY} must be like {Calibration(1.5).to_dict()}, perhaps with a bias for each of the {labels} labels, "
            f"not {short_repr(values)}"
        )
    return Calibration(float(temperature), tuple(map(float, bias)))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))
