"""The objective of each task: examples -> items, and the loss of a few items."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # as everyone calls it
from torch.nn.utils.rnn import pad_sequence

from ..arguments import ClassWeights
from ..data.blocks import MASKED_BLOCK, blocks
from ..data.examples import Choices, Data, LabelledText, PlainText, Question, SentencePair, TaggedWords
from ..encoding import Window
from ..errors import InputError
from ..nn.packed import IGNORE, Packed
from ..tasks.inputs import encoded
from ..tasks.task import FIRST
from ..tokenizer import BertTokenizer
from .numbers import in_spreads
from .objective import AnyModel, Item, TaskObjective, device_of, pooled

# Devlin et al. 2019, https://arxiv.org/abs/1810.04805: of the tokens that are chosen, 80 % become [MASK],
# 10 % another token, and 10 % stay
CHOSEN, _MASKED, _RANDOM = 0.15, 0.8, 0.1
_NOWHERE = 1 << 30  # a position beyond any text, which no loss counts
_SCALE = 20.0  # of cosines before the softmax over a batch's sentences
_QUESTION = 64  # the longest question in tokens
_STRIDE = 128  # tokens that neighbouring windows of a context share


def _tensor(model: AnyModel, values: Any) -> Tensor:
    return torch.as_tensor(np.asarray(values), device=device_of(model))


def _class_weights(labels: Sequence[str], counts: Counter[str], weights: ClassWeights | None) -> np.ndarray | None:
    """float32 [labels]; "balanced" is inverse to how often a label comes, 1 on average over examples."""
    if weights is None or weights == "none":
        return None
    if weights == "balanced":
        weights = {label: counts.total() / (len(labels) * max(counts[label], 1)) for label in labels}
    if unknown := sorted(set(weights) - set(labels)):
        raise InputError(f"class_weights: label {unknown[0]!r} is unknown; there are {', '.join(map(repr, labels))}")
    if not all(0 < weight < np.inf for weight in weights.values()):
        raise InputError("class_weights must be above 0, and finite")
    return np.array([weights.get(label, 1.0) for label in labels], np.float32)


def make_objective(
    task: str,
    data: Data[Any],
    tokenizer: BertTokenizer,
    max_length: int,
    *,
    class_weights: ClassWeights | None = None,
    first_only: bool = False,
    mean_pooling: bool = False,
) -> TaskObjective:
    """The objective of a task on its examples.

    `first_only`: sentences are embedded by their first token alone. `mean_pooling`: a classifier's logits are the mean
    over all tokens.

    Raises InputError for examples that leave nothing to learn, and options that the task does not have.
    """
    if class_weights not in (None, "none") and not (
        task == "token-classification" or data.problem == "single_label_classification"
    ):
        raise InputError("class_weights are for single labels and for token classification")
    if len(data.labels) < 2 and (task == "token-classification" or data.problem == "single_label_classification"):
        raise InputError(f"{data.source}: all labels are {data.labels[0]!r}; there is nothing to tell apart")
    if data.problem == "multi_label_classification" and not data.labels:
        raise InputError(f"{data.source}: no example has a label")
    match task:
        case "text-classification" if data.problem == "single_label_classification":
            return ClassifyTexts(data, tokenizer, max_length, class_weights, mean_pooling)
        case "text-classification":
            return ScoreTexts(data, tokenizer, max_length, mean_pooling)
        case "token-classification":
            return TagWords(data, tokenizer, max_length, class_weights)
        case "question-answering":
            return AnswerQuestions(data, tokenizer, max_length)
        case "fill-mask":
            return FillMasks(data, tokenizer, max_length)
        case "sentence-similarity" if data.examples[0].score is None:
            return MatchPairs(data, tokenizer, max_length, first_only)
        case "sentence-similarity":
            return ScorePairs(data, tokenizer, max_length, first_only)
        case "multiple-choice":
            return ChooseEndings(data, tokenizer, max_length)
    raise InputError(f"task {task!r} cannot be trained")


class _LabelTexts(TaskObjective):
    """Whole texts: logits of their first token, or the mean over all."""

    def __init__(self, data: Data[LabelledText], tokenizer: BertTokenizer, max_length: int, mean_pooling: bool) -> None:
        self._data, self._mean_pooling = data, mean_pooling
        rows = None if mean_pooling else (FIRST,)
        read = encoded(tokenizer, [example.text for example in data.examples], max_length)
        pairs = zip(read, data.examples, strict=True)
        super().__init__([Item((encoding.ids,), rows, self._target(example.label)) for encoding, example in pairs])

    def _target(self, label: Any) -> Any:
        raise NotImplementedError

    def _logits(self, output: Tensor, batch: Packed) -> Tensor:
        return pooled(output, batch) if self._mean_pooling else output


class ClassifyTexts(_LabelTexts):
    """One label a text: cross-entropy."""

    def __init__(
        self,
        data: Data[LabelledText],
        tokenizer: BertTokenizer,
        max_length: int,
        weights: ClassWeights | None,
        mean_pooling: bool,
    ) -> None:
        super().__init__(data, tokenizer, max_length, mean_pooling)
        self.weights = _class_weights(data.labels, Counter(str(example.label) for example in data.examples), weights)
        if self.weights is not None:
            self.items = [replace(item, weight=float(self.weights[item.target])) for item in self.items]

    def _target(self, label: Any) -> int:
        return IGNORE if label is None else self._data.labels.index(str(label))

    def loss_of(self, model: AnyModel, output: Tensor, batch: Packed, items: Sequence[Item]) -> Tensor:
        return _cross_entropy(model, self._logits(output, batch), [item.target for item in items], self.weights)


class ScoreTexts(_LabelTexts):
    """Several labels at once, or a number: the head's own loss."""

    def _target(self, label: Any) -> np.ndarray:
        """float32 [labels]; NaN where there is no label."""
        if label is None:
            return np.full(max(len(self._data.labels), 1), np.nan, np.float32)
        if self._data.problem == "regression":
            return np.array([label], np.float32)
        return np.array([name in label for name in self._data.labels], np.float32)

    def loss_of(self, model: AnyModel, output: Tensor, batch: Packed, items: Sequence[Item]) -> Tensor:
        output = self._logits(output, batch)
        targets = np.array([item.target for item in items])
        labelled = np.flatnonzero(~np.isnan(targets).any(1))
        counted = in_spreads(model, output[_tensor(model, labelled)], _tensor(model, targets[labelled]))
        return model.loss(*counted, total=1)


class TagWords(TaskObjective):
    """A label for each word, read off its first token: cross-entropy. Long sentences are learnt in windows."""

    def __init__(
        self, data: Data[TaggedWords], tokenizer: BertTokenizer, max_length: int, weights: ClassWeights | None
    ) -> None:
        counts = Counter(label for example in data.examples for label in example.labels)
        self.weights = _class_weights(data.labels, counts, weights)
        index = {label: place for place, label in enumerate(data.labels)}
        items = []
        for example in data.examples:
            labels = np.array([index[label] for label in example.labels] or [IGNORE] * len(example.words))
            last = -1  # a word that a window cuts has its label where it begins
            for window in tokenizer.windows(example.words, max_length, stride=0, is_split=True):
                words = window.encoding.word_ids
                rows = np.flatnonzero((words > last) & (np.diff(words, prepend=-1) != 0))
                if len(rows):
                    last = int(words.max())
                    target = labels[words[rows]]
                    weight = len(rows) if self.weights is None else float(self.weights[target].sum())
                    items.append(Item((window.encoding.ids,), (rows,), target, weight))
        if not items:
            raise InputError(f"{data.source}: has no word that the tokenizer can read")
        super().__init__(items)

    def loss_of(self, model: AnyModel, output: Tensor, batch: Packed, items: Sequence[Item]) -> Tensor:
        return _cross_entropy(model, output, np.concatenate([item.target for item in items]), self.weights)


class AnswerQuestions(TaskObjective):
    """The first and last token of an answer, in windows over its context; [CLS] where a window has none."""

    def __init__(self, data: Data[Question], tokenizer: BertTokenizer, max_length: int) -> None:
        items = []
        for example in data.examples:
            question = tokenizer.encode(example.question, max_length=_QUESTION + tokenizer.special_count)
            asked = example.question
            if question.truncated:
                asked = asked[: int(question.offsets[:, 1].max())]
            room = max_length - len(question) + tokenizer.special_count - tokenizer.pair_special_count
            if room < 1:
                raise InputError(f"max_length={max_length} leaves no room for the context of {asked!r}")
            windows = tokenizer.pair_windows(asked, example.context, max_length, min(_STRIDE, room // 2))
            items += [Item((window.encoding.ids,), None, _answer_tokens(window, example)) for window in windows]
        super().__init__(items)

    def loss_of(self, model: AnyModel, output: Tensor, batch: Packed, items: Sequence[Item]) -> Tensor:
        starts, ends = _tensor(model, [item.target for item in items]).unbind(1)
        return model.loss(output, batch, starts, ends, total=1)


def _answer_tokens(window: Window, example: Question) -> tuple[int, int]:
    """The window's first and last token of the first answer; (0, 0) where it is not whole in the window."""
    if example.answers is None:
        return _NOWHERE, _NOWHERE
    if not example.answers:
        return 0, 0
    text, start = example.answers[0]
    inside = np.flatnonzero(window.encoding.sequence_ids == 1)
    offsets = window.encoding.offsets[inside]
    covered = inside[(offsets[:, 1] > start) & (offsets[:, 0] < start + len(text))]
    whole = len(covered) and offsets[0, 0] <= start and offsets[-1, 1] >= start + len(text.rstrip())
    return (int(covered[0]), int(covered[-1])) if whole else (0, 0)


class FillMasks(TaskObjective):
    """The tokens behind masks, drawn anew each time: cross-entropy over the vocabulary."""

    def __init__(self, data: Data[PlainText], tokenizer: BertTokenizer, max_length: int) -> None:
        if tokenizer.mask_token_id is None:
            raise InputError(f"the vocabulary lacks the mask {tokenizer.mask_token}")
        self._mask, self._vocab_size = tokenizer.mask_token_id, tokenizer.vocab_size
        self._special = np.array(sorted(tokenizer.special_ids))
        texts = [example.text for example in data.examples]
        found = blocks(tokenizer, texts, min(MASKED_BLOCK, max_length))
        items = [Item((block,), None, None) for block in found if not np.isin(block, self._special).all()]
        if not items:
            raise InputError(f"{data.source}: has no text that the tokenizer can read")
        super().__init__(items)

    def draw(self, item: Item, rng: np.random.Generator) -> Item:
        (ids,) = item.texts
        inside = np.flatnonzero(~np.isin(ids, self._special))
        rows = self.choose(ids[inside], rng)
        rows = inside[rows] if len(rows) else rng.choice(inside, 1)
        fate = rng.random(len(rows))
        random = rng.integers(0, self._vocab_size, len(rows))
        masked = ids.copy()
        masked[rows] = np.where(fate < _MASKED, self._mask, np.where(fate < _MASKED + _RANDOM, random, ids[rows]))
        return replace(item, texts=(masked,), rows=(rows,), target=ids[rows], weight=float(len(rows)))

    def choose(self, ids: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Which of the tokens with these ids are asked for, in order."""
        return np.flatnonzero(rng.random(len(ids)) < CHOSEN)

    def loss_of(self, model: AnyModel, output: Tensor, batch: Packed, items: Sequence[Item]) -> Tensor:
        return _cross_entropy(model, output, np.concatenate([item.target for item in items]), None)


class _Pairs(TaskObjective):
    """Sentences embedded as vectors of length 1: the mean of their tokens, or the first alone."""

    def __init__(self, data: Data[SentencePair], tokenizer: BertTokenizer, max_length: int, first_only: bool) -> None:
        first = encoded(tokenizer, [example.first for example in data.examples], max_length)
        second = encoded(tokenizer, [example.second for example in data.examples], max_length)
        rows = (FIRST, FIRST) if first_only else None
        both = zip(first, second, data.examples, strict=True)
        super().__init__([Item((one.ids, other.ids), rows, example.score) for one, other, example in both])

    def _embed(self, output: Tensor, batch: Packed) -> tuple[Tensor, Tensor]:
        """[B, D] of the first sentences and of the second."""
        vectors = F.normalize(pooled(output, batch), dim=-1)
        return vectors[0::2], vectors[1::2]


class ScorePairs(_Pairs):
    """How alike two sentences are: the squared error of their cosine, scores scaled to at most 1.

    Reimers and Gurevych 2019, https://arxiv.org/abs/1908.10084.
    """

    def __init__(self, data: Data[SentencePair], tokenizer: BertTokenizer, max_length: int, first_only: bool) -> None:
        super().__init__(data, tokenizer, max_length, first_only)
        largest = max(1.0, *(abs(item.target) for item in self.items))
        self.items = [replace(item, target=np.float32(item.target / largest)) for item in self.items]

    def loss_of(self, model: AnyModel, output: Tensor, batch: Packed, items: Sequence[Item]) -> Tensor:
        first, second = self._embed(output, batch)
        return F.mse_loss((first * second).sum(-1), _tensor(model, [item.target for item in items]), reduction="sum")


class MatchPairs(_Pairs):
    """Which second sentence of the batch belongs to each first: cross-entropy of cosines times 20.

    Henderson et al. 2017, https://arxiv.org/abs/1705.00652.
    """

    whole_steps = True

    def loss_of(self, model: AnyModel, output: Tensor, batch: Packed, items: Sequence[Item]) -> Tensor:
        first, second = self._embed(output, batch)
        return _cross_entropy(model, _SCALE * first @ second.T, np.arange(len(items)), None)


class ChooseEndings(TaskObjective):
    """Which of several texts goes with a prompt: cross-entropy over them."""

    def __init__(self, data: Data[Choices], tokenizer: BertTokenizer, max_length: int) -> None:
        pairs = [(example.prompt, choice) for example in data.examples for choice in example.choices]
        read = iter(encoded(tokenizer, pairs, max_length))
        items = []
        for example in data.examples:
            texts = tuple(next(read).ids for _ in example.choices)
            items.append(Item(texts, (FIRST,) * len(texts), example.right))
        super().__init__(items)

    def loss_of(self, model: AnyModel, output: Tensor, batch: Packed, items: Sequence[Item]) -> Tensor:
        by_item = output.squeeze(-1).split([len(item.texts) for item in items])  # type: ignore[no-untyped-call]
        logits = pad_sequence(list(by_item), batch_first=True, padding_value=-torch.inf)
        return _cross_entropy(model, logits, [item.target for item in items], None)


def _cross_entropy(model: AnyModel, logits: Tensor, targets: Any, weights: np.ndarray | None) -> Tensor:
    """The sum over rows of logits [K, C], in float32; with weights [C] each row times its class's."""
    weight = None if weights is None else _tensor(model, weights)
    return F.cross_entropy(logits.float(), _tensor(model, targets), weight, reduction="sum")
