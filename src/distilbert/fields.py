"""Settings as fields of dataclasses: each states its meaning, its range and its default once.

Checks, docstrings, the command line's options (cli/options.py) and the server's variables follow from these fields.
"""

import dataclasses
import functools
import inspect
import math
import os
from collections.abc import Collection
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from .errors import InputError, short_repr

Class = TypeVar("Class", bound=type)


def setting(
    default: Any = dataclasses.MISSING,
    *,
    help: str,  # noqa: A002 - as argparse calls it
    least: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: tuple[str, ...] = (),
    unset: str = "",
    metavar: str = "",
) -> Any:
    """A field of a dataclass of settings; required without `default`.

    Args:
        help: one line on what it is, without the default.
        least, above, below: the range of a number; `least` itself is in it.
        choices: the only values of a text, where its type does not say them.
        unset: what the default means, where 0, None or "" do not say it.
        metavar: what the command line's help calls the value.
    """
    metadata = {"help": help, "least": least, "above": above, "below": below, "choices": choices}
    metadata |= {"unset": unset, "metavar": metavar}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=default.copy, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def setting_of(settings: type, name: str, default: Any = None) -> Any:
    """The field `name` of another dataclass of settings; with another default, if one is given."""
    field: dataclasses.Field[Any] = next(field for field in dataclasses.fields(settings) if field.name == name)
    if default is None and field.default_factory is not dataclasses.MISSING:
        return dataclasses.field(default_factory=field.default_factory, metadata=field.metadata)
    if default is None:
        return dataclasses.field(default=field.default, metadata=field.metadata)
    return dataclasses.field(default=default, metadata={**field.metadata, "unset": ""})


@dataclasses.dataclass(frozen=True)
class Option:
    """One field, as what reads settings from outside needs it.

    Attributes:
        kind: of a value: bool, int, float or str (paths too); of a sequence or a mapping, of each of its values.
        container: Sequence or Mapping where the field holds several values, else None.
        choices: the only values of a text; beside a container or a number, the texts that may stand in its place.
        optional: whether None is a value.
        default: MISSING where it has to be given.
    """

    name: str
    kind: type
    container: type | None
    optional: bool
    default: Any
    help: str
    least: float | None
    above: float | None
    below: float | None
    choices: tuple[str | bool, ...]
    unset: str
    metavar: str

    @property
    def default_text(self) -> str:
        """The default for a person; empty where there is none to tell."""
        if self.unset or not self.default or self.default is dataclasses.MISSING:
            return self.unset or ("0" if self.default == 0 and self.kind in (int, float) else "")
        return f"{self.default:g}".replace("e-0", "e-") if isinstance(self.default, float) else str(self.default)

    def check(self, value: Any) -> None:
        """Raises InputError for a value of another kind or outside the range."""
        if value is None and self.optional:
            return
        if self.container is not None or (self.choices and value in self.choices):
            return
        if self.choices and self.kind not in (int, float):
            *others, last = map(repr, self.choices)
            wanted = f"{', '.join(others)} or {last}" if others else last
        elif self.kind is bool:
            wanted = "" if isinstance(value, bool) else "True or False"
        elif self.kind is str:
            wanted = "" if isinstance(value, str | os.PathLike) else "a text or a path"
        else:
            wanted = "" if self._in_range(value) else self._range(value)
            wanted += f", or {', '.join(map(repr, self.choices))}" if wanted and self.choices else ""
        if wanted:
            wanted += ", or None" if self.optional else ""
            raise InputError(f"{self.name} must be {wanted}, not {short_repr(value)}")

    def _in_range(self, value: Any) -> bool:
        return (
            isinstance(value, int | np.integer if self.kind is int else int | float | np.number)
            and not isinstance(value, bool)
            and math.isfinite(value)
            and (self.least is None or value >= self.least)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def _range(self, value: Any) -> str:
        bounds = (("at least", self.least), ("above", self.above), ("below", self.below))
        stated = " and ".join(f"{word} {bound:,g}" for word, bound in bounds if bound is not None)
        if stated and isinstance(value, int if self.kind is int else float) and not isinstance(value, bool):
            return stated
        number = "a whole number" if self.kind is int else "a number"
        return f"{number} {'of ' if self.least is not None else ''}{stated}".rstrip()


def options_of(settings: type) -> tuple[Option, ...]:
    """The fields of a dataclass that are made with `setting`, in order; those that have to be given come first."""
    key: Any = settings  # mypy takes no class for hashable
    return _options_of(key)


@functools.cache
def _options_of(settings: Any) -> tuple[Option, ...]:
    hints = get_type_hints(settings)
    options = [_option(field, hints[field.name]) for field in dataclasses.fields(settings) if "help" in field.metadata]
    return tuple(sorted(options, key=lambda option: option.default is not dataclasses.MISSING))


def _option(field: "dataclasses.Field[Any]", hint: Any) -> Option:
    members = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    choices = tuple(value for member in members if get_origin(member) is Literal for value in get_args(member))
    plain = [member for member in members if member is not NoneType and get_origin(member) is not Literal] or [str]
    plain.sort(key=lambda member: get_origin(member) is None)  # one value or several: they are several
    if plain[0] is bool and choices:
        choices = (True, False, *choices)
    kind, container = plain[0], get_origin(plain[0])
    if container is not None:
        kind = get_args(plain[0])[-1]
        kind = get_args(kind)[0] if get_origin(kind) is UnionType else kind
    default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    metadata = {**field.metadata, "choices": choices or field.metadata["choices"]}
    return Option(field.name, kind, container, NoneType in members, default, **metadata)


def check_fields(settings: Any) -> None:
    """Raises InputError, naming the field, for a value of another kind or outside its range."""
    for option in options_of(type(settings)):
        option.check(getattr(settings, option.name))


def names_given(settings: Any, names: Collection[str]) -> list[str]:
    """Those of the names whose fields have another value than their default."""
    options = [option for option in options_of(type(settings)) if option.name in names]
    return [option.name for option in options if getattr(settings, option.name) != option.default]


class Checked:
    """Base of dataclasses of settings: their fields are checked when they are made. Raises InputError."""

    def __post_init__(self) -> None:
        check_fields(self)


def documented(settings: Class) -> Class:
    """A dataclass of settings whose docstring lists the fields; above `@dataclass`."""
    lines = [f"    {option.name}: {described(option)}." for option in options_of(settings)]
    settings.__doc__ = "\n".join([inspect.cleandoc(settings.__doc__ or ""), "", "Attributes:", *lines])
    return settings


def described(option: Option) -> str:
    """What a field is, and its default."""
    return f"{option.help} (default: {option.default_text})" if option.default_text else option.help
