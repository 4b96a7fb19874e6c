"""Answers as JSON, written part by part, so that a long one is never held as objects, and can be stopped."""

import json
from collections.abc import Callable, Iterator

from pydantic_core import PydanticSerializationError, to_json


def written(value: object, spend: Callable[[int], None]) -> bytes:
    """The JSON of a value; of an iterator, or of one in a dict, item by item.

    `spend` is told the bytes of each item when it is written, and may raise.
    """
    if isinstance(value, Iterator):
        parts = []
        for item in value:
            parts.append(_json(item))
            spend(len(parts[-1]))
        return b"[" + b",".join(parts) + b"]"
    if isinstance(value, dict) and any(isinstance(item, Iterator) for item in value.values()):
        return b"{" + b",".join(_json(name) + b":" + written(item, spend) for name, item in value.items()) + b"}"
    content = _json(value)
    spend(len(content))
    return content


def _json(value: object) -> bytes:
    try:
        return to_json(value, inf_nan_mode="null")
    except PydanticSerializationError:  # a text sent back has unpaired surrogates: only escapes can hold those
        return json.dumps(value).encode()
