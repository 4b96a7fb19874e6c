"""The keys of config.json: what reads each, what its value must be, and how other programs spell it."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, get_args

from .activations import Activation
from .errors import ConfigError, short_repr
from .files import is_text

_LIMIT = 2**31 - 1
_MOST_LAYERS = 1024  # no model is deeper; a config that says so is broken
Problem = Literal["regression", "single_label_classification", "multi_label_classification"]
PROBLEM_TYPES: tuple[Problem, ...] = get_args(Problem)
ReadBy = Literal["inference", "classification", "training"]


class Key(NamedTuple):
    """A key of config.json.

    Attributes:
        read_by: what depends on it: every answer, only those of a classifier, or only how the model is trained further.
        wanted: what its value must be, for messages.
        right: whether a value is that.
        same_as: spellings that mean the same in Transformers. Two that contradict one another are an error.
        also: spellings of other models and libraries, which Transformers ignores: read where the key itself is missing.
        required: whether config.json must have it.
    """

    read_by: ReadBy
    wanted: str
    right: Callable[[Any], bool]
    same_as: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    required: bool = False


def _size(most: int = _LIMIT, same_as: tuple[str, ...] = (), also: tuple[str, ...] = ()) -> Key:
    def right(value: Any) -> bool:
        return type(value) is int and 1 <= value <= most

    return Key("inference", f"a whole number from 1 to {most}", right, same_as, also, required=True)


def _dropout(*also: str) -> Key:
    def right(value: Any) -> bool:  # NaN is not right either
        return type(value) in (int, float) and 0 <= value < 1

    return Key("training", "a number from 0 to below 1", right, also=also)


def _flag(read_by: ReadBy, *also: str) -> Key:
    return Key(read_by, "true or false", lambda value: type(value) is bool, also=also)


KEYS: dict[str, Key] = {
    "vocab_size": _size(),
    "max_position_embeddings": _size(),
    "dim": _size(same_as=("hidden_size",), also=("d_model",)),
    "n_layers": _size(_MOST_LAYERS, same_as=("num_hidden_layers",)),
    "n_heads": _size(same_as=("num_attention_heads",)),
    "hidden_dim": _size(also=("intermediate_size",)),
    "activation": Key("inference", "an Activation", lambda value: isinstance(value, Activation), also=("hidden_act",)),
    "tie_word_embeddings": _flag("inference", "tie_weights_"),  # the other is rust-bert's
    "architectures": Key(
        "inference", "a list of strings", lambda value: isinstance(value, tuple) and all(map(is_text, value))
    ),
    "problem_type": Key(
        "classification",
        f"one of {', '.join(PROBLEM_TYPES)} or null",
        lambda value: value is None or value in PROBLEM_TYPES,
    ),
    "classifier_pooling": Key("inference", "cls or mean", lambda value: value in ("cls", "mean")),
    "dropout": _dropout("hidden_dropout_prob"),
    "attention_dropout": _dropout("attention_probs_dropout_prob"),
    "qa_dropout": _dropout(),
    "seq_classif_dropout": _dropout(),
    "initializer_range": Key(
        "training", f"a number from 0 to {_LIMIT}", lambda value: type(value) in (int, float) and 0 <= value <= _LIMIT
    ),
    "sinusoidal_pos_embds": _flag("training"),
    "pad_token_id": Key(
        "training",
        "a token id or null",
        lambda value: value is None or (type(value) is int and -1 <= value <= _LIMIT),
    ),
    "output_hidden_states": _flag("training"),
    "output_attentions": _flag("training"),
}
SPELLINGS = {spelling for name, key in KEYS.items() for spelling in (name, *key.same_as, *key.also)}


def wrong_value(name: str, value: object) -> ConfigError:
    """That a key has a value that it cannot have."""
    return ConfigError(f"{name} must be {KEYS[name].wanted}, not {short_repr(value)}")


def stated_value(name: str, values: Mapping[str, Any]) -> Any:
    """What config.json says of a key under any of its spellings; None for nothing.

    Raises ConfigError where spellings that Transformers takes for the same contradict one another.
    """
    key = KEYS[name]
    stated = [(spelling, values[spelling]) for spelling in (name, *key.same_as) if values.get(spelling) is not None]
    for spelling, value in stated[1:]:
        if value != stated[0][1]:
            first = f"{stated[0][0]}={short_repr(stated[0][1])}"
            raise ConfigError(f"{spelling}={short_repr(value)} contradicts {first}, which is the same setting")
    if stated:
        return stated[0][1]
    return next((values[spelling] for spelling in key.also if values.get(spelling) is not None), None)
