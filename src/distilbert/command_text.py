"""Settings as text: the command line that says the same, by which a run is repeated, and each for a person."""

import json
import os
import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .fields import Option, options_of


def flag_of(name: str) -> str:
    """The option that a field becomes: --top-k of top_k."""
    return "--" + name.replace("_", "-")


def command_text(words: Sequence[object], settings: Any = None, *, without: Collection[str] = ()) -> str:
    """A command line for a shell, of its words and of all settings that are not the default.

    Empty where a value is none that a command line can say, such as a table in memory.
    """
    if not all(isinstance(word, str | os.PathLike) for word in words):
        return ""
    parts = [str(word) for word in words]
    for option in options_of(type(settings)) if settings is not None else ():
        value = getattr(settings, option.name)
        if option.name in without or value == option.default:
            continue
        said = _option_words(option, value)
        if said is None:
            return ""
        parts += said
    return shlex.join(parts)


def _option_words(option: Option, value: Any) -> list[str] | None:
    flag = flag_of(option.name)
    if isinstance(value, bool):
        return [flag] if value else [f"--no-{option.name.replace('_', '-')}"]
    if isinstance(value, Mapping):
        return [flag, *(f"{name}={each}" for name, each in value.items())]
    values = [value] if isinstance(value, str | int | float | os.PathLike) else value
    if not isinstance(values, list | tuple) or not all(isinstance(v, str | int | float | os.PathLike) for v in values):
        return None
    return [flag, *map(str, values)]


def setting_text(value: Any) -> str:
    """A setting for a person."""
    return "-" if value is None or value == {} else json.dumps(value) if isinstance(value, Mapping) else str(value)
