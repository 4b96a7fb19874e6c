"""Many results at once in a notebook: as HTML, and as a data frame of pandas or Polars."""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

from .errors import InputError, MissingExtraError, short_repr
from .result_html import html_spans, html_table
from .results import Entity, Result

_PLACES = ("input", "part")  # columns for a result's place in lists, and in lists of lists
_FRAMES = ("pandas", "polars")


class Html(str):
    """HTML that a notebook shows as it is meant."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)


def to_html(results: Any, text: str | None = None) -> Html:
    """Results for a notebook: one, a list, or a list of lists. Whatever texts and labels hold is escaped.

    Args:
        text: what entities were found in; they are then marked in it.

    Raises:
        InputError: for anything else than results of a task or a search.
    """
    rows = list(_flat(results))
    if text is not None:
        return Html(html_spans(text, _spans(text, [result for _, result in rows])))
    if not rows:
        return Html("<i>no results</i>")
    names = (*_PLACES[: len(rows[0][0])], *rows[0][1].keys())
    return Html(html_table(names, [(*places, *dict(result).values()) for places, result in rows]))


def to_frame(results: Any, library: Literal["pandas", "polars"] | None = None) -> Any:
    """A data frame with a row for each result and a column for each field.

    Args:
        results: one result, a list, or a list of lists; the place in the outer list is then the column "input".
        library: by default pandas where it is installed, else Polars.

    Raises:
        InputError: for anything else than results of a task or a search.
        MissingExtraError: where the library is not installed.
    """
    if library not in (None, *_FRAMES):
        raise InputError(f"library must be 'pandas' or 'polars', not {short_repr(library)}")
    wanted = (library,) if library else _FRAMES
    name = next((name for name in wanted if find_spec(name)), None)
    rows = [dict(zip(_PLACES, places, strict=False)) | result.to_dict() for places, result in _flat(results)]
    if name is None:
        raise MissingExtraError(f"data frames need {' or '.join(wanted)}: pip install {wanted[0]}")
    return import_module(name).DataFrame(rows)


def _flat(results: Any, places: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Result]]:
    """Each result with its places in lists of lists; in a list of results alone it has none."""
    if isinstance(results, Result):
        yield places, results
    elif isinstance(results, list) and len(places) <= len(_PLACES):
        nested = any(isinstance(each, list) for each in results)
        for place, each in enumerate(results):
            yield from _flat(each, (*places, place) if nested else places)
    else:
        raise InputError(f"give results of a task or a search, not {short_repr(results)}")


def _spans(text: str, entities: list[Result]) -> Iterator[tuple[int, int, str, float]]:
    after = 0
    for entity in entities:
        if not isinstance(entity, Entity):
            raise InputError("text is for entities, which are marked in it")
        if entity.start < after or text[entity.start : entity.end] != entity.text:
            raise InputError(f"{short_repr(entity.text)} does not stand at {entity.start} of the text")
        yield entity.start, entity.end, entity.label, entity.score
        after = entity.end
