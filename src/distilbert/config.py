"""DistilBertConfig: the architecture of a checkpoint, read strictly from config.json."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Self

import numpy as np

from . import int8
from .errors import ConfigError, short_repr
from .files import is_folder, is_text, read_json

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

# the keys of other spellings -> ours
_SPELLINGS = {
    "hidden_size": "dim",
    "d_model": "dim",
    "num_attention_heads": "n_heads",
    "num_hidden_layers": "n_layers",
    "intermediate_size": "hidden_dim",
    "hidden_act": "activation",
    "hidden_dropout_prob": "dropout",
    "attention_probs_dropout_prob": "attention_dropout",
    "tie_weights_": "tie_word_embeddings",
}
_FLAGS = ("sinusoidal_pos_embds", "tie_word_embeddings", "output_hidden_states", "output_attentions")
_REQUIRED = ("vocab_size", "max_position_embeddings", "dim", "n_layers", "n_heads", "hidden_dim")
_LIMIT = 2**31 - 1
_MOST_LAYERS = 1024  # no model is deeper; a config that says so is broken
_MOST_LABELS = 1_000_000
_PROBLEM_TYPES = ("regression", "single_label_classification", "multi_label_classification")


@dataclasses.dataclass(frozen=True)
class DistilBertConfig:
    """The shape of a DistilBERT and what its heads need to know.

    The defaults are distilbert-base-uncased. Keys follow Transformers' `DistilBertConfig`;
    `from_dict` also takes the spellings of BERT (`hidden_size`, …) and of rust-bert
    (`tie_weights_`). Keys that the package does not know are kept in `extra` and written back.

    Attributes:
        vocab_size: V, rows of the word embeddings.
        max_position_embeddings: the longest text in tokens, special tokens included.
        dim: D, the width. n_heads must divide it.
        n_layers, n_heads, hidden_dim: L, H, and the width inside the feed-forward block.
        activation: the non-linearity of the feed-forward block and of the masked-LM head.
        sinusoidal_pos_embds: how positions were *initialised*; weights in a checkpoint always win.
        tie_word_embeddings: the masked-LM projector is the word embeddings where a checkpoint has none.
        labels: the classes of a classification head, by index.
        problem_type: "regression", "single_label_classification", "multi_label_classification" or None.
        architectures: the class that the checkpoint was saved from, e.g. ("DistilBertForMaskedLM",).
    """

    vocab_size: int = 30522
    max_position_embeddings: int = 512
    dim: int = 768
    n_layers: int = 6
    n_heads: int = 12
    hidden_dim: int = 3072
    activation: Activation = Activation.gelu
    sinusoidal_pos_embds: bool = False
    tie_word_embeddings: bool = True
    dropout: float = 0.1
    attention_dropout: float = 0.1
    qa_dropout: float = 0.1
    seq_classif_dropout: float = 0.2
    initializer_range: float = 0.02
    pad_token_id: int | None = 0
    labels: tuple[str, ...] = ("LABEL_0", "LABEL_1")
    problem_type: str | None = None
    architectures: tuple[str, ...] = ()
    output_hidden_states: bool = False
    output_attentions: bool = False
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "extra", dict(self.extra))
        for field in dataclasses.fields(self):
            self._check(field.name, getattr(self, field.name))
        if self.dim % self.n_heads:
            raise ConfigError(f"dim={self.dim} is not a multiple of n_heads={self.n_heads}")

    @staticmethod
    def _check(name: str, value: object) -> None:
        """Type and range of one field; the message names it."""
        if name in _REQUIRED:
            most = _MOST_LAYERS if name == "n_layers" else _LIMIT
            if type(value) is not int or not 1 <= value <= most:
                raise ConfigError(f"{name} must be a whole number from 1 to {most}, not {short_repr(value)}")
        elif name.endswith("dropout"):
            if type(value) not in (int, float) or not 0 <= value < 1:  # type: ignore[operator]  # NaN fails too
                raise ConfigError(f"{name} must be a number from 0 to below 1, not {short_repr(value)}")
        elif name == "initializer_range":
            if type(value) not in (int, float) or not 0 <= value <= _LIMIT:  # type: ignore[operator]
                raise ConfigError(f"{name} must be a number from 0 to {_LIMIT}, not {short_repr(value)}")
        elif name in _FLAGS:
            if type(value) is not bool:
                raise ConfigError(f"{name} must be true or false, not {short_repr(value)}")
        elif name == "pad_token_id":
            if value is not None and (type(value) is not int or not -1 <= value <= _LIMIT):
                raise ConfigError(f"{name} must be a token id or null, not {short_repr(value)}")
        elif name == "activation":
            if not isinstance(value, Activation):
                raise ConfigError(
                    f"activation must be an Activation, not {short_repr(value)}; see Activation.from_name"
                )
        elif name in ("labels", "architectures"):
            if not isinstance(value, tuple) or not all(map(is_text, value)):
                raise ConfigError(f"{name} must be a tuple of strings of valid Unicode, not {short_repr(value)}")
        elif name == "problem_type" and value is not None and value not in _PROBLEM_TYPES:
            raise ConfigError(
                f"problem_type must be one of {', '.join(_PROBLEM_TYPES)} or null, not {short_repr(value)}"
            )

    @property
    def num_labels(self) -> int:
        return len(self.labels)

    @property
    def head_dim(self) -> int:
        """Width of one attention head, D / H."""
        return self.dim // self.n_heads

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read a config.json. Raises ConfigError naming the file and the field."""
        path = Path(path)
        if is_folder(path):
            path = path / "config.json"
        values = read_json(path)
        try:
            return cls.from_dict(values)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """From the keys of a config.json; null is "not set". Raises ConfigError naming the field."""
        _refuse_other_architectures(values)
        known = {field.name for field in dataclasses.fields(cls)} - {"extra", "labels"}
        ours: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        for key, value in values.items():
            name = _SPELLINGS.get(key, key)
            if name not in known:
                extra[key] = value
            elif value is None and name != "pad_token_id":  # there null is "none"
                continue
            elif name in ours and ours[name] != value:
                raise ConfigError(
                    f"{key}={short_repr(value)} contradicts {name}={short_repr(ours[name])}, which is the same setting"
                )
            else:
                ours[name] = value
        if missing := [name for name in _REQUIRED if name not in ours]:
            raise ConfigError(f"{', '.join(missing)} missing; is this the config.json of a DistilBERT?")
        extra.pop("model_type", None)
        labels = _labels(extra.pop("id2label", None), extra.pop("label2id", None), extra.pop("num_labels", None))
        if labels is not None:
            ours["labels"] = labels
        if extra.get(int8.KEY) is not None:
            int8.check_scheme(extra[int8.KEY])
        if "activation" in ours:
            ours["activation"] = Activation.from_name(ours["activation"])
        ours["architectures"] = _strings("architectures", ours.get("architectures"))
        return cls(**ours, extra=extra)

    def to_dict(self) -> dict[str, Any]:
        """The keys of a config.json that Transformers, rust-bert and this package read."""
        values = dict(self.extra)
        for field in dataclasses.fields(self):
            if field.name not in ("extra", "labels", "activation", "architectures"):
                values[field.name] = getattr(self, field.name)
        values["model_type"] = "distilbert"
        values["tie_weights_"] = self.tie_word_embeddings  # rust-bert reads no config without it
        values["activation"] = self.activation.value
        values["architectures"] = list(self.architectures)
        values["id2label"] = {str(index): label for index, label in enumerate(self.labels)}
        values["label2id"] = {label: index for index, label in enumerate(self.labels)}
        if self.problem_type is None:
            del values["problem_type"]
        return values


def _refuse_other_architectures(values: Mapping[str, Any]) -> None:
    """Raises ConfigError saying what else this is; files older than the key model_type show it otherwise."""
    kind = values.get("model_type")
    if kind is None:
        names = _strings("architectures", values.get("architectures"))
        if names and not any("DistilBert" in name for name in names):
            kind = "bert" if names[0].startswith("Bert") else names[0]
        elif not names and "type_vocab_size" in values:
            kind = "bert"
    if kind == "bert":
        raise ConfigError("this is a BERT, not a DistilBERT; `distilbert convert SOURCE OUT` folds one into the other")
    if kind not in (None, "distilbert"):
        raise ConfigError(
            f"this is a {short_repr(kind)}, by its model_type or architectures; only a DistilBERT runs here"
        )


def _strings(name: str, value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(map(is_text, value)):
        raise ConfigError(f"{name} must be a list of strings, not {short_repr(value)}")
    return tuple(value)


def _labels(id2label: object, label2id: object, num_labels: object) -> tuple[str, ...] | None:
    """The labels by index from id2label, else label2id, else num_labels; None where nothing says."""
    if num_labels is not None and (type(num_labels) is not int or not 1 <= num_labels <= _MOST_LABELS):
        raise ConfigError(f"num_labels must be a whole number from 1 to {_MOST_LABELS}, not {short_repr(num_labels)}")
    name, given = ("id2label", id2label) if id2label else ("label2id", label2id)
    if not given:
        return None if num_labels is None else tuple(f"LABEL_{index}" for index in range(num_labels))
    if not isinstance(given, Mapping):
        raise ConfigError(f"{name} must be an object of labels and their indices, not {short_repr(given)}")
    pairs = given.items() if name == "id2label" else [(index, label) for label, index in given.items()]
    by_index: dict[int, str] = {}
    for index, label in pairs:
        try:
            by_index[int(index)] = str(label) if type(label) is int else label
        except (TypeError, ValueError, OverflowError):
            raise ConfigError(f"{name} has {short_repr(index)}, which is not an index") from None
    if len(by_index) < len(pairs) or set(by_index) != set(range(len(pairs))):
        raise ConfigError(
            f"{name} must number its {len(pairs)} labels from 0 on, not {short_repr([i for i, _ in pairs])}"
        )
    if not all(map(is_text, by_index.values())):
        raise ConfigError(f"{name} must hold strings of valid Unicode, not {short_repr(list(by_index.values()))}")
    if num_labels not in (None, len(by_index)):
        raise ConfigError(f"num_labels is {num_labels}, but {name} names {len(by_index)} labels")
    return tuple(by_index[index] for index in range(len(by_index)))
