"""Multiple choice: which of several continuations, or answers, fits a prompt."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from ..checkpoint import Head
from ..errors import InputError
from ..results import Classification
from .pairs import PairTask, Row
from .task import LongText, check_long_text, softmax

__all__ = ["ChoiceClassifier"]


class ChoiceClassifier(PairTask):
    """Chooses among texts. Made by `distilbert.load` from a DistilBertForMultipleChoice."""

    task = "multiple-choice"
    head = Head.MULTIPLE_CHOICE
    names = ("prompt", "choice")

    def __call__(
        self, prompt: str, choices: Sequence[str], *, long_text: LongText = "truncate"
    ) -> list[Classification]:
        """The choices, best first, with scores that add up to 1: the softmax of their logits.

        Args:
            prompt: what each choice is read after.
            choices: the texts to choose among; a result's label is the choice itself.
            long_text: what to do with a prompt and choice longer than the model reads: "truncate" (the
                longer of the two; marked in the result), "window" (the prompt in windows, each with the
                whole choice; the logit is their mean, weighted by their tokens), or "error".

        Raises:
            InputError: for anything else than texts, and for no choices.
        """
        return next(self.stream([(prompt, choices)], long_text=long_text))

    def stream(
        self, questions: Iterable[tuple[str, Sequence[str]]], *, long_text: LongText = "truncate"
    ) -> Iterator[list[Classification]]:
        """The same for a stream of `(prompt, choices)` of any length, in bounded memory and in order."""
        check_long_text(long_text)
        for choices, rows in self._choice_rows(questions, long_text):
            scores = softmax(np.array([row.logits[0] for row in rows]))
            yield [
                Classification(choices[index], float(scores[index]), rows[index].tokens, rows[index].truncated)
                for index in np.argsort(-scores, kind="stable")
            ]

    def logits(self, prompt: str, choices: Sequence[str], *, long_text: LongText = "truncate") -> np.ndarray:
        """The head's raw output for each choice, float32 [choices]."""
        check_long_text(long_text)
        ((_, rows),) = self._choice_rows([(prompt, choices)], long_text)
        return np.array([row.logits[0] for row in rows], np.float32)

    def _choice_rows(
        self, questions: Iterable[tuple[str, Sequence[str]]], long_text: LongText
    ) -> Iterator[tuple[Sequence[str], list[Row]]]:
        waiting: list[Sequence[str]] = []

        def groups() -> Iterator[tuple[str, Sequence[str]]]:
            for index, question in enumerate(questions):
                prompt, choices = _checked(question, index)
                waiting.append(choices)
                yield prompt, choices

        for rows in self._grouped_rows(groups(), long_text):
            yield waiting.pop(0), rows


def _checked(question: tuple[str, Sequence[str]], index: int) -> tuple[str, Sequence[str]]:
    if not isinstance(question, tuple) or len(question) != 2 or not isinstance(question[0], str):
        raise InputError(f"prompt {index} must come as (prompt, choices)")
    prompt, choices = question
    if isinstance(choices, str) or not choices or not all(isinstance(choice, str) for choice in choices):
        raise InputError(f"the choices of prompt {index} must be a list of at least one string")
    return prompt, choices
