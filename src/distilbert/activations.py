"""The activations that a DistilBERT's feed-forward block can have, by their names in config.json."""

import math
from collections.abc import Callable
from enum import Enum
from typing import Self

import numpy as np

from .errors import ConfigError, short_repr

_erf = np.vectorize(math.erf, otypes=[float])


def _gelu(x: np.ndarray) -> np.ndarray:
    return (0.5 * x * (1 + _erf(x / math.sqrt(2)))).astype(x.dtype)


def _gelu_tanh(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * x))


class Activation(Enum):
    """The non-linearity between the two layers of the feed-forward block.

    The value is the name in config.json. A member is callable on a NumPy float array of any
    shape: that is its definition, which every engine is tested against. Names that mean the same
    function (`silu` and `swish`, `linear` and `identity`) are aliases of one member.
    """

    gelu = "gelu"
    gelu_new = "gelu_new"
    gelu_pytorch_tanh = "gelu_pytorch_tanh"
    gelu_fast = "gelu_fast"
    quick_gelu = "quick_gelu"
    relu = "relu"
    silu = "silu"
    mish = "mish"
    tanh = "tanh"
    linear = "linear"
    # aliases
    gelu_python = "gelu"
    gelu_python_tanh = "gelu_pytorch_tanh"
    gelu_accurate = "gelu_pytorch_tanh"
    swish = "silu"
    identity = "linear"

    @classmethod
    def from_name(cls, name: str) -> Self:
        """The member called `name`. Raises ConfigError, listing the names, for any other."""
        if not isinstance(name, str) or name not in cls.__members__:
            raise ConfigError(f"activation must be one of {', '.join(cls.__members__)}, not {short_repr(name)}")
        return cls[name]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return _FUNCTIONS[self](x)


_FUNCTIONS: dict[Activation, Callable[[np.ndarray], np.ndarray]] = {
    Activation.gelu: _gelu,
    Activation.gelu_new: _gelu_tanh,
    Activation.gelu_pytorch_tanh: _gelu_tanh,
    Activation.gelu_fast: _gelu_tanh,  # the same formula with its constant rounded to ten digits
    Activation.quick_gelu: lambda x: x * _sigmoid(1.702 * x),
    Activation.relu: lambda x: np.maximum(x, 0),
    Activation.silu: lambda x: x * _sigmoid(x),
    Activation.mish: lambda x: x * np.tanh(np.logaddexp(0, x)),
    Activation.tanh: np.tanh,
    Activation.linear: lambda x: x,
}
