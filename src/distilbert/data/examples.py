"""Examples: what one row of data says, for each task. What cannot be right is refused with its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from ..config_keys import Problem

ProblemName = Literal["single-label", "multi-label", "regression"]
# what people type -> config.json's word, which all else uses
PROBLEMS: dict[ProblemName, Problem] = {
    "single-label": "single_label_classification",
    "multi-label": "multi_label_classification",
    "regression": "regression",
}


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text, perhaps a pair, and its label: one, several (perhaps none), or a number; None where it is not known."""

    text: str | tuple[str, str]
    label: str | tuple[str, ...] | float | None


@dataclass(frozen=True, slots=True)
class TaggedWords:
    """A sentence in words, each with its label; no labels where they are not known."""

    words: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A question on a context, with its answers as (text, start in characters): an empty tuple where there is no
    answer, None where that is not known.
    """

    id: str
    question: str
    context: str
    answers: tuple[tuple[str, int], ...] | None


@dataclass(frozen=True, slots=True)
class PlainText:
    """A line of text, for masked language modelling."""

    text: str


@dataclass(frozen=True, slots=True)
class SentencePair:
    """Two sentences and how alike they are; None where they just belong together."""

    first: str
    second: str
    score: float | None


@dataclass(frozen=True, slots=True)
class Choices:
    """A prompt, what may follow it, and the index of what does."""

    prompt: str
    choices: tuple[str, ...]
    right: int


Example = TypeVar("Example", LabelledText, TaggedWords, Question, PlainText, SentencePair, Choices, covariant=True)
AnyExample = LabelledText | TaggedWords | Question | PlainText | SentencePair | Choices


def texts_of(example: AnyExample) -> tuple[str, ...]:
    """All that a model reads of an example; words are one text, with blanks between."""
    match example:
        case LabelledText() | PlainText():
            return example.text if isinstance(example.text, tuple) else (example.text,)
        case TaggedWords():
            return (" ".join(example.words),)
        case Question():
            return example.question, example.context
        case SentencePair():
            return example.first, example.second
    return example.prompt, *example.choices


@dataclass(frozen=True, eq=False)
class Data(Generic[Example]):
    """The examples of a file.

    Attributes:
        source: the file.
        labels: all labels, in the order of the model's outputs; empty for tasks without.
        problem: of text classification: one label a text, several, or a number.
        guessed: what the reader took for what, in words for a person; empty where the caller said all.
    """

    source: str
    examples: Sequence[Example]
    labels: tuple[str, ...] = ()
    problem: Problem | None = None
    guessed: str = ""
