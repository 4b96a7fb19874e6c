"""A name of another library that fails here is told with what does the same: in calls, attributes and results."""

import dataclasses
import difflib
import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from .errors import InputError, UnknownOptionError, name_list, short_repr
from .hint_arguments import ARGUMENTS, VALUES

Function = TypeVar("Function", bound=Callable[..., Any])
Class = TypeVar("Class", bound=type)

_UNEXPECTED = re.compile(r"got an unexpected keyword argument '(\w+)'")


def hinting(function: Function, options: type | None = None) -> Function:
    """The same function, which says more of an argument that it does not have, and of a peer's value that it refuses.

    `options` is the dataclass whose fields its `**options` are. Raises UnknownOptionError for an unknown argument, and
    the function's own InputError with the hint behind it.
    """

    @functools.wraps(function)
    def called(*args: Any, **keywords: Any) -> Any:
        try:
            return function(*args, **keywords)
        except InputError as error:
            given = inspect.signature(function).bind_partial(*args, **keywords).arguments
            given |= given.pop("options", {})
            hints = [hint for each in given.items() if (hint := _value_hint(*each))]
            if not hints:
                raise
            raise InputError(f"{error} ({'; '.join(hints)})") from None
        except TypeError as error:
            found = _UNEXPECTED.search(str(error))
            if found is None or found[1] not in keywords:
                raise
            raise UnknownOptionError(unknown_argument(found[1], _accepted(function, options))) from None

    return called  # type: ignore[return-value]


def hinting_fields(elsewhere: Mapping[str, str]) -> Callable[[Class], Class]:
    """Decorates a dataclass of settings: an unknown field is an UnknownOptionError that tells what does the same.

    `elsewhere` is the table of another library's options.
    """

    def decorate(settings: Class) -> Class:
        names = [field.name for field in dataclasses.fields(settings)]
        init = vars(settings)["__init__"]

        @functools.wraps(init)
        def called(self: object, *args: Any, **keywords: Any) -> None:
            for name in keywords.keys() - set(names):
                raise UnknownOptionError(unknown_argument(name, names, elsewhere))
            init(self, *args, **keywords)

        setattr(settings, "__init__", called)  # noqa: B010  # type checkers take no other way
        return settings

    return decorate


def _accepted(function: Callable[..., Any], options: type | None) -> list[str]:
    """The names of the arguments that it has."""
    parameters = inspect.signature(function).parameters.values()
    names = [each.name for each in parameters if each.kind is not each.VAR_KEYWORD and each.name != "self"]
    if options is not None and any(each.kind is each.VAR_KEYWORD for each in parameters):
        names += [field.name for field in dataclasses.fields(options)]
    return names


def unknown_argument(name: str, accepted: list[str], elsewhere: Mapping[str, str] = ARGUMENTS) -> str:
    """What to say of an argument that there is not: what does the same here, or a name like it."""
    if name in elsewhere:
        return f"there is no argument {name}: {elsewhere[name]}"
    return f"there is no argument {name}{did_you_mean(name, accepted)}; there are {name_list(accepted, 12)}"


def unknown_attribute(kind: str, name: str, known: Mapping[str, str], present: Iterable[str] = ()) -> str:
    """The same of an attribute or method, of which `known` is a table."""
    return f"{kind} has no {name}{f': {known[name]}' if name in known else did_you_mean(name, present)}"


class Hinted:
    """Base of what tells of an attribute that it does not have, by the table `elsewhere`."""

    elsewhere: ClassVar[Mapping[str, str]]

    if not TYPE_CHECKING:  # which would take any name for one that is there

        def __getattr__(self, name: str) -> object:
            """Raises AttributeError with what does the same here."""
            kind = type(self)
            present = () if name.startswith("__") else dir(kind)  # what Python looks for is no slip of the pen
            raise AttributeError(unknown_attribute(kind.__name__, name, kind.elsewhere, present))


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """ " (did you mean …?)" of the name most like it; "" where none is."""
    like = difflib.get_close_matches(name, list(names), n=1)
    return f" (did you mean {like[0]}?)" if like else ""


def _value_hint(name: str, value: object) -> str | None:
    """Of a value of a peer's; whole numbers and truth values are kept apart."""
    if isinstance(value, Mapping) and name == "texts":
        return "a pair is a tuple: (text, other)"
    shown = short_repr(value)
    if name == "device" and ((type(value) is int and value > 1) or re.fullmatch("cuda:[1-9][0-9]*", str(value))):
        value = 1
    for (argument, refused), hint in VALUES.items():
        if argument == name and type(refused) is type(value) and refused == value:
            return f"{name}={shown}: {hint}"
    return None
