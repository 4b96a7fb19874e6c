"""`calibrate`: a model and held-out examples -> scores that are how often it is right, written into its folder."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import calibration
from ..arguments import Quote, ReadOptions
from ..calibration import Calibration
from ..data.examples import Data
from ..data.splitting import text_key
from ..errors import CheckpointError, InputError, counted, translated
from ..fetching import fetch
from ..files import is_file, is_folder, read_json, write_json, written_whole
from ..folder.layout import CONFIG
from ..folder.opened import open_folder
from ..folder.starters import PREFIX
from ..loading import DEFAULT_BATCH_TOKENS, load
from ..tasks.numbers import logistic, softmax
from ..tasks.task import Task
from ..tasks.text_classification import TextClassifier
from ..tasks.token_classification import TokenClassifier
from . import metrics
from .evaluations import check_finished, opened_task, read_for
from .fitting import cross_entropy, fit
from .label_scores import each_label
from .scores import Breakdown, reliability_table

_FOLDS = 5
_FEWEST = 50  # examples
_FEWEST_OF_A_LABEL = 10  # for biases
_CARD = "README.md"
_CARD_SECTION = re.compile(r"\n## Calibration\n.*?(?=\n## |\Z)", re.DOTALL)


@dataclasses.dataclass(frozen=True, eq=False)
class CalibrationReport:
    """What `calibrate` found.

    Attributes:
        model, data, task: what it was fitted to.
        examples: how many there are.
        calibration: what the folder has now; the identity where none helped, and the folder has none.
        before, after: figures with raw logits, and with calibrations that were fitted without the examples which they
            are measured on, in five folds. Those of the calibration itself on its own examples would flatter it.
        reliability: how sure the model was, and how often it was right, before and after.
        guessed: what the reader of the data took for what.
    """

    model: str
    data: str
    task: str
    examples: int
    calibration: Calibration
    before: Mapping[str, float]
    after: Mapping[str, float]
    reliability: Breakdown
    guessed: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, ready for `json.dumps`."""
        values = dataclasses.asdict(self)
        del values["guessed"]
        return values | {"calibration": self.calibration.to_dict(), "reliability": self.reliability.to_dict()}


def calibrate(
    model: str | Path,
    data: Any,
    *,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | Sequence[str] | None = None,
    separator: str | None = None,
    quote: Quote | None = None,
    encoding: str | None = None,
    skip_bad: bool = False,
    threads: int | None = None,
    max_batch_tokens: int = DEFAULT_BATCH_TOKENS,
    seed: int = 0,
) -> CalibrationReport:
    """Fit a temperature, and where it helps a bias for each label, and write them into the model's config.json.

    Each is taken only where it lowers the cross-entropy of examples that it was not fitted to, by more than its
    standard error. Scores follow it from then on, whatever runs the model here; logits stay as they are. A model card
    in the folder gets a section on it.

    Args:
        model: a folder of a text or token classifier, in float32 or int8; a calibration that it has is replaced.
        data: examples that the model was not trained on, 50 at least.
        columns, labels, separator, quote, encoding, skip_bad, threads, max_batch_tokens: as for `evaluate`.
        seed: of the folds.

    Raises:
        InputError: for what is no folder, a task without such scores, and what is wrong in the data.
        CheckpointError: where the folder cannot be written.
        and what `load` raises.
    """
    folder = Path(model)
    if not is_folder(folder):
        is_starter = str(model).startswith(PREFIX)
        way = (
            f"copy {fetch(model)}" if is_starter else f"`distilbert convert {model} OUT` makes one of a name of the hub"
        )
        raise InputError(f"{model}: no such folder here; calibrate writes into a folder: {way}")
    check_finished(folder)
    task = load(folder, threads=threads, max_batch_tokens=max_batch_tokens, calibrated=False)
    if not isinstance(task, TextClassifier | TokenClassifier) or task.config.num_labels == 1:
        kind = "one output" if isinstance(task, TextClassifier | TokenClassifier) else task.task
        raise InputError(f"{model}: {kind} has no scores to calibrate; text and token classification have")
    reading = ReadOptions(columns or {}, labels or {}, separator, quote, encoding, skip_bad)
    examples = read_for(task, data, reading, open_ended=False)
    if len(examples.examples) < _FEWEST:
        raise InputError(
            f"{examples.source}: has {counted(len(examples.examples), 'example')}; give {_FEWEST} at least"
        )
    logits, true, counts = _raw(task, examples)
    several = isinstance(task, TextClassifier) and examples.problem == "multi_label_classification"
    folds = np.repeat(_folds(examples, seed), counts)
    chosen, logits_after = _chosen(logits, true, folds, several)
    before, after = (_figures(each, true, several) for each in (logits, logits_after))
    sure, sure_after = (_reliability(each, true, several) for each in (logits, logits_after))
    report = CalibrationReport(
        str(model),
        examples.source,
        opened_task(task),
        len(examples.examples),
        chosen,
        before,
        after,
        reliability_table({"before": sure, "after": sure_after}),
        examples.guessed,
    )
    _write(folder, report)
    return report


def _raw(task: Task, data: Data[Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits float64 [n, C] and what is true, bool [n, C], of all texts or words, and how many of them [B] each example
    has.
    """
    labels = data.labels
    index = {label: place for place, label in enumerate(labels)}
    if isinstance(task, TextClassifier):
        logits = task.logits([example.text for example in data.examples])
        sets = [[example.label] if isinstance(example.label, str) else example.label for example in data.examples]
        counts = np.ones(len(sets), np.int64)
    else:
        assert isinstance(task, TokenClassifier)
        read = list(task.word_logits([example.words for example in data.examples]))
        logits = np.concatenate([rows for _, rows in read])
        sets = [
            [example.labels[word]] for (words, _), example in zip(read, data.examples, strict=True) for word in words
        ]
        counts = np.array([len(words) for words, _ in read])
    true = np.zeros((len(sets), len(labels)), bool)
    for row, names in enumerate(sets):
        true[row, [index[name] for name in names]] = True
    return logits.astype(np.float64), true, counts


def _folds(data: Data[Any], seed: int) -> np.ndarray:
    """int [n] the fold of each example; those of one text are in the same."""
    keys: dict[Any, int] = {}
    groups = np.array([keys.setdefault(text_key(example), len(keys)) for example in data.examples])
    of_group = np.random.default_rng(seed).permutation(len(keys)) % _FOLDS
    return of_group[groups]


def _chosen(logits: np.ndarray, true: np.ndarray, folds: np.ndarray, several: bool) -> tuple[Calibration, np.ndarray]:
    """The calibration that helps where it was not fitted, and the logits as its like makes them there."""
    chosen, held_out = Calibration(), logits
    enough = bool((true.sum(0) >= _FEWEST_OF_A_LABEL).all()) and true.shape[1] > 1
    for biases in (False, True) if enough else (False,):
        made = np.empty_like(logits)
        for fold in range(_FOLDS):
            inside = folds == fold
            made[inside] = fit(logits[~inside], true[~inside], biases=biases, several=several)(logits[inside])
        gains = cross_entropy(held_out, true, several=several) - cross_entropy(made, true, several=several)
        if gains.mean() > gains.std() / np.sqrt(len(gains)):
            chosen, held_out = fit(logits, true, biases=biases, several=several), made
    return chosen, held_out


def _reliability(logits: np.ndarray, true: np.ndarray, several: bool) -> tuple[np.ndarray, np.ndarray]:
    """How sure the model is of what it says, and whether it is right."""
    if several:
        return each_label(true, logistic(logits))
    scores = softmax(logits)
    return scores.max(1), true[np.arange(len(true)), scores.argmax(1)]


def _figures(logits: np.ndarray, true: np.ndarray, several: bool) -> dict[str, float]:
    confidence, right = _reliability(logits, true, several)
    return {
        "accuracy": float(right.mean()),
        "cross_entropy": float(cross_entropy(logits, true, several=several).mean()),
        "calibration_error": metrics.value_of(metrics.calibration_error(confidence, right), len(right)),
    }


def _write(folder: Path, report: CalibrationReport) -> None:
    """Into config.json, and the model card if there is one."""
    path = open_folder(folder).checkpoint.folder / CONFIG
    config = read_json(path)
    config.pop(calibration.KEY, None)
    found = report.calibration != Calibration()
    if found:
        config[calibration.KEY] = report.calibration.to_dict()
    with translated(OSError, CheckpointError, f"{folder}: cannot be written"):
        write_json(path, config)
        card = folder / _CARD
        if is_file(card):
            text = _CARD_SECTION.sub("", card.read_text(encoding="utf-8", errors="replace")).rstrip("\n") + "\n"
            with written_whole(card) as temporary:
                temporary.write_text(text + (_section(report) if found else ""), encoding="utf-8")


def _section(report: CalibrationReport) -> str:
    examples = f"{report.examples:,} examples"
    lines = [
        "",
        "## Calibration",
        "",
        f"Scores are those of logits / temperature + bias ({report.calibration}), fitted to {examples} of",
        f"`{report.data}`; other programs ignore it. In five folds, each measured without being fitted to:",
        "",
        "| | before | after |",
        "|---|---|---|",
        *(f"| {name} | {value:.4f} | {report.after[name]:.4f} |" for name, value in report.before.items()),
    ]
    return "\n".join([*lines, ""])
