"""Options of commands from the fields of a dataclass of settings, and the settings from what was given."""

import argparse
import dataclasses
import os
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from ..command_text import flag_of
from ..errors import InputError
from ..fields import Option, described, options_of

Settings = TypeVar("Settings")
MODEL_HELP = (
    "a folder, a starter model such as starter/embed, or a name on the Hugging Face hub (default: $DISTILBERT_MODEL)"
)


def add_options(
    parser: argparse.ArgumentParser, settings: type, *, without: Collection[str] = (), group: str = ""
) -> None:
    """An option for each field of `settings`, but for those named in `without`. One that is not given is None.

    In --help they stand in groups, named by the `group` of the class that has the field, else by that given here.
    """
    groups: dict[str, argparse._ActionsContainer] = {}
    for option in options_of(settings):
        if option.name not in without:
            title = _group(settings, option.name) or group
            if title not in groups:
                groups[title] = parser.add_argument_group(title) if title else parser
            _add(groups[title], option)


def _group(settings: type, name: str) -> str:
    """The title of the class that first had this field; "" where it has none."""
    classes = [base for base in reversed(settings.__mro__) if dataclasses.is_dataclass(base)]
    first = next(base for base in classes if name in {field.name for field in dataclasses.fields(base)})
    return str(vars(first).get("group", ""))


def _add(parser: argparse._ActionsContainer, option: Option) -> None:
    flag, help_ = flag_of(option.name), described(option).replace("%", "%%")
    required = option.default is dataclasses.MISSING
    if option.kind is bool:
        both = option.optional or option.default is True  # there is something to switch off
        action = argparse.BooleanOptionalAction if both else "store_true"
        parser.add_argument(flag, action=action, default=None, help=help_)
    elif option.container is not None:
        parser.add_argument(flag, nargs="+", metavar=_pairs(option), required=required, help=help_)
    elif option.choices and option.kind in (int, float):
        parser.add_argument(flag, type=_number_or_word(option), metavar=option.metavar or "N", help=help_)
    elif option.choices:
        parser.add_argument(flag, choices=option.choices, required=required, help=help_)
    else:
        metavar = option.metavar or (None if option.kind is str else "N")
        parser.add_argument(flag, type=option.kind, metavar=metavar, required=required, help=help_)


def _number_or_word(option: Option) -> Callable[[str], Any]:
    """Reads a number, or one of the words that may stand in its place."""

    def read(text: str) -> Any:
        return text if text in option.choices else option.kind(text)

    read.__name__ = option.kind.__name__  # for argparse's message
    return read


def read_options(args: argparse.Namespace, settings: type[Settings]) -> Settings:
    """The settings that were given; the others have their defaults. Raises InputError for what cannot be right."""
    return settings(**given_options(args, settings))


def given_options(args: argparse.Namespace, settings: type) -> dict[str, Any]:
    """The options that were given, by the names of their fields."""
    given = {}
    for option in options_of(settings):
        value = getattr(args, option.name, None)
        if value is not None:
            given[option.name] = _mapping(option, value) if option.container is Mapping else value
    return given


def _mapping(option: Option, given: list[str]) -> Any:
    """{NAME: VALUE} of NAME=VALUE, or the one text that may stand in its place."""
    if len(given) == 1 and given[0] in option.choices:
        return given[0]
    found = {}
    for pair in given:
        name, equals, value = pair.rpartition("=")
        if not equals and option.metavar.endswith("]"):  # [=NAME]: a name alone stands for itself
            name, equals = value, "="
        if name in found:
            raise InputError(f"{flag_of(option.name)} has {name!r} twice")
        try:
            found[name] = option.kind(value)
        except ValueError:
            equals = ""
        if not equals:
            other = "".join(f", or {choice}" for choice in option.choices)
            raise InputError(f"{flag_of(option.name)} takes {_pairs(option)}{other}; {pair!r} is not that")
    return found


def _pairs(option: Option) -> str:
    return option.metavar or "NAME=VALUE"


def add_model_argument(parser: argparse.ArgumentParser) -> None:
    """The first argument of the commands about one model, which DISTILBERT_MODEL may name instead."""
    default = os.environ.get("DISTILBERT_MODEL") or None
    parser.add_argument("model", nargs=None if default is None else "?", default=default, help=MODEL_HELP)


def add_model_option(parser: argparse._ActionsContainer) -> None:
    """The same as an option, for the commands whose arguments are texts or files."""
    default = os.environ.get("DISTILBERT_MODEL") or None
    parser.add_argument("-m", "--model", required=default is None, default=default, help=MODEL_HELP)


def add_revision(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--revision", help="branch, tag or commit on the hub")


def add_json(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object")
