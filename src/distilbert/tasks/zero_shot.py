"""Zero-shot classification: a model of natural language inference asked whether a text entails each label."""

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from string import Formatter
from typing import Unpack, overload

import numpy as np

from ..errors import CheckpointError, InputError, LabelWarning, name_list, short_repr
from ..fields import setting
from ..folder.checkpoint import Head
from ..results import Classification
from .inputs import listed, several
from .long_text import LongText, caller_level
from .numbers import largest, logistic, softmax
from .options import LongTextKeyword, TaskOptions
from .pairs import PairTask, Row
from .task import Model


@dataclass(frozen=True, kw_only=True)
class ZeroShotOptions(TaskOptions):
    """Options of a zero-shot classification."""

    hypothesis_template: str = setting("This example is {}.", help="the sentence whose {} is replaced by a label")
    multi_label: bool = setting(False, help="score each label by itself")
    entailment: str | None = setting(
        None,
        help="the model's label for entailment, its name or its number from 0, where no name says it",
        metavar="LABEL",
    )

    def __post_init__(self) -> None:
        try:
            fields = [part[1:] for part in Formatter().parse(self.hypothesis_template) if part[1] is not None]
        except (TypeError, ValueError):
            fields = []
        if fields != [("", "", None)]:
            raise InputError(
                f"hypothesis_template must hold one {{}} for the label, as in {ZeroShotOptions.hypothesis_template!r} "
                f"(write {{{{ and }}}} for braces), not {short_repr(self.hypothesis_template)}"
            )
        super().__post_init__()


class TemplateKeyword(LongTextKeyword, total=False):
    """Options of the logits, for type checkers."""

    hypothesis_template: str


class _Keywords(TemplateKeyword, total=False):
    """All options, for type checkers."""

    multi_label: bool
    entailment: str | None


class ZeroShotClassifier(PairTask):
    """Labels texts with labels of the caller's. Made by `distilbert.load` from a model of inference (NLI).

    Attributes:
        entailment: the index of the model's label for "the first text says so", None where no name says it.
        contradiction: the index of its label for "it says the opposite", None where there is none.
        calibration: what its folder says of the way from logits to scores.
    """

    task = "zero-shot-classification"
    head = Head.SEQUENCE_CLASSIFICATION
    options = ZeroShotOptions
    names = ("text", "label")
    cut = "first"

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.entailment, self.contradiction = _inference_labels(self.config.labels)
        self.calibration = self.config.calibration

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a string is an iterable of strings too
        self, texts: str, labels: str | Iterable[str], **options: Unpack[_Keywords]
    ) -> list[Classification]: ...
    @overload
    def __call__(
        self, texts: Iterable[str], labels: str | Iterable[str], **options: Unpack[_Keywords]
    ) -> list[list[Classification]]: ...
    def __call__(
        self,
        texts: str | Iterable[str],
        labels: str | Iterable[str],
        *,
        hypothesis_template: str = ZeroShotOptions.hypothesis_template,
        multi_label: bool = ZeroShotOptions.multi_label,
        entailment: str | None = ZeroShotOptions.entailment,
        long_text: LongText = ZeroShotOptions.long_text,
    ) -> list[Classification] | list[list[Classification]]:
        """The labels of one text, best first; for several texts a list of these.

        Args:
            texts: a string or an iterable of strings.
            labels: the candidates, as a list or as one string with commas between them.
            hypothesis_template: the sentence whose `{}` is replaced by a label.
            multi_label: False: one label is right, and the scores add up to 1: the softmax over labels
                of the entailment logit. True (and with a single label): each is right or wrong by
                itself: the softmax of entailment against contradiction.
            entailment: the model's label for entailment, by its name or its number ("2"). Needed where no
                name says it (LABEL_0, LABEL_1, …).
            long_text: what to do with a text that leaves no room for a label: "truncate" (the text, never
                the label; marked in the result), "window" (read it all in windows; the logits are the
                mean over windows, weighted by their tokens), or "error".

        Raises:
            InputError: for anything else than texts and labels, and for a template without one `{}`.
            CheckpointError: where no label of the model is named entailment, and `entailment` does not say which is.
        """
        options = ZeroShotOptions(
            hypothesis_template=hypothesis_template,
            multi_label=multi_label,
            entailment=entailment,
            long_text=long_text,
        )
        results = list(self._results(listed(texts), labels, options))
        return results[0] if isinstance(texts, str) else results

    def stream(
        self, texts: Iterable[str], labels: str | Iterable[str], **options: Unpack[_Keywords]
    ) -> Iterator[list[Classification]]:
        """The same for a stream of any length, in bounded memory and in order."""
        return self._results(several(texts), labels, ZeroShotOptions(**options))

    def logits(
        self, texts: str | Iterable[str], labels: str | Iterable[str], **options: Unpack[TemplateKeyword]
    ) -> np.ndarray:
        """The head's raw output, float32 [B, labels, outputs]; [labels, outputs] for one text."""
        names = read_labels(labels)
        groups = list(self._label_rows(listed(texts), names, ZeroShotOptions(**options)))
        logits = np.array([[row.logits for row in rows] for rows in groups], np.float32)
        logits = logits.reshape(len(groups), len(names), self.config.num_labels)
        return logits[0] if isinstance(texts, str) else logits

    def _results(
        self, texts: Iterable[str], labels: str | Iterable[str], options: ZeroShotOptions
    ) -> Iterator[list[Classification]]:
        names = read_labels(labels)
        entailment, contradiction = self._entailment(options.entailment)
        independent = options.multi_label or len(names) == 1
        if independent and contradiction is None:
            raise InputError(
                "multi_label (or a single label) needs a model with a label for contradiction; "
                f"this one has {', '.join(self.config.labels)}"
            )
        for rows in self._label_rows(texts, names, options):
            logits = self.calibration(np.stack([row.logits for row in rows]))
            if independent:
                scores = logistic(logits[:, entailment] - logits[:, contradiction])
            else:
                scores = softmax(logits[:, entailment])
            yield [
                Classification(names[index], float(scores[index]), rows[index].tokens, rows[index].truncated)
                for index in largest(scores, None).tolist()
            ]

    def _entailment(self, named: str | None) -> tuple[int, int | None]:
        """The indices of entailment and contradiction, where the caller may have said which label the first is."""
        labels = self.config.labels
        if named is None and self.entailment is not None:
            return self.entailment, self.contradiction
        if named is None:
            raise CheckpointError(
                f"{self.model.folder}: zero-shot classification needs a model of inference with one label for "
                f"entailment; config.json (id2label) names {', '.join(labels)}; if one of them is it, say which: "
                "entailment=… (--entailment …)"
            )
        numbers = {str(number): number for number in range(len(labels))}
        index = labels.index(named) if named in labels else numbers.get(named)
        if index is None:
            raise InputError(f"entailment must be one of {', '.join(labels)}, or its number, not {short_repr(named)}")
        return index, _contradiction(labels, index)

    def _label_rows(self, texts: Iterable[str], labels: list[str], options: ZeroShotOptions) -> Iterator[list[Row]]:
        """For each text the rows of all labels."""
        hypotheses = [options.hypothesis_template.format(label) for label in labels]
        self._check_room(labels, hypotheses)
        self._warn_of_unknown(labels)
        pairs = chain.from_iterable(self._pairs(index, text, hypotheses) for index, text in enumerate(texts))
        rows = self._rows(pairs, options.long_text)
        while group := list(islice(rows, len(labels))):
            yield group

    def _check_room(self, labels: Sequence[str], hypotheses: Sequence[str]) -> None:
        room = self.model.max_length - self.tokenizer.pair_special_count
        for label, encoding in zip(labels, self.tokenizer.encode_batch(hypotheses), strict=True):
            if (length := len(encoding) - self.tokenizer.special_count) >= room:
                raise InputError(
                    f"label {short_repr(label)} makes a hypothesis of {length} tokens, "
                    "which leaves no room for a text: shorten it"
                )

    def _warn_of_unknown(self, labels: Sequence[str]) -> None:
        tokenizer, encodings = self.tokenizer, self.tokenizer.encode_batch(labels)
        known = [bool((tokenizer.body(each.ids) != tokenizer.unk_token_id).any()) for each in encodings]
        unknown = [label for label, is_known in zip(labels, known, strict=True) if not is_known]
        if unknown:
            warnings.warn(
                f"the vocabulary knows nothing of {'label' if len(unknown) == 1 else 'labels'} {name_list(unknown)}; "
                "the scores of such labels say nothing: give words",
                LabelWarning,
                stacklevel=caller_level(),
            )


def read_labels(labels: str | Iterable[str]) -> list[str]:
    """The candidates, of a list or of one string with commas. Raises InputError for what is no label, and for none."""
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


# no entailment, NOT-ENTAIL, un_entailment
_NEGATED = re.compile(r"(not?|non|un)[\W_]*entail", re.IGNORECASE)


def _inference_labels(labels: Sequence[str]) -> tuple[int | None, int | None]:
    """The indices of entailment and of contradiction, by their names."""
    named = [i for i, label in enumerate(labels) if "entail" in label.lower() and not _NEGATED.match(label.strip())]
    return (named[0], _contradiction(labels, named[0])) if len(named) == 1 else (None, None)


def _contradiction(labels: Sequence[str], entailment: int) -> int | None:
    """The index of contradiction, by its name; with two labels it is the other one."""
    if len(labels) == 2:
        return 1 - entailment
    named = [i for i, label in enumerate(labels) if "contradict" in label.lower() and i != entailment]
    return named[0] if len(named) == 1 else None
