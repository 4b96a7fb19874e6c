"""What tasks and searches return: small frozen values, each with `to_dict()` for JSON."""

import dataclasses
from typing import Any

import numpy as np

from .hint_attributes import RESULT_FIELDS
from .hints import Hinted, unknown_attribute
from .result_html import html_table


class Result(Hinted):
    """Base of all results."""

    elsewhere = RESULT_FIELDS

    def __init_subclass__(cls) -> None:
        """A hint is a sentence, or the name of a field that this kind of result has."""
        super().__init_subclass__()
        fields = cls.__annotations__
        cls.elsewhere = {
            name: hint for name, hint in RESULT_FIELDS.items() if not hint.isidentifier() or hint in fields
        }

    def __getitem__(self, name: str) -> Any:
        """`result["label"]` is `result.label`. Raises KeyError for a field that there is not."""
        kind = type(self).__name__
        if not isinstance(name, str):
            raise KeyError(f"one text gives one {kind}, not a list: result[{self.keys()[0]!r}], not result[{name!r}]")
        if name not in self.keys():
            raise KeyError(unknown_attribute(kind, name, self.elsewhere, self.keys()))
        return getattr(self, name)

    def keys(self) -> tuple[str, ...]:
        """The fields' names; `dict(result)` holds the fields as they are, `to_dict()` as JSON has them."""
        return tuple(field.name for field in dataclasses.fields(self))  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, ready for `json.dumps`."""
        fields = {name: getattr(self, name) for name in self.keys()}
        return {name: v.tolist() if isinstance(v, np.ndarray | np.generic) else v for name, v in fields.items()}

    def _repr_html_(self) -> str:
        """For notebooks."""
        return html_table(self.keys(), [[self[name] for name in self.keys()]])


@dataclasses.dataclass(frozen=True, slots=True)
class Classification(Result):
    """A label of a text.

    Attributes:
        label: as the model's config names it.
        score: a probability; the predicted value itself for a regression.
        tokens: how many tokens of the text were read, special tokens included.
        truncated: whether the text was longer than the model reads and was cut.
    """

    label: str
    score: float
    tokens: int
    truncated: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Entity(Result):
    """A labelled span of a text: `text == source[start:end]`.

    Attributes:
        label: without its B-, I-, … prefix where words were grouped.
        start, end: in characters of the source; in words for pre-split input.
        score: a probability.
    """

    label: str
    text: str
    start: int
    end: int
    score: float


@dataclasses.dataclass(frozen=True, slots=True)
class Answer(Result):
    """A span of the context that answers the question: `text == context[start:end]`; no answer is `text=""`."""

    text: str
    start: int
    end: int
    score: float


@dataclasses.dataclass(frozen=True, slots=True)
class MaskFill(Result):
    """What may stand in a mask's place.

    Attributes:
        token: a piece of the vocabulary; a target of several pieces as it was given.
        token_id: its id; None for several pieces.
        score: a probability.
        text: the text with the mask replaced.
    """

    token: str
    token_id: int | None
    score: float
    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class Ranked(Result):
    """A document and how well it fits a query.

    Attributes:
        index: its place in the list that was given.
        score: as the model was trained: a probability unless its folder names another activation.
        truncated: whether query and document were longer than the model reads and were cut.
    """

    index: int
    score: float
    text: str
    truncated: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Hit(Result):
    """A vector that was found.

    Attributes:
        index: its place in what was searched.
        score: by the measure of the search; more is better.
    """

    index: int
    score: float


@dataclasses.dataclass(frozen=True, slots=True)
class Pair(Result):
    """Two vectors that are alike: `first < second` are their places."""

    first: int
    second: int
    score: float


@dataclasses.dataclass(frozen=True, slots=True)
class Found(Result):
    """A text that was found.

    Attributes:
        index: its place in what was searched.
        score: how alike query and text are; of several rankings by reciprocal rank fusion, or by the reranker.
    """

    index: int
    score: float
    text: str


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class SparseVector(Result):
    """A vector of the vocabulary's size with few entries.

    Attributes:
        indices: int64 [K], token ids, ascending.
        values: float32 [K], above 0.
    """

    indices: np.ndarray
    values: np.ndarray
