"""`distilbert quantize`: a float folder -> a folder with int8 weights, and an account of how faithful it is."""

import dataclasses
import statistics
import time
import warnings
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from .. import int8
from ..batch import run_batched
from ..calibration import Calibration
from ..engine.choice import open_on_cpu
from ..engine.input_ranges import input_ranges
from ..engine.seam import Engine
from ..errors import CheckpointError, InputError, check_whole, counted
from ..fetching import fetch
from ..files import path_given
from ..folder.checkpoint import Checkpoint, Head
from ..folder.opened import ModelFolder, open_folder
from .folder import check_place, written_whole_folder
from .layer_errors import costliest, first_texts, layer_errors
from .quantizer import Quantizer, check_finite

_SENTENCES = Path(__file__).parents[1] / "demo" / "sentences.txt"
_MOST_TEXTS = 1000
_FEW_TEXTS = 100
_BATCH_TOKENS = 1024


@dataclasses.dataclass(frozen=True, slots=True)
class ComparedText:
    """A text that both models read.

    Attributes:
        cosine: between their mean-pooled last hidden states.
        same: the share of the head's decisions that are the same; None without a head, and where it was not run.
    """

    text: str
    cosine: float
    same: float | None


@dataclasses.dataclass(frozen=True, slots=True)
class QuantizationReport:
    """How the int8 model compares with the float32 one, on `texts` texts.

    Attributes:
        bits, word_bits: of the matrices and of the word embeddings.
        float32: the matrices that stayed in float32.
        bytes_before, bytes_after: sizes of the weights' files.
        speedup: float32 seconds / int8 seconds, by the median of three runs each.
        decisions: the share of the head's decisions (labels, tokens' labels, starts and ends, masks) that
            are the same; None for a model without a head.
        cosine, worst_cosine: between the mean-pooled last hidden states, on average and at worst.
        worst_text: where it is worst.
        calibrated: whether the folder has the calibration of the float32 model, which was not fitted to int8.
        compared: each of the texts; `to_dict` leaves them out.
    """

    source: str
    out: str
    bits: int
    word_bits: int
    float32: tuple[str, ...]
    bytes_before: int
    bytes_after: int
    texts: int
    speedup: float
    decisions: float | None
    cosine: float
    worst_cosine: float
    worst_text: str
    calibrated: bool
    compared: tuple[ComparedText, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, ready for `json.dumps`."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name != "compared"}

    def __str__(self) -> str:
        agreement = "" if self.decisions is None else f"same decisions  {self.decisions:.1%}\n"
        calibration = "calibration     float32's; `distilbert calibrate` fits it to int8\n" if self.calibrated else ""
        words = ", 4-bit word embeddings" if self.word_bits == 4 else ""
        count = len(self.float32)
        exact = f", {counted(count, 'matrix', 'matrices')} in float32" if count else ""
        text = " ".join(self.worst_text.split())
        excerpt = text if len(text) <= 100 else f"{text[:99]}…"
        return (
            f"{self.source} -> {self.out} (int8, {self.bits}-bit weights{words}{exact})\n\n"
            f"size            {self.bytes_before / 1e6:.1f} MB -> {self.bytes_after / 1e6:.1f} MB\n"
            f"speed           {self.speedup:.1f} times float32's\n"
            f"{agreement}{calibration}"
            f"cosine          {self.cosine:.4f} on average over {counted(self.texts, 'text')}, "
            f"{self.worst_cosine:.4f} at worst:\n"
            f"                {excerpt}"
        )


def quantize(
    model: str | Path,
    out: str | Path,
    *,
    bits: int = 8,
    word_bits: int = 8,
    smooth: bool = True,
    float32: int = 0,
    data: Sequence[str] | None = None,
    revision: str | None = None,
) -> QuantizationReport:
    """Write `model` with int8 weights into the folder `out`, whole or not at all, and compare the two.

    Args:
        model: a float folder, or a name on the hub; it is only read.
        out: a folder that does not exist or is empty. `distilbert.load` opens it.
        bits: 8, or 7 for weights that an x86 CPU without VNNI can multiply without saturating. Such a
            CPU opens 8-bit folders too, and shortens them as it does.
        word_bits: of the word embeddings, 8, or 4 for a folder that is smaller and a little less faithful.
        smooth: whether the columns that matrices read are brought to like sizes, as measured on `data`, before they are
            quantised: nearer to float32, at next to no cost in speed.
        float32: how many matrices of the encoder, at least, stay in float32: those whose int8 moves the states most for
            their size, as measured on `data`; Q, K and V of a layer together.
        data: the texts to calibrate and to compare on; the 200 film-review sentences of the demo by default.

    Raises:
        InputError: for an option, or an `out`, that cannot be.
        HubError, ConfigError, CheckpointError: naming the file; nothing is written.
    """
    texts = list(demo_sentences() if data is None else data)[:_MOST_TEXTS]
    if not texts:
        raise InputError("there is no text to compare on; leave data out, or give some")
    check_whole("float32", float32, least=0)
    source, out = open_float(model, out, bits, word_bits, revision)
    calibrated = source.config.calibration != Calibration()
    with written_whole_folder(out, source.root) as temporary:
        source.copy_companions(temporary)
        ranges = measured_ranges(source, texts) if smooth else None
        quantizer = Quantizer(source.checkpoint, bits=bits, word_bits=word_bits, ranges=ranges)
        exact = _costliest(quantizer, _ids(source, texts), float32) if float32 else ()
        quantizer.write(temporary, exact)
        with warnings.catch_warnings(action="ignore"):  # what is odd was said of `source`
            quantized = open_folder(temporary)
        speedup, decisions, compared = _compare(source, quantized, texts)
        before, after = source.bytes, quantized.bytes
    worst = min(compared, key=lambda each: each.cosine)
    return QuantizationReport(
        str(model),
        str(out),
        bits,
        word_bits,
        exact,
        before,
        after,
        len(texts),
        speedup,
        decisions,
        statistics.fmean(each.cosine for each in compared),
        worst.cosine,
        worst.text,
        calibrated,
        compared,
    )


def open_float(
    model: str | Path, out: str | Path, bits: int, word_bits: int, revision: str | None
) -> tuple[ModelFolder, Path]:
    """A folder that can be quantised so, and the place for what it becomes. Raises what `quantize` raises."""
    for name, value, choices in (("bits", bits, (7, 8)), ("word_bits", word_bits, (4, 8))):
        if value not in choices:
            raise InputError(f"{name} must be {choices[0]} or {choices[1]}, not {value!r}")
    source, place = open_folder(fetch(model, revision)), path_given(out, "out must be a path")
    check_place(source.root, place)
    if source.checkpoint.bits:
        raise CheckpointError(f"{source.root}: its weights are int8 already; {int8.FLOAT_MODEL}")
    check_finite(source.checkpoint)
    return source, place


def measured_ranges(folder: ModelFolder, texts: Sequence[str]) -> dict[str, np.ndarray]:
    """`input_ranges` of texts, and of the demo's sentences beside them where they are few."""
    if len(texts) < _FEW_TEXTS:
        texts = [*texts, *demo_sentences()]
    return input_ranges(folder.checkpoint, _ids(folder, texts), _BATCH_TOKENS)


def _ids(folder: ModelFolder, texts: Sequence[str]) -> list[np.ndarray]:
    return [encoding.ids for encoding in folder.tokenizer.encode_batch(texts, max_length=folder.longest)]


def _costliest(quantizer: Quantizer, ids: Sequence[np.ndarray], count: int) -> tuple[str, ...]:
    """The names of so many matrices at least, by their errors on the first of the texts."""
    names: tuple[str, ...] = ()
    for group in costliest(layer_errors(quantizer, first_texts(ids))):
        if len(names) < count:
            names += group.matrices
    return names


def demo_sentences() -> list[str]:
    """200 sentences of film reviews."""
    return _SENTENCES.read_text(encoding="utf-8").splitlines()


def _compare(
    folder: ModelFolder, other: ModelFolder, texts: Sequence[str]
) -> tuple[float, float | None, tuple[ComparedText, ...]]:
    """(speedup, share of the same decisions, each text) of int8 against float32."""
    source, quantized = folder.checkpoint, other.checkpoint
    ids = _ids(folder, texts)
    encoders = [_engine(checkpoint, Head.NONE) for checkpoint in (source, quantized)]
    states = [run_batched(encoder.run, ids, None, _BATCH_TOKENS) for encoder in encoders]
    vectors = [np.stack([rows.mean(0) for rows in of_model]) for of_model in states]
    seconds = [[_seconds(encoder, ids) for encoder in encoders] for _ in range(3)]  # in turns: one machine for both
    before, after = (statistics.median(column) for column in zip(*seconds))
    norms = np.linalg.norm(vectors[0], axis=1) * np.linalg.norm(vectors[1], axis=1)
    cosines = (vectors[0] * vectors[1]).sum(1) / np.maximum(norms, 1e-12)
    decisions, same = None, []
    if source.head is not Head.NONE:
        kept = ids[:100] if source.head is Head.MASKED_LM else ids  # a vocabulary wide
        heads = [_engine(checkpoint, source.head) for checkpoint in (source, quantized)]
        made = [_decisions(source.head, run_batched(head.run, kept, None, _BATCH_TOKENS // 4)) for head in heads]
        same = [one == two for one, two in zip(*made, strict=True)]
        decisions = float(np.concatenate(same).mean())
    shares = [float(each.mean()) for each in same]
    each_text = zip_longest(texts, cosines.tolist(), shares)
    return before / after, decisions, tuple(ComparedText(*values) for values in each_text)


def _engine(checkpoint: Checkpoint, head: Head) -> Engine:
    precision = "int8" if checkpoint.bits else "float32"
    return open_on_cpu(checkpoint, head, all_rows=True, precision=precision)


def _seconds(engine: Engine, ids: list[np.ndarray]) -> float:
    started = time.perf_counter()
    run_batched(engine.run, ids, None, _BATCH_TOKENS)
    return time.perf_counter() - started


def _decisions(head: Head, outputs: list[np.ndarray]) -> list[np.ndarray]:
    """What the head decides of each text: a label, one a token, a token a place, a start and an end, or a rank."""
    if head is Head.SEQUENCE_CLASSIFICATION:
        return [rows[:1].argmax(1) if rows.shape[1] > 1 else rows[:1, 0] > 0 for rows in outputs]
    if head is Head.MULTIPLE_CHOICE:
        return [*np.array([rows[0, 0] for rows in outputs]).argsort()[:, None]]
    if head is Head.QUESTION_ANSWERING:
        return [rows.argmax(0) for rows in outputs]
    return [rows.argmax(1) for rows in outputs]
