"""The names of a head's labels: what config.json says of them, and what the head's own shape says."""

from collections.abc import Mapping
from typing import Any

from .errors import ConfigError, counted, short_repr
from .files import is_text

LABEL_KEYS = ("id2label", "label2id", "num_labels")
MOST_LABELS = 1_000_000  # no head has more


def generic_labels(number: int) -> tuple[str, ...]:
    """As Transformers names labels without a name."""
    return tuple(f"LABEL_{index}" for index in range(number))


def read_labels(values: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The labels by index from id2label, else label2id, else num_labels; None where nothing says.

    Raises ConfigError where they cannot be read, or contradict one another.
    """
    names, number = _names(values), _number(values)
    if names is None:
        return None if number is None else generic_labels(number)
    if number not in (None, len(names)):
        raise ConfigError(f"num_labels is {number}, but id2label names {counted(len(names), 'label')}")
    return names


def labels_of_head(values: Mapping[str, Any], outputs: int) -> tuple[str, ...]:
    """The labels of a head with so many outputs: its shape decides between contradicting keys.

    Old versions of Transformers wrote `num_labels` beside the default names of two labels. Raises ConfigError
    where id2label names another number of labels than the head has.
    """
    names, number = _names(values), _number(values)
    if names is not None and len(names) == outputs:
        return names
    if names is None or number == outputs or names == generic_labels(len(names)):
        return generic_labels(outputs)
    raise ConfigError(f"id2label names {counted(len(names), 'label')}, but the classifier has {outputs}")


def _number(values: Mapping[str, Any]) -> int | None:
    number = values.get("num_labels")
    return number if type(number) is int and 1 <= number <= MOST_LABELS else None


def _names(values: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The names by index. A label2id without an id2label counts where it can be read; Transformers never reads it."""
    if given := values.get("id2label"):
        return _in_order(dict(enumerate(given)) if isinstance(given, list | tuple) else given)
    if isinstance(given := values.get("label2id"), Mapping) and given:
        try:
            named = _in_order({index: label for label, index in given.items()})
        except (ConfigError, TypeError):  # unhashable
            return None
        return named if len(named) == len(given) else None
    return None


def _in_order(given: object) -> tuple[str, ...]:
    """{index: label} -> the labels, as text: booleans, numbers and null are labels too."""
    if not isinstance(given, Mapping):
        raise ConfigError(f"id2label must be an object of indices and labels, not {short_repr(given)}")
    by_index: dict[int, str] = {}
    for index, label in given.items():
        if isinstance(label, list | dict | tuple) or not is_text(name := str(label)):
            raise ConfigError(f"id2label must hold names of valid Unicode, not {short_repr(label)}")
        try:
            by_index[int(index)] = name
        except (TypeError, ValueError, OverflowError):
            raise ConfigError(f"id2label has {short_repr(index)}, which is not an index (0: name)") from None
    if len(by_index) < len(given) or set(by_index) != set(range(len(given))):
        raise ConfigError(f"id2label must number its {len(given)} labels from 0 on, not {short_repr([*given])}")
    return tuple(by_index[index] for index in range(len(by_index)))
