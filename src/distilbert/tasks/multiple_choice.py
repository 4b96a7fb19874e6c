"""Multiple choice: which of several texts goes with a prompt."""

from collections.abc import Iterable, Iterator

import numpy as np

from ..errors import InputError
from ..folder.checkpoint import Head
from ..results import Classification
from .pairs import PairTask, Row
from .task import LongText, check_long_text, softmax


class ChoiceClassifier(PairTask):
    """Chooses among texts. Made by `distilbert.load` from a DistilBertForMultipleChoice."""

    task = "multiple-choice"
    head = Head.MULTIPLE_CHOICE
    names = ("prompt", "choice")

    def __call__(
        self, prompt: str, choices: Iterable[str], *, long_text: LongText = "truncate"
    ) -> list[Classification]:
        """The choices, best first; a result's label is the choice itself, and the scores add up to 1.

        Args:
            prompt: what each choice is read with.
            choices: the texts to choose among, one at least.
            long_text: what to do with a prompt and choice longer than the model reads: "truncate" (the
                longer of the two; marked in the result), "window" (the prompt in windows, each with the
                whole choice; the logit is the mean over windows, weighted by their tokens), or "error".

        Raises:
            InputError: for anything else than texts, and for no choices.
        """
        (result,) = self.stream([(prompt, choices)], long_text=long_text)
        return result

    def stream(
        self, questions: Iterable[tuple[str, Iterable[str]]], *, long_text: LongText = "truncate"
    ) -> Iterator[list[Classification]]:
        """The same for a stream of `(prompt, choices)` of any length, in bounded memory and in order."""
        for rows in self._choice_rows(questions, long_text):
            scores = softmax(_logits(rows))
            yield [
                Classification(rows[i].pair.second, float(scores[i]), rows[i].tokens, rows[i].truncated)
                for i in np.argsort(-scores, kind="stable")
            ]

    def logits(self, prompt: str, choices: Iterable[str], *, long_text: LongText = "truncate") -> np.ndarray:
        """The head's raw output for each choice, float32 [choices]."""
        (rows,) = self._choice_rows([(prompt, choices)], long_text)
        return _logits(rows)

    def _choice_rows(self, questions: Iterable[tuple[str, Iterable[str]]], long_text: LongText) -> Iterator[list[Row]]:
        check_long_text(long_text)
        for index, rows in enumerate(self._grouped_rows(questions, long_text)):
            if not rows:
                raise InputError(f"prompt {index} has no choices")
            yield rows


def _logits(rows: list[Row]) -> np.ndarray:
    return np.array([row.logits[0] for row in rows])
