"""`quantize_within`: int8 as far as a task's metric on the user's own examples stays within a bound, at 95 %."""

import dataclasses
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..arguments import Quote, ReadOptions
from ..convert.folder import written_whole_folder
from ..convert.layer_errors import LayerError, layer_errors
from ..convert.quantization import open_float
from ..convert.quantizer import Quantizer
from ..data.examples import Data
from ..engine.input_ranges import input_ranges
from ..errors import InputError, counted
from ..evaluation.evaluations import opened_task, read_for
from ..evaluation.scores import Scores
from ..evaluation.scoring import score_task
from ..folder.opened import ModelFolder, open_folder
from ..loading import load
from ..tasks.task import Task
from .bounds import CONFIDENCE, drop_of_accuracy, drop_of_metric, examples_needed
from .mixtures import Recorder, ladder

_BATCH_TOKENS = 1024


@dataclasses.dataclass(frozen=True, slots=True)
class Rung:
    """One mixture of int8 and float32, on the examples.

    Attributes:
        float32: the matrices that stay in float32.
        score: its metric.
        bound: how much lower than float32's it may be, at 95 %.
        bytes: of its weights.
        examples_per_second: tokenising and scoring included.
    """

    float32: tuple[str, ...]
    score: float
    bound: float
    bytes: int
    examples_per_second: float

    @property
    def mixture(self) -> str:
        """In words."""
        return f"{counted(len(self.float32), 'matrix', 'matrices')} in float32" if self.float32 else "all in int8"


@dataclasses.dataclass(frozen=True, slots=True)
class Guarantee:
    """What was found out, and whether a folder was written.

    Attributes:
        metric, score: the task's metric, and float32's value of it on `examples` examples.
        max_drop: the most that it may fall by; of 1, not of 100.
        rungs: those that were tried, the most precise first; of a guarantee the last within the bound is `chosen`.
        chosen: None where no mixture is within the bound; then nothing is written.
        needed: about how many examples would show that the last mixture tried is within the bound, if they were as
            these are; None where it is not, or where it was shown.
        layers: each layer's error alone.
        bytes, examples_per_second: of float32.
    """

    source: str
    out: str
    data: str
    task: str
    metric: str
    examples: int
    score: float
    max_drop: float
    rungs: tuple[Rung, ...]
    chosen: Rung | None
    needed: int | None
    layers: tuple[LayerError, ...]
    bytes: int
    examples_per_second: float

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, ready for `json.dumps`."""
        return {**dataclasses.asdict(self), "guaranteed": self.chosen is not None, "confidence": CONFIDENCE}

    def __str__(self) -> str:
        lines = [
            f"{self.source}, {self.task}, {counted(self.examples, 'example')} of {self.data}",
            f"float32: {self.metric} {100 * self.score:.2f}, {self.bytes / 1e6:.1f} MB",
        ]
        lines += [self._line(rung) for rung in self.rungs]
        lines.append(f"{self.out}: {self.verdict}" if self.chosen else self.verdict)
        if self.needed:
            lines.append(
                f"about {counted(self.needed, 'example')} like these would show it for {self.rungs[-1].mixture}"
            )
        return "\n".join(lines)

    @property
    def verdict(self) -> str:
        """Whether there is a guarantee, in words."""
        points = f"{100 * self.max_drop:g} {'point' if 100 * self.max_drop == 1 else 'points'}"
        if self.chosen:
            little = f" of {100 * self.score:.2f}, which says little" if self.max_drop >= self.score / 2 else ""
            return f"{self.chosen.mixture}, guaranteed within {points}{little}"
        return f"no guarantee: a drop of at most {points} cannot be shown; nothing written"

    def _line(self, rung: Rung) -> str:
        speed = rung.examples_per_second / self.examples_per_second
        return (
            f"{rung.mixture}: {100 * rung.score:.2f}, lower by {100 * rung.bound:.2f} points at most "
            f"(at {CONFIDENCE:.0%}); {rung.bytes / 1e6:.1f} MB, {speed:.1f} times the speed"
        )


def quantize_within(
    model: str | Path,
    out: str | Path,
    data: Any,
    *,
    max_drop: float,
    task: str | None = None,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | Sequence[str] | None = None,
    separator: str | None = None,
    quote: Quote | None = None,
    encoding: str | None = None,
    skip_bad: bool = False,
    bits: int = 8,
    word_bits: int = 8,
    revision: str | None = None,
) -> Guarantee:
    """Write `model` in int8 into the folder `out`, with as few matrices in float32 as keep its metric.

    Both models run the same examples. Mixtures are tried from the most precise to all of int8, each at 95 %, and the
    first that may fall by more than `max_drop` ends it. So a false guarantee is given one time in twenty at most,
    however many are tried: their order follows from the texts alone, before a label is looked at (a fixed sequence of
    tests; Maurer, Hothorn and Lehmacher 1995). What is shown holds for data like these, and for the engine and the
    processor that ran them.

    Args:
        data, columns, labels, separator, quote, encoding, skip_bad, task: as for `evaluate`; examples that the model
            was not trained on.
        max_drop: in points of 100: 0.5 lets an accuracy of 83.4 % become 82.9 %.
        model, out, bits, word_bits, revision: as for `quantize`. `out` is written only with a guarantee.

    Raises:
        InputError: for an option, an `out` or data that cannot be, and where float32's metric is not above max_drop.
        HubError, ConfigError, CheckpointError: naming the file; nothing is written.
    """
    if not 0 < max_drop < 100:
        raise InputError(f"max_drop must be between 0 and 100 points, not {max_drop!r}")
    source, out = open_float(model, out, bits, word_bits, revision)
    exact = load(source.root, task, precision="float32")
    reading = ReadOptions(columns or {}, labels or {}, separator, quote, encoding, skip_bad)
    examples = read_for(exact, data, reading)
    recorder = Recorder(exact.model.engine)
    recorded = type(exact)(dataclasses.replace(exact.model, engine=recorder))
    _warm_up(exact, examples)
    first, rate = _scored(recorded, examples)
    score, most = first.values()[first.main], max_drop / 100
    if not score > most:
        within = f" within {max_drop:g} points" if score > 0 else ""
        raise InputError(
            f"{examples.source}: float32's {first.main} is {score:.4f} there: there is nothing to keep{within}"
        )
    ranges = input_ranges(source.checkpoint, recorder.ids, _BATCH_TOKENS)
    quantizer = Quantizer(source.checkpoint, bits=bits, word_bits=word_bits, ranges=ranges)
    layers = layer_errors(quantizer, recorder.ids)
    rungs: list[Rung] = []
    chosen, needed = None, None
    for float32 in reversed(ladder(layers)):
        rung, bound_of = _try(quantizer, source, float32, exact.task, examples, first)
        rungs.append(rung)
        if rung.bound > most:
            needed = None if score - rung.score >= most else examples_needed(bound_of, most, first.examples)
            break
        chosen = rung
    if chosen:
        with written_whole_folder(out, source.root) as temporary:
            source.copy_companions(temporary)
            quantizer.write(temporary, chosen.float32)
    return Guarantee(
        str(model),
        str(out),
        examples.source,
        opened_task(exact),
        first.main,
        first.examples,
        score,
        most,
        tuple(rungs),
        chosen,
        needed,
        tuple(layers),
        source.bytes,
        rate,
    )


def _try(
    quantizer: Quantizer, source: ModelFolder, float32: tuple[str, ...], task: str, examples: Data[Any], first: Scores
) -> tuple[Rung, Callable[[int], float]]:
    """What a mixture comes to, and what its bound would be on so many examples like these."""
    with tempfile.TemporaryDirectory(prefix="distilbert-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        source.copy_companions(folder)
        quantizer.write(folder, float32)
        quantized = load(folder, task)
        _warm_up(quantized, examples)
        second, rate = _scored(quantized, examples)
        size = open_folder(folder).bytes
    bound, bound_of = _bounds(first, second)
    return Rung(float32, second.values()[second.main], bound, size, rate), bound_of


def _warm_up(task: Task, examples: Data[Any]) -> None:
    """Run a few examples, that no speed counts what an engine does but once."""
    score_task(task, dataclasses.replace(examples, examples=examples.examples[:8]))


def _scored(task: Task, examples: Data[Any]) -> tuple[Scores, float]:
    """The scores, and examples a second."""
    started = time.perf_counter()
    scores = score_task(task, examples)
    return scores, scores.examples / (time.perf_counter() - started)


def _bounds(first: Scores, second: Scores) -> tuple[float, Callable[[int], float]]:
    """How much lower the second's metric may be, at 95 %; and the same of so many examples like these."""
    count = first.examples
    if first.main == "accuracy" and first.sure and second.sure:
        (_, one), (_, two) = first.sure, second.sure
        lost, won = int((one & ~two).sum()), int((~one & two).sum())

        def of_accuracy(examples: int) -> float:
            return drop_of_accuracy(round(lost * examples / count), round(won * examples / count), examples)

        return of_accuracy(count), of_accuracy
    bound = drop_of_metric(first.metrics[first.main], second.metrics[second.main], count, first.counted)
    drop = first.values()[first.main] - second.values()[second.main]
    return bound, lambda examples: drop + (bound - drop) * (count / examples) ** 0.5
