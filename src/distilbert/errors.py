"""Every error the package raises on purpose. Each message is one line: the thing, the place, the way out."""

import reprlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from numbers import Integral
from typing import Any


class DistilBertError(Exception):
    """Base of all errors of this package."""


class ConfigError(DistilBertError):
    """A configuration file or value that cannot be right."""


class CheckpointError(DistilBertError):
    """Weights that are missing, unexpected, of the wrong shape or dtype, or a file that is broken."""


class TokenizerError(DistilBertError):
    """A vocabulary or tokenizer file that cannot be used."""


class HubError(DistilBertError):
    """A model name that leads to no folder, or a hub that cannot be reached."""


class InputError(DistilBertError, ValueError):
    """An argument of a call that cannot be used."""


class UnknownOptionError(InputError, TypeError):
    """An argument that a function does not have."""


class MissingExtraError(DistilBertError, ImportError):
    """A part of the package whose extra is not installed."""


def import_extra(module: str, message: str) -> Any:
    """A module that an extra brings. Raises MissingExtraError, with this message, where it cannot be imported."""
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtraError(message) from None


def check_extra(part: str, extra: str, *modules: str) -> None:
    """Raises MissingExtraError, which names the part of the package, where a module that `extra` brings is missing."""
    for module in modules:
        try:
            import_module(module)
        except ImportError as error:
            needed = error.name or module
            raise MissingExtraError(f"distilbert.{part} needs {needed}: pip install 'distilbert[{extra}]'") from None


class LongTextWarning(UserWarning):
    """A text was longer than the model reads and was cut (embeddings have no field to say so)."""


class LabelWarning(UserWarning):
    """Labels that the model, or its vocabulary, does not know: those of examples are all wrong, others say nothing."""


class TokenizerWarning(UserWarning):
    """A tokenizer's files that are read as they stand, and perhaps not as they were meant."""


class CheckpointWarning(UserWarning):
    """Weights were read otherwise than they stand in the file, or do a task that they were not trained for."""


@contextmanager
def naming(place: object) -> Iterator[None]:
    """Errors of this package in the block begin with the place that they are about."""
    try:
        yield
    except DistilBertError as error:
        raise type(error)(f"{place}: {error}") from None


@contextmanager
def translated(
    errors: type[Exception] | tuple[type[Exception], ...], kind: type[DistilBertError], message: str, way: str = ""
) -> Iterator[None]:
    """Errors of other libraries in the block become `kind`: the message, in brackets what they say, and the way out."""
    try:
        yield
    except DistilBertError:
        raise
    except errors as error:
        raise kind(f"{message} ({error_text(error)}){way}") from None


_short = reprlib.Repr()
_short.maxstring = _short.maxother = 100


def short_repr(value: object) -> str:
    """`repr(value)` for a message: on one line, and cut to what a person reads, whatever a file held."""
    return _short.repr(value)


def check_one_of(name: str, value: object, choices: Collection[str]) -> None:
    """Raises InputError for an argument, called `name`, that is none of the choices."""
    if value not in choices:
        raise InputError(f"{name} must be one of {', '.join(choices)}, not {short_repr(value)}")


def check_whole(name: str, value: object, least: int = 1) -> None:
    """Raises InputError for an argument, called `name`, that is no whole number of at least `least`."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise InputError(f"{name} must be a whole number of at least {least}, not {short_repr(value)}")


def printable_name(name: str) -> str:
    """A name for a message, as it was given where that is printable and short."""
    return name if name.isprintable() and len(name) < 100 else short_repr(name)


def error_text(error: BaseException) -> str:
    """What an error of another library says, on one line and cut: some quote the file that they failed on.

    Of the system's errors that is the reason alone, without its number and the file, which the message names.
    """
    reason = getattr(error, "strerror", None) or str(error)
    text = " ".join(str(reason).split()) or type(error).__name__
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:300])


def counted(count: int, noun: str, several: str | None = None) -> str:
    """1 part, 1,234 parts; `several` is the plural that is not the noun with an s."""
    return f"{count:,} {noun if count == 1 else several or noun + 's'}"


def name_list(names: Collection[str], most: int = 3) -> str:
    """A few of the names, for a message; a set in alphabetical order."""
    listed = list(names) if isinstance(names, Sequence) else sorted(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(map(printable_name, listed[:most])) + more
