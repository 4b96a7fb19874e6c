"""Multiple choice: which of several texts goes with a prompt."""

from collections.abc import Iterable, Iterator
from typing import Unpack

import numpy as np

from ..errors import InputError
from ..folder.checkpoint import Head
from ..results import Classification
from .long_text import LongText
from .numbers import largest, softmax
from .options import LongTextKeyword, TaskOptions
from .pairs import PairTask, Row

Question = tuple[str, Iterable[str]]  # a prompt and its choices


class ChoiceClassifier(PairTask):
    """Chooses among texts. Made by `distilbert.load` from a DistilBertForMultipleChoice."""

    task = "multiple-choice"
    head = Head.MULTIPLE_CHOICE
    options = TaskOptions
    names = ("prompt", "choice")

    def __call__(
        self, prompt: str, choices: Iterable[str], *, long_text: LongText = TaskOptions.long_text
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
        self, questions: Iterable[Question], **options: Unpack[LongTextKeyword]
    ) -> Iterator[list[Classification]]:
        """The same for a stream of `(prompt, choices)` of any length, in bounded memory and in order."""
        return map(_ranked, self._choice_rows(questions, TaskOptions(**options)))

    def logits(self, prompt: str, choices: Iterable[str], **options: Unpack[LongTextKeyword]) -> np.ndarray:
        """The head's raw output for each choice, float32 [choices]."""
        (rows,) = self._choice_rows([(prompt, choices)], TaskOptions(**options))
        return _logits(rows)

    def _choice_rows(self, questions: Iterable[Question], options: TaskOptions) -> Iterator[list[Row]]:
        for index, rows in enumerate(self._grouped_rows(questions, options.long_text)):
            if not rows:
                raise InputError(f"prompt {index} has no choices")
            yield rows


def _ranked(rows: list[Row]) -> list[Classification]:
    scores = softmax(_logits(rows))
    return [
        Classification(rows[i].pair.second, float(scores[i]), rows[i].tokens, rows[i].truncated)
        for i in largest(scores, None).tolist()
    ]


def _logits(rows: list[Row]) -> np.ndarray:
    return np.array([row.logits[0] for row in rows])
