"""Answers as JSON, written part by part, so that a long one is never held as objects, and can be stopped."""

import json
from collections.abc import Callable, Iterator

from pydantic_core import PydanticSerializationError, to_json


def written(value: object, spend: Callable[[int], None]) -> bytes:
    """The JSON of a value; of an iterator, or of one in a dict or an iterator, item by item.

    A function in such a dict is called when its turn comes.

    `spend` is told the bytes of each item when it is written, and may raise. An item is written in one go, in which
    no other thread runs: what may be long should come as an iterator.
    """
    if isinstance(value, Iterator):
        return b"[" + b",".join(written(item, spend) for item in value) + b"]"
    if isinstance(value, dict) and any(isinstance(item, Iterator) for item in value.values()):
        return (
            b"{"
            + b",".join(
                _json(name) + b":" + written(item() if callable(item) else item, spend) for name, item in value.items()
            )
            + b"}"
        )
    content = _json(value)
    spend(len(content))
    return content


def _json(value: object) -> bytes:
    try:
        return to_json(value, inf_nan_mode="null")
    except PydanticSerializationError:  # a text sent back has unpaired surrogates: only escapes can hold those
        return json.dumps(value).encode()
