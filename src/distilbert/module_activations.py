"""The activations of torch.nn by name, as NumPy functions: what a sentence-transformers folder may name.

Such a folder keeps the name of a class alone, and whoever opens it gets the class with its constructor's
defaults; so do these. Formulas: the documentation of torch.nn.
"""

from collections.abc import Callable

import numpy as np

from .activations import Activation

Function = Callable[[np.ndarray], np.ndarray]

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805
_RRELU_SLOPE = (1 / 8 + 1 / 3) / 2  # outside training the mean of its bounds
PRELU_SLOPE = 0.25  # of torch.nn.PReLU before training


def _elu(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.where(x > 20, x, np.logaddexp(0, x))  # torch's threshold


def _log_softmax(x: np.ndarray) -> np.ndarray:
    shifted = x - x.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))


def _glu(x: np.ndarray) -> np.ndarray:
    values, gates = np.split(x, 2, axis=-1)
    return values * np.exp(-np.logaddexp(0, -gates))


def leaky_relu(x: np.ndarray, slope: float | np.ndarray = 0.01) -> np.ndarray:
    return np.where(x > 0, x, slope * x)


# over the last axis where a function reads several numbers at once
ACTIVATIONS: dict[str, Function] = {
    "CELU": _elu,
    "ELU": _elu,
    "GELU": Activation.gelu,
    "GLU": _glu,
    "Hardshrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
    "Hardsigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
    "Hardswish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "Hardtanh": lambda x: np.clip(x, -1, 1),
    "Identity": lambda x: x,
    "LeakyReLU": leaky_relu,
    "LogSigmoid": lambda x: -np.logaddexp(0, -x),
    "LogSoftmax": _log_softmax,
    "Mish": Activation.mish,
    "PReLU": lambda x: leaky_relu(x, PRELU_SLOPE),
    "RReLU": lambda x: leaky_relu(x, _RRELU_SLOPE),
    "ReLU": lambda x: np.maximum(x, 0),
    "ReLU6": lambda x: np.clip(x, 0, 6),
    "SELU": lambda x: _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(np.minimum(x, 0))),
    "SiLU": Activation.silu,
    "Sigmoid": lambda x: np.exp(-np.logaddexp(0, -x)),
    "Softmax": lambda x: np.exp(_log_softmax(x)),
    "Softmin": lambda x: np.exp(_log_softmax(-x)),
    "Softplus": _softplus,
    "Softshrink": lambda x: np.where(x > 0.5, x - 0.5, np.where(x < -0.5, x + 0.5, 0)),
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "Tanh": np.tanh,
    "Tanhshrink": lambda x: x - np.tanh(x),
}
# those whose axis torch chooses by the number of axes: of tokens they would mix whole texts
OVER_SEVERAL = ("LogSoftmax", "Softmax", "Softmin")


def activation_name(path: str) -> str | None:
    """`torch.nn.modules.activation.Tanh` or `torch.nn.Tanh` -> "Tanh"; None for what is no activation of torch.nn."""
    package, _, name = path.rpartition(".")
    return name if (package == "torch.nn" or package.startswith("torch.nn.modules.")) and name in ACTIVATIONS else None
