"""`evaluate`: a model and a file of examples -> every metric of the task with its interval.

`judge` does the same for a task that is open already, which is how training scores the model it trains.
"""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..batch import run_each
from ..data.blocks import MASKED_BLOCK, blocks
from ..data.examples import Choices, Data, LabelledText, PlainText, Question, SentencePair, TaggedWords
from ..data.reading import read_data
from ..errors import InputError
from ..loading import DEFAULT_BATCH_TOKENS, load
from ..tasks.embedding import Embedder
from ..tasks.fill_mask import MaskFiller
from ..tasks.multiple_choice import ChoiceClassifier
from ..tasks.numbers import logistic, softmax
from ..tasks.question_answering import QuestionAnswerer
from ..tasks.task import Task
from ..tasks.text_classification import TextClassifier
from ..tasks.token_classification import TokenClassifier
from . import metrics
from .metrics import Difference, Interval, Metric

_MISTAKES = 25
_LONGEST_ANSWER = 30  # tokens, as is usual for SQuAD


@dataclasses.dataclass(frozen=True)
class Mistake:
    """An example that the model has wrong. `weight` orders mistakes, the worst first."""

    text: str
    true: str
    predicted: str
    weight: float


@dataclasses.dataclass(frozen=True, eq=False)
class Judgement:
    """What a model makes of examples.

    Attributes:
        main: the name of the metric that decides which of two models is better: more is better.
        metrics: by name.
        examples: how many.
        labels, confusion: of single labels: int64 [C, C], rows true, columns predicted; else None.
        confidence, right: float and bool [n]: how sure the model was of what it said, and whether
            that was right; else None.
        points: of numbers: true and predicted float [n]; else None.
        mistakes: the worst ones first.
        worst_by: what the weight of a mistake is, in words.
    """

    main: str
    metrics: Mapping[str, Metric]
    examples: int
    mistakes: Sequence[Mistake] = ()
    labels: tuple[str, ...] = ()
    confusion: np.ndarray | None = None
    confidence: np.ndarray | None = None
    right: np.ndarray | None = None
    points: tuple[np.ndarray, np.ndarray] | None = None
    worst_by: str = "confidence"

    def values(self) -> dict[str, float]:
        """Each metric on all examples."""
        plain = np.ones((1, self.examples))
        return {name: float(metric(plain)[0]) for name, metric in self.metrics.items()}


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """The scores of a model on a file.

    Attributes:
        model, data, task, precision: what was evaluated.
        judgement: all that the model said.
        scores: each metric with its 95 % interval.
        seconds: how long all examples took, tokenising included.
        bytes: of the model's weights on disk.
    """

    model: str
    data: str
    task: str
    precision: str
    judgement: Judgement
    scores: Mapping[str, Interval]
    seconds: float
    bytes: int

    @property
    def rate(self) -> float:
        """Examples a second."""
        return self.judgement.examples / self.seconds

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, ready for `json.dumps`."""
        return {
            "model": self.model,
            "data": self.data,
            "task": self.task,
            "precision": self.precision,
            "examples": self.judgement.examples,
            "scores": {name: score.to_dict() for name, score in self.scores.items()},
            "examples_per_second": self.rate,
            "bytes": self.bytes,
        }


def evaluate(
    model: str | Path,
    data: str | Path,
    task: str | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    precision: Literal["float32", "int8"] | None = None,
    threads: int | None = None,
    max_batch_tokens: int = DEFAULT_BATCH_TOKENS,
    revision: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Evaluation:
    """Run a model on the CPU engine over a file of examples, and score it.

    Args:
        model, task, precision, threads, max_batch_tokens, revision: as for `distilbert.load`; an encoder
            is evaluated for "sentence-similarity".
        data, columns: as for `read_data`.
        resamples, seed: of the bootstrap.

    Raises:
        InputError: for what is wrong in the data, naming file and line, for a task without metrics, and for
            `resamples` below 1.
        and what `load` raises.
    """
    _check_resamples(resamples)
    opened = load(
        model, task, precision=precision, threads=threads, max_batch_tokens=max_batch_tokens, revision=revision
    )
    examples = read_for(opened, data, columns)
    started = time.perf_counter()
    judgement = judge(opened, examples)
    seconds = time.perf_counter() - started
    scores = metrics.bootstrap(judgement.metrics, judgement.examples, resamples=resamples, seed=seed)
    folder = opened.model.folder
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    return Evaluation(
        str(model), str(data), opened_task(opened), precision or "as stored", judgement, scores, seconds, size
    )


def _check_resamples(resamples: int) -> None:
    if resamples < 1:
        raise InputError(f"resamples must be at least 1, not {resamples!r}")


def opened_task(task: Task) -> str:
    """The task by whose examples an opened model is judged."""
    return "sentence-similarity" if isinstance(task, Embedder) else task.task


def read_for(task: Task, data: str | Path, columns: Mapping[str, str] | None = None) -> Data[Any]:
    """The examples of a file for an opened model, whose labels are the only ones there may be."""
    name = opened_task(task)
    labels = task.config.labels if isinstance(task, TextClassifier | TokenClassifier) else None
    problem = None
    if isinstance(task, TextClassifier):
        regression = task.config.problem_type == "regression" or task.config.num_labels == 1
        several = task.config.problem_type == "multi_label_classification"
        problem = "regression" if regression else "multi-label" if several else "single-label"
    return read_data(data, name, columns=columns, labels=labels, problem=problem)  # type: ignore[arg-type]


def compare(first: Evaluation, second: Evaluation, *, resamples: int = 1000, seed: int = 0) -> dict[str, Difference]:
    """How much better the second model is than the first, metric by metric, both on the same examples.

    Raises InputError for evaluations on different examples, and for `resamples` below 1.
    """
    _check_resamples(resamples)
    if (first.data, first.task, first.judgement.examples) != (second.data, second.task, second.judgement.examples):
        raise InputError(f"{first.model} and {second.model} were not evaluated on the same examples")
    both = (first.judgement.metrics, second.judgement.metrics)
    return metrics.compare(*both, first.judgement.examples, resamples=resamples, seed=seed)


def judge(task: Task, data: Data[Any], *, seed: int = 0) -> Judgement:
    """What an opened model makes of examples. `seed` draws the masks of masked language modelling.

    Raises InputError for a task without metrics.
    """
    match task:
        case TextClassifier():
            return _judge_texts(task, data)
        case TokenClassifier():
            return _judge_words(task, data)
        case QuestionAnswerer():
            return _judge_answers(task, data)
        case MaskFiller():
            return _judge_masks(task, data, seed)
        case Embedder():
            return _judge_pairs(task, data)
        case ChoiceClassifier():
            return _judge_choices(task, data)
    raise InputError(f"task {task.task!r} has no metrics")


def _judge_texts(task: TextClassifier, data: Data[LabelledText]) -> Judgement:
    logits = task.logits([example.text for example in data.examples]).astype(np.float64)
    labels = data.labels
    if data.problem == "regression":
        true = np.array([example.label for example in data.examples], np.float64)
        return _numbers(true, logits[:, 0], [_shown(example.text) for example in data.examples], "pearson")
    if data.problem == "multi-label":
        wanted = np.array([[label in example.label for label in labels] for example in data.examples])  # type: ignore[operator]
        return _several_labels(data, wanted, logistic(logits))
    scores = softmax(logits) if len(labels) > 1 else logistic(logits)
    true = np.array([labels.index(example.label) for example in data.examples])
    return _single_label(labels, true, scores, [_shown(example.text) for example in data.examples])


def _single_label(labels: tuple[str, ...], true: np.ndarray, scores: np.ndarray, texts: Sequence[str]) -> Judgement:
    """From probabilities [n, C]."""
    predicted, confidence = scores.argmax(-1), scores.max(-1)
    right = predicted == true
    one_hot, said = (np.eye(len(labels), dtype=bool)[index] for index in (true, predicted))
    likelihood = scores[np.arange(len(true)), true]
    confusion = np.bincount(true * len(labels) + predicted, minlength=len(labels) ** 2)
    wrong = np.flatnonzero(~right)
    wrong = wrong[np.argsort(likelihood[wrong], kind="stable")][:_MISTAKES].tolist()
    return Judgement(
        "accuracy",
        {
            "accuracy": metrics.mean(right),
            "f1_macro": metrics.macro_f1(one_hot, said),
            "f1_micro": metrics.f1(right, np.ones(len(true)), np.ones(len(true))),
            "mcc": metrics.matthews(true, predicted),
            "auc": metrics.auc(one_hot[:, 1], scores[:, 1]) if len(labels) == 2 else metrics.auc(one_hot, scores),
            "cross_entropy": metrics.mean(-np.log(np.maximum(likelihood, 1e-30))),
            "calibration_error": metrics.calibration_error(confidence, right),
        },
        len(true),
        [Mistake(texts[i], labels[true[i]], labels[predicted[i]], float(confidence[i])) for i in wrong],
        labels,
        confusion.reshape(len(labels), len(labels)),
        confidence,
        right,
    )


def _several_labels(data: Data[LabelledText], wanted: np.ndarray, scores: np.ndarray) -> Judgement:
    """From bool and probabilities [n, C]."""
    said = scores >= 0.5
    surprise = -np.log(np.maximum(np.where(wanted, scores, 1 - scores), 1e-30)).sum(1)

    def names(row: np.ndarray) -> str:
        return ", ".join(label for label, here in zip(data.labels, row, strict=True) if here) or "(none)"

    wrong = [index for index in np.argsort(-surprise) if (wanted[index] != said[index]).any()][:_MISTAKES]
    return Judgement(
        "f1_micro",
        {
            "f1_micro": metrics.f1((wanted & said).sum(1), said.sum(1), wanted.sum(1)),
            "f1_macro": metrics.macro_f1(wanted, said),
            "exact_match": metrics.mean((wanted == said).all(1)),
            "auc": metrics.auc(wanted, scores),
            "calibration_error": metrics.calibration_error(
                np.maximum(scores, 1 - scores).ravel(), (wanted == said).ravel(), np.full(len(said), said.shape[1])
            ),
        },
        len(wanted),
        [Mistake(_shown(data.examples[i].text), names(wanted[i]), names(said[i]), float(surprise[i])) for i in wrong],
        confidence=np.maximum(scores, 1 - scores).ravel(),
        right=(wanted == said).ravel(),
        worst_by="surprise",
    )


def _numbers(true: np.ndarray, predicted: np.ndarray, texts: Sequence[str], main: str) -> Judgement:
    """Of numbers [n]; scores of similarity are compared in order alone."""
    correlations = {"pearson": metrics.pearson(true, predicted), "spearman": metrics.spearman(true, predicted)}
    errors = {"rmse": metrics.root_mean_square(predicted - true)} if main == "pearson" else {}
    # how far the two orders are apart where the scales differ
    off = np.abs(predicted - true) if main == "pearson" else np.abs(_rank(true) - _rank(predicted))
    worst = np.argsort(-off, kind="stable")[:_MISTAKES]
    return Judgement(
        main,
        correlations | errors,
        len(true),
        [Mistake(texts[i], f"{true[i]:.4g}", f"{predicted[i]:.4g}", float(off[i])) for i in worst],
        points=(true, predicted),
        worst_by="off by" if main == "pearson" else "ranks apart",
    )


def _rank(values: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(values, kind="stable"))


def _judge_words(task: TokenClassifier, data: Data[TaggedWords]) -> Judgement:
    words = [example.words for example in data.examples]
    true = [list(example.labels) for example in data.examples]
    said = [["O"] * len(labels) for labels in true]
    confidence = [[0.0] * len(labels) for labels in true]  # of words that the tokenizer drops nothing is said
    for place, entities in enumerate(task.from_words(words, aggregation="none", ignore_labels=())):
        for word in entities:
            said[place][word.start], confidence[place][word.start] = word.label, word.score
    counts = metrics.entity_counts(true, said)
    right, found, wanted = (sum((of_kind[row] for of_kind in counts.values()), np.zeros(len(true))) for row in range(3))
    sure = np.concatenate(confidence)
    same = np.concatenate([np.array(a) == np.array(b) for a, b in zip(true, said, strict=True)])
    lengths = np.array([len(labels) for labels in true])
    values: dict[str, Metric] = {
        "f1": metrics.f1(right, found, wanted),
        "precision": metrics.ratio(right, found),
        "recall": metrics.ratio(right, wanted),
        "word_accuracy": metrics.ratio(np.add.reduceat(same, np.cumsum(lengths) - lengths, dtype=float), lengths),
        "calibration_error": metrics.calibration_error(sure, same, lengths),
    }
    values |= {f"f1_{kind}": metrics.f1(*of_kind) for kind, of_kind in counts.items()}
    off = found + wanted - 2 * right
    worst = [index for index in np.argsort(-off, kind="stable") if off[index]][:_MISTAKES]
    mistakes = [
        Mistake(" ".join(words[i]), _spans(words[i], true[i]), _spans(words[i], said[i]), float(off[i])) for i in worst
    ]
    labels = task.config.labels
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    index = {label: place for place, label in enumerate(labels)}
    flat = [[index[label] for sentence in both for label in sentence] for both in (true, said)]
    np.add.at(confusion, tuple(flat), 1)
    return Judgement("f1", values, len(true), mistakes, labels, confusion, sure, same, worst_by="entities off")


def _spans(words: Sequence[str], labels: Sequence[str]) -> str:
    """The words that have a label, for a person."""
    return " ".join(f"{word}/{label}" for word, label in zip(words, labels, strict=True) if label != "O") or "(none)"


def _judge_answers(task: QuestionAnswerer, data: Data[Question]) -> Judgement:
    examples = data.examples
    none = any(not example.answers for example in examples)
    pairs = ((example.question, example.context) for example in examples)
    found = [
        answer[0] if isinstance(answer, list) else answer
        for answer in task.stream(pairs, no_answer=none, max_answer_len=_LONGEST_ANSWER)
    ]
    scores = np.array(
        [
            metrics.squad_scores(answer.text, [text for text, _ in example.answers or ()])
            for answer, example in zip(found, examples, strict=True)
        ]
    )
    confidence = np.array([answer.score for answer in found])
    values = {"f1": metrics.mean(scores[:, 1]), "exact_match": metrics.mean(scores[:, 0])}
    if none:
        answerable = np.array([bool(example.answers) for example in examples])
        for name, chosen in (("answerable", answerable), ("unanswerable", ~answerable)):
            values[f"f1_{name}"] = metrics.ratio(scores[:, 1] * chosen, chosen)
    right = scores[:, 0] == 1
    values["calibration_error"] = metrics.calibration_error(confidence, right)
    worst = [index for index in np.lexsort((-confidence, scores[:, 1])) if not right[index]][:_MISTAKES]
    mistakes = [
        Mistake(
            examples[i].question,
            " | ".join(dict.fromkeys(text for text, _ in examples[i].answers or ())) or "(no answer)",
            found[i].text or "(no answer)",
            float(confidence[i]),
        )
        for i in worst
    ]
    return Judgement("f1", values, len(examples), mistakes, confidence=confidence, right=right)


def _judge_masks(task: MaskFiller, data: Data[PlainText], seed: int) -> Judgement:
    """15 % of the tokens of each block of text masked, all of them by [MASK]."""
    tokenizer = task.tokenizer
    assert tokenizer.mask_token_id is not None  # MaskFiller refuses a tokenizer without
    rng = np.random.default_rng(seed)
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
        for true, said in zip(wanted[index].tolist(), logits.argmax(1).tolist(), strict=True):
            if true != said:
                confused[true, said] = confused.get((true, said), 0) + 1
    usual = sorted(confused.items(), key=lambda pair: -pair[1])[:_MISTAKES]
    mistakes = [
        Mistake("", tokenizer.token(true), tokenizer.token(said), float(count)) for (true, said), count in usual
    ]
    values = {
        "top1_accuracy": metrics.ratio(first, counts),
        "top5_accuracy": metrics.ratio(fifth, counts),
        "cross_entropy": metrics.ratio(surprise, counts),
    }
    return Judgement("top1_accuracy", values, len(ids), mistakes, worst_by="times")


def _judge_pairs(task: Embedder, data: Data[SentencePair]) -> Judgement:
    first = np.asarray(task([pair.first for pair in data.examples], normalize=True), np.float64)
    second = np.asarray(task([pair.second for pair in data.examples], normalize=True), np.float64)
    texts = [_shown((pair.first, pair.second)) for pair in data.examples]
    if data.examples[0].score is not None:
        true = np.array([pair.score for pair in data.examples], np.float64)
        return _numbers(true, (first * second).sum(1), texts, "spearman")
    scores = first @ second.T
    of_pairs = scores.diagonal()
    rank = 1 + (scores > of_pairs[:, None]).sum(1)
    worst = [index for index in np.argsort(-rank, kind="stable") if rank[index] > 1][:_MISTAKES]
    mistakes = [
        Mistake(
            data.examples[i].first,
            data.examples[i].second,
            data.examples[int(scores[i].argmax())].second,
            float(rank[i]),
        )
        for i in worst
    ]
    values = {
        "mrr": metrics.mean(1 / rank),
        "accuracy_at_1": metrics.mean(rank == 1),
        "accuracy_at_10": metrics.mean(rank <= 10),
    }
    return Judgement("mrr", values, len(rank), mistakes, worst_by="rank of the true one")


def _judge_choices(task: ChoiceClassifier, data: Data[Choices]) -> Judgement:
    best = [found[0] for found in task.stream((example.prompt, example.choices) for example in data.examples)]
    right = np.array(
        [found.label == example.choices[example.right] for found, example in zip(best, data.examples, strict=True)]
    )
    confidence = np.array([found.score for found in best])
    wrong = [index for index in np.argsort(-confidence, kind="stable") if not right[index]][:_MISTAKES]
    mistakes = [
        Mistake(
            data.examples[i].prompt,
            data.examples[i].choices[data.examples[i].right],
            best[i].label,
            float(confidence[i]),
        )
        for i in wrong
    ]
    values = {"accuracy": metrics.mean(right), "calibration_error": metrics.calibration_error(confidence, right)}
    return Judgement("accuracy", values, len(right), mistakes, confidence=confidence, right=right)


def _shown(text: str | tuple[str, str]) -> str:
    return text if isinstance(text, str) else " | ".join(text)
