"""`pipeline`, with the options and the result dictionaries of Transformers (question answering: of version 4)."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any, ClassVar, Generic, Literal, TypedDict, Unpack

import numpy as np
from tokenizers import decoders

from ..errors import InputError, UnknownOptionError
from ..hints import unknown_argument
from ..results import Answer, Classification, Entity, MaskFill
from ..tasks.embedding import Embedder
from ..tasks.fill_mask import MaskFiller
from ..tasks.question_answering import QuestionAnswerer
from ..tasks.task import AnyTask
from ..tasks.text_classification import TextClassifier
from ..tasks.token_classification import TokenClassifier
from ..tasks.zero_shot import ZeroShotClassifier
from .opening import with_longest
from .tensors import tensor

Dict = dict[str, Any]
_JOIN = decoders.WordPiece()
Aggregation = Literal["none", "simple", "first", "average", "max"]


class Options(TypedDict, total=False):
    """Of all pipelines; each refuses those of the others."""

    batch_size: int
    num_workers: int
    padding: bool | str
    truncation: bool | str
    max_length: int
    top_k: int | None
    function_to_apply: str
    return_all_scores: bool
    aggregation_strategy: Aggregation
    ignore_labels: list[str]
    stride: int
    targets: str | list[str]
    candidate_labels: str | list[str]
    hypothesis_template: str
    multi_label: bool
    return_tensors: bool
    doc_stride: int
    max_answer_len: int
    max_seq_len: int
    max_question_len: int
    handle_impossible_answer: bool
    align_to_words: bool


class Pipeline(Generic[AnyTask]):
    """Base: one input, or a list of them, or a stream, with the options of the call over those of `pipeline`.

    Attributes:
        task: its name.
        model: the task that runs it, whose `config` and `tokenizer` are those of the folder.
    """

    _NO_EFFECT: ClassVar = ("batch_size", "num_workers", "padding")  # on results: a text's are the same in any batch

    def __init__(self, task: AnyTask, options: Options) -> None:
        self.task, self.model, self.tokenizer = task.task, task, task.tokenizer
        self._options = self._checked(options)
        self._batch_size = options.get("batch_size") or 1

    def __call__(self, inputs: Any, **options: Unpack[Options]) -> Any:
        """A dictionary or a list of them an input, as Transformers shapes them."""
        merged = self._options | self._checked(options)
        run: Callable[..., list[Any]] = partial(self._run, **merged)
        if isinstance(inputs, str | Mapping):
            return self._shaped(run([inputs])[0], inputs, options)
        if isinstance(inputs, list | tuple):
            return run(list(inputs))
        return self._stream(inputs, run, options.get("batch_size") or self._batch_size)

    def _stream(self, inputs: Iterable[Any], run: Callable[..., list[Any]], size: int) -> Iterator[Any]:
        """So many at once; one unless `batch_size` says more, for the next may not be there yet."""
        each = iter(inputs)
        while batch := list(islice(each, size)):
            yield from run(batch)

    def _checked(self, options: Options) -> Dict:
        """Those that have an effect. Raises UnknownOptionError for one that this pipeline does not have."""
        known = [name for name in inspect.signature(self._run).parameters if name not in ("given", "self")]
        for name in options:
            if name not in (*known, *self._NO_EFFECT):
                raise UnknownOptionError(unknown_argument(name, known))
        return {name: value for name, value in options.items() if name in known}

    def _shaped(self, result: Any, given: Any, options: Options) -> Any:
        return result

    _run: Callable[..., list[Any]]


class TextClassificationPipeline(Pipeline[TextClassifier]):
    """One text gives a list of one dictionary; with `top_k` a list of the best. A pair is a dictionary."""

    def _run(
        self,
        given: list[str | Mapping[str, str]],
        *,
        top_k: int | Literal[""] | None = "",
        function_to_apply: str | None = None,
        return_all_scores: bool = False,
        truncation: bool | str = False,
        max_length: int | None = None,
    ) -> list[Any]:
        texts: Any = [_pair(each) if isinstance(each, Mapping) else each for each in given]
        function: Any = function_to_apply and function_to_apply.lower()
        task = with_longest(self.model, max_length)
        every = return_all_scores or top_k is None
        most = None if every else 1 if top_k == "" else top_k
        found: Any = task(texts, top_k=most, function=function, long_text=_long_text(truncation))
        rows = [[each] if isinstance(each, Classification) else each for each in found]
        if return_all_scores and top_k == "":  # in the order of the labels
            rows = [sorted(row, key=lambda each: task.config.labels.index(each.label)) for row in rows]
        dicts = [[{"label": each.label, "score": each.score} for each in row] for row in rows]
        return [row[0] for row in dicts] if top_k == "" and not every else dicts

    def _shaped(self, result: Any, given: Any, options: Options) -> Any:
        return [result] if isinstance(given, str) and "top_k" not in options else result


class TokenClassificationPipeline(Pipeline[TokenClassifier]):
    """A list of dictionaries a text: of tokens, or with another aggregation than "none" of entities.

    A text longer than the model reads is read in windows, and its entities are found in the text as a whole.
    """

    def _run(
        self,
        given: list[str],
        *,
        aggregation_strategy: Aggregation | None = None,
        ignore_labels: list[str] | None = None,
        stride: int | None = None,
    ) -> list[list[Dict]]:
        aggregation = aggregation_strategy or "none"
        ignored = ["O"] if ignore_labels is None else ignore_labels
        found = self.model(given, aggregation=aggregation, ignore_labels=ignored, stride=stride)
        grouped = aggregation != "none"
        return [
            [self._dict(each, text, encoding.ids, encoding.offsets, grouped=grouped) for each in entities]
            for text, encoding, entities in zip(given, self.tokenizer.encode_batch(given), found, strict=True)
        ]

    def _dict(self, entity: Entity, text: str, ids: np.ndarray, offsets: np.ndarray, *, grouped: bool) -> Dict:
        places = np.flatnonzero((offsets[:, 0] >= entity.start) & (offsets[:, 1] <= entity.end))
        places = places[offsets[places, 0] < offsets[places, 1]]
        pieces = [
            text[slice(*offsets[place])]
            if ids[place] == self.tokenizer.unk_token_id
            else self.tokenizer.token(int(ids[place]))
            for place in places.tolist()
        ]
        position = {"start": entity.start, "end": entity.end}
        if not grouped:
            named = {"entity": entity.label, "score": entity.score, "index": int(places[0])}
            return named | {"word": pieces[0]} | position
        word = _JOIN.decode(pieces)
        return {"entity_group": entity.label, "score": entity.score, "word": word} | position


class FillMaskPipeline(Pipeline[MaskFiller]):
    """A list of dictionaries a text; one such list a mask where it has several.

    A target of several pieces is scored as a whole, and its `token` is None (Transformers takes its first piece).
    """

    def __call__(self, inputs: Any, **options: Unpack[Options]) -> Any:
        result = super().__call__(inputs, **options)
        return result[0] if isinstance(inputs, list) and len(inputs) == 1 else result

    def _run(self, given: list[str], *, top_k: int = 5, targets: str | list[str] | None = None) -> list[Any]:
        found: Any = self.model(given, top_k=top_k, targets=targets)
        encodings = self.tokenizer.encode_batch(given)
        return [self._dicts(encoding.ids, fills) for encoding, fills in zip(encodings, found, strict=True)]

    def _dicts(self, ids: np.ndarray, found: Any) -> Any:
        masks = np.flatnonzero(ids == self.tokenizer.mask_token_id).tolist()
        several = len(masks) > 1
        rows: Any = found if several else [found]
        dicts = [[self._dict(fill, ids, mask, several) for fill in row] for mask, row in zip(masks, rows, strict=True)]
        return dicts if several else dicts[0]

    def _dict(self, fill: MaskFill, ids: np.ndarray, mask: int, several: bool) -> Dict:
        if fill.token_id is None:
            return {"score": fill.score, "token": None, "token_str": fill.token, "sequence": fill.text}
        filled = ids.copy()
        filled[mask] = fill.token_id
        sequence = self.tokenizer.decode(filled.tolist(), skip_special_tokens=not several)
        text = self.tokenizer.decode([fill.token_id], skip_special_tokens=False)
        return {"score": fill.score, "token": fill.token_id, "token_str": text, "sequence": sequence}


class ZeroShotClassificationPipeline(Pipeline[ZeroShotClassifier]):
    """One dictionary a text: `sequence`, `labels` (best first) and `scores`."""

    def __call__(self, inputs: Any, labels: Any = None, /, **options: Unpack[Options]) -> Any:
        if labels is not None:
            options["candidate_labels"] = labels
        return super().__call__(inputs, **options)

    def _run(
        self,
        given: list[str],
        *,
        candidate_labels: str | list[str],
        hypothesis_template: str = "This example is {}.",
        multi_label: bool = False,
    ) -> list[Dict]:
        found = self.model(given, candidate_labels, hypothesis_template=hypothesis_template, multi_label=multi_label)
        return [
            {"sequence": text, "labels": [each.label for each in row], "scores": [each.score for each in row]}
            for text, row in zip(given, found, strict=True)
        ]


class FeatureExtractionPipeline(Pipeline[Embedder]):
    """The last hidden states [1, T, D] of a text, as nested lists or, with `return_tensors`, a tensor."""

    def _run(
        self,
        given: list[str],
        *,
        truncation: bool | str = False,
        max_length: int | None = None,
        return_tensors: bool = False,
    ) -> list[Any]:
        found = with_longest(self.model, max_length).logits(given, long_text=_long_text(truncation))
        return [tensor(rows[None]) if return_tensors else [rows.tolist()] for rows in found]


class QuestionAnsweringPipeline(Pipeline[QuestionAnswerer]):
    """One dictionary a question: `score`, `start`, `end` and `answer`; a list with `top_k` above 1."""

    def __call__(
        self, inputs: Any = None, *, question: Any = None, context: Any = None, **options: Unpack[Options]
    ) -> Any:
        if inputs is None:
            questions, contexts = ([each] if isinstance(each, str) else each for each in (question, context))
            if not questions or not contexts:
                raise InputError("give a question and a context")
            contexts = list(contexts) * (len(questions) if len(contexts) == 1 else 1)
            inputs = [{"question": q, "context": c} for q, c in zip(questions, contexts, strict=True)]
            inputs = inputs[0] if isinstance(question, str) else inputs
        return super().__call__(inputs, **options)

    def _run(
        self,
        given: list[Mapping[str, str]],
        *,
        top_k: int = 1,
        doc_stride: int | None = None,
        max_answer_len: int = 15,
        max_seq_len: int = 384,
        max_question_len: int = 64,
        handle_impossible_answer: bool = False,
        align_to_words: bool = True,
    ) -> list[Dict | list[Dict]]:
        longest = min(max_seq_len, self.model.model.max_length)
        found: Any = self.model(
            [each["question"] for each in given],
            [each["context"] for each in given],
            top_k=top_k,
            max_answer_len=max_answer_len,
            doc_stride=min(longest // 2, 128) if doc_stride is None else doc_stride,
            max_seq_len=longest,
            max_question_len=max_question_len,
            no_answer=handle_impossible_answer,
            align_to_words=align_to_words,
        )
        return [self._dicts([each] if isinstance(each, Answer) else each) for each in found]

    def _dicts(self, answers: list[Answer]) -> Dict | list[Dict]:
        dicts = [{"score": each.score, "start": each.start, "end": each.end, "answer": each.text} for each in answers]
        return dicts[0] if len(dicts) == 1 else dicts


def _pair(given: Mapping[str, str]) -> str | tuple[str, str]:
    return (given["text"], given["text_pair"]) if given.get("text_pair") else given["text"]


def _long_text(truncation: bool | str) -> Literal["truncate", "error"]:
    """Transformers raises for a text that is too long, unless truncation is asked for."""
    return "truncate" if truncation and truncation != "do_not_truncate" else "error"
