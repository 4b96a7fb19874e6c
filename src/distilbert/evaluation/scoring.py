"""`score_task`: an open task and examples -> every metric. Training scores the model that it trains by it as well."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Unpack

import numpy as np

from ..batch import run_each
from ..data.blocks import MASKED_BLOCK, blocks
from ..data.examples import Choices, Data, PlainText, SentencePair
from ..errors import InputError
from ..tasks.embedding import Embedder
from ..tasks.fill_mask import MaskFiller
from ..tasks.long_text import LongText
from ..tasks.multiple_choice import ChoiceClassifier
from ..tasks.options import LongTextKeyword
from ..tasks.question_answering import QuestionAnswerer
from ..tasks.task import Task
from ..tasks.text_classification import TextClassifier
from ..tasks.token_classification import TokenClassifier
from . import metrics
from .answer_scores import score_answers
from .entity_scores import score_words
from .label_scores import score_numbers, score_texts
from .outcomes import Outcome
from .scores import MISTAKES, Mistake, Scores


def score_task(task: Task, data: Data[Any], *, long_text: LongText | None = None) -> Scores:
    """What an opened model makes of examples.

    Words and masks are scored in all of a text, however long. What becomes of a long text of other tasks `long_text`
    says, by default what the task does by itself.

    Raises InputError for a task without metrics, and for a `long_text` where there is no choice.
    """
    options: LongTextKeyword = {} if long_text is None else {"long_text": long_text}
    match task:
        case TextClassifier():
            return score_texts(task, data, **options)
        case QuestionAnswerer():
            return score_answers(task, data, **options)
        case Embedder():
            return _score_pairs(task, data, **options)
        case ChoiceClassifier():
            return _score_choices(task, data, **options)
        case TokenClassifier() | MaskFiller() if options:
            raise InputError(f"long_text is not for {task.task}: long texts are scored whole")
        case TokenClassifier():
            return score_words(task, data)
        case MaskFiller():
            return _score_masks(task, data)
    raise InputError(f"task {task.task!r} has no metrics")


def _score_masks(task: MaskFiller, data: Data[PlainText]) -> Scores:
    """15 % of the tokens of each block of text masked, all of them by [MASK]; always the same tokens of a text."""
    tokenizer = task.tokenizer
    assert tokenizer.mask_token_id is not None  # MaskFiller refuses a tokenizer without
    rng = np.random.default_rng(0)
    limit = min(MASKED_BLOCK, task.model.max_length)
    ids, rows, wanted = [], [], []
    for block in blocks(tokenizer, [example.text for example in data.examples], limit):
        inside = np.flatnonzero(~np.isin(block, list(tokenizer.special_ids)))
        if not len(inside):
            continue
        chosen = np.sort(rng.choice(inside, max(1, round(0.15 * len(inside))), replace=False))
        rows.append(chosen)
        wanted.append(block[chosen])
        masked = block.copy()
        masked[chosen] = tokenizer.mask_token_id
        ids.append(masked)
    if not ids:
        raise InputError(f"{data.source}: has no text that the tokenizer can read")
    first, fifth, surprise, counts = (np.zeros(len(ids)) for _ in range(4))
    confused: dict[tuple[int, int], int] = {}
    for index, logits in run_each(task.model.engine.run, ids, rows, task.model.max_batch_tokens):
        of_true = logits[np.arange(len(logits)), wanted[index]]
        better = (logits > of_true[:, None]).sum(1)
        first[index], fifth[index], counts[index] = (better < 1).sum(), (better < 5).sum(), len(of_true)
        peak = logits.max(1)
        surprise[index] = (peak + np.log(np.exp(logits - peak[:, None]).sum(1)) - of_true).sum()
        for true, predicted in zip(wanted[index].tolist(), logits.argmax(1).tolist(), strict=True):
            if true != predicted:
                confused[true, predicted] = confused.get((true, predicted), 0) + 1
    usual = sorted(confused.items(), key=lambda pair: -pair[1])[:MISTAKES]
    mistakes = [
        Mistake("", tokenizer.token(true), tokenizer.token(predicted), float(count))
        for (true, predicted), count in usual
    ]
    named = {
        "top1_accuracy": metrics.ratio(first, counts),
        "top5_accuracy": metrics.ratio(fifth, counts),
        "cross_entropy": metrics.ratio(surprise, counts),
    }
    (usual_id, times), *_ = Counter(np.concatenate(wanted).tolist()).most_common(1)
    return Scores(
        "top1_accuracy",
        named,
        len(ids),
        mistakes,
        worst_by="times",
        baseline={"top1_accuracy": times / int(counts.sum())},
        baseline_is=f"always {tokenizer.token(usual_id)!r}",
    )


def _score_pairs(task: Embedder, data: Data[SentencePair], **options: Unpack[LongTextKeyword]) -> Scores:
    first = np.asarray(task([pair.first for pair in data.examples], normalize=True, **options), np.float64)
    second = np.asarray(task([pair.second for pair in data.examples], normalize=True, **options), np.float64)
    if data.examples[0].score is not None:
        true = np.array([pair.score for pair in data.examples], np.float64)
        texts = [(pair.first, pair.second) for pair in data.examples]
        return score_numbers(data, true, (first * second).sum(1), texts, "spearman")
    scores = first @ second.T
    of_pairs = scores.diagonal()
    rank = 1 + (scores > of_pairs[:, None]).sum(1)
    worst = [index for index in np.argsort(-rank, kind="stable") if rank[index] > 1][:MISTAKES]
    mistakes = [
        Mistake(
            data.examples[i].first,
            data.examples[i].second,
            data.examples[int(scores[i].argmax())].second,
            float(rank[i]),
        )
        for i in worst
    ]
    named = {
        "mrr": metrics.mean(1 / rank),
        "accuracy_at_1": metrics.mean(rank == 1),
        "accuracy_at_10": metrics.mean(rank <= 10),
    }
    count = len(rank)
    chance = {"mrr": float((1 / np.arange(1, count + 1)).mean()), "accuracy_at_1": 1 / count}

    def predictions() -> Iterator[dict[str, Any]]:
        for index, pair in enumerate(data.examples):
            nearest = data.examples[int(scores[index].argmax())].second
            yield {"text": pair.first, "pair": pair.second, "predicted": nearest, "rank": int(rank[index])}

    return Scores(
        "mrr",
        named,
        count,
        mistakes,
        worst_by="rank of the true one",
        baseline=chance | {"accuracy_at_10": min(1.0, 10 / count)},
        baseline_is="any order",
        predictions=predictions,
        outcome=Outcome(data, rank > 1),
    )


def _score_choices(task: ChoiceClassifier, data: Data[Choices], **options: Unpack[LongTextKeyword]) -> Scores:
    asked = ((example.prompt, example.choices) for example in data.examples)
    best = [found[0] for found in task.stream(asked, **options)]
    right = np.array(
        [found.label == example.choices[example.right] for found, example in zip(best, data.examples, strict=True)]
    )
    confidence = np.array([found.score for found in best])
    wrong = [index for index in np.argsort(-confidence, kind="stable") if not right[index]][:MISTAKES]
    mistakes = [
        Mistake(
            data.examples[i].prompt,
            data.examples[i].choices[data.examples[i].right],
            best[i].label,
            float(confidence[i]),
        )
        for i in wrong
    ]
    named = {"accuracy": metrics.mean(right), "calibration_error": metrics.calibration_error(confidence, right)}
    (usual, times), *_ = Counter(example.right for example in data.examples).most_common(1)

    def predictions() -> Iterator[dict[str, Any]]:
        for index, example in enumerate(data.examples):
            row: dict[str, Any] = {
                "prompt": example.prompt,
                "choices": list(example.choices),
                "label": example.choices[example.right],
            }
            row |= {"predicted": best[index].label, "score": float(confidence[index])}
            yield row | {"right": bool(right[index])}

    return Scores(
        "accuracy",
        named,
        len(right),
        mistakes,
        sure=(confidence, right),
        baseline={"accuracy": times / len(right)},
        baseline_is=f"always choice {usual}",
        predictions=predictions,
        outcome=Outcome(data, ~right),
    )
