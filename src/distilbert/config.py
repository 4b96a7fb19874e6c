"""DistilBertConfig: the architecture of a checkpoint, read from config.json.

config_keys.py says of each key what reads it. What inference reads must be right; what only training, or only a head
with labels, reads stops them alone (`for_training`, `for_head`, `check_problem_type`), never a model that does without;
every other key is kept as it is.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from . import calibration, int8
from .activations import Activation
from .calibration import Calibration, read_calibration
from .config_keys import KEYS, PROBLEM_TYPES, SPELLINGS, Problem, stated_value, wrong_value
from .errors import ConfigError, naming, short_repr
from .files import is_folder, is_text, read_json
from .folder.layout import CONFIG
from .hint_attributes import CONFIG_ATTRIBUTES
from .hints import Hinted
from .labels import LABEL_KEYS, labels_of_head, read_labels


@dataclasses.dataclass(frozen=True)
class DistilBertConfig(Hinted):
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
        classifier_pooling: which tokens a classifier of texts reads: "cls", the first, as Transformers does; or "mean",
            all of them, whose logits' mean is the text's. The key is ModernBERT's.
        architectures: the class that the checkpoint was saved from, e.g. ("DistilBertForMaskedLM",).
        extra: all other keys, and what `from_dict` could not read of keys that inference may do without.
    """

    elsewhere = CONFIG_ATTRIBUTES

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
    classifier_pooling: str = "cls"
    architectures: tuple[str, ...] = ()
    output_hidden_states: bool = False
    output_attentions: bool = False
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "extra", dict(self.extra))
        for name, key in KEYS.items():
            if not key.right(value := getattr(self, name)):
                raise wrong_value(name, value)
        if not isinstance(self.labels, tuple) or not all(map(is_text, self.labels)):
            raise ConfigError(f"labels must be a tuple of strings of valid Unicode, not {short_repr(self.labels)}")
        if self.dim % self.n_heads:
            raise ConfigError(f"dim={self.dim} is not a multiple of n_heads={self.n_heads}")

    @property
    def num_labels(self) -> int:
        return len(self.labels)

    @property
    def id2label(self) -> dict[int, str]:
        """The labels by their numbers, as Transformers' configs have them."""
        return dict(enumerate(self.labels))

    @property
    def label2id(self) -> dict[str, int]:
        return {label: index for index, label in enumerate(self.labels)}

    @property
    def problem(self) -> Problem:
        """`problem_type`, or where it is None what the number of labels implies, as in Transformers."""
        implied: Problem = "regression" if self.num_labels == 1 else "single_label_classification"
        return next((known for known in PROBLEM_TYPES if known == self.problem_type), implied)

    @property
    def head_dim(self) -> int:
        """Width of one attention head, D / H."""
        return self.dim // self.n_heads

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read a config.json. Raises ConfigError naming the file and the field."""
        path = Path(path)
        if is_folder(path):
            path = path / CONFIG
        values = read_json(path)
        with naming(path):
            return cls.from_dict(values)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """From the keys of a config.json; null is "not set".

        Raises ConfigError, naming the field, for what would change an answer. What only training reads, and labels,
        are left at their defaults where they cannot be right, and their values stay in `extra`.
        """
        _refuse_other_architectures(values)
        ours: dict[str, Any] = {}
        extra = {key: value for key, value in values.items() if key not in SPELLINGS}
        for name, key in KEYS.items():
            value = stated_value(name, values)
            if value is None and not (name == "pad_token_id" and name in values):  # there null is "none"
                continue
            if name == "activation":
                value = Activation.from_name(value)
            elif name == "architectures":
                value = _strings(value)
            if key.right(value):
                ours[name] = value
            elif key.read_by == "inference":
                raise wrong_value(name, value)
            else:
                extra[name] = value
        if missing := [name for name, key in KEYS.items() if key.required and name not in ours]:
            raise ConfigError(f"{', '.join(missing)} missing; is this the config.json of a DistilBERT?")
        extra.pop("model_type", None)
        named = {key: extra.pop(key) for key in LABEL_KEYS if key in extra}
        try:
            ours["labels"] = read_labels(named) or cls.labels
        except ConfigError:  # a head with labels finds out, see for_head
            extra |= named
        if int8.is_ours(extra.get(int8.KEY)):
            int8.read_scheme(extra[int8.KEY])
        return cls(**ours, extra=extra)

    def for_head(self, outputs: int) -> Self:
        """The config of a checkpoint whose classifier has so many outputs: its shape decides over contradicting keys.

        Raises ConfigError where the labels named are others.
        """
        unread = {key: self.extra[key] for key in LABEL_KEYS if key in self.extra}
        labels = labels_of_head(unread or {"id2label": dict(enumerate(self.labels))}, outputs)
        return dataclasses.replace(self._without(*LABEL_KEYS), labels=labels)

    @property
    def calibration(self) -> Calibration:
        """What is done to a classifier's logits before they become scores. Raises ConfigError for what cannot be."""
        return read_calibration(self.extra.get(calibration.KEY), self.num_labels)

    def uncalibrated(self) -> Self:
        """The config of a head that is another one, or will be."""
        return self._without(calibration.KEY)

    def unquantized(self) -> Self:
        """The config of the same weights in float32."""
        return self._without(int8.KEY)

    def without_dtype(self) -> Self:
        """The config of weights stored in another type than those it came with; Transformers casts to its dtype."""
        return self._without("dtype", "torch_dtype")

    def _without(self, *keys: str) -> Self:
        return dataclasses.replace(self, extra={key: self.extra[key] for key in self.extra if key not in keys})

    def for_training(self, folder: Path) -> Self:
        """The config, read from `folder`, in float32 and without the calibration of its head as it was.

        Raises ConfigError naming a key that only training reads and that cannot be right.
        """
        for name in self.extra:
            if name in KEYS and KEYS[name].read_by == "training":
                raise ConfigError(f"{folder / CONFIG}: {wrong_value(name, self.extra[name])}")
        return self.uncalibrated().unquantized()

    def check_problem_type(self, folder: Path) -> None:
        """Raises ConfigError where the config.json of `folder` names a problem type that does not exist."""
        if "problem_type" in self.extra:
            raise ConfigError(f"{folder / CONFIG}: {wrong_value('problem_type', self.extra['problem_type'])}")

    def to_dict(self) -> dict[str, Any]:
        """The keys of a config.json that Transformers, rust-bert and this package read."""
        values = dict(self.extra)
        for field in dataclasses.fields(self):
            if field.name not in ("extra", "labels", "activation", "architectures"):
                values[field.name] = getattr(self, field.name)
        values.pop("num_labels", None)
        values["model_type"] = "distilbert"
        values["tie_weights_"] = self.tie_word_embeddings  # rust-bert reads no config without it
        values["activation"] = self.activation.value
        values["architectures"] = list(self.architectures)
        values["id2label"] = {str(index): label for index, label in self.id2label.items()}
        values["label2id"] = self.label2id
        if self.classifier_pooling == "cls":
            del values["classifier_pooling"]
        if self.problem_type is None:
            del values["problem_type"]
            values |= {key: value for key, value in self.extra.items() if key == "problem_type"}
        return values


def _refuse_other_architectures(values: Mapping[str, Any]) -> None:
    """Raises ConfigError saying what else this is; files older than the key model_type show it otherwise."""
    kind = values.get("model_type")
    if isinstance(kind, str) and kind.lower().replace("_", "") == "distilbert":
        return
    if kind is None:
        names = _strings(values.get("architectures"))
        if names and not any("DistilBert" in name for name in names):
            kind = "bert" if names[0].startswith("Bert") else names[0]
        elif not names:
            kind = "bert" if "type_vocab_size" in values else values.get("registered_name")  # Keras' key
    if kind == "bert":
        raise ConfigError("this is a BERT, not a DistilBERT; `distilbert convert SOURCE OUT` folds one into the other")
    if kind is not None:
        raise ConfigError(
            f"this is a {short_repr(kind)}, by its model_type or architectures; only a DistilBERT runs here"
        )


def _strings(value: object) -> tuple[str, ...]:
    """The architectures: a list of names, or one name."""
    if value is None:
        return ()
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list | tuple) or not all(map(is_text, value)):
        raise wrong_value("architectures", value)
    return tuple(value)
