"""`explain`: a task, a text and perhaps its pair -> an explanation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from ..encoding import Encoding
from ..errors import InputError, check_one_of, name_list, short_repr
from ..results import Answer, Entity
from ..tasks.embedding import Embedder
from ..tasks.question_answering import AnswerOptions, QuestionAnswerer
from ..tasks.task import Task
from ..tasks.text_classification import TextClassifier
from ..tasks.token_classification import TokenClassifier
from .explanation import Attribution, Explanation, Method
from .leave_one_out import leave_out, mask_id
from .targets import AnswerTarget, ClassTarget, EntityTarget, SimilarityTarget, Target, read_rows


@dataclass(frozen=True, eq=False)
class _Read:
    """A target, and the tokens that may have driven it.

    Attributes:
        texts: of the explanation, by part.
        parts: int64 [T], the part that each token stands in, -1 for special tokens and those of a prompt.
        offsets: int64 [T, 2], in that part.
        truncated: whether the texts were cut.
    """

    target: Target
    texts: tuple[str, ...]
    parts: np.ndarray
    offsets: np.ndarray
    truncated: bool

    @property
    def tokens(self) -> np.ndarray:
        """int64: places of the tokens that are explained."""
        return np.flatnonzero(self.parts >= 0)

    @property
    def words(self) -> list[np.ndarray]:
        """The same, those of a word together."""
        keys = np.stack([self.parts, self.target.encoding.word_ids], -1)[self.tokens]
        seams = np.flatnonzero((np.diff(keys, axis=0) != 0).any(-1)) + 1
        return np.split(self.tokens, seams)


def explain(
    task: Task,
    text: str,
    pair: str | None = None,
    *,
    target: str | Entity | Answer | None = None,
    method: Method = "leave-one-out",
    attention: bool = False,
) -> Explanation:
    """Which tokens and words drove a class, an entity, an answer, or the similarity of two texts.

    Args:
        task: a TextClassifier, TokenClassifier, QuestionAnswerer or Embedder.
        text, pair: the text; a pair of texts for a classifier of pairs; a question and its context; the two texts that
            an embedder compares. What is longer than the model reads is cut, and the explanation says so.
        target: a label; an Entity, or the text of one that the model finds; an Answer, or a text that stands in the
            context. By default the best that the model gives.
        method: "leave-one-out" masks each token, and each word, by itself and runs all of these through the task's own
            engine: one run more than there are tokens. "integrated-gradients" (extra `torch`) follows the gradient from
            the masked text to the text, and its values add up: see `Explanation.gap`.
        attention: the attention rollout too (extra `torch`), with the warning that it deserves.

    Raises:
        InputError: for another task, for texts without a token, and for a target that is not there.
        MissingExtraError: for what needs PyTorch, without it.
        CheckpointError: for gradients of int8 weights.
    """
    check_one_of("method", method, get_args(Method))
    for name, given in (("text", text), ("pair", pair)):
        if not isinstance(given, str) and (given is not None or name == "text"):
            raise InputError(f"{name} must be a string, not {type(given).__name__}")
    reads = _read(task, text, pair, target)
    return _explained(task, reads, method, attention)


def _explained(task: Task, reads: Sequence[_Read], method: Method, attention: bool) -> Explanation:
    mask = mask_id(task.tokenizer)
    model = None
    if attention or method == "integrated-gradients":
        from .gradients import gradient_model  # not at the top: it needs PyTorch

        model = gradient_model(task)
    tokens: list[Attribution] = []
    words: list[Attribution] = []
    gaps, baselines = [], []
    for read in reads:
        places, groups = read.tokens, read.words
        weights = model.attention(read.target) if model and attention else None
        if model and method == "integrated-gradients":
            erasure = leave_out(read.target, [places], mask)
            values, gap = model.integrated_gradients(read.target, places, mask)
            of_tokens, of_words = values[places], [float(values[group].sum()) for group in groups]
            gaps.append(gap)
        else:
            several = [group for group in groups if len(group) > 1]
            erasure = leave_out(read.target, [*places[:, None], *several], mask)
            of_tokens, rest = np.split(erasure.falls, [len(places)])
            of_single = dict(zip(places.tolist(), of_tokens.tolist(), strict=True))
            of_several = iter(rest.tolist())
            of_words = [of_single[int(group[0])] if len(group) == 1 else next(of_several) for group in groups]
        baselines.append(erasure.baseline)
        tokens += _attributions(read, list(places[:, None]), of_tokens.tolist(), weights)
        words += _attributions(read, groups, of_words, weights)
    first = reads[0].target
    return Explanation(
        target=first.name,
        measure=first.measure,
        score=erasure.score,
        baselines=tuple(baselines),
        method=method,
        tokens=tuple(tokens),
        words=tuple(words),
        texts=reads[0].texts,
        truncated=any(read.truncated for read in reads),
        gap=max(gaps, default=None),
    )


def _attributions(
    read: _Read, groups: list[np.ndarray], values: list[float], weights: np.ndarray | None
) -> list[Attribution]:
    found = []
    for group, value in zip(groups, values, strict=True):
        part = int(read.parts[group[0]])
        start, end = int(read.offsets[group, 0].min()), int(read.offsets[group, 1].max())
        share = None if weights is None else float(weights[group].sum())
        found.append(Attribution(read.texts[part][start:end], start, end, part, value, share))
    return found


def _read(task: Task, text: str, pair: str | None, target: str | Entity | Answer | None) -> list[_Read]:
    """What is explained, as the model reads it: one target, or two for a similarity, each text's."""
    match task:
        case TextClassifier():
            return [_of_class(task, text, pair, target)]
        case TokenClassifier():
            return [_of_entity(task, text, pair, target)]
        case QuestionAnswerer():
            return [_of_answer(task, text, pair, target)]
        case Embedder():
            return _of_similarity(task, text, pair, target)
        case _:
            name = task.task if isinstance(task, Task) else type(task).__name__
            raise InputError(
                f"{name} is not explained; text-classification, token-classification, question-answering and "
                "feature-extraction are"
            )


def _of_class(task: TextClassifier, text: str, pair: str | None, target: object) -> _Read:
    encoding = task.tokenizer.encode(text, pair, max_length=task.model.max_length)
    texts = (text,) if pair is None else (text, pair)
    labels = task.config.labels
    if target is None:
        logits = task.logits(text if pair is None else (text, pair))
        scores = logits if task.function == "none" else task.calibration(logits)
        index = int(scores.argmax())
    elif target in labels:
        index = labels.index(str(target))
    else:
        raise InputError(f"the model has no label {short_repr(target)}; it has {name_list(labels, 20)}")
    about = ClassTarget(
        measure="value" if task.function == "none" else ClassTarget.measure,
        task=task,
        encoding=encoding,
        name=labels[index],
        rows=read_rows(task, encoding),
        index=index,
        function=task.function,
        calibration=task.calibration,
    )
    return _whole(about, texts, encoding.truncated)


def _of_entity(task: TokenClassifier, text: str, pair: str | None, target: object) -> _Read:
    if pair is not None:
        raise InputError("a token classifier reads one text, not a pair")
    encoding = task.tokenizer.encode(text, max_length=task.model.max_length)
    entity = target if isinstance(target, Entity) else _found_entity(task, text, target)
    inside = (encoding.sequence_ids == 0) & (encoding.offsets[:, 0] < entity.end)
    rows = np.flatnonzero(inside & (encoding.offsets[:, 1] > entity.start))
    names = zip(task.config.labels, task.scheme.types, strict=True)
    allowed = [index for index, known in enumerate(names) if entity.label in known]
    if not len(rows) or not allowed:
        raise InputError(f"{short_repr(entity.text)} ({entity.label}) is no entity in what the model reads of the text")
    logits = task.calibration(task.logits(text, long_text="truncate")[0][rows])
    about = EntityTarget(
        task=task,
        encoding=encoding,
        name=f"{text[entity.start : entity.end]} ({entity.label})",
        rows=rows,
        labels=[allowed[int(best)] for best in logits[:, allowed].argmax(-1)],
        calibration=task.calibration,
    )
    return _whole(about, (text,), encoding.truncated)


def _found_entity(task: TokenClassifier, text: str, target: object) -> Entity:
    """The entity with this text, or the one with the best score."""
    entities = task(text, long_text="truncate")
    named = [entity for entity in entities if target in (None, entity.text)]
    if not named:
        there = f"; there are {name_list([entity.text for entity in entities], 20)}" if entities else ""
        what = "no entity" if target is None else f"no entity {short_repr(target)}"
        raise InputError(f"the model finds {what} in the text{there}; an Entity as target may be any span")
    return max(named, key=lambda entity: entity.score)


def _of_answer(task: QuestionAnswerer, question: str, context: str | None, target: object) -> _Read:
    if context is None:
        raise InputError("give the question and its context")
    best = task(question, context, align_to_words=False, long_text="truncate")
    limit = min(AnswerOptions.max_seq_len, task.model.max_length)
    windows = task.tokenizer.pair_windows(question, context, limit, 0)
    encoding = windows[0].encoding
    if isinstance(target, Answer):
        start, end = target.start, target.end
    elif target is None:
        assert isinstance(best, Answer)
        start, end = best.start, best.end
    else:
        start = context.find(str(target))
        end = start + len(str(target)) if start >= 0 else start
    places = np.flatnonzero(encoding.sequence_ids == 1)
    starts, ends = encoding.offsets[places].T
    covered = np.flatnonzero((ends > start) & (starts < end))
    if not len(covered):
        raise InputError("the answer that is asked for is not in what the model reads of the context")
    about = AnswerTarget(
        task=task,
        encoding=encoding,
        name=context[start:end],
        rows=np.concatenate([[0], places]),
        first=1 + int(covered[0]),
        last=1 + int(covered[-1]),
    )
    return _whole(about, (question, context), len(windows) > 1)


def _of_similarity(task: Embedder, text: str, pair: str | None, target: object) -> list[_Read]:
    if pair is None:
        raise InputError("give the two texts whose similarity is explained")
    if target is not None:
        raise InputError("a similarity has no target; leave it out")
    prefix = task.sentence.prompts.text()
    prompt_length = len(task.tokenizer.encode(prefix)) - task.tokenizer.closing_count if prefix else 0
    texts = (text, pair)
    encodings = [task.tokenizer.encode(prefix + each, max_length=task.model.max_length) for each in texts]
    vectors = task.vectors_of(encodings)
    reads = []
    for part, encoding in enumerate(encodings):
        about = SimilarityTarget(
            task=task,
            encoding=encoding,
            name="the two texts",
            rows=np.zeros(1, np.int64) if task.sentence.first_only else np.arange(len(encoding)),
            other=vectors[1 - part],
            prompt_length=prompt_length,
        )
        offsets = encoding.offsets - len(prefix)
        inside = (encoding.sequence_ids == 0) & (offsets[:, 0] >= 0)
        reads.append(_checked(_Read(about, texts, np.where(inside, part, -1), offsets, encoding.truncated)))
    return reads


def _whole(target: Target, texts: tuple[str, ...], truncated: bool) -> _Read:
    """All tokens but the special ones are explained."""
    encoding: Encoding = target.encoding
    return _checked(_Read(target, texts, encoding.sequence_ids.astype(np.int64), encoding.offsets, truncated))


def _checked(read: _Read) -> _Read:
    if not len(read.tokens):
        raise InputError("a text is empty, or has no token that the model reads: there is nothing to explain")
    return read
