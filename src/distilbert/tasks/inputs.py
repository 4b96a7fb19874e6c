"""What callers give: one text or many, and a clear error for anything else."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from ..encoding import Encoding
from ..errors import InputError, name_list
from ..tokenizer import BertTokenizer

TextOrPair = str | tuple[str, str]
Item = TypeVar("Item")


def text_of(text: TextOrPair) -> str:
    """A text, or a pair of them, for a person."""
    return text if isinstance(text, str) else " | ".join(text)


def text_fields(text: TextOrPair) -> dict[str, str]:
    """A text, or a pair of them, in columns."""
    return {"text": text} if isinstance(text, str) else {"text": text[0], "pair": text[1]}


def is_one(texts: object) -> bool:
    """Whether a caller gave one text or pair, not a list of them. Raises InputError for what is neither."""
    if isinstance(texts, str | tuple):
        return True
    check_list(texts, "a string, a pair of strings or a list of them")
    return False


def listed(texts: str | Iterable[str]) -> Iterable[str]:
    """One string as a list of one. Raises InputError for what is neither a string nor a list."""
    if isinstance(texts, str):
        return [texts]
    check_list(texts, "a string or a list of them")
    return texts


def several(texts: Iterable[Item], what: str = "texts") -> Iterable[Item]:
    """What a stream is given. Raises InputError for one string, which would be read letter by letter."""
    check_list(texts, f"a list or another iterable of {what}")
    return texts


def check_strings(texts: Sequence[object], start: int) -> None:
    """Raises InputError for what is not a string; `start` is the first one's number in the caller's input."""
    for index, text in enumerate(texts, start):
        if not isinstance(text, str):
            raise InputError(f"text {index} must be a string, not {kind(text)}")


def check_strings_or_pairs(texts: Sequence[object], start: int) -> None:
    """The same where pairs of strings may stand too."""
    for index, text in enumerate(texts, start):
        if not isinstance(text, str) and not (isinstance(text, tuple) and len(text) == 2 and _all_strings(text)):
            raise InputError(f"text {index} must be a string or a pair of strings, not {kind(text)}")


def check_word_lists(texts: Sequence[object], start: int) -> None:
    """The same for texts that are split into words."""
    for index, text in enumerate(texts, start):
        if not isinstance(text, list | tuple) or not _all_strings(text):
            raise InputError(f"text {index} must be a list of words, not {kind(text)}")


def first_and_seconds(group: object, index: int, names: tuple[str, str]) -> tuple[str, Iterable[str]]:
    """One of a stream's groups: a text, and those that are read with it. Raises InputError for what is none."""
    if isinstance(group, str) or not isinstance(group, Sequence) or len(group) != 2:
        raise InputError(f"{names[0]} {index} must come as a tuple: ({names[0]}, {names[1]}s)")
    first, seconds = group
    return first, seconds


def checked_seconds(first: object, seconds: Iterable[str], index: int, names: tuple[str, str]) -> Iterator[str]:
    """The texts that are read with a first one, whose number is `index`. Raises InputError for what is not text."""
    if not isinstance(first, str):
        raise InputError(f"{names[0]} {index} must be a string, not {kind(first)}")
    check_list(seconds, f"the {names[1]}s of {names[0]} {index} as a list of strings")

    def checked() -> Iterator[str]:
        for part, second in enumerate(seconds):
            if not isinstance(second, str):
                raise InputError(f"{names[1]} {part} of {names[0]} {index} must be a string, not {kind(second)}")
            yield second

    return checked()


def encoded(tokenizer: BertTokenizer, texts: Sequence[TextOrPair], max_length: int) -> list[Encoding]:
    """Texts and pairs, which may stand among each other, each cut to `max_length` tokens."""
    singles = [text for text in texts if isinstance(text, str)]
    pairs = [text for text in texts if not isinstance(text, str)]
    of_singles = iter(tokenizer.encode_batch(singles, max_length=max_length))
    firsts, seconds = [first for first, _ in pairs], [second for _, second in pairs]
    of_pairs = iter(tokenizer.encode_batch(firsts, seconds, max_length=max_length) if pairs else ())
    return [next(of_singles if isinstance(text, str) else of_pairs) for text in texts]


def kind(value: object) -> str:
    """What a value is, for a message."""
    return f"{type(value).__name__} of {len(value)}" if isinstance(value, tuple) else type(value).__name__


def characters(text: object) -> int:
    """Length of a text, pair or list of words, for cutting streams; anything else is refused later."""
    if isinstance(text, tuple | list):
        return 1 + sum(map(characters, text))
    return 1 + len(text) if isinstance(text, str) else 1


def check_list(texts: object, wanted: str) -> None:
    """Raises InputError, which says what is wanted, for what is not a list or another iterable of texts."""
    columns = _column_names(texts)
    if columns is not None:
        raise InputError(
            f"give the texts of one column, as in data[{columns[0] if columns else 'text'!r}], not a whole "
            f"{type(texts).__name__} (its columns: {name_list(columns, 10)})"
        )
    scalar = getattr(texts, "ndim", 1) == 0  # an array of no dimension says that it can be iterated over
    if isinstance(texts, str | bytes | bytearray | Mapping) or not isinstance(texts, Iterable) or scalar:
        raise InputError(f"give {wanted}, not {kind(texts)}")


def _column_names(texts: object) -> list[str] | None:
    """Of a table (pandas, polars, pyarrow, datasets), which would be read as a list of its columns or rows."""
    for attribute in ("column_names", "columns"):
        names = getattr(texts, attribute, None)
        if isinstance(names, Iterable):
            return [str(name) for name in names]
    return None


def _all_strings(texts: Iterable[object]) -> bool:
    return all(isinstance(text, str) for text in texts)
