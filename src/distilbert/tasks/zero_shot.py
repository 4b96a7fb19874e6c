"""Zero-shot classification: a model of natural language inference asked whether a text entails each label."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from string import Formatter
from typing import overload

import numpy as np

from ..errors import CheckpointError, InputError, short_repr
from ..folder.checkpoint import Head
from ..results import Classification
from .pairs import PairTask, Row
from .task import LongText, Model, check_long_text, listed, logistic, several, softmax

TEMPLATE = "This example is {}."


class ZeroShotClassifier(PairTask):
    """Labels texts with labels of the caller's. Made by `distilbert.load` from a model of inference (NLI).

    Attributes:
        entailment: the index of the model's label for "the first text says so".
        contradiction: the index of its label for "it says the opposite", None where there is none.
    """

    task = "zero-shot-classification"
    head = Head.SEQUENCE_CLASSIFICATION
    names = ("text", "label")
    cut = "first"

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.entailment, self.contradiction = _inference_labels(self.config.labels, str(model.folder))

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a string is an iterable of strings too
        self,
        texts: str,
        labels: str | Iterable[str],
        *,
        hypothesis_template: str = ...,
        multi_label: bool = ...,
        long_text: LongText = ...,
    ) -> list[Classification]: ...
    @overload
    def __call__(
        self,
        texts: Iterable[str],
        labels: str | Iterable[str],
        *,
        hypothesis_template: str = ...,
        multi_label: bool = ...,
        long_text: LongText = ...,
    ) -> list[list[Classification]]: ...
    def __call__(
        self,
        texts: str | Iterable[str],
        labels: str | Iterable[str],
        *,
        hypothesis_template: str = TEMPLATE,
        multi_label: bool = False,
        long_text: LongText = "truncate",
    ) -> list[Classification] | list[list[Classification]]:
        """The labels of one text, best first; for several texts a list of these.

        Args:
            texts: a string or an iterable of strings.
            labels: the candidates, as a list or as one string with commas between them.
            hypothesis_template: the sentence whose `{}` is replaced by a label.
            multi_label: False: one label is right, and the scores add up to 1: the softmax over labels
                of the entailment logit. True (and with a single label): each is right or wrong by
                itself: the softmax of entailment against contradiction.
            long_text: what to do with a text that leaves no room for a label: "truncate" (the text, never
                the label; marked in the result), "window" (read it all in windows; the logits are the
                mean over windows, weighted by their tokens), or "error".

        Raises:
            InputError: for anything else than texts and labels, and for a template without one `{}`.
        """
        results = list(
            self.stream(
                listed(texts),
                labels,
                hypothesis_template=hypothesis_template,
                multi_label=multi_label,
                long_text=long_text,
            )
        )
        return results[0] if isinstance(texts, str) else results

    def stream(
        self,
        texts: Iterable[str],
        labels: str | Iterable[str],
        *,
        hypothesis_template: str = TEMPLATE,
        multi_label: bool = False,
        long_text: LongText = "truncate",
    ) -> Iterator[list[Classification]]:
        """The same for a stream of any length, in bounded memory and in order."""
        names = _labels(labels)
        independent = multi_label or len(names) == 1
        if independent and self.contradiction is None:
            raise InputError(
                "multi_label (or a single label) needs a model with a label for contradiction; "
                f"this one has {', '.join(self.config.labels)}"
            )
        for rows in self._label_rows(texts, names, hypothesis_template, long_text):
            logits = np.stack([row.logits for row in rows])
            if independent:
                scores = logistic(logits[:, self.entailment] - logits[:, self.contradiction])
            else:
                scores = softmax(logits[:, self.entailment])
            yield [
                Classification(names[index], float(scores[index]), rows[index].tokens, rows[index].truncated)
                for index in np.argsort(-scores, kind="stable")
            ]

    def logits(
        self,
        texts: str | Iterable[str],
        labels: str | Iterable[str],
        *,
        hypothesis_template: str = TEMPLATE,
        long_text: LongText = "truncate",
    ) -> np.ndarray:
        """The head's raw output, float32 [B, labels, outputs]; [labels, outputs] for one text."""
        names = _labels(labels)
        rows = list(self._label_rows(listed(texts), names, hypothesis_template, long_text))
        logits = np.array([[row.logits for row in own] for own in rows], np.float32)
        logits = logits.reshape(len(rows), len(names), self.config.num_labels)
        return logits[0] if isinstance(texts, str) else logits

    def _label_rows(
        self, texts: Iterable[str], labels: list[str], template: str, long_text: LongText
    ) -> Iterator[list[Row]]:
        """For each text the rows of all labels."""
        check_long_text(long_text)
        _check_template(template)
        hypotheses = [template.format(label) for label in labels]
        self._check_room(labels, hypotheses)

        pairs = chain.from_iterable(self._pairs(index, text, hypotheses) for index, text in enumerate(several(texts)))
        rows = self._rows(pairs, long_text)
        while own := list(islice(rows, len(labels))):
            yield own

    def _check_room(self, labels: Sequence[str], hypotheses: Sequence[str]) -> None:
        room = self.model.max_length - self.tokenizer.pair_special_count
        for label, encoding in zip(labels, self.tokenizer.encode_batch(hypotheses), strict=True):
            if (length := len(encoding) - self.tokenizer.special_count) >= room:
                raise InputError(
                    f"label {short_repr(label)} makes a hypothesis of {length} tokens, "
                    "which leaves no room for a text: shorten it"
                )


def _labels(labels: str | Iterable[str]) -> list[str]:
    if isinstance(labels, str):
        labels = [label.strip() for label in labels.split(",") if label.strip()]
    names = list(listed(labels))
    for index, label in enumerate(names):
        if not isinstance(label, str) or not label.strip():
            raise InputError(f"label {index} must be a string that is not blank, not {short_repr(label)}")
    if not names:
        raise InputError("give at least one label")
    if len(set(names)) < len(names):
        twice = next(label for index, label in enumerate(names) if label in names[:index])
        raise InputError(f"label {short_repr(twice)} is given twice")
    return names


def _check_template(template: str) -> None:
    try:
        fields = [part[1:] for part in Formatter().parse(template) if part[1] is not None]
    except (TypeError, ValueError):
        fields = []
    if fields != [("", "", None)]:
        raise InputError(
            f"hypothesis_template must hold one {{}} for the label, as in {TEMPLATE!r} "
            f"(write {{{{ and }}}} for braces), not {short_repr(template)}"
        )


def _inference_labels(labels: Sequence[str], place: str) -> tuple[int, int | None]:
    """The indices of entailment and of contradiction; with two labels the other one is the contradiction."""
    negative = ("not", "non", "no_")
    said = [i for i, label in enumerate(labels) if "entail" in label.lower() and not label.lower().startswith(negative)]
    if len(said) != 1:
        raise CheckpointError(
            f"{place}: zero-shot classification needs a model of inference with one label for entailment; "
            f"config.json (id2label) names {', '.join(labels)}"
        )
    against = [i for i, label in enumerate(labels) if "contradict" in label.lower()]
    if len(labels) == 2:
        against = [1 - said[0]]
    return said[0], against[0] if len(against) == 1 else None
